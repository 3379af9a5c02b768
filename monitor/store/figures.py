"""Figures that others push, like app adoption or revenue: one value for each name and day."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from monitor.store.dialects import upsert
from monitor.store.tables import figures


class Pushed(NamedTuple):
    """A figure of a day, or of the month that begins on it, as `source` told it at `at`."""

    name: str
    day: date
    value: float
    source: str
    at: datetime


async def save(conn: AsyncConnection, pushed: Sequence[Pushed]) -> None:
    """Keep figures; one of the same name and day takes the new value."""
    if pushed:
        rows = [{**one._asdict(), "day": one.day.isoformat()} for one in pushed]
        await conn.execute(upsert(conn, figures), rows)


async def between(conn: AsyncConnection, first: date, last: date) -> tuple[Pushed, ...]:
    """The figures of the days from `first` to `last`, both included, by name and day."""
    within = figures.c.day.between(first.isoformat(), last.isoformat())
    rows = await conn.execute(select(figures).where(within).order_by(figures.c.name, figures.c.day))
    return tuple(Pushed(row.name, date.fromisoformat(row.day), row.value, row.source, row.at) for row in rows)
