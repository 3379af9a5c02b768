"""The composition root: the only file that constructs the parts and connects them."""

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from aiohttp import web
from prometheus_client import CollectorRegistry

from alerting.apprise import open_channels
from alerting.channels import Channel
from alerting.gates import Silence, paused
from alerting.health import Health
from alerting.links import Signer
from alerting.oncall import Override
from alerting.rules import State
from incidents import lifecycle
from incidents.incident import Change, Incident
from incidents.lifecycle import Report
from language import gettext, speak
from monitor.alertmanager import push
from monitor.config import ConfigError, load
from monitor.config.model import Check, Config
from monitor.days import Day
from monitor.desk import Desk
from monitor.drill import Drills
from monitor.exposition import Format, Gathering, add_instruments, instruments
from monitor.heartbeats import Heartbeats
from monitor.inbound import Inbound
from monitor.listening import Certificate, require_protected
from monitor.memories import Memories
from monitor.memos import Memos
from monitor.metrics import Readings, Vitals
from monitor.morning import Mornings
from monitor.notices import trial
from monitor.outbox import Outbox
from monitor.people.accounts import By, opens_by_link
from monitor.pipeline import Pipeline
from monitor.reading import read
from monitor.remote_write.writer import write
from monitor.response import Turn, involved
from monitor.reviews import Reviews
from monitor.runner import Runner
from monitor.sites import Heard, Sites
from monitor.store import Store, StoreError, attachments, audit_log, incidents, links, outbox, overrides, silences
from monitor.store.attachments import Attachment
from monitor.upkeep import Upkeep
from monitor.watchdog import Signs, look, watch
from monitor.web.app import build
from monitor.web.auth import Gate
from probes import Reading
from probes import load as load_kind
from probes._engines import Engines
from probes._engines.audits import Audits

log = logging.getLogger(__name__)

