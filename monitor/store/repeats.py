"""Answers of the API that are given again to the same request, by a digest of who asked and the key they chose."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from monitor.store.dialects import upsert
from monitor.store.tables import repeats

MOST = 10_000
"""Answers that are kept; the oldest go first."""


class Answer(NamedTuple):
    """What was answered, and a digest of what was asked."""

    asked: bytes
    status: int
    text: str
    location: str
    tag: str


async def keep(conn: AsyncConnection, digest: bytes, answer: Answer, now: datetime) -> None:
    """Remember an answer."""
    await conn.execute(upsert(conn, repeats), {"digest": digest, "at": now, **answer._asdict()})
    last = select(repeats.c.at).order_by(repeats.c.at.desc()).offset(MOST - 1).limit(1)
    await conn.execute(delete(repeats).where(repeats.c.at < last.scalar_subquery()))


async def find(conn: AsyncConnection, digest: bytes, since: datetime) -> Answer | None:
    """The answer under that digest, None if there is none that was given since then."""
    columns = [repeats.c[name] for name in Answer._fields]
    row = (await conn.execute(select(*columns).where(repeats.c.digest == digest, repeats.c.at >= since))).one_or_none()
    return None if row is None else Answer(*row)
