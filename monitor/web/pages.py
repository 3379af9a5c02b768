"""What people ask: the board, the incidents, the assets, and signing in."""

import asyncio
import secrets
import time
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from incidents import lifecycle
from incidents.lifecycle import Change, Incident
from monitor.store import incidents, outbox, spans
from monitor.web import auth, views, words
from monitor.web.auth import Gate, Throttled
from monitor.web.files import Files
from monitor.web.guard import APP, NO_SESSION, SECRET, SESSIONS, form_of, host_name, is_signed_in, who
from monitor.web.live import stamp
from monitor.web.service import App
from probes import REASONS, UNKNOWN_REASONS, load

GATE = web.AppKey("gate", Gate)
FILES = web.AppKey("files", Files)
LONGEST_TEXT = 4000
"""Characters of a note, a resolution or a root cause."""

PAGE = 50
MESSAGES = 8
FRESH = 10.0
"""Seconds that a board is shown again while nothing has changed; "for 12 min" needs no more."""


class SharedBoard:
    """The board's HTML, made once for all who look at the same version."""

    def __init__(self) -> None:
        self._mark = secrets.token_hex(32)
        self._lock = asyncio.Lock()
        self._made: tuple[str, float, str] = ("", 0.0, "")

    async def html(self, app: App, form_key: str) -> str:
        """The changing part of the first page, with the form key of the session that asks."""
        async with self._lock:
            of, at, html = self._made
            if of != stamp(app) or time.monotonic() - at > FRESH:
                of, at = stamp(app), time.monotonic()
                html = await asyncio.to_thread(self._render, app, await world(app), of)
                self._made = (of, at, html)
        return html.replace(self._mark, form_key)

    def _render(self, app: App, seen: views.World, of: str) -> str:
        """In a thread: a thousand assets take longer than the probes' timing can bear. Only reads."""
        return render("board_live.html", app, board=views.board(seen), form_key=self._mark, stamp=of)


SHARED = web.AppKey("shared", SharedBoard)


async def board(request: web.Request) -> web.Response:
    """GET /: is everything working, and if not, what needs whom."""
    shown = await _own_board(request)
    return page(request, "board.html", shown=Markup(shown))  # noqa: S704 - rendered by the template, escaped there


async def board_fragment(request: web.Request) -> web.Response:
    """GET /fragment/board: the part of it that changes."""
    return _html(await _own_board(request))


async def incident_list(request: web.Request) -> web.Response:
    """GET /incidents: newest first; `before` is the id of the last one on the page before."""
    app = request.app[APP]
    before = _incident_id(request.query["before"]) if "before" in request.query else None
    async with app.store.connect() as conn:
        found = await incidents.page(conn, PAGE + 1, before)
    rows = [(one, views.lost_minutes(one, app.config, auth.utc_now())) for one in found[:PAGE]]
    return page(request, "incidents.html", rows=rows, older=found[PAGE - 1].id if len(found) > PAGE else None)


async def incident(request: web.Request) -> web.Response:
    """GET /incidents/ID: what happened, who has it, and the forms to say so."""
    return page(request, "incident.html", **await _incident(request))


async def incident_fragment(request: web.Request) -> web.Response:
    """GET /fragment/incidents/ID: the part without the forms that people type in."""
    return fragment(request, "incident_live.html", **await _incident(request))


async def asset(request: web.Request) -> web.Response:
    """GET /assets/ID: its checks, its day and its incidents."""
    return page(request, "asset.html", **await _asset(request))


async def asset_fragment(request: web.Request) -> web.Response:
    """GET /fragment/assets/ID: the same without the frame."""
    return fragment(request, "asset_live.html", **await _asset(request))


async def acknowledge(request: web.Request) -> NoReturn:
    """POST /incidents/ID/acknowledge: the person who asks has it."""
    await sent(request)
    lasts = timedelta(seconds=request.app[APP].config.alerting.acknowledged)
    await _decide(request, lambda one, now: lifecycle.acknowledge(one, who(request), now, now + lasts))


async def pass_on(request: web.Request) -> NoReturn:
    """POST /incidents/ID/pass-on: somebody else should take it."""
    await sent(request)
    await _decide(request, lambda one, now: lifecycle.not_me(one, who(request), now))


