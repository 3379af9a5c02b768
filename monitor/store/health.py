"""How well destinations can be reached, from the recorded attempts and from the links that people used."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from alerting.channels import Outcome
from alerting.health import Health
from monitor.store.tables import deliveries, link_uses, messages


async def health(conn: AsyncConnection) -> dict[str, Health]:
    """Every destination that was ever written to. Reads all attempts: once, when the service starts."""
    attempts = deliveries.join(messages, messages.c.id == deliveries.c.message)
    accepted = await conn.execute(
        select(messages.c.destination, func.max(deliveries.c.at).label("at"))
        .select_from(attempts)
        .where(deliveries.c.outcome == Outcome.ACCEPTED)
        .group_by(messages.c.destination)
    )
    last = {row.destination: row.at for row in accepted}
    refused = await conn.execute(
        select(messages.c.destination, func.max(deliveries.c.id).label("id"))
        .select_from(attempts)
        .where(deliveries.c.outcome != Outcome.ACCEPTED)
        .group_by(messages.c.destination)
    )
    newest = {row.destination: row.id for row in refused}
    return {
        destination: await _health(conn, destination, last.get(destination), newest.get(destination))
        for destination in {*last, *newest}
    }


async def confirmed(conn: AsyncConnection) -> dict[str, datetime]:
    """When a person last used a signed link of a message, by destination."""
    query = select(link_uses.c.destination, func.max(link_uses.c.at).label("at")).group_by(link_uses.c.destination)
    return {row.destination: row.at for row in await conn.execute(query)}


async def _health(conn: AsyncConnection, destination: str, accepted: datetime | None, newest: int | None) -> Health:
    """One destination; `newest` is its newest attempt that failed."""
    words = "" if newest is None else await conn.scalar(select(deliveries.c.words).where(deliveries.c.id == newest))
    failing = (
        select(func.min(deliveries.c.at))
        .select_from(deliveries.join(messages, messages.c.id == deliveries.c.message))
        .where(messages.c.destination == destination, deliveries.c.outcome != Outcome.ACCEPTED)
    )
    if accepted is not None:
        failing = failing.where(deliveries.c.at > accepted)
    return Health(accepted, await conn.scalar(failing), words or "")
