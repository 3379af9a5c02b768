"""Orders that wait for the running service."""

from collections.abc import Collection

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from monitor.orders import Action, Order
from monitor.store.tables import orders


async def add(conn: AsyncConnection, order: Order) -> None:
    """Leave an order."""
    await conn.execute(insert(orders), order._asdict())


async def waiting(conn: AsyncConnection) -> tuple[Order, ...]:
    """The orders that have not been carried out, oldest first."""
    rows = await conn.execute(select(orders).order_by(orders.c.id))
    return tuple(Order(**{**row._asdict(), "action": Action(row.action)}) for row in rows)


async def done(conn: AsyncConnection, ids: Collection[str]) -> None:
    """Take orders away."""
    if ids:
        await conn.execute(delete(orders).where(orders.c.id.in_(ids)))
