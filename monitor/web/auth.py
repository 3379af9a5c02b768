"""Who may look: the one-time sign-in link, the sessions that it begins, and the brake on guessing."""

import hashlib
import hmac
import secrets
from collections import OrderedDict
from datetime import UTC, datetime, timedelta

from monitor.store import Store, StoreError, sessions

COOKIE = "deskwatch_session"
WHO = "admin"
"""The name that the person of the sign-in link acts under."""

ABSOLUTE = timedelta(days=7)

GUESSES = 10
"""Wrong tokens from one address within a minute, after which it must wait."""

_MINUTE = timedelta(minutes=1)
_HOLDS = timedelta(hours=1)
"""How long the store's last answer holds while it gives no other."""
_ADDRESSES = 1000


class Throttled(Exception):  # noqa: N818 - read as a sentence
    """Too many wrong tokens from one address."""


class Brake:
    """Slows guessing down, for each address by itself."""

    def __init__(self) -> None:
        self._wrong: OrderedDict[str, list[datetime]] = OrderedDict()

    def check(self, address: str, now: datetime) -> None:
        """Raises Throttled after too many wrong tokens from there."""
        if len(self._recent(address, now)) >= GUESSES:
            raise Throttled

    def count(self, address: str, now: datetime) -> None:
        """A wrong token came from there."""
        self._wrong[address] = [*self._recent(address, now), now]
        self._wrong.move_to_end(address)
        if len(self._wrong) > _ADDRESSES:
            self._wrong.popitem(last=False)

    def _recent(self, address: str, now: datetime) -> list[datetime]:
        return [at for at in self._wrong.get(address, ()) if now - at < _MINUTE]


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


class Sessions:
    """Who is signed in. What the store said is believed for a minute, so that pages do not wait for writers."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._valid: dict[bytes, datetime] = {}

    async def begin(self, now: datetime) -> str:
        """Open a session; the secret for its cookie. Only the secret's digest is stored."""
        secret = secrets.token_urlsafe(32)
        async with self._store.begin() as conn:
            await sessions.create(conn, digest(secret), WHO, now, now + ABSOLUTE)
        return secret

    async def end(self, secret: str) -> None:
        """Close a session, at once."""
        self._valid.pop(digest(secret), None)
        async with self._store.begin() as conn:
            await sessions.revoke(conn, digest(secret))

    async def is_open(self, secret: str, now: datetime) -> bool:
        """Whether that session was begun, has not ended and was not idle for too long.

        While the store cannot say, what it said before holds: a full disk must not hide the board that tells of it.
        """
        key = digest(secret)
        known = self._valid.get(key)
        if known is not None and now - known < _MINUTE:
            return True
        try:
            async with self._store.begin() as conn:
                found = await sessions.find(conn, key, now)
        except StoreError:
            if known is None or now - known > _HOLDS:
                raise
            return True
        if found is None:
            self._valid.pop(key, None)
        else:
            self._valid[key] = now
        return found is not None


def digest(secret: str) -> bytes:
    """What is stored of a session's secret. It has 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(secret.encode(errors="replace")).digest()


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
