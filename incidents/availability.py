"""How much of the time something worked: status spans, and what they say of a stretch of time."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from probes import Status

_BADNESS = {Status.UP: 0, Status.UNKNOWN: 1, Status.DOWN: 2}


class Span(NamedTuple):
    """A stretch of time in which a check kept one status for one reason. Between spans nothing is known."""

    check: str
    start: datetime
    end: datetime
    status: Status
    reason: str


class Availability(NamedTuple):
    """How long something was up, down and unknown, in seconds; the three add up to the time asked about."""

    up: float
    down: float
    unknown: float

    @property
    def ratio(self) -> float | None:
        """The part of the known time in which it was up, 0 to 1; None where nothing is known."""
        known = self.up + self.down
        return self.up / known if known else None

    @property
    def coverage(self) -> float:
        """The part of the time asked about of which we know, 0 to 1."""
        total = self.up + self.down + self.unknown
        return (self.up + self.down) / total if total else 0.0


class Slot(NamedTuple):
    """One piece of a bar: the worst status seen in it, None where no span reaches into it."""

    start: datetime
    end: datetime
    status: Status | None


def clip(spans: Iterable[Span], start: datetime, end: datetime) -> tuple[Span, ...]:
    """What spans of one check say of the time from `start` to `end`, in order and cut to it.

    Where spans overlap, as after a clock was set back, the one that began first counts. Empty spans are left out.
    """
    cut = []
    for span in sorted(spans, key=lambda span: span.start):
        begin, until = max(span.start, start), min(span.end, end)
        if begin < until:
            cut.append(span._replace(start=begin, end=until))
            start = until
    return tuple(cut)


def availability(spans: Iterable[Span], start: datetime, end: datetime) -> Availability:
    """The time from `start` to `end` by status, exact to the microsecond; time without a span is unknown.

    `spans` are those of one check. Raises ValueError when `end` is before `start`.
    """
    if end < start:
        raise ValueError(f"a stretch of time cannot end ({end}) before it starts ({start})")
    spent = {Status.UP: timedelta(), Status.DOWN: timedelta()}
    for span in clip(spans, start, end):
        if span.status in spent:
            spent[span.status] += span.end - span.start
    up, down = spent[Status.UP], spent[Status.DOWN]
    return Availability(up.total_seconds(), down.total_seconds(), (end - start - up - down).total_seconds())


def strip(spans: Iterable[Span], start: datetime, end: datetime, n: int) -> tuple[Slot, ...]:
    """The time from `start` to `end` as `n` slots of equal length, each with the worst status of one check in it.

    DOWN is worse than UNKNOWN, UNKNOWN worse than UP. Raises ValueError when there is no time or no slot.
    """
    if n < 1 or end <= start:
        raise ValueError(f"{n} slots from {start} to {end}: both the slots and the time must be more than nothing")
    edges = [start + (end - start) * index // n for index in range(n + 1)]
    worst: list[Status | None] = [None] * n
    for span in clip(spans, start, end):
        for index in range(bisect_right(edges, span.start) - 1, bisect_left(edges, span.end)):
            worst[index] = _worse(worst[index], span.status)
    return tuple(Slot(edges[index], edges[index + 1], status) for index, status in enumerate(worst))


def _worse(known: Status | None, status: Status) -> Status:
    return status if known is None or _BADNESS[status] > _BADNESS[known] else known
