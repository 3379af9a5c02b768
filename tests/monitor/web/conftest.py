"""A service of which everything is real but the measuring: what the pages show is put there by the test."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from functools import partial
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr
from ulid import ULID

from alerting.channels import Delivery, Notification, Outcome
from alerting.gates import Silence
from alerting.health import Health
from alerting.hours import OpeningHours
from alerting.oncall import Override, Reached
from alerting.routes import Route
from alerting.rules import Episode, Phase, Rule, Severity, State
from incidents import lifecycle, merging
from incidents.availability import Span
from incidents.lifecycle import Call, Change, Incident, Report
from monitor.config.model import Asset, Check, Config, Confirm, Server, Site, Storage
from monitor.days import Day, Days
from monitor.exposition import Exposition, Format
from monitor.morning import Mornings
from monitor.notices import trial
from monitor.reading import read
from monitor.sites import Heard
from monitor.store import Store, attachments, incidents, outbox, overrides, silences, spans
from monitor.store.attachments import Attachment
from monitor.watchdog import Signs
from monitor.web import auth
from monitor.web.app import build
from monitor.web.auth import Gate
from probes import Reading, Sample, Status, load
from probes._engines import Engines
from probes._engines.audits import Audits

OPEN = OpeningHours(ZoneInfo("Europe/Berlin"), (((time(8), time(20)),),) * 5 + ((),) * 2)


class Reloads(NamedTuple):
    ok: bool = True
    at: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    problems: tuple[str, ...] = ()


@dataclass
class Space:
    """The service, and what a test does to it."""

    config: Config
    store: Store
    latest: dict[str, Reading] = field(default_factory=dict)
    episodes: dict[tuple[str, str], State] = field(default_factory=dict)
    silences: tuple[Silence, ...] = ()
    overrides: tuple[Override, ...] = ()
    reached: dict[str, Health] = field(default_factory=dict)
    others: dict[str, Heard] = field(default_factory=dict)
    reloads: Reloads = field(default_factory=Reloads)
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    version: int = 1
    troubles: tuple[str, ...] = ()
    signs: Signs = field(default_factory=Signs)
    after_reload: Reloads = field(default_factory=Reloads)
    engines: Engines = field(default_factory=Engines)

    def __post_init__(self) -> None:
        self._news = asyncio.Event()
        self._days = Days()
        self.mornings = Mornings(self)

    @property
    def days(self) -> Mapping[str, Day]:
        return self._days.by_check

    async def exposition(self, format: Format) -> AsyncIterator[str]:
        found = Exposition()
        found.add("deskwatch_test", "A gauge of the test.", "", 1)
        for piece in (*found.text(format), format.end):
            yield piece

    async def changed(self, version: int) -> int:
        while self.version <= version:
            await self._news.wait()
        return self.version

    async def decide(self, incident: str, change: Callable[[Incident], Change]) -> Incident | None:
        async with self.store.begin() as conn:
            found = await incidents.get(conn, incident)
            if found is None:
                return None
            changed = change(found).incident
            await incidents.save(conn, changed)
        self.touch()
        return changed

    async def report(self, report: Report, *, tells: bool = True) -> Incident:
        calls = [Call(route, (Reached(route.id, route.id),)) for route in self.config.routes] if tells else []
        change = lifecycle.reported(report, datetime.now(UTC), calls)
        await self._save(change, datetime.now(UTC))
        self.touch()
        return change.incident

    async def merge(self, incident: str, into: str, who: str) -> Incident | None:
        async with self.store.begin() as conn:
            one, other = await incidents.get(conn, incident), await incidents.get(conn, into)
            if one is None or other is None:
                return None
            merged = merging.merge(one, other, who, datetime.now(UTC))
            await incidents.save(conn, merged.gone.incident)
            await incidents.save(conn, merged.kept.incident)
        self.touch()
        return merged.kept.incident

    async def attach(self, attachment: Attachment) -> bool:
        async with self.store.begin() as conn:
            if await incidents.get(conn, attachment.incident) is None:
                return False
            await attachments.add(conn, attachment)
        says = partial(lifecycle.note, text=attachment.says, who=attachment.who, now=attachment.at)
        return await self.decide(attachment.incident, says) is not None

    async def silence(self, silence: Silence) -> None:
        async with self.store.begin() as conn:
            await silences.save(conn, silence)
        self.silences = (*self.silences, silence)

    async def override(self, override: Override) -> None:
        async with self.store.begin() as conn:
            await overrides.save(conn, override)
        self.overrides = (*self.overrides, override)

    async def drop_override(self, id: str) -> bool:
        self.overrides = tuple(one for one in self.overrides if one.id != id)
        async with self.store.begin() as conn:
            return await overrides.delete(conn, id)

    @property
    def audits(self) -> Audits:
        return self.engines.audits

    @property
    def healths(self) -> Mapping[str, Health]:
        return {id: self.reached.get(id, Health()) for id in self.config.destinations}

    async def send_test(self, destination: str) -> None:
        if destination not in self.config.destinations:
            raise KeyError(destination)
        now = datetime.now(UTC)
        async with self.store.begin() as conn:
            await outbox.enqueue(conn, trial(self.config, destination, now), "", now)
        self.touch()

    async def unsilence(self, id: str, who: str) -> bool:
        self.silences = tuple(one for one in self.silences if one.id != id)
        async with self.store.begin() as conn:
            return await silences.expire(conn, id, datetime.now(UTC))

    async def reload(self) -> Reloads:
        self.reloads = self.after_reload
        self.touch()
        return self.reloads

    async def problems(self) -> tuple[str, ...]:
        return self.troubles

    async def measure(self, kind: str, settings: Mapping[str, object], timeout: float) -> Reading:
        probe = load(kind)
        return await read(kind, probe(probe.Params(**settings), self.engines), timeout)

    async def refresh(self, checks: Collection[str], within: float) -> frozenset[str]:
        for check in (one for one in self.config.checks if one.id in checks):
            probe = load(check.kind)(check.params, self.engines)
            self.latest[check.id] = await read(check.id, probe, check.timeout)
        self.touch()
        return frozenset()

    async def vital_signs(self) -> Signs:
        return self.signs

    def touch(self) -> None:
        self.version += 1
        self._news.set()
        self._news = asyncio.Event()

    def add(self, *assets: Asset) -> None:
        self.config = replace(self.config, assets=(*self.config.assets, *assets))

    def serve(self, **settings: object) -> None:
        self.config = replace(self.config, server=replace(self.config.server, **settings))

    async def works(self, asset: Asset, detail: str = "answered in 12 ms", hours: float = 30) -> None:
        """The asset has worked for so long and still does."""
        await self.reads(asset, Status.UP, detail, hours * 60)

    async def all_work(self, *assets: Asset) -> None:
        """The same of several; written at once, because so many tests begin with it."""
        read = [self._read(asset, Status.UP, "answered in 12 ms", 30 * 60) for asset in assets]
        await self._write([span for history in read for span in history])

    async def reads(self, asset: Asset, status: Status, detail: str, minutes: float = 3, reason: str = "ok") -> None:
        """Every check of the asset has had that status for so long; before it worked."""
        await self._write(self._read(asset, status, detail, minutes, reason))

    def _read(self, asset: Asset, status: Status, detail: str, minutes: float, reason: str = "ok") -> list[Span]:
        now, history = datetime.now(UTC), []
        since = now - timedelta(minutes=minutes)
        for check in asset.checks:
            samples = (Sample("probe_icmp_duration_seconds", 0.012, "rtt"),) if status is Status.UP else ()
            self.latest[check.id] = Reading(check.id, now, 0.012, status, reason, detail, samples)
            if status is not Status.UP:
                history.append(Span(check.id, since - timedelta(hours=26), since, Status.UP, "ok"))
            history.append(Span(check.id, since, now, status, reason))
        return history

    async def _write(self, history: list[Span]) -> None:
        async with self.store.begin() as conn:
            await spans.save(conn, history)
        self._days.add(history)
        self.touch()

    async def fails(
        self, asset: Asset, detail: str, minutes: float = 12, opens: bool = True, status: Status = Status.DOWN
    ) -> Incident | None:
        """The asset's first rule fires since so many minutes, and if asked so an incident is open and was told."""
        await self.reads(asset, status, detail, minutes, "ok" if status is Status.UP else "timeout")
        now = datetime.now(UTC)
        rule, since = asset.checks[0].rules[0], now - timedelta(minutes=minutes)
        episode = Episode(
            str(ULID()), rule.check, rule.id, rule.severity, Phase.FIRING, since, now, fired=since, detail=detail
        )
        self.episodes[rule.check, rule.id] = State((True,), episode)
        title = f"{asset.name} {rule.says}"
        calls = [Call(route, (Reached(route.id, route.id),)) for route in self.config.routes]
        change = lifecycle.opened(str(ULID()), asset.id, title, episode, f"{title}: {detail}.", calls)
        if opens:
            await self._save(change, since)
        self.touch()
        return change.incident if opens else None

    async def recovers(self, asset: Asset, incident: Incident) -> Incident:
        """The fault is gone; the incident is over."""
        rule = asset.checks[0].rules[0]
        episode = self.episodes.pop((rule.check, rule.id)).episode
        assert episode is not None
        now = datetime.now(UTC)
        over = replace(episode, phase=Phase.RESOLVED, closed=now, why="recovered")
        change = lifecycle.step(incident, over, f"{asset.name} works again.", ())
        await self._save(change, now)
        await self.works(asset, hours=0.1)
        return change.incident

    async def _save(self, change: Change, at: datetime) -> None:
        async with self.store.begin() as conn:
            await incidents.save(conn, change.incident)
            for key in change.notices:
                notification = Notification(key, change.incident.severity, change.incident.title, "…")
                await outbox.enqueue(conn, notification, change.incident.id, at)
                *_, queued = await outbox.waiting(conn, key.destination)
                await outbox.lease(conn, key.destination, [queued.id], at + timedelta(minutes=1))
                await outbox.record(conn, key, Delivery(Outcome.ACCEPTED, "ok"), at + timedelta(seconds=2), None)


