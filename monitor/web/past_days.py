"""The last days on the site's clock, and how long something worked in each; days that are well over are kept."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from aiohttp import web

from alerting.gates import Maintenance
from incidents.availability import Availability, Span, by_window, verdicts
from incidents.windows import all_hours, planned
from monitor.store import Store, spans

DAYS = 90
"""How many days the pages of assets and checks go back."""
MOST_SPANS = 30_000
"""How many turns of an asset's checks are read at most: an outage every ten minutes for 90 days is 26,000."""
MOST_KEPT = 300
"""Of how many subjects days are kept."""

_DAY = timedelta(days=1)
_SETTLES = timedelta(days=1)
"""How long after its end a day may still change: what could not be stored at once is stored later. So one counts as
settled only if something newer is stored, too."""


class Day(NamedTuple):
    """One day on the site's clock, today until now, and how long something was up, down and unknown in it."""

    date: date
    found: Availability


class Subject(NamedTuple):
    """What days are asked for: how many, of checks that are all needed, on which clock, without what planned work."""

    checks: tuple[str, ...]
    zone: ZoneInfo
    days: int = DAYS
    works: tuple[Maintenance, ...] = ()


class Calendar(NamedTuple):
    """Days in order, the last one today; `edges` are their beginnings in UTC, and then now."""

    dates: tuple[date, ...]
    edges: tuple[datetime, ...]

    @property
    def now(self) -> datetime:
        """When today's part of it ends."""
        return self.edges[-1]

    def over(self, by: datetime) -> int:
        """How many of its days, from the first, were over by an instant."""
        return sum(end <= by for end in self.edges[1:])

    def after(self, number: int) -> "Calendar":
        """It without its first days."""
        return Calendar(self.dates[number:], self.edges[number:])


class Past(NamedTuple):
    """What has been: the days, and what their checks together said in the time that was read.

    `read` is how many turns that took. If they were more than might be read, it is not `complete`: days that had to be
    read are unknown, and the end of `spans` is missing.
    """

    days: tuple[Day, ...]
    spans: tuple[Span, ...]
    read: int
    complete: bool


class KeptDays:
    """Days that cannot change any more, of the subjects that were asked about last."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._most = most
        self._kept: OrderedDict[Subject, dict[date, Availability]] = OrderedDict()
        self._newest = datetime.min.replace(tzinfo=UTC)

    def known(self, subject: Subject, calendar: Calendar) -> tuple[Day, ...]:
        """The first days of a calendar, as many as are kept one after the other."""
        self._notice(calendar.now)
        kept = self._kept.get(subject, {})
        if kept:
            self._kept.move_to_end(subject)
        dates = calendar.dates[: calendar.over(calendar.now - _SETTLES)]
        missing = next((number for number, one in enumerate(dates) if one not in kept), len(dates))
        return tuple(Day(one, kept[one]) for one in dates[:missing])

    def keep(self, subject: Subject, days: Iterable[Day]) -> None:
        """Keep days that cannot change any more, instead of what was kept."""
        self._kept[subject] = dict(days)
        self._kept.move_to_end(subject)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def _notice(self, now: datetime) -> None:
        """A clock that was set back by as much as a day may have taken days for settled that were not over."""
        if now + _SETTLES < self._newest:
            self._kept.clear()
            self._newest = now
        self._newest = max(now, self._newest)


KEPT: web.AppKey[KeptDays] = web.AppKey("kept days", KeptDays)


def until(now: datetime, zone: ZoneInfo, days: int = DAYS) -> Calendar:
    """The last days on the clock of a zone."""
    today = now.astimezone(zone).date()
    dates = tuple(today - ago * _DAY for ago in range(days - 1, -1, -1))
    begins = (datetime.combine(one, time.min, zone).astimezone(UTC) for one in dates)
    return Calendar(dates, (*begins, now.astimezone(UTC)))


async def past(
    store: Store, kept: KeptDays, subject: Subject, now: datetime, since: datetime | None = None, most: int = MOST_SPANS
) -> Past:
    """The last days of a subject: those that are kept, and the others from what is stored.

    What is read goes back to `since` at least, and is less than `most` turns. Raises StoreError.
    """
    calendar = until(now, subject.zone, subject.days)
    known = kept.known(subject, calendar)
    rest = calendar.after(len(known))
    start = rest.edges[0] if since is None else min(rest.edges[0], since)
    async with store.connect() as conn:
        found = await spans.between(conn, start, now, subject.checks, most)
    read = sum(map(len, found.values()))
    said, new = await asyncio.to_thread(_made, subject, rest, found, read < most)
    days = (*known, *new)
    if read < most:
        stored = max((some[-1].end for some in found.values()), default=rest.edges[0])
        kept.keep(subject, days[: max(len(known), calendar.over(min(stored, now - _SETTLES)))])
    return Past(days, said, read, read < most)


def by_day(said: Iterable[Span], calendar: Calendar, works: Iterable[Maintenance] = ()) -> tuple[Day, ...]:
    """The days of a calendar without planned work, from the spans of one check or what `verdicts` made of several."""
    cut = planned(works, calendar.edges[0], calendar.now)
    windows = (all_hours(start, end).without(cut) for start, end in pairwise(calendar.edges))
    return tuple(map(Day, calendar.dates, by_window(said, windows)))


def _made(
    subject: Subject, calendar: Calendar, found: Mapping[str, Sequence[Span]], complete: bool
) -> tuple[tuple[Span, ...], tuple[Day, ...]]:
    """In a thread: a quarter of a year takes longer than the probes' timing can bear."""
    said = verdicts({check: found.get(check, ()) for check in subject.checks})
    return said, by_day(said if complete else (), calendar, subject.works)
