"""What should be on a controller's list: as declared, or as it was learned. What has vanished is not zero."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

LEARNS = timedelta(hours=1)
"""How long something must have been on the list until it is missed when it is not."""
FORGETS = timedelta(days=14)
"""How long something is missed that nobody declared."""
MOST = 2000
"""Names that are learned."""

_STEP = 600.0  # s; how exactly it is remembered when something was last there, so that not every look is written down

_KEY = "inventory"


class Inventory(NamedTuple):
    """Names with when they were first and last on the list, in seconds of the epoch."""

    seen: Mapping[str, tuple[float, float]] = {}

    @classmethod
    def of(cls, remembered: Mapping[str, Any]) -> "Inventory":
        """The inventory in what a check remembers, an empty one if there is none."""
        return cls({name: (float(first), float(last)) for name, (first, last) in remembered.get(_KEY, {}).items()})

    @property
    def memory(self) -> dict[str, Any]:
        """What to remember."""
        return {_KEY: {name: list(times) for name, times in self.seen.items()}}

    def after(self, present: Collection[str], now: datetime) -> "Inventory":
        """The inventory once these names have been on the list."""
        at, oldest = now.timestamp(), (now - FORGETS).timestamp()
        kept = {name: times for name, times in self.seen.items() if times[1] >= oldest}
        for name in present:
            first, last = kept.get(name, (at, 0))
            if at - last >= _STEP and (name in kept or len(kept) < MOST):
                kept[name] = (first, at)
        return Inventory(kept)

    def missing(self, present: Collection[str], declared: Collection[str] = ()) -> tuple[str, ...]:
        """What is not on the list but should be, in order: what is declared, or else what was learned."""
        expected = declared or [
            name for name, (first, last) in self.seen.items() if last - first >= LEARNS.total_seconds()
        ]
        return tuple(sorted(set(expected) - set(present)))
