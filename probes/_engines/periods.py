"""Calendar periods as people say them, `3 months` or `90d`, and the days that they lead to."""

import re
from calendar import monthrange
from datetime import date, timedelta
from functools import lru_cache
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

_PERIOD = re.compile(r"([0-9]{1,4}) ?(d|days?|w|weeks?|months?|years?)")
_UNITS = {"d": (0, 1), "w": (0, 7), "m": (1, 0), "y": (12, 0)}
"""Months and days of each unit, by its first letter."""
_MOST_DAYS = 3660
_DATE = re.compile(r"2[01][0-9]{2}-[0-9]{2}-[0-9]{2}")


class Period(NamedTuple):
    """So many months, or so many days."""

    months: int
    days: int

    def after(self, day: date) -> date:
        """The day that comes so much later; the last one of its month where that month is too short."""
        return _shifted(day, self.months) + timedelta(days=self.days)

    def before(self, day: date) -> date:
        """The day that was so much earlier; the last one of its month where that month is too short."""
        return _shifted(day, -self.months) - timedelta(days=self.days)

    @property
    def least(self) -> int:
        """Days that it has at least."""
        return self.months // 12 * 365 + self.months % 12 * 28 + self.days

    @property
    def most(self) -> int:
        """Days that it has at most."""
        return self.months * 31 + self.days


@lru_cache(maxsize=1024)
def parse(text: str) -> Period:
    """The period that a text means. Raises ValueError with the remedy."""
    found = _PERIOD.fullmatch(text)
    if found is None:
        raise ValueError("must be a period like `90d`, `2 weeks`, `3 months` or `1 year`")
    number, (months, days) = int(found[1]), _UNITS[found[2][0]]
    period = Period(number * months, number * days)
    if not 1 <= period.least <= _MOST_DAYS:
        raise ValueError("must be a period from `1d` to `10 years`")
    return period


def _shifted(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def _period(text: str) -> str:
    parse(text)
    return text


def _day(value: object) -> object:
    """A date as it is written; the year has to be one of this century or the next."""
    if isinstance(value, date) or (isinstance(value, str) and _DATE.fullmatch(value)):
        return value
    raise ValueError("must be a date like `2027-02-20`")


PeriodText = Annotated[str, AfterValidator(_period)]
"""A setting that holds a period."""

Day = Annotated[date, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
"""A setting that holds a date."""
