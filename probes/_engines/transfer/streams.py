"""Fills a line over HTTP for some seconds, and says how much got through.

The transfers are libcurl's, in an engine of their own: a run names its failures as every other HTTP check does, and
leaves by the same source and interface. It takes about a second of CPU for a gigabyte, as aiohttp does; but that ends
an upload as soon as an early answer comes, as nginx' `return 204` is, and has then sent next to nothing.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from itertools import pairwise
from typing import NamedTuple

from probes._base import Failed, Unmeasured
from probes._engines.http.engine import HttpEngine
from probes._engines.http.exchange import Request
from probes._engines.http.flow import Flow, Tally
from probes._engines.transfer.findings import WORDS, Direction

LEAST_DOWNLOAD = 100_000
"""Bytes below which an answer is no download: a line would be busy with asking."""

REASONS = {
    "no_transfer": "the server took or gave no bytes worth measuring",
    "stalled": "the transfer began and then stood still for half of its time",
    "refused_upload": "the server does not take uploads of this size (status 413)",
    "wrong_status": "the server answered a transfer with an error",
}
"""The reasons for which a transfer fails, beside those of every HTTP request."""

_TICK = 0.1  # seconds between two looks at the counters


@dataclass(frozen=True, slots=True)
class Pace:
    """How a direction is filled: streams, seconds that are discarded, seconds that count, most bytes."""

    streams: int
    grace: float
    length: float
    allowance: int


class Mark(NamedTuple):
    """Bytes that had got through so many seconds after the transfer began."""

    at: float
    moved: int


class Goodput(NamedTuple):
    """What another program found: bit/s, and bytes that it moved altogether, those that it discards included."""

    rate: float
    moved: int


async def fill(engine: HttpEngine, request: Request, size: int, pace: Pace, tally: Tally) -> float:
    """The goodput in bit/s of a direction: uploads of `size` bytes each, or downloads if that is 0.

    Raises Failed when the server fails, Unmeasured when the budget ends it too soon.
    """
    flows: set[Flow] = set()

    def through() -> int:
        return tally.sent - sum(flow.unacknowledged for flow in flows) if size else tally.received

    streams = [
        asyncio.ensure_future(_repeat(engine, request, size, tally, flows, number * pace.grace / 2 / pace.streams))
        for number in range(pace.streams)
    ]
    clock = asyncio.ensure_future(_watch(through, pace))
    try:
        await asyncio.wait([*streams, clock], return_when=asyncio.FIRST_COMPLETED)
        for stream in streams:
            if stream.done():
                stream.result()  # it only ends by failing
        return goodput(clock.result(), pace, "up" if size else "down")
    finally:
        tally.sent -= sum(flow.unacknowledged for flow in flows)  # that never leaves
        for task in (*streams, clock):
            task.cancel()
        await asyncio.gather(*streams, clock, return_exceptions=True)


def goodput(marks: Sequence[Mark], pace: Pace, direction: Direction) -> float:
    """Bits per second after the grace period.

    Raises Failed when too little moved, Unmeasured when it was too short or this machine stood still meanwhile.
    """
    end = marks[-1]
    late = max((later.at - earlier.at for earlier, later in pairwise(marks)), default=0.0)
    if late > max(pace.length / 2, 0.5):
        words = f"{WORDS[direction]}: this machine was too busy to look for {late:.3g} s"
        raise Unmeasured("overloaded", words)
    if end.moved <= 0:
        raise Failed("no_transfer", f"{WORDS[direction]}: not a byte in {end.at:.3g} s")
    counted = [mark for mark in marks if mark.at >= pace.grace]
    window = end.at - counted[0].at if counted else 0.0
    if window < min(1.0, pace.length / 2):
        most = f"{pace.allowance / 1e6:.3g} MB were gone after {end.at:.3g} s"
        raise Unmeasured("no_source", f"{WORDS[direction]}: {most}; raise budget, or shorten grace and length")
    still = end.at - next(mark.at for mark in marks if mark.moved == end.moved)
    if still >= pace.length / 2:
        words = f"{WORDS[direction]}: it stood still for the last {still:.3g} s, after {end.moved / 1e6:.3g} MB"
        raise Failed("stalled", words)
    return 8 * (end.moved - counted[0].moved) / window


async def _watch(through: Callable[[], int], pace: Pace) -> list[Mark]:
    """Look at the counter until time or budget is over."""
    began, before, most = time.monotonic(), through(), pace.grace + pace.length
    marks = [Mark(0.0, 0)]
    while marks[-1].at < most and marks[-1].moved < pace.allowance:
        await asyncio.sleep(_TICK)
        marks.append(Mark(time.monotonic() - began, through() - before))
    return marks


async def _repeat(
    engine: HttpEngine, request: Request, size: int, tally: Tally, flows: set[Flow], delay: float
) -> None:
    """Transfer again and again until cancelled. Raises Failed when the server fails."""
    await asyncio.sleep(delay)  # one stream after the other: together they would overrun the line and fall back
    while True:
        flow = Flow(tally, size)
        flows.add(flow)
        try:
            status = await engine.stream(request, flow, _FOREVER)
        finally:
            flows.discard(flow)
        _accept(status, flow.moved, size)


_FOREVER = 3600.0  # seconds: who waits for it cancels it


def _accept(status: int, moved: int, size: int) -> None:
    """Raise what an answer to a transfer is to be blamed for."""
    what = WORDS["up" if size else "down"]
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        words = f"the server takes no upload of {size / 1e6:.3g} MB; raise its limit, or lower upload_size"
        raise Failed("refused_upload", words)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        raise Unmeasured("throttled", f"{what}: the server wants to be asked less often")
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        raise Unmeasured("no_source", f"{what}: the server is busy with others")
    if not 200 <= status <= 299:
        raise Failed("wrong_status", f"{what}: the server answered with status {status}")
    if moved < (size or LEAST_DOWNLOAD):
        words = f"{what}: the server ended it after {moved} bytes; name something of 100 kB at least, better 100 MB"
        raise Failed("no_transfer", words)
