"""Readings and instruments as the text that Prometheus scrapes, in either of its two formats."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from math import isfinite, isnan
from typing import Any

from prometheus_client.metrics_core import Metric as Family
from prometheus_client.samples import Sample as Series

from probes import Metric, Probe, Reading, Status

PIECE = 500
"""Lines of one piece of text: what is written at once."""

_TOTAL = "_total"


@dataclass(frozen=True, slots=True)
class Format:
    """A way to write families: its content type, how names of counters are announced, and the last line.

    Both formats write the same series; neither has the `_created` series of the library.
    """

    content_type: str
    totals: bool
    end: str = ""

    def header(self, name: str, type: str, help: str) -> str:
        """The lines that come before a family's series; `name` is without a counter's `_total`."""
        if type == "counter" and self.totals:
            name += _TOTAL
        return f"# HELP {name} {_escaped(help) if self.end else _escaped_help(help)}\n# TYPE {name} {type}\n"


TEXT = Format("text/plain; version=0.0.4; charset=utf-8", totals=True)
OPENMETRICS = Format("application/openmetrics-text; version=1.0.0; charset=utf-8", totals=False, end="# EOF\n")


class Exposition:
    """Series gathered one by one and written family by family; a family is described as its first series is."""

    def __init__(self) -> None:
        self._help: dict[str, str] = {}
        self._lines: dict[str, list[str]] = {}

    def add(self, name: str, help: str, labels: str, value: float) -> None:
        """One series; `labels` as `rendered` gives them. A name that ends in `_total` is a counter, else a gauge."""
        lines = self._lines.get(name)
        if lines is None:
            self._help[name] = help
            lines = self._lines[name] = []
        lines.append(_line(name, labels, value))

    def add_reading(self, declared: Mapping[str, Metric], labels: str, reading: Reading) -> None:
        """What a reading sampled; a sample that its kind does not declare is left out."""
        for name, value, part in reading.samples:
            metric = declared.get(name)
            if metric is not None:
                self.add(name, metric.help, plus(labels, metric.part, part) if metric.part else labels, value)

    def add_verdict(self, labels: str, reading: Reading) -> None:
        """`probe_success` and `probe_duration_seconds`.

        A reading that is UNKNOWN says nothing of its target, so it has neither: a gap, not a failure.
        """
        if reading.status is not Status.UNKNOWN:
            success = float(reading.status is Status.UP)
            self.add("probe_success", "Whether the target passed the check; absent while unknown.", labels, success)
            self.add("probe_duration_seconds", "How long the check's newest run took.", labels, reading.took)

    def text(self, format: Format) -> Iterator[str]:
        """All of it in pieces, without the format's end."""
        for name, lines in self._lines.items():
            kind = "counter" if name.endswith(_TOTAL) else "gauge"
            yield format.header(name.removesuffix(_TOTAL), kind, self._help[name])
            for first in range(0, len(lines), PIECE):
                yield "".join(lines[first : first + PIECE])


def instruments(families: Iterable[Family], format: Format) -> Iterator[str]:
    """The library's families, one piece each, without the format's end; one without series is not mentioned."""
    for family in families:
        created = f"{family.name}_created"
        lines = [_series(one) for one in family.samples if one.name != created]
        if lines:
            yield format.header(family.name, family.type, family.documentation) + "".join(lines)


@cache
def declared(probe: type[Probe[Any]]) -> Mapping[str, Metric]:
    """A kind's metrics by their names."""
    return {metric.name: metric for metric in probe.metrics}


def rendered(labels: Mapping[str, str]) -> str:
    """Labels as they stand between braces: what many series share is rendered once."""
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())


def plus(labels: str, name: str, value: str) -> str:
    """Rendered labels and one more."""
    pair = _pair(name, value)
    return f"{labels},{pair}" if labels else pair


@lru_cache(maxsize=4096)  # the parts of a metric are the same few words for all checks
def _pair(name: str, value: str) -> str:
    return f'{name}="{_escaped(value)}"'


def _series(series: Series) -> str:
    return _line(series.name, rendered(series.labels), series.value)


def _line(name: str, labels: str, value: float) -> str:
    value = float(value)
    shown = repr(value) if isfinite(value) else _special(value)
    return f"{name}{{{labels}}} {shown}\n" if labels else f"{name} {shown}\n"


def _special(value: float) -> str:
    return "NaN" if isnan(value) else "+Inf" if value > 0 else "-Inf"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _escaped_help(words: str) -> str:
    return words.replace("\\", r"\\").replace("\n", r"\n")
