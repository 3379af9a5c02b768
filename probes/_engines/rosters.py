"""The two lists that an audit compares: the credentials of the locks, and the members who may have one."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, NamedTuple, TypeVar

MOST = 20_000
"""People of one list that are compared."""

_FIRST_YEAR, _LAST_YEAR = 1980, 2200  # what programs write for "never" and "for ever" lies far beyond


class Keys(NamedTuple):
    """What a person is found by, the surest first; "" is not known. `card` is a digest, never a number.

    `row` stands for who has none of these: a name in a file, an id of the vendor's own.
    """

    id: str = ""
    email: str = ""
    card: str = ""
    row: str = ""

    @property
    def searched(self) -> tuple[tuple[str, str], ...]:
        """The keys that both sides know, as kind and value."""
        return tuple((kind, value) for kind, value in zip(("id", "email", "card"), self[:3], strict=True) if value)

    @property
    def identity(self) -> str:
        """One text that stands for the person on their side."""
        kind, value = next(iter(self.searched), ("row", self.row))
        return f"{kind}:{value}"

    def __repr__(self) -> str:
        return "Keys(***)"


@dataclass(frozen=True, slots=True, repr=False)
class Credential:
    """One credential, or all that an access system says of one person; None is what it does not tell.

    `always` says whether it opens at any hour, `used` when it did last.
    """

    name: str
    keys: Keys
    enabled: bool = True
    used: datetime | None = None
    always: bool | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Member:
    """A member as the platform has them, entitled from `since` on and until `until`.

    `always` says whether that is at any hour, None if it is not told; `enters` False is a contract without a key, like
    a postal address.
    """

    name: str
    keys: Keys
    since: datetime | None = None
    until: datetime | None = None
    always: bool | None = None
    enters: bool = True

    def is_entitled(self, now: datetime) -> bool:
        """Whether this person may enter now."""
        begun = self.since is None or self.since <= now
        return self.enters and begun and (self.until is None or now < self.until)


class Counts(NamedTuple):
    """How long both lists are: what locks list, how much of that is switched on, and who is entitled."""

    listed: int
    enabled: int
    entitled: int


def digest(text: str, salt: str) -> str:
    """A short word that stands for a text, of which nobody without the salt can tell the text; "" for ""."""
    if not text:
        return ""
    return hashlib.blake2b(text.encode(errors="replace"), key=bytes.fromhex(salt), digest_size=10).hexdigest()


def card_digest(number: str, salt: str) -> str:
    """What stands for a card's number, however it is spaced and padded; "" for none."""
    bare = "".join(char for char in number.casefold() if char.isalnum()).lstrip("0")
    return digest(bare, salt)


def address(email: str, strip_tags: bool = False) -> str:
    """An e-mail address as it is compared: without case and, if asked for, without a "+tag"; "" for what is none."""
    local, at, domain = email.strip().casefold().rpartition("@")
    if not at or not local or not domain:
        return ""
    return f"{local.partition('+')[0] or local if strip_tags else local}@{domain}"


def counts(credentials: Collection[Credential], members: Collection[Member], now: datetime) -> Counts:
    """How long both lists are."""
    enabled = sum(one.enabled for one in credentials)
    return Counts(len(credentials), enabled, sum(one.is_entitled(now) for one in members))


def doubt(found: Counts, before: Counts | None, limit: float) -> str:
    """Why nothing must be concluded from lists of this length, as a sentence; "" if all is well.

    `limit` is the ratio by which a list may have shrunk since the last audit, whose counts are `before`.
    """
    names = ("list of credentials", "list of credentials that are switched on", "list of members")
    for name, number, last in zip(names, found, before or found, strict=True):
        if not number:
            return f"the {name} is empty: nothing is concluded from that; see whether its source still tells everything"
        if number < last * (1 - limit):
            return f"the {name} has shrunk from {last} to {number}, by more than {limit:.0%}: nothing is concluded yet"
    return ""


def dated(at: datetime | None) -> datetime | None:
    """A time in a list, None for one that only stands for "none", like the first of January of the year 1."""
    return at if at is not None and _FIRST_YEAR <= at.year < _LAST_YEAR else None


class Plan(NamedTuple):
    """What a contract of some plan allows: to enter at all, and at any hour (None: that is not known)."""

    enters: bool = True
    always: bool | None = None


class Reading(NamedTuple):
    """How lists are read: the salt of card numbers, whether "+tag" is no part of an address, and what plans allow.

    Plans are named in lower case. Where plans around the clock are named, all others are not.
    """

    salt: str
    strip_tags: bool = False
    without_access: frozenset[str] = frozenset()
    around_the_clock: frozenset[str] = frozenset()

    def plan(self, name: str) -> Plan:
        """What a plan of that name allows."""
        known = name.strip().casefold()
        always = known in self.around_the_clock if self.around_the_clock and known else None
        return Plan(known not in self.without_access or not known, always)


T = TypeVar("T")


class Listed(NamedTuple, Generic[T]):
    """A whole list.

    `age` is in seconds, for lists that somebody has to bring up to date; `old` says whether that is long overdue.
    `failed_pushes` counts what the platform could not hand on to the locks, None if it does not tell.
    """

    rows: tuple[T, ...]
    age: float | None = None
    old: bool = False
    failed_pushes: int | None = None
