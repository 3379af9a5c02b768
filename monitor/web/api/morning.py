"""The morning check: the newest one and those before, one that is made now, and who takes what of it."""

from datetime import datetime
from typing import Annotated

from aiohttp import web
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection

from monitor.reports.document import Kind
from monitor.store import reports
from monitor.store.reports import Report
from monitor.web.api.endpoint import Call, Reply
from monitor.web.api.models import Body, Shown, Text, Written
from monitor.web.api.reports import report_of
from monitor.web.morning import keys, upcoming
from monitor.web.words import short


class TakenShown(Shown):
    """Somebody has an item, named by its key."""

    item: str
    who: Text
    at: datetime


class MorningShown(Shown):
    """A morning check with all that it says, and who has what of it."""

    id: str
    document: Written
    taken: list[TakenShown]


class MorningNow(Shown):
    """The newest morning check, null before the first; whether one is being made now, and when the next one is due."""

    newest: MorningShown | None
    running: bool
    next: datetime | None


class Running(Shown):
    """Whether one is being made now; it is the newest one when it is done."""

    running: bool


class ItemChosen(Body):
    """An item of a morning check, by its key."""

    item: Annotated[str, Field(min_length=1, max_length=200)]


async def now(call: Call) -> Reply:
    """GET /morning."""
    app = call.app
    async with app.store.connect() as conn:
        newest = await reports.latest(conn, Kind.MORNING)
        found = await _shown(conn, newest) if newest is not None else None
    return Reply(MorningNow(newest=found, running=app.mornings.is_asked, next=upcoming(app)))


async def one(call: Call) -> Reply:
    """GET /morning/REPORT."""
    report = await _found(call)
    async with call.app.store.connect() as conn:
        return Reply(await _shown(conn, report))


async def run(call: Call) -> Reply:
    """POST /morning/run: look at everything now. Nobody is sent it."""
    call.app.mornings.ask()
    return Reply(Running(running=call.app.mornings.is_asked))


async def take(call: Call) -> Reply:
    """POST /morning/REPORT/take: whoever asks has an item, also if somebody else had it."""
    report = await _chosen(call)
    async with call.app.store.begin() as conn:
        call.require_unchanged(await _shown(conn, report))
        await reports.mark(conn, report.id, call.body.item, call.who, call.now)
        return Reply(await _shown(conn, report))


async def give_back(call: Call) -> Reply:
    """POST /morning/REPORT/give-back: nobody has that item any more."""
    report = await _chosen(call)
    async with call.app.store.begin() as conn:
        call.require_unchanged(await _shown(conn, report))
        await reports.unmark(conn, report.id, call.body.item)
        return Reply(await _shown(conn, report))


async def _chosen(call: Call) -> Report:
    report, item = await _found(call), call.body.item
    if item not in keys(report.document):
        raise web.HTTPNotFound(text=f"This morning check has nothing of the name {short(item, 60)!r}.")
    call.note(report.id)
    return report


async def _found(call: Call) -> Report:
    found = await report_of(call)
    if found.document.kind is not Kind.MORNING:
        raise web.HTTPNotFound(text=f"The report {found.id} is no morning check.")
    return found


async def _shown(conn: AsyncConnection, report: Report) -> MorningShown:
    taken = await reports.marks(conn, report.id)
    held = [TakenShown(item=one.item, who=one.who, at=one.at) for one in taken.values()]
    return MorningShown(id=report.id, document=report.document, taken=sorted(held, key=lambda one: one.item))
