"""Overrides: who takes a schedule over for a while, now or later."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from alerting.oncall import Override
from monitor.store.tables import overrides

_RECENT = timedelta(days=31)
"""How long one that has ended is still of interest: where it ended a gap may have begun."""


async def save(conn: AsyncConnection, override: Override) -> None:
    """Keep a new override."""
    await conn.execute(
        sa.insert(overrides), {column.name: getattr(override, column.name) for column in overrides.columns}
    )


async def current(conn: AsyncConnection, now: datetime) -> tuple[Override, ...]:
    """Those that have not ended or did so in the last month, also if they begin later; the first to begin first."""
    query = sa.select(overrides).where(overrides.c.ends > now - _RECENT).order_by(overrides.c.starts, overrides.c.id)
    return tuple(Override(**row._asdict()) for row in await conn.execute(query))


async def delete(conn: AsyncConnection, id: str) -> bool:
    """Take an override back; False if there is none of that id."""
    return (await conn.execute(sa.delete(overrides).where(overrides.c.id == id))).rowcount == 1
