"""What is to be done so that an incident does not happen again; changed with its incident, read apart from it."""

from collections.abc import Collection
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from incidents.review import Action
from monitor.store.dialects import one_of
from monitor.store.tables import actions


async def undone(conn: AsyncConnection) -> tuple[Action, ...]:
    """What is still to be done, what is due first at the front."""
    return await _load(conn, actions.c.done.is_(None))


async def between(conn: AsyncConnection, start: datetime, end: datetime) -> tuple[Action, ...]:
    """What is still to be done, and what was done from `start` up to `end`; what is due first at the front."""
    return await _load(conn, or_(actions.c.done.is_(None), (actions.c.done >= start) & (actions.c.done < end)))


async def reminded(conn: AsyncConnection, ids: Collection[str], now: datetime) -> None:
    """Their owners have been reminded."""
    if ids:
        await conn.execute(update(actions).where(one_of(conn, actions.c.id, list(ids))).values(reminded=now))


def action_row(action: Action) -> dict[str, Any]:
    """As it is stored."""
    return {**action._asdict(), "due": action.due.isoformat()}


def action_of(row: Row[*tuple[Any, ...]]) -> Action:
    """As it was before it was stored."""
    return Action(**{**row._asdict(), "due": date.fromisoformat(row.due)})


async def _load(conn: AsyncConnection, wanted: ColumnElement[bool]) -> tuple[Action, ...]:
    query = select(actions).where(wanted).order_by(actions.c.due, actions.c.id)
    return tuple(action_of(row) for row in await conn.execute(query))
