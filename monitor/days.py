"""The last day of every check, kept at hand: the board draws a thousand of them, and reading them costs more."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from incidents.availability import Span
from probes import Status

QUARTER = timedelta(minutes=15)
QUARTERS = 96
"""How many quarters of an hour a day is cut into, as the clock of UTC cuts it."""

BADNESS = {Status.UP: 1, Status.UNKNOWN: 2, Status.DOWN: 3}
"""What stands in a day for a quarter, the worst that was seen in it; 0 where nothing was measured."""

_SECONDS = QUARTER.total_seconds()
_AT_LEAST = {status: bytes(max(byte, bad) for byte in range(256)) for status, bad in BADNESS.items()}


class Day(NamedTuple):
    """The last day of a check.

    `quarters` holds a byte of BADNESS for each, the last of them number `newest` since 1970. `status` is the newest,
    which it has had since `since`, as far as its spans tell; the newest span began at `begun`.
    """

    quarters: bytes
    newest: int
    status: Status
    since: datetime
    begun: datetime

    def with_span(self, span: Span) -> "Day":
        """The day with a span that is new, or has grown."""
        first, last = _quarters_of(span)
        if last == self.newest and span.start == self.begun and span.status is self.status:
            return self  # as most are: it was already bad in this quarter
        shown = self._up_to(max(last, self.newest))
        low, high = (max(number - shown.newest + QUARTERS, 0) for number in (first - 1, last))
        worse = shown.quarters[low:high].translate(_AT_LEAST[span.status])
        shown = shown._replace(quarters=shown.quarters[:low] + worse + shown.quarters[high:])
        if span.start < self.begun:
            return shown
        since = self.since if span.status is self.status else span.start
        return shown._replace(status=span.status, since=since, begun=span.start)

    def _up_to(self, newest: int) -> "Day":
        """The same day when that quarter is the last."""
        ahead = newest - self.newest
        if ahead >= 0:
            moved = (self.quarters + bytes(min(ahead, QUARTERS)))[-QUARTERS:]
        else:
            moved = (bytes(QUARTERS) + self.quarters[:ahead])[-QUARTERS:]
        return self._replace(quarters=moved, newest=newest)


class Days:
    """The days of all checks. Each is replaced as a whole, so any thread may read them."""

    def __init__(self, spans: Iterable[Span] = ()) -> None:
        self._days: dict[str, Day] = {}
        self.add(spans)

    @property
    def by_check(self) -> Mapping[str, Day]:
        """The day of every check that has a span."""
        return self._days

    def add(self, spans: Iterable[Span]) -> None:
        """Take in spans that are stored now, new ones and those that have grown."""
        for span in spans:
            day = self._days.get(span.check)
            self._days[span.check] = day.with_span(span) if day is not None else _of(span)


def together(days: Iterable[Day], now: datetime) -> bytes:
    """The last 96 quarters of an hour of some checks, each as bad as the worst of them.

    The last one is the present one, or the one before, if nothing is known yet of one that has just begun.
    """
    some = tuple(days)
    if not some:
        return bytes(QUARTERS)
    last = max(_quarter_of(now) - 1, *(day.newest for day in some))
    found = {day.quarters if day.newest == last else day._up_to(last).quarters for day in some}
    return found.pop() if len(found) == 1 else bytes(map(max, *found))


def _of(span: Span) -> Day:
    blank = Day(bytes(QUARTERS), _quarters_of(span)[1] - 1, span.status, span.start, span.start)
    return blank.with_span(span)


def _quarters_of(span: Span) -> tuple[int, int]:
    """The numbers of the first and the last quarter that a span reaches into."""
    first = _quarter_of(span.start)
    return first, max(-int(-span.end.timestamp() // _SECONDS) - 1, first)


def _quarter_of(at: datetime) -> int:
    return int(at.timestamp() // _SECONDS)
