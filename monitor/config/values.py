"""What people write for durations, opening hours, addresses and names, and what it means."""

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import date, datetime, time
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from alerting.hours import ALWAYS
from monitor.config.problems import did_you_mean

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

Stretch = tuple[time, time]
Week = tuple[tuple[Stretch, ...], ...]

_UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
"""Milliseconds in each unit of a duration."""

DURATION_PATTERN = r"([0-9]{1,9}(\.[0-9]{1,9})?(ms|s|m|h|d))+"
_DURATION = re.compile(DURATION_PATTERN)
_AMOUNT = re.compile(r"([0-9.]+)(ms|s|m|h|d)")
ID_PATTERN = r"[a-z0-9]+(-[a-z0-9]+)*"
LONGEST_ID = 63
_WEB_ADDRESS = re.compile(r"https?://[^/?#\s@]+(/[^?#\s]*)?")
_DAY_COUNT = re.compile(r"([0-9]{1,5})d")
_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2})")
_MOMENT = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})?")
LONGEST_DURATION = 366 * 86_400


def parse_duration(value: object, least: float = 0, most: float = LONGEST_DURATION) -> float:
    """The seconds of "500ms", "30s", "1h30m", "2d" or a plain number of seconds.

    Raises ValueError for anything else, and for less than `least` or more than `most` seconds.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        seconds = float(value)
    elif isinstance(value, str) and _DURATION.fullmatch(value):
        seconds = sum(float(amount) * _UNITS[unit] for amount, unit in _AMOUNT.findall(value)) / 1_000
    else:
        raise ValueError("must be a duration like `30s`, `5m`, `1h30m` or `2d`")
    if not least <= seconds <= most:
        raise ValueError(f"must be a duration from `{format_duration(least)}` to `{format_duration(most)}`")
    return seconds


def format_duration(seconds: float) -> str:
    """A duration as people write it, to the millisecond: 5400 is "1h30m"."""
    rest = round(seconds * 1_000)
    text = ""
    for unit in ("d", "h", "m", "s", "ms"):
        amount, rest = divmod(rest, _UNITS[unit])
        text += f"{amount}{unit}" if amount else ""
    return text or "0s"


def parse_id(value: str) -> str:
    """A name that is also a label of metrics. Raises ValueError with a name that would do."""
    if re.fullmatch(ID_PATTERN, value) and len(value) <= LONGEST_ID:
        return value
    better = re.sub(r"[^a-z0-9]+", "-", value.lower()[:LONGEST_ID]).strip("-")
    hint = f", like `{better}`" if better and "://" not in value else ""  # a URL in the wrong place may hold a secret
    raise ValueError(f"must be lower-case letters and digits, joined by dashes, at most {LONGEST_ID}{hint}")


def parse_zone(value: str) -> str:
    """The name of a time zone. Raises ValueError when this machine knows no such zone."""
    try:
        ZoneInfo(value)
    except (ValueError, OSError, LookupError):
        hint = did_you_mean(value, available_timezones())
        raise ValueError(f"must be a time zone like `Europe/Berlin`{hint}") from None
    return value


def is_web_address(value: str) -> bool:
    """Whether it is an http(s) URL without credentials, query and fragment."""
    return _WEB_ADDRESS.fullmatch(value) is not None


def parse_listen(value: str) -> tuple[str, int]:
    """The host and port of "127.0.0.1:8470" or "[::1]:8470". Raises ValueError."""
    host, colon, port = value.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    bracketed = host == f"[{bare}]"
    if not colon or not bare or bracketed != (":" in bare) or not _is_port(port):
        raise ValueError("must be an address and a port, like `127.0.0.1:8470` or `[::1]:8470`")
    return bare, int(port)


def parse_date(value: object) -> date:
    """The date of "2026-12-25". Raises ValueError."""
    if isinstance(value, str):
        with suppress(ValueError):
            return date.fromisoformat(value)
    raise ValueError("must be a date like `2026-12-25`")


def parse_clock(value: object) -> time:
    """The time of day of "07:30". Raises ValueError."""
    clock = _clock(value) if isinstance(value, str) else None
    if clock is None or clock == time.max:
        raise ValueError("must be a time of day like `07:30`")
    return clock


def parse_moment(value: object) -> datetime:
    """The time of "2026-12-01 06:00", naive where it is meant on the site's clock; aware with an offset like "+01:00".

    Raises ValueError.
    """
    if isinstance(value, str) and _MOMENT.fullmatch(value):
        with suppress(ValueError):
            return datetime.fromisoformat(value)
    raise ValueError("must be a time like `2026-12-01 06:00`, on the site's clock, or `2026-12-01 06:00+01:00`")


def parse_days(value: object) -> int:
    """The days of "400d". Raises ValueError."""
    match = _DAY_COUNT.fullmatch(value) if isinstance(value, str) else None
    if match is None or int(match[1]) < 1:
        raise ValueError("must be a number of days, like `400d`")
    return int(match[1])


def parse_day_range(key: str) -> tuple[int, ...]:
    """The weekdays, Monday is 0, of "mon" or "mon-fri"; "sat-mon" goes round. Raises ValueError."""
    names = key.split("-", 1)
    for name in names:
        if name not in DAYS:
            raise ValueError(f"must be a day like `mon` or a range like `mon-fri`{did_you_mean(name.lower(), DAYS)}")
    begin, end = DAYS.index(names[0]), DAYS.index(names[-1])
    return tuple((begin + step) % 7 for step in range((end - begin) % 7 + 1))


def parse_day(value: object) -> int:
    """The weekday, Monday is 0, of "mon". Raises ValueError."""
    if value not in DAYS:
        raise ValueError(f"must be a day like `mon`{did_you_mean(str(value).lower(), DAYS)}")
    return DAYS.index(value)


def parse_weekdays(value: object) -> frozenset[int]:
    """The weekdays, Monday is 0, of "mon-fri" or of a list like ["mon", "thu-fri"]. Raises ValueError."""
    given: list[Any] = value if isinstance(value, list) else [value]
    if not given or not all(isinstance(one, str) for one in given):
        raise ValueError("must be a day like `mon`, a range like `mon-fri`, or a list of such")
    return frozenset(day for one in given for day in parse_day_range(one))


def parse_nth(value: object) -> frozenset[int]:
    """Which of the weekdays of a month: 1 to 5 or "last", which is -1, or a list of such. Raises ValueError."""
    given: list[Any] = value if isinstance(value, list) else [value]
    if not given or not all(one == "last" or (type(one) is int and 1 <= one <= 5) for one in given):
        raise ValueError("must be a number from 1 to 5, `last`, or a list of such, like `[1, 3]`")
    return frozenset(-1 if one == "last" else one for one in given)


def parse_stretches(value: object) -> tuple[Stretch, ...]:
    """The open stretches of a day from "08:00-20:00", a list of such, "closed" or "24h", in order.

    Raises ValueError, also when they overlap.
    """
    if value == "closed":
        return ()
    if value == "24h":
        return ALWAYS
    given = value if isinstance(value, list) else [value]
    stretches = sorted(_stretch(one) for one in given)
    for (_, until), (begin, _) in pairwise(stretches):
        if begin < until:
            raise ValueError(f"has stretches that overlap at {begin:%H:%M}")
    return tuple(stretches)


def parse_nights(value: object) -> tuple[Stretch, ...]:
    """The stretches of a day as `parse_stretches` knows them, but "22:00-07:30" ends on the day after.

    Such a stretch begins later than it ends. Raises ValueError.
    """
    if value == "closed" or value == "24h":
        return parse_stretches(value)
    return tuple(_night(one) for one in (value if isinstance(value, list) else [value]))


def week_of_nights(hours: Mapping[str, tuple[Stretch, ...]]) -> Week:
    """The week, Monday first, of stretches that may run into the next day; what overlaps is joined."""
    week: list[list[Stretch]] = [[] for _ in range(7)]
    for key, stretches in hours.items():
        for day in parse_day_range(key):
            for begin, end in stretches:
                week[day].append((begin, end if begin < end else time.max))
                if time.min < end < begin:
                    week[(day + 1) % 7].append((time.min, end))
    return tuple(_joined(day) for day in week)


def week_of(hours: Mapping[str, tuple[Stretch, ...]]) -> Week:
    """The week, Monday first, of stretches by day or range of days; a day that is not named is closed."""
    week: list[tuple[Stretch, ...]] = [()] * 7
    for key, stretches in hours.items():
        for day in parse_day_range(key):
            week[day] = stretches
    return tuple(week)


def once_a_day(hours: dict[str, tuple[Stretch, ...]]) -> dict[str, tuple[Stretch, ...]]:
    """The same hours. Raises ValueError when two keys name the same day."""
    seen: dict[int, str] = {}
    for key in hours:
        for day in parse_day_range(key):
            if day in seen:
                raise ValueError(f"gives `{DAYS[day]}` twice, in `{seen[day]}` and in `{key}`")
            seen[day] = key
    return hours


def _joined(stretches: list[Stretch]) -> tuple[Stretch, ...]:
    """The same time in stretches that are in order and do not touch."""
    joined: list[Stretch] = []
    for begin, end in sorted(stretches):
        if joined and begin <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], end)
        else:
            joined.append((begin, end))
    return tuple(joined)


def _night(value: object) -> Stretch:
    begin, end = _ends(value)
    if begin == end:
        raise ValueError("begins when it ends; write `24h` for the whole day")
    return begin, end


def _stretch(value: object) -> Stretch:
    opens, closes = _ends(value)
    if opens >= closes:
        raise ValueError(
            "ends before it begins; past midnight, write `18:00-24:00` for this day and `00:00-02:00` for the next"
        )
    return opens, closes


def _ends(value: object) -> Stretch:
    """The two times of "08:00-20:00", in whatever order."""
    begin, dash, end = value.partition("-") if isinstance(value, str) else ("", "", "")
    opens, closes = _clock(begin.strip()), _clock(end.strip())
    if not dash or opens is None or closes is None:
        raise ValueError('must be hours like "08:00-20:00", a list of such, `closed` or `24h`')
    return opens, closes


def _clock(text: str) -> time | None:
    """A time of day; "24:00" is `time.max`, which stands for midnight at the end."""
    match = _CLOCK.fullmatch(text)
    if match is None:
        return None
    hour, minute = int(match[1]), int(match[2])
    if (hour, minute) == (24, 0):
        return time.max
    return time(hour, minute) if hour < 24 and minute < 60 else None


def _is_port(text: str) -> bool:
    return re.fullmatch("[0-9]{1,5}", text) is not None and 0 < int(text) < 65536
