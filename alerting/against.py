"""What of a value is held against a rule's limit: itself, how unusual it is, or how fast it changes."""

import math
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from enum import StrEnum

from probes import Reading, Sample

Usual = Callable[[str, str], float | None]
"""What a metric and part of the check usually is at this hour of the day, None if nobody knows."""

COUNTER = "_total"
"""How the name of a metric ends that only ever grows: if it goes backwards, the device began to count anew."""

_HOUR = timedelta(hours=1)


class Against(StrEnum):
    """What is held against a rule's limits.

    VALUE: the value itself.
    USUAL: the value divided by what is usual for its part at this hour: 1 is as usual, 3 is three times as much. Where
    nobody knows the usual value, or it is not above 0 or below what the rule wants, the rule says nothing.
    RATE: how much the value changed per hour since the last reading that had the metric; negative if it fell. A part
    that this reading did not have says nothing, nor does a counter that went backwards.
    """

    VALUE = "value"
    USUAL = "usual"
    RATE = "rate"


def compared(
    against: Against,
    samples: Iterable[Sample],
    reading: Reading,
    previous: Reading | None,
    usual: Usual | None,
    least_usual: float = 0,
) -> Iterator[tuple[float, float]]:
    """What of each of a reading's samples is held against the limits, and its value; without those of which it cannot
    be told. `previous` is the last reading that had the metric."""
    match against:
        case Against.VALUE:
            return ((sample.value, sample.value) for sample in samples)
        case Against.USUAL:
            return _multiples(samples, usual, least_usual)
        case Against.RATE:
            return _rates(samples, reading, previous)


def _multiples(samples: Iterable[Sample], usual: Usual | None, least: float) -> Iterator[tuple[float, float]]:
    for sample in samples:
        known = usual(sample.metric, sample.part) if usual is not None else None
        multiple = sample.value / known if known is not None and known > 0 and known >= least else math.nan
        if not math.isnan(multiple):
            yield multiple, sample.value


def _rates(samples: Iterable[Sample], reading: Reading, previous: Reading | None) -> Iterator[tuple[float, float]]:
    if previous is None or reading.at <= previous.at:
        return
    hours = (reading.at - previous.at) / _HOUR
    for sample in samples:
        before = previous.value(sample.metric, sample.part)
        grown = math.nan if before is None else sample.value - before
        if not math.isnan(grown) and not (grown < 0 and sample.metric.endswith(COUNTER)):
            yield grown / hours, sample.value
