"""On call, for people: who it is, who comes next, who would be paged, and overrides from what a person typed."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from itertools import islice
from typing import NamedTuple
from zoneinfo import ZoneInfo

from ulid import ULID

from alerting.gates import Silence, Subject
from alerting.oncall import Override, Rung, Schedule, instant, on_call, stretches, valid, who_would_be_paged
from alerting.rules import Severity
from language import N_, gettext
from monitor.config.model import Asset, Config
from monitor.config.problems import did_you_mean
from monitor.config.values import DAYS, parse_moment

LONGEST_OVERRIDE = timedelta(days=366)
AHEAD = timedelta(days=14)
"""How far ahead people look at who is on call unless they say."""

IGNORED = N_("ignored: the person or the schedule is no longer in the configuration")
"""Why an override does not count."""

_WEEKDAY = re.compile(r"([a-z]{3}) ([0-9]{1,2}):([0-9]{2})")


class Duty(NamedTuple):
    """Somebody has a schedule for a while; `person` is a name, "" where nobody has it."""

    schedule: str
    starts: datetime
    ends: datetime
    person: str


def duties(config: Config, overrides: Iterable[Override], start: datetime, end: datetime) -> Iterator[Duty]:
    """All of the time between two instants: each schedule's shifts and gaps, in order, clipped to them.

    One after the other as they are asked for, as `stretches` are.
    """
    heeded = valid(overrides, config.directory)
    for schedule in config.schedules:
        yield from _duties(config, schedule, heeded, start, end)


def duties_after(
    config: Config, overrides: Iterable[Override], start: datetime, end: datetime, schedule: str, at: datetime
) -> Iterator[Duty]:
    """The `duties` that follow the one of a schedule that starts at an instant, without those before it.

    Raises LookupError if there is none.
    """
    heeded, ids = valid(overrides, config.directory), [one.id for one in config.schedules]
    if schedule not in ids or not _starts(config.schedules[ids.index(schedule)], heeded, start, end, at):
        raise LookupError(f"no duty of the schedule {schedule!r} starts at {at.isoformat()}")
    here, *others = config.schedules[ids.index(schedule) :]
    yield from islice(_duties(config, here, heeded, at, end), 1, None)
    for one in others:
        yield from _duties(config, one, heeded, start, end)


def holders(config: Config, overrides: Iterable[Override], at: datetime) -> tuple[Duty, ...]:
    """Who has each schedule at an instant, and from when until when in the weeks around it."""
    around = duties(config, overrides, at - AHEAD, at + AHEAD)
    return tuple(one for one in around if one.starts <= at < one.ends)


def paged(
    config: Config,
    overrides: Iterable[Override],
    silences: Iterable[Silence],
    asset: Asset,
    severity: Severity,
    at: datetime,
) -> tuple[Rung, ...]:
    """Whom each step of each route would reach if something of that severity happened to an asset at an instant."""
    about = Subject(config.site.id, asset.section, asset.id, "", "", "", severity, asset.tags)
    zone = config.site.hours.zone
    return who_would_be_paged(
        config.routes, config.directory, overrides, about, at, zone, silences, config.maintenances
    )


def typed(config: Config, schedule: str, person: str, starts: str, ends: str, author: str, now: datetime) -> Override:
    """The override that somebody wants; the times as `moment` takes them, the end counted from the beginning.

    Raises ValueError, with the remedy, for what makes no sense.
    """
    _require(schedule, "on-call schedule", [one.id for one in config.schedules])
    _require(person, "person", [one.id for one in config.people])
    zone = config.site.hours.zone
    begin = moment(starts, zone, now)
    end = moment(ends, zone, max(begin, now))
    if end <= max(begin, now):
        raise ValueError(gettext("the override is over before it begins; give an end that is still to come"))
    if end - begin > LONGEST_OVERRIDE:
        raise ValueError(gettext("the override is too long; {days} days are the most", days=LONGEST_OVERRIDE.days))
    return Override(str(ULID()), schedule, person, begin, end, author, now)


def moment(text: str, zone: ZoneInfo, now: datetime) -> datetime:
    """The instant of "2026-12-06 02:30" on the clock of a zone, of "Sun 02:30" (the next one), or "" for now.

    Raises ValueError.
    """
    given = " ".join(text.replace("T", " ").split()) if "-" in text else " ".join(text.lower().split())
    if given in ("", "now"):
        return now
    weekday = _WEEKDAY.fullmatch(given)
    try:
        if weekday is not None and weekday[1] in DAYS:
            return _next(DAYS.index(weekday[1]), time(int(weekday[2]), int(weekday[3])), zone, now)
        at = parse_moment(given)
    except ValueError:
        words = N_("the time {given} must be like `2026-12-06 02:30`, `Sun 02:30` or `now`")
        raise ValueError(gettext(words, given=repr(text[:40]))) from None
    return at.astimezone(UTC) if at.tzinfo else instant(at, zone)


def _next(weekday: int, at: time, zone: ZoneInfo, now: datetime) -> datetime:
    """When it is that time of that weekday (Monday is 0) for the first time after now."""
    today = now.astimezone(zone).date()
    days = (today + timedelta(days=ahead) for ahead in range(8))
    found = (instant(datetime.combine(day, at), zone) for day in days if day.weekday() == weekday)
    return next(one for one in found if one > now)


def _require(id: str, what: str, known: Sequence[str]) -> None:
    if id not in known:
        there = f"there are {', '.join(known)}" if known else f"the configuration has no {what}"
        raise ValueError(f"there is no {what} {id[:60]!r}{did_you_mean(id, known) or f'; {there}'}")


def _duties(
    config: Config, schedule: Schedule, heeded: tuple[Override, ...], start: datetime, end: datetime
) -> Iterator[Duty]:
    for one in stretches(schedule, heeded, start, end):
        yield Duty(schedule.id, one.starts, one.ends, _name(config, one.person) if one.person is not None else "")


def _starts(schedule: Schedule, heeded: tuple[Override, ...], start: datetime, end: datetime, at: datetime) -> bool:
    """Whether one of the schedule's duties between two instants starts then."""
    if not start <= at < end:
        return False
    return at == start or on_call(schedule, heeded, at) != on_call(schedule, heeded, at - datetime.resolution)


def _name(config: Config, person: str) -> str:
    return next((one.name for one in config.people if one.id == person), person)
