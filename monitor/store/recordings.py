"""What checks measured: a row every few minutes, put together to one for each check and hour later."""

import logging
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from monitor.recording import HOUR, MalformedError, Recording, Stored
from monitor.store.batches import batches
from monitor.store.dialects import one_of, upsert_many
from monitor.store.tables import recordings as _recordings

log = logging.getLogger(__name__)

_DELETE = delete(_recordings).where(_recordings.c.check == bindparam("of"), _recordings.c.start == bindparam("at"))

_BATCH = 50
"""How many recordings are encoded before other tasks get their turn."""


async def save(conn: AsyncConnection, recordings: Sequence[Recording]) -> None:
    """Store recordings; one of the same check and start is replaced."""
    for some in batches(recordings, _BATCH):
        await upsert_many(conn, _recordings, [(one.check, one.start, one.encoded()) for one in some])


async def between(conn: AsyncConnection, check: str, start: datetime, end: datetime) -> tuple[Stored, ...]:
    """The check's recordings that begin within the time, oldest first; `end` is not in it."""
    query = select(_recordings).where(_recordings.c.check == check, _recordings.c.start >= start)
    rows = await conn.execute(query.where(_recordings.c.start < end).order_by(_recordings.c.start))
    return tuple(Stored(*row) for row in rows)


async def in_pieces(conn: AsyncConnection, hour: datetime) -> tuple[str, ...]:
    """The checks of which the hour that begins then has more than one row."""
    query = select(_recordings.c.check).where(_recordings.c.start >= hour, _recordings.c.start < hour + HOUR)
    rows = await conn.execute(query.group_by(_recordings.c.check).having(func.count() > 1))
    return tuple(row.check for row in rows)


async def join(conn: AsyncConnection, checks: Sequence[str], hour: datetime) -> None:
    """Put the rows of these checks' hour together to one for each. What is damaged stays as it is."""
    query = select(_recordings).where(one_of(conn, _recordings.c.check, checks))
    query = query.where(_recordings.c.start >= hour, _recordings.c.start < hour + HOUR)
    wholes: dict[str, Recording] = {}
    gone = []
    for row in await conn.execute(query.order_by(_recordings.c.start)):
        try:
            piece = Stored(*row).recording()
        except MalformedError as error:
            log.warning("a recording is damaged", extra={"problem": str(error)})
            continue
        whole = wholes.setdefault(piece.check, piece)
        if whole is not piece:
            whole.extend(piece)
            gone.append({"of": piece.check, "at": piece.start})
    if gone:
        await conn.execute(_DELETE, gone)
        await save(conn, tuple(wholes.values()))
