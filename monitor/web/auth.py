"""Who may look: the one-time sign-in link, sessions, the tokens of programs, and the brake on guessing."""

import hashlib
import hmac
import secrets
from collections import OrderedDict
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import IPv6Address, ip_address
from typing import NamedTuple, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from monitor.people.accounts import LINK, TOKEN_PREFIX, digest
from monitor.people.roles import Role
from monitor.store import Store, StoreError, sessions, tokens, users
from monitor.store.sessions import Session

T = TypeVar("T")

COOKIE = "deskwatch_session"
SECURE_COOKIE = f"__Host-{COOKIE}"
"""Its name under HTTPS: a browser takes it from no other host and not over HTTP."""

ABSOLUTE = timedelta(days=7)

GUESSES = 10
"""Wrong tokens from one address within a minute, after which it must wait."""

_MINUTE = timedelta(minutes=1)
_HOLDS = timedelta(hours=1)
"""How long the store's last answer holds while it gives no other."""
_KEYS = 10_000


class Throttled(Exception):  # noqa: N818 - read as a sentence
    """Too many wrong tries."""


class Brake:
    """Slows guessing down, for each address (of IPv6 each network) or other key by itself."""

    def __init__(self, guesses: int = GUESSES, within: timedelta = _MINUTE) -> None:
        self.within = within
        self._guesses = guesses
        self._wrong: OrderedDict[str, list[datetime]] = OrderedDict()

    def check(self, key: str, now: datetime) -> None:
        """Raises Throttled after too many wrong tries."""
        if len(self._recent(_network(key), now)) >= self._guesses:
            raise Throttled

    def count(self, key: str, now: datetime) -> None:
        """That was a wrong one."""
        key = _network(key)
        self._wrong[key] = [*self._recent(key, now), now]
        self._wrong.move_to_end(key)
        if len(self._wrong) > _KEYS:
            self._wrong.popitem(last=False)

    def forget(self, key: str, at: datetime) -> None:
        """The one that was counted at that time was right after all."""
        with suppress(KeyError, ValueError):
            self._wrong[_network(key)].remove(at)

    def _recent(self, key: str, now: datetime) -> list[datetime]:
        return [at for at in self._wrong.get(key, ()) if now - at < self.within]


class Gate:
    """The sign-in link of one start of the service: it opens one session, then never another."""

    def __init__(self) -> None:
        self._token = secrets.token_urlsafe(32)
        self._used = False
        self._brake = Brake()

    def link(self, base: str) -> str:
        """The address to open in a browser; `base` is how people reach the service, such as http://127.0.0.1:8470."""
        return f"{base.rstrip('/')}/sign-in?token={self._token}"

    def redeem(self, token: str, address: str, now: datetime) -> bool:
        """Use the token up. False when it is wrong or was used before; raises Throttled after too many wrong ones."""
        self._brake.check(address, now)
        if hmac.compare_digest(token.encode(errors="replace"), self._token.encode()) and not self._used:
            self._used = True
            return True
        self._brake.count(address, now)
        return False


class Identity(NamedTuple):
    """Who asks, and what they may do. `user` is the id of a user, None for the sign-in link and for programs."""

    name: str
    role: Role
    user: str | None = None
    session: bytes = b""


