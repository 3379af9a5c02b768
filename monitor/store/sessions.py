"""Who is signed in. Only digests of the tokens are kept, so that the database opens no door."""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from monitor.store.tables import sessions

_IDLE = timedelta(hours=12)
"""A session that nobody used for so long is over, before it expires."""


class Session(NamedTuple):
    """One browser that somebody signed in with; `seen` is exact to a minute.

    `user` is None for whoever has opened the sign-in link; `agent` is what the browser says it is.
    """

    digest: bytes
    who: str
    created: datetime
    seen: datetime
    expires: datetime
    user: str | None = None
    address: str = ""
    agent: str = ""

    @property
    def id(self) -> str:
        """What stands for it on a page; opens nothing."""
        return self.digest.hex()[:24]


_COLUMNS = [sessions.c[name] for name in Session._fields]


async def create(conn: AsyncConnection, session: Session) -> None:
    """Begin a session; its digest is a cryptographic hash of its token."""
    await conn.execute(insert(sessions), session._asdict())


async def find(conn: AsyncConnection, digest: bytes, now: datetime) -> Session | None:
    """The session of that token; None if there is none, it expired or was idle."""
    row = (await conn.execute(select(*_COLUMNS).where((sessions.c.digest == digest) & _open(now)))).one_or_none()
    return None if row is None else Session(*row)


async def touch(conn: AsyncConnection, digest: bytes, now: datetime) -> None:
    """Remember that it was used."""
    await conn.execute(update(sessions).where(sessions.c.digest == digest).values(seen=now))


async def of(conn: AsyncConnection, user: str | None, now: datetime) -> tuple[Session, ...]:
    """The open sessions of a user, or of the sign-in link for None; the one used last first."""
    mine = select(*_COLUMNS).where((sessions.c.user == user) & _open(now))
    return tuple(Session(*row) for row in await conn.execute(mine.order_by(sessions.c.seen.desc())))


async def revoke(conn: AsyncConnection, digest: bytes) -> None:
    """End a session; one that does not exist stays that way."""
    await conn.execute(delete(sessions).where(sessions.c.digest == digest))


async def revoke_all(conn: AsyncConnection, user: str | None, but: bytes = b"") -> int:
    """End the sessions of a user, or of the sign-in link for None, except for one; how many there were."""
    theirs = (sessions.c.user == user) & (sessions.c.digest != but)
    return (await conn.execute(delete(sessions).where(theirs))).rowcount


def _open(now: datetime) -> ColumnElement[bool]:
    return (sessions.c.seen > now - _IDLE) & (sessions.c.expires > now)
