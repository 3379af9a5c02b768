"""The loop over due checks: runs each at its time, within bounds, and confirms a first failure before it counts."""

import asyncio
import contextlib
import heapq
import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from types import MappingProxyType
from typing import Any, NamedTuple

from prometheus_client import Counter

from monitor.config.model import Check
from monitor.metrics import Vitals
from monitor.reading import GRACE, harmless, read
from monitor.schedule import next_due
from probes import Probe, Reading, Status, load
from probes._engines import Engines

log = logging.getLogger(__name__)

SLOT = 0.05
"""Seconds of one slot of the schedule. What falls due in it begins at its end: to wake up, with cold caches, costs more
than a run does, so that few runs a second cost half as much if they share it. None cares for so small a delay."""
HEAD_START = 3
"""Turns of the event loop that a run has before the next one of the slot begins: begun all at once, each would measure
the others' work as its own target's latency."""
EVIDENCE = 6.0
"""Seconds that a closer look at what has just gone down may take; checks go on meanwhile."""
CLOSER_LOOKS = 4
"""How many closer looks there may be at once: when everything is down, a few say why."""


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


@dataclass(slots=True, eq=False)
class _Watched:
    """A check on the schedule and what must survive between its runs."""

    check: Check
    parents: tuple[str, ...]
    probe: Probe[Any]
    kind: asyncio.Semaphore
    target: asyncio.Semaphore
    counted: Mapping[Status, Counter]
    last: Status | None = None
    task: asyncio.Task[None] | None = None
    due: float = 0.0
    began: float = 0.0

    @property
    def turning(self) -> bool:
        """Whether a turn is under way."""
        return self.task is not None and not self.task.done()


