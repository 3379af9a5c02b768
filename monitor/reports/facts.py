"""Everything that a memo is made from: loaded once for a stretch of time, so that making it is pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import reduce
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from alerting.rules import Episode
from incidents.availability import Span
from incidents.incident import Incident
from incidents.review import Action
from monitor.config.model import Config
from monitor.history import Rollup
from monitor.reports import series
from monitor.reports.series import Series
from monitor.store import actions, episodes, figures, incidents, outbox, rollups, signoffs, spans
from monitor.store.batches import batches
from monitor.store.figures import Pushed
from monitor.store.signoffs import Signoff
from probes import Reading

_MICROSECOND = timedelta(microseconds=1)
_CHECKS = 25
"""Of how many checks spans are read at once: others get their turn in between."""
_RECENT = timedelta(days=2)
"""Back to when all spans are read at once: they are few, and the database has them by when they ended."""
_STEP = 3600
"""Seconds of the rollups from which latencies are added up."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of the time from `start` to `end`, as the store had it when the memo was `made`.

    `spans` holds those of the configured checks that reach into the time, uncut, by check. `incidents` are those that
    reach into it, oldest first, merged ones too; `episodes` those that fired. `actions` are those still to be done and
    those done in it, what is due first. `told` counts the messages that people got, by check and rule. `signoffs` are
    the newest until its end, newest first. `figures` are those of its days, from the first of the month in which it
    starts. `latest` holds the newest reading by check, where the service runs; `series` the metrics that were asked
    for, `latencies` those of the lines to the internet, by check.
    """

    config: Config
    start: datetime
    end: datetime
    made: datetime
    spans: Mapping[str, tuple[Span, ...]]
    incidents: tuple[Incident, ...]
    actions: tuple[Action, ...]
    episodes: tuple[Episode, ...]
    told: Mapping[tuple[str, str], int]
    signoffs: tuple[Signoff, ...]
    figures: tuple[Pushed, ...]
    latest: Mapping[str, Reading]
    series: Series
    latencies: Mapping[str, Rollup] = field(default_factory=dict)

    @property
    def zone(self) -> ZoneInfo:
        """The site's time zone."""
        return self.config.site.hours.zone


class Measured(NamedTuple):
    """What was measured from `start` to `end`: the spans by check, as they are stored."""

    config: Config
    start: datetime
    end: datetime
    spans: Mapping[str, tuple[Span, ...]]


async def measurements(
    conn: AsyncConnection, config: Config, start: datetime, end: datetime, now: datetime
) -> Measured:
    """Load what was measured of all checks from `start` to `end`, as it is known now.

    Raises ValueError when `end` is not after `start`, and StoreError.
    """
    if end <= start:
        raise ValueError(f"a report is about some time, not about that from {start} to {end}")
    if now - start <= _RECENT:
        recent = await spans.between(conn, start, end)
        return Measured(config, start, end, {one.id: recent[one.id] for one in config.checks if one.id in recent})
    found: dict[str, tuple[Span, ...]] = {}
    for checks in batches([check.id for check in config.checks], _CHECKS):
        found |= await spans.between(conn, start, end, checks)
    return Measured(config, start, end, found)


async def gather(
    conn: AsyncConnection,
    config: Config,
    start: datetime,
    end: datetime,
    made: datetime,
    latest: Mapping[str, Reading] | None = None,
    metrics: Collection[str] = (),
) -> Facts:
    """Load what is known of the time from `start` to `end`, with the hours of these `metrics`.

    Raises ValueError when `end` is not after `start`, and StoreError.
    """
    found = await measurements(conn, config, start, end, made)
    zone = config.site.hours.zone
    first, last = start.astimezone(zone).date().replace(day=1), (end - _MICROSECOND).astimezone(zone).date()
    measuring = series.measuring(config.checks, metrics)
    return Facts(
        config=config,
        start=start,
        end=end,
        made=made,
        spans=found.spans,
        incidents=await incidents.between(conn, start, end),
        actions=await actions.between(conn, start, end),
        episodes=await episodes.between(conn, start, end),
        told=await outbox.told(conn, start, end),
        signoffs=tuple(one for one in await signoffs.page(conn) if one.at < end),
        figures=await figures.between(conn, first, last),
        latest=latest or {},
        series=await series.hourly(conn, measuring, metrics, start, end),
        latencies=await _latencies(conn, config, start, end),
    )


async def _latencies(conn: AsyncConnection, config: Config, start: datetime, end: datetime) -> dict[str, Rollup]:
    lines = [check.id for asset in config.assets if asset.uplink is not None for check in asset.checks]
    found = {id: await rollups.between(conn, id, _STEP, start, end) for id in lines}
    return {id: reduce(Rollup.plus, some) for id, some in found.items() if some}
