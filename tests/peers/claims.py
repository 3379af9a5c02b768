"""Small steps to say how a kind's reading shows a fact about a recorded device."""

from collections.abc import Callable, Mapping
from fnmatch import fnmatch
from typing import Any, NamedTuple

import pytest

from probes import Reading

Told = tuple[Any, Any] | None
Claim = Callable[[Reading, Any, Mapping[str, Any]], Told]
"""From a reading, a fact and all facts about the device to what is shown and what should be."""


class Line(NamedTuple):
    """What one kind tells, with the settings besides those of where to ask."""

    kind: str
    settings: Mapping[str, Any]
    claims: Mapping[str, Claim]

    def claim(self, path: str) -> Claim | None:
        """The claim about a fact."""
        return next((claim for pattern, claim in self.claims.items() if fnmatch(path, pattern)), None)


def values(reading: Reading, metric: str) -> list[float]:
    """All parts of a metric, in order."""
    return sorted(sample.value for sample in reading.samples if sample.metric == metric)


def parts(reading: Reading, metric: str) -> dict[str, float]:
    """A metric by part."""
    return {sample.part: sample.value for sample in reading.samples if sample.metric == metric}


def one(metric: str, scale: float = 1) -> Claim:
    """The fact is the value of a metric, times a number."""
    return lambda reading, fact, facts: (
        None if fact is None else (reading.value(metric), pytest.approx(fact * scale, abs=1e-9))
    )


def part(metric: str, name: str) -> Claim:
    """The fact is the value of one part of a metric."""
    return lambda reading, fact, facts: (reading.value(metric, name), fact)


def summed(metric: str) -> Claim:
    """The fact is the sum of a metric's parts."""
    return lambda reading, fact, facts: (sum(values(reading, metric)), fact)
