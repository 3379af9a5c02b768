"""Times written as in a crontab: minute, hour, day of the month, month, day of the week."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator

_MONTHS = ("", "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of the week", 0, 7, _WEEKDAYS),
)
_LOOK_AHEAD = 8 * 366 + 1
"""Days: around 2100 there are eight years from one 29 February to the next."""


@dataclass(frozen=True, slots=True)
class Cron:
    """The times that a crontab line means. Days of the week count from Sunday, which is 0.

    As in cron, a day fits if either of both day fields does when both are given.
    """

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either: bool

    def fits(self, day: date) -> bool:
        """Whether it has times on that day."""
        by_month, by_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return day.month in self.months and ((by_month or by_week) if self.either else (by_month and by_week))


@lru_cache(maxsize=1024)
def parse(text: str) -> Cron:
    """The times of a line like "30 3 * * mon-fri". Raises ValueError that names the field, the value and the remedy."""
    words = text.lower().split()
    if len(words) != len(_FIELDS):
        raise ValueError(f"must have five fields like `30 3 * * *`, it has {len(words)}")
    minutes, hours, days, months, weekdays = (
        frozenset(_values(word, *field)) for word, field in zip(words, _FIELDS, strict=True)
    )
    either = not words[2].startswith("*") and not words[4].startswith("*")
    weekdays = frozenset(day % 7 for day in weekdays)
    return Cron(tuple(sorted(minutes)), tuple(sorted(hours)), days, months, weekdays, either)


def following(cron: Cron, zone: ZoneInfo, after: datetime) -> datetime:
    """The first of its times that is later than `after`, in UTC.

    A time that the clocks skip in spring is taken as if they had not been changed yet; one that they repeat in autumn
    counts once. Raises ValueError for times that never come, as on 30 February.
    """
    local = after.astimezone(zone)
    days = (local.date() + timedelta(days=offset) for offset in range(_LOOK_AHEAD))
    for day in filter(cron.fits, days):
        earliest = local.hour if day == local.date() else 0
        for hour in cron.hours:
            for minute in cron.minutes if hour >= earliest else ():
                at = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone).astimezone(UTC)
                if at > after:
                    return at
    raise ValueError("never comes: no such day in these months")


def _values(word: str, name: str, least: int, most: int, names: tuple[str, ...]) -> Iterator[int]:
    """What one field means: `*`, `5`, `1-5`, `*/15`, `1-30/2`, and several of them with commas."""
    for part in word.split(","):
        span, slash, step = part.partition("/")
        first, dash, last = span.partition("-")
        try:
            begin = least if span == "*" else _value(first, names)
            end = _value(last, names) if dash else most if span == "*" or slash else begin
            by = int(step) if slash else 1
        except ValueError:
            raise ValueError(f"the {name} `{part[:20]}` is none; write a number, `*`, `1-5` or `*/15`") from None
        if not (least <= begin <= end <= most and by >= 1):
            raise ValueError(f"the {name} `{part[:20]}` must be from {least} to {most}")
        yield from range(begin, end + 1, by)


def _value(word: str, names: tuple[str, ...]) -> int:
    if word and word in names:
        return names.index(word)
    if not (word.isascii() and word.isdigit()):
        raise ValueError(word)
    return int(word)


def _crontab(text: str) -> str:
    following(parse(text), ZoneInfo("UTC"), datetime(2024, 1, 1, tzinfo=UTC))
    return text


Crontab = Annotated[str, AfterValidator(_crontab)]
"""A setting that holds times as in a crontab, which come at some time."""
