"""The composition root: the only file that constructs the parts and connects them."""

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from aiohttp import web
from prometheus_client import CollectorRegistry

from alerting.channels import Channel
from alerting.rules import State
from incidents import lifecycle
from incidents.lifecycle import Change, Incident
from monitor.config import ConfigError, load
from monitor.config.model import Config
from monitor.exposition import Format, instruments
from monitor.metrics import Readings, Vitals
from monitor.outbox import Outbox, open_channels
from monitor.pipeline import Pipeline
from monitor.runner import Runner, read
from monitor.store import Store, StoreError, incidents, retention
from monitor.web.app import build
from monitor.web.auth import Gate
from probes import Reading
from probes import load as load_kind
from probes._engines import Engines

log = logging.getLogger(__name__)

LAG = 5.0
"""Seconds that runs may begin late before we call ourselves not ready."""
STORE_CHECK = 5.0
"""Seconds between two looks at whether the store can be written."""
STORE_CHECKS = 4
"""How many of them must fail in a row before people are told."""


class Reloads(NamedTuple):
    """What became of the newest attempt to load the configuration; `problems` in words, empty when it was taken."""

    ok: bool
    at: datetime
    problems: tuple[str, ...] = ()


class App:
    """One running service. Made by `App.open`, ended by the end of `run`."""

    def __init__(self, config: Config, store: Store) -> None:
        self.config = config
        self.store = store
        self.latest: dict[str, Reading] = {}
        self.reloads = Reloads(True, datetime.now(UTC))
        self.started = datetime.now(UTC)
        self.version = 0
        self._registry = CollectorRegistry()
        self.vitals = Vitals(self._registry)
        self._readings = Readings(lambda: self.latest)
        self.gate = Gate()
        self._news = asyncio.Event()
        self._engines = Engines()
        self._pipeline = Pipeline(store, self.vitals, self._touch, self._queued)
        self._outbox = Outbox(store, self.vitals, self._touch)
        self._runner = Runner(self._engines, self.vitals, self._see, self._pipeline.offer, self._pipeline.explain)
        self._reloading = asyncio.Lock()
        self._reload_asked = asyncio.Event()

    @classmethod
    async def open(cls, path: Path) -> "App":
        """Load the configuration and open the store. Raises ConfigError, StoreError, or ValueError for a
        destination that means nothing."""
        config = await asyncio.to_thread(load, path)
        channels = await open_channels(config.destinations)
        app = cls(config, await Store.open(config.storage.url.get_secret_value()))
        await app._adopt(config, channels)
        # What was made up to now stays: with 10,000 checks the collector would look through it for 0.2 s at a time.
        gc.collect()
        gc.freeze()
        return app

    @property
    def episodes(self) -> Mapping[tuple[str, str], State]:
        """The state of every rule, by check and rule id."""
        return self._pipeline.states

    async def exposition(self, format: Format) -> AsyncIterator[str]:
        """What Prometheus scrapes, in pieces."""
        for piece in instruments(self._registry.collect(), format):
            yield piece
        async for piece in self._readings.text(format):
            yield piece
        yield format.end

    async def run(self, serving: Callable[[], None], *beside: Coroutine[Any, Any, None]) -> None:
        """Watch, alert and serve until cancelled; `serving` is called once the pages can be reached.

        What is given `beside` runs along, and like every other part ends the service if it fails.

        Raises OSError when the address to listen on is taken.
        """
        site = web.AppRunner(build(self, self.gate), access_log=None, shutdown_timeout=2)
        await site.setup()
        try:
            server = self.config.server
            await web.TCPSite(site, server.host, server.port, reuse_address=True).start()
            serving()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pipeline.run(), name="pipeline")
                group.create_task(self._outbox.run(), name="outbox")
                group.create_task(self._runner.run(), name="runner")
                group.create_task(self._mind_the_store(), name="store")
                group.create_task(self._forget(), name="retention")
                group.create_task(self._reload_when_asked(), name="reload")
                for work in beside:
                    group.create_task(work)
        finally:
            await site.cleanup()
            self._engines.close()
            await self.store.close()

    async def changed(self, version: int) -> int:
        """Wait until there is something newer to show than `version`."""
        while self.version <= version:
            await self._news.wait()
        return self.version

    async def decide(self, incident: str, change: Callable[[Incident], Change]) -> Incident | None:
        """Apply a person's decision to an incident; None if there is none of that id. Raises StoreError."""
        return await self._pipeline.decide(incident, change)

    async def acknowledge(self, asset: str, who: str) -> None:
        """Acknowledge the open incident of an asset, if there is one. Raises StoreError."""
        async with self.store.connect() as conn:
            live = await incidents.live(conn)
        for incident in live:
            if incident.asset == asset:
                await self.decide(incident.id, lambda found: lifecycle.acknowledge(found, who, datetime.now(UTC)))

    async def reload(self) -> Reloads:
        """Parse all, validate all, swap. A configuration with any problem changes nothing."""
        async with self._reloading:
            try:
                config = await asyncio.to_thread(load, self.config.source or Path())
                _require_same_place(self.config, config)
                channels = await open_channels(config.destinations)
                await self._adopt(config, channels)
            except (ConfigError, StoreError, ValueError) as error:
                problems = tuple(str(error).splitlines())
                self.reloads = Reloads(False, datetime.now(UTC), problems)
                self.vitals.reloaded(False)
                log.error("configuration refused, the old one stays", extra={"problems": problems})  # noqa: TRY400
            else:
                log.info("configuration loaded", extra={"checks": len(config.checks)})
        self._touch()
        return self.reloads

    def reload_soon(self) -> None:
        """Ask for a reload without waiting for it: what SIGHUP does."""
        self._reload_asked.set()

    async def _reload_when_asked(self) -> None:
        while True:
            await self._reload_asked.wait()
            self._reload_asked.clear()
            await self.reload()

    async def problems(self) -> tuple[str, ...]:
        """What keeps us from doing our work, in words; empty when ready."""
        found = []
        try:
            await self.store.check_writable()
        except StoreError as error:
            found.append(str(error))
        if self._runner.lag > LAG:
            found.append(f"checks start {self._runner.lag:.0f} s late: this machine is too slow for {self._load()}")
        return tuple(found)

    async def measure(self, kind: str, settings: Mapping[str, object], timeout: float) -> Reading:
        """One reading outside the schedule. Raises KeyError for an unknown kind, ValidationError for bad settings."""
        probe = load_kind(kind)
        return await read(kind, probe(probe.Params(**settings), self._engines), timeout)

    async def _adopt(self, config: Config, channels: dict[str, Channel]) -> None:
        await self._pipeline.adopt(config)
        self.config = config
        self._runner.watch(config.checks)
        self._outbox.adopt(channels)
        self._readings.adopt(config)
        ids = {check.id for check in config.checks}
        self.latest = {id: reading for id, reading in self.latest.items() if id in ids}
        self.reloads = Reloads(True, datetime.now(UTC))
        self.vitals.reloaded(True)

    async def _mind_the_store(self) -> None:
        """While nothing can be recorded no incident can be opened: say at least that, past the outbox, once."""
        failures = 0
        while True:
            await asyncio.sleep(STORE_CHECK)
            try:
                await self.store.check_writable()
            except StoreError as error:
                failures += 1
                if failures == STORE_CHECKS:
                    title = f"Deskwatch at {self.config.site.name} cannot record anything"
                    await self._outbox.alarm(title, f"{error}\n\nUntil this is mended no alert will reach you.")
            else:
                if failures >= STORE_CHECKS:
                    await self._outbox.alarm(
                        f"Deskwatch at {self.config.site.name} records again", "Alerts work again."
                    )
                failures = 0

    async def _forget(self) -> None:
        """Delete what is older than the retention, a bounded number of rows at a time."""
        while True:
            try:
                deleted = await self._prune()
            except StoreError:
                log.exception("cannot delete old history, will try again")
                deleted = 0
            await asyncio.sleep(1 if deleted else 3600)

    async def _prune(self) -> int:
        async with self.store.begin() as conn:
            return await retention.prune(conn, datetime.now(UTC), self.config.storage.retention)

    def _see(self, reading: Reading) -> None:
        before = self.latest.get(reading.check)
        self.latest[reading.check] = reading
        if before is None or (before.status, before.reason) != (reading.status, reading.reason):
            self._touch()

    def _queued(self) -> None:
        self._outbox.wake()

    def _touch(self) -> None:
        """Tell everybody who watches that there is something new to show."""
        self.version += 1
        self._news.set()
        self._news = asyncio.Event()

    def _load(self) -> str:
        rate = sum(1 / check.interval for check in self.config.checks)
        return f"{len(self.config.checks)} checks ({rate:.0f} a second)"


def _require_same_place(old: Config, new: Config) -> None:
    """What cannot be swapped while running. Raises ValueError."""
    if new.server != old.server:
        raise ValueError("`server` changed: this takes effect only when Deskwatch is restarted")
    if new.storage.url != old.storage.url:
        raise ValueError("`storage.url` changed: this takes effect only when Deskwatch is restarted")
