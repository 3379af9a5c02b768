"""Asks a UniFi Network application how the lines to the internet of its gateway are, and which one carries traffic."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from time import monotonic
from typing import Any, ClassVar

from probes import Measured, Probe
from probes._engines import Engines, api, gateways
from probes._engines.gateways import GatewayParams, Line, State, figure
from probes._engines.json_values import words
from probes._engines.unifi import UnifiParams, unifi_api

_STATES: Mapping[str, State] = {
    "ACTIVE": "active",
    "BACKUP": "standby",
    "OFFLINE": "down",
    "DOWN": "down",
    "DISCONNECTED": "down",
    "INACTIVE": "down",
    "DISABLED": "disabled",
}


class UnifiGatewayParams(GatewayParams, UnifiParams):
    """Which UniFi application to ask, and which lines its gateway must have."""


class UnifiGateway(Probe[UnifiGatewayParams]):
    """Whether the lines of a UniFi gateway work."""

    Params = UnifiGatewayParams
    metrics = gateways.METRICS
    reasons: ClassVar = {**api.REASONS, **gateways.REASONS}
    rules = gateways.RULES
    per_target = 1

    def __init__(self, params: UnifiGatewayParams, engines: Engines) -> None:
        super().__init__(params, engines)
        self._api = unifi_api(engines, params)

    async def measure(self, timeout: float) -> Measured:
        """Ask how the lines share the traffic, and how they have been."""
        deadline, site = monotonic() + timeout - api.MARGIN, self.params.site
        health = await self._api.get(f"/api/s/{site}/stat/health", deadline)
        answer = await self._api.try_(api.Question(f"/v2/api/site/{site}/wan/load-balancing/status"), deadline)
        if answer.status == HTTPStatus.NOT_FOUND:
            found = of_health(health)  # a gateway before UniFi OS
        elif answer.status == HTTPStatus.OK:
            found = of_sharing(answer.document, health)
        else:
            raise self._api.objection(answer.status)
        return gateways.judged(tuple(found), self.params, self.engines.memory, self.check)


def of_sharing(sharing: Any, health: Any) -> Iterator[Line]:
    """The lines as the gateway shares the traffic among them. Raises Failed when it is no such document."""
    wan, uptimes = _wan(health)
    for row in api.rows(sharing, "wan_interfaces"):
        group, word = words(row.get("wan_networkgroup")), words(row.get("state"))
        state = _STATES.get(word.upper(), "unknown")
        figures = uptimes.get(group)
        if _is_out(figures) or (state == "standby" and figures is None and uptimes):
            state = "down"  # it is still called a backup without a cable
        active = state == "active"
        yield Line(
            words(row.get("name")) or group,
            state,
            carries=active,
            latency=_latency(figures),
            address=words(wan.get("wan_ip")) if active else "",
            word="" if state in ("active", "standby") else word.lower(),
        )


def of_health(health: Any) -> Iterator[Line]:
    """The lines as the gateway watches them. Raises Failed when it is no such document."""
    wan, uptimes = _wan(health)
    for name, figures in uptimes.items():
        state: State = "down" if _is_out(figures) else "active"
        address = words(wan.get("wan_ip")) if len(uptimes) == 1 else ""
        yield Line(words(name), state, latency=_latency(figures), address=address)


def _wan(health: Any) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """What is said of the internet in all, and of each line by its group."""
    found = next((row for row in api.rows(health, "data") if row.get("subsystem") == "wan"), {})
    uptimes = found.get("uptime_stats")
    return found, uptimes if isinstance(uptimes, Mapping) else {}


def _is_out(figures: Any) -> bool:
    """A line that is out has a downtime in place of its uptime."""
    return isinstance(figures, Mapping) and bool(figure(figures.get("downtime"))) and not figures.get("uptime")


def _latency(figures: Any) -> float | None:
    return figure(figures.get("latency_average"), 1000) if isinstance(figures, Mapping) else None
