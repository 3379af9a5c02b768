"""How long messages have lain about that could have been sent."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from alerting.bundling import WINDOW
from alerting.rules import Severity
from monitor.store.tables import MessageState, messages


async def of_messages(conn: AsyncConnection, failing: Collection[str], now: datetime) -> float:
    """Seconds since the most overdue message could have gone out; 0 if none is overdue.

    Messages to `failing` destinations do not count. Below critical a message may wait for its destination's budget; one
    that is being sent, until its lease ends.
    """
    is_sent = messages.c.state == MessageState.LEASED
    due = case((is_sent, messages.c.leased_until), else_=messages.c.due)
    patient = ~is_sent & (messages.c.severity != Severity.CRITICAL)
    columns = (messages.c.destination, patient.label("patient"), func.min(due).label("due"))
    query = select(*columns).where(messages.c.finished.is_(None)).group_by(messages.c.destination, patient)
    late: list[float] = [
        (now - row.due).total_seconds() - (WINDOW.total_seconds() if row.patient else 0)
        for row in await conn.execute(query)
        if row.destination not in failing
    ]
    return max([0.0, *late])
