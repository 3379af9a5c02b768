"""Sign-offs: who has looked through an audit, and how it stood then."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from monitor.store.tables import signoffs


@dataclass(frozen=True, slots=True)
class Signoff:
    """Somebody has looked through the audit of a check that was made at `audited`; `figures` are its counts by name."""

    id: str
    check: str
    at: datetime
    who: str
    note: str
    audited: datetime
    figures: Mapping[str, int]


async def save(conn: AsyncConnection, signoff: Signoff) -> None:
    """Keep a new sign-off."""
    row = {column.name: getattr(signoff, column.name) for column in signoffs.columns}
    await conn.execute(insert(signoffs), {**row, "figures": dict(signoff.figures)})


async def page(conn: AsyncConnection, limit: int = 50) -> tuple[Signoff, ...]:
    """The newest sign-offs of all checks, newest first."""
    query = select(signoffs).order_by(signoffs.c.at.desc(), signoffs.c.id.desc()).limit(limit)
    return tuple(Signoff(**row._asdict()) for row in await conn.execute(query))