async def dismiss(request: web.Request) -> NoReturn:
    """POST /incidents/ID/fixed: it is over, as a person says."""
    await sent(request)
    lasts = timedelta(seconds=request.app[APP].config.alerting.dismissed)
    await _decide(request, lambda one, now: lifecycle.dismiss(one, who(request), now, now + lasts))


async def note(request: web.Request) -> NoReturn:
    """POST /incidents/ID/note: a line for the timeline."""
    text = field(await sent(request), "text")
    if not text:
        raise web.HTTPBadRequest(text="The note is empty. Go back and write a line.")
    await _decide(request, lambda one, now: lifecycle.note(one, text, who(request), now))


async def review(request: web.Request) -> NoReturn:
    """POST /incidents/ID/review: what was done and why it happened."""
    form = await sent(request)
    resolution, root_cause = field(form, "resolution"), field(form, "root_cause")
    await _decide(request, lambda one, now: lifecycle.review(one, resolution, root_cause, who(request), now))


async def sign_in_page(request: web.Request) -> web.Response:
    """GET /sign-in: a button that uses the link up, so that a link preview does not."""
    if await is_signed_in(request):
        raise web.HTTPSeeOther("/")
    return page(request, "sign_in.html", token=request.query.get("token", ""), remedy=NO_SESSION)


async def sign_in(request: web.Request) -> NoReturn:
    """POST /sign-in: the token for a session."""
    now = auth.utc_now()
    token = str((await form_of(request)).get("token", ""))
    try:
        valid = request.app[GATE].redeem(token, request.remote or "", now)
    except Throttled:
        raise web.HTTPTooManyRequests(
            text="Too many wrong links from this address. Wait a minute, then try again.", headers={"Retry-After": "60"}
        ) from None
    if not valid:
        raise web.HTTPForbidden(text=f"This sign-in link was used already, or is not complete. {NO_SESSION}")
    answer = web.HTTPSeeOther("/")
    answer.set_cookie(
        auth.COOKIE,
        await request.app[SESSIONS].begin(now),
        max_age=int(auth.ABSOLUTE.total_seconds()),
        httponly=True,
        secure=_is_https(request),
        samesite="Lax",  # Strict would show a stranger's page to whoever follows an incident's link from the chat
    )
    raise answer


async def sign_out(request: web.Request) -> NoReturn:
    """POST /sign-out: end this session."""
    await sent(request)
    await request.app[SESSIONS].end(request[SECRET])
    answer = web.HTTPSeeOther("/sign-in")
    answer.del_cookie(auth.COOKIE)
    raise answer


def page(request: web.Request, template: str, status: int = 200, **values: object) -> web.Response:
    """A whole page; one for a session carries its form key."""
    secret = request.get(SECRET, "")
    files = request.app[FILES]
    html = render(
        template,
        request.app[APP],
        form_key=auth.form_key(secret) if secret else "",
        css=files.address("style.css"),
        js=files.address("live.js"),
        icon=files.address("icon.svg"),
        path=request.path,
        signed_in=bool(secret),
        **values,
    )
    return _html(html, status)


def fragment(request: web.Request, template: str, **values: object) -> web.Response:
    """The changing part of a page, for a session."""
    return _html(render(template, request.app[APP], form_key=auth.form_key(request[SECRET]), **values))


def render(template: str, app: App, **values: object) -> str:
    """Fill a template in; every page knows the site, the time and how to write it."""
    now = auth.utc_now()
    zone = app.config.site.hours.zone
    return (
        _templates()
        .get_template(template)
        .render(
            values,
            site=app.config.site,
            now=now,
            stamp=values.get("stamp", stamp(app)),
            clock=lambda at: words.clock(at, now, zone),
            ago=lambda at: words.length(now - at),
        )
    )


async def world(app: App, checks: Collection[str] | None = None) -> views.World:
    """What the pages are made from, as it is now; the history of all checks unless some are named."""
    now = auth.utc_now()
    async with app.store.connect() as conn:
        live = await incidents.live(conn)
        messages = await outbox.recent(conn, MESSAGES)
        history = await spans.between(conn, now - views.DAY, now, checks)
    return views.World(
        config=app.config,
        latest=app.latest,
        episodes=app.episodes,
        spans=history,
        live=live,
        messages=messages,
        reload_problems=() if app.reloads.ok else app.reloads.problems,
        problems=await app.problems(),
        healths=app.healths,
        now=now,
    )


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        finalize=_finalize,
    )
    environment.filters.update(short=words.short, lasting=words.length, amount=words.amount)
    environment.globals.update(
        Verdict=views.Verdict, STAGES=views.STAGES, SENT=views.SENT, NOTICES=views.NOTICES, count=words.count
    )
    return environment


