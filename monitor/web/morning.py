"""The page Morning: the newest morning check, who takes what of it, and the ones before."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import NoReturn

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from language import gettext, weekday
from monitor.openings import next_run
from monitor.reports.document import Document, Kind, Mark
from monitor.reports.rendering import period, shown
from monitor.store import reports
from monitor.store.reports import Report
from monitor.web import auth
from monitor.web.guard import APP, who
from monitor.web.pages import field, page, sent
from monitor.web.service import App
from monitor.web.views import Verdict
from monitor.web.words import short

EARLIER = 14
"""Morning checks that are listed below the newest one."""

TONES = {
    Mark.GOOD: Verdict.WORKING,
    Mark.WATCH: Verdict.DEGRADED,
    Mark.BAD: Verdict.DOWN,
    Mark.UNKNOWN: Verdict.UNKNOWN,
    Mark.NEUTRAL: Verdict.WORKING,
}
"""The colour and the shape of what a report says."""


async def show(request: web.Request) -> web.Response:
    """GET /morning: the newest one."""
    found = await _newest(request)
    return await _page(request, found[0] if found else None, found)


async def show_one(request: web.Request) -> web.Response:
    """GET /morning/ID: one of those before."""
    return await _page(request, await _found(request), await _newest(request))


async def run(request: web.Request) -> NoReturn:
    """POST /morning/run: look at everything now; the page shows it when that is done. Nobody is sent it."""
    await sent(request)
    request.app[APP].mornings.ask()
    raise web.HTTPSeeOther("/morning")


async def take(request: web.Request) -> web.Response:
    """POST /morning/ID/take: the person who asks has an item."""
    now = auth.utc_now()
    return await _hand(request, lambda conn, report, item: reports.mark(conn, report, item, who(request), now))


async def give_back(request: web.Request) -> web.Response:
    """POST /morning/ID/give-back: nobody has that item any more."""
    return await _hand(request, reports.unmark)


async def _hand(request: web.Request, change: Callable[[AsyncConnection, str, str], Awaitable[None]]) -> web.Response:
    """Change who has an item, unless that is somebody else by now than the page showed."""
    form = await sent(request)
    report, item = await _found(request), field(form, "item")
    if item not in keys(report.document):
        words = gettext("This morning check has nothing of the name {name}.", name=repr(short(item, 60)))
        raise web.HTTPNotFound(text=words)
    async with request.app[APP].store.begin() as conn:
        held = (await reports.marks(conn, report.id)).get(item)
        holder = held.who if held is not None else ""
        is_meant = field(form, "holder") == holder if "holder" in form else True
        if is_meant:
            await change(conn, report.id, item)
    if not is_meant:
        return await _page(request, report, await _newest(request), holder or gettext("Nobody"))
    raise web.HTTPSeeOther(f"/morning/{report.id}")


async def _newest(request: web.Request) -> Sequence[Report]:
    async with request.app[APP].store.connect() as conn:
        return await reports.page(conn, EARLIER, Kind.MORNING)


async def _page(
    request: web.Request, report: Report | None, earlier: Sequence[Report], holder: str = ""
) -> web.Response:
    """The page; `holder` has what somebody pressed a button about, and had not when their page was made."""
    app = request.app[APP]
    taken, due = {}, upcoming(app)
    if report is not None:
        async with app.store.connect() as conn:
            taken = await reports.marks(conn, report.id)
    return page(
        request,
        "morning.html",
        status=409 if holder else 200,
        holder=holder,
        report=report,
        newest=bool(earlier) and report == earlier[0],
        taken=taken,
        earlier=earlier,
        period=period,
        shown=shown,
        tones=TONES,
        is_asked=app.mornings.is_asked,
        upcoming=_day_and_time(due.astimezone(app.config.site.hours.zone)) if due is not None else "",
    )


def upcoming(app: App) -> datetime | None:
    """When the next one is made, None if none is planned."""
    plan, hours = app.config.reports.morning, app.config.site.hours
    due = next_run(hours, plan.before, auth.utc_now()) if plan is not None else None
    return due.at if due is not None else None


def _day_and_time(at: datetime) -> str:
    return f"{weekday(at)} {at:%H:%M}"


def keys(document: Document) -> set[str]:
    """The keys of the items that somebody can take."""
    return {item.key for item in document.items}


async def _found(request: web.Request) -> Report:
    id = request.match_info["id"]
    found = None
    if id.isascii() and id.isalnum():
        async with request.app[APP].store.connect() as conn:
            found = await reports.get(conn, id)
    if found is None or found.document.kind is not Kind.MORNING:
        words = gettext("There is no morning check {id}. It may be too old to be kept.", id=repr(short(id, 60)))
        raise web.HTTPNotFound(text=words)
    return found
