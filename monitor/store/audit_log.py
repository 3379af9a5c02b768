"""The audit log: who did what, when and from where. It can be added to and read."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, insert, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from monitor.store.tables import audit_log

LONGEST = 200
"""Characters of a name or a target that are kept."""


class Entry(NamedTuple):
    """Somebody did something. `address` is where from, "" where there is none; `target` is what it was done to."""

    at: datetime
    who: str
    address: str
    what: str
    target: str = ""
    id: int | None = None


class Wanted(NamedTuple):
    """Which entries: by whom, what (each exactly, "" for any), from and until when."""

    who: str = ""
    what: str = ""
    since: datetime | None = None
    until: datetime | None = None


ANY = Wanted()


async def add(conn: AsyncConnection, entry: Entry) -> None:
    """Write an entry."""
    row = entry._asdict() | {"who": entry.who[:LONGEST], "target": entry.target[:LONGEST]}
    del row["id"]
    await conn.execute(insert(audit_log), row)


async def page(conn: AsyncConnection, limit: int, wanted: Wanted = ANY, before: int | None = None) -> tuple[Entry, ...]:
    """The newest entries, newest first; `before` is the id of the last one on the page before."""
    columns = [audit_log.c[name] for name in Entry._fields]
    older = true() if before is None else audit_log.c.id < before
    query = select(*columns).where(_fits(wanted), older).order_by(audit_log.c.id.desc()).limit(limit)
    return tuple(Entry(*row) for row in await conn.execute(query))


async def kinds(conn: AsyncConnection) -> tuple[str, ...]:
    """What has been done at all, by name."""
    rows = await conn.execute(select(audit_log.c.what).distinct().order_by(audit_log.c.what))
    return tuple(row.what for row in rows)


def _fits(wanted: Wanted) -> ColumnElement[bool]:
    return and_(
        true(),
        *([audit_log.c.who == wanted.who] if wanted.who else []),
        *([audit_log.c.what == wanted.what] if wanted.what else []),
        *([audit_log.c.at >= wanted.since] if wanted.since else []),
        *([audit_log.c.at < wanted.until] if wanted.until else []),
    )
