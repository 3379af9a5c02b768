"""Who can enter and who may: compares the credentials of the locks with the members of the platform."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple, Protocol, TypeVar

from probes._engines.rosters import Counts, Credential, Keys, Member, counts, digest, doubt

MOST_REMEMBERED = 3000
"""Findings whose beginning is remembered."""
MOST_LATE = 1000
"""What was put right late, of each kind, that is counted."""
QUARTER = timedelta(days=90)
"""How far back what came too late is counted."""

_NAMED = 3  # people of a shared card that are named


class State(StrEnum):
    """What is wrong, in order of harm."""

    ORPHANED = "orphaned"
    MISSING = "missing"
    DUPLICATE = "duplicate"
    OVER_PRIVILEGED = "over_privileged"
    STALE = "stale"


_ORDER = tuple(State)


class Policy(NamedTuple):
    """What is tolerated, in seconds; `allowed` are ids, e-mails and names of people who need no contract.

    `twice` says whether a person with two credentials that are switched on is a finding.
    """

    grace: float = 86_400
    missing_after: float = 7200
    stale_after: float = 90 * 86_400
    allowed: frozenset[str] = frozenset()
    twice: bool = False

    def limit(self, state: State) -> float:
        """Seconds for which this state is no finding yet."""
        return {State.ORPHANED: self.grace, State.MISSING: self.missing_after}.get(state, 0)


class Remembered(NamedTuple):
    """What one audit leaves to the next: digests and times in seconds of the epoch, and nothing that names anybody.

    `since` is when what was found began, by state and digest. `counts` and `ran` are of the last audit that came to a
    conclusion, `shrunk` when a list began to be too short for one. `late` are the times of what was put right late.
    """

    salt: str
    since: Mapping[str, float] = {}
    counts: Counts | None = None
    ran: float | None = None
    shrunk: float | None = None
    late: Mapping[str, tuple[float, ...]] = {}

    @classmethod
    def of(cls, kept: Mapping[str, Any], salt: str) -> "Remembered":
        """What is kept; with a new salt if there is nothing."""
        if "salt" not in kept:
            return cls(salt)
        counts = kept.get("counts")
        return cls(
            salt=str(kept["salt"]),
            since=dict(kept.get("since", {})),
            counts=None if counts is None else Counts(*counts),
            ran=kept.get("ran"),
            shrunk=kept.get("shrunk"),
            late={what: tuple(times) for what, times in kept.get("late", {}).items()},
        )

    @property
    def memory(self) -> dict[str, Any]:
        """What to keep, as JSON has it."""
        return {
            **self._asdict(),
            "since": dict(self.since),
            "counts": None if self.counts is None else list(self.counts),
            "late": {what: list(times) for what, times in self.late.items()},
        }


@dataclass(frozen=True, slots=True, repr=False)
class Finding:
    """One thing that is wrong. `ripe` says whether it has been so for longer than is tolerated.

    `names` and `emails` are for people who have signed in, and nobody else; `words` add what is known of it.
    """

    state: State
    names: tuple[str, ...]
    emails: tuple[str, ...]
    since: datetime
    ripe: bool
    words: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Audit:
    """What an audit came to: findings in order of harm, the oldest first, and figures.

    `unknown` members have nothing to find them by. `activated` and `deactivated` count what was switched on and off
    later than it should in the last 90 days.
    """

    at: datetime
    findings: tuple[Finding, ...]
    counts: Counts
    unknown: int = 0
    activated: int = 0
    deactivated: int = 0
    failed_pushes: int | None = None
    ages: tuple[tuple[str, float], ...] = ()

    def ripe(self, state: State | None = None) -> tuple[Finding, ...]:
        """The findings that are due, of a state or of all."""
        return tuple(one for one in self.findings if one.ripe and state in (None, one.state))

    def told(self, failed_pushes: int | None, ages: Mapping[str, float | None]) -> "Audit":
        """The audit with what the sources tell beside their lists; ages are in seconds, by side."""
        known = tuple((side, age) for side, age in ages.items() if age is not None)
        return replace(self, failed_pushes=failed_pushes, ages=known)

    @property
    def unripe(self) -> tuple[Finding, ...]:
        """What is still within the time that is allowed for it."""
        return tuple(one for one in self.findings if not one.ripe)

    @property
    def figures(self) -> dict[str, int]:
        """Counts by name, without a person in them."""
        found = {str(state): len(self.ripe(state)) for state in State}
        pushes = {} if self.failed_pushes is None else {"failed_pushes": self.failed_pushes}
        late = {"activated_late": self.activated, "deactivated_late": self.deactivated}
        return {**found, "within_grace": len(self.unripe), **pushes, **self.counts._asdict(), **late}


def doubted(found: Counts, before: Remembered, limit: float, patience: float, now: datetime) -> tuple[str, Remembered]:
    """Why nothing must be concluded now, "" if something can be, and what to remember of that.

    A list that has shrunk by more than the ratio `limit` is believed once it has stayed so for `patience` seconds; an
    empty one never is.
    """
    if words := doubt(found, None, limit):
        return words, before
    words = doubt(found, before.counts, limit)
    if not words:
        return "", before._replace(shrunk=None)
    began = now.timestamp() if before.shrunk is None else before.shrunk
    left = patience - (now.timestamp() - began)
    if left <= 0:
        return "", before._replace(shrunk=None)
    remedy = f"; if that is right, it is believed in {left / 3600:.1f} h, or at once with `shrink_limit: 1`"
    return words + remedy, before._replace(shrunk=began)


class _Keyed(Protocol):
    """Has keys."""

    @property
    def keys(self) -> Keys: ...


K = TypeVar("K", bound=_Keyed)


class _Holder(NamedTuple):
    """A person at the locks: all credentials of theirs that are switched on, and the members that they match."""

    credentials: tuple[Credential, ...]
    members: tuple[Member, ...]
    allowed: bool

    @property
    def name(self) -> str:
        return self.credentials[0].name

    @property
    def keys(self) -> Keys:
        return self.credentials[0].keys

    def is_entitled(self, now: datetime) -> bool:
        """Whether one of the contracts lets this person in."""
        return any(member.is_entitled(now) for member in self.members)


class _Mark(NamedTuple):
    """Something that is wrong, before it is known since when we know of it. `known` is what the lists say of that."""

    state: State
    identity: str
    people: tuple[tuple[str, str], ...]
    known: datetime | None = None
    words: str = ""


def audit(
    credentials: Collection[Credential],
    members: Collection[Member],
    before: Remembered,
    policy: Policy,
    now: datetime,
) -> tuple[Audit, Remembered]:
    """What is wrong between both lists, and what the next audit must know.

    Both lists have to be whole, and long enough: see `doubt`.
    """
    holders = _holders(credentials, members, policy)
    since: dict[str, float] = {}
    findings = []
    for mark in _marks(credentials, members, holders, policy, now):
        key = f"{mark.state}:{digest(mark.identity, before.salt)}"
        since[key] = _begin(mark, before.since.get(key), before.ran, now)
        findings.append(_finding(mark, since[key], policy, now))
    late = _late(before, set(since), holders, policy, now)
    found = counts(credentials, members, now)
    made = Audit(
        at=now,
        findings=tuple(sorted(findings, key=lambda one: (_ORDER.index(one.state), one.since, one.names))),
        counts=found,
        unknown=sum(one.is_entitled(now) and not one.keys.searched for one in members),
        activated=len(late["activated"]),
        deactivated=len(late["deactivated"]),
    )
    oldest = dict(sorted(since.items(), key=lambda one: one[1])[:MOST_REMEMBERED])
    return made, Remembered(before.salt, oldest, found, now.timestamp(), None, late)


def _marks(
    credentials: Collection[Credential],
    members: Collection[Member],
    holders: Collection[_Holder],
    policy: Policy,
    now: datetime,
) -> Iterator[_Mark]:
    yield from _orphaned(holders, now)
    yield from _missing(credentials, members, holders, policy, now)
    yield from _duplicate(holders, policy)
    yield from _over_privileged(holders, now)
    yield from _stale(holders, policy, now)


def _holders(credentials: Iterable[Credential], members: Iterable[Member], policy: Policy) -> tuple[_Holder, ...]:
    """Everybody who has a credential that is switched on."""
    known = _by_key(members)
    return tuple(_holder(group, known, policy) for group in _people(one for one in credentials if one.enabled))


def _by_key(members: Iterable[Member]) -> dict[tuple[str, str], list[Member]]:
    """Members by what they are found by; several may share an address."""
    found: dict[tuple[str, str], list[Member]] = {}
    for member in members:
        for key in member.keys.searched:
            found.setdefault(key, []).append(member)
    return found


def _people(keyed: Iterable[K]) -> Iterator[tuple[K, ...]]:
    """Who stands behind the credentials, each with all of theirs."""
    found: dict[str, list[K]] = {}
    for one in keyed:
        found.setdefault(one.keys.identity, []).append(one)
    return (tuple(group) for group in found.values())


def _holder(group: tuple[Credential, ...], known: Mapping[tuple[str, str], list[Member]], policy: Policy) -> _Holder:
    """A person with the members of the surest key that finds any."""
    found = {
        member.keys.identity: member
        for one in group
        for member in next((known[key] for key in one.keys.searched if key in known), ())
    }
    return _Holder(group, tuple(found.values()), any(_is_allowed(one.name, one.keys, policy) for one in group))


def _is_allowed(name: str, keys: Keys, policy: Policy) -> bool:
    return bool(policy.allowed & {name.casefold(), keys.id.casefold(), keys.email} - {""})


def _orphaned(holders: Iterable[_Holder], now: datetime) -> Iterator[_Mark]:
    for one in holders:
        if one.allowed or one.is_entitled(now):
            continue
        ended = [member.until for member in one.members if member.until is not None and member.until <= now]
        known = max(ended) if ended else None
        words = "has no contract that lets them in" if one.members else "no member has this id, address or card"
        yield _Mark(State.ORPHANED, one.keys.identity, (_person(one),), known, words)


def _missing(
    credentials: Iterable[Credential],
    members: Iterable[Member],
    holders: Iterable[_Holder],
    policy: Policy,
    now: datetime,
) -> Iterator[_Mark]:
    matched = {key for one in holders for member in one.members for key in member.keys.searched}
    off = {key for one in credentials if not one.enabled for key in one.keys.searched}
    for group in _people(one for one in members if one.is_entitled(now) and one.keys.searched):
        keys = {key for one in group for key in one.keys.searched}
        if keys & matched or any(_is_allowed(one.name, one.keys, policy) for one in group):
            continue
        begun = [one.since for one in group if one.since is not None]
        words = "the credential is switched off" if keys & off else "no credential has this id, address or card"
        person = (group[0].name, group[0].keys.email)
        yield _Mark(State.MISSING, group[0].keys.identity, (person,), min(begun) if begun else None, words)


def _duplicate(holders: Iterable[_Holder], policy: Policy) -> Iterator[_Mark]:
    cards: dict[str, list[_Holder]] = {}
    for one in holders:
        for card in {credential.keys.card for credential in one.credentials} - {""}:
            cards.setdefault(card, []).append(one)
        if policy.twice and len(one.credentials) > 1:
            words = f"{len(one.credentials)} credentials of this person are switched on"
            yield _Mark(State.DUPLICATE, one.keys.identity, (_person(one),), None, words)
    for card, group in cards.items():
        if len(group) > 1:
            people = tuple(_person(one) for one in group[:_NAMED])
            yield _Mark(State.DUPLICATE, f"card:{card}", people, None, f"one card, {len(group)} people")


def _over_privileged(holders: Iterable[_Holder], now: datetime) -> Iterator[_Mark]:
    for one in holders:
        contracts = [member.always for member in one.members if member.is_entitled(now)]
        opens = any(credential.always for credential in one.credentials)
        if opens and contracts and not one.allowed and all(always is False for always in contracts):
            words = "can enter around the clock, which the contract does not say"
            yield _Mark(State.OVER_PRIVILEGED, one.keys.identity, (_person(one),), None, words)


def _stale(holders: Iterable[_Holder], policy: Policy, now: datetime) -> Iterator[_Mark]:
    """Who has not entered for long; nothing is said of who is not known to have entered at all."""
    for one in holders:
        used = [credential.used for credential in one.credentials if credential.used is not None]
        if used and (now - max(used)).total_seconds() > policy.stale_after and (one.allowed or one.is_entitled(now)):
            yield _Mark(State.STALE, one.keys.identity, (_person(one),), max(used), "not used since then")


def _person(holder: _Holder) -> tuple[str, str]:
    return holder.name, holder.keys.email


def _begin(mark: _Mark, known: float | None, ran: float | None, now: datetime) -> float:
    """When it began, in seconds of the epoch; `known` is what is remembered of that, `ran` when the last audit was.

    What the last audit did not find has begun since: if a list says that it is older, then somebody wrote so only now,
    and nobody was late.
    """
    if known is not None:
        return known
    stated = mark.known.timestamp() if mark.known is not None else None
    believed = stated is not None and (ran is None or stated > ran or mark.state is State.STALE)
    return stated if stated is not None and believed else now.timestamp()


def _finding(mark: _Mark, since: float, policy: Policy, now: datetime) -> Finding:
    names, emails = zip(*mark.people, strict=True)
    began = datetime.fromtimestamp(since, now.tzinfo)
    ripe = now.timestamp() - since >= policy.limit(mark.state)
    return Finding(mark.state, names, tuple(email for email in emails if email), began, ripe, mark.words)


def _late(
    before: Remembered, still: set[str], holders: Iterable[_Holder], policy: Policy, now: datetime
) -> dict[str, tuple[float, ...]]:
    """When something was put right of which the last audit knew that it was late.

    A contract that was renewed, or ended, while somebody waited is nobody's delay.
    """
    ran, oldest = before.ran or 0, (now - QUARTER).timestamp()
    due = {
        key
        for key, since in before.since.items()
        if key not in still and ran - since >= policy.limit(State(key.partition(":")[0]))
    }
    served = {member.keys.identity for one in holders for member in one.members}
    on = {one.keys.identity for one in holders}
    activated = due & {f"{State.MISSING}:{digest(one, before.salt)}" for one in served}
    orphaned = {key for key in due if key.startswith(f"{State.ORPHANED}:")}
    deactivated = orphaned - {f"{State.ORPHANED}:{digest(one, before.salt)}" for one in on}
    right = {"activated": activated, "deactivated": deactivated}
    return {
        what: (*(at for at in before.late.get(what, ()) if at >= oldest), *[now.timestamp()] * len(keys))[-MOST_LATE:]
        for what, keys in right.items()
    }
