"""Telling Alertmanagers: everything that fires, each by itself, and what it takes for none to miss the end."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from alerting.rules import Episode, Phase, Severity, Why, close
from monitor.alertmanager import push
from monitor.config import load
from monitor.config.model import Alertmanager, Config
from monitor.metrics import Vitals
from monitor.outside import turn as outside_turn
from monitor.response import Turn
from monitor.store import Store, episodes

SITE = """\
site: {id: harbour, name: Harbour Street, timezone: Europe/Lisbon, capacity: 60}
server: {url: "https://watch.example.org"}
uplinks:
  - {id: fibre, name: Fibre, affects: "Members have no internet.", checks: [{kind: internet.ping, host: 127.0.0.1}]}
"""


@dataclass
class Service:
    """The running service, as far as Alertmanagers are told of it."""

    config: Config
    store: Store
    firing: dict[str, Turn] = field(default_factory=dict)
    vitals: Vitals = field(default_factory=lambda: Vitals(CollectorRegistry()))
    version: int = 1

    def __post_init__(self) -> None:
        self._news = asyncio.Event()

    async def changed(self, version: int) -> int:
        while self.version <= version:
            await self._news.wait()
        return self.version

    def touch(self) -> None:
        self.version += 1
        self._news.set()
        self._news = asyncio.Event()

    def tells(self, *peers: "Peer", resend: float = 3600, authorization: str = "") -> None:
        secret = SecretStr(authorization) if authorization else None
        self.config = replace(self.config, alertmanager=Alertmanager(tuple(one.url for one in peers), secret, resend))
        self.touch()

    def fails(self, id: str = "A", severity: Severity = Severity.CRITICAL) -> Episode:
        """A rule of the fibre fires since a minute."""
        check = self.config.checks[0]
        now = datetime.now(UTC)
        since = now - timedelta(minutes=1)
        rule = check.rules[0]
        episode = Episode(id, check.id, rule.id, severity, Phase.FIRING, since, now, fired=since, detail="no answer")
        self.firing = {**self.firing, id: Turn(self.config.assets[0], rule, episode, check.kind)}
        self.touch()
        return episode

    async def recovers(self, episode: Episode) -> None:
        over = close(episode, Why.RECOVERED, datetime.now(UTC))
        async with self.store.begin() as conn:
            await episodes.save(conn, over)
        self.firing = {id: turn for id, turn in self.firing.items() if id != episode.id}
        self.touch()

    def posts(self, peer: "Peer", outcome: str) -> float:
        found: float = self.vitals.alertmanager_posts.labels(peer.url, outcome)._value.get()
        return found


class Peer:
    """What listens where an Alertmanager should be."""

    def __init__(self) -> None:
        self.url = ""
        self.heard: list[list[dict[str, Any]]] = []
        self.authorizations: list[str] = []
        self.status = 200
        self.hangs = False

    async def take(self, request: web.Request) -> web.Response:
        self.authorizations.append(request.headers.get("Authorization", ""))
        alerts = await request.json()
        self.heard += [alerts] if alerts else []
        if self.hangs:
            await asyncio.sleep(3600)
        return web.Response(status=self.status, text='"bad \x1b[31mlabels" ' + "x" * 5000)

    async def hears(self, times: int) -> list[dict[str, Any]]:
        async with asyncio.timeout(60):
            while len(self.heard) < times:
                await asyncio.sleep(0.005)
        return self.heard[times - 1]


@pytest.fixture
def service(tmp_path: Path, store: Store) -> Service:
    """A service at which all is well, with an open store."""
    (tmp_path / "site.yaml").write_text(SITE)
    return Service(load(tmp_path / "site.yaml"), store)


@pytest.fixture
async def peers() -> AsyncIterator[tuple[Peer, Peer]]:
    """Two Alertmanagers that take everything."""
    made = (Peer(), Peer())
    async with contextlib.AsyncExitStack() as stack:
        for peer in made:
            app = web.Application()
            app.router.add_post("/api/v2/alerts", peer.take)
            server = await stack.enter_async_context(TestServer(app))
            peer.url = str(server.make_url("")).rstrip("/")
        yield made


@contextlib.asynccontextmanager
async def pushing(service: Service) -> AsyncIterator[None]:
    task = asyncio.create_task(push(service))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.fixture
def no_gathering(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Turns are told at once, failures tried again at once; an answer may take long, as a second try is heard twice."""
    monkeypatch.setattr("monitor.alertmanager.ANSWER", 60)
    monkeypatch.setattr("monitor.alertmanager.GATHER", 0)
    monkeypatch.setattr("monitor.alertmanager.RETRY", 0.05)
    monkeypatch.setattr("monitor.alertmanager.IDLE", 0.05)
    return iter(())


pytestmark = pytest.mark.usefixtures("no_gathering")


