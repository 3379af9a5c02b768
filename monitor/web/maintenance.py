"""Planned work, as a page: a calendar of some weeks, and each piece of work with what it covers."""

import asyncio
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import NamedTuple

from aiohttp import web

from alerting.gates import Maintenance, Stretch
from alerting.hours import OpeningHours
from incidents.windows import planned
from language import gettext, month, weekday
from monitor.config.model import Config
from monitor.web import auth
from monitor.web.guard import APP
from monitor.web.pages import page

WEEKS = 5
"""How many weeks the calendar shows."""
FURTHEST = timedelta(days=400)
"""How far from today a week may be that it shows."""
SOON = timedelta(days=30)
"""How far ahead the next times of a piece of work are shown; beyond it only the next one."""
SHOWN = 5
"""Times that are shown of one piece of work; beyond them a count."""
MOST = 200
"""Times that are looked for."""

_DAY = timedelta(days=1)


class Work(NamedTuple):
    """Planned work: what it covers in words, the stretch that is on, the next ones, and how many more come soon."""

    plan: Maintenance
    covers: tuple[str, ...]
    on: Stretch | None
    coming: tuple[Stretch, ...]
    more: int


class Time(NamedTuple):
    """One time at which people work as planned, or what a day has of it; `open` is how much of it the site is open."""

    plan: Maintenance
    starts: datetime
    ends: datetime
    open: timedelta

    @property
    def until(self) -> str:
        """When what a day has of it ends: midnight is the end of that day."""
        return "24:00" if self.ends.date() > self.starts.date() else f"{self.ends:%H:%M}"

    @property
    def is_whole(self) -> bool:
        """Whether it takes a day from midnight to midnight."""
        return self.starts.time() == time.min and self.until == "24:00"


class Day(NamedTuple):
    """A day of the calendar, and what it has of planned work, on the clock of the site."""

    date: date
    times: tuple[Time, ...]

    @property
    def words(self) -> str:
        """The day as its heading has it: "Mon 23 Nov"."""
        parts = {"weekday": weekday(self.date), "day": self.date.day, "month": month(self.date)}
        return gettext("{weekday} {day} {month}", **parts)


async def show(request: web.Request) -> web.Response:
    """GET /maintenance: the weeks from the one with the day `week`, this one unless said, and all work to come."""
    config, now = request.app[APP].config, auth.utc_now()
    today = now.astimezone(config.site.hours.zone).date()
    asked = _asked(request.query.get("week", ""), today)
    first = asked - asked.weekday() * _DAY
    # In a thread: to look a year ahead takes some milliseconds for each piece of work.
    days, found = await asyncio.to_thread(lambda: (calendar(config, first, 7 * WEEKS), works(config, now)))
    earlier, later = (first + weeks * 7 * _DAY for weeks in (-WEEKS, WEEKS))
    return page(
        request,
        "maintenance.html",
        days=days,
        today=today,
        earlier=earlier if _is_near(earlier, today) else None,
        later=later if _is_near(later, today) else None,
        works=found,
        soon=SOON.days,
    )


def works(config: Config, now: datetime) -> tuple[Work, ...]:
    """All planned work that is on or still to come, in the order in which it begins."""
    found = [work for plan in config.maintenances if (work := _work(plan, config, now)).on or work.coming]
    return tuple(sorted(found, key=lambda work: (work.on or work.coming[0]).starts))


def times(config: Config, start: datetime, end: datetime) -> tuple[Time, ...]:
    """When people work as planned, of all that reaches into the time between two instants; not cut to it, in order."""
    found = (
        Time(plan, *one, _open(config.site.hours, one))
        for plan in config.maintenances
        for one in planned((plan,), start, end)
    )
    return tuple(sorted(found, key=lambda time: (time.starts, time.ends, time.plan.id)))


def calendar(config: Config, first: date, days: int) -> tuple[Day, ...]:
    """So many days of the site's calendar, each with what is planned on it."""
    hours = config.site.hours
    dates = [first + number * _DAY for number in range(days + 1)]
    edges = [midnight(config, one) for one in dates]
    found = times(config, edges[0], edges[-1])
    parts = (tuple(_within(Stretch(*edge), found, hours)) for edge in pairwise(edges))
    return tuple(map(Day, dates, parts))


def midnight(config: Config, day: date) -> datetime:
    """When a day of the site's calendar begins, in UTC."""
    return datetime.combine(day, time.min, config.site.hours.zone).astimezone(UTC)


def _within(day: Stretch, found: Iterable[Time], hours: OpeningHours) -> Iterator[Time]:
    for one in found:
        part = Stretch(max(one.starts, day.starts), min(one.ends, day.ends))
        if part.starts < part.ends:
            starts, ends = (at.astimezone(hours.zone) for at in part)
            yield Time(one.plan, starts, ends, _open(hours, part))


def _open(hours: OpeningHours, stretch: Stretch) -> timedelta:
    return timedelta(seconds=hours.open_seconds(*stretch))


def _work(plan: Maintenance, config: Config, now: datetime) -> Work:
    coming = plan.upcoming(now, MOST)
    soon = tuple(one for one in coming if one.starts < now + SOON)
    return Work(plan, _covers(plan, config), plan.during(now), soon[:SHOWN] or coming[:1], len(soon[SHOWN:]))


def _covers(plan: Maintenance, config: Config) -> tuple[str, ...]:
    scope = plan.scope
    return (
        *(asset.name for asset in config.assets if asset.id in scope.assets),
        *(gettext("everything in {section}", section=section) for section in sorted(scope.sections)),
        *(gettext("everything tagged {tag}", tag=tag) for tag in sorted(scope.tags)),
    ) or (gettext("the whole site"),)


def _asked(text: str, today: date) -> date:
    """The day of a query. Raises 400 for what is none, or is too far away."""
    try:
        found = date.fromisoformat(text) if text else today
    except ValueError:
        found = None
    if found is None or not _is_near(found, today):
        raise web.HTTPBadRequest(
            text=gettext(
                "The week {given} must be a day like {example}, at most {days} days from today.",
                given=repr(text[:40]),
                example=today.isoformat(),
                days=FURTHEST.days,
            )
        )
    return found


def _is_near(day: date, today: date) -> bool:
    return abs(day - today) <= FURTHEST
