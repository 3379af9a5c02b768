"""The status page, which needs no signing in: there only if it is configured, and made once for all who ask."""

import asyncio
import hashlib
import logging
import time
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from aiohttp import ETag, web

from alerting.rules import Severity
from language import current, gettext
from monitor.config.model import Config, Server, StatusPage
from monitor.scrape import address
from monitor.store import StoreError, incidents
from monitor.web import auth, pages, past_days, status_formats, status_views
from monitor.web.files import Files
from monitor.web.guard import APP
from monitor.web.service import App
from monitor.web.status_views import Past, Present, View

log = logging.getLogger(__name__)

PATHS = (
    "/status",
    "/status.json",
    "/status/feed.atom",
    "/status/feed.rss",
    "/status/badge.svg",
    "/status/badge.json",
    "/status/badge/{asset}.svg",
    "/status/badge/{asset}.json",
)

FRESH = 5.0
"""Seconds for which everybody is answered the same."""
PAST_FRESH = 60.0
"""Seconds for which what has been is not read again."""
MOST_SPANS = 50_000
"""Turns that are read at most; what is beyond is shown as unknown until those before it are kept."""
MOST_INCIDENTS = 300

_CACHED = "public, max-age=30"
_HTML, _JSON, _SVG = "text/html", "application/json", "image/svg+xml"


class Answer(NamedTuple):
    """What is sent at one address."""

    body: bytes
    type: str
    tag: str


class _Kept(NamedTuple):
    """What was made of a configuration at a time of the monotonic clock."""

    config: Config
    at: float
    past: Past
    past_at: float
    answers: Mapping[str, Answer]


class SharedStatus:
    """The answers by their addresses, made once for all who ask within some seconds."""

    def __init__(self, days: past_days.KeptDays) -> None:
        self._days = days
        self._lock = asyncio.Lock()
        self._kept: _Kept | None = None

    async def answers(self, app: App, page: StatusPage, files: Files) -> Mapping[str, Answer]:
        """What can be asked now. Raises StoreError."""
        async with self._lock:
            kept, clock = self._kept, time.monotonic()
            if kept is not None and kept.config is not app.config:
                kept = None
            if kept is None or clock - kept.at > FRESH:
                self._kept = kept = await self._renewed(kept, app, page, clock, files)
            return kept.answers

    async def _renewed(self, kept: _Kept | None, app: App, page: StatusPage, clock: float, files: Files) -> _Kept:
        now = auth.utc_now()
        if kept is not None and clock - kept.past_at < PAST_FRESH:
            past, past_at = kept.past, kept.past_at
        else:
            past, past_at = await self._past(app, page, now), clock
        async with app.store.connect() as conn:
            live = await incidents.live(conn)
        present = Present(app.config, app.latest, app.episodes, live, now)
        made = await asyncio.to_thread(_made, app, page, present, past, files)
        return _Kept(present.config, clock, past, past_at, made)

    async def _past(self, app: App, page: StatusPage, now: datetime) -> Past:
        """What has been, asset by asset: others get their turn in between."""
        config, left = app.config, MOST_SPANS
        async with app.store.connect() as conn:
            found = await incidents.matching(
                conn, now - status_views.RECENT, now, (), (Severity.WARNING, Severity.CRITICAL), (), MOST_INCIDENTS
            )
        read: dict[str, past_days.Past] = {}
        for id, subject in status_views.subjects(page, config).items():
            since = status_views.since(page, found, id, now, config.site.hours.zone)
            most = min(left, past_days.MOST_SPANS)
            read[id] = await past_days.past(app.store, self._days, subject, now, since, most)
            left -= read[id].read
        return status_views.past(page, config.site.id, read, found)


SHARED: web.AppKey[Mapping[str, SharedStatus]] = web.AppKey("status", Mapping)
"""What is shown, by language."""


async def show(request: web.Request) -> web.Response:
    """GET /status, and what belongs to it: 404 for what is not on the page, or if there is none."""
    app, files = request.app[APP], request.app[pages.FILES]
    page = app.config.status_page
    if page is None:
        raise web.HTTPNotFound(text=gettext("There is no such page."))
    try:
        answers = await request.app[SHARED][current()].answers(app, page, files)
    except StoreError as error:
        log.warning("the status page could not be made", extra={"error": str(error)})
        text = gettext("The status cannot be read right now. Try again in a minute.")
        raise web.HTTPServiceUnavailable(text=text, headers={"Retry-After": "60"}) from None
    found = answers.get(request.path)
    if found is None:
        raise web.HTTPNotFound(text=gettext("There is no such page."))
    return _sent(request, found)


def _sent(request: web.Request, answer: Answer) -> web.Response:
    tag = ETag(answer.tag, is_weak=True)  # the same content goes out compressed and plain
    if any(known.value in (answer.tag, "*") for known in request.if_none_match or ()):
        response = web.Response(status=304)
    else:
        response = web.Response(body=answer.body, content_type=answer.type, charset="utf-8")
        response.enable_compression()
    response.etag = tag
    response.headers["Cache-Control"] = _CACHED
    response.headers["Vary"] = "Accept-Language, Cookie"
    if answer.type == _SVG:
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"  # made to stand on other sites
    return response


def _made(app: App, page: StatusPage, present: Present, past: Past, files: Files) -> Mapping[str, Answer]:
    """In a thread: hundreds of days take longer than the probes' timing can bear. Only reads."""
    view = status_views.view(page, present, past)
    base = _base(present.config.server)
    css, icon = files.address("style.css"), files.address("icon.svg")
    made = {
        "/status": (pages.render("status.html", app, view=view, css=css, icon=icon, scripts=files.scripts), _HTML),
        "/status.json": (status_formats.as_json(view), _JSON),
        "/status/feed.atom": (status_formats.as_atom(view, base), "application/atom+xml"),
        "/status/feed.rss": (status_formats.as_rss(view, base), "application/rss+xml"),
    }
    made |= _badges(view)
    return {path: _answer(text, type) for path, (text, type) in made.items()}


def _badges(view: View) -> dict[str, tuple[str, str]]:
    made = {
        "/status/badge.svg": (status_formats.as_badge(view.title, view.state, everything=True), _SVG),
        "/status/badge.json": (status_formats.as_badge_json(view.title, view.state, everything=True), _JSON),
    }
    for one in view.assets:
        path = f"/status/badge/{one.public.id}"
        made[f"{path}.svg"] = status_formats.as_badge(one.public.name, one.state), _SVG
        made[f"{path}.json"] = status_formats.as_badge_json(one.public.name, one.state), _JSON
    return made


def _answer(text: str, type: str) -> Answer:
    body = text.encode()
    return Answer(body, type, hashlib.sha256(body).hexdigest()[:32])


def _base(server: Server) -> str:
    """The address that feeds lead to; who listens on every address and names none is reached on this machine alone."""
    try:
        return address(server).rstrip("/")
    except ValueError:
        return f"{'http' if server.tls is None else 'https'}://localhost:{server.port}"
