"""Looks at everything once, off its schedule, and gathers what a morning check is made from."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from prometheus_client import CollectorRegistry
from sqlalchemy.ext.asyncio import AsyncConnection

from alerting.health import Health, Reach
from alerting.rules import Phase
from monitor.config.model import Config
from monitor.metrics import Vitals
from monitor.openings import closed_last
from monitor.reports.document import Document
from monitor.reports.morning import morning
from monitor.reports.needs import Seen
from monitor.runner import Runner
from monitor.store import Store, episodes, health, heartbeats, incidents, memories, overrides, silences
from probes import Reading, load
from probes._engines import Engines

DEADLINE = 300.0
"""Seconds that looking at everything may take unless the configuration says so."""

Refresh = Callable[[Collection[str], float], Awaitable[frozenset[str]]]
"""Runs checks once, within so many seconds; those that did not end in time."""

_FIRING = (Phase.FIRING, Phase.RECOVERING)


class Looked(NamedTuple):
    """What was found: the newest readings, the checks that did not end in time, and how Deskwatch itself is."""

    readings: Mapping[str, Reading]
    late: frozenset[str]
    healths: Mapping[str, Health]
    problems: tuple[str, ...] = ()


def deadline_of(config: Config) -> float:
    """How many seconds looking at everything may take."""
    return config.reports.morning.deadline if config.reports.morning is not None else DEADLINE


async def look(refresh: Refresh, config: Config, within: float) -> frozenset[str]:
    """Run every check once but those that are dear, and last those that judge the others; those that were too slow."""
    clock = asyncio.get_running_loop().time
    end, late = clock() + within, frozenset[str]()
    for judging in (False, True):
        kinds = {check.id: load(check.kind) for check in config.checks}
        wave = [id for id, kind in kinds.items() if not kind.dear and kind.summary is judging]
        late |= await refresh(wave, max(end - clock(), 0))
    return late


async def gather(conn: AsyncConnection, config: Config, looked: Looked, now: datetime) -> Seen:
    """What was found, beside what the store knows of it."""
    hours = config.site.hours
    closed = closed_last(hours, now)
    states = await episodes.states(conn)
    touched = await incidents.between(conn, closed, now)
    return Seen(
        config=config,
        made=now,
        closed=closed,
        opens=None if hours.is_open(now) else hours.opens_after(now),
        readings=looked.readings,
        late=looked.late,
        firing={key for key, state in states.items() if state.episode is not None and state.episode.phase in _FIRING},
        live=tuple(one for one in touched if one.stage.live),
        past=tuple(one for one in touched if not one.stage.live and one.merged_into is None),
        silences=await silences.active(conn, now),
        overrides=await overrides.current(conn, now),
        unreached={id: one.words for id, one in looked.healths.items() if one.reach is Reach.FAILING},
        problems=looked.problems,
    )


async def now(config: Config) -> Document:
    """The morning check, made by this process alone: it runs all checks, and reads what the store knows.

    Nothing is kept of it and nobody is told. Raises StoreError.
    """
    store, engines = await Store.open(config.storage.url.get_secret_value()), Engines()
    try:
        async with store.connect() as conn:
            engines.pings.restore(await heartbeats.everything(conn))
            engines.memory.restore(await memories.everything(conn))
            healths = await health.health(conn)
        late = await _run(config, engines)
        healths = {id: one for id, one in healths.items() if id in config.destinations}
        looked = Looked(engines.latest.readings, late, healths)
        async with store.connect() as conn:
            return morning(await gather(conn, config, looked, datetime.now(UTC)))
    finally:
        engines.close()
        await store.close()


async def _run(config: Config, engines: Engines) -> frozenset[str]:
    """Run all checks, with a runner that ends with it; those that were too slow."""
    runner = Runner(
        engines, Vitals(CollectorRegistry()), engines.latest.take, lambda run: None, lambda check, evidence: None
    )
    runner.watch(config.checks, config.parents)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(runner.run(), name="runner")
        try:
            return await look(runner.refresh, config, deadline_of(config))
        finally:
            running.cancel()