def asset(
    id: str,
    name: str,
    section: str = "equipment",
    *,
    says: str = "is down",
    severity: Severity = Severity.CRITICAL,
    depends_on: tuple[tuple[str, ...], ...] = (),
    affects: str = "",
    remedy: str = "",
    people: int = 80,
) -> Asset:
    """An asset with one check, which has one rule; a reading of it counts for longer than any test takes."""
    params = load("internet.ping").Params(host="127.0.0.1")
    rule = Rule(f"{id}/ping", "down", says, severity, status=Status.DOWN)
    check = Check(f"{id}/ping", id, "ping", "internet.ping", 300, 5, Confirm(), params, (rule,))
    return Asset(id, section, name, people, depends_on, affects, remedy, (check,))


@pytest.fixture
async def space(blank: Callable[[str], str]) -> AsyncIterator[Space]:
    """A service that watches nothing yet."""
    site = Site("harbour", "Harbour Hall", OPEN, 120)
    url = blank("sqlite")
    config = Config(site, (), (Route("chat"),), {}, Server(), Storage(SecretStr(url)))
    store = await Store.open(url)
    made = Space(config, store)
    yield made
    made.engines.close()
    await store.close()


@pytest.fixture
def make_asset() -> Callable[..., Asset]:
    """Makes an asset with one check, which has one rule."""
    return asset


