"""Why somebody was told, and why not: a row for every decision, kept as long as the incidents are."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from alerting.verdicts import Decision
from monitor.store.tables import decisions

_COLUMNS = [decisions.c[name] for name in Decision._fields]


async def add(conn: AsyncConnection, made: Sequence[Decision]) -> None:
    """Write decisions down."""
    if made:
        await conn.execute(insert(decisions), [one._asdict() for one in made])


async def of_episode(conn: AsyncConnection, episode: str) -> tuple[Decision, ...]:
    """All decisions about an episode, oldest first."""
    return await _load(conn, select(*_COLUMNS).where(decisions.c.episode == episode))


async def of_incident(conn: AsyncConnection, incident: str) -> tuple[Decision, ...]:
    """All decisions about the episodes of an incident, oldest first."""
    return await _load(conn, select(*_COLUMNS).where(decisions.c.incident == incident))


async def of_check(conn: AsyncConnection, check: str, start: datetime, end: datetime) -> tuple[Decision, ...]:
    """The decisions about a check in a stretch of time, oldest first."""
    within = (decisions.c.check == check) & (decisions.c.at >= start) & (decisions.c.at <= end)
    return await _load(conn, select(*_COLUMNS).where(within))


async def _load(conn: AsyncConnection, query: Select[*tuple[Any, ...]]) -> tuple[Decision, ...]:
    rows = await conn.execute(query.order_by(decisions.c.id))
    return tuple(Decision(*row) for row in rows)