class Runner:
    """Runs checks when they are due.

    Every reading goes to `seen` at once, every finished turn to `finished`, and what a closer look at a target that has
    just gone down brings to `explained`. No check overlaps itself: a turn that comes while the last one still runs is
    skipped and counted. So is one of a check that is `paused` when it is due: nothing is read, and the gap is a gap.

    Before a check is declared down, what its asset depends on is asked anew: see `watch`.
    """

    def __init__(
        self,
        engines: Engines,
        vitals: Vitals,
        seen: Callable[[Reading], None],
        finished: Callable[[Run], None],
        explained: Callable[[Check, str], None],
        paused: Callable[[Check], bool] = lambda _: False,
    ) -> None:
        self._engines = engines
        self._vitals = vitals
        self._seen = seen
        self._finished = finished
        self._explained = explained
        self._paused = paused
        self._closer_looks = asyncio.Semaphore(CLOSER_LOOKS)
        self._watched: dict[str, _Watched] = {}
        self._slots: dict[int, list[_Watched]] = {}
        self._order: list[int] = []  # the slots by number, as a heap
        self._bounds: dict[str, asyncio.Semaphore] = {}
        self._counted: dict[str, Mapping[Status, Counter]] = {}
        self._hurried: set[str] = set()
        self._caught_up = asyncio.Event()
        self._wake = asyncio.Event()
        self._epoch = time.time() - time.monotonic()
        self._lag = 0.0
        self._waiting = 0
        self._running = 0
        vitals.waiting.set_function(lambda: self._waiting)
        vitals.running.set_function(lambda: self._running)

    def watch(self, checks: Iterable[Check], parents: Mapping[str, tuple[str, ...]] = MappingProxyType({})) -> None:
        """Watch exactly these checks. One that is unchanged keeps its probe, its schedule and its last status.

        `parents` names, by the id of an asset, the checks of all assets that it depends on, directly or not. When a
        check of the asset begins to fail they run at once, off their schedule, and what they find is handed over
        first: who judges then knows whether the fault is the asset's own.
        """
        old, self._watched = self._watched, {}
        self._slots, self._order = {}, []
        for check in checks:
            before, above = old.pop(check.id, None), parents.get(check.asset, ())
            kept = before is not None and (before.check, before.parents) == (check, above)
            self._watched[check.id] = before if before is not None and kept else self._start(check, above, before)
            self._plan(self._watched[check.id])
        for gone in old.values():
            if gone.task is not None:
                gone.task.cancel()
        self._engines.neighbours.replace({id: watched.probe for id, watched in self._watched.items()})
        used = {id(bound) for one in self._watched.values() for bound in (one.kind, one.target)}
        self._bounds = {name: bound for name, bound in self._bounds.items() if id(bound) in used}
        self._wake.set()

    def hurry(self, checks: Iterable[str]) -> None:
        """Run these checks at once, off their schedule: what they look at has just changed."""
        self._hurried.update(checks)
        self._caught_up.clear()
        self._wake.set()

    async def refresh(self, checks: Collection[str], within: float) -> frozenset[str]:
        """Run these checks once, off their schedule, and wait for them; those that did not end within so many seconds.

        A turn that is under way counts as the check's. They begin one after the other, over at most a quarter of the
        time: begun all at once they would measure each other.
        """
        deadline, pace = time.monotonic() + within, min(SLOT, within / 4 / max(len(checks), 1))
        for id in checks:
            if id in self._watched and not self._watched[id].turning:
                self.hurry([id])
                await asyncio.sleep(pace)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(deadline - time.monotonic()):
                await self._caught_up.wait()
        turns = {id: self._watched[id].task for id in checks if id in self._watched and self._watched[id].turning}
        tasks = [task for task in turns.values() if task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=max(deadline - time.monotonic(), 0))
        not_begun = self._hurried.intersection(checks)
        return frozenset(not_begun.union(id for id, task in turns.items() if task is not None and not task.done()))

    @property
    def lag(self) -> float:
        """By how many seconds runs begin later than they are due, now."""
        behind = time.monotonic() - self._order[0] * SLOT if self._order else 0.0
        return max(self._lag, behind, 0.0)

    async def run(self) -> None:
        """Run checks until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._wake.clear()
                while self._hurried:
                    if hurried := self._watched.get(self._hurried.pop()):
                        self._begin(group, hurried, None)
                self._caught_up.set()
                while watched := self._next():
                    self._begin(group, watched, watched.due)
                    self._plan(watched)
                    for _ in range(HEAD_START):
                        await asyncio.sleep(0)
                await self._rest()

    def _next(self) -> _Watched | None:
        """Take one of the checks that are due now from the schedule."""
        while self._order and self._order[0] * SLOT <= time.monotonic():
            if slot := self._slots[self._order[0]]:
                return slot.pop()
            del self._slots[heapq.heappop(self._order)]
        return None

    async def _rest(self) -> None:
        """Wait until a slot is over or the schedule is another one."""
        if not self._order:
            await self._wake.wait()
            return
        wait = self._order[0] * SLOT - time.monotonic() + 0.001  # libuv's timers ring up to a millisecond early
        timer = asyncio.get_running_loop().call_later(wait, self._wake.set)
        try:
            await self._wake.wait()
        finally:
            timer.cancel()

    def _start(self, check: Check, parents: tuple[str, ...], before: _Watched | None) -> _Watched:
        if before is not None and before.task is not None:
            before.task.cancel()
        probe = load(check.kind)
        bound = probe(check.params, self._engines)
        bound.check = check.id
        return _Watched(
            check,
            parents,
            bound,
            self._bounds.setdefault(check.kind, asyncio.Semaphore(probe.concurrency)),
            self._bounds.setdefault(f"{check.kind} {check.params.target}", asyncio.Semaphore(probe.per_target)),
            self._counted.setdefault(check.kind, self._vitals.runs_of(check.kind)),
            before.last if before is not None else None,
        )

    def _plan(self, watched: _Watched) -> None:
        """Put the next run of a check on the schedule."""
        # The grid is in epoch time, the wait in monotonic time, and their difference stays what it was at the start:
        # a step of the wall clock moves no check.
        check = watched.check
        watched.due = next_due(check.id, check.interval, time.monotonic() + self._epoch) - self._epoch
        number = ceil(watched.due / SLOT)
        slot = self._slots.get(number)
        if slot is None:
            slot = self._slots[number] = []
            heapq.heappush(self._order, number)
        slot.append(watched)

    def _begin(self, group: asyncio.TaskGroup, watched: _Watched, due: float | None) -> None:
        """Begin a turn, unless one is under way or the check is paused; `due` None: it is off the schedule."""
        if watched.turning:
            self._vitals.skipped.labels(watched.check.kind).inc()
        elif self._paused(watched.check):
            self._vitals.paused.labels(watched.check.kind).inc()
        else:
            watched.task = group.create_task(self._turn(group, watched, due), name=watched.check.id)

    async def _turn(self, group: asyncio.TaskGroup, watched: _Watched, due: float | None) -> None:
        check, watched.began = watched.check, time.monotonic()
        readings = [await self._attempt(watched, due)]
        if readings[0].status is Status.DOWN and watched.last is not Status.DOWN:
            readings += await self._confirm(group, watched, watched.began)
        run = Run(check, tuple(readings))
        went_down = run.settled.status is Status.DOWN and watched.last is not Status.DOWN
        watched.last = run.settled.status
        if run.unconfirmed:
            self._vitals.unconfirmed.labels(check.kind).inc()
        self._finished(run)
        if went_down:
            group.create_task(self._look_closer(watched), name=f"a closer look at {check.id}")

    async def _confirm(self, group: asyncio.TaskGroup, watched: _Watched, failed: float) -> list[Reading]:
        """Look again at a failure that was first seen at a time of the monotonic clock.

        One that is still there waits for what the checks above it find meanwhile. If one of them has recovered since,
        it is looked at once more.
        """
        confirm, found = watched.check.confirm, list[Reading]()
        parents = [self._watched[id] for id in watched.parents if id in self._watched]
        dead = [parent for parent in parents if parent.last is Status.DOWN]
        asked = self._ask(group, parents)
        for _ in range(confirm.times):
            await asyncio.sleep(confirm.gap)
            found.append(await self._attempt(watched, None))
            if found[-1].status is not Status.DOWN:
                return found
        await _ended(asked)
        # What began before the failure may have come too early to see what caused it.
        await _ended(self._ask(group, [parent for parent in asked if parent.began < failed]))
        if any(parent.last is not Status.DOWN for parent in dead):
            found.append(await self._attempt(watched, None))
        return found

    def _ask(self, group: asyncio.TaskGroup, parents: Iterable[_Watched]) -> list[_Watched]:
        """Run what a check's asset depends on, but for what is known to be down; those whose turns are then under way.

        Assets do not depend on each other in a circle, and a check with other parents than before begins anew: no two
        turns wait for each other.
        """
        asked = [parent for parent in parents if parent.last is not Status.DOWN]
        for parent in asked:
            if not parent.turning:
                self._begin(group, parent, None)
        return [parent for parent in asked if parent.turning]

    async def _look_closer(self, watched: _Watched) -> None:
        try:
            async with self._closer_looks, asyncio.timeout(EVIDENCE + GRACE):
                evidence = await watched.probe.evidence(EVIDENCE)
        except Exception as error:
            log.info("a closer look found nothing", extra={"check": watched.check.id, "error": str(error)})
            return
        if evidence:
            self._explained(watched.check, harmless(evidence))

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


async def _ended(turns: Iterable[_Watched]) -> None:
    """Wait for the end of what is under way."""
    tasks = [one.task for one in turns if one.task is not None]
    if tasks:
        await asyncio.wait(tasks)
