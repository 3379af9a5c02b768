"""Access systems that several checks look at: one look serves them all."""

import time
from collections.abc import Awaitable, Callable, Hashable
from typing import NamedTuple
from weakref import WeakSet, WeakValueDictionary

from probes._base import Failed, Unmeasured
from probes._engines.doors import View

SHARED = 15.0
"""Seconds for which a look serves other checks."""

Look = Callable[[float], Awaitable[View]]
"""Asks an access system for everything, by a time of the monotonic clock."""


class _Outcome(NamedTuple):
    """How a look ended, when, and who has seen that."""

    view: View | Failed | Unmeasured
    at: float
    seen_by: WeakSet[object]


class Source:
    """An access system that several checks look at."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._latest: _Outcome | None = None

    async def view(self, who: object, deadline: float) -> View:
        """What the system tells: what another one was just told, if there is something that `who` has not seen.

        So several checks ask once, and a check that looks again because it found a failure gets an answer of its own.
        Raises Failed or Unmeasured as the look did.
        """
        latest = self._latest
        if latest is None or who in latest.seen_by or time.monotonic() - latest.at > SHARED:
            latest = self._latest = _Outcome(await self._asked(deadline), time.monotonic(), WeakSet())
        latest.seen_by.add(who)
        match latest.view:
            case View():
                return latest.view
            case Failed(reason=reason, detail=detail):
                raise Failed(reason, detail)
            case Unmeasured(reason=reason, detail=detail):
                raise Unmeasured(reason, detail)

    async def _asked(self, deadline: float) -> View | Failed | Unmeasured:
        try:
            return await self._look(deadline)
        except (Failed, Unmeasured) as ended:
            return ended


class Sources:
    """The access systems that checks look at, each for as long as there is such a check."""

    def __init__(self) -> None:
        self._sources: WeakValueDictionary[Hashable, Source] = WeakValueDictionary()

    def of(self, key: Hashable, look: Callable[[], Look]) -> Source:
        """The system of that key; `look` makes what asks it when it is new."""
        source = self._sources.get(key)
        if source is None:
            source = self._sources[key] = Source(look())
        return source

    def close(self) -> None:
        """Forget them."""
        self._sources.clear()
