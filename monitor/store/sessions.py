"""Who is signed in. Only digests of the tokens are kept, so that the database opens no door."""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from monitor.store.tables import sessions

_TOUCH = timedelta(minutes=1)
_IDLE = timedelta(hours=12)
"""A session that nobody used for so long is over, before it expires."""


class Session(NamedTuple):
    """One browser that somebody signed in with; `seen` is exact to a minute."""

    who: str
    created: datetime
    seen: datetime
    expires: datetime


async def create(conn: AsyncConnection, digest: bytes, who: str, now: datetime, expires: datetime) -> None:
    """Begin a session; `digest` is a cryptographic hash of its token."""
    row = {"digest": digest, "who": who, "created": now, "seen": now, "expires": expires}
    await conn.execute(insert(sessions), row)


async def find(conn: AsyncConnection, digest: bytes, now: datetime) -> Session | None:
    """The session of that token; None if there is none, it expired or was idle. Needs a transaction that may write."""
    mine = (sessions.c.digest == digest) & (sessions.c.seen > now - _IDLE)
    await conn.execute(update(sessions).where(mine, sessions.c.seen <= now - _TOUCH).values(seen=now))
    columns = (sessions.c.who, sessions.c.created, sessions.c.seen, sessions.c.expires)
    row = (await conn.execute(select(*columns).where(mine, sessions.c.expires > now))).one_or_none()
    return None if row is None else Session(*row)


async def revoke(conn: AsyncConnection, digest: bytes) -> None:
    """End a session; one that does not exist stays that way."""
    await conn.execute(delete(sessions).where(sessions.c.digest == digest))
