"""Sign-offs: who has looked through an audit or done a review, and how it stood then."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from monitor.store.tables import signoffs


@dataclass(frozen=True, slots=True)
class Signoff:
    """Somebody has done what a check asks people for: looked through an audit, or done a review.

    `audited` is when the audit was made that was signed, of a review the same as `at`; `figures` are an audit's counts
    by name. `note` says what was done, `link` is where more evidence is, "" if nowhere.
    """

    id: str
    check: str
    at: datetime
    who: str
    note: str
    audited: datetime
    figures: Mapping[str, int]
    link: str = ""


async def save(conn: AsyncConnection, signoff: Signoff) -> None:
    """Keep a new sign-off."""
    row = {column.name: getattr(signoff, column.name) for column in signoffs.columns}
    await conn.execute(insert(signoffs), {**row, "figures": dict(signoff.figures)})


async def page(conn: AsyncConnection, limit: int = 50, checks: Collection[str] | None = None) -> tuple[Signoff, ...]:
    """The newest sign-offs of these checks, or of all, newest first."""
    query = select(signoffs).order_by(signoffs.c.at.desc(), signoffs.c.id.desc()).limit(limit)
    if checks is not None:
        query = query.where(signoffs.c.check.in_(checks))
    return tuple(Signoff(**row._asdict()) for row in await conn.execute(query))


async def newest(conn: AsyncConnection, checks: Collection[str]) -> dict[str, datetime]:
    """When each of these checks was signed off last; those that never were are left out."""
    query = select(signoffs.c.check, func.max(signoffs.c.at).label("newest")).where(signoffs.c.check.in_(checks))
    return {row.check: row.newest for row in await conn.execute(query.group_by(signoffs.c.check))}
