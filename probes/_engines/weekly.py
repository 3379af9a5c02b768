"""Hours of the week as people write them in one line: `mon-fri 08:00-20:00, sat 10:00-14:00`."""

import re
from datetime import datetime
from functools import lru_cache
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = 24 * 60
_WEEK = 7 * _DAY
_PART = re.compile(
    r"(?:(?P<first>[a-z]{3})(?:-(?P<last>[a-z]{3}))? +)?"
    r"(?P<h1>\d{1,2}):(?P<m1>\d\d) *- *(?P<h2>\d{1,2}):(?P<m2>\d\d)"
)

Stretches = tuple[tuple[int, int], ...]
"""Stretches of a week in minutes since Monday 00:00 on the clock on the wall, in order and apart from each other; one
that goes on into the next week ends after the week does."""


@lru_cache(maxsize=1024)
def parse(text: str) -> Stretches:
    """The stretches that a text means; `always` and `never` are such texts, too. A night ends on the day after.

    Raises ValueError that names the part and the remedy.
    """
    if text == "never":
        return ()
    if text == "always":
        return ((0, _WEEK),)
    return _joined(sorted(stretch for part in text.split(",") for stretch in _stretches(part.strip().lower())))


def holds(stretches: Stretches, zone: ZoneInfo, at: datetime) -> bool:
    """Whether a time lies in one of the stretches."""
    return since(stretches, zone, at) is not None


def since(stretches: Stretches, zone: ZoneInfo, at: datetime) -> float | None:
    """Seconds since the stretch began in which a time lies, None if it lies in none."""
    local = at.astimezone(zone)
    minute = local.weekday() * _DAY + local.hour * 60 + local.minute
    begun = [now - begin for begin, end in stretches for now in (minute, minute + _WEEK) if begin <= now < end]
    return max(begun) * 60.0 + local.second if begun else None


def _stretches(part: str) -> list[tuple[int, int]]:
    """The stretches of what stands between two commas, one for each of its days."""
    found = _PART.fullmatch(part)
    if found is None:
        raise ValueError(f"{part!r} is no hours; write them like `mon-fri 08:00-20:00`, `always` or `never`")
    begin, end = _minute(found["h1"], found["m1"], part), _minute(found["h2"], found["m2"], part)
    if begin in (end, _DAY):
        raise ValueError(f"{part!r} begins when it ends; write `00:00-24:00` for the whole day")
    length = end - begin if begin < end else end + _DAY - begin
    return [(day * _DAY + begin, day * _DAY + begin + length) for day in _days(found["first"], found["last"], part)]


def _minute(hour: str, minute: str, part: str) -> int:
    value = int(hour) * 60 + int(minute)
    if int(minute) > 59 or value > _DAY:
        raise ValueError(f"{part!r} has no time of day on both sides; write them like `08:00-20:00`")
    return value


def _days(first: str | None, last: str | None, part: str) -> list[int]:
    for name in (first, last):
        if name is not None and name not in _DAYS:
            raise ValueError(f"{part!r} names no days; they are {', '.join(_DAYS)}")
    if first is None:
        return list(range(7))
    begin, end = _DAYS.index(first), _DAYS.index(last or first)
    return [(begin + step) % 7 for step in range((end - begin) % 7 + 1)]


def _joined(stretches: list[tuple[int, int]]) -> Stretches:
    joined: list[tuple[int, int]] = []
    for begin, end in stretches:
        if joined and begin <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], end)
        else:
            joined.append((begin, end))
    return tuple(joined)


def _hours(text: str) -> str:
    parse(text)
    return text


def _zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("there is no such time zone; write one like Europe/Berlin")
    return name


Hours = Annotated[str, AfterValidator(_hours)]
"""A setting that holds hours of the week."""

Zone = Annotated[str, AfterValidator(_zone)]
"""A setting that holds a time zone."""
