"""A real Prometheus gets what `/metrics` shows: each value at its time, also after an outage, and the end of each."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from peers.ports import free_port
from peers.prometheus import Prometheus, prometheus
from peers.remote_write import STALE, receiver
from peers.service import until, watching
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from monitor.app import App
from monitor.config import Config
from monitor.config.model import RemoteWrite
from monitor.exposition import TEXT, Gathering, add_instruments
from monitor.metrics import Readings, Vitals
from monitor.remote_write import writer
from monitor.remote_write.writer import write
from probes import Reading, Sample, Status

SITE = """\
site: {id: harbour, timezone: UTC}
doors:
  - {id: front, checks: [{kind: internet.tcp, host: 192.0.2.9, port: 80}]}
  - {id: back, checks: [{kind: internet.ping, host: 192.0.2.9}]}
"""

ALWAYS = "deskwatch_remote_write_spool_bytes"
"""A series of every snapshot."""
OF_BACK = Sample("probe_icmp_duration_seconds", 0.25, "rtt")


class Service:
    """A service whose readings are the test's; all else of what it sends is real."""

    def __init__(self, config: Config, folder: Path, port: int) -> None:
        url = f"http://127.0.0.1:{port}/api/v1/write"
        labels = {"job": "deskwatch", "instance": "desk"}
        self.config = SimpleNamespace(remote_write=RemoteWrite(url, labels, folder / "spool", interval=0.1))
        self.registry = CollectorRegistry()
        self.vitals = Vitals(self.registry)
        self.began = time.time()
        self.turns: list[float] = []
        self.latest: dict[str, Reading] = {}
        self.readings = Readings(lambda: self.latest)
        self.readings.adopt(config)

    async def gather(self, found: Gathering) -> None:
        self.turns.append(time.time())
        found.add("turn", "How often all was gathered.", "", len(self.turns))
        add_instruments(self.registry.collect(), found)
        await self.readings.gather(found)

    def read(self, check: str, *samples: Sample) -> None:
        self.latest[check] = Reading(check, datetime.now(UTC), 0.01, Status.UP, "ok", "it works", samples)


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
async def service(config: Config, tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Service]:
    """Two doors that work, sent every 100 ms."""
    monkeypatch.setattr("monitor.remote_write.outcome.LONGEST", 0.2)
    made = Service(config, tmp_path, port)
    made.read("front/tcp")
    made.read("back/ping", OF_BACK)
    task = asyncio.create_task(write(made))
    yield made
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def newest(prom: Prometheus) -> float:
    """The newest turn that it has."""
    return float((await prom.query("turn") or [{"value": (0, "0")}])[0]["value"][1])


async def has(prom: Prometheus, turn: int) -> None:
    async def reached() -> bool:
        return await newest(prom) >= turn

    await until(reached, f"turn {turn}")


async def labels(prom: Prometheus, query: str) -> dict[str, Any]:
    (found,) = await prom.query(query)
    metric: dict[str, Any] = found["metric"]
    return metric


async def test_values_labels_and_times_arrive(service: Service, tmp_path: Path, port: int) -> None:
    async with prometheus(tmp_path, port) as prom:
        await has(prom, 5)
        own = {"job": "deskwatch", "instance": "desk", "site": "harbour"}
        check = {"asset": "back", "check": "back/ping", "kind": "internet.ping"}
        assert await labels(prom, 'probe_success{asset="back"} == 1') == {"__name__": "probe_success", **own, **check}
        assert await labels(prom, "probe_icmp_duration_seconds == 0.25")
        assert await labels(prom, 'deskwatch_check_status{asset="front", status="up"} == 1')
        await until(lambda: prom.query("deskwatch_remote_write_samples_total > 0"), "a count of what it has taken")
        (turns,) = await prom.query("turn[1h]")
        times = [at for at, _ in turns["values"]]
        assert times == sorted(times)
        assert all(at <= gathered for (at, _), gathered in zip(turns["values"], service.turns, strict=False))
        assert times[0] > service.began - 0.001, "it is told in whole milliseconds"


async def test_after_an_outage_everything_of_the_gap_is_there_in_order_and_once(
    service: Service, tmp_path: Path, port: int
) -> None:
    async with prometheus(tmp_path, port) as prom:
        await has(prom, 5)
    before = len(service.turns)

    async def has_waited() -> bool:
        return len(service.turns) >= before + 10

    await until(has_waited, "ten turns without Prometheus")
    async with prometheus(tmp_path, port) as prom:
        await has(prom, before + 12)
        (turns,) = await prom.query("turn[1h]")
        values = [int(value) for _, value in turns["values"]]
        assert values == list(range(1, len(values) + 1))
        times = [at for at, _ in turns["values"]]
        assert all(earlier < later for earlier, later in pairwise(times))
        assert all(at <= gathered for at, gathered in zip(times, service.turns, strict=False))
        assert service.registry.get_sample_value("deskwatch_remote_write_dropped_total", {"reason": "refused"}) == 0


async def test_an_asset_that_a_reload_removed_is_gone_at_once(
    service: Service, config: Config, tmp_path: Path, port: int
) -> None:
    async with prometheus(tmp_path, port) as prom:
        await has(prom, 3)
        assert len(await prom.query("probe_success")) == 2
        service.readings.adopt(replace(config, assets=config.assets[:1]))
        await has(prom, len(service.turns) + 2)
        assert [one["metric"]["asset"] for one in await prom.query("probe_success")] == ["front"]
        assert await prom.query('{asset="back"}') == []
        (ended,) = await prom.query('probe_success{asset="back"}[1h]')
        assert {value for _, value in ended["values"]} == {"1"}


async def test_what_is_sent_is_what_is_scraped(tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole service, in this process; a reload with another interval sends at once."""
    monkeypatch.setattr(writer, "IDLE", 0.05)
    server = await asyncio.start_server(lambda _, out: out.close(), "127.0.0.1", 0)
    site = (
        f"site: {{id: harbour, timezone: UTC}}\nserver: {{listen: '127.0.0.1:{port}'}}\n"
        f"doors:\n  - id: front\n    checks: [{{kind: internet.tcp, interval: 7d, timeout: 1m, host: 127.0.0.1, "
        f"port: {server.sockets[0].getsockname()[1]}}}]\n"
    )
    file = tmp_path / "site.yaml"
    async with receiver() as prom:
        file.write_text(f"{site}remote_write: {{url: '{prom.url}'}}\n")
        async with watching(file) as app:
            assert await app.refresh(["front/tcp"], 60) == frozenset()
            await prom.until(lambda: prom.values(ALWAYS))
            before = await scraped(app)
            file.write_text(f"{site}remote_write: {{url: '{prom.url}', interval: 1h}}\n")
            assert (await app.reload()).ok
            await prom.until(lambda: STALE in prom.values(ALWAYS) and prom.values(ALWAYS)[-1] != STALE)
            await prom.until(lambda: 1 in prom.values("probe_success"))
            after = await scraped(app)
        server.close()
        await server.wait_closed()
    sent = set()
    for one in prom.samples:
        found = dict(one.labels)
        assert (found.pop("job"), found.pop("instance")) == ("deskwatch", "harbour")
        sent.add((found.pop("__name__"), *sorted(found.items())))
    assert before <= sent <= after, "some series begin only a while after the start"


async def scraped(app: App) -> set[tuple[object, ...]]:
    """The names of all series with their labels."""
    text = "".join([piece async for piece in app.exposition(TEXT)])
    return {
        (one.name, *sorted(item for item in one.labels.items() if item[1]))
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }
