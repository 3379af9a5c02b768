"""The sign of life: sent while all is well, withheld for each reason, and never at the cost of its key."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from alerting.channels import Key, NoticeKind, Notification
from alerting.gates import Gate, Hold
from alerting.rules import Severity
from incidents.incident import Incident, Ladder, Stage, Told, Waiting
from monitor.config.model import Watchdog
from monitor.metrics import Vitals
from monitor.store import Store, outbox
from monitor.watchdog import ESCALATION, EVALUATOR, OUTBOX, SCHEDULE, Signs, look, overdue, unwell, watch

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
OPEN = Incident("01B", "fibre", "The fibre is down", Severity.CRITICAL, NOW - 5 * MINUTE)
KEY = "5f0c1d7e-secret"

TROUBLES = [
    (Signs(schedule=SCHEDULE + 1), "checks start 6 s late"),
    (Signs(evaluator=EVALUATOR + 1), "a reading has waited 31 s to be judged"),
    (Signs(outbox=OUTBOX + 1), "a message has been due for 61 s and nobody sends it"),
    (Signs(escalation=ESCALATION + 1), "a step or a repeat is 61 s overdue"),
    (Signs(store="the disk is full"), "nothing can be written: the disk is full"),
]


@pytest.mark.parametrize(("signs", "words"), TROUBLES)
def test_each_trouble_is_named(signs: Signs, words: str) -> None:
    assert unwell(signs) == (words,)


def test_a_little_late_is_well() -> None:
    assert unwell(Signs(SCHEDULE, EVALUATOR, OUTBOX, ESCALATION)) == ()


def hold(until: datetime | None) -> Hold:
    return Hold(Gate.SILENCE, "01S", until, "silenced")


@pytest.mark.parametrize(
    ("incident", "expected"),
    [
        (OPEN, 0),
        (replace(OPEN, told=(Told("chat", "01A", repeat=60, repeat_at=NOW + MINUTE),)), 0),
        (replace(OPEN, told=(Told("chat", "01A", repeat=60, repeat_at=NOW - MINUTE),)), 60),
        (replace(OPEN, ladders=(Ladder("pager", "01A", 0, NOW - 2 * MINUTE),)), 120),
        (replace(OPEN, waiting=(Waiting("chat", "01A", NOW - MINUTE, hold(NOW - MINUTE)),)), 60),
        (replace(OPEN, waiting=(Waiting("chat", "01A", NOW - MINUTE, hold(None)),)), 0),
        (replace(OPEN, stage=Stage.ACKNOWLEDGED, ladders=(Ladder("pager", "01A", 0, NOW - MINUTE),)), 0),
        (replace(OPEN, stage=Stage.ACKNOWLEDGED, acknowledged_until=NOW - MINUTE), 60),
    ],
)
def test_a_deadline_that_passed_is_overdue(incident: Incident, expected: float) -> None:
    assert overdue([OPEN, incident], NOW) == expected


async def test_the_signs_come_from_the_store_and_say_when_it_is_broken(tmp_path: Path) -> None:
    store = await Store.open(f"sqlite:///{tmp_path}/deskwatch.db")
    notification = Notification(Key("01A", "ana", NoticeKind.FIRING, 0), Severity.CRITICAL, "The fibre is down", "…")
    async with store.begin() as conn:
        await outbox.enqueue(conn, notification, "01B", NOW - 2 * MINUTE)
    assert await look(store, 1, 2, (), NOW) == Signs(1, 2, 120, 0)
    async with store.begin() as conn:
        await conn.exec_driver_sql("DROP TABLE pulse")
        await conn.exec_driver_sql("CREATE VIEW pulse AS SELECT 1 AS id, 2 AS at")
    broken = await look(store, 1, 2, (), NOW)
    await store.close()
    assert broken.store
    assert unwell(broken)


class Sink(NamedTuple):
    """A watchdog outside: its address, what reached it, and how it answers."""

    url: str
    heard: list[str]
    answers: list[Callable[[web.Request], web.StreamResponse]]

    async def hears(self, times: int) -> None:
        async with asyncio.timeout(60):
            while len(self.heard) < times:
                await asyncio.sleep(0.005)


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    """A watchdog that takes every sign of life, unless it was told to answer otherwise."""
    heard, answers = [], []

    async def hear(request: web.Request) -> web.StreamResponse:
        heard.append(f"{request.method} {request.path}")
        return answers[0](request) if answers else web.Response(text="OK")

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", hear)
    async with TestServer(app) as server:
        yield Sink(str(server.make_url(f"/ping/{KEY}")), heard, answers)


@dataclass
class Service:
    """A service in the health that the test gives it."""

    config: SimpleNamespace
    signs: Signs = field(default_factory=Signs)
    slow: bool = False
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        self.vitals = Vitals(self.registry)

    async def vital_signs(self) -> Signs:
        if self.slow:
            await asyncio.Event().wait()
        return self.signs

    def counted(self, name: str) -> float:
        return self.registry.get_sample_value(f"deskwatch_watchdog_{name}") or 0

    async def counts(self, name: str, times: int) -> None:
        async with asyncio.timeout(60):
            while self.counted(name) < times:
                await asyncio.sleep(0.005)


@pytest.fixture
async def service(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Service]:
    """A service that is well and says so every 20 ms."""
    monkeypatch.setattr("monitor.watchdog.ANSWER", 60)
    service = Service(SimpleNamespace(watchdog=Watchdog(SecretStr(sink.url), 0.02)))
    task = asyncio.create_task(watch(service))
    yield service
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_while_all_is_well_it_says_so_every_interval(service: Service, sink: Sink) -> None:
    await sink.hears(3)
    await service.counts("sent_total", 3)
    assert set(sink.heard) == {f"GET /ping/{KEY}"}
    assert service.counted("last_success_timestamp_seconds") > NOW.timestamp()
    assert service.counted("withheld_total") == service.counted("failed_total") == 0


@pytest.mark.parametrize("signs", [signs for signs, _ in TROUBLES], ids=[words for _, words in TROUBLES])
async def test_it_is_silent_while_anything_is_wrong_and_speaks_again_after(
    service: Service, sink: Sink, signs: Signs
) -> None:
    service.signs = signs
    await service.counts("withheld_total", 1)
    heard = len(sink.heard)
    await service.counts("withheld_total", 4)
    assert len(sink.heard) == heard
    service.signs = Signs()
    await sink.hears(heard + 1)


async def test_not_knowing_in_time_whether_all_is_well_is_not_well(service: Service) -> None:
    service.slow = True
    await service.counts("withheld_total", 2)


@pytest.mark.parametrize("status", [404, 500])
async def test_a_refusal_is_counted_and_never_fatal(service: Service, sink: Sink, status: int) -> None:
    sink.answers.append(lambda _: web.Response(status=status))
    await service.counts("failed_total", 2)
    sink.answers.clear()
    await service.counts("sent_total", 1)


async def test_a_redirect_is_not_followed(service: Service, sink: Sink, caplog: pytest.LogCaptureFixture) -> None:
    sink.answers.append(lambda _: web.Response(status=302, headers={"Location": "/elsewhere"}))
    await service.counts("failed_total", 2)
    assert "GET /elsewhere" not in sink.heard
    assert "write the address it leads to" in caplog.records[-1].trouble


@pytest.mark.parametrize("url", [f"http://127.0.0.1:1/ping/{KEY}", f"http://[bad/{KEY}", f"nothing://{KEY}@/"])
async def test_the_log_never_shows_the_key(service: Service, caplog: pytest.LogCaptureFixture, url: str) -> None:
    with caplog.at_level(logging.DEBUG):
        service.config = SimpleNamespace(watchdog=Watchdog(SecretStr(url), 0.02))
        await service.counts("failed_total", 1)
    shown = [repr(vars(record)) + record.getMessage() for record in caplog.records if record.name.startswith("monitor")]
    assert shown
    assert not any(KEY in words for words in shown)


async def test_without_one_nothing_is_sent(service: Service, sink: Sink) -> None:
    service.config = SimpleNamespace(watchdog=None)
    await sink.hears(0)
    assert service.counted("withheld_total") == service.counted("failed_total") == 0
