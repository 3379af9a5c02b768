"""Compares who can open the doors with who may: credentials left on, members locked out, shared and forgotten cards."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Iterator
from datetime import UTC, datetime
from typing import Annotated, ClassVar, Literal, TypeVar

from pydantic import Field

from probes import DefaultRule, Failed, Measured, Metric, Params, Probe, Sample, Unmeasured
from probes._engines import Engines, roster_locks, roster_members
from probes._engines.api import MARGIN
from probes._engines.credentials import Audit, Policy, Remembered, State, audit, doubted
from probes._engines.roster_locks import LocksSettings
from probes._engines.roster_members import MembersSettings
from probes._engines.rosters import Credential, Listed, Member, Reading, counts

_STATES = "deskwatch_credentials"
_ENABLED = "deskwatch_credentials_enabled"
_ENTITLED = "deskwatch_credentials_entitled_members"
_PUSHES = "deskwatch_credentials_failed_pushes"
_LATE = "deskwatch_credentials_late"
_AGE = "deskwatch_credentials_list_age_seconds"

_GRACE = "within_grace"
_DAY = 86_400

Reason = Literal["orphaned", "missing", "push_failed", "duplicate", "over_privileged", "list_old", "stale"]
Name = Annotated[str, Field(min_length=1, max_length=254)]
T = TypeVar("T")


class CredentialsParams(Params):
    """Where both lists come from, and what is tolerated."""

    locks: Annotated[LocksSettings, Field(description="where credentials are listed: `source` says what is asked")]
    members: Annotated[MembersSettings, Field(description="where members are listed: `source` says what is asked")]
    allow: Annotated[
        tuple[Name, ...],
        Field(
            max_length=2000,
            description="e-mails, ids or whole names of people who need no contract: staff, cleaners, contractors",
        ),
    ] = ()
    plans_without_access: Annotated[
        tuple[Name, ...], Field(max_length=500, description="plans that come without a key, like a postal address")
    ] = ()
    plans_around_the_clock: Annotated[
        tuple[Name, ...],
        Field(max_length=500, description="plans that let members in at any hour; if set, no other plan does"),
    ] = ()
    orphaned_after: Annotated[
        float,
        Field(ge=0, le=30 * _DAY, description="seconds that a credential may stay on after its contract has ended"),
    ] = _DAY
    missing_after: Annotated[
        float, Field(ge=0, le=30 * _DAY, description="seconds that a member may wait for a credential")
    ] = 7200
    stale_after: Annotated[
        float, Field(ge=_DAY, le=3650 * _DAY, description="seconds after which a credential is stale if nobody uses it")
    ] = 90 * _DAY
    twice: Annotated[
        bool, Field(description="whether a person with two credentials that are switched on is a finding")
    ] = False
    strip_tags: Annotated[
        bool, Field(description="whether ana+door@example.com and ana@example.com are the same person")
    ] = False
    shrink_limit: Annotated[
        float, Field(ge=0, le=1, description="ratio by which a list may shrink; nothing is concluded from one that did")
    ] = 0.3
    shrink_believed_after: Annotated[
        float, Field(ge=0, le=30 * _DAY, description="seconds after which a list that stays that short is believed")
    ] = _DAY
    down_on: Annotated[
        tuple[Reason, ...],
        Field(max_length=7, description="what makes the check DOWN; the rest is measured and shown in the audit"),
    ] = ("orphaned", "missing", "push_failed", "list_old")

    @property
    def target(self) -> str:
        """Both places."""
        return f"{self.locks.place} and {self.members.place}"

    @property
    def policy(self) -> Policy:
        """What is tolerated."""
        allowed = frozenset(name.strip().casefold() for name in self.allow)
        return Policy(self.orphaned_after, self.missing_after, self.stale_after, allowed, self.twice)

    def reading(self, salt: str) -> Reading:
        """How both lists are read."""
        without, always = (
            frozenset(plan.strip().casefold() for plan in plans)
            for plans in (self.plans_without_access, self.plans_around_the_clock)
        )
        return Reading(salt, self.strip_tags, without, always)


class Credentials(Probe[CredentialsParams]):
    """Whether everybody who may enter can, and nobody else."""

    Params = CredentialsParams
    metrics = (
        Metric(
            _STATES,
            "People whose access is not as it should be, by what is wrong; within_grace: it is not due yet",
            "",
            "state",
            (*State, _GRACE),
        ),
        Metric(_ENABLED, "Credentials that are switched on"),
        Metric(_ENTITLED, "Members whose contract lets them enter"),
        Metric(_PUSHES, "Changes that the platform could not hand on to the locks within the last 24 hours"),
        Metric(
            _LATE,
            "Credentials that were switched on or off later than they should, within the last 90 days",
            "",
            "change",
            ("activated", "deactivated"),
        ),
        Metric(_AGE, "Time since a list that comes as a file was written", "seconds", "side", ("locks", "members")),
    )
    reasons: ClassVar = {
        "orphaned": "a credential opens doors for somebody whose contract has ended, or who never had one",
        "missing": "a member has a contract and no credential: they stand before a closed door",
        "push_failed": "the platform could not hand a change on to the locks: somebody will be locked out, or stay in",
        "duplicate": "two people enter with one card, or one person has two credentials",
        "over_privileged": "somebody can enter around the clock whose contract does not say so",
        "list_old": "a list that comes as a file was not written anew for too long: what follows from it may be wrong",
        "stale": "a credential is switched on that nobody has used for long",
    }
    duty = True
    rules = (
        DefaultRule(
            "orphaned-many",
            _STATES,
            "lets more than five people in who have no contract",
            part="orphaned",
            severity="critical",
            above=5,
        ),
        DefaultRule("duplicate", _STATES, "has people who share a card", part="duplicate", above=0),
        DefaultRule(
            "over-privileged",
            _STATES,
            "lets people in at hours that their contract does not cover",
            part="over_privileged",
            severity="info",
            above=0,
        ),
        DefaultRule(
            "stale",
            _STATES,
            "has credentials that nobody has used for long",
            part="stale",
            severity="info",
            above=0,
        ),
    )
    says = "has people who can enter and should not, or the other way round"
    on_demand = False  # it reads files, and its lists are about people
    per_target = 1

    def __init__(self, params: CredentialsParams, engines: Engines) -> None:
        super().__init__(params, engines)
        self._locks = roster_locks.source_of(params.locks, engines)
        self._members = roster_members.source_of(params.members, engines)

    async def measure(self, timeout: float) -> Measured:
        """Read both lists to their end, compare them, and leave the names to whoever signs in."""
        deadline = time.monotonic() + timeout - MARGIN
        before = Remembered.of(self.engines.memory.recall(self.check), secrets.token_hex(16))
        reading = self.params.reading(before.salt)
        locks = await _list(self._locks(reading, deadline), "list of credentials", deadline)
        members = await _list(self._members(reading, deadline), "list of members", deadline)
        made = await self._concluded(locks, members, before, datetime.now(UTC))
        return judged(made, [side for side, one in (("locks", locks), ("members", members)) if one.old], self.params)

    async def _concluded(
        self, locks: Listed[Credential], members: Listed[Member], before: Remembered, now: datetime
    ) -> Audit:
        """The audit of both lists, kept for whoever asks. Raises Unmeasured where nothing must be concluded."""
        limits = (self.params.shrink_limit, self.params.shrink_believed_after)
        doubts, before = doubted(counts(locks.rows, members.rows, now), before, *limits, now)
        if doubts:
            self.engines.memory.keep(self.check, before.memory)
            raise Unmeasured("no_source", doubts)
        # In a thread: to compare thousands takes longer than the timing of other checks can bear.
        made, after = await asyncio.to_thread(audit, locks.rows, members.rows, before, self.params.policy, now)
        made = made.told(members.failed_pushes, {"locks": locks.age, "members": members.age})
        self.engines.memory.keep(self.check, after.memory)
        self.engines.audits.take(self.check, made)
        return made


async def _list(asked: Awaitable[Listed[T]], what: str, deadline: float) -> Listed[T]:
    """A list. That it cannot be read says nothing about anybody's credential: raises Unmeasured for it."""
    try:
        async with asyncio.timeout(deadline - time.monotonic()):
            return await asked
    except Failed as failed:
        raise Unmeasured("no_source", f"the {what} cannot be read: {failed.detail}") from None
    except TimeoutError:
        raise Unmeasured("no_source", f"the {what} could not be read to its end in time; give it more") from None


