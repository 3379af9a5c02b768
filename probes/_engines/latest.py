"""The newest reading of every check, for kinds that judge what others have measured."""

from collections.abc import Collection, Mapping
from datetime import datetime

from probes._base import Reading


class Latest:
    """Newest readings, by check."""

    def __init__(self) -> None:
        self._readings: dict[str, Reading] = {}

    def take(self, reading: Reading) -> None:
        """Note a reading."""
        self._readings[reading.check] = reading

    @property
    def readings(self) -> Mapping[str, Reading]:
        """All of them."""
        return self._readings

    def of(self, check: str) -> Reading | None:
        """The newest reading of a check, "<asset>/<name>"; None if there is none yet."""
        return self._readings.get(check)

    def of_asset(self, asset: str) -> tuple[Reading, ...]:
        """The newest readings of all checks of an asset, in the order of their names."""
        mine = [id for id in self._readings if id.partition("/")[0] == asset]
        return tuple(self._readings[id] for id in sorted(mine))

    def keep_only(self, checks: Collection[str]) -> None:
        """Forget the checks other than these."""
        self._readings = {id: reading for id, reading in self._readings.items() if id in checks}

    def close(self) -> None:
        """Forget everything."""
        self._readings.clear()


def is_fresh(reading: Reading, now: datetime, most: float) -> bool:
    """Whether a reading is at most so many seconds old."""
    return (now - reading.at).total_seconds() <= most