class Sessions:
    """Who is signed in. The store is asked for every request, so that an end counts at once wherever it was made."""

    def __init__(self, store: Store, site: str) -> None:
        self._store = store
        self._site = site
        self._known: OrderedDict[bytes, tuple[datetime, Identity]] = OrderedDict()
        self._touched: OrderedDict[bytes, datetime] = OrderedDict()

    async def begin(
        self,
        conn: AsyncConnection,
        now: datetime,
        who: str = LINK,
        user: str | None = None,
        address: str = "",
        agent: str = "",
    ) -> str:
        """Open a session; the secret for its cookie. Only the secret's digest is stored."""
        secret = secrets.token_urlsafe(32)
        await sessions.create(conn, Session(digest(secret), who, now, now, now + ABSOLUTE, user, address, agent[:200]))
        return secret

    async def end(self, conn: AsyncConnection, secret: str) -> None:
        """Close a session, at once."""
        await sessions.revoke(conn, digest(secret))

    async def identity(self, secret: str, now: datetime) -> Identity | None:
        """Whose session it is; None if it was not begun, has ended, was idle for too long, or its user may not look.

        While the store cannot say, what it said before holds: a fault of it must not hide the board that tells of it.
        """
        key = digest(secret)
        at, known = self._known.get(key, (now, None))
        try:
            async with self._store.connect() as conn:
                found = await self._found(conn, key, now)
        except StoreError:
            if known is None or now - at > _HOLDS:
                raise
            return known
        self._known.pop(key, None)
        if found is not None:
            _keep(self._known, key, (now, found))
            await self._touch(key, now)
        return found

    async def token(self, secret: str, now: datetime) -> Identity | None:
        """What comes with a token; None if it is none, has expired, or its user may not look. Raises StoreError."""
        key = digest(secret)
        async with self._store.connect() as conn:
            token = await tokens.find(conn, key, self._site, now)
            owner = await users.get(conn, token.user) if token is not None and token.user is not None else None
        if token is None:
            return None
        role: Role | None = token.role
        if token.user is not None:
            own = owner.role_at(self._site) if owner is not None else None
            role = token.role if own is not None and own.covers(token.role) else own
        if role is None:
            return None
        if now - self._touched.get(key, now - _MINUTE) >= _MINUTE:
            _keep(self._touched, key, now)
            with suppress(StoreError):
                async with self._store.begin() as conn:
                    await tokens.touch(conn, token.id, now)
        return Identity(f"token {token.name}", role)

    async def _found(self, conn: AsyncConnection, key: bytes, now: datetime) -> Identity | None:
        session = await sessions.find(conn, key, now)
        if session is None:
            return None
        if session.user is None:
            return Identity(session.who, Role.ADMIN, None, key)
        user = await users.get(conn, session.user)
        role = user.role_at(self._site) if user is not None else None
        return Identity(session.who, role, session.user, key) if role is not None else None

    async def _touch(self, key: bytes, now: datetime) -> None:
        """Note once a minute that it is used; if that fails, the board is shown all the same."""
        if now - self._touched.get(key, now - _MINUTE) < _MINUTE:
            return
        _keep(self._touched, key, now)
        with suppress(StoreError):
            async with self._store.begin() as conn:
                await sessions.touch(conn, key, now)


def is_token(given: str) -> bool:
    """Whether a secret looks like a token of ours."""
    return given.startswith(TOKEN_PREFIX)


def form_key(secret: str) -> str:
    """What a form of this session must carry to prove that one of our pages made it.

    Different in every page, so that the length of a compressed page tells nothing of it.
    """
    return _form_key(secret, secrets.token_hex(16))


def is_form_key(secret: str, given: str) -> bool:
    """Whether one of our pages made that key for this session."""
    expected = _form_key(secret, given.partition(".")[0])
    return hmac.compare_digest(expected.encode(errors="replace"), given.encode(errors="replace"))


def utc_now() -> datetime:
    """The time of a request."""
    return datetime.now(UTC)


def _form_key(secret: str, salt: str) -> str:
    return f"{salt}.{hmac.new(secret.encode(), f'form {salt}'.encode(errors='replace'), hashlib.sha256).hexdigest()}"


def _network(key: str) -> str:
    """The network of an IPv6 address, of which one host has 2^64; anything else as it is."""
    try:
        address = ip_address(key)
    except ValueError:
        return key
    return str(IPv6Address(int(address) >> 64 << 64)) if isinstance(address, IPv6Address) else key


def _keep(known: OrderedDict[bytes, T], key: bytes, value: T) -> None:
    """Keep it as the newest, and not more than so many."""
    known[key] = value
    known.move_to_end(key)
    if len(known) > _KEYS:
        known.popitem(last=False)
