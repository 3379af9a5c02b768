"""What was measured, hour by hour: the least, the mean and the most of each metric, from what checks recorded."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import fsum, isfinite

from sqlalchemy.ext.asyncio import AsyncConnection

from monitor.config.model import Check
from monitor.recording import HOUR, Pair, Recording, Stored, hour_of
from monitor.store import recordings
from monitor.usual import whole
from probes import load


@dataclass(frozen=True, slots=True)
class Hour:
    """The `count` values of one metric that were measured in the hour of UTC from `start`, in the metric's unit."""

    start: datetime
    least: float
    mean: float
    most: float
    count: int


Series = Mapping[tuple[str, str, str], tuple[Hour, ...]]
"""Hours in which something was measured, oldest first, by check, metric and part."""


def measuring(checks: Iterable[Check], metrics: Collection[str]) -> tuple[str, ...]:
    """The ids of the checks whose kind measures one of the metrics."""
    return tuple(check.id for check in checks if any(one.name in metrics for one in load(check.kind).metrics))


async def hourly(
    conn: AsyncConnection, checks: Iterable[str], metrics: Collection[str], start: datetime, end: datetime
) -> Series:
    """What these checks measured of these metrics from `start` to `end`; values that are no number are left out.

    Recordings are unpacked in a thread, for a month of a check takes a part of a second.
    """
    found: dict[tuple[str, str, str], tuple[Hour, ...]] = {}
    for check in checks:
        stored = await recordings.between(conn, check, hour_of(start), end)
        hours = await asyncio.to_thread(of_recordings, stored, metrics, start, end)
        found |= {(check, *pair): some for pair, some in hours.items()}
    return found


def of_recordings(
    stored: Iterable[Stored], metrics: Collection[str], start: datetime, end: datetime
) -> dict[Pair, tuple[Hour, ...]]:
    """The same for the recordings of one check, oldest first; an hour may be in several of them."""
    values: dict[Pair, dict[datetime, list[float]]] = {}
    for recording in whole(stored):
        hour = hour_of(recording.start)
        for pair, some in _values(recording, metrics, start, end):
            values.setdefault(pair, {}).setdefault(hour, []).extend(some)
    return {pair: tuple(_hour(*one) for one in hours.items() if one[1]) for pair, hours in values.items()}


def _values(
    recording: Recording, metrics: Collection[str], start: datetime, end: datetime
) -> Iterable[tuple[Pair, list[float]]]:
    """The finite values of each metric and part that were measured from `start` to `end`."""
    hour = hour_of(recording.start)
    whole_hour = start <= hour and hour + HOUR <= end
    for pair, times, column in recording.columns(metrics):
        if whole_hour:
            yield pair, [value for value in column if isfinite(value)]
        else:
            instants = (recording.start + timedelta(microseconds=time) for time in times)
            timed = zip(instants, column, strict=True)
            yield pair, [value for at, value in timed if start <= at < end and isfinite(value)]


def _hour(start: datetime, values: Sequence[float]) -> Hour:
    return Hour(start, min(values), fsum(values) / len(values), max(values), len(values))
