"""When people signed off last what checks ask them for: an audit looked through, a review done."""

from collections.abc import Iterable, Mapping
from datetime import datetime


class Signoffs:
    """The newest sign-off of each check, kept in memory for the probes that look."""

    def __init__(self) -> None:
        self._newest: dict[str, datetime] = {}

    def take(self, newest: Mapping[str, datetime]) -> frozenset[str]:
        """Know these instead of those before; the checks of which that is news."""
        changed = newest.items() ^ self._newest.items()
        self._newest = dict(newest)
        return frozenset(check for check, _ in changed)

    def of(self, checks: Iterable[str]) -> datetime | None:
        """When any of these checks was signed off last, None if none ever was."""
        return max((self._newest[check] for check in checks if check in self._newest), default=None)

    def close(self) -> None:
        """Forget everything."""
        self._newest.clear()
