"""What is done to users and their tokens, by whatever means: each change with its line in the audit log."""

import re
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection
from ulid import ULID

from language import N_, SaidError, gettext
from monitor.config.model import Config
from monitor.people.roles import EVERYWHERE, Role
from monitor.store import audit_log, sessions, tokens, users
from monitor.store.audit_log import Entry
from monitor.store.tokens import Token
from monitor.store.users import User

LINK = "admin"
"""The name under which whoever has opened the sign-in link acts; no user can have it."""
TOKEN_PREFIX = "dwt_"  # noqa: S105 - what is public about a token
CODES = 10
"""Recovery codes that are made at a time."""
LONGEST_NAME = 64
LONGEST_LIFE = timedelta(days=366)
"""How long a token may live."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]*")
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Of recovery codes: nothing that looks like something else. Sixteen of them are 79 bits."""


class By(NamedTuple):
    """Who does it, from where, and when."""

    who: str
    address: str
    now: datetime

    def entry(self, what: str, target: str = "") -> Entry:
        """The line of the audit log that says so."""
        return Entry(self.now, self.who, self.address, what, target)


class Untakable(SaidError, ValueError):  # noqa: N818 - read as a sentence
    """A name that cannot be taken; says why and what helps."""


def folded(name: str) -> str:
    """A name as it is stored and compared."""
    return name.strip().lower()


async def add(
    conn: AsyncConnection, by: By, name: str, roles: Mapping[str, Role], password: str = "", subject: str = ""
) -> User:
    """A new user with the hash of a password, or for whom somebody else vouches.

    Raises Untakable for a name that cannot be taken.
    """
    wanted = folded(name)
    if not _NAME.fullmatch(wanted) or len(wanted) > LONGEST_NAME:
        words = N_(
            "the name {name} cannot be taken: write at most {most} letters a-z, digits and .@+-_, "
            "like `ana` or `ana@example.org`"
        )
        raise Untakable(words, name=repr(name[:80]), most=LONGEST_NAME)
    if wanted == LINK:
        words = N_("the name {name} belongs to the sign-in link; give everybody a name of their own")
        raise Untakable(words, name=repr(LINK))
    if await users.named(conn, wanted) is not None:
        raise Untakable(N_("there is a user {name} already; take another name"), name=repr(wanted))
    made = User(str(ULID()), wanted, by.now, password, subject, roles=roles)
    await users.add(conn, made)
    await audit_log.add(conn, by.entry("user added", f"{wanted} ({_said(roles)})"))
    return made


async def set_role(conn: AsyncConnection, by: By, user: User, site: str, role: Role | None) -> None:
    """Give a user a role at a site, or none; they have to sign in again."""
    if role is None:
        await users.withdraw(conn, user.id, site)
    else:
        await users.grant(conn, user.id, site, role)
    await sessions.revoke_all(conn, user.id)
    said = _said({site: role}) if role is not None else f"none at {_place(site)}"
    await audit_log.add(conn, by.entry("role changed", f"{user.name} ({said})"))


async def set_disabled(conn: AsyncConnection, by: By, user: User, disabled: bool) -> None:
    """Keep a user out, which ends their sessions, or let them in again."""
    await users.change(conn, user.id, disabled=disabled)
    await sessions.revoke_all(conn, user.id)
    await audit_log.add(conn, by.entry("user disabled" if disabled else "user enabled", user.name))


async def set_password(conn: AsyncConnection, by: By, user: User, password: str, keep: bytes = b"") -> None:
    """Keep the hash of a new password; all of the user's sessions but `keep` end."""
    await users.change(conn, user.id, password=password)
    await sessions.revoke_all(conn, user.id, keep)
    await audit_log.add(conn, by.entry("password changed", user.name))


