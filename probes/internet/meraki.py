"""Asks the Meraki cloud how the lines to the internet of one security appliance are."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from time import monotonic
from typing import Annotated, Any

from pydantic import Field

from probes import Failed, Measured, Probe, Unmeasured
from probes._engines import Engines, api, gateways
from probes._engines.gateways import GatewayParams, Line, Look, State, figure, of_looks, ratio
from probes._engines.json_values import number, words
from probes._engines.meraki import OrganizationParams, meraki_api

LONGEST_SILENCE = 1800
"""Seconds after which what the cloud says of an appliance is old: it hears from one every few minutes."""

_SPAN = 300
"""Seconds of loss and latency that are asked for: the most that there is."""

_STATES: Mapping[str, State] = {
    "active": "active",
    "ready": "standby",
    "connecting": "down",
    "not connected": "down",
    "failed": "down",
    "disabled": "disabled",
}


class MerakiParams(GatewayParams, OrganizationParams):
    """Which appliance is meant, and which lines it must have."""

    serial: Annotated[
        str,
        Field(pattern=r"^[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}$", description="serial number of the appliance"),
    ]

    @property
    def target(self) -> str:
        """The appliance."""
        return self.serial

    @classmethod
    def of_target(cls, target: str) -> dict[str, object]:
        """A serial number."""
        return {"serial": target}


class Meraki(Probe[MerakiParams]):
    """Whether the lines of a Meraki appliance work."""

    Params = MerakiParams
    metrics = gateways.METRICS
    reasons = gateways.REASONS
    rules = gateways.RULES
    per_target = 1

    def __init__(self, params: MerakiParams, engines: Engines) -> None:
        super().__init__(params, engines)
        self._api = meraki_api(engines, params)

    async def measure(self, timeout: float) -> Measured:
        """Ask the cloud. It measures for us: whatever is wrong with it says nothing about the lines."""
        try:
            lines = await self._lines(monotonic() + timeout - api.MARGIN)
        except Failed as failure:
            raise Unmeasured("no_source", f"the Meraki cloud does not answer: {failure.detail}") from failure
        return gateways.judged(lines, self.params, self.engines.memory, self.check)

    async def _lines(self, deadline: float) -> tuple[Line, ...]:
        organization, serial = f"/organizations/{self.params.organization}", self.params.serial
        wanted = {"serials[]": serial}
        statuses = await self._api.get(f"{organization}/appliance/uplink/statuses", deadline, **wanted)
        figures = await self._api.get(f"{organization}/devices/uplinksLossAndLatency", deadline, timespan=_SPAN)
        return tuple(read(appliance(statuses, serial, datetime.now(UTC)), figures))


def appliance(statuses: Any, serial: str, now: datetime) -> Mapping[str, Any]:
    """What the cloud says of an appliance. Raises Unmeasured when that is nothing, or old, Failed if it is no list."""
    found = next((row for row in api.rows(statuses) if row.get("serial") == serial), None)
    if found is None:
        raise Unmeasured("no_source", f"the organization has no appliance {serial}; correct `serial`")
    silent = _age(found.get("lastReportedAt"), now)
    if silent is not None and silent > LONGEST_SILENCE:
        raise Unmeasured("no_source", f"the cloud has not heard from the appliance for {silent / 60:.0f} minutes")
    return found


def _age(told: Any, now: datetime) -> float | None:
    """Seconds since a time as the cloud writes it, None if it does not tell."""
    try:
        then = datetime.fromisoformat(words(told))
    except ValueError:
        return None
    return (now - then).total_seconds() if then.tzinfo is not None else None


def read(told: Mapping[str, Any], figures: Any) -> Iterator[Line]:
    """The lines of an appliance, with what was measured on them. Raises Failed when these are no such documents."""
    measured = {line.name: line for line in of_looks(_looks(figures, told.get("serial")))}
    for row in api.rows(told, "uplinks"):
        name, word = words(row.get("interface")), words(row.get("status"))
        state = _STATES.get(word.lower(), "unknown")
        yield measured.get(name, Line(name, state))._replace(
            state=state,
            carries=state == "active",
            signal=_signal(row.get("signalStat")),
            address=words(row.get("publicIp")) or words(row.get("ip")),
            word="" if state in ("active", "standby") else word,
        )


def _looks(figures: Any, serial: Any) -> Iterator[Look]:
    """The newest values of each target that the appliance tests; the newest of all may not be counted yet."""
    for row in api.rows(figures):
        if row.get("serial") != serial:
            continue
        values = [one for one in api.rows(row, "timeSeries") if number(one.get("lossPercent")) is not None]
        if values:
            newest = values[-1]
            loss, latency = ratio(newest.get("lossPercent")), figure(newest.get("latencyMs"), 1000)
            yield Look(words(row.get("uplink")), True, latency, loss=loss)


def _signal(told: Any) -> float | None:
    """The power of the reference signal (RSRP) in dBm, of a mobile line."""
    return number(told.get("rsrp")) if isinstance(told, Mapping) else None
