"""The loop over due checks: runs each at its time, within bounds, and confirms a first failure before it counts."""

import asyncio
import heapq
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from prometheus_client import Counter

from monitor.config.model import Check
from monitor.metrics import Vitals
from monitor.schedule import next_due
from probes import Failed, Probe, Reading, Status, Unmeasured, load
from probes._engines import Engines

log = logging.getLogger(__name__)

TICK = 0.005
"""Seconds between two looks at what is due: runs begin that much later at most, and many at one look."""
EVIDENCE = 6.0
"""Seconds that a closer look at what has just gone down may take; checks go on meanwhile."""
CLOSER_LOOKS = 4
"""How many closer looks there may be at once: when everything is down, a few say why."""
GRACE = 0.25
"""Seconds that a probe may take beyond its timeout to say what it found, before it is cut off."""


class Run(NamedTuple):
    """One turn of a check: a single reading, or a first failure and what the confirmation found, oldest first."""

    check: Check
    readings: tuple[Reading, ...]

    @property
    def settled(self) -> Reading:
        """The reading that counts."""
        return self.readings[-1]

    @property
    def since(self) -> datetime:
        """When what the settled reading says began: a confirmed failure began with its first attempt."""
        settled = self.settled
        return (self.readings[0] if settled.status is Status.DOWN else settled).at

    @property
    def unconfirmed(self) -> bool:
        """Whether a failure was seen that the confirmation did not find again."""
        return len(self.readings) > 1 and self.settled.status is not Status.DOWN


async def read(check: str, probe: Probe[Any], timeout: float) -> Reading:
    """Run a probe once, within `timeout` seconds. Whatever happens becomes a reading; only cancellation passes."""
    at, began = datetime.now(UTC), time.monotonic()
    samples: tuple[Any, ...] = ()
    try:
        async with asyncio.timeout(timeout + GRACE):
            detail, samples = await probe.measure(timeout)
        status, reason = Status.UP, "ok"
    except Failed as failed:
        status, reason, detail, samples = Status.DOWN, failed.reason, failed.detail, failed.samples
    except TimeoutError:
        status, reason, detail = Status.DOWN, "timeout", f"no complete answer within {timeout:g} s"
    except Unmeasured as unmeasured:
        status, reason, detail = Status.UNKNOWN, unmeasured.reason, unmeasured.detail
    except PermissionError as error:
        status, reason, detail = Status.UNKNOWN, "no_permission", f"this machine does not let us measure: {error}"
    except Exception as error:
        log.exception("probe failed by itself", extra={"check": check})
        status, reason, detail = Status.UNKNOWN, "monitor_error", f"{type(error).__name__}: {error}"
    took = time.monotonic() - began
    if reason == "timeout" and took > timeout + 2 * GRACE:
        # The clock was late to ring: our event loop stood still, which says nothing about the target.
        status, reason = Status.UNKNOWN, "overloaded"
        detail = f"this machine was too busy: a run of at most {timeout:g} s took {took:.1f} s"
    return Reading(check, at, took, status, reason, _harmless(detail), samples)


def _harmless(detail: str) -> str:
    """A peer's words may be in it: no control characters, no change of writing direction, no novel."""
    detail = detail[:500]
    if detail.isprintable():  # nearly always, and then twenty times as fast
        return detail
    return "".join(char if char.isprintable() else "\ufffd" for char in detail)


@dataclass(slots=True, eq=False)
class _Watched:
    """A check on the schedule and what must survive between its runs."""

    check: Check
    probe: Probe[Any]
    kind: asyncio.Semaphore
    target: asyncio.Semaphore
    counted: Mapping[Status, Counter]
    last: Status | None = None
    task: asyncio.Task[None] | None = None


