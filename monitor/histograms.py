"""How measured values are spread: counted as readings come, written as Prometheus' histograms with exemplars."""

from bisect import bisect_left
from collections.abc import Container, Iterator, Mapping, Sequence
from functools import cache
from itertools import accumulate
from typing import NamedTuple

from monitor.config.model import Check, Config
from monitor.exposition import Exposition, Format, Gathering, plus, rendered
from probes import Histogram, Reading, load

_LONGEST = 128
"""Characters that OpenMetrics allows for the labels of an exemplar, names and values together."""

Parts = Mapping[tuple[str, str], "Counted"]
"""What is counted of a reading: the series by metric and part."""


Exemplar = tuple[float, Reading, str]
"""A value that was counted, its reading, and the incident of its check then ("" if there was none)."""


class Counted:
    """One set of labels of a histogram."""

    def __init__(self, buckets: tuple[float, ...], labels: str) -> None:
        self._bounds = buckets
        self._labels = labels
        self._counts = [0] * (len(buckets) + 1)
        self._sum = 0.0
        self._newest: list[Exemplar | None] = [None] * (len(buckets) + 1)

    def add(self, exemplar: Exemplar) -> None:
        """Count a value; the newest one of each bucket is its exemplar."""
        value = exemplar[0]
        bucket = bisect_left(self._bounds, value)
        self._counts[bucket] += 1
        self._sum += value
        self._newest[bucket] = exemplar

    def lines(self, name: str, exemplars: bool) -> Iterator[str]:
        """Its series as text, a line each."""
        begin = f"{name}_bucket{{{self._labels},le="
        for end, count, newest in zip(_ends(self._bounds), accumulate(self._counts), self._newest, strict=True):
            example = f" # {_written(newest)}" if exemplars and newest is not None else ""
            yield f"{begin}{end}}} {count}{example}\n"
        yield f"{name}_count{{{self._labels}}} {sum(self._counts)}\n"
        yield f"{name}_sum{{{self._labels}}} {self._sum!r}\n"

    def add_to(self, found: Gathering, name: str, help: str) -> None:
        """Add the same series, one by one."""
        for end, count in zip(_ends(self._bounds), accumulate(self._counts), strict=True):
            found.add(f"{name}_bucket", help, f"{self._labels},le={end}", count)
        found.add(f"{name}_count", help, self._labels, sum(self._counts))
        found.add(f"{name}_sum", help, self._labels, self._sum)


class _Key(NamedTuple):
    """What is counted together: a check's readings, or those of all checks of a kind if `check` is ""."""

    histogram: Histogram
    kind: str
    check: str


class Histograms:
    """The histograms of all checks whose kinds have one, from the start of the process on."""

    def __init__(self) -> None:
        self._parts: dict[_Key, Parts] = {}
        self._of: dict[str, Parts] = {}

    def adopt(self, config: Config) -> None:
        """Count the checks of this configuration from now on. What was counted of those that stay is kept."""
        old, self._parts, self._of = self._parts, {}, {}
        for check in config.checks:
            counted: dict[tuple[str, str], Counted] = {}
            for histogram in load(check.kind).histograms:
                key = _Key(histogram, check.kind, check.id if histogram.by_check else "")
                if key not in self._parts:
                    self._parts[key] = old.get(key) or _begun(histogram, config.site.id, check)
                counted |= self._parts[key]
            if counted:
                self._of[check.id] = counted

    def count(self, reading: Reading, incident: str) -> None:
        """Count what a reading measured, during that incident of its check ("" if there is none)."""
        parts = self._of.get(reading.check)
        if parts is None:
            return
        for metric, value, part in reading.samples:
            counted = parts.get((metric, part))
            if counted is not None and value:  # a phase that was not gone through took 0
                counted.add((value, reading, incident))

    def add_to(self, found: Exposition, format: Format, ran: Container[str], portion: int) -> Iterator[None]:
        """Add the histograms of kinds, and of those checks that ran; yields after each portion of them."""
        for some in self._portions(ran, portion):
            for (name, help), counted in some:
                found.add_lines(name, "histogram", help, counted.lines(name, format.exemplars))
            yield

    def gather(self, found: Gathering, ran: Container[str], portion: int) -> Iterator[None]:
        """Add the same series, one by one; yields as often."""
        for some in self._portions(ran, portion):
            for (name, help), counted in some:
                counted.add_to(found, name, help)
            yield

    def _portions(self, ran: Container[str], portion: int) -> Iterator[Sequence[tuple[tuple[str, str], Counted]]]:
        """What is shown, each with its family's name and help."""
        shown = [(key, parts) for key, parts in self._parts.items() if not key.check or key.check in ran]
        for first in range(0, len(shown), portion):
            yield [
                ((key.histogram.name, key.histogram.help), counted)
                for key, parts in shown[first : first + portion]
                for counted in parts.values()
            ]


def _begun(histogram: Histogram, site: str, check: Check) -> Parts:
    """New series of a histogram: one, or one of each part of its metric."""
    of_check = {"asset": check.asset, "check": check.id} if histogram.by_check else {}
    labels = rendered({**of_check, "kind": check.kind, "site": site})
    metric = next(one for one in load(check.kind).metrics if one.name == histogram.metric)
    if histogram.part or not metric.parts:
        return {(metric.name, histogram.part): Counted(histogram.buckets, labels)}
    return {(metric.name, part): Counted(histogram.buckets, plus(labels, metric.part, part)) for part in metric.parts}


@cache
def _ends(buckets: tuple[float, ...]) -> tuple[str, ...]:
    """The upper ends of buckets and of the one beyond them, as they stand in a label."""
    return (*(f'"{float(bound)!r}"' for bound in buckets), '"+Inf"')


def _written(exemplar: Exemplar) -> str:
    """An exemplar as OpenMetrics has it. The incident is worth more than the check, if there is no room for both."""
    value, reading, incident = exemplar
    labels, room = {}, _LONGEST
    for name, word in (("incident_id", incident), ("check", reading.check)):
        if word and len(name) + len(word) <= room:
            labels[name] = word
            room -= len(name) + len(word)
    return f"{{{rendered(labels)}}} {value!r} {reading.at.timestamp():.3f}"
