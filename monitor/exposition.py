"""Readings and instruments as the text that Prometheus scrapes, in either of its two formats."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from math import isfinite, isnan
from typing import Any, NamedTuple

from prometheus_client.metrics_core import Metric as Family
from prometheus_client.samples import Sample as Series

from probes import Metric, Probe, Reading, Sample, Status

PIECE = 500
"""Lines of one piece of text: what is written at once."""

SUCCESS = Metric("probe_success", "Whether the target passed the check; absent while unknown.")
DURATION = Metric("probe_duration_seconds", "How long the check's newest run took.", "seconds")

_TOTAL = "_total"
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')
_ESCAPE = re.compile(r"\\(.)")
_BITS, _BYTES = "bits_per_second", "bytes_per_second"


@dataclass(frozen=True, slots=True)
class Format:
    """A way to write families: its content type, how names of counters are announced, and the last line.

    Both formats write the same series, and only one the exemplars; neither has the `_created` series of the library.
    """

    content_type: str
    totals: bool
    exemplars: bool
    end: str = ""

    def header(self, name: str, type: str, help: str) -> str:
        """The lines that come before a family's series; `name` is without a counter's `_total`."""
        if type == "counter" and self.totals:
            name += _TOTAL
        return f"# HELP {name} {_escaped(help) if self.end else _escaped_help(help)}\n# TYPE {name} {type}\n"


TEXT = Format("text/plain; version=0.0.4; charset=utf-8", totals=True, exemplars=False)
OPENMETRICS = Format(
    "application/openmetrics-text; version=1.0.0; charset=utf-8", totals=False, exemplars=True, end="# EOF\n"
)


class Exposed(NamedTuple):
    """A kind's metric as Prometheus is shown it: inside a rate is in bits a second, there it is in bytes."""

    name: str
    help: str
    part: str
    scale: float


class Declared(NamedTuple):
    """A kind's metrics by the names that its samples have, and what a run that failed did not come to."""

    metrics: Mapping[str, Exposed]
    unreached: tuple[Sample, ...]


class Gathering(ABC):
    """Takes series one by one: what becomes of them is up to `add`."""

    @abstractmethod
    def add(self, name: str, help: str, labels: str, value: float) -> None:
        """One series; `labels` as `rendered` gives them."""

    def add_reading(self, declared: Declared, labels: str, reading: Reading) -> None:
        """What a reading sampled; a sample that its kind does not declare is left out."""
        samples = reading.samples
        if reading.status is Status.DOWN and declared.unreached:
            found = {(name, part) for name, _, part in samples}
            samples += tuple(one for one in declared.unreached if (one.metric, one.part) not in found)
        metrics = declared.metrics
        for name, value, part in samples:
            metric = metrics.get(name)
            if metric is not None:
                shown, help, label, scale = metric
                self.add(shown, help, plus(labels, label, part) if label else labels, value * scale)

    def add_verdict(self, labels: str, reading: Reading) -> None:
        """`probe_success` and `probe_duration_seconds`.

        A reading that is UNKNOWN says nothing of its target, so it has neither: a gap, not a failure.
        """
        if reading.status is not Status.UNKNOWN:
            self.add(SUCCESS.name, SUCCESS.help, labels, float(reading.status is Status.UP))
            self.add(DURATION.name, DURATION.help, labels, reading.took)


class Exposition(Gathering):
    """Series gathered one by one and written family by family; a family is described as its first series is."""

    def __init__(self) -> None:
        self._head: dict[str, tuple[str, str]] = {}
        self._lines: dict[str, list[str]] = {}

    def add(self, name: str, help: str, labels: str, value: float) -> None:
        """One series; `labels` as `rendered` gives them."""
        lines = self._lines.get(name)
        if lines is None:
            lines = self._begin(name, type_of(name), help)
        lines.append(_line(name, labels, value))

    def add_lines(self, name: str, type: str, help: str, lines: Iterable[str]) -> None:
        """Series that are written already, of a family of that type."""
        known = self._lines.get(name)
        (self._begin(name, type, help) if known is None else known).extend(lines)

    def text(self, format: Format) -> Iterator[str]:
        """All of it in pieces, without the format's end."""
        for name, lines in self._lines.items():
            type, help = self._head[name]
            yield format.header(name.removesuffix(_TOTAL), type, help)
            for first in range(0, len(lines), PIECE):
                yield "".join(lines[first : first + PIECE])

    def _begin(self, name: str, type: str, help: str) -> list[str]:
        self._head[name] = (type, help)
        lines = self._lines[name] = list[str]()
        return lines


def type_of(name: str) -> str:
    """The type of a family that is no histogram: its name says it."""
    return "counter" if name.endswith(_TOTAL) else "gauge"


def instruments(families: Iterable[Family], format: Format) -> Iterator[str]:
    """The library's families, one piece each, without the format's end; one without series is not mentioned."""
    for family in families:
        lines = [_line(one.name, rendered(one.labels), one.value) for one in _shown_of(family)]
        if lines:
            yield format.header(family.name, family.type, family.documentation) + "".join(lines)


def add_instruments(families: Iterable[Family], found: Gathering) -> None:
    """The same series, one by one."""
    for family in families:
        for one in _shown_of(family):
            found.add(one.name, family.documentation, rendered(one.labels), one.value)


@cache
def declared(probe: type[Probe[Any]]) -> Declared:
    """A kind's metrics, as they are shown."""
    unreached = (
        Sample(metric.name, metric.unreached, part)
        for metric in probe.metrics
        if metric.unreached is not None
        for part in metric.parts or ("",)
    )
    return Declared({metric.name: shown(metric) for metric in probe.metrics}, tuple(unreached))


def shown(metric: Metric) -> Exposed:
    """A metric as Prometheus is shown it."""
    name = metric.name.replace(_BITS, _BYTES)
    return Exposed(name, metric.help, metric.part, 1.0 if name == metric.name else 1 / 8)


def rendered(labels: Mapping[str, str]) -> str:
    """Labels as they stand between braces: what many series share is rendered once."""
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())


def pairs(labels: str) -> list[tuple[str, str]]:
    """The names and values of labels that were rendered."""
    found: list[tuple[str, str]] = _LABEL.findall(labels)
    return [(name, _ESCAPE.sub(_unescaped, value)) for name, value in found] if "\\" in labels else found


def plus(labels: str, name: str, value: str) -> str:
    """Rendered labels and one more."""
    pair = _pair(name, value)
    return f"{labels},{pair}" if labels else pair


@lru_cache(maxsize=4096)  # the parts of a metric are the same few words for all checks
def _pair(name: str, value: str) -> str:
    return f'{name}="{_escaped(value)}"'


def _shown_of(family: Family) -> Iterator[Series]:
    created = f"{family.name}_created"
    return (one for one in family.samples if one.name != created)


def _line(name: str, labels: str, value: float) -> str:
    value = float(value)
    words = repr(value) if isfinite(value) else _special(value)
    return f"{name}{{{labels}}} {words}\n" if labels else f"{name} {words}\n"


def _special(value: float) -> str:
    return "NaN" if isnan(value) else "+Inf" if value > 0 else "-Inf"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _unescaped(escape: re.Match[str]) -> str:
    return "\n" if escape[1] == "n" else escape[1]


def _escaped_help(words: str) -> str:
    return words.replace("\\", r"\\").replace("\n", r"\n")
