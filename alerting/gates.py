"""What holds a message back: planned work, silences and quiet hours, each with the reason it gives."""

import calendar
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from operator import attrgetter, itemgetter
from typing import NamedTuple
from zoneinfo import ZoneInfo

from alerting.hours import OpeningHours
from alerting.patterns import fits
from alerting.rules import Severity
from language import gettext, local

_MICROSECOND = timedelta(microseconds=1)
_DAY = timedelta(days=1)
_FOLLOWED = timedelta(days=31)
"""How far stretches that touch one another are followed, in both directions."""
_AHEAD = timedelta(days=400)
"""How far ahead planned work is looked for."""
_WEEK = timedelta(days=8)
"""How far ahead the end of quiet hours is looked for: their week, and a day for the stretch that is on."""


class Gate(StrEnum):
    """What can stand between a fault and a message about it."""

    SILENCE = "silence"
    MAINTENANCE = "maintenance"
    QUIET_HOURS = "quiet_hours"


@dataclass(frozen=True, slots=True)
class Subject:
    """What a message would be about: the fault's origin and how bad it is."""

    site: str
    section: str
    asset: str
    check: str
    kind: str
    rule: str
    severity: Severity
    tags: frozenset[str] = frozenset()

    @property
    def labels(self) -> Mapping[str, str]:
        """What matchers look at, by label: site, section, asset, check, kind, rule, severity; tags apart."""
        return {
            "site": self.site,
            "section": self.section,
            "asset": self.asset,
            "check": self.check,
            "kind": self.kind,
            "rule": self.rule,
            "severity": self.severity.value,
        }


class Hold(NamedTuple):
    """A message is held back: by which gate, which one of them (an id), until when if that is known, and in words."""

    gate: Gate
    by: str
    until: datetime | None
    words: str


class Stretch(NamedTuple):
    """A piece of time, aware UTC; `ends` is the first instant after it."""

    starts: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class Matcher:
    """A condition on one label: `op` is =, !=, =~ or !~; a pattern must fit the whole label.

    The label `tag` matches if any of the subject's tags does; != and !~ are the opposite of = and =~, so they want
    that none does.
    """

    label: str
    op: str
    value: str

    def __str__(self) -> str:
        return f"{self.label}{self.op}{self.value}"


@dataclass(frozen=True, slots=True)
class Silence:
    """A person's order to send nothing about what all matchers match, from `starts` until `ends`."""

    id: str
    matchers: tuple[Matcher, ...]
    starts: datetime
    ends: datetime
    author: str
    comment: str
    created: datetime

    def is_on(self, at: datetime) -> bool:
        """Whether an instant lies between its start and its end."""
        return self.starts <= at < self.ends

    def covers(self, subject: Subject) -> bool:
        """Whether it is about that, whenever it is on."""
        return all(matches(matcher, subject) for matcher in self.matchers)

    @property
    def reminds(self) -> datetime | None:
        """When to say that it ends soon: with a tenth of it left, a day at most; None for one of a day or less."""
        lasts = self.ends - self.starts
        return self.ends - min(lasts / 10, _DAY) if lasts > _DAY else None


@dataclass(frozen=True, slots=True)
class Scope:
    """What planned work is about: the named assets, those of the sections, those with a tag. Empty means everything."""

    assets: frozenset[str] = frozenset()
    sections: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()

    def has(self, asset: str, section: str, tags: frozenset[str]) -> bool:
        """Whether an asset is part of it."""
        if not (self.assets or self.sections or self.tags):
            return True
        return asset in self.assets or section in self.sections or not self.tags.isdisjoint(tags)


@dataclass(frozen=True, slots=True)
class Window:
    """Work that is planned once; both instants are aware."""

    starts: datetime
    ends: datetime

    @property
    def length(self) -> timedelta:
        """How long it lasts."""
        return self.ends - self.starts

    def between(self, start: datetime, end: datetime, zone: ZoneInfo) -> Iterator[Stretch]:
        """Itself, if it begins between two instants."""
        if start <= self.starts < end:
            yield Stretch(self.starts.astimezone(UTC), self.ends.astimezone(UTC))


@dataclass(frozen=True, slots=True)
class Recurring:
    """Work on some weekdays (Monday is 0) at a wall-clock time, each time for `lasts` seconds that really pass.

    With `nth` only the nth such weekday of a month counts, from 1, and -1 is the last one; empty means every week.
    `first` and `last` are the days between which it may begin, both included; None is no bound. What would begin in the
    hour that clocks skip in spring begins that much later; in the hour that comes twice in autumn, the first time.
    """

    days: frozenset[int]
    nth: frozenset[int]
    at: time
    lasts: float
    first: date | None = None
    last: date | None = None

    @property
    def length(self) -> timedelta:
        """How long it lasts each time."""
        return timedelta(seconds=self.lasts)

    def between(self, start: datetime, end: datetime, zone: ZoneInfo) -> Iterator[Stretch]:
        """The stretches that begin between two instants, in order."""
        day, last = start.astimezone(zone).date() - _DAY, end.astimezone(zone).date()
        while day <= last:
            if self._is_on(day):
                begins = datetime.combine(day, self.at, zone).astimezone(UTC)
                if start <= begins < end:
                    yield Stretch(begins, begins + self.length)
            day += _DAY

    def _is_on(self, day: date) -> bool:
        if day.weekday() not in self.days or (self.first and day < self.first) or (self.last and day > self.last):
            return False
        is_last = day.day + 7 > calendar.monthrange(day.year, day.month)[1]
        return not self.nth or (day.day - 1) // 7 + 1 in self.nth or (is_last and -1 in self.nth)