def judged(made: Audit, old: list[str], params: CredentialsParams) -> Measured:
    """What an audit means; `old` are the sides whose list is.

    Raises Failed with the most harmful thing that was found of those that make the check DOWN.
    """
    found = {**{str(state): len(made.ripe(state)) for state in State}, "list_old": len(old)}
    found["push_failed"] = made.failed_pushes or 0
    remarks = {reason: _counted(found[reason], *words) for reason, words in _REMARKS.items() if found[reason]}
    oldest = max(((made.at - one.since).total_seconds() for one in made.ripe(State.ORPHANED)), default=0)
    if oldest >= _DAY:
        remarks["orphaned"] += f", the longest for {_counted(int(oldest / _DAY), 'a day', '{} days')}"
    words = "; ".join((*remarks.values(), *_further(made)))
    samples = tuple(_samples(made))
    reason = next((reason for reason in _REMARKS if found[reason] and reason in params.down_on), "")
    if reason:
        raise Failed(reason, words, samples)
    return Measured(words, samples)


_REMARKS: dict[Reason, tuple[str, str]] = {
    "orphaned": ("1 person can enter without a contract", "{} people can enter without a contract"),
    "missing": ("1 member has a contract and cannot enter", "{} members have a contract and cannot enter"),
    "push_failed": ("1 change was not handed on to the locks", "{} changes were not handed on to the locks"),
    "duplicate": ("1 card or person counts twice", "{} cards or people count twice"),
    "over_privileged": ("1 person can enter at hours beyond the contract", "{} can enter at hours beyond the contract"),
    "list_old": ("a list was not written anew for too long", "both lists were not written anew for too long"),
    "stale": ("1 credential was not used for long", "{} credentials were not used for long"),
}
"""What there is to say of one and of several, in order of harm."""


def _counted(number: int, one: str, several: str) -> str:
    return (one if number == 1 else several).format(number)


def _further(made: Audit) -> Iterator[str]:
    """What there is to say of every audit."""
    if made.unripe:
        yield f"{len(made.unripe)} within the time that is allowed for it"
    if made.unknown:
        yield _counted(made.unknown, "1 member", "{} members") + " without id, e-mail and card not compared"
    may = _counted(made.counts.entitled, "1 member", "{} members")
    yield f"{may} may enter, " + _counted(made.counts.enabled, "1 credential is on", "{} credentials are on")


def _samples(made: Audit) -> Iterator[Sample]:
    yield from (Sample(_STATES, len(made.ripe(state)), str(state)) for state in State)
    yield Sample(_STATES, len(made.unripe), _GRACE)
    yield Sample(_ENABLED, made.counts.enabled)
    yield Sample(_ENTITLED, made.counts.entitled)
    if made.failed_pushes is not None:
        yield Sample(_PUSHES, made.failed_pushes)
    yield Sample(_LATE, made.activated, "activated")
    yield Sample(_LATE, made.deactivated, "deactivated")
    yield from (Sample(_AGE, age, side) for side, age in made.ages)
