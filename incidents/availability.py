"""How much of the time something worked: status spans, and what they say of a check, an asset, a group, a site."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import NamedTuple

from incidents.windows import Window
from probes import Status

_WORST = {Status.UP: 0, Status.UNKNOWN: 1, Status.DOWN: 2}
"""What counts for something that needs all of its parts."""
_BEST = {Status.DOWN: 0, Status.UNKNOWN: 1, Status.UP: 2}
"""What counts for something of which one part is enough."""
_NEVER = datetime.min.replace(tzinfo=UTC)


class Span(NamedTuple):
    """A stretch of time in which a check kept one status for one reason. Between spans nothing is known."""

    check: str
    start: datetime
    end: datetime
    status: Status
    reason: str


class Availability(NamedTuple):
    """How long something was up, down and unknown, exactly; the three add up to the time asked about."""

    up: timedelta = timedelta()
    down: timedelta = timedelta()
    unknown: timedelta = timedelta()

    @property
    def known(self) -> timedelta:
        """The time of which we know."""
        return self.up + self.down

    @property
    def total(self) -> timedelta:
        """The time asked about."""
        return self.up + self.down + self.unknown

    @property
    def ratio(self) -> float | None:
        """The part of the known time in which it was up, 0 to 1; None where nothing is known."""
        return self.up / self.known if self.known else None

    @property
    def coverage(self) -> float:
        """The part of the time asked about of which we know, 0 to 1."""
        return self.known / self.total if self.total else 0.0


class Budget(NamedTuple):
    """How much failing a target allows, and how much of that is used up.

    `allowed` is the part of the whole time that need not be up, `spent` the time that was down, `left` the difference:
    negative when the target is missed whatever comes. Time that is `unknown` is not spent, but it may have been. `burn`
    is how fast the budget was used while we knew: at 1 it lasts exactly as long as the time asked about, at 2 half as
    long; None where nothing is known, or nothing is allowed.
    """

    allowed: timedelta
    spent: timedelta
    unknown: timedelta
    burn: float | None

    @property
    def left(self) -> timedelta:
        """What is left of it."""
        return self.allowed - self.spent


class Slot(NamedTuple):
    """One piece of a bar: the worst status seen in it, None where no span reaches into it."""

    start: datetime
    end: datetime
    status: Status | None


def in_order(spans: Iterable[Span]) -> Iterator[Span]:
    """The spans of one check in the order of time, without empty ones.

    Where spans overlap, as after a clock was set back, the one that began first counts.
    """
    reached = _NEVER
    for span in sorted(spans, key=attrgetter("start")):
        _, start, end, _, _ = span
        if start >= reached and end > start:
            yield span
            reached = end
        elif end > reached > start:
            yield span._replace(start=reached)
            reached = end


def clip(spans: Iterable[Span], start: datetime, end: datetime) -> tuple[Span, ...]:
    """What spans of one check say of the time from `start` to `end`, `in_order` and cut to it."""
    cut = (span._replace(start=max(span.start, start), end=min(span.end, end)) for span in in_order(spans))
    return tuple(span for span in cut if span.start < span.end)


def availability(spans: Iterable[Span], window: Window) -> Availability:
    """The time of a window by status, exact to the microsecond; time without a span is unknown.

    `spans` are those of one check, or what `verdicts` or `alternatives` made of several.
    """
    up = down = timedelta()
    for span in in_order(spans):
        if span.status is Status.UP:
            up += window.inside(span.start, span.end)
        elif span.status is Status.DOWN:
            down += window.inside(span.start, span.end)
    return Availability(up, down, window.length - up - down)


def verdicts(spans: Mapping[str, Iterable[Span]]) -> tuple[Span, ...]:
    """What the spans of its checks say of an asset, which needs all of them: the worst at every instant.

    DOWN is worse than UNKNOWN, UNKNOWN worse than UP. Where nothing is known of one check, nothing is known of the
    asset, unless another one is DOWN. `spans` holds all checks that count, by id, those without spans too. `check` and
    `reason` of the result are those that decide, of several the first one's.
    """
    return tuple(_combined(tuple(spans.values()), _WORST))


def alternatives(spans: Mapping[str, Iterable[Span]]) -> tuple[Span, ...]:
    """What the spans of its members say of a group of which one is enough: the best at every instant.

    It is up while one of them is, and down while all are. Where nothing is known of one member, nothing is known of the
    group, unless another one is UP. `check` and `reason` of the result are those of the member that decides.
    """
    return tuple(_combined(tuple(spans.values()), _BEST))


def weighted(parts: Iterable[tuple[Availability, int]]) -> Availability:
    """Several assets as one, such as a site: their times added up, each as often as it serves people.

    What serves nobody counts as one. The sum is in people x time; `ratio` and `coverage` are what they always are.
    """
    up = down = unknown = timedelta()
    for found, people in parts:
        weight = max(people, 1)
        up, down, unknown = up + weight * found.up, down + weight * found.down, unknown + weight * found.unknown
    return Availability(up, down, unknown)


def budget(found: Availability, target: float) -> Budget:
    """The error budget of a target, a ratio from 0 to 1, over the time that `found` is about.

    As in Google's "The Site Reliability Workbook", chapters 2 (error budget) and 5 (burn rate): time stands for events.
    """
    failing = 1 - target
    burn = found.down / found.known / failing if found.known and failing > 0 else None
    return Budget(found.total * failing, found.down, found.unknown, burn)


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
    return status if known is None or _WORST[status] > _WORST[known] else known


def _combined(parts: Sequence[Iterable[Span]], ranks: Mapping[Status, int]) -> Iterator[Span]:
    """One span for each stretch in which the same part decides for the same reason; none where nothing is known.

    One pass over all turns of all parts, in the order of time. What ranks highest decides, and the highest rank does so
    even where nothing is known of other parts.
    """
    now: list[Span | None] = [None] * len(parts)
    decides, since = None, _NEVER
    for at, turns in groupby(_turns(parts), key=itemgetter(0)):
        for _, number, span in turns:
            now[number] = span
        found = _decisive(now, ranks)
        if not _alike(found, decides):
            if decides is not None:
                yield Span(decides.check, since, at, decides.status, decides.reason)
            decides, since = found, at


def _turns(parts: Sequence[Iterable[Span]]) -> list[tuple[datetime, int, Span | None]]:
    """When what is known of a part changes, and to what, in the order of time; ends before beginnings."""
    ends: list[tuple[datetime, int, Span | None]] = []
    beginnings: list[tuple[datetime, int, Span | None]] = []
    for number, spans in enumerate(parts):
        reached = None
        for span in in_order(spans):
            if reached is not None and reached != span.start:  # else what ends there tells nothing
                ends.append((reached, number, None))
            beginnings.append((span.start, number, span))
            reached = span.end
        if reached is not None:
            ends.append((reached, number, None))
    return sorted(ends + beginnings, key=itemgetter(0))


def _decisive(now: Sequence[Span | None], ranks: Mapping[Status, int]) -> Span | None:
    """What decides at an instant, None if nothing is known."""
    decides, highest, complete = None, -1, True
    for span in now:
        if span is None:
            complete = False
        elif ranks[span.status] > highest:
            decides, highest = span, ranks[span.status]
    return decides if complete or highest == len(ranks) - 1 else None


def _alike(one: Span | None, other: Span | None) -> bool:
    """Whether two spans say the same, apart from when."""
    if one is other or one is None or other is None:
        return one is other
    return one.status is other.status and one.check == other.check and one.reason == other.reason