class Runner:
    """Runs checks when they are due.

    Every reading goes to `seen` at once, every finished turn to `finished`, and what a closer look at a target that has
    just gone down brings to `explained`. No check overlaps itself: a turn that comes while the last one still runs is
    skipped and counted.
    """

    def __init__(
        self,
        engines: Engines,
        vitals: Vitals,
        seen: Callable[[Reading], None],
        finished: Callable[[Run], None],
        explained: Callable[[Check, str], None],
    ) -> None:
        self._engines = engines
        self._vitals = vitals
        self._seen = seen
        self._finished = finished
        self._explained = explained
        self._closer_looks = asyncio.Semaphore(CLOSER_LOOKS)
        self._watched: dict[str, _Watched] = {}
        self._due: list[tuple[float, str]] = []
        self._bounds: dict[str, asyncio.Semaphore] = {}
        self._counted: dict[str, Mapping[Status, Counter]] = {}
        self._wake = asyncio.Event()
        self._epoch = time.time() - time.monotonic()
        self._lag = 0.0
        self._waiting = 0
        self._running = 0
        vitals.waiting.set_function(lambda: self._waiting)
        vitals.running.set_function(lambda: self._running)

    def watch(self, checks: Iterable[Check]) -> None:
        """Watch exactly these checks. One that is unchanged keeps its probe, its schedule and its last status."""
        old, self._watched, self._due = self._watched, {}, []
        for check in checks:
            before = old.pop(check.id, None)
            kept = before is not None and before.check == check
            self._watched[check.id] = before if before is not None and kept else self._start(check, before)
            self._plan(check)
        for gone in old.values():
            if gone.task is not None:
                gone.task.cancel()
        used = {id(bound) for one in self._watched.values() for bound in (one.kind, one.target)}
        self._bounds = {name: bound for name, bound in self._bounds.items() if id(bound) in used}
        self._wake.set()

    @property
    def lag(self) -> float:
        """By how many seconds runs begin later than they are due, now."""
        behind = time.monotonic() - self._due[0][0] if self._due else 0.0
        return max(self._lag, behind, 0.0)

    async def run(self) -> None:
        """Run checks until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._wake.clear()
                now = time.monotonic()
                while self._due and self._due[0][0] <= now:
                    due, id = heapq.heappop(self._due)
                    self._begin(group, self._watched[id], due)
                    self._plan(self._watched[id].check)
                await self._rest()

    async def _rest(self) -> None:
        """Wait until a run is due or the schedule is another one."""
        if not self._due:
            await self._wake.wait()
            return
        wait = max(TICK, self._due[0][0] - time.monotonic())
        timer = asyncio.get_running_loop().call_later(wait, self._wake.set)
        try:
            await self._wake.wait()
        finally:
            timer.cancel()

    def _start(self, check: Check, before: _Watched | None) -> _Watched:
        if before is not None and before.task is not None:
            before.task.cancel()
        probe = load(check.kind)
        return _Watched(
            check,
            probe(check.params, self._engines),
            self._bounds.setdefault(check.kind, asyncio.Semaphore(probe.concurrency)),
            self._bounds.setdefault(f"{check.kind} {check.params.target}", asyncio.Semaphore(probe.per_target)),
            self._counted.setdefault(check.kind, self._vitals.runs_of(check.kind)),
            before.last if before is not None else None,
        )

    def _plan(self, check: Check) -> None:
        # The grid is in epoch time, the wait in monotonic time, and their difference stays what it was at the start:
        # a step of the wall clock moves no check.
        due = next_due(check.id, check.interval, time.monotonic() + self._epoch) - self._epoch
        heapq.heappush(self._due, (due, check.id))

    def _begin(self, group: asyncio.TaskGroup, watched: _Watched, due: float) -> None:
        if watched.task is not None and not watched.task.done():
            self._vitals.skipped.labels(watched.check.kind).inc()
            return
        watched.task = group.create_task(self._turn(group, watched, due), name=watched.check.id)

    async def _turn(self, group: asyncio.TaskGroup, watched: _Watched, due: float) -> None:
        check = watched.check
        readings = [await self._attempt(watched, due)]
        if readings[0].status is Status.DOWN and watched.last is not Status.DOWN:
            for _ in range(check.confirm.times):
                await asyncio.sleep(check.confirm.gap)
                readings.append(await self._attempt(watched, None))
                if readings[-1].status is not Status.DOWN:
                    break
        run = Run(check, tuple(readings))
        went_down = run.settled.status is Status.DOWN and watched.last is not Status.DOWN
        watched.last = run.settled.status
        if run.unconfirmed:
            self._vitals.unconfirmed.labels(check.kind).inc()
        self._finished(run)
        if went_down:
            group.create_task(self._look_closer(watched), name=f"a closer look at {check.id}")

    async def _look_closer(self, watched: _Watched) -> None:
        try:
            async with self._closer_looks, asyncio.timeout(EVIDENCE + GRACE):
                evidence = await watched.probe.evidence(EVIDENCE)
        except Exception as error:
            log.info("a closer look found nothing", extra={"check": watched.check.id, "error": str(error)})
            return
        if evidence:
            self._explained(watched.check, _harmless(evidence))

    async def _attempt(self, watched: _Watched, due: float | None) -> Reading:
        self._waiting += 1
        try:
            await watched.target.acquire()
        finally:
            self._waiting -= 1
        try:
            return await self._measure(watched, due)
        finally:
            watched.target.release()

    async def _measure(self, watched: _Watched, due: float | None) -> Reading:
        check = watched.check
        async with watched.kind:
            if due is not None:
                self._lag = max(0.0, time.monotonic() - due)
                self._vitals.lag.observe(self._lag)
            self._running += 1
            try:
                reading = await read(check.id, watched.probe, check.timeout)
            finally:
                self._running -= 1
        watched.counted[reading.status].inc()
        self._seen(reading)
        return reading
