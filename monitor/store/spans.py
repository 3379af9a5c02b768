"""Status spans: which check was up, down or unknown from when to when."""

from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import groupby

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from incidents.availability import Span
from monitor.store.batches import batches
from monitor.store.dialects import one_of, upsert_many
from monitor.store.tables import spans as _spans


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
    query = select(_spans).where(_spans.c.start < end, _spans.c.end > start)
    if checks is not None:
        query = query.where(one_of(conn, _spans.c.check, checks))
    rows = await conn.execute(query.order_by(_spans.c.check, _spans.c.start).limit(limit))
    found = [Span(*row) for row in rows]
    return {check: tuple(some) for check, some in groupby(found, key=lambda span: span.check)}


async def latest(conn: AsyncConnection) -> dict[str, Span]:
    """The newest span of every check."""
    newest = select(_spans.c.check, func.max(_spans.c.start).label("start")).group_by(_spans.c.check).subquery()
    query = select(_spans).join(newest, (_spans.c.check == newest.c.check) & (_spans.c.start == newest.c.start))
    return {row.check: Span(*row) for row in await conn.execute(query)}