async def test_what_fires_is_told_at_once_and_its_end_as_well(service: Service, peers: tuple[Peer, Peer]) -> None:
    service.tells(*peers)
    async with pushing(service):
        async with asyncio.timeout(60):
            while not all(service.posts(peer, "accepted") for peer in peers):
                await asyncio.sleep(0.005)
        assert not any(peer.heard for peer in peers), "each was asked, and told of nothing"
        episode = service.fails()
        for peer in peers:
            (alert,) = await peer.hears(1)
            assert alert["labels"]["asset"] == "fibre"
            assert alert["annotations"] == {
                "summary": "Fibre is down",
                "description": "Fibre: no answer",
                "affects": "Members have no internet.",
                "remedy": "Restart the router of this line once. "
                "If it does not come back, call the provider and give this time.",
            }
            assert alert["generatorURL"] == "https://watch.example.org/assets/fibre"
            assert datetime.fromisoformat(alert["startsAt"]) == episode.fired
            left = datetime.fromisoformat(alert["endsAt"]) - datetime.now(UTC)
            assert timedelta(hours=3) < left <= timedelta(hours=4)
        await service.recovers(episode)
        for peer in peers:
            (alert,) = await peer.hears(2)
            assert datetime.fromisoformat(alert["endsAt"]) <= datetime.now(UTC)
            assert datetime.fromisoformat(alert["startsAt"]) == episode.fired


async def test_a_peer_that_hangs_delays_no_other(service: Service, peers: tuple[Peer, Peer]) -> None:
    dead, alive = peers
    dead.hangs = True
    service.tells(*peers)
    service.fails()
    async with pushing(service):
        await dead.hears(1)
        await alive.hears(1)
        service.fails("B")
        assert len(await alive.hears(2)) == 2


async def test_what_was_refused_is_sent_again_and_the_log_says_why_without_the_secret(
    service: Service, peers: tuple[Peer, Peer], caplog: pytest.LogCaptureFixture
) -> None:
    peer, _ = peers
    peer.status = 400
    service.tells(peer, authorization="Bearer hunter2-secret")
    service.fails()
    with caplog.at_level(logging.INFO):
        async with pushing(service):
            await peer.hears(3)
            peer.status = 200
            seen = len(peer.heard)
            await peer.hears(seen + 1)
            async with asyncio.timeout(60):
                while not service.posts(peer, "accepted"):
                    await asyncio.sleep(0.005)
    assert service.posts(peer, "failed") >= 2
    assert set(peer.authorizations) == {"Bearer hunter2-secret"}
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1, "once, not at every attempt"
    assert warnings[0].trouble.startswith('it answered 400: "bad [31mlabels" xxx')
    assert len(warnings[0].trouble) < 300
    assert "hunter2" not in str([vars(record) for record in caplog.records])


async def test_after_a_restart_what_fires_and_what_ended_meanwhile_is_told(
    service: Service, peers: tuple[Peer, Peer]
) -> None:
    peer, _ = peers
    gone, lasts = service.fails("A"), service.fails("B")
    await service.recovers(gone)
    service.tells(peer)
    async with pushing(service):
        over, firing = await peer.hears(1)
    assert datetime.fromisoformat(over["startsAt"]) == gone.fired
    assert datetime.fromisoformat(over["endsAt"]) <= datetime.now(UTC)
    assert datetime.fromisoformat(firing["startsAt"]) == lasts.fired
    assert datetime.fromisoformat(firing["endsAt"]) > datetime.now(UTC)


async def test_what_tells_nobody_and_what_others_watch_is_not_told(service: Service, peers: tuple[Peer, Peer]) -> None:
    peer, _ = peers
    episode = service.fails("A", Severity.INFO)
    outside = replace(episode, id="B", check="outside/nas/0123456789abcdef", rule="DiskFull", severity=Severity.WARNING)
    service.firing["B"] = outside_turn(service.config, outside)
    service.tells(peer, resend=0.05)
    async with pushing(service):
        await service.recovers(replace(outside, id="C"))
        service.fails("D")
        (alert,) = await peer.hears(1)
        assert alert["labels"]["alertname"] == "Down"
        assert len(await peer.hears(2)) == 1


async def test_a_reload_brings_other_peers_and_takes_them_away(service: Service, peers: tuple[Peer, Peer]) -> None:
    first, second = peers
    service.fails()
    async with pushing(service):
        service.tells(first)
        await first.hears(1)
        service.tells(second)
        await second.hears(1)
        service.fails("B")
        await second.hears(2)
    assert len(first.heard) == 1


async def test_many_are_told_in_several_messages(
    service: Service, peers: tuple[Peer, Peer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.alertmanager.BATCH", 2)
    peer, _ = peers
    for id in "ABCDE":
        service.fails(id)
    service.tells(peer)
    async with pushing(service):
        await peer.hears(3)
    assert [len(batch) for batch in peer.heard] == [2, 2, 1]
