"""What is usual at this hour: the median of the same hour of the same weekday in the last weeks."""

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from statistics import median
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from alerting.against import Against, Usual
from alerting.rules import Rule
from monitor.config.model import Config
from monitor.recording import HOUR, MalformedError, Pair, Recording, Stored, hour_of
from monitor.store import Store, StoreError, recordings

log = logging.getLogger(__name__)

WEEKS = 4
"""How many weeks are looked back."""
BACK = timedelta(weeks=WEEKS, hours=2)
"""How long before an instant something was measured that says what is usual then; clocks may have changed between."""
ENOUGH = 2
"""In how many of them something must have been measured."""
LOOK = 60.0
"""Seconds between two looks at whether a new hour has begun."""

_WEEK = timedelta(weeks=1)
_MICROSECOND = timedelta(microseconds=1)
_QUARTER = timedelta(minutes=15)


class WallHour(NamedTuple):
    """An hour on people's clock: in autumn one of them lasts two hours, in spring one is missing."""

    day: date
    hour: int

    @classmethod
    def of(cls, at: datetime, zone: ZoneInfo) -> "WallHour":
        """The one that an instant lies in."""
        wall = at.astimezone(zone)
        return cls(wall.date(), wall.hour)

    def before(self) -> tuple["WallHour", ...]:
        """The same hour in the weeks before, the latest first."""
        return tuple(WallHour(self.day - number * _WEEK, self.hour) for number in range(1, WEEKS + 1))

    def hours(self, zone: ZoneInfo) -> tuple[datetime, ...]:
        """The beginnings of the hours of UTC that may hold some of it, in order."""
        wall = datetime.combine(self.day, time(self.hour), zone)
        begins = {wall.replace(fold=fold).astimezone(UTC) for fold in (0, 1)}
        return tuple(sorted({hour_of(at + part) for at in begins for part in (timedelta(), HOUR - _MICROSECOND)}))


class Past:
    """What was measured of one check's metrics, by the hour on the wall clock of a zone."""

    def __init__(self, metrics: Iterable[str], zone: ZoneInfo) -> None:
        self._metrics = frozenset(metrics)
        self.zone = zone
        self._values: dict[WallHour, dict[Pair, list[float]]] = {}
        self._usual: dict[WallHour, Mapping[Pair, float]] = {}

    def add(self, recording: Recording) -> None:
        """Take in what was recorded; before the first question."""
        start, hours = recording.start, wall_hours(hour_of(recording.start), self.zone)
        for pair, times, values in recording.columns(self._metrics):
            if len(hours) == 1:
                self._keep(hours[0], pair, values)
                continue
            for at, value in zip(times, values, strict=True):
                self._keep(WallHour.of(start + timedelta(microseconds=at), self.zone), pair, (value,))

    def usual(self, hour: WallHour) -> Mapping[Pair, float]:
        """What was usual at that hour, by metric and part; without those that were not measured often enough."""
        found = self._usual.get(hour)
        if found is None:
            weeks = [self._values.get(before, {}) for before in hour.before()]
            found = self._usual[hour] = _medians(weeks)
        return found

    def _keep(self, hour: WallHour, pair: Pair, values: Iterable[float]) -> None:
        known = [value for value in values if value == value]
        if known:
            self._values.setdefault(hour, {}).setdefault(pair, []).extend(known)


class Usuals:
    """What is usual now, for the checks that have a rule against it; kept in memory and renewed every hour."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._zone = ZoneInfo("UTC")
        self._metrics: dict[str, frozenset[str]] = {}
        self._hour: WallHour | None = None
        self._changed = asyncio.Event()
        self._known: dict[str, Usual] = {}

    def adopt(self, config: Config) -> None:
        """Take over a configuration; what it asks for is loaded within moments."""
        self._zone = config.site.hours.zone
        self._metrics = {check.id: found for check in config.checks if (found := usual_metrics(check.rules))}
        self._hour = None
        self._changed.set()

    def of(self, check: str) -> Usual | None:
        """What is usual for a check now; None if no rule asks, or nothing is known."""
        return self._known.get(check)

    async def run(self) -> None:
        """Keep what is known up to date, until cancelled."""
        while True:
            self._changed.clear()
            now = datetime.now(UTC)
            try:
                await self.renew(now)
            except StoreError:
                log.exception("cannot read what is usual, will try again")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), min(LOOK, _left(now, self._zone)))

    async def renew(self, now: datetime) -> None:
        """Learn what is usual at this hour, unless that is known. Raises StoreError; then nothing is known."""
        hour, metrics, zone = WallHour.of(now, self._zone), self._metrics, self._zone
        if hour == self._hour:
            return
        self._hour, self._known = None, {}
        known: dict[str, Usual] = {}
        async with self._store.connect() as conn:
            for check, names in metrics.items():
                found = await _load(conn, check, Past(names, zone), hour)
                if found:
                    known[check] = _answers(found)
        if metrics is self._metrics:
            self._hour, self._known = hour, known


async def _load(conn: AsyncConnection, check: str, past: Past, hour: WallHour) -> Mapping[Pair, float]:
    for before in hour.before():
        hours = before.hours(past.zone)
        for recording in whole(await recordings.between(conn, check, hours[0], hours[-1] + HOUR)):
            past.add(recording)
    return past.usual(hour)


def _answers(known: Mapping[Pair, float]) -> Usual:
    return lambda metric, part: known.get((metric, part))


def _left(now: datetime, zone: ZoneInfo) -> float:
    """Seconds until the next hour begins on the wall clock."""
    wall = now.astimezone(zone)
    return 3600 - wall.minute * 60 - wall.second


def usual_metrics(rules: Iterable[Rule]) -> frozenset[str]:
    """The metrics of which rules want to know what is usual."""
    return frozenset(rule.metric for rule in rules if rule.status is None and rule.against is Against.USUAL)


def wall_hours(hour: datetime, zone: ZoneInfo) -> tuple[WallHour, ...]:
    """The hours on the wall clock that the hour of UTC which begins then lies in; zones change by the quarter."""
    instants = [hour + number * _QUARTER for number in range(4)]
    return tuple(dict.fromkeys(WallHour.of(at, zone) for at in instants))


def whole(found: Iterable[Stored]) -> Iterator[Recording]:
    """The recordings that are not damaged; the log names the others."""
    for stored in found:
        try:
            yield stored.recording()
        except MalformedError as error:
            log.warning("a recording is left out", extra={"problem": str(error)})


def _medians(weeks: Iterable[Mapping[Pair, list[float]]]) -> dict[Pair, float]:
    measured = [week for week in weeks if week]
    pairs = {pair for week in measured for pair in week}
    found = {pair: [week[pair] for week in measured if pair in week] for pair in pairs}
    return {
        pair: median([value for week in found[pair] for value in week]) for pair in pairs if len(found[pair]) >= ENOUGH
    }
