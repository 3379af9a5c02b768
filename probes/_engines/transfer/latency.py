"""How long small requests take while a line is idle, and while it is full: what a video call would feel."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from statistics import fmean, median
from typing import NamedTuple

from probes._base import Failed, Unmeasured
from probes._engines.http.engine import HttpEngine
from probes._engines.http.exchange import Request, Response

BEATS = 10
"""Small requests on the idle line."""
IDLE = 3.0
"""Seconds that these may take at most, all together; the first is waited for longer."""
CALM = 3.0
"""Seconds that a line may take at most to get over being full."""

_GAP = 0.25  # seconds between two small requests on the full line
_UNREST = 0.02  # seconds by which an answer may be late on a calm line
_PATIENCE = 10.0  # seconds for one of them
_TRIM = 0.95


class Round(NamedTuple):
    """Seconds of each step of one small request over its own connection; tls is 0 without TLS.

    `request` is the time from the request to the first byte of its answer.
    """

    connect: float
    tls: float
    request: float


def round_of(response: Response) -> Round:
    """The steps of an exchange. A TLS handshake counts by the round trip: version 1.2 needs two."""
    phases, trips = response.phases, 1 if response.final.protocol == "TLSv1.3" else 2
    return Round(phases.connect, phases.tls / trips, phases.processing)


class Pulse:
    """Small requests to one place, each over a fresh connection beside those that fill the line.

    What they took goes to `rounds`, as it happens.
    """

    def __init__(self, engine: HttpEngine, request: Request, rounds: list[Round]) -> None:
        self.rounds = rounds
        self._engine = engine
        self._request = request
        self._waiting: set[float] = set()

    async def rest(self) -> None:
        """Measure the idle line. Raises Failed when nobody answers."""
        until = time.monotonic() + IDLE
        while len(self.rounds) < BEATS and (time.monotonic() < until or not self.rounds):
            self.rounds.append(round_of(await self._engine.fetch(self._request, _PATIENCE)))

    async def _beat(self, delay: float) -> None:
        await asyncio.sleep(delay)
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    group.create_task(self._once())
                    await asyncio.sleep(_GAP)
        finally:
            if not self.rounds and self._waiting:
                # Not one was answered: then it takes at least as long as the first has waited.
                self.rounds.append(Round(0.0, 0.0, time.monotonic() - min(self._waiting)))

    async def calm(self) -> None:
        """Wait until answers come as on the idle line again: what is still queued would delay what is measured next."""
        until, calm = time.monotonic() + CALM, 2 * of_median(self.rounds) + _UNREST
        took = math.inf
        while took > calm and time.monotonic() < until:
            with suppress(Failed, Unmeasured):
                took = round_of(await self._engine.fetch(self._request, until - time.monotonic())).request

    @asynccontextmanager
    async def beating(self, delay: float) -> AsyncIterator[None]:
        """Measure the full line meanwhile, from `delay` seconds on."""
        task = asyncio.ensure_future(self._beat(delay))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _once(self) -> None:
        began = time.monotonic()
        self._waiting.add(began)
        with suppress(Failed, Unmeasured):  # those that fill the line have the same trouble, and name it
            self.rounds.append(round_of(await self._engine.fetch(self._request, _PATIENCE)))
        self._waiting.discard(began)


def of_median(rounds: Sequence[Round]) -> float:
    """Seconds from request to answer, the median."""
    return median(one.request for one in rounds)


def of_p95(rounds: Sequence[Round]) -> float:
    """Seconds from request to answer that 95 % are not above."""
    ordered = sorted(one.request for one in rounds)
    return ordered[math.ceil(_TRIM * len(ordered)) - 1]


def per_minute(rounds: Sequence[Round]) -> float | None:
    """Round trips per minute on the full line, None if it was not measured.

    The part of draft-ietf-ippm-responsiveness that is measured over fresh connections ("Foreign"). The other part needs
    requests within the connections that fill the line, which HTTP/1.1 cannot do.
    """
    steps = [[one.connect for one in rounds if one.connect], [one.tls for one in rounds if one.tls]]
    steps += [[one.request for one in rounds]]
    means = [_trimmed_mean(step) for step in steps if step]
    took = fmean(means) if means else 0.0
    return 60 / took if took else None


def _trimmed_mean(values: Sequence[float]) -> float:
    """The mean of the lower 95 %."""
    ordered = sorted(values)
    return fmean(ordered[: math.ceil(_TRIM * len(ordered))])
