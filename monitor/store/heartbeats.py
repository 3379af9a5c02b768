"""The newest signs of life of jobs, so that a restart does not forget them."""

from collections.abc import Collection
from dataclasses import asdict

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from monitor.store.dialects import upsert
from monitor.store.tables import heartbeats
from probes._engines.pings import Beat


async def save(conn: AsyncConnection, key: bytes, beat: Beat) -> None:
    """Keep what is known of the job with the key of that digest."""
    await conn.execute(upsert(conn, heartbeats), {"key": key, **asdict(beat)})


async def everything(conn: AsyncConnection) -> dict[bytes, Beat]:
    """What is known of all jobs, by the digest of their key."""
    rows = await conn.execute(select(heartbeats))
    return {bytes(row.key): Beat(row.ended, row.failed, row.code, row.took, row.started) for row in rows}


async def keep_only(conn: AsyncConnection, keys: Collection[bytes]) -> None:
    """Forget the jobs with other keys than these."""
    await conn.execute(delete(heartbeats).where(heartbeats.c.key.not_in(keys)))
