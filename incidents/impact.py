"""What an outage cost: outage x opening hours x people served = member-minutes."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from alerting.gates import Stretch
from alerting.hours import OpeningHours
from alerting.rules import Episode, Severity
from incidents.windows import joined


class Basis(StrEnum):
    """How the people were counted whom an outage hit."""

    CAPACITY = "capacity"
    BOOKINGS = "bookings"
    CLIENTS = "clients"
    SAID = "said"


class Level(StrEnum):
    """How bad an incident was for members, told from what it cost. The order is from harmless to worst."""

    NONE = "none"
    MINOR = "minor"
    MAJOR = "major"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """Higher is worse."""
        return tuple(Level).index(self)


MINOR, MAJOR = 60.0, 600.0
"""Member-minutes from which on an incident is more than minor, and more than major: one member has lost an hour, and a
dozen members the better part of one. It is as bad for them in a large space as in a small one."""

GRACE = timedelta(minutes=5)
"""How long after a reading is due a fault counts on; what was seen of it only later, we do not know."""


class Crowd(NamedTuple):
    """How many people were there in a stretch of time, as it was measured."""

    during: Stretch
    people: float


class Impact(NamedTuple):
    """What an outage cost.

    `open_seconds` is how much of it lay in opening hours, `people` how many it hit on average meanwhile and `basis`
    how they were counted. `assets` holds the ids of everything that did not work because of it, its own first;
    `bookings` how many bookings it hit, None where nobody knows.
    """

    open_seconds: float
    people: float
    member_minutes: float
    basis: Basis
    assets: tuple[str, ...] = ()
    bookings: int | None = None


class Correction(NamedTuple):
    """What somebody knows better than the figure that was computed, and why."""

    member_minutes: float
    reason: str
    who: str
    at: datetime


def member_minutes(start: datetime, end: datetime, hours: OpeningHours, people: int) -> float:
    """Minutes lost by all people together between two instants; time in which the site is closed costs nothing."""
    return hours.open_seconds(start, end) / 60 * people


def level(minutes: float, bookings: int | None, severity: Severity) -> Level:
    """How bad it was: nothing lost is none; a booking that was hit, or a critical fault in opening hours, is major."""
    if minutes < 1 and not bookings:
        return Level.NONE
    if minutes >= MAJOR:
        return Level.CRITICAL
    if minutes >= MINOR or bookings or severity is Severity.CRITICAL:
        return Level.MAJOR
    return Level.MINOR


class Fault(NamedTuple):
    """Something did not work from `start` to `end`, as far as anybody looked; at `closed` it was found to be over."""

    start: datetime
    end: datetime
    closed: datetime


def fault(episode: Episode, interval: float, until: datetime) -> Fault:
    """How long an episode lasted, `until` if it still does; `interval` is the seconds between two looks at it.

    Time in which nobody looked, because Deskwatch itself did not run, is not counted at the end of it.
    """
    closed = max(episode.opened, episode.closed or until)
    seen = episode.last_true + timedelta(seconds=interval) + GRACE
    return Fault(episode.opened, closed if episode.closed is None else max(episode.opened, min(closed, seen)), closed)


def outage(opened: datetime, resolved: datetime, faults: Sequence[Fault]) -> tuple[Stretch, ...]:
    """When something did not work between two instants: in order, apart from each other.

    That is when its faults were measured. Time before the first of them and after the last counts as well: there a
    person has said that it began earlier, or was over later, than we saw. Without faults it is all of the time.
    """
    if not faults:
        return joined([Stretch(opened, resolved)])
    first, last = min(one.start for one in faults), max(one.closed for one in faults)
    said = (Stretch(opened, min(first, resolved)), Stretch(max(last, opened), resolved))
    return joined([*said, *(Stretch(max(one.start, opened), min(one.end, resolved)) for one in faults)])


def weigh(down: Iterable[Stretch], hours: OpeningHours, crowd: Iterable[Crowd], people: float, basis: Basis) -> Impact:
    """What an outage cost: each minute of it in opening hours, times the people who were there.

    Where the `crowd` was measured it counts, and `basis` says how; else it is the `people` whom the thing serves, which
    are also the most that it can hit. The basis of the whole is the one that most of the time was counted by.
    """
    opens = [Stretch(*one) for stretch in down for one in hours.stretches(*stretch)]
    total = sum(_common(one, one) for one in opens)
    measured, lost = 0.0, 0.0
    for piece in crowd:
        known = sum(_common(one, piece.during) for one in opens)
        measured += known
        lost += known * min(piece.people, people)
    lost += (total - measured) * people
    counted = basis if measured > total / 2 else Basis.CAPACITY
    return Impact(total, lost / total if total else people, lost / 60, counted)


def bookings(down: Iterable[Stretch], booked: Sequence[tuple[datetime, bool]]) -> int | None:
    """How many bookings an outage hit; `booked` is whether a room was, as it was measured, in order.

    A booking that follows another one without a gap is not told from it. None if nothing was measured by the end.
    """
    down = tuple(down)
    if not booked or not down or booked[0][0] >= down[-1].ends:
        return None
    ends = [at for at, _ in booked[1:]] + [max(booked[-1][0], down[-1].ends)]
    taken = [Stretch(at, end) for (at, is_booked), end in zip(booked, ends, strict=True) if is_booked]
    return sum(any(_common(one, stretch) for stretch in down) for one in joined(taken))


def _common(one: Stretch, other: Stretch) -> float:
    """The seconds that two stretches have in common."""
    return max(0.0, (min(one.ends, other.ends) - max(one.starts, other.starts)).total_seconds())
