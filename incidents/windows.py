"""Which time a figure is about: around the clock or while the site is open, with or without planned work."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from alerting.gates import Maintenance, Stretch
from alerting.hours import OpeningHours


@dataclass(frozen=True)
class Window:
    """Pieces of time, in order; none is empty, and no two overlap or touch. The functions below make them so."""

    stretches: tuple[Stretch, ...]

    @property
    def length(self) -> timedelta:
        """How much time it is, exactly."""
        return self._passed[-1]

    def inside(self, start: datetime, end: datetime) -> timedelta:
        """How much of the time from `start` to `end` lies in it; nothing if `end` is not later."""
        if self.stretches and start <= self._starts[0] and self.stretches[-1].ends <= end:
            return self.length  # most of what is asked about has not turned in the time
        return self.before(end) - self.before(start) if start < end else timedelta()

    def before(self, at: datetime) -> timedelta:
        """How much of it lies before an instant."""
        begun = bisect_right(self._starts, at)
        if not begun:
            return timedelta()
        starts, ends = self.stretches[begun - 1]
        return self._passed[begun - 1] + (min(at, ends) - starts)

    def around(self, at: datetime) -> Stretch:
        """The one of its stretches that an instant lies in, or ends; an empty one if there is none."""
        begun = bisect_right(self._starts, at)
        return self.stretches[begun - 1] if begun and at <= self.stretches[begun - 1].ends else Stretch(at, at)

    def without(self, cut: Iterable[Stretch]) -> "Window":
        """What is left of it when other pieces of time, in any order, are cut out."""
        return Window(tuple(_left(self.stretches, joined(cut))))

    @cached_property
    def _starts(self) -> tuple[datetime, ...]:
        return tuple(one.starts for one in self.stretches)

    @cached_property
    def _passed(self) -> tuple[timedelta, ...]:
        """How much of it lies before each of its stretches, and all of it at last."""
        passed = [timedelta()]
        for one in self.stretches:
            passed.append(passed[-1] + (one.ends - one.starts))
        return tuple(passed)


def all_hours(start: datetime, end: datetime) -> Window:
    """All of the time from `start` to `end`. Raises ValueError when `end` is before `start`."""
    if end < start:
        raise ValueError(f"a stretch of time cannot end ({end}) before it starts ({start})")
    return Window(joined([Stretch(start, end)]))


def open_hours(hours: OpeningHours, start: datetime, end: datetime) -> Window:
    """When the site is open between two instants: holidays and the days on which clocks change as they come."""
    return Window(joined(Stretch(*one) for one in hours.stretches(start, end)))


def planned(works: Iterable[Maintenance], start: datetime, end: datetime) -> tuple[Stretch, ...]:
    """When people work as planned, of all that reaches into the time from `start` to `end`; not cut to it."""
    return joined(
        one
        for work in works
        for window in work.windows
        for one in window.between(start - window.length, end, work.zone)
        if one.ends > start
    )


def joined(stretches: Iterable[Stretch]) -> tuple[Stretch, ...]:
    """Pieces of time in order, those that overlap or touch as one; empty ones are left out."""
    found: list[Stretch] = []
    for one in sorted(stretches):
        if one.ends <= one.starts:
            continue
        if found and one.starts <= found[-1].ends:
            if one.ends > found[-1].ends:
                found[-1] = Stretch(found[-1].starts, one.ends)
        else:
            found.append(one)
    return tuple(found)


def _left(whole: Iterable[Stretch], cut: tuple[Stretch, ...]) -> Iterator[Stretch]:
    """What is left of pieces of time; both come in order and without overlaps."""
    number = 0
    for starts, ends in whole:
        while number < len(cut) and cut[number].ends <= starts:
            number += 1
        at, here = starts, number  # what reaches beyond this piece may cut the next one, too
        while here < len(cut) and cut[here].starts < ends:
            if cut[here].starts > at:
                yield Stretch(at, cut[here].starts)
            at = cut[here].ends
            here += 1
        if at < ends:
            yield Stretch(at, ends)
