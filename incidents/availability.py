"""How much of the time something worked: status spans, and what they say of a check, an asset, a group, a site."""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from operator import attrgetter, itemgetter
from typing import NamedTuple

from incidents.windows import Window
from probes import Status

_UP, _DOWN = Status.UP, Status.DOWN  # to look a member up each time costs as much as to add up a span
_WORST = _UP, Status.UNKNOWN, None, _DOWN
"""What counts for something that needs all of its parts, most at last; None is that nothing is known."""
_BEST = _DOWN, Status.UNKNOWN, None, _UP
"""What counts for something of which one part is enough."""
_NEVER, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


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


def in_order(spans: Iterable[Span]) -> list[Span]:
    """The spans of one check in the order of time, without empty ones.

    Where spans overlap, as after a clock was set back, the one that began first counts.
    """
    ordered = sorted(spans, key=attrgetter("start"))
    reached = _NEVER
    for _, start, end, _, _ in ordered:
        if not reached <= start < end:
            return list(_apart(ordered))
        reached = end
    return ordered


def clip(spans: Iterable[Span], start: datetime, end: datetime) -> tuple[Span, ...]:
    """What spans of one check say of the time from `start` to `end`, `in_order` and cut to it."""
    cut = (span._replace(start=max(span.start, start), end=min(span.end, end)) for span in in_order(spans))
    return tuple(span for span in cut if span.start < span.end)


def availability(spans: Iterable[Span], window: Window) -> Availability:
    """The time of a window by status, exact to the microsecond; time without a span is unknown.

    `spans` are those of one check, or what `verdicts` or `alternatives` made of several.
    """
    return _within(in_order(spans), window)


def by_window(spans: Iterable[Span], windows: Iterable[Window]) -> Iterator[Availability]:
    """`availability` of the same spans in each of several windows, such as days."""
    ordered = in_order(spans)
    starts, ends = [one.start for one in ordered], [one.end for one in ordered]
    for window in windows:
        if window.stretches:
            first = bisect_right(ends, window.stretches[0].starts)
            yield _within(ordered[first : bisect_left(starts, window.stretches[-1].ends)], window)
        else:
            yield Availability()


def verdicts(spans: Mapping[str, Iterable[Span]]) -> tuple[Span, ...]:
    """What the spans of its checks say of an asset, which needs all of them: the worst at every instant.

    DOWN is worse than UNKNOWN, UNKNOWN worse than UP. Where nothing is known of one check, nothing is known of the
    asset, unless another one is DOWN. `spans` holds all checks that count, by id, those without spans too. `check` and
    `reason` of the result are those that decide, of several the first one's.
    """
    return tuple(_combined(spans.values(), _WORST))


def alternatives(spans: Mapping[str, Iterable[Span]]) -> tuple[Span, ...]:
    """What the spans of its members say of a group of which one is enough: the best at every instant.

    It is up while one of them is, and down while all are. Where nothing is known of one member, nothing is known of the
    group, unless another one is UP. `check` and `reason` of the result are those of the member that decides.
    """
    return tuple(_combined(spans.values(), _BEST))


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


def _apart(ordered: Iterable[Span]) -> Iterator[Span]:
    """What is left of spans in the order of their beginnings where the earlier one counts."""
    reached = _NEVER
    for span in ordered:
        if span.end > max(span.start, reached):
            yield span if span.start >= reached else span._replace(start=reached)
            reached = span.end


def _within(ordered: Iterable[Span], window: Window) -> Availability:
    up = down = timedelta()
    begins = stops = _NEVER
    for _, start, end, status, _ in ordered:
        if begins <= start and end <= stops:  # mostly many lie in one stretch of the window
            inside = end - start
        else:
            inside = window.inside(start, end)
            begins, stops = window.around(end)
        if status is _UP:
            up += inside
        elif status is _DOWN:
            down += inside
    return Availability(up, down, window.length - up - down)


def _combined(parts: Collection[Iterable[Span]], ranks: Sequence[Status | None]) -> Iterator[Span]:
    """One span for each stretch in which the same part decides for the same reason; none where nothing is known.

    One pass over all turns of all parts, in the order of time: what ranks highest decides, of several the first.
    """
    now: list[Span | None] = [None] * len(parts)
    levels = [ranks.index(None)] * len(parts)
    decides, since = None, _NEVER
    for (at, number, span), (later, _, _) in pairwise([*_turns(parts), (_LAST, 0, None)]):
        now[number], levels[number] = span, ranks.index(span and span.status)
        if at == later:  # others turn at the same instant
            continue
        found = now[levels.index(max(levels))]
        if found is not decides and not _alike(found, decides):
            if decides is not None:
                yield _lasting(decides, since, at)
            decides, since = found, at


def _turns(parts: Iterable[Iterable[Span]]) -> list[tuple[datetime, int, Span | None]]:
    """When what is known of a part changes, and to what, in the order of time."""
    turns: list[tuple[datetime, int, Span | None]] = []
    for number, spans in enumerate(parts):
        reached = None
        for span in in_order(spans):
            if reached is not None and reached != span.start:  # else what ends there tells nothing
                turns.append((reached, number, None))
            turns.append((span.start, number, span))
            reached = span.end
        if reached is not None:
            turns.append((reached, number, None))
    turns.sort(key=itemgetter(0))
    return turns


def _lasting(span: Span, start: datetime, end: datetime) -> Span:
    """The span with other times; itself if they are its own."""
    if span.start == start and span.end == end:
        return span
    return Span(span.check, start, end, span.status, span.reason)


def _alike(one: Span | None, other: Span | None) -> bool:
    """Whether two spans say the same, apart from when."""
    if one is None or other is None:
        return one is other
    return one.status is other.status and one.check == other.check and one.reason == other.reason
