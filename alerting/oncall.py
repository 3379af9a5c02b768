"""Who is on call: people, rotations that hand over on the wall clock, overrides, and whom a step of a route reaches."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import accumulate, groupby
from operator import itemgetter
from typing import NamedTuple
from zoneinfo import ZoneInfo

from alerting.gates import Hold, Maintenance, Silence, Subject, hold
from alerting.routes import Route, audience
from alerting.rules import Severity
from language import N_, gettext

_LOOK_BACK = timedelta(days=30)
"""How far back the beginning of a gap is looked for."""
_NEVER = datetime.max.replace(tzinfo=UTC)


class Contact(NamedTuple):
    """A way to reach a person: a destination, and the severities for which it is used."""

    destination: str
    severities: frozenset[Severity]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can be told; `contacts` in the order of the configuration."""

    id: str
    name: str
    contacts: tuple[Contact, ...]


class Period(StrEnum):
    """The unit of a rotation's turns."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"

    @property
    def length(self) -> timedelta:
        """How long it is, by the clock on the wall."""
        return {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)}[self.value]


@dataclass(frozen=True, slots=True)
class Rotation:
    """People who take turns: each `every` periods, beginning at `starts`, a wall-clock time in the schedule's zone,
    without tzinfo. Before it nobody has a turn.

    Turns of days and weeks hand over at the same wall-clock time all year; turns of hours are elapsed hours.
    """

    people: tuple[str, ...]
    period: Period
    every: int
    starts: datetime


class Shift(NamedTuple):
    """A person has a schedule from `starts` until just before `ends`, aware UTC."""

    starts: datetime
    ends: datetime
    person: str


class Stretch(NamedTuple):
    """A schedule is with one person, or with nobody (None), from `starts` until just before `ends`, aware UTC."""

    starts: datetime
    ends: datetime
    person: str | None


@dataclass(frozen=True, slots=True)
class Override:
    """A person takes a schedule over for a while, whatever else it says. Of two at a time the one made last counts."""

    id: str
    schedule: str
    person: str
    starts: datetime
    ends: datetime
    author: str
    created: datetime


@dataclass(frozen=True, slots=True)
class Schedule:
    """Who is on call when: a rotation, or `fixed` shifts (from a calendar), or both with the shifts going first.

    Of fixed shifts at the same time the one that began last counts. `fallback` names people and destinations that are
    told when nobody is on call.
    """

    id: str
    zone: ZoneInfo
    rotation: Rotation | None = None
    fixed: tuple[Shift, ...] = ()
    fallback: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Directory:
    """Everybody and everything that a step can name: people and schedules by id, and the destinations of routes."""

    people: Mapping[str, Person] = field(default_factory=dict)
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    destinations: frozenset[str] = frozenset()


class Reached(NamedTuple):
    """A destination that a step leads to, and why: "Ana Lopes, on call for it"."""

    destination: str
    words: str


class Rung(NamedTuple):
    """What one step of a route would do `after` seconds without an answer, counted from the first message.

    `step` counts from 1. `held` is what would hold the first message back. An empty `reached` is nobody.
    """

    route: str
    step: int
    after: float
    reached: tuple[Reached, ...]
    held: Hold | None


class Gap(NamedTuple):
    """A stretch in which nobody has a schedule; `starts` is None if that was so a month ago already."""

    schedule: str
    starts: datetime | None
    ends: datetime

    @property
    def key(self) -> str:
        """The same for the same gap, whenever it is looked at."""
        begin = "always" if self.starts is None else self.starts.isoformat(timespec="seconds")
        return f"on-call/{self.schedule}/{begin}"


def on_call(schedule: Schedule, overrides: Iterable[Override], at: datetime) -> str | None:
    """The id of the person who has the schedule at an instant, None if nobody does.

    Every override of the schedule counts: give those that are `valid`.
    """
    return _set(schedule, overrides, at) or _by_turns(schedule, at)[0]


def valid(overrides: Iterable[Override], directory: Directory) -> tuple[Override, ...]:
    """The overrides that can be heeded: their person and their schedule are still there."""
    return tuple(one for one in overrides if one.person in directory.people and one.schedule in directory.schedules)


def stretches(schedule: Schedule, overrides: Iterable[Override], start: datetime, end: datetime) -> Iterator[Stretch]:
    """All of the time between two instants, in order, clipped to them, each as long as nothing changes.

    One after the other as they are asked for: of turns of an hour a year has thousands.
    """
    for person, found in groupby(_pieces(schedule, overrides, start, end), itemgetter(2)):
        pieces = list(found)
        yield Stretch(pieces[0].starts, pieces[-1].ends, person)


def gaps(
    schedule: Schedule, overrides: Iterable[Override], start: datetime, end: datetime
) -> tuple[tuple[datetime, datetime], ...]:
    """The stretches between two instants in which nobody has the schedule, in order."""
    found = stretches(schedule, overrides, start, end)
    return tuple((begin, until) for begin, until, person in found if person is None)


def warnings(
    directory: Directory, overrides: Iterable[Override], now: datetime, ahead: timedelta = timedelta(days=3)
) -> tuple[Gap, ...]:
    """The gaps that have begun or begin within `ahead`, by schedule and in order; an end later than that is cut off."""
    heeded, since, until = valid(overrides, directory), now - _LOOK_BACK, now + ahead
    return tuple(
        Gap(schedule.id, begin if begin > since else None, end)
        for schedule in directory.schedules.values()
        for begin, end in gaps(schedule, heeded, since, until)
        if end > now
    )


def reached(
    names: Iterable[str], directory: Directory, overrides: Iterable[Override], severity: Severity, at: datetime
) -> tuple[Reached, ...]:
    """The destinations that the names of a step lead to at an instant, each once, in order; () if they lead to nobody.

    A name that the directory does not have leads nowhere.
    """
    heeded = valid(overrides, directory)
    first: dict[str, Reached] = {}
    for name in names:
        for one in _reached(name, directory, heeded, severity, at):
            first.setdefault(one.destination, one)
    return tuple(first.values())


def who_would_be_paged(
    routes: Iterable[Route],
    directory: Directory,
    overrides: Iterable[Override],
    subject: Subject,
    at: datetime,
    zone: ZoneInfo,
    silences: Iterable[Silence] = (),
    maintenances: Iterable[Maintenance] = (),
) -> tuple[Rung, ...]:
    """Whom each step of each route that wants to hear of it would reach if the subject failed at an instant.

    Later steps are answered for the time at which they would be told, so that a hand-off in between shows. The words
    give times on the clock of `zone`.
    """
    overrides, silences, maintenances = tuple(overrides), tuple(silences), tuple(maintenances)
    rungs = []
    for route in audience(routes, subject.severity, subject.section, subject.asset):
        held = hold(subject, silences, maintenances, route.quiet, at, zone)
        begin = (held.until if held is not None else None) or at
        waits = accumulate(step.after for step in route.steps)
        for number, (step, after) in enumerate(zip(route.steps, waits, strict=True), 1):
            told = begin + timedelta(seconds=after)
            found = reached(step.to, directory, overrides, subject.severity, told)
            rungs.append(Rung(route.id, number, after, found, held))
    return tuple(rungs)


def instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """When the clock on the wall shows a time, given without tzinfo: in aware UTC.

    Of a time that comes twice the first; for one that the clock skips the first instant after.
    """
    found = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None) == wall:
        return found
    # PEP 495: read with the offset from before the change the time is late, with the one from after it is early.
    early = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    after = found.astimezone(zone).utcoffset()
    seconds = range(int((found - early).total_seconds()))
    late = bisect_left(
        seconds, True, key=lambda n: (early + timedelta(seconds=n)).astimezone(zone).utcoffset() == after
    )
    return early + timedelta(seconds=late)


def _reached(
    name: str, directory: Directory, overrides: tuple[Override, ...], severity: Severity, at: datetime
) -> Iterable[Reached]:
    if name in directory.people:
        person = directory.people[name]
        return _contacts(person, severity, person.name)
    if name in directory.schedules:
        return _through_schedule(directory.schedules[name], directory, overrides, severity, at)
    return (Reached(name, name),) if name in directory.destinations else ()


def _through_schedule(
    schedule: Schedule, directory: Directory, overrides: tuple[Override, ...], severity: Severity, at: datetime
) -> Iterable[Reached]:
    person = directory.people.get(on_call(schedule, overrides, at) or "")
    if person is not None:
        words = gettext("{name}, on call for {schedule}", name=person.name, schedule=schedule.id)
        return _contacts(person, severity, words)
    said = N_("nobody is on call for {schedule}: fallback {name}")
    instead = reached(schedule.fallback, replace(directory, schedules={}), (), severity, at)
    return (Reached(to, gettext(said, schedule=schedule.id, name=words)) for to, words in instead)


def _contacts(person: Person, severity: Severity, words: str) -> Iterable[Reached]:
    """The person's contacts for the severity; all of them if there are none, because silence is worse."""
    wanted = [one for one in person.contacts if severity in one.severities] or person.contacts
    return (Reached(one.destination, words) for one in wanted)


