"""The board, and what all pages are drawn with."""

import asyncio
import secrets
import time
from collections.abc import Callable, Collection, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from language import LANGUAGES, N_, current, figures, gettext, translated
from monitor import texts
from monitor.people.roles import Role
from monitor.store import incidents, outbox, spans
from monitor.web import auth, boards, views, words
from monitor.web.files import Files
from monitor.web.guard import APP, IDENTITY, SECRET, form_of, who
from monitor.web.live import stamp
from monitor.web.service import App

FILES = web.AppKey("files", Files)
LONGEST_TEXT = 4000
"""Characters of a note, a resolution or a root cause."""

MESSAGES = 8
FRESH = 10.0
"""Seconds that a board is shown again while nothing has changed; "for 12 min" needs no more."""
ROLES = {Role.VIEWER: N_("look"), Role.OPERATOR: N_("look and act"), Role.ADMIN: N_("administer")}
"""What somebody with a role may do."""


class SharedBoard:
    """The board's HTML, made once for all who look at the same version in the same language."""

    def __init__(self) -> None:
        self._mark = secrets.token_hex(32)
        self._lock = asyncio.Lock()
        self._made: dict[tuple[Role, str], tuple[str, float, str]] = {}
        self._rows: dict[str, Rows] = {}

    async def html(self, app: App, form_key: str, role: Role) -> str:
        """The changing part of the first page for a role, with the form key of the session that asks."""
        async with self._lock:
            of, at, html = self._made.get((role, current()), ("", 0.0, ""))
            if of != stamp(app) or time.monotonic() - at > FRESH:
                of, at = stamp(app), time.monotonic()
                html = await asyncio.to_thread(self._render, app, await world(app), of, role)
                self._made[role, current()] = (of, at, html)
        return html.replace(self._mark, form_key)

    def _render(self, app: App, seen: views.World, of: str, role: Role) -> str:
        """In a thread: a thousand assets take longer than the probes' timing can bear. Only reads."""
        board = boards.board(seen)
        rows = self._rows[current()] = Rows(seen, self._rows.get(current()))
        return render("board_live.html", app, board=board, row=rows.row, form_key=self._mark, stamp=of, can=can(role))


class Rows:
    """The rows of a board in one language, drawn anew only where they say something else than on the board before."""

    def __init__(self, seen: views.World, before: "Rows | None" = None) -> None:
        self._day = seen.now.astimezone(seen.config.site.hours.zone).date()  # times of other days are written otherwise
        self._before = before._drawn if before is not None and before._day == self._day else {}
        self._drawn: dict[tuple[object, ...], Markup] = {}

    def row(self, view: views.AssetView, draw: Callable[[views.AssetView], Markup]) -> Markup:
        """The row of an asset, by the template's macro unless it is known."""
        of = (view.asset.id, view.asset.name, view.verdict, view.since, view.says, view.finding, view.strip)
        found = self._drawn[of] = self._before.get(of) or draw(view)
        return found


SHARED = web.AppKey("shared", SharedBoard)


async def board(request: web.Request) -> web.Response:
    """GET /: is everything working, and if not, what needs whom."""
    shown = await _own_board(request)
    return page(request, "board.html", shown=Markup(shown))  # noqa: S704 - rendered by the template, escaped there


async def board_fragment(request: web.Request) -> web.Response:
    """GET /fragment/board: the part of it that changes."""
    return _html(await _own_board(request))


def page(request: web.Request, template: str, status: int = 200, **values: object) -> web.Response:
    """A whole page; one for a session carries its form key."""
    files = request.app[FILES]
    html = render(
        template,
        request.app[APP],
        form_key=_form_key(request),
        can=_can(request),
        signed_in_as=who(request),
        css=files.address("style.css"),
        scripts=files.scripts,
        icon=files.address("icon.svg"),
        path=request.path,
        back=_back(request),
        signed_in=IDENTITY in request,
        **values,
    )
    return _html(html, status)


def fragment(request: web.Request, template: str, **values: object) -> web.Response:
    """The changing part of a page, for a session."""
    return _html(render(template, request.app[APP], form_key=_form_key(request), can=_can(request), **values))


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
    texts.speak(environment, _finalize)
    environment.globals.update(language=current, LANGUAGES=LANGUAGES, translated=translated)
    environment.filters.update(short=words.short, lasting=words.length, amount=words.amount, sentence=words.sentence)
    environment.filters.update(day=words.day, figures=figures)
    environment.globals.update(
        Verdict=views.Verdict,
        STAGES=views.STAGES,
        SENT=views.SENT,
        NOTICES=views.NOTICES,
        STATUSES=views.STATUSES,
        count=words.count,
    )
    environment.globals.update(ROLES=ROLES)
    return environment


def _finalize(value: Any) -> Any:
    """The last stop of everything that is put into a page."""
    return words.plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _html(text: str, status: int = 200) -> web.Response:
    response = web.Response(text=text, content_type="text/html", status=status)
    response.enable_compression()
    return response


async def _own_board(request: web.Request) -> str:
    return await request.app[SHARED].html(request.app[APP], _form_key(request), request[IDENTITY].role)


async def sent(request: web.Request) -> Mapping[str, Any]:
    """The form that was sent, if one of our pages made it for this session. Raises 400, 403 or 413."""
    form = await form_of(request)
    check_form_key(request, str(form.get("form_key", "")))
    return form


def check_form_key(request: web.Request, given: str) -> None:
    """Raises 403 for a form that none of our pages made for this session; what a token sends needs no page."""
    if SECRET in request and not auth.is_form_key(request[SECRET], given):
        raise web.HTTPForbidden(
            text=gettext("This form is from before you signed in. Go back, reload the page and try again.")
        )


def field(form: Mapping[str, Any], name: str) -> str:
    """A field as people typed it, one kind of line end, nothing that cannot be shown or stored."""
    text = words.plain(str(form.get(name, "")).replace("\r\n", "\n")).strip()
    if len(text) > LONGEST_TEXT:
        count, most = (figures(f"{number:,}") for number in (len(text), LONGEST_TEXT))
        raise web.HTTPBadRequest(
            text=gettext("The text has {count} characters; at most {most} are kept.", count=count, most=most)
        )
    return text


def can(role: Role) -> Callable[[str], bool]:
    """What a template asks before it draws a button: whether who looks may do what a role is for."""
    return lambda wanted: role.covers(Role(wanted))


def _can(request: web.Request) -> Callable[[str], bool]:
    return can(request[IDENTITY].role if IDENTITY in request else Role.PUBLIC)


def _back(request: web.Request) -> str:
    """Where who chooses another language on this page comes back to; a query may be a secret of who signs in."""
    if request.method not in ("GET", "HEAD"):
        return "/"
    return str(request.rel_url) if IDENTITY in request else request.rel_url.raw_path


def _form_key(request: web.Request) -> str:
    """What a form of this session carries; "" where there is none, as for a program."""
    return auth.form_key(request[SECRET]) if SECRET in request else ""
