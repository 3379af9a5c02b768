"""What readings leave behind: status spans and latency rollups, gathered between two visits to the store."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from math import ceil, exp, inf, isfinite, log
from typing import NamedTuple

from incidents.availability import Span
from probes import Reading, Status

STEPS = (300, 3600, 86400)
"""The lengths of a rollup, in seconds: five minutes, an hour, a day."""

PENDING = 100_000
"""How many spans, and as many five-minute rollups, wait for a store that cannot be written; the oldest give way."""

PORTION = 1_000
"""How many growing spans, and as many five-minute rollups, one batch carries at most while the service runs."""

_STEP = STEPS[0]
_ERROR = 0.05
_GROWTH = log((1 + _ERROR) / (1 - _ERROR))
_MIDDLE = log(1 - _ERROR)
_LEAST, _MOST = 1e-6, 1e6


class Rollup(NamedTuple):
    """The latencies of one check in the `step` seconds from `start`, which is aligned to UTC.

    `count`, `total`, `least` and `most` are exact, in seconds. `buckets` counts latencies by the index of a bucket
    whose bounds grow by a constant factor, so that rollups of any steps can be added up.
    """

    check: str
    step: int
    start: datetime
    count: int  # type: ignore[assignment]  # hides tuple.count, which nobody needs here
    total: float
    least: float
    most: float
    buckets: Mapping[int, int]

    def quantile(self, q: float) -> float:
        """The latency in seconds that the part `q` (0 to 1) did not exceed; off by at most 5 % from 1 µs to 11 days."""
        rank = max(1, ceil(q * self.count))
        for index in sorted(self.buckets):
            rank -= self.buckets[index]
            if rank <= 0:
                return min(max(exp(index * _GROWTH + _MIDDLE), self.least), self.most)
        return self.most

    def plus(self, other: "Rollup") -> "Rollup":
        """This rollup with the latencies of another one taken in."""
        buckets = dict(self.buckets)
        for index, count in other.buckets.items():
            buckets[index] = buckets.get(index, 0) + count
        return self._replace(
            count=self.count + other.count,
            total=self.total + other.total,
            least=min(self.least, other.least),
            most=max(self.most, other.most),
            buckets=buckets,
        )


class Batch(NamedTuple):
    """What is new since the last batch: spans that began, grew or ended, and latencies to be added to the stored."""

    spans: tuple[Span, ...] = ()
    rollups: tuple[Rollup, ...] = ()


class History:
    """Turns readings, each check's in order, into spans and rollups; keeps what no batch has carried away yet.

    `latest` holds the newest stored span of each check, so that a restart leaves no gap that a running service would
    not have left.
    """

    def __init__(self, latest: Mapping[str, Span] | None = None) -> None:
        self._runs = {check: _Run.of(span) for check, span in (latest or {}).items()}
        self._grown: set[str] = set()
        self._spans: dict[tuple[str, datetime], Span] = {}
        self._latencies: dict[tuple[str, int], _Latencies] = {}

    def add(self, reading: Reading, since: datetime, interval: float, timeout: float, latency: tuple[str, str]) -> None:
        """Take in one reading.

        `since` is when its condition began (the first failed attempt of a confirmed failure, else `reading.at`),
        `interval` and `timeout` are the check's, in seconds, `latency` names the metric and part to keep the latency
        of; "" is the length of the run. Only readings that are UP have a latency worth keeping.
        """
        self._span(reading, min(since, reading.at), interval, timeout)
        if reading.status is Status.UP:
            self._latency(reading, latency)

    def take(self, over_by: datetime | None = None) -> Batch:
        """What is new since the last call.

        With `over_by`, at most PORTION of the spans that grew and of the five minutes of latencies that were over by
        then: each of these then is written once, and nothing else is held up for long. Without, all of them.
        """
        for check in tuple(islice(self._grown, None if over_by is None else PORTION)):
            run = self._runs[check]
            self._spans[check, run.start] = run.span(check, run.last)
            self._grown.remove(check)
        spans, self._spans = tuple(self._spans.values()), {}
        return Batch(spans, _rollups(self._finished(over_by)))

    def restore(self, batch: Batch) -> None:
        """Take back a batch that could not be stored; what has been learned since then counts."""
        self._spans = {(span.check, span.start): span for span in batch.spans} | self._spans
        later, self._latencies = self._latencies, {}
        for rollup in batch.rollups:
            if rollup.step == _STEP:
                self._latencies[rollup.check, int(rollup.start.timestamp())] = _Latencies.of(rollup)
        for key, found in later.items():
            self._latencies[key] = found.joined(self._latencies.get(key))
        _bound(self._spans)
        _bound(self._latencies)

    def _finished(self, over_by: datetime | None) -> "dict[tuple[str, int], _Latencies]":
        """Take out the latencies that are ready."""
        if over_by is None:
            ready, self._latencies = self._latencies, {}
            return ready
        last = over_by.timestamp() - _STEP
        keys = list(islice((key for key in self._latencies if key[1] <= last), PORTION))
        return {key: self._latencies.pop(key) for key in keys}

    def _span(self, reading: Reading, since: datetime, interval: float, timeout: float) -> None:
        run = self._runs.get(reading.check)
        if run is None:
            self._begin(reading, since, interval)
            return
        silence = (since - run.last).total_seconds()
        tolerance = 1.5 * (run.interval or interval) + timeout
        if silence <= tolerance and (run.last - reading.at).total_seconds() <= tolerance:
            self._continue(run, reading, max(since, run.last), interval)
        else:
            self._end(reading.check, run, silence)
            self._begin(reading, since, interval)

    def _continue(self, run: "_Run", reading: Reading, since: datetime, interval: float) -> None:
        if run.status is reading.status and run.reason == reading.reason:
            run.last, run.interval = max(run.last, reading.at), interval
            self._grown.add(reading.check)
            return
        self._spans[reading.check, run.start] = run.span(reading.check, since)
        self._begin(reading, since, interval)

    def _end(self, check: str, run: "_Run", silence: float) -> None:
        """End a span at a gap: the last reading speaks for the interval after it, not for a clock that was set back."""
        vouched = min(run.interval, silence) if silence > 0 else 0.0
        self._spans[check, run.start] = run.span(check, run.last + timedelta(seconds=vouched))

    def _begin(self, reading: Reading, since: datetime, interval: float) -> None:
        last = max(since, reading.at)
        self._runs[reading.check] = _Run(since, last, interval, reading.status, reading.reason)
        self._grown.add(reading.check)
        if len(self._spans) > PENDING:
            _bound(self._spans)

    def _latency(self, reading: Reading, latency: tuple[str, str]) -> None:
        value = reading.value(*latency) if latency[0] else reading.took
        if value is None or not isfinite(value) or value < 0:
            return
        start = int(reading.at.timestamp()) // _STEP * _STEP
        latencies = self._latencies.get((reading.check, start))
        if latencies is None:
            latencies = self._latencies[reading.check, start] = _Latencies()
            if len(self._latencies) > PENDING:
                _bound(self._latencies)
        latencies.add(value)


class _Run:
    """The span that a check is in now. `interval` is 0 when it comes from the store, which does not know it."""

    __slots__ = ("interval", "last", "reason", "start", "status")

    def __init__(self, start: datetime, last: datetime, interval: float, status: Status, reason: str) -> None:
        self.start = start
        self.last = last
        self.interval = interval
        self.status = status
        self.reason = reason

    @classmethod
    def of(cls, span: Span) -> "_Run":
        return cls(span.start, span.end, 0.0, span.status, span.reason)

    def span(self, check: str, end: datetime) -> Span:
        return Span(check, self.start, end, self.status, self.reason)


class _Latencies:
    """A rollup that grows in place, because it does so on every reading."""

    __slots__ = ("buckets", "count", "least", "most", "total")

    def __init__(self) -> None:
        self.count = 0
        self.total = 0.0
        self.least = inf
        self.most = 0.0
        self.buckets: dict[int, int] = {}

    @classmethod
    def of(cls, rollup: Rollup) -> "_Latencies":
        new = cls()
        new.count, new.total, new.least, new.most = rollup.count, rollup.total, rollup.least, rollup.most
        new.buckets = dict(rollup.buckets)
        return new

    def add(self, value: float) -> None:
        self.count += 1
        self.total += value
        if value < self.least:
            self.least = value
        if value > self.most:
            self.most = value
        index = ceil(log(min(max(value, _LEAST), _MOST)) / _GROWTH)
        self.buckets[index] = self.buckets.get(index, 0) + 1

    def joined(self, earlier: "_Latencies | None") -> "_Latencies":
        """These and the earlier ones, as an object of its own."""
        mine = self.rollup("", _STEP, 0)
        return self.of(mine if earlier is None else earlier.rollup("", _STEP, 0).plus(mine))

    def rollup(self, check: str, step: int, start: int) -> Rollup:
        at = datetime.fromtimestamp(start, UTC)
        return Rollup(check, step, at, self.count, self.total, self.least, self.most, self.buckets)


def _rollups(latencies: Mapping[tuple[str, int], _Latencies]) -> tuple[Rollup, ...]:
    """Each five minutes, and what they add to their hour and their day."""
    sums: dict[tuple[str, int, int], Rollup] = {}
    for (check, start), found in latencies.items():
        for step in STEPS:
            rollup = found.rollup(check, step, start // step * step)
            key = check, step, start // step
            sums[key] = sums[key].plus(rollup) if key in sums else rollup
    return tuple(sums.values())


def _bound(waiting: dict[tuple[str, datetime], Span] | dict[tuple[str, int], _Latencies]) -> None:
    """Forget the oldest of what waits, a tenth at a time so that it stays cheap."""
    if len(waiting) > PENDING:
        for key in list(waiting)[: len(waiting) - PENDING + PENDING // 10]:
            del waiting[key]  # type: ignore[arg-type]
