"""Sending: everything once and in order, whatever the receiver does, and never at the cost of a secret."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from aiohttp import web
from peers.ports import free_port
from peers.remote_write import STALE, Receiver, receiver
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from monitor.config.model import RemoteWrite
from monitor.exposition import Gathering
from monitor.metrics import Vitals
from monitor.remote_write import writer
from monitor.remote_write.outcome import Dropped, Failed
from monitor.remote_write.writer import write

TOKEN = "t0ken-secret"
FAILURES = {500: Failed.SERVER, 503: Failed.SERVER, 429: Failed.THROTTLED}


@dataclass
class Service:
    """A service with one counting series, and those that the test gives it."""

    config: SimpleNamespace
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    series: dict[str, float] = field(default_factory=dict)
    turn: int = 0

    def __post_init__(self) -> None:
        self.vitals = Vitals(self.registry)

    async def gather(self, found: Gathering) -> None:
        self.turn += 1
        found.add("turn", "How often all was gathered.", 'site="hub"', self.turn)
        for check, value in self.series.items():
            found.add("probe_success", "Whether it passed.", f'check="{check}"', value)

    def change(self, **settings: object) -> None:
        """What a reload does."""
        self.config.remote_write = replace(self.config.remote_write, **settings)

    def counted(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(f"deskwatch_remote_write_{name}", labels) or 0


@contextlib.asynccontextmanager
async def writing(service: Service) -> AsyncIterator[None]:
    """Runs until the end of the block, then ends in order."""
    task = asyncio.create_task(write(service))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.fixture
async def prom() -> AsyncIterator[Receiver]:
    async with receiver() as made:
        yield made


@pytest.fixture
def service(prom: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Service:
    """A service that sends every 20 ms, and tries again as soon."""
    monkeypatch.setattr("monitor.remote_write.outcome.FIRST", 0.02)
    monkeypatch.setattr("monitor.remote_write.outcome.LONGEST", 0.05)
    monkeypatch.setattr(writer, "IDLE", 0.02)
    monkeypatch.setattr(writer, "FAREWELL", 60)
    labels = {"job": "deskwatch", "instance": "hub"}
    authorization = SecretStr(f"Bearer {TOKEN}")
    settings = RemoteWrite(prom.url, labels, tmp_path / "spool", authorization, interval=0.02)
    return Service(SimpleNamespace(remote_write=settings))


def assert_in_order_and_once(prom: Receiver, turns: list[float | str]) -> None:
    """Every turn up to the last is there once and in order, the times of each series grow."""
    assert turns == list(range(1, len(turns) + 1))
    newest: dict[object, int] = {}
    for one in prom.samples:
        assert one.at > newest.get(one.labels, 0)
        newest[one.labels] = one.at


async def test_everything_arrives_as_the_protocol_wants_it(service: Service, prom: Receiver) -> None:
    began = time.time() * 1000
    async with writing(service):
        await prom.until(lambda: len(prom.values("turn")) >= 3)
        await prom.until(lambda: service.counted("samples_total") >= 3)
    first = prom.samples[0]
    assert dict(first.labels) == {"__name__": "turn", "instance": "hub", "job": "deskwatch", "site": "hub"}
    assert began - 1 <= first.at <= time.time() * 1000
    assert prom.headers["Content-Encoding"] == "snappy"
    assert prom.headers["Content-Type"] == "application/x-protobuf"
    assert prom.headers["X-Prometheus-Remote-Write-Version"] == "0.1.0"
    assert prom.headers["Authorization"] == f"Bearer {TOKEN}"
    assert service.counted("last_success_timestamp_seconds") * 1000 >= began


async def test_at_the_end_everything_has_ended(service: Service, prom: Receiver, tmp_path: Path) -> None:
    service.series["door"] = 1
    async with writing(service):
        await prom.until(lambda: prom.values("probe_success"))
    assert prom.values("probe_success")[-1] == prom.values("turn")[-1] == STALE
    assert_in_order_and_once(prom, prom.values("turn")[:-1])
    assert list((tmp_path / "spool").iterdir()) == []


async def test_a_series_that_vanishes_ends_and_may_come_back(service: Service, prom: Receiver) -> None:
    service.series["door"] = 1
    async with writing(service):
        await prom.until(lambda: prom.values("probe_success"))
        del service.series["door"]
        await prom.until(lambda: STALE in prom.values("probe_success"))
        turns = len(prom.values("turn"))
        await prom.until(lambda: len(prom.values("turn")) > turns + 2)
        assert prom.values("probe_success").count(STALE) == 1
        service.series["door"] = 0
        await prom.until(lambda: prom.values("probe_success")[-1] == 0)


@pytest.mark.parametrize(("status", "reason"), FAILURES.items())
async def test_what_a_receiver_in_trouble_did_not_take_arrives_later_in_order_and_once(
    service: Service, prom: Receiver, status: int, reason: Failed, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, writer.__name__)
    async with writing(service):
        await prom.until(lambda: prom.values("turn"))
        prom.answer = lambda _: web.Response(status=status, text="busy")
        await prom.until(lambda: service.counted("failed_total", reason=reason) >= 3 and service.turn > 10)
        assert service.counted("spool_bytes") > 0
        turn = service.turn
        prom.answer = lambda _: None
        await prom.until(lambda: turn in prom.values("turn"))
        await prom.until(lambda: service.counted("spool_bytes") == 0)
    assert_in_order_and_once(prom, prom.values("turn")[:-1])
    assert prom.most_at_once == 1
    assert [one.levelname for one in caplog.records if one.name == writer.__name__] == ["WARNING", "INFO"]


async def test_without_a_connection_everything_waits_also_for_the_next_start(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "FAREWELL", 0.1)
    port = free_port()
    service.change(url=f"http://127.0.0.1:{port}/api/v1/write")
    async with writing(service):
        async with asyncio.timeout(60):
            while service.turn < 5 or not service.counted("failed_total", reason="network"):
                await asyncio.sleep(0.005)
    turns = service.turn
    async with receiver(port) as prom, writing(service):
        await prom.until(lambda: turns + 2 in prom.values("turn"))
    found = prom.values("turn")
    assert found[turns] == STALE
    assert_in_order_and_once(prom, [*found[:turns], *found[turns + 1 : -1]])


@pytest.mark.parametrize("status", [400, 401, 404, 302])
async def test_what_is_refused_is_dropped_counted_and_told_once(
    service: Service, prom: Receiver, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    prom.answer = lambda _: web.Response(status=status, text="out of order", headers={"Location": "/elsewhere"})
    async with writing(service):
        await prom.until(lambda: service.counted("dropped_total", reason="refused") >= 3)
        prom.answer = lambda _: None
        await prom.until(lambda: prom.values("turn"))
    (told,) = (one for one in caplog.records if one.name == writer.__name__)
    assert told.levelname == "ERROR"
    assert told.trouble.startswith(f"it answered {status}: out of order")
    dropped = service.counted("dropped_total", reason="refused")
    assert prom.values("turn")[0] == dropped + 1


async def test_a_receiver_that_asks_for_patience_gets_it(service: Service, prom: Receiver) -> None:
    prom.answer = lambda _: web.Response(status=503, headers={"Retry-After": "3000"})
    async with writing(service):
        await prom.until(lambda: prom.requests)
        turn = service.turn
        await prom.until(lambda: service.turn > turn + 10)
        assert prom.requests == 1


@pytest.mark.parametrize("fault", ["silent", "closes", "nonsense"])
async def test_a_receiver_that_does_not_speak_properly_is_tried_again(
    service: Service, prom: Receiver, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setattr(writer, "ANSWER", 0.1)

    async def rude(reader: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        if fault == "nonsense":
            out.write(b"SSH-2.0-OpenSSH_9.2\r\n")
        with contextlib.suppress(ConnectionError):
            await (reader.read() if fault == "silent" else reader.readexactly(1))
        out.close()

    server = await asyncio.start_server(rude, "127.0.0.1", 0)
    url, port = prom.url, server.sockets[0].getsockname()[1]
    service.change(url=f"http://127.0.0.1:{port}/")
    async with writing(service):
        await prom.until(lambda: service.counted("failed_total", reason="network") >= 2)
        monkeypatch.setattr(writer, "ANSWER", 60)
        service.change(url=url)
        await prom.until(lambda: STALE in prom.values("turn") and prom.values("turn")[-1] != STALE)
    server.close()
    await server.wait_closed()
    assert prom.values("turn")[0] == 1


async def test_new_settings_end_all_series_and_begin_anew(service: Service, prom: Receiver) -> None:
    async with writing(service):
        await prom.until(lambda: prom.values("turn"))
        service.change(labels={"job": "other"})
        await prom.until(lambda: ("job", "other") in prom.samples[-1].labels)
    first = prom.samples[0].labels
    assert [one.value for one in prom.samples if one.labels == first][-1] == STALE


async def test_without_settings_all_series_end_and_nothing_is_sent(service: Service, prom: Receiver) -> None:
    async with writing(service):
        await prom.until(lambda: prom.values("turn"))
        service.config.remote_write = None
        await prom.until(lambda: prom.values("turn")[-1] == STALE)


async def test_when_the_clock_was_set_back_nothing_is_sent_out_of_order(
    service: Service, prom: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_now", lambda: time.time_ns() // 1_000_000 - shift)
    shift = 0
    async with writing(service):
        await prom.until(lambda: len(prom.values("turn")) >= 2)
        shift = 3_600_000
        await prom.until(lambda: service.counted("dropped_total", reason=Dropped.CLOCK) >= 2)
        shift = 0
        turns = len(prom.values("turn"))
        await prom.until(lambda: len(prom.values("turn")) > turns)
    assert_in_order_and_once(prom, prom.values("turn")[:-1])


async def test_samples_that_cannot_be_kept_are_counted_and_the_next_ones_are_sent(
    service: Service, prom: Receiver, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "spool"
    async with writing(service):
        await prom.until(lambda: prom.values("turn"))
        folder.rename(tmp_path / "away")
        await prom.until(lambda: service.counted("dropped_total", reason=Dropped.DISK) >= 2)
        folder.mkdir()
        turns = service.turn
        await prom.until(lambda: prom.values("turn")[-1] > turns)
    assert "set remote_write.folder" in caplog.text


async def test_a_folder_that_cannot_be_used_is_named_and_nothing_else_breaks(
    service: Service, prom: Receiver, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "DISK", 0.02)
    blocked = tmp_path / "spool"
    blocked.write_text("a file, no folder")
    async with writing(service):
        await prom.until(lambda: "its folder cannot be used" in caplog.text)
        blocked.unlink()
        await prom.until(lambda: prom.values("turn"))


@pytest.mark.parametrize("value", [f"Bearer {TOKEN}", "Basic ZGVzazp0MGtlbi1zZWNyZXQ=", f"Basic {TOKEN}"])
async def test_no_log_shows_what_signs_in(
    service: Service, prom: Receiver, caplog: pytest.LogCaptureFixture, value: str
) -> None:
    service.change(authorization=SecretStr(value))
    prom.answer = lambda request: web.Response(
        status=401, text=f"who is {request.headers['Authorization']} with {TOKEN}? " * 3
    )
    with caplog.at_level(logging.DEBUG):
        async with writing(service):
            await prom.until(lambda: service.counted("dropped_total", reason="refused") >= 1)
    shown = [repr(vars(one)) + one.getMessage() for one in caplog.records if one.name.startswith("monitor")]
    assert shown
    assert not any(TOKEN in words or value.split()[1] in words for words in shown)


def test_all_series_about_it_are_there_from_the_start() -> None:
    registry = CollectorRegistry()
    Vitals(registry)
    found = {
        (one.name, *one.labels.values())
        for family in registry.collect()
        for one in family.samples
        if "remote_write" in one.name and not one.name.endswith("_created")
    }
    assert found == {
        ("deskwatch_remote_write_samples_total",),
        ("deskwatch_remote_write_spool_bytes",),
        ("deskwatch_remote_write_last_success_timestamp_seconds",),
        *(("deskwatch_remote_write_failed_total", reason.value) for reason in Failed),
        *(("deskwatch_remote_write_dropped_total", reason.value) for reason in Dropped),
    }
