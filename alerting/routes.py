"""Who hears of what: routes from severity, section and asset to a destination."""

from collections.abc import Iterable
from dataclasses import dataclass

from alerting.rules import Severity


@dataclass(frozen=True, slots=True)
class Route:
    """One destination and what it wants to hear.

    `id` names the destination. Empty `sections` and `assets` mean all of them. While an incident is open and nobody
    has acknowledged it, the message is repeated every `repeat` seconds; 0 means never.
    """

    id: str
    severities: frozenset[Severity] = frozenset({Severity.WARNING, Severity.CRITICAL})
    sections: frozenset[str] = frozenset()
    assets: frozenset[str] = frozenset()
    repeat: float = 3600

    def wants(self, severity: Severity, section: str, asset: str) -> bool:
        """Whether this destination is told of a fault of that severity on that asset."""
        return (
            severity in self.severities
            and (not self.sections or section in self.sections)
            and (not self.assets or asset in self.assets)
        )


def audience(routes: Iterable[Route], severity: Severity, section: str, asset: str) -> tuple[Route, ...]:
    """The routes that want to hear of it, in the order of the configuration."""
    return tuple(route for route in routes if route.wants(severity, section, asset))
