"""Who hears of what: routes from severity, section and asset to the people and channels of their steps."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from alerting.gates import QuietHours
from alerting.rules import Severity


class Step(NamedTuple):
    """Whom a route tells `after` seconds without an answer: names of people, schedules and channels."""

    after: float
    to: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Route:
    """What somebody wants to hear, and who is told one after the other until somebody answers.

    A route with a channel of its own has one step, which names the route itself. Empty `sections` and `assets` mean all
    of them. While an incident is open and nobody has acknowledged it, everybody told so far is told again every
    `repeat` seconds; 0 means never. In the hours of `quiet` only what is loud enough goes out.
    """

    id: str
    severities: frozenset[Severity] = frozenset({Severity.WARNING, Severity.CRITICAL})
    sections: frozenset[str] = frozenset()
    assets: frozenset[str] = frozenset()
    repeat: float = 3600
    steps: tuple[Step, ...] = ()
    quiet: QuietHours | None = None

    def wants(self, severity: Severity, section: str, asset: str) -> bool:
        """Whether this route is for a fault of that severity on that asset."""
        return (
            severity in self.severities
            and (not self.sections or section in self.sections)
            and (not self.assets or asset in self.assets)
        )


def audience(routes: Iterable[Route], severity: Severity, section: str, asset: str) -> tuple[Route, ...]:
    """The routes that want to hear of it, in the order of the configuration."""
    return tuple(route for route in routes if route.wants(severity, section, asset))