def _finalize(value: Any) -> Any:
    """The last stop of everything that is put into a page."""
    return words.plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _html(text: str, status: int = 200) -> web.Response:
    response = web.Response(text=text, content_type="text/html", status=status)
    response.enable_compression()
    return response


async def _own_board(request: web.Request) -> str:
    return await request.app[SHARED].html(request.app[APP], auth.form_key(request[SECRET]))


async def _incident(request: web.Request) -> Mapping[str, Any]:
    app, id = request.app[APP], _incident_id(request.match_info["id"])
    async with app.store.connect() as conn:
        found = await incidents.get(conn, id)
        messages = await outbox.of_incident(conn, id)
    if found is None:
        raise _no_incident(id)
    return {
        "incident": found,
        "asset": app.config.asset(found.asset),
        "messages": messages,
        "lost": views.lost_minutes(found, app.config, auth.utc_now()),
        "longest": LONGEST_TEXT,
    }


async def _asset(request: web.Request) -> Mapping[str, Any]:
    app, id = request.app[APP], request.match_info["id"]
    found = app.config.asset(id)
    if found is None:
        raise web.HTTPNotFound(
            text=f"Nothing of the name {words.short(id, 60)!r} is watched. The board shows all that is."
        )
    async with app.store.connect() as conn:
        recent = [one for one in await incidents.page(conn, 100) if one.asset == id]
    everything = await world(app, [check.id for check in found.checks])
    return {
        "view": views.asset_view(found, everything),
        "depends_on": [
            [one for name in group if (one := app.config.asset(name)) is not None] for group in found.depends_on
        ],
        "values": {
            check.id: views.values(app.latest.get(check.id), load(check.kind).metrics) for check in found.checks
        },
        "reasons": {check.id: _reasons(check.kind) for check in found.checks},
        "recent": recent[:10],
    }


def _reasons(kind: str) -> Mapping[str, str]:
    return {**REASONS, **UNKNOWN_REASONS, **load(kind).reasons}


async def sent(request: web.Request) -> Mapping[str, Any]:
    """The form that was sent, if one of our pages made it for this session."""
    form = await form_of(request)
    if not auth.is_form_key(request[SECRET], str(form.get("form_key", ""))):
        raise web.HTTPForbidden(text="This form is from before you signed in. Go back, reload the page and try again.")
    return form


def field(form: Mapping[str, Any], name: str) -> str:
    """A field as people typed it, one kind of line end, nothing that cannot be shown or stored."""
    text = words.plain(str(form.get(name, "")).replace("\r\n", "\n")).strip()
    if len(text) > LONGEST_TEXT:
        raise web.HTTPBadRequest(text=f"The text has {len(text):,} characters; at most {LONGEST_TEXT:,} are kept.")
    return text


async def _decide(request: web.Request, change: Callable[[Incident, datetime], Change]) -> NoReturn:
    """Change the incident and show it: after a redirect, so that a reload repeats nothing."""
    id, now = _incident_id(request.match_info["id"]), auth.utc_now()
    if await request.app[APP].decide(id, lambda one: change(one, now)) is None:
        raise _no_incident(id)
    raise web.HTTPSeeOther(f"/incidents/{id}")


def _incident_id(given: str) -> str:
    """The id, if it can be one at all: PostgreSQL takes no NUL, not even to look for it."""
    if not (given.isascii() and given.isalnum()):
        raise _no_incident(given)
    return given


def _no_incident(id: str) -> web.HTTPNotFound:
    return web.HTTPNotFound(text=f"There is no incident {words.short(id, 60)!r}. It may be too old to be kept.")


def _is_https(request: web.Request) -> bool:
    """Whether the person's browser speaks HTTPS, to us or to a proxy before us."""
    url = urlsplit(request.app[APP].config.server.url)
    return request.secure or (url.scheme == "https" and host_name(request.host) == url.hostname)
