"""Reports as documents, and how available everything was."""

import asyncio
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from aiohttp import web
from pydantic import Field

from monitor.memos import MADE, made_of
from monitor.reports.document import Kind
from monitor.reports.facts import measurements
from monitor.reports.listing import Counted, Row, rows
from monitor.store import reports as stored
from monitor.store.reports import Report
from monitor.web import grafana
from monitor.web.api import paging
from monitor.web.api.endpoint import Call, Reply
from monitor.web.api.models import Body, Day, Moment, Shown, Text, Written
from monitor.web.api.paging import Page, Paged, Query
from monitor.web.api.problems import Fault, Unfit
from monitor.web.words import short


class ReportBrief(Shown):
    """A report in short."""

    id: str
    kind: Kind
    title: Text
    start: datetime
    end: datetime
    made: datetime
    summary: Text


class ReportShown(Shown):
    """A report with all that it says."""

    id: str
    document: Written


class Made(Shown):
    """The reports that were made: one, or one for each line to the internet."""

    items: list[ReportBrief]


class ReportsAsked(Paged):
    """Which reports."""

    kind: Kind | None = None


class ReportWanted(Body):
    """A report about the day, week or month in which a day lies."""

    kind: Kind
    day: Day


class AvailabilityAsked(Query):
    """The time asked about, and what of it counts: open hours without planned work unless said."""

    start: Annotated[Moment | None, Field(alias="from")] = None
    end: Annotated[Moment | None, Field(alias="to")] = None
    around_the_clock: bool = False
    planned_work: bool = False


class AvailabilityRow(Shown):
    """How available one thing was: ratios from 0 to 1, null where nothing is known; the rest is seconds."""

    what: Literal["site", "group", "asset", "check"]
    name: Text
    availability: float | None
    coverage: float
    up: float
    down: float
    unknown: float


class AvailabilityShown(Shown):
    """The time that was asked about, and a row for everything that decides whether an asset works."""

    start: datetime = Field(serialization_alias="from")
    end: datetime = Field(serialization_alias="to")
    rows: list[AvailabilityRow]


async def listed(call: Call) -> Reply:
    """GET /reports: newest first."""
    asked = call.query
    async with call.app.store.connect() as conn:
        found = await stored.page(conn, asked.limit + 1, asked.kind, asked.after)
    some, next = paging.page(call.request, found, asked.limit, lambda one: one.id)
    return Reply(Page[ReportBrief](items=[_brief(one) for one in some], next=next or None), next=next)


async def one(call: Call) -> Reply:
    """GET /reports/REPORT."""
    found = await report_of(call)
    return Reply(ReportShown(id=found.id, document=found.document))


async def report_of(call: Call) -> Report:
    """The report of the path. Raises 404."""
    id = call.part("report")
    async with call.app.store.connect() as conn:
        # PostgreSQL takes no NUL, not even to look for it.
        found = await stored.get(conn, id) if id.isascii() and id.isalnum() else None
    if found is None:
        raise web.HTTPNotFound(text=f"There is no report {short(id, 60)!r}. It may be too old to be kept.")
    return found


async def make(call: Call) -> Reply:
    """POST /reports: make one; nobody is sent it."""
    kind, day = call.body.kind, call.body.day
    if kind not in MADE:
        raise Unfit(Fault("kind", f"must be one of {', '.join(MADE)}"))
    async with call.request.app[grafana.ASKING]:
        try:
            made = await made_of(call.app, kind, day)
        except ValueError as error:
            raise Unfit(Fault("day", str(error))) from None
    call.note(", ".join(one.id for one in made))
    location = f"/reports/{made[0].id}" if len(made) == 1 else ""
    return Reply(Made(items=[_brief(one) for one in made]), location)


async def availability(call: Call) -> Reply:
    """GET /availability: the last day unless said, 400 days at most."""
    asked, app = call.query, call.app
    end = asked.end or call.now
    start = asked.start or end - grafana.USUAL
    if not timedelta() < end - start <= grafana.LONGEST:
        raise Unfit(Fault("from", f"must be before `to`, by {grafana.LONGEST.days} days at most"))
    async with call.request.app[grafana.ASKING]:
        async with app.store.connect() as conn:
            found = await measurements(conn, app.config, start, end, call.now)
        made = await asyncio.to_thread(rows, found, Counted(asked.around_the_clock, asked.planned_work))
    return Reply(AvailabilityShown(start=start, end=end, rows=[_row(one) for one in made]))


def _brief(report: Report) -> ReportBrief:
    document = report.document
    values: dict[str, Any] = {
        name: getattr(document, name) for name in ("kind", "title", "start", "end", "made", "summary")
    }
    return ReportBrief(id=report.id, **values)


def _row(row: Row) -> AvailabilityRow:
    found = row.found
    return AvailabilityRow.model_validate(
        {
            "what": row.what,
            "name": row.name,
            "availability": found.ratio,
            "coverage": found.coverage,
            "up": found.up.total_seconds(),
            "down": found.down.total_seconds(),
            "unknown": found.unknown.total_seconds(),
        }
    )
