"""Reports as they were made, and what people have taken on of them."""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Row, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from monitor.reports.document import Document, Kind, from_json, to_json
from monitor.store import dialects
from monitor.store.tables import marks as _marks
from monitor.store.tables import reports


class Report(NamedTuple):
    """A report under an id that sorts by when it was made (a ULID)."""

    id: str
    document: Document


class Taken(NamedTuple):
    """Somebody has an item of a report."""

    item: str
    at: datetime
    who: str


async def save(conn: AsyncConnection, report: Report) -> None:
    """Keep a new report."""
    document = report.document
    row = {"kind": document.kind, "start": document.start, "end": document.end, "made": document.made}
    await conn.execute(insert(reports), {"id": report.id, "document": to_json(document), **row})


async def get(conn: AsyncConnection, id: str) -> Report | None:
    """The report of that id."""
    found = await _load(conn, select(reports.c.id, reports.c.document).where(reports.c.id == id))
    return found[0] if found else None


async def latest(conn: AsyncConnection, kind: Kind) -> Report | None:
    """The newest report of a kind."""
    found = await page(conn, 1, kind)
    return found[0] if found else None


async def page(
    conn: AsyncConnection, limit: int = 50, kind: Kind | None = None, before: str | None = None
) -> tuple[Report, ...]:
    """The newest reports, of all kinds or of one, newest first; `before` is the last id of the page before."""
    query = select(reports.c.id, reports.c.document).order_by(reports.c.id.desc()).limit(limit)
    if kind is not None:
        query = query.where(reports.c.kind == kind)
    return await _load(conn, query if before is None else query.where(reports.c.id < before))


async def is_made(conn: AsyncConnection, kind: Kind, since: datetime) -> bool:
    """Whether there is a report of that kind that was made since then."""
    found = select(reports.c.id).where(reports.c.kind == kind, reports.c.made >= since).limit(1)
    return await conn.scalar(found) is not None


async def mark(conn: AsyncConnection, report: str, item: str, who: str, at: datetime) -> None:
    """Note that somebody has an item; whoever had it before has it no more."""
    row = {"report": report, "item": item, "at": at, "who": who}
    await conn.execute(dialects.upsert(conn, _marks), row)


async def unmark(conn: AsyncConnection, report: str, item: str) -> None:
    """Nobody has that item any more."""
    await conn.execute(delete(_marks).where(_marks.c.report == report, _marks.c.item == item))


async def marks(conn: AsyncConnection, report: str) -> dict[str, Taken]:
    """Who has which item of a report, by the item's key."""
    rows = await conn.execute(select(_marks.c.item, _marks.c.at, _marks.c.who).where(_marks.c.report == report))
    return {row.item: Taken(*row) for row in rows}


async def _load(conn: AsyncConnection, query: Any) -> tuple[Report, ...]:
    return tuple(_report(row) for row in await conn.execute(query))


def _report(row: Row[Any]) -> Report:
    return Report(row.id, from_json(row.document))
