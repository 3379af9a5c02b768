"""The figures that others push, from what they send: JSON from programs, CSV from a spreadsheet."""

import csv
import io
import math
from collections.abc import Iterable, Mapping
from datetime import date, datetime

from monitor.reports.figures import verify
from monitor.store.figures import Pushed

MOST = 5000
"""Figures that are taken at once."""

_KEYS = ("name", "day", "value")


def of_rows(rows: Iterable[Mapping[str, object]], source: str, at: datetime) -> tuple[Pushed, ...]:
    """The figures of rows with `name`, `day` (2026-11-01; a month is its first day) and `value`.

    Raises ValueError that names the first row that makes no sense, counted from 1, and the remedy.
    """
    found = []
    for number, row in enumerate(rows, 1):
        if number > MOST:
            raise ValueError(f"at most {MOST:,} figures are taken at once; send them in several parts")
        try:
            found.append(_pushed(row, source, at))
        except ValueError as error:
            raise ValueError(f"row {number}: {error}") from None
    return tuple(found)


def of_csv(text: str, source: str, at: datetime) -> tuple[Pushed, ...]:
    """The figures of a table with the columns name, day and value. Raises ValueError as `of_rows` does."""
    reader = csv.DictReader(io.StringIO(text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")))
    if missing := [key for key in _KEYS if key not in (reader.fieldnames or ())]:
        raise ValueError(f"the first line must name the columns name, day and value; {missing[0]} is missing")
    return of_rows(reader, source, at)


def _pushed(row: Mapping[str, object], source: str, at: datetime) -> Pushed:
    if unknown := [key for key in row if key not in _KEYS]:
        raise ValueError(f"{str(unknown[0])[:40]!r} is not understood; a figure has name, day and value")
    if missing := [key for key in _KEYS if row.get(key) in (None, "")]:
        raise ValueError(f"{missing[0]} is missing")
    name, value = str(row["name"])[:60], _number(row["value"])
    verify(name, value)
    return Pushed(name, _day(row["day"]), value, source, at)


def _number(given: object) -> float:
    try:
        value = float(str(given)) if not isinstance(given, bool) else math.nan
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"value {str(given)[:40]!r} is no number; write one like 0.43")
    return value


def _day(given: object) -> date:
    try:
        return date.fromisoformat(str(given))
    except ValueError:
        raise ValueError(f"day {str(given)[:40]!r} is no date; write one like 2026-11-01") from None
