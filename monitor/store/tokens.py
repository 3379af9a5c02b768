"""Tokens of programs and people: named, with a role, for a time. Only digests are kept."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from monitor.people.roles import EVERYWHERE, Role
from monitor.store.tables import tokens


@dataclass(frozen=True, slots=True)
class Token:
    """What a program comes with. `user` is whose it is, None for a program of nobody; `seen` is exact to a minute."""

    id: str
    name: str
    user: str | None
    site: str
    role: Role
    author: str
    created: datetime
    expires: datetime
    seen: datetime | None = None


_COLUMNS = [column for column in tokens.columns if column.name != "digest"]


async def add(conn: AsyncConnection, token: Token, digest: bytes) -> None:
    """Keep a new token; `digest` is a cryptographic hash of its secret."""
    await conn.execute(
        insert(tokens), {column.name: getattr(token, column.name) for column in _COLUMNS} | {"digest": digest}
    )


async def find(conn: AsyncConnection, digest: bytes, site: str, now: datetime) -> Token | None:
    """The token of that secret, for this site; None if there is none, or it has expired."""
    valid = (tokens.c.digest == digest) & (tokens.c.expires > now) & tokens.c.site.in_((site, EVERYWHERE))
    row = (await conn.execute(select(*_COLUMNS).where(valid))).one_or_none()
    return None if row is None else Token(**row._asdict())


async def touch(conn: AsyncConnection, id: str, now: datetime) -> None:
    """Remember that it was used."""
    await conn.execute(update(tokens).where(tokens.c.id == id).values(seen=now))


async def page(conn: AsyncConnection, user: str | None = None) -> tuple[Token, ...]:
    """The tokens of a user, or all; the newest first."""
    query = select(*_COLUMNS).order_by(tokens.c.created.desc(), tokens.c.id.desc())
    query = query if user is None else query.where(tokens.c.user == user)
    return tuple(Token(**row._asdict()) for row in await conn.execute(query))


async def revoke(conn: AsyncConnection, id: str) -> Token | None:
    """End a token; what it was, None if there is none of that id."""
    row = (await conn.execute(select(*_COLUMNS).where(tokens.c.id == id))).one_or_none()
    await conn.execute(delete(tokens).where(tokens.c.id == id))
    return None if row is None else Token(**row._asdict())