def _set(schedule: Schedule, overrides: Iterable[Override], at: datetime) -> str | None:
    """Who has the schedule at an instant by an override or a fixed shift."""
    taken = [one for one in overrides if one.schedule == schedule.id and one.starts <= at < one.ends]
    if taken:
        return max(taken, key=lambda one: (one.created, one.id)).person
    fixed = [shift for shift in schedule.fixed if shift.starts <= at < shift.ends]
    return max(fixed, key=lambda shift: shift.starts).person if fixed else None


def _by_turns(schedule: Schedule, at: datetime) -> tuple[str | None, datetime]:
    """Whose turn it is at an instant, and until when at least."""
    rotation = schedule.rotation
    if rotation is None or not rotation.people:
        return None, _NEVER
    turn = _turn(rotation, schedule.zone, at)
    if turn < 0:
        return None, _begin(rotation, schedule.zone, 0)
    ends = _begin(rotation, schedule.zone, turn + 1) if len(set(rotation.people)) > 1 else _NEVER
    return rotation.people[turn % len(rotation.people)], ends


def _turn(rotation: Rotation, zone: ZoneInfo, at: datetime) -> int:
    """The number of the turn at an instant: 0 is the first one, less is before."""
    turn = (at - _begin(rotation, zone, 0)) // (rotation.every * rotation.period.length)
    while _begin(rotation, zone, turn + 1) <= at:
        turn += 1
    while _begin(rotation, zone, turn) > at:
        turn -= 1
    return turn


def _begin(rotation: Rotation, zone: ZoneInfo, turn: int) -> datetime:
    passed = turn * rotation.every * rotation.period.length
    if rotation.period is Period.HOUR:
        return instant(rotation.starts, zone) + passed
    return instant(rotation.starts + passed, zone)


def _pieces(schedule: Schedule, overrides: Iterable[Override], start: datetime, end: datetime) -> Iterator[Stretch]:
    """What `stretches` are made of: from each instant to the next at which somebody else may take the schedule over."""
    near = replace(schedule, fixed=tuple(one for one in schedule.fixed if one.starts < end and one.ends > start))
    mine = [one for one in overrides if one.schedule == schedule.id and one.starts < end and one.ends > start]
    given = [(one.starts, one.ends) for one in mine] + [(one.starts, one.ends) for one in near.fixed]
    edges = sorted({end, *(edge for both in given for edge in both if edge < end)})
    at = start.astimezone(UTC)
    while at < end:
        person, until = _set(near, mine, at), edges[bisect_right(edges, at)]
        if person is None:
            person, hands_over = _by_turns(near, at)
            until = min(until, hands_over)
        yield Stretch(at, until.astimezone(UTC), person)
        at = until.astimezone(UTC)
