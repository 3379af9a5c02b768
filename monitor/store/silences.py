"""Silences: those that hold messages back or will, and those that did."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, case, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from alerting.gates import Matcher, Silence
from monitor.store.tables import silences

_COLUMNS = [column for column in silences.columns if column.name != "reminded"]


async def save(conn: AsyncConnection, silence: Silence) -> None:
    """Keep a new silence."""
    row = {column.name: getattr(silence, column.name) for column in _COLUMNS}
    await conn.execute(insert(silences), {**row, "matchers": [list(_parts(one)) for one in silence.matchers]})


async def get(conn: AsyncConnection, id: str) -> Silence | None:
    """The silence of that id."""
    found = await _load(conn, select(*_COLUMNS).where(silences.c.id == id))
    return found[0] if found else None


async def active(conn: AsyncConnection, now: datetime) -> tuple[Silence, ...]:
    """Those that have not ended, also if they begin later; the next to end first."""
    query = select(*_COLUMNS).where(silences.c.ends > now)
    return await _load(conn, query.order_by(silences.c.ends, silences.c.id))


async def page(conn: AsyncConnection, limit: int = 50, before: str | None = None) -> tuple[Silence, ...]:
    """The newest silences, newest first, whether they have ended or not; `before` is the last id of the page before."""
    query = select(*_COLUMNS).order_by(silences.c.id.desc()).limit(limit)
    return await _load(conn, query if before is None else query.where(silences.c.id < before))


async def expire(conn: AsyncConnection, id: str, now: datetime) -> bool:
    """End a silence now, also one that has not begun; False if there is none of that id that has not ended."""
    this = (silences.c.id == id) & (silences.c.ends > now)
    begun = case((silences.c.starts > now, literal(now, silences.c.starts.type)), else_=silences.c.starts)
    result = await conn.execute(update(silences).where(this).values(starts=begun, ends=now))
    return result.rowcount == 1


async def due_for_reminder(conn: AsyncConnection, now: datetime) -> tuple[Silence, ...]:
    """Those of which somebody should be told that they end soon, and has not been."""
    query = select(*_COLUMNS).where(silences.c.ends > now, silences.c.reminded.is_(None))
    found = await _load(conn, query.order_by(silences.c.ends, silences.c.id))
    return tuple(one for one in found if one.reminds is not None and one.reminds <= now)


async def reminded(conn: AsyncConnection, id: str, now: datetime) -> None:
    """Remember that somebody was told of its end."""
    await conn.execute(update(silences).where(silences.c.id == id).values(reminded=now))


async def _load(conn: AsyncConnection, query: Select[Any]) -> tuple[Silence, ...]:
    return tuple(_silence(row) for row in await conn.execute(query))


def _parts(matcher: Matcher) -> tuple[str, str, str]:
    return matcher.label, matcher.op, matcher.value


def _silence(row: Row[Any]) -> Silence:
    values = row._asdict()
    return Silence(**{**values, "matchers": tuple(Matcher(*parts) for parts in values["matchers"])})
