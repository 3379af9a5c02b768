"""Status spans: which check was up, down or unknown from when to when."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

from sqlalchemy import BigInteger, Select, Text, func, select, type_coerce
from sqlalchemy.ext.asyncio import AsyncConnection

from incidents.availability import Span
from monitor.store.batches import batches
from monitor.store.columns import instant
from monitor.store.dialects import one_of, upsert_many
from monitor.store.tables import spans as _spans
from probes import Status

_ROW: Select[Any] = select(
    _spans.c.check,
    type_coerce(_spans.c.start, BigInteger),
    type_coerce(_spans.c.end, BigInteger),
    type_coerce(_spans.c.status, Text),
    _spans.c.reason,
)
"""A span as the driver has it: pages read thousands, and SQLAlchemy's own conversion costs as much as all else."""
_STATUSES = {status.value: status for status in Status}


async def save(conn: AsyncConnection, spans: Sequence[Span]) -> None:
    """Insert spans; one of the same check and start takes the new end, status and reason."""
    for some in batches(spans):
        await upsert_many(conn, _spans, some)


async def between(
    conn: AsyncConnection,
    start: datetime,
    end: datetime,
    checks: Collection[str] | None = None,
    limit: int | None = None,
) -> dict[str, tuple[Span, ...]]:
    """The spans that reach into the time from `start` to `end`, by check, each as stored, oldest first.

    `checks` None means all of them; a check without a span is not in the result. Of more than `limit` spans, those of
    the last checks are missing.
    """
    query = _ROW.where(_spans.c.start < end, _spans.c.end > start)
    if checks is None:
        # Not ordered by the database: for that, SQLite would read the primary key from end to end, years of it.
        found = _read((await conn.execute(query)).all())
        return {check: tuple(sorted(found[check], key=attrgetter("start"))) for check in sorted(found)}
    query = query.where(one_of(conn, _spans.c.check, checks)).order_by(_spans.c.check, _spans.c.start)
    return _read((await conn.execute(query.limit(limit))).all())


async def newest(conn: AsyncConnection, check: str, limit: int) -> tuple[Span, ...]:
    """The last spans of a check, each as stored, newest first."""
    query = _ROW.where(_spans.c.check == check).order_by(_spans.c.start.desc()).limit(limit)
    return _read((await conn.execute(query)).all()).get(check, ())


async def latest(conn: AsyncConnection) -> dict[str, Span]:
    """The newest span of every check."""
    newest = select(_spans.c.check, func.max(_spans.c.start).label("start")).group_by(_spans.c.check).subquery()
    query = select(_spans).join(newest, (_spans.c.check == newest.c.check) & (_spans.c.start == newest.c.start))
    return {row.check: Span(*row) for row in await conn.execute(query)}


def _read(rows: Iterable[Sequence[Any]]) -> dict[str, tuple[Span, ...]]:
    """The spans by check, in the order of the rows."""
    found: dict[str, list[Span]] = {}
    some: list[Span] = []
    of, reached, end = None, None, instant(0)
    for check, starts, ends, status, reason in rows:
        if check != of:
            of, some = check, found.setdefault(check, [])
        start = end if starts == reached else instant(starts)  # mostly one begins where the one before ended
        reached, end = ends, instant(ends)
        some.append(Span(check, start, end, _STATUSES[status], reason))
    return {check: tuple(some) for check, some in found.items()}
