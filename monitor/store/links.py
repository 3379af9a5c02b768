"""What signs the links in messages, who has used which, and which are void."""

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from monitor.store import dialects
from monitor.store.tables import keys, link_uses, revocations

AGE = timedelta(days=90)
"""How long a key signs. It is kept for as long again, for the links that it has signed."""


class Use(NamedTuple):
    """Somebody answered by a link, then."""

    at: datetime
    who: str


async def key(conn: AsyncConnection, now: datetime) -> bytes:
    """The 32 random bytes that sign links, made when there are none or they are old; may write."""
    row = (await conn.execute(select(keys).order_by(keys.c.created.desc()).limit(1))).one_or_none()
    if row is not None and now - row.created < AGE:
        return bytes(row.secret)
    await conn.execute(delete(keys).where(keys.c.created < now - 2 * AGE))
    secret = secrets.token_bytes(32)
    await conn.execute(insert(keys), {"name": f"links {now.isoformat()}", "secret": secret, "created": now})
    return secret


async def verifying(conn: AsyncConnection) -> tuple[bytes, ...]:
    """All keys whose links may still work, newest first."""
    rows = await conn.execute(select(keys.c.secret).order_by(keys.c.created.desc()))
    return tuple(bytes(row.secret) for row in rows)


async def forget_keys(conn: AsyncConnection) -> None:
    """Make every link void: for when a copy of the database is in the wrong hands."""
    await conn.execute(delete(keys))


async def claim(conn: AsyncConnection, digest: bytes, action: str, use: Use, destination: str) -> Use:
    """Use a link for an action; the use that counts, which is the first one there ever was."""
    row = {"digest": digest, "action": action, "destination": destination, **use._asdict()}
    statement = dialects.insert(conn, link_uses).on_conflict_do_nothing(index_elements=["digest", "action"])
    await conn.execute(statement, row)
    return (await uses(conn, digest))[action]


async def uses(conn: AsyncConnection, digest: bytes) -> Mapping[str, Use]:
    """What a link was used for, by action."""
    rows = await conn.execute(select(link_uses).where(link_uses.c.digest == digest))
    return {row.action: Use(row.at, row.who) for row in rows}


async def answered(conn: AsyncConnection, action: str, since: datetime) -> frozenset[str]:
    """The destinations whose links have been used for an action since then."""
    rows = await conn.execute(
        select(link_uses.c.destination).where(link_uses.c.action == action, link_uses.c.at >= since)
    )
    return frozenset(row.destination for row in rows)


async def revoke(conn: AsyncConnection, destination: str, now: datetime) -> None:
    """Make every link void that was made for a destination until now."""
    await conn.execute(dialects.upsert(conn, revocations), {"destination": destination, "before": now})


async def is_revoked(conn: AsyncConnection, destination: str, made: datetime) -> bool:
    """Whether links that were made for that destination at that time are void.

    Links know the second that they were made in: those of the revocation's own second are void, too.
    """
    row = (await conn.execute(select(revocations).where(revocations.c.destination == destination))).one_or_none()
    return row is not None and bool(made <= row.before)
