"""Figures and times as people read them."""

from datetime import date, datetime, timedelta
from math import isfinite, isnan
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator

from alerting.hours import OpeningHours
from language import N_, figures, gettext, month, translated, translated_plural, weekday, whole_month

_SCALES: dict[str, tuple[tuple[float, str], ...]] = {
    "seconds": ((86400, "days"), (3600, "h"), (60, "min"), (1, "s"), (1e-3, "ms"), (0, "µs")),
    "bytes": ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (0, "B")),
    "bits_per_second": ((1e9, "Gbit/s"), (1e6, "Mbit/s"), (1e3, "kbit/s"), (0, "bit/s")),
    "bytes_per_second": ((1e9, "GB/s"), (1e6, "MB/s"), (1e3, "kB/s"), (0, "B/s")),
}
_SIZES = {
    "days": 86400.0,
    "h": 3600.0,
    "min": 60.0,
    "s": 1.0,
    "ms": 1e-3,
    "µs": 1e-6,
    "B": 1.0,
    "bit/s": 1.0,
    "B/s": 1.0,
}
_UNSCALED = {"seconds": "s", "bytes": "B", "bits_per_second": "bit/s", "bytes_per_second": "B/s"}
_NAMES = (*(N_("celsius"), N_("volts"), N_("amperes"), N_("watts"), N_("voltamperes"), N_("hertz"), N_("joules")),)
"""The units without a scale that kinds declare: a language may call them otherwise."""
_EPOCH_SINCE, _EPOCH_UNTIL = 1e9, 1e11
"""A "duration" this long is a point in time, of 2001 to 5138: Prometheus writes those as seconds too."""

_CONTROLS = (*range(0x09), 0x0B, 0x0C, 0x0D, *range(0x0E, 0x20), *range(0x7F, 0xA0))  # all but tab and newline
_TURNS = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))  # change the text's direction
_HALVES = tuple(range(0xD800, 0xE000))  # surrogates: cannot be sent
_UNPRINTABLE = dict.fromkeys((*_CONTROLS, *_TURNS, *_HALVES), "\N{REPLACEMENT CHARACTER}")


def plain(text: str) -> str:
    """The text with every control character and direction mark made visible: names come from devices."""
    return text if text.isprintable() else text.translate(_UNPRINTABLE)


Text = Annotated[str, AfterValidator(plain)]
"""Words in an answer, which may come from a device."""


def short(text: str, most: int = 160) -> str:
    """At most so many characters, the cut made visible."""
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def sentence(words: object) -> str:
    """What was said as a part of a sentence, as one of its own."""
    text = str(words)
    return f"{text[:1].upper()}{text[1:]}."


def count(number: int, one: str, many: str) -> str:
    """ "1 thing", "2 things"."""
    return f"{figures(f'{number:,}')} {translated_plural(one, many, number)}"


def length(span: timedelta) -> str:
    """A stretch of time, as roughly as people say it."""
    minutes = int(span.total_seconds() // 60)
    if minutes < 1:
        return gettext("less than a minute")
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{count(days, 'day', 'days')} {hours} h" if hours else count(days, "day", "days")


def clock(at: datetime, now: datetime, zone: ZoneInfo) -> str:
    """When it was, in the site's zone: the time today, with the weekday this week, else with the date."""
    local, today = at.astimezone(zone), now.astimezone(zone)
    time = f"{local:%H:%M}"
    if local.date() == today.date():
        return time
    if abs(local.date() - today.date()) < timedelta(days=7):
        return f"{weekday(local)} {time}"
    if local.year == today.year:
        return gettext("{day} {month} {time}", day=local.day, month=month(local), time=time)
    return gettext("{day} {month} {year} {time}", day=local.day, month=month(local), year=local.year, time=time)


def day(of: date) -> str:
    """A date in words, with its weekday."""
    parts = {"weekday": weekday(of), "day": f"{of:%d}", "month": whole_month(of), "year": of.year}
    return gettext("{weekday} {day} {month} {year}", **parts)


def opening(hours: OpeningHours, now: datetime) -> str:
    """Whether the site is open, and until or from when."""
    stretches = hours.stretches(now, now + timedelta(days=8))
    first = next(stretches, None)
    if first is None:
        return gettext("Closed all week")
    begin, until = first
    if begin > now:
        return gettext("Closed, opens {when}", when=clock(begin, now, hours.zone))
    for again, end in stretches:
        if again > until:
            return gettext("Open until {when}", when=clock(until, now, hours.zone))
        until = end
    return gettext("Always open")


def amount(value: float, unit: str) -> str:
    """A measured value in the unit that suits its size; `unit` is one of Prometheus' base units."""
    if not isfinite(value):
        return _digits(value)
    if unit == "ratio":
        return f"{_digits(value * 100)} %"
    scale = _SCALES.get(unit)
    if scale is None:
        return f"{_digits(value)} {translated(unit.replace('_', ' '))}".rstrip()
    if value == 0:
        return f"0 {_UNSCALED[unit]}"
    least, name = next((step for step in scale if abs(value) >= step[0]), scale[-1])
    shown = value / _SIZES.get(name, least or 1)
    return f"{_digits(shown)} {translated_plural('day', 'days', shown) if name == 'days' else name}"


def is_instant(value: float, unit: str) -> bool:
    """Whether a value in seconds is a point in time and not a duration."""
    return unit == "seconds" and _EPOCH_SINCE < value < _EPOCH_UNTIL


def _digits(value: float) -> str:
    """Three figures that count, no exponent, whole numbers whole."""
    if not isfinite(value):
        return gettext("not a number") if isnan(value) else gettext("unlimited")
    if value == int(value) or abs(value) >= 100:
        return figures(f"{value:,.0f}")
    return figures(f"{value:.3g}" if abs(value) >= 0.001 else f"{value:.1e}")
