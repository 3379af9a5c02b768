"""What checks remember, so that a restart does not make them forget."""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from monitor.store.dialects import upsert
from monitor.store.tables import memories


async def save(conn: AsyncConnection, what: Mapping[str, Mapping[str, Any]]) -> None:
    """Keep what each of these checks remembers."""
    if what:
        rows = [{"check": check, "what": dict(memory)} for check, memory in what.items()]
        await conn.execute(upsert(conn, memories), rows)


async def everything(conn: AsyncConnection) -> dict[str, Mapping[str, Any]]:
    """What every check remembers, by its id."""
    return {row.check: row.what for row in await conn.execute(select(memories))}


async def keep_only(conn: AsyncConnection, checks: Collection[str]) -> None:
    """Forget what checks other than these remember."""
    known = {row.check for row in await conn.execute(select(memories.c.check))}
    for gone in known - set(checks):
        await conn.execute(delete(memories).where(memories.c.check == gone))
