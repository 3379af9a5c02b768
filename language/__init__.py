"""What Deskwatch says, in the language of whoever reads it.

English is written where it is said, and is the key to the others. A language is the compiled catalogue of its name
beside this file; `python -m catalogue` makes it.
"""

import gettext as catalogues
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime
from functools import cache
from pathlib import Path
from types import MappingProxyType
from zoneinfo import ZoneInfo

LANGUAGES = MappingProxyType({"en": "English", "de": "Deutsch"})
"""What each language calls itself, by its code (ISO 639-1)."""
DEFAULT = "en"

_CURRENT: ContextVar[Callable[[], str]] = ContextVar("language", default=lambda: DEFAULT)
_SWAPPED = {"de": str.maketrans(",.", ".,")}
"""Languages that write 1.234,5 for what English writes as 1,234.5."""
_RANGE = re.compile(r"\s*([A-Za-z]{1,8})(?:-[A-Za-z0-9-]{1,40})?\s*(?:;\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*)?")


def current() -> str:
    """The code of the language that is spoken now."""
    return _CURRENT.get()()


def speak(language: Callable[[], str]) -> None:
    """Say everything in what `language` answers each time, from now on, here and in all tasks that this one starts."""
    _CURRENT.set(language)


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Say everything in that language within the block."""
    token = _CURRENT.set(lambda: language)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def gettext(message: str, /, **values: object) -> str:
    """The message in the language that is spoken, its `{name}` filled in (str.format) if there are values."""
    said = translated(message)
    return said.format(**values) if values else said


def ngettext(one: str, many: str, number: float, /, **values: object) -> str:
    """The form of the message that fits the number, which it can use as `{number}`."""
    return translated_plural(one, many, number).format(number=figures(f"{number:,}"), **values)


def N_(message: str) -> str:  # noqa: N802 - what every gettext calls it
    """Mark a message that is said later: it stands in the catalogue, and is translated where it is said."""
    return message


class SaidError(Exception):
    """An error whose message, marked by `N_`, is said in the language that is spoken where it is read."""

    def __init__(self, message: str, **values: object) -> None:
        super().__init__(message)
        self._message, self._values = message, values

    def __str__(self) -> str:
        return gettext(self._message, **self._values)


def translated(message: str) -> str:
    """The message in the language that is spoken, as its catalogue has it; the message itself if it has none."""
    language = current()
    return message if language == DEFAULT or not message else _catalogue(language).gettext(message)


def translated_plural(one: str, many: str, number: float) -> str:
    """The form that fits the number, as the catalogue has it. A fraction is many."""
    whole = int(number) if number == int(number) else 2
    language = current()
    if language == DEFAULT:
        return one if whole == 1 else many
    return _catalogue(language).ngettext(one, many, whole)


def figures(written: str) -> str:
    """A number written in English, "1,234.5", as the language writes it."""
    swapped = _SWAPPED.get(current())
    return written.translate(swapped) if swapped else written


def weekday(at: date) -> str:
    """The short name of its day: "Mon"."""
    return translated(_WEEKDAYS[at.weekday()])


def month(at: date) -> str:
    """The short name of its month: "Jan"."""
    return translated(_MONTHS[at.month - 1])


def whole_weekday(at: date) -> str:
    """The name of its day: "Monday"."""
    return translated(_WHOLE_WEEKDAYS[at.weekday()])


def whole_month(at: date) -> str:
    """The name of its month: "January"."""
    return translated(_WHOLE_MONTHS[at.month - 1])


def local(at: datetime, zone: ZoneInfo) -> str:
    """An instant on the clock on the wall there: "Mon 3 Aug, 08:55"."""
    wall = at.astimezone(zone)
    named = {"weekday": weekday(wall), "day": wall.day, "month": month(wall), "time": f"{wall:%H:%M}"}
    return gettext("{weekday} {day} {month}, {time}", **named)


def preferred(accepted: str, default: str) -> str:
    """The language that an Accept-Language header (RFC 9110) likes best of those there are; the default if none."""
    best, liked = default, 0.0
    for part in accepted[:1000].split(","):
        found = _RANGE.fullmatch(part)
        quality = float(found[2] or 1) if found else 0.0
        if found and quality > liked and found[1].lower() in LANGUAGES:
            best, liked = found[1].lower(), quality
    return best


@cache
def _catalogue(language: str) -> catalogues.GNUTranslations:
    with Path(__file__).with_name(f"{language}.mo").open("rb") as file:
        return catalogues.GNUTranslations(file)


_WEEKDAYS = (N_("Mon"), N_("Tue"), N_("Wed"), N_("Thu"), N_("Fri"), N_("Sat"), N_("Sun"))
_MONTHS = (
    *(N_("Jan"), N_("Feb"), N_("Mar"), N_("Apr"), N_("May"), N_("Jun")),
    *(N_("Jul"), N_("Aug"), N_("Sep"), N_("Oct"), N_("Nov"), N_("Dec")),
)
_WHOLE_WEEKDAYS = (
    *(N_("Monday"), N_("Tuesday"), N_("Wednesday"), N_("Thursday"), N_("Friday")),
    *(N_("Saturday"), N_("Sunday")),
)
_WHOLE_MONTHS = (
    *(N_("January"), N_("February"), N_("March"), N_("April"), N_("May"), N_("June")),
    *(N_("July"), N_("August"), N_("September"), N_("October"), N_("November"), N_("December")),
)
