"""Measurements by the clock, which mean nothing if this machine stood still meanwhile."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

_TICK = 0.01
_PATIENCE = 90.0


async def undisturbed(measure: Callable[[], Awaitable[T]], still: float = 0.2) -> T:
    """What `measure` finds in a run during which the event loop never stood still for more than `still` seconds.

    A disturbed run is made again; on a machine that has no rest for a minute and a half the last one counts.
    """
    end = time.monotonic() + _PATIENCE
    while True:
        watch = _Watch()
        watching = asyncio.create_task(watch.keep())
        try:
            found = await measure()
        finally:
            watching.cancel()
        if watch.longest() <= still or time.monotonic() > end:
            return found


class _Watch:
    """Looks at the clock all the time."""

    def __init__(self) -> None:
        self._looked = time.monotonic()
        self._longest = 0.0

    def longest(self) -> float:
        """The longest time, in seconds, in which it could not look, up to now."""
        now = time.monotonic()
        self._longest = max(self._longest, now - self._looked - _TICK)
        self._looked = now
        return self._longest

    async def keep(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(_TICK)
            self.longest()