LAG = 5.0
"""Seconds that runs may begin late before we call ourselves not ready."""
HEED = 3.0
"""Seconds between two looks at silences, overrides and sign-offs, which the command line writes as well."""


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
        self.reloads = Reloads(True, datetime.now(UTC))
        self.started = datetime.now(UTC)
        self.version = 0
        self._registry = CollectorRegistry()
        self.vitals = Vitals(self._registry)
        self._readings = Readings(lambda: self.latest)
        self.gate = Gate()
        self.certificate = Certificate(config.server.tls) if config.server.tls is not None else None
        self._news = asyncio.Event()
        self._engines = Engines()
        self.heartbeats = Heartbeats(store, self._engines.pings)
        self._memories = Memories(store, self._engines.memory)
        self._reviews = Reviews(self._engines.signoffs)
        self.signer: Signer
        self._involved: Mapping[str, str] = {}
        self._desk = Desk(store, self.vitals, self._turn, self._queued)
        self._pipeline = Pipeline(self._desk, store, self.vitals)
        self.inbound = Inbound(self._pipeline, self.vitals)
        self._outbox = Outbox(store, self.vitals, self._touch)
        self._runner = Runner(
            self._engines, self.vitals, self._see, self._pipeline.offer, self._pipeline.explain, self._is_paused
        )
        self._upkeep = Upkeep(store, self._outbox, lambda: self.config)
        self.mornings = Mornings(self)
        self._sites = Sites(lambda: self.config, self._touch)
        self._reloading = asyncio.Lock()
        self._reload_asked = asyncio.Event()

    @classmethod
    async def open(cls, path: Path) -> "App":
        """Load the configuration and open the store. Raises ConfigError, StoreError, or ValueError for a
        destination that means nothing."""
        config = await asyncio.to_thread(load, path)
        channels = await open_channels(config.destinations)
        store = await Store.open(config.storage.url.get_secret_value())
        try:
            await require_protected(config, store)
            app = cls(config, store)
        except ValueError:
            await store.close()
            raise
        await app._adopt(config, channels)
        # What was made up to now stays: with 10,000 checks the collector would look through it for 0.2 s at a time.
        gc.collect()
        gc.freeze()
        return app

    @property
    def latest(self) -> Mapping[str, Reading]:
        """The newest reading of every check that has one, by its id."""
        return self._engines.latest.readings

    @property
    def days(self) -> Mapping[str, Day]:
        """The last day of every check that has one, by its id."""
        return self._pipeline.days

    @property
    def others(self) -> Mapping[str, Heard]:
        """What the Deskwatch of each other site said last, by its id."""
        return self._sites.heard

    @property
    def episodes(self) -> Mapping[tuple[str, str], State]:
        """The state of every rule, by check and rule id."""
        return self._pipeline.states

    @property
    def firing(self) -> Mapping[str, Turn]:
        """The newest turn of every episode that fires, by its id."""
        return self._desk.known.firing

    async def exposition(self, format: Format) -> AsyncIterator[str]:
        """What Prometheus scrapes, in pieces."""
        for piece in instruments(self._registry.collect(), format):
            yield piece
        async for piece in self._readings.text(format):
            yield piece
        yield format.end

    async def gather(self, found: Gathering) -> None:
        """Hand over the same series one by one."""
        add_instruments(self._registry.collect(), found)
        await self._readings.gather(found)

    async def run(self, serving: Callable[[], None], *beside: Coroutine[Any, Any, None]) -> None:
        """Watch, alert and serve until cancelled; `serving` is called once the pages can be reached.

        What is given `beside` runs along, and like every other part ends the service if it fails.

        Raises OSError when the address to listen on is taken.
        """
        speak(lambda: self.config.site.language)
        site = web.AppRunner(build(self, self.gate), access_log=None, shutdown_timeout=2)
        await site.setup()
        try:
            server = self.config.server
            tls = self.certificate.context if self.certificate is not None else None
            await web.TCPSite(site, server.host, server.port, ssl_context=tls, reuse_address=True).start()
            serving()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pipeline.run(), name="pipeline")
                group.create_task(self._outbox.run(), name="outbox")
                group.create_task(self._runner.run(), name="runner")
                group.create_task(self._mind_people(), name="people")
                group.create_task(self._upkeep.mind_the_store(), name="store")
                group.create_task(self._upkeep.forget(), name="retention")
                group.create_task(self._upkeep.foresee(), name="foresight")
                group.create_task(self._upkeep.join(), name="recordings")
                group.create_task(self._pipeline.usuals.run(), name="usual values")
                group.create_task(self._memories.run(), name="what checks remember")
                group.create_task(Drills(self).run(), name="drills")
                group.create_task(self.mornings.run(), name="morning checks")
                group.create_task(Memos(self, self._queued).run(), name="memos")
                group.create_task(watch(self), name="watchdog")
                group.create_task(push(self), name="alertmanagers")
                group.create_task(write(self), name="remote write")
                group.create_task(self.inbound.run(), name="inbound")
                group.create_task(self._sites.run(), name="other sites")
                group.create_task(self._reload_when_asked(), name="reload")
                if self.certificate is not None:
                    group.create_task(self.certificate.watch(), name="certificate")
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
        return await self._desk.decide(incident, change)

    async def report(self, report: Report, *, tells: bool = True) -> Incident:
        """Open the incident that a person reports; the routes hear of it if it `tells`. Raises StoreError."""
        return await self._desk.open(report, tells=tells)

    async def merge(self, incident: str, into: str, who: str) -> Incident | None:
        """Make one of two incidents: the one that tells of both, None if there is none of those ids.

        Nothing changes where `incidents.merging.obstacle` knows a reason. Raises StoreError.
        """
        return await self._desk.merge(incident, into, who)

    async def attach(self, attachment: Attachment) -> bool:
        """Keep a file with its incident, which says so; False if there is none of that id.

        Raises ValueError when the incident has as many as it may, and StoreError.
        """
        async with self.store.begin() as conn:
            if await incidents.get(conn, attachment.incident) is None:
                return False
            await attachments.add(conn, attachment)

        def noted(incident: Incident) -> Change:
            return lifecycle.note(incident, attachment.says, attachment.who, attachment.at)

        return await self.decide(attachment.incident, noted) is not None

    async def acknowledge(self, asset: str, who: str) -> None:
        """Acknowledge the open incident of an asset, if there is one. Raises StoreError."""
        for incident in self._desk.known.incidents.values():
            if incident.asset == asset:
                now = datetime.now(UTC)
                until = now + timedelta(seconds=self.config.alerting.acknowledged)
                await self.decide(incident.id, partial(lifecycle.acknowledge, who=who, now=now, until=until))

    @property
    def silences(self) -> tuple[Silence, ...]:
        """The silences that have not ended, also those to come."""
        return self._desk.known.silences

    async def silence(self, silence: Silence) -> None:
        """Hold messages back from now on. Raises StoreError."""
        async with self.store.begin() as conn:
            await silences.save(conn, silence)
        await self._heed()

    async def unsilence(self, id: str, who: str) -> bool:
        """End a silence; False if there is none of that id that has not ended. Raises StoreError."""
        async with self.store.begin() as conn:
            ended = await silences.expire(conn, id, datetime.now(UTC))
        log.info("silence ended", extra={"silence": id, "who": who})
        await self._heed()
        return ended

    @property
    def overrides(self) -> tuple[Override, ...]:
        """Who stands in for whom, now and later."""
        return self._desk.known.overrides

    async def override(self, override: Override) -> None:
        """Somebody stands in. Raises StoreError."""
        async with self.store.begin() as conn:
            await overrides.save(conn, override)
        await self._heed()

    async def drop_override(self, id: str) -> bool:
        """Nobody stands in any more; False if there is no such override. Raises StoreError."""
        async with self.store.begin() as conn:
            dropped = await overrides.delete(conn, id)
        await self._heed()
        return dropped

    @property
    def audits(self) -> Audits:
        """The newest audits of who can enter, with names."""
        return self._engines.audits

    @property
    def healths(self) -> Mapping[str, Health]:
        """How well each destination can be reached."""
        return self._outbox.healths

    async def send_test(self, destination: str) -> None:
        """Queue a test message. Raises KeyError for a destination that is not configured, and StoreError."""
        if destination not in self.config.destinations:
            raise KeyError(destination)
        now = datetime.now(UTC)
        async with self.store.begin() as conn:
            await outbox.enqueue(conn, trial(self.config, destination, now), "", now)
        self._queued()
        self._touch()

    async def reload(self) -> Reloads:
        """Parse all, validate all, swap. A configuration with any problem changes nothing."""
        async with self._reloading:
            try:
                config = await asyncio.to_thread(load, self.config.source or Path())
                _require_same_place(self.config, config)
                if self.certificate is not None:
                    await asyncio.to_thread(self.certificate.read)
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
            if (await self.reload()).ok:
                await self._note_reload()

    async def _note_reload(self) -> None:
        """Nobody knows who has sent the signal."""
        entry = By("SIGHUP", "this machine", datetime.now(UTC)).entry("configuration reloaded")
        try:
            async with self.store.begin() as conn:
                await audit_log.add(conn, entry)
        except StoreError as error:
            log.error("the audit log misses a reload", extra={"error": str(error)})  # noqa: TRY400 - the error is said

    async def opens_by_link(self) -> bool:
        """Whether the sign-in link works."""
        async with self.store.connect() as conn:
            return await opens_by_link(conn, self.config)

    async def problems(self) -> tuple[str, ...]:
        """What keeps us from doing our work, in words; empty when ready."""
        found = []
        try:
            await self.store.check_writable()
        except StoreError as error:
            found.append(str(error))
        if self._runner.lag > LAG:
            found.append(self._lateness())
        return tuple(found)

    async def vital_signs(self) -> Signs:
        """How well Deskwatch itself does."""
        now, oldest = datetime.now(UTC), self._pipeline.oldest
        waited = (now - oldest).total_seconds() if oldest is not None else 0.0
        failing = [id for id, health in self.healths.items() if health.failing]
        return await look(self.store, self._runner.lag, waited, failing, now)

    async def refresh(self, checks: Collection[str], within: float) -> frozenset[str]:
        """Run checks now, off their schedule, and judge them; those that did not end within so many seconds.

        Raises StoreError.
        """
        late = await self._runner.refresh(checks, within)
        await self._pipeline.catch_up()
        return late

    async def alarm(self, title: str, body: str) -> None:
        """Tell every destination at once, without the store: for when that is what is broken."""
        await self._outbox.alarm(title, body)

    async def measure(self, kind: str, settings: Mapping[str, object], timeout: float) -> Reading:
        """One reading outside the schedule. Raises KeyError for an unknown kind, ValidationError for bad settings."""
        probe = load_kind(kind)
        return await read(kind, probe(probe.Params(**settings), self._engines), timeout)

    async def _adopt(self, config: Config, channels: dict[str, Channel]) -> None:
        async with self.store.begin() as conn:
            key = await links.key(conn, datetime.now(UTC))
        self.signer = Signer(key, config.server.url, config.alerting.links)
        await self.heartbeats.adopt(config)
        await self._memories.adopt(config)
        self._reviews.adopt(config)
        await self._pipeline.adopt(config, self.signer)
        self.config = config
        await self._heed()
        self._runner.watch(config.checks, config.parents)
        self._outbox.adopt(channels, config)
        self._readings.adopt(config)
        self._involved = involved(self._desk.known)
        self._engines.latest.keep_only({check.id for check in config.checks})
        self._engines.audits.keep_only({check.id for check in config.checks})
        self.reloads = Reloads(True, datetime.now(UTC))
        self.vitals.reloaded(True)

    async def _mind_people(self) -> None:
        """Notice what people have silenced and signed off, and who stands in, also on the command line."""
        while True:
            await asyncio.sleep(HEED)
            try:
                await self._heed()
            except StoreError:
                log.exception("cannot read silences and sign-offs, those known go on")

    async def _heed(self) -> None:
        now = datetime.now(UTC)
        async with self.store.connect() as conn:
            found = await silences.active(conn, now), await overrides.current(conn, now)
            signed = await self._reviews.heed(conn)
        self._pipeline.regate(*found)
        self._runner.hurry(signed)

    def _is_paused(self, check: Check) -> bool:
        """Whether planned work says not to measure."""
        asset = self.config.asset(check.asset) if self.config.maintenances else None
        if asset is None:
            return False
        return paused(self.config.maintenances, asset.id, asset.section, asset.tags, datetime.now(UTC))

    def _see(self, reading: Reading) -> None:
        before = self._engines.latest.of(reading.check)
        self._engines.latest.take(reading)
        self._readings.count(reading, self._involved.get(reading.check, ""))
        if before is None or (before.status, before.reason) != (reading.status, reading.reason):
            self._touch()

    def _turn(self) -> None:
        self._involved = involved(self._desk.known)
        self._touch()

    def _queued(self) -> None:
        self._outbox.wake()

    def _touch(self) -> None:
        """Tell everybody who watches that there is something new to show."""
        self.version += 1
        self._news.set()
        self._news = asyncio.Event()

    def _lateness(self) -> str:
        """By how much runs begin late, and what this machine has to do."""
        return gettext(
            "checks start {seconds} s late: this machine is too slow for {checks} checks ({rate} a second)",
            seconds=f"{self._runner.lag:.0f}",
            checks=len(self.config.checks),
            rate=f"{sum(1 / check.interval for check in self.config.checks):.0f}",
        )


def _require_same_place(old: Config, new: Config) -> None:
    """What cannot be swapped while running. Raises ValueError."""
    if new.server != old.server:
        raise ValueError("`server` changed: this takes effect only when Deskwatch is restarted")
    if new.storage.url != old.storage.url:
        raise ValueError("`storage.url` changed: this takes effect only when Deskwatch is restarted")
