"""The other probes that run, for kinds that work with what another check knows how to reach."""

from collections.abc import Mapping
from typing import Any

from probes._probe import Probe


class Neighbours:
    """Running probes, by the id of their check."""

    def __init__(self) -> None:
        self._probes: dict[str, Probe[Any]] = {}

    def replace(self, probes: Mapping[str, Probe[Any]]) -> None:
        """These run from now on, and no others."""
        self._probes = dict(probes)

    def of(self, check: str) -> Probe[Any] | None:
        """The probe of a check, "<asset>/<name>"; None if there is no such check."""
        return self._probes.get(check)

    def close(self) -> None:
        """Forget everything."""
        self._probes.clear()
