"""When a site is open: the hours in which a fault costs somebody something, in the site's own zone."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

ALWAYS: tuple[tuple[time, time], ...] = ((time.min, time.max),)
"""One day, open all day; `time.max` as an end stands for midnight."""


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """A site's week.

    `week` holds for each day, Monday first, the open stretches as local wall-clock times, in order; an end of
    `time.max` is midnight. On `holidays` the site is closed.
    """

    zone: ZoneInfo
    week: tuple[tuple[tuple[time, time], ...], ...] = (ALWAYS,) * 7
    holidays: frozenset[date] = frozenset()

    def stretches(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The open stretches between two instants, clipped to them, in aware UTC and in order."""
        day = start.astimezone(self.zone).date()
        last = end.astimezone(self.zone).date()
        while day <= last:
            for opens, closes in () if day in self.holidays else self.week[day.weekday()]:
                begin = max(self._instant(day, opens), start)
                until = min(self._instant(day, closes), end)
                if begin < until:
                    yield begin.astimezone(UTC), until.astimezone(UTC)
            day += timedelta(days=1)

    def open_seconds(self, start: datetime, end: datetime) -> float:
        """How many of the seconds between two instants the site was open."""
        return sum((until - begin).total_seconds() for begin, until in self.stretches(start, end))

    def is_open(self, at: datetime) -> bool:
        """Whether the site is open at that instant."""
        return any(True for _ in self.stretches(at, at + timedelta(microseconds=1)))

    def counts_as_open(self, at: datetime, lead: float) -> bool:
        """Whether the site is open at that instant, or opens within `lead` seconds."""
        return any(True for _ in self.stretches(at, at + timedelta(seconds=lead, microseconds=1)))

    def opens_after(self, at: datetime) -> datetime | None:
        """When the site opens next, at the earliest now; None if it does not within a month."""
        return next((begin for begin, _ in self.stretches(at, at + timedelta(days=31))), None)

    def _instant(self, day: date, wall: time) -> datetime:
        if wall == time.max:
            day, wall = day + timedelta(days=1), time.min
        return datetime.combine(day, wall, self.zone).astimezone(UTC)
