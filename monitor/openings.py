"""When a site opens, when it closed last, and when its morning check is due; all on the site's own clock."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from ulid import ULID

from alerting.hours import OpeningHours
from alerting.oncall import instant

AROUND_THE_CLOCK = time(8)
"""When a site that did not close in the night counts as opening: when most people come."""
AHEAD = 31
"""How many days ahead an opening is looked for: as far as `OpeningHours.opens_after` looks."""
BACK = 10
"""How many days back."""

_MICROSECOND = timedelta(microseconds=1)
_DAY = timedelta(days=1)


class Due(NamedTuple):
    """A morning check: when it is made and for which opening, aware UTC; `day` is that on the site's clock."""

    at: datetime
    opens: datetime
    day: date

    @property
    def id(self) -> str:
        """The id of its report: always the same one, so that it cannot be kept twice; it sorts as a ULID by time."""
        return str(ULID(int(self.at.timestamp() * 1000).to_bytes(6, "big") + b"morning".ljust(10, b"\0")))

    @property
    def episode(self) -> str:
        """What its messages are keyed by."""
        return f"morning/{self.day.isoformat()}"


def opening(hours: OpeningHours, day: date) -> datetime | None:
    """When a site opens on a day for the first time, aware UTC; None on a day on which it stays closed.

    A stretch that goes on from the day before opens nothing. On a day that begins open and has no opening of its own
    it counts as opening at AROUND_THE_CLOCK, if it is open then.
    """
    stretches = hours.stretches(_wall(hours, day, time.min), _wall(hours, day + _DAY, time.min))
    opens = next((begin for begin, _ in stretches if not hours.is_open(begin - _MICROSECOND)), None)
    usual = _wall(hours, day, AROUND_THE_CLOCK)
    return opens or (usual if hours.is_open(usual) else None)


def next_run(hours: OpeningHours, before: float, now: datetime) -> Due | None:
    """The next morning check that begins after now, `before` seconds before its opening; None within a month."""
    today = now.astimezone(hours.zone).date()
    found = _dues(hours, before, (today + n * _DAY for n in range(AHEAD)))
    return next((due for due in found if due.at > now), None)


def newest_run(hours: OpeningHours, before: float, now: datetime) -> Due | None:
    """The morning check whose time came last, at the latest now; None if there was none in the last days."""
    tomorrow = now.astimezone(hours.zone).date() + _DAY
    found = _dues(hours, before, (tomorrow - n * _DAY for n in range(BACK)))
    return next((due for due in found if due.at <= now), None)


def closed_last(hours: OpeningHours, now: datetime) -> datetime:
    """When the site closed last before now; for one that never does a day ago."""
    ends = (end for _, end in hours.stretches(now - BACK * _DAY, now))
    closings = [end for end in ends if not hours.is_open(end)]
    return max(closings, default=now - _DAY)


def _dues(hours: OpeningHours, before: float, days: Iterator[date]) -> Iterator[Due]:
    for day in days:
        opens = opening(hours, day)
        if opens is not None:
            yield Due(opens - timedelta(seconds=before), opens, day)


def _wall(hours: OpeningHours, day: date, at: time) -> datetime:
    return instant(datetime.combine(day, at), hours.zone).astimezone(UTC)
