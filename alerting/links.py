"""Signed links: who opens one may answer a message without signing in, for a while, as the one whom it was sent to."""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from struct import Struct

from ulid import ULID

from language import gettext

PATH = "/act/"
"""Where links lead, before the token."""
LENGTH = 84
"""Characters of every token."""

_LAYOUT = Struct(">BII6s16s16s")
"""Purpose, made and expires in seconds since 1970, digest of the destination, two ids. With the signature it is a
multiple of three bytes: base64 then has no spare bits, so that no two texts are the same token."""
_SIGNATURE = 16


class Purpose(IntEnum):
    """What a link is for. The number begins the token; a purpose with another layout takes another number."""

    INCIDENT = 1
    DRILL = 2


@dataclass(frozen=True, slots=True)
class Link:
    """What a token says. `episode` names the messages that it came with, `incident` is "" for a drill.

    `made` and `expires` are aware UTC in whole seconds.
    """

    purpose: Purpose
    incident: str
    episode: str
    destination: str
    made: datetime
    expires: datetime


class LinkError(ValueError):
    """A token that we did not sign, or not for one of these destinations; the text tells a person what to do."""


class Expired(LinkError):  # noqa: N818 - read as a sentence
    """A token that we signed, but too long ago."""


@dataclass(frozen=True, slots=True)
class Signer:
    """Makes the links of messages. `url` is how people reach the pages, "" if nobody said; `life` is in seconds."""

    secret: bytes
    url: str
    life: float

    def incident(self, incident: str, episode: str, destination: str, now: datetime) -> str:
        """The address to answer at, "" without a `url`. Raises ValueError for an id that is not a ULID."""
        return self._address(Purpose.INCIDENT, incident, episode, destination, now)

    def drill(self, episode: str, destination: str, now: datetime) -> str:
        """The address to confirm at, "" without a `url`; an episode is like "drill/2026-01-05"."""
        return self._address(Purpose.DRILL, "", episode, destination, now)

    def _address(self, purpose: Purpose, incident: str, episode: str, destination: str, now: datetime) -> str:
        if not self.url:
            return ""
        made = now.replace(microsecond=0)
        link = Link(purpose, incident, episode, destination, made, made + timedelta(seconds=self.life))
        return f"{self.url.rstrip('/')}{PATH}{sign(self.secret, link)}"


def sign(secret: bytes, link: Link) -> str:
    """The link as a token of `LENGTH` characters that are safe in an address."""
    body = _LAYOUT.pack(
        link.purpose,
        int(link.made.timestamp()),
        int(link.expires.timestamp()),
        _named(link.destination),
        *_ids(link),
    )
    return urlsafe_b64encode(body + _signature(secret, body, link.destination)).decode()


def read(secrets: Sequence[bytes], token: str, destinations: Iterable[str], now: datetime) -> Link:
    """What a token says that one of the secrets signed for one of the destinations.

    Raises LinkError for any other, and Expired.
    """
    raw = _decoded(token)
    body, signature = raw[: _LAYOUT.size], raw[_LAYOUT.size :]
    purpose, made, expires, name, incident, episode = _LAYOUT.unpack(body)
    destination = next((one for one in destinations if _named(one) == name), "")
    # All of them, in constant time: how long a refusal takes tells nothing about a secret.
    matches = [hmac.compare_digest(signature, _signature(secret, body, destination)) for secret in secrets]
    if not any(matches):
        raise _invalid()
    link = Link(
        Purpose(purpose),
        str(ULID.from_bytes(incident)) if purpose == Purpose.INCIDENT else "",
        str(ULID.from_bytes(episode)) if purpose == Purpose.INCIDENT else episode.decode(),
        destination,
        datetime.fromtimestamp(made, UTC),
        datetime.fromtimestamp(expires, UTC),
    )
    if now >= link.expires:
        raise Expired(gettext("This link has run out. The newest message about it has one that works, or sign in."))
    return link


def digest(token: str) -> bytes:
    """What is kept of a token that was used, so that the database holds none that still works."""
    return hashlib.sha256(token.encode()).digest()


def _ids(link: Link) -> tuple[bytes, bytes]:
    if link.purpose is Purpose.INCIDENT:
        return ULID.from_str(link.incident).bytes, ULID.from_str(link.episode).bytes
    episode = link.episode.encode("ascii")
    if len(episode) != 16:
        raise ValueError(f"the drill {link.episode!r} does not have 16 characters")
    return bytes(16), episode


def _named(destination: str) -> bytes:
    """A few bytes to find a destination by; the signature is over its whole name."""
    return hashlib.sha256(destination.encode()).digest()[:6]


def _signature(secret: bytes, body: bytes, destination: str) -> bytes:
    return hmac.digest(secret, b"deskwatch link " + body + destination.encode(), "sha256")[:_SIGNATURE]


def _decoded(token: str) -> bytes:
    """The bytes of a token; Python's decoder takes other spellings of the same bytes, which would be used once more."""
    try:
        raw = urlsafe_b64decode(token)
    except ValueError:
        raw = b""
    if len(token) != LENGTH or urlsafe_b64encode(raw).decode() != token:
        raise _invalid()
    return raw


def _invalid() -> LinkError:
    words = gettext("This link is not complete, or it was withdrawn. Open the newest message again, or sign in.")
    return LinkError(words)