async def set_totp(conn: AsyncConnection, by: By, user: User, secret: str, step: int) -> tuple[str, ...]:
    """Ask for codes of an authenticator app from now on; the recovery codes, which are not shown again."""
    await users.change(conn, user.id, totp=secret, totp_step=step)
    await audit_log.add(conn, by.entry("second factor on", user.name))
    return await renew_codes(conn, by, user)


async def drop_totp(conn: AsyncConnection, by: By, user: User) -> None:
    """Ask for a password alone."""
    await users.change(conn, user.id, totp="", totp_step=0)
    await users.keep_codes(conn, user.id, ())
    await audit_log.add(conn, by.entry("second factor off", user.name))


async def renew_codes(conn: AsyncConnection, by: By, user: User) -> tuple[str, ...]:
    """New recovery codes in the place of the old ones."""
    made = tuple("".join(secrets.choice(_ALPHABET) for _ in range(16)) for _ in range(CODES))
    await users.keep_codes(conn, user.id, map(code_digest, made))
    await audit_log.add(conn, by.entry("recovery codes made", user.name))
    return tuple("-".join((code[:4], code[4:8], code[8:12], code[12:])) for code in made)


async def remove(conn: AsyncConnection, by: By, user: User) -> None:
    """Forget a user; the audit log does not."""
    await sessions.revoke_all(conn, user.id)
    await users.remove(conn, user.id)
    await audit_log.add(conn, by.entry("user removed", user.name))


async def issue(
    conn: AsyncConnection, by: By, name: str, role: Role, life: timedelta, site: str, user: User | None = None
) -> tuple[str, Token]:
    """A new token, and its secret, which is not shown again. Raises ValueError with the remedy."""
    wanted = " ".join(name.split())
    if not 0 < len(wanted) <= LONGEST_NAME:
        words = N_("a token needs a name of at most {most} characters that says what it is for")
        raise ValueError(gettext(words, most=LONGEST_NAME))
    if not timedelta(0) < life <= LONGEST_LIFE:
        raise ValueError(gettext("a token lives from 1 to {most} days", most=LONGEST_LIFE.days))
    if user is not None and not ((own := user.role_at(site)) and own.covers(role)):
        words = N_("{name} may not {role}; a token may at most what its user may")
        raise ValueError(gettext(words, name=user.name, role=gettext(role)))
    secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
    owner = user.id if user is not None else None
    made = Token(str(ULID()), wanted, owner, site, role, by.who, by.now, by.now + life)
    await tokens.add(conn, made, digest(secret))
    await audit_log.add(conn, by.entry("token made", f"{wanted} ({_said({site: role})})"))
    return secret, made


async def revoke(conn: AsyncConnection, by: By, id: str) -> Token | None:
    """End a token; what it was, None if there is none of that id."""
    gone = await tokens.revoke(conn, id)
    if gone is not None:
        await audit_log.add(conn, by.entry("token revoked", gone.name))
    return gone


async def has_users(conn: AsyncConnection, site: str) -> bool:
    """Whether somebody can sign in and may do anything at a site."""
    return any(user.role_at(site) is not None for user in await users.everybody(conn))


async def opens_by_link(conn: AsyncConnection, config: Config) -> bool:
    """Whether the sign-in link works: unless it is switched off and somebody else can administer the site."""
    everybody = () if config.server.sign_in_link else await users.everybody(conn)
    return config.server.sign_in_link or not any(one.role_at(config.site.id) is Role.ADMIN for one in everybody)


def digest(secret: str) -> bytes:
    """What is stored of a secret of 256 random bits, for which a plain hash is enough."""
    return sha256(secret.encode(errors="replace")).digest()


def code_digest(code: str) -> bytes:
    """What is stored of a recovery code, however it was typed."""
    return digest("".join(one for one in code.lower() if one.isalnum()))


def _said(roles: Mapping[str, Role]) -> str:
    return ", ".join(f"{role} at {_place(site)}" for site, role in roles.items())


def _place(site: str) -> str:
    return "all sites" if site == EVERYWHERE else site
