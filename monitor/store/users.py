"""Users: who may sign in, and what they may do at which site."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from monitor.people.roles import EVERYWHERE, Role, highest
from monitor.store import dialects
from monitor.store.tables import grants, recovery_codes, users


@dataclass(frozen=True, slots=True)
class User:
    """A person who may sign in.

    `password` is a hash, "" for none; `subject` whom another provider vouches for, "" for none; `totp` the secret of
    their authenticator app, "" for none, of whose codes those up to `totp_step` are used. `roles` are by site.
    """

    id: str
    name: str
    created: datetime
    password: str = ""
    subject: str = ""
    totp: str = ""
    totp_step: int = 0
    disabled: bool = False
    roles: Mapping[str, Role] = field(default_factory=dict)

    def role_at(self, site: str) -> Role | None:
        """What they may do at a site, None for nothing; who is disabled may nothing anywhere."""
        found = [role for where, role in self.roles.items() if where in (site, EVERYWHERE)]
        return None if self.disabled else highest(*found)


async def add(conn: AsyncConnection, user: User) -> None:
    """Keep a new user with their roles. Raises IntegrityError for a name that is taken."""
    await conn.execute(insert(users), {column.name: getattr(user, column.name) for column in users.columns})
    for site, role in user.roles.items():
        await grant(conn, user.id, site, role)


async def get(conn: AsyncConnection, id: str) -> User | None:
    """The user of that id."""
    return await _one(conn, users.c.id == id)


async def named(conn: AsyncConnection, name: str) -> User | None:
    """The user of that name, which is in lower case."""
    return await _one(conn, users.c.name == name)


async def vouched(conn: AsyncConnection, subject: str) -> User | None:
    """The user for whom another provider vouches as that subject."""
    return await _one(conn, users.c.subject == subject)


async def everybody(conn: AsyncConnection) -> tuple[User, ...]:
    """All users, by name."""
    return await _load(conn, select(users).order_by(users.c.name))


async def change(conn: AsyncConnection, id: str, **values: object) -> None:
    """Change columns of a user."""
    await conn.execute(update(users).where(users.c.id == id).values(values))


async def use_step(conn: AsyncConnection, id: str, step: int) -> bool:
    """Use the codes of an authenticator app up to a step; False if that one was used before."""
    fresh = (users.c.id == id) & (users.c.totp_step < step)
    return (await conn.execute(update(users).where(fresh).values(totp_step=step))).rowcount == 1


async def grant(conn: AsyncConnection, id: str, site: str, role: Role) -> None:
    """Give a user a role at a site, "*" for all, instead of the one they had there."""
    await conn.execute(dialects.upsert(conn, grants), {"user": id, "site": site, "role": role})


async def withdraw(conn: AsyncConnection, id: str, site: str) -> None:
    """Take the role at a site away."""
    await conn.execute(delete(grants).where(grants.c.user == id, grants.c.site == site))


async def remove(conn: AsyncConnection, id: str) -> None:
    """Forget a user, with roles, codes and tokens."""
    await conn.execute(delete(users).where(users.c.id == id))


async def keep_codes(conn: AsyncConnection, id: str, digests: Iterable[bytes]) -> None:
    """Keep these recovery codes in the place of all from before."""
    await conn.execute(delete(recovery_codes).where(recovery_codes.c.user == id))
    rows = [{"user": id, "digest": digest} for digest in digests]
    if rows:
        await conn.execute(insert(recovery_codes), rows)


async def use_code(conn: AsyncConnection, id: str, digest: bytes) -> bool:
    """Use a recovery code up; False if there is none of that digest."""
    this = (recovery_codes.c.user == id) & (recovery_codes.c.digest == digest)
    return (await conn.execute(delete(recovery_codes).where(this))).rowcount == 1


async def codes_left(conn: AsyncConnection, id: str) -> int:
    """How many recovery codes a user has."""
    rows = await conn.execute(select(recovery_codes.c.digest).where(recovery_codes.c.user == id))
    return len(rows.all())


async def _one(conn: AsyncConnection, which: Any) -> User | None:
    found = await _load(conn, select(users).where(which))
    return found[0] if found else None


async def _load(conn: AsyncConnection, query: Any) -> tuple[User, ...]:
    rows = (await conn.execute(query)).all()
    given = await conn.execute(select(grants).where(dialects.one_of(conn, grants.c.user, [row.id for row in rows])))
    roles: dict[str, dict[str, Role]] = {}
    for user, site, role in given:
        roles.setdefault(user, {})[site] = role
    return tuple(User(**row._asdict(), roles=roles.get(row.id, {})) for row in rows)
