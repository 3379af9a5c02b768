"""Runs of checks: their times, their bounds, and what becomes of whatever a probe does."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from types import SimpleNamespace

import pytest
from peers.ports import free_port
from prometheus_client import CollectorRegistry

from monitor.config.model import Check, Confirm
from monitor.metrics import Vitals
from monitor.reading import GRACE, read
from monitor.runner import Run, Runner
from probes import Failed, Measured, Params, Probe, Reading, Sample, Status, Unmeasured, load
from probes._engines import Engines

AMPLE = 60.0
"""Seconds that only a failure of the test would last."""


async def until(condition: Callable[[], object]) -> None:
    """Wait until it is true."""
    async with asyncio.timeout(AMPLE):
        while not condition():
            await asyncio.sleep(0.005)


@pytest.fixture
def never_overloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """However late this machine rings, no timeout counts as its own fault: the clock that tells stands still."""
    monkeypatch.setattr("monitor.reading.time", SimpleNamespace(monotonic=lambda: 0.0))


class Scripted(Probe[Params]):
    """Does what the test says."""

    Params = Params

    def __init__(self, act: Callable[[], Awaitable[Measured]]) -> None:
        super().__init__(Params(), Engines())
        self.act = act

    async def measure(self, timeout: float) -> Measured:
        return await self.act()


def raising(error: Exception) -> Scripted:
    async def act() -> Measured:
        raise error

    return Scripted(act)


@pytest.mark.parametrize(
    ("error", "status", "reason", "words"),
    [
        (Failed("refused", "port 80 refused us"), Status.DOWN, "refused", "port 80"),
        (Unmeasured("no_network", "no route"), Status.UNKNOWN, "no_network", "no route"),
        (PermissionError("raw socket"), Status.UNKNOWN, "no_permission", "raw socket"),
        (ZeroDivisionError("oops"), Status.UNKNOWN, "monitor_error", "ZeroDivisionError: oops"),
        (Failed("bad", "\x1b[31mred\u202e\0"), Status.DOWN, "bad", "\ufffd[31mred\ufffd\ufffd"),
    ],
)
async def test_only_a_failure_of_the_target_is_down(error: Exception, status: Status, reason: str, words: str) -> None:
    reading = await read("a/b", raising(error), 1)
    assert (reading.status, reading.reason) == (status, reason)
    assert words in reading.detail


async def test_what_was_measured_before_a_failure_is_kept() -> None:
    samples = (Sample("probe_http_duration_seconds", 0.01, "connect"),)
    reading = await read("a/b", raising(Failed("reset", "reset", samples)), 1)
    assert reading.samples == samples


@pytest.mark.usefixtures("never_overloaded")
async def test_a_probe_that_never_ends_is_cut_off_and_down() -> None:
    async def act() -> Measured:
        await asyncio.Event().wait()
        return Measured("never")

    reading = await read("a/b", Scripted(act), 0.05)
    assert (reading.status, reading.reason) == (Status.DOWN, "timeout")


async def test_a_timeout_while_our_own_loop_stood_still_is_unknown() -> None:
    async def act() -> Measured:
        time.sleep(1.2)
        await asyncio.Event().wait()
        return Measured("never")

    reading = await read("a/b", Scripted(act), 0.05)
    assert (reading.status, reading.reason) == (Status.UNKNOWN, "overloaded")


@pytest.mark.parametrize("verdict", [Failed("timeout", "no answer"), Unmeasured("monitor_error", "no time left")])
async def test_a_deadline_that_passed_while_our_own_loop_stood_still_is_unknown_whoever_noticed(
    verdict: Exception,
) -> None:
    async def act() -> Measured:
        try:
            async with asyncio.timeout(0.05):
                time.sleep(0.05 + GRACE + 0.05)  # beyond the deadline of the probe and of the run, at once
                await asyncio.Event().wait()
        except TimeoutError:
            raise verdict from None
        return Measured("never")

    assert (await read("a/b", Scripted(act), 0.05)).status is Status.UNKNOWN


async def test_cancelling_passes_through() -> None:
    async def act() -> Measured:
        await asyncio.Event().wait()
        return Measured("never")

    task = asyncio.create_task(read("a/b", Scripted(act), 60))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


class Port:
    """A TCP port that refuses, accepts and says so after a delay once it may, or accepts and says nothing."""

    def __init__(self) -> None:
        self.number = free_port()
        self.silent = False
        self.may_speak = asyncio.Event()
        self.may_speak.set()
        self.delay = 0.0
        self.open_now = 0
        self.most = 0
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.number)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open_now += 1
        self.most = max(self.most, self.open_now)
        if not self.silent:
            await self.may_speak.wait()
            await asyncio.sleep(self.delay)
            writer.write(b"READY\r\n")
        await reader.read()
        self.open_now -= 1
        writer.close()


class Watched:
    """A running Runner and everything it said."""

    def __init__(self) -> None:
        self.vitals = Vitals(CollectorRegistry())
        self.seen: list[Reading] = []
        self.runs: list[Run] = []
        self.engines = Engines()
        self.explained: list[tuple[str, str]] = []
        self.paused: set[str] = set()
        self.runner = Runner(
            self.engines,
            self.vitals,
            self.seen.append,
            self.runs.append,
            self._explain,
            lambda check: check.id in self.paused,
        )

    def _explain(self, check: Check, evidence: str) -> None:
        self.explained.append((check.id, evidence))

    async def settled(self, number: int) -> list[Run]:
        await until(lambda: len(self.runs) >= number)
        return self.runs


@pytest.fixture
async def port() -> AsyncIterator[Port]:
    thing = Port()
    await thing.open()
    yield thing
    await thing.close()


@pytest.fixture
async def watched() -> AsyncIterator[Watched]:
    thing = Watched()
    task = asyncio.create_task(thing.runner.run())
    yield thing
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    thing.engines.close()


@pytest.fixture
async def other_port() -> AsyncIterator[Port]:
    thing = Port()
    await thing.open()
    yield thing
    await thing.close()


def check(port: Port, id: str = "door/panel", interval: float = 0.2, timeout: float = AMPLE, times: int = 2) -> Check:
    params = load("internet.tcp").Params.model_validate(
        {"host": "127.0.0.1", "port": port.number, "steps": [{"expect": "READY"}]}
    )
    asset, _, name = id.partition("/")
    return Check(id, asset, name, "internet.tcp", interval, timeout, Confirm(times, 0.05), params, ())


async def test_a_first_failure_is_confirmed_and_counts_from_its_first_attempt(watched: Watched, port: Port) -> None:
    await port.close()
    watched.runner.watch([check(port)])
    first, second = (await watched.settled(2))[:2]
    assert [reading.status for reading in first.readings] == [Status.DOWN] * 3
    assert first.since == first.readings[0].at < first.settled.at
    assert len(second.readings) == 1, "a failure that lasts is not confirmed again"


async def test_a_failure_that_the_second_look_does_not_find_is_counted_and_settles_up(
    watched: Watched, port: Port
) -> None:
    await port.close()
    watched.runner.watch([check(port, times=50)])
    await until(lambda: watched.seen)
    await port.open()
    run = (await watched.settled(1))[0]
    assert run.unconfirmed
    assert (run.readings[0].status, run.settled.status) == (Status.DOWN, Status.UP)
    assert run.since == run.settled.at
    assert watched.vitals.unconfirmed.labels("internet.tcp")._value.get() == 1


async def test_a_check_never_overlaps_itself_and_what_is_skipped_is_counted(watched: Watched, port: Port) -> None:
    port.silent = True
    watched.runner.watch([check(port, interval=0.1, timeout=0.5, times=0)])
    await watched.settled(3)
    await until(lambda: watched.vitals.skipped.labels("internet.tcp")._value.get() >= 3)
    assert port.most == 1


async def test_who_is_hurried_runs_at_once_whenever_it_is_due_and_what_is_not_watched_is_nobody(
    watched: Watched, port: Port
) -> None:
    watched.runner.hurry(["door/panel", "door/gone"])
    watched.runner.watch([check(port, "door/panel", interval=7 * 86_400), check(port, interval=7 * 86_400, id="a/b")])
    assert [run.check.id for run in await watched.settled(1)] == ["door/panel"]
    watched.runner.hurry(["a/b"])
    assert [run.check.id for run in await watched.settled(2)] == ["door/panel", "a/b"]


async def test_one_target_is_asked_by_a_bounded_number_of_checks_at_once(watched: Watched, port: Port) -> None:
    port.silent = True
    watched.runner.watch([check(port, f"door/{number}", interval=0.6, timeout=0.5, times=0) for number in range(12)])
    await watched.settled(12)
    assert port.most == load("internet.tcp").per_target


async def test_a_check_that_is_no_longer_watched_stops_and_one_that_is_unchanged_keeps_its_probe(
    watched: Watched, port: Port
) -> None:
    gone, kept = check(port, "door/gone"), check(port, "door/kept")
    watched.runner.watch([gone, kept])
    await watched.settled(2)
    before = watched.runner._watched["door/kept"].probe
    watched.runner.watch([replace(kept)])
    assert watched.runner._watched["door/kept"].probe is before
    watched.runs.clear()
    runs = await watched.settled(4)
    assert {run.check.id for run in runs[1:]} == {"door/kept"}


async def test_evidence_comes_once_for_each_time_that_a_target_goes_down(
    watched: Watched, monkeypatch: pytest.MonkeyPatch, port: Port
) -> None:
    async def evidence(self: Probe[Params], timeout: float) -> str:
        return "the cable is loose"

    monkeypatch.setattr(load("internet.tcp"), "evidence", evidence)
    await port.close()
    watched.runner.watch([check(port, times=0)])
    await watched.settled(4)
    assert watched.explained == [("door/panel", "the cable is loose")]


SELDOM = 1e7
"""Seconds between the runs of a check that a test does not wait for: those it sees were not due."""


@pytest.mark.usefixtures("never_overloaded")
async def test_before_a_check_is_declared_down_all_that_it_depends_on_is_asked_and_heard(
    watched: Watched, port: Port, other_port: Port
) -> None:
    await port.close()
    other_port.silent = True  # so that its turn takes longer than the confirmation of the panel's
    panel = check(port, times=1)
    switch = check(other_port, "switch/port", interval=SELDOM, timeout=0.6, times=1)
    router = check(other_port, "router/port", interval=SELDOM, timeout=0.2, times=0)
    above = {"door": ("switch/port", "router/port"), "switch": ("router/port",)}
    watched.runner.watch([panel, switch, router], above)
    runs = await watched.settled(3)
    assert [run.check.id for run in runs[:3]] == ["router/port", "switch/port", "door/panel"]
    assert {run.settled.status for run in runs[:3]} == {Status.DOWN}


async def test_what_is_known_to_be_down_is_not_asked_again_and_nothing_waits_for_it(
    watched: Watched, port: Port, other_port: Port
) -> None:
    await port.close()
    router = check(port, "router/port", interval=SELDOM, times=0)
    first, second = check(port, "door/first", times=0), check(port, "door/second", times=0)
    watched.runner.watch([first, router], {"door": ("router/port",)})
    await watched.settled(2)
    watched.runner.watch([first, second, router], {"door": ("router/port",)})
    await until(lambda: "door/second" in {run.check.id for run in watched.runs})
    assert [run.check.id for run in watched.runs].count("router/port") == 1


async def test_a_failure_that_lasts_asks_nothing_of_what_is_above_it(
    watched: Watched, port: Port, other_port: Port
) -> None:
    await port.close()
    router = check(other_port, "router/port", interval=SELDOM)
    watched.runner.watch([check(port, times=0), router], {"door": ("router/port",)})
    runs = await watched.settled(6)
    assert [run.check.id for run in runs].count("router/port") == 1
    assert runs[0].check.id == "router/port"
    assert runs[0].settled.status is Status.UP


@pytest.mark.usefixtures("never_overloaded")
async def test_a_turn_that_is_under_way_above_is_waited_for_and_no_second_one_begins(
    watched: Watched, port: Port, other_port: Port
) -> None:
    await port.close()
    other_port.silent = True
    router = check(other_port, "router/port", interval=SELDOM, timeout=0.8, times=0)
    doors = [check(port, f"door/{number}", times=0) for number in range(4)]
    watched.runner.watch([*doors, router], {"door": ("router/port",)})
    runs = await watched.settled(5)
    assert [run.check.id for run in runs].count("router/port") == 1
    assert runs[0].check.id == "router/port"
    assert other_port.most == 1


async def test_a_turn_above_that_began_before_the_failure_is_followed_by_another_one(
    watched: Watched, port: Port, other_port: Port
) -> None:
    await port.close()
    other_port.delay = 0.6
    router = check(other_port, "router/port", interval=SELDOM, times=0)
    first, second = check(port, "door/first", times=0), check(port, "door/second", times=0)
    watched.runner.watch([first, router], {"door": ("router/port",)})
    await until(lambda: other_port.open_now)
    watched.runner.watch([first, second, router], {"door": ("router/port",)})
    await until(lambda: "door/second" in {run.check.id for run in watched.runs})
    before = [run.check.id for run in watched.runs].index("door/second")
    assert [run.check.id for run in watched.runs[:before]].count("router/port") == 2


async def test_a_failure_that_something_above_has_recovered_from_meanwhile_is_looked_at_once_more(
    watched: Watched, port: Port, other_port: Port
) -> None:
    await port.close()
    await other_port.close()
    router = check(other_port, "router/port", interval=0.1, times=0)
    watched.runner.watch([router])
    assert (await watched.settled(1))[0].settled.status is Status.DOWN
    panel = replace(check(port), confirm=Confirm(20, 0.1))  # the router is asked again long before the last one
    watched.runner.watch([router, panel], {"door": ("router/port",)})
    await until(lambda: "door/panel" in {reading.check for reading in watched.seen})
    await other_port.open()
    await until(lambda: "door/panel" in {run.check.id for run in watched.runs})
    run = next(run for run in watched.runs if run.check.id == "door/panel")
    assert len(run.readings) == 1 + 20 + 1, "the first look, its confirmations, and one after the recovery"


async def test_a_paused_check_is_not_run_and_counted_until_it_goes_on(watched: Watched, port: Port) -> None:
    watched.paused.add("door/panel")
    watched.runner.watch([check(port)])
    await until(lambda: watched.vitals.paused.labels("internet.tcp")._value.get() >= 2)
    assert not watched.seen
    watched.paused.clear()
    assert (await watched.settled(1))[0].settled.status is Status.UP


async def test_a_check_that_waits_for_a_paused_one_is_handed_over_without_it(
    watched: Watched, port: Port, other_port: Port
) -> None:
    await port.close()
    watched.paused.add("router/port")
    router = check(other_port, "router/port", interval=SELDOM)
    watched.runner.watch([check(port, times=0), router], {"door": ("router/port",)})
    runs = await watched.settled(2)
    assert {run.check.id for run in runs} == {"door/panel"}


async def test_turning_the_dependencies_around_while_turns_wait_stops_neither(
    watched: Watched, port: Port, other_port: Port
) -> None:
    await port.close()
    other_port.silent = True
    door, router = check(port, times=0), check(other_port, "router/port", interval=0.7, timeout=0.6, times=0)
    watched.runner.watch([door, router], {"door": ("router/port",)})
    await until(lambda: watched.seen and other_port.open_now)
    watched.runner.watch([door, router], {"router": ("door/panel",)})
    watched.runs.clear()
    await until(lambda: {run.check.id for run in watched.runs} == {"door/panel", "router/port"})


async def test_a_refresh_runs_each_check_once_off_its_schedule_and_waits_for_it(watched: Watched, port: Port) -> None:
    checks = [check(port, f"door/{n}", interval=SELDOM) for n in range(3)]
    watched.runner.watch(checks)
    assert await watched.runner.refresh([*(one.id for one in checks), "door/gone"], AMPLE) == frozenset()
    assert sorted(run.check.id for run in watched.runs) == ["door/0", "door/1", "door/2"]


async def test_a_refresh_names_what_does_not_end_in_time_and_does_not_cut_it_off(watched: Watched, port: Port) -> None:
    port.may_speak.clear()
    watched.runner.watch([check(port, interval=SELDOM)])
    assert await watched.runner.refresh(["door/panel"], 0.2) == {"door/panel"}
    port.may_speak.set()
    (run,) = await watched.settled(1)
    assert run.settled.status is Status.UP


async def test_a_refresh_waits_for_a_turn_that_is_under_way_instead_of_another_one(
    watched: Watched, port: Port
) -> None:
    port.delay = 0.5
    watched.runner.watch([check(port, interval=SELDOM)])
    watched.runner.hurry(["door/panel"])
    await until(lambda: port.open_now)
    assert await watched.runner.refresh(["door/panel"], AMPLE) == frozenset()
    assert len(watched.runs) == port.most == 1


async def test_a_refresh_leaves_alone_what_is_paused(watched: Watched, port: Port) -> None:
    watched.paused.add("door/panel")
    watched.runner.watch([check(port, interval=SELDOM)])
    assert await watched.runner.refresh(["door/panel"], AMPLE) == frozenset()
    assert watched.runs == []


async def test_a_refresh_of_a_runner_that_does_not_run_is_late_for_all() -> None:
    idle = Watched()
    idle.runner.watch([check(Port(), interval=SELDOM)])
    assert await idle.runner.refresh(["door/panel"], 0.1) == {"door/panel"}
    idle.engines.close()