@pytest.fixture
def gate() -> Gate:
    """The sign-in link of the service."""
    return Gate()


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> datetime:
    """When it is for all pages from here on, however long the test takes."""
    now = datetime.now(UTC)
    monkeypatch.setattr(auth, "utc_now", lambda: now)
    return now


@pytest.fixture
async def stranger(space: Space, gate: Gate) -> AsyncIterator[TestClient]:
    """A browser without a session."""
    async with TestClient(TestServer(build(space, gate))) as client:
        yield client


@pytest.fixture
async def person(stranger: TestClient, gate: Gate) -> TestClient:
    """A browser that has signed in."""
    token = gate.link("").partition("token=")[2]
    answer = await stranger.post("/sign-in", data={"token": token}, allow_redirects=False)
    assert answer.status == 303, await answer.text()
    return stranger


@pytest.fixture
def form_key(person: TestClient) -> Callable[[], Awaitable[str]]:
    """What the forms of the session must carry, read from a page."""

    async def read_key() -> str:
        page = await (await person.get("/")).text()
        return page.partition('name="form_key" value="')[2].partition('"')[0]

    return read_key


@pytest.fixture
async def harbour(space: Space) -> Space:
    """A space on an ordinary bad morning: one uplink down, a door that answers slowly, the rest fine."""
    affects = "Members have no internet; meetings by video break off."
    remedy = "Restart the white box in the cellar. If the light stays red, call Nordnet on 0800 123."
    uplink = asset("fibre", "Nordnet fibre", "uplinks", affects=affects, remedy=remedy)
    lte = asset("lte", "LTE backup", "uplinks", people=120)
    members = asset("members", "Members Wi-Fi", "wifi", depends_on=(("fibre",),), affects="Members cannot get online.")
    office = asset("office", "Office Wi-Fi", "wifi", people=6)
    door = asset(
        "street", "Street door", "doors", says="answers slowly", severity=Severity.WARNING,
        affects="The door opens only after some seconds.", remedy="Nothing yet. If it gets worse, prop the door open.",
    )  # fmt: skip
    hall = asset("hall", "Hall door", "doors")
    booking = asset("booking", "Room booking", "booking", affects="Members cannot book rooms.")
    payments = asset("payments", "Card payments", "booking")
    rooms = [asset(f"room-{n}", name, "rooms", people=size) for n, (name, size) in enumerate(
        (("Elbe", 12), ("Alster", 8), ("Bille", 6), ("Phone booth 1", 1), ("Phone booth 2", 1)))]  # fmt: skip
    printer = asset("printer", "Printer, 2nd floor")
    ups = asset("ups", "UPS in the rack")
    space.add(uplink, lte, members, office, door, hall, booking, payments, *rooms, printer, ups)
    await space.all_work(lte, office, hall, payments, *rooms)
    await space.works(members, "all 6 access points up, 43 members connected")
    await space.works(booking, "answered in 180 ms; the newest booking is 4 min old", hours=3)
    await space.reads(ups, Status.UNKNOWN, "no answer from upsd: this machine has no route to it", 50, "no_network")
    await space.reads(printer, Status.DOWN, "no answer within 5 s", 1, "timeout")
    await space.fails(uplink, "no answer from 3 of 3 addresses", 14)
    slow = await space.fails(door, "opened after 4.2 s, usually 0.8 s", 47, status=Status.UP)
    assert slow is not None
    await space.decide(
        slow.id, lambda one: lifecycle.acknowledge(one, "admin", datetime.now(UTC) - timedelta(minutes=40))
    )
    return space
