"""Whom Uptime Kuma tells, as routes, and when it stays quiet, as maintenance."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from monitor.config.document import printable
from monitor.config.values import DAYS, format_duration
from monitor.migrate.draft import Draft, Unportable
from monitor.migrate.kuma_source import Kuma, Row
from monitor.migrate.providers import route
from monitor.migrate.settings import Settings

_MOMENT = re.compile(r"(20\d\d-\d\d-\d\d)(?:[ T](\d\d:\d\d)(?::\d\d(?:\.\d+)?)?)?Z?")
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)(?::\d\d)?")
_SERVER = ("", "SAME_AS_SERVER")
_STRATEGIES = {
    "manual": "work without an end; `deskwatch silence` holds messages back",
    "recurring-day-of-month": "work repeats on days of the week here; `nth` takes the nth of a month",
    "cron": "work repeats on days of the week here; write `days`, `at` and `lasts` by hand",
}


def routes(draft: Draft, kuma: Kuma, assets: Mapping[int, str]) -> None:
    """A route for each notification that a monitor uses which was carried over."""
    for row in kuma.notifications:
        what = f"notification {row.get('id')} {printable(str(row.get('name') or ''))}"
        told = [id for id, notifications in kuma.told.items() if row.get("id") in notifications and id in assets]
        if row.get("active") in (0, False):
            draft.left(what, "it is switched off")
        elif not told:
            draft.left(what, "no monitor that was carried over uses it")
        else:
            again = _repeats(kuma, told)
            route(draft, str(row.get("name") or ""), _program(row), what, [assets[id] for id in told], **again)
            if not again:
                draft.changed(what, "it is repeated every hour until somebody acknowledges, not every few runs")


def maintenance(draft: Draft, kuma: Kuma, assets: Mapping[int, str], lineages: Mapping[int, tuple[int, ...]]) -> None:
    """Planned work for each maintenance; `lineages` says, by monitor, its id and those of its groups."""
    for row in kuma.maintenance:
        title = str(row.get("title") or "")
        what = f"maintenance {row.get('id')} {printable(title)}"
        about = {id for id, several in kuma.maintained.items() if row.get("id") in several}
        ids = [asset for id, asset in assets.items() if about.intersection(lineages[id])]
        with draft.attempt(what):
            if not ids:
                raise Unportable("no monitor that was carried over is in it")
            when = _when(draft, what, Settings(row))
            # As there, nothing is measured meanwhile.
            value = {"name": printable(title) or "Maintenance", "assets": ids, "skip": True, **when}
            draft.entry("maintenance", title, what, value)


def _repeats(kuma: Kuma, told: Sequence[int]) -> dict[str, str]:
    """Whether anything is told again. Theirs counts runs of each monitor, ours has one time for the route."""
    rows = [row for row in kuma.monitors if row.get("id") in told]
    return {} if any(row.get("resend_interval") for row in rows) else {"repeat": "never"}


def _program(row: Row) -> str:
    """What sends a notification. Of its settings nothing else is looked at: they are secrets."""
    try:
        config = json.loads(str(row.get("config") or "{}"))
    except (ValueError, RecursionError):
        return "unknown"
    kind = config.get("type") if isinstance(config, dict) else None
    return kind if isinstance(kind, str) else "unknown"


def _when(draft: Draft, what: str, given: Settings) -> dict[str, Any]:
    """The settings for when it is. Raises Unportable."""
    strategy = given.text("strategy")
    if not given.flag("active", True):
        raise Unportable("it is switched off")
    if strategy in _STRATEGIES:
        raise Unportable(_STRATEGIES[strategy])
    zone = given.text("timezone")
    if zone in _SERVER:
        draft.changed(what, "its times are on the site's clock; there they were on the server's")
    if strategy == "single":
        return {"from": _moment(given, "start_date", zone), "to": _moment(given, "end_date", zone)}
    if zone not in _SERVER:
        draft.changed(what, f"its times are on the site's clock; there they were those of {printable(zone)}")
    days = _weekdays(given) if strategy == "recurring-weekday" else _every(given)
    return {"days": days, **_hours(given), **_bounds(given)}


def _moment(given: Settings, key: str, zone: str) -> str:
    """A time with its offset, or on the site's clock if no zone is known."""
    found = _MOMENT.fullmatch(given.text(key))
    if found is None:
        raise Unportable(f"`{key}` is no time")
    text = f"{found[1]} {found[2] or '00:00'}"
    if zone in _SERVER:
        return text
    try:
        return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).isoformat(" ", "minutes")
    except (ValueError, OSError, LookupError):
        raise Unportable(f"`{key}` {text} of {printable(zone)} is no time") from None


def _weekdays(given: Settings) -> list[str]:
    """The days of the week; there Sunday is 0."""
    days = _listed(given, "weekdays")
    if not days or not all(isinstance(day, int) and 0 <= day <= 7 for day in days):
        raise Unportable("it names no day of the week")
    return [DAYS[(day - 1) % 7] for day in days]


def _listed(given: Settings, key: str) -> list[Any]:
    try:
        value = json.loads(given.text(key, "[]"))
    except (ValueError, RecursionError):
        raise Unportable(f"`{key}` is no JSON") from None
    return value if isinstance(value, list) else []


def _every(given: Settings) -> list[str]:
    """The days of work that repeats every so many days."""
    every = given.whole("interval_day")
    if every == 1:
        return list(DAYS)
    if every == 7:
        return [DAYS[_day(given, "start_date").weekday()]]
    raise Unportable(f"it repeats every {every} days; work repeats on days of the week here")


def _hours(given: Settings) -> dict[str, str]:
    begins, ends = (_CLOCK.fullmatch(given.text(key)) for key in ("start_time", "end_time"))
    if begins is None or ends is None:
        raise Unportable("`start_time` and `end_time` must be times of day")
    start = timedelta(hours=int(begins[1]), minutes=int(begins[2]))
    lasts = (timedelta(hours=int(ends[1]), minutes=int(ends[2])) - start) % timedelta(days=1)
    if not lasts:
        raise Unportable("it ends when it begins")
    return {"at": f"{begins[1]}:{begins[2]}", "lasts": format_duration(lasts.total_seconds())}


def _bounds(given: Settings) -> dict[str, str]:
    """The first and last day, where they are said."""
    keys = (("first", "start_date"), ("last", "end_date"))
    return {ours: _day(given, theirs).isoformat() for ours, theirs in keys if given.text(theirs)}


def _day(given: Settings, key: str) -> date:
    found = _MOMENT.fullmatch(given.text(key))
    try:
        return date.fromisoformat(found[1] if found else "")
    except ValueError:
        raise Unportable(f"`{key}` is no date") from None