@dataclass(frozen=True, slots=True)
class Maintenance:
    """Planned work: while it is on nobody is told of what it covers, and with `skip` that is not even measured."""

    id: str
    name: str
    scope: Scope
    zone: ZoneInfo
    windows: tuple[Window | Recurring, ...]
    skip: bool = False

    def covers(self, subject: Subject) -> bool:
        """Whether it is about that, whenever it is on."""
        return self.scope.has(subject.asset, subject.section, subject.tags)

    def is_on(self, at: datetime) -> bool:
        """Whether people work then."""
        return next(self._around(at), None) is not None

    def during(self, at: datetime) -> Stretch | None:
        """The whole stretch that an instant lies in, with those that overlap or touch it; None outside of any."""
        around = list(self._around(at))
        if not around:
            return None
        starts, ends = min(one.starts for one in around), max(one.ends for one in around)
        while ends - at < _FOLLOWED and (later := list(self._around(ends))):
            ends = max(one.ends for one in later)
        while at - starts < _FOLLOWED and (earlier := list(self._around(starts - _MICROSECOND))):
            starts = min(one.starts for one in earlier)
        return Stretch(starts, ends)

    def upcoming(self, after: datetime, limit: int) -> tuple[Stretch, ...]:
        """The next stretches that begin after an instant, in order, joined as `during` does; 400 days ahead."""
        on = self.during(after)
        found = [on] if on else []
        for one in sorted(self._beginning(after + _MICROSECOND, after + _AHEAD)):
            if found and one.starts <= found[-1].ends:
                found[-1] = Stretch(found[-1].starts, max(found[-1].ends, one.ends))
            else:
                found.append(one)
        return tuple(found[1:] if on else found)[:limit]

    def _around(self, at: datetime) -> Iterator[Stretch]:
        """The stretches of single windows that an instant lies in."""
        for window in self.windows:
            for one in window.between(at - window.length, at + _MICROSECOND, self.zone):
                if at < one.ends:
                    yield one

    def _beginning(self, start: datetime, end: datetime) -> Iterator[Stretch]:
        for window in self.windows:
            yield from window.between(start, end, self.zone)


@dataclass(frozen=True, slots=True)
class QuietHours:
    """The hours in which a route hears only of what is at least `loud`; the rest waits for their end."""

    hours: OpeningHours
    loud: Severity = Severity.CRITICAL

    def ends(self, at: datetime) -> datetime | None:
        """When the quiet that an instant lies in is over; `at` itself outside of it, None if it never is."""
        end = at
        for begins, until in self.hours.stretches(at, at + _WEEK):
            if begins > end:
                break
            end = max(end, until)
        return None if end >= at + _WEEK else end


def hold(
    subject: Subject,
    silences: Iterable[Silence],
    maintenances: Iterable[Maintenance],
    quiet: QuietHours | None,
    now: datetime,
    zone: ZoneInfo,
) -> Hold | None:
    """What holds a message about the subject back now, None if nothing does.

    Planned work goes before silences and these before quiet hours; of several of a kind the one counts that ends last.
    The words give times on the clock of `zone`.
    """
    return (
        _planned(subject, maintenances, now, zone)
        or _silenced(subject, silences, now, zone)
        or _quiet(subject, quiet, now)
    )


def paused(maintenances: Iterable[Maintenance], asset: str, section: str, tags: frozenset[str], now: datetime) -> bool:
    """Whether an asset is not to be measured now, because planned work says so."""
    return any(one.skip and one.scope.has(asset, section, tags) and one.is_on(now) for one in maintenances)


def matches(matcher: Matcher, subject: Subject) -> bool:
    """Whether the condition holds for a subject. A subject without tags has the tag ""."""
    values = (subject.tags or ("",)) if matcher.label == "tag" else (subject.labels[matcher.label],)
    if matcher.op in ("=~", "!~"):
        found = any(fits(matcher.value, value) for value in values)
    else:
        found = matcher.value in values
    return found is (matcher.op in ("=", "=~"))


def _planned(subject: Subject, maintenances: Iterable[Maintenance], now: datetime, zone: ZoneInfo) -> Hold | None:
    on = [(stretch.ends, one) for one in maintenances if one.covers(subject) and (stretch := one.during(now))]
    if not on:
        return None
    ends, work = max(on, key=itemgetter(0))
    words = gettext("planned work: {name}, until {until}", name=work.name, until=local(ends, zone))
    return Hold(Gate.MAINTENANCE, work.id, ends, words)


def _silenced(subject: Subject, silences: Iterable[Silence], now: datetime, zone: ZoneInfo) -> Hold | None:
    on = [one for one in silences if one.is_on(now) and one.covers(subject)]
    if not on:
        return None
    last = max(on, key=attrgetter("ends"))
    words = gettext(
        "silenced by {author} until {until}: {comment}",
        author=last.author,
        until=local(last.ends, zone),
        comment=last.comment,
    )
    return Hold(Gate.SILENCE, last.id, last.ends, words)


def _quiet(subject: Subject, quiet: QuietHours | None, now: datetime) -> Hold | None:
    if quiet is None or subject.severity.rank >= quiet.loud.rank:
        return None
    ends = quiet.ends(now)
    if ends is None:
        return Hold(Gate.QUIET_HOURS, "", None, gettext("quiet hours that never end"))
    if ends == now:
        return None
    zone = quiet.hours.zone
    until = f"{ends.astimezone(zone):%H:%M}" if ends - now < _DAY else local(ends, zone)
    return Hold(Gate.QUIET_HOURS, "", ends, gettext("quiet hours until {until}", until=until))
