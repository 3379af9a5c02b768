"""The page Morning: the newest morning check, who takes what of it, and the ones before."""

from collections.abc import Sequence
from typing import NoReturn

from aiohttp import web

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
    async with request.app[APP].store.connect() as conn:
        found = await reports.page(conn, EARLIER, Kind.MORNING)
    return await _page(request, found[0] if found else None, found)


async def show_one(request: web.Request) -> web.Response:
    """GET /morning/ID: one of those before."""
    async with request.app[APP].store.connect() as conn:
        found = await reports.page(conn, EARLIER, Kind.MORNING)
    return await _page(request, await _found(request), found)


async def run(request: web.Request) -> NoReturn:
    """POST /morning/run: look at everything now; the page shows it when that is done. Nobody is sent it."""
    await sent(request)
    request.app[APP].mornings.ask()
    raise web.HTTPSeeOther("/morning")


async def take(request: web.Request) -> NoReturn:
    """POST /morning/ID/take: the person who asks has an item."""
    report, item = await _chosen(request)
    async with request.app[APP].store.begin() as conn:
        await reports.mark(conn, report.id, item, who(request), auth.utc_now())
    raise web.HTTPSeeOther(f"/morning/{report.id}")


async def give_back(request: web.Request) -> NoReturn:
    """POST /morning/ID/give-back: nobody has that item any more."""
    report, item = await _chosen(request)
    async with request.app[APP].store.begin() as conn:
        await reports.unmark(conn, report.id, item)
    raise web.HTTPSeeOther(f"/morning/{report.id}")


async def _page(request: web.Request, report: Report | None, earlier: Sequence[Report]) -> web.Response:
    app = request.app[APP]
    taken = {}
    if report is not None:
        async with app.store.connect() as conn:
            taken = await reports.marks(conn, report.id)
    return page(
        request,
        "morning.html",
        report=report,
        newest=bool(earlier) and report == earlier[0],
        taken=taken,
        earlier=earlier,
        period=period,
        shown=shown,
        tones=TONES,
        is_asked=app.mornings.is_asked,
        upcoming=_upcoming(app),
    )


def _upcoming(app: App) -> str:
    """When the next one is made, on the site's clock; "" if none is planned."""
    plan, hours = app.config.reports.morning, app.config.site.hours
    due = next_run(hours, plan.before, auth.utc_now()) if plan is not None else None
    return f"{due.at.astimezone(hours.zone):%a %H:%M}" if due is not None else ""


async def _chosen(request: web.Request) -> tuple[Report, str]:
    """The report and the item of it that a form is about."""
    item, report = field(await sent(request), "item"), await _found(request)
    if item not in _keys(report.document):
        raise web.HTTPNotFound(text=f"This morning check has nothing of the name {short(item, 60)!r}.")
    return report, item


def _keys(document: Document) -> set[str]:
    return {item.key for item in document.items}


async def _found(request: web.Request) -> Report:
    id = request.match_info["id"]
    found = None
    if id.isascii() and id.isalnum():
        async with request.app[APP].store.connect() as conn:
            found = await reports.get(conn, id)
    if found is None or found.document.kind is not Kind.MORNING:
        raise web.HTTPNotFound(text=f"There is no morning check {short(id, 60)!r}. It may be too old to be kept.")
    return found
