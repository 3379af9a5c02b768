"""How fast people answered and mended, and how long things worked in between: MTTA, MTTR and MTBF.

Restoration and operating time between failures are terms of IEC 60050-192:2015, "Dependability". The time to
acknowledge is in no standard; it is counted as on-call services do, until the first person takes it. An incident that
was merged into another one counts with that one alone; one that a person reported counts like any other.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from alerting.gates import Stretch
from incidents.incident import Incident
from incidents.windows import all_hours, joined


class Mean(NamedTuple):
    """The mean of `of` lengths of time; there is at least one."""

    length: timedelta
    of: int


def time_to_acknowledge(incidents: Iterable[Incident], start: datetime, end: datetime) -> Mean | None:
    """MTTA: from when an incident was opened until somebody first took it, of those taken between `start` and `end`.

    What ended before anybody took it has no such time. None if nobody took any.
    """
    return _mean(_until(((one.opened, one.acknowledged) for one in _own(incidents)), start, end))


def time_to_restore(incidents: Iterable[Incident], start: datetime, end: datetime) -> Mean | None:
    """MTTR: from when an incident was opened until it was resolved, of those resolved between `start` and `end`.

    IEC 60050-192, mean time to restoration: the time until somebody noticed and the wait before the repair are part of
    it. None if none was resolved.
    """
    return _mean(_until(((one.opened, one.resolved) for one in _own(incidents)), start, end))


def time_between_failures(incidents: Iterable[Incident], start: datetime, end: datetime) -> Mean | None:
    """MTBF: the time from `start` to `end` without an incident, for each incident that was opened in it.

    IEC 60050-192, mean operating time between failures: operating time divided by failures. Time in which several
    incidents last counts as down once. None if none was opened.
    """
    own = _own(incidents)
    failures = sum(start <= one.opened < end for one in own)
    if not failures:
        return None
    down = joined(Stretch(one.opened, end if one.resolved is None else one.resolved) for one in own)
    return Mean(all_hours(start, end).without(down).length / failures, failures)


def _own(incidents: Iterable[Incident]) -> tuple[Incident, ...]:
    return tuple(one for one in incidents if one.merged_into is None)


def _until(turns: Iterable[tuple[datetime, datetime | None]], start: datetime, end: datetime) -> list[timedelta]:
    """The lengths of what ended between two instants."""
    return [at - opened for opened, at in turns if at is not None and start <= at < end]


def _mean(lengths: Sequence[timedelta]) -> Mean | None:
    return Mean(sum(lengths, timedelta()) / len(lengths), len(lengths)) if lengths else None
