"""What the kinds that ask a device by SNMP share: its settings, its reasons, and a conversation up to a deadline."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, NoReturn

from pydantic import Field

from probes._base import Params, Unmeasured
from probes._engines import Engines
from probes._engines.resolve import Family, Host, resolve
from probes._engines.snmp import engine as snmp
from probes._engines.snmp.credentials import Credentials
from probes._engines.snmp.session import Device
from probes._engines.snmp.values import Value, text

REASONS: Mapping[str, str] = {**snmp.REASONS, "unresolved": "the host name has no address"}
"""The reasons for which a device can't be asked."""

LONGEST_PART = 64
"""The most characters of a name that a device gives to one of its parts."""

Column = Mapping[str, Value]
"""Values by index."""


class _Device(Params):
    """Which device to ask."""

    host: Annotated[Host, Field(description="host name or address of the device")]
    port: Annotated[int, Field(ge=1, le=65_535, description="UDP port of its SNMP agent")] = 161
    family: Annotated[Family, Field(description="IP version: auto takes what the machine itself would use")] = "auto"

    @property
    def target(self) -> str:
        """The host."""
        return self.host


class SnmpParams(Credentials, _Device):
    """Which device to ask by SNMP, and how to present ourselves."""


class Agent:
    """A device that one run asks, until the run's deadline."""

    def __init__(self, engine: snmp.SnmpEngine, device: Device, until: float) -> None:
        self.whom = f"{device.address} port {device.port}"
        self._engine = engine
        self._device = device
        self._until = until

    async def get(self, *oids: str) -> dict[str, Value | None]:
        """The values of instances; None is one that the device does not have. Raises as the engine does."""
        return await self._engine.get(self._device, oids, self._left)

    async def columns(self, *oids: str, most: int) -> list[Column]:
        """Columns in the order that they were asked for, at most `most` rows of each; one that is missing is empty.

        Raises as the engine does, and Unmeasured when the device lists its rows in a circle.
        """
        walks = await self._engine.walk(self._device, *oids, timeout=self._left, most=most)
        if any(walk.stopped == "order" for walk in walks.values()):
            raise Unmeasured("no_source", f"{self.whom} lists its rows out of order; its firmware needs an update")
        return [walks[oid].rows for oid in oids]

    def lacks(self, what: str) -> NoReturn:
        """Say that the device answers and does not have what the kind reads: that tells nothing of how it is.

        Raises Unmeasured.
        """
        raise Unmeasured(
            "no_source",
            f"{self.whom} answers, but shows no {what}; is it the right device, and may this community or user see it?",
        )

    @property
    def _left(self) -> float:
        return max(self._until - asyncio.get_running_loop().time(), 0)


async def agent_of(engines: Engines, params: SnmpParams, timeout: float) -> Agent:
    """The device that the settings mean, to be asked within `timeout` seconds. Raises as `resolve`."""
    until = asyncio.get_running_loop().time() + timeout
    found = await resolve(params.host, params.family, timeout)
    credentials = Credentials(**{name: getattr(params, name) for name in Credentials.model_fields})
    return Agent(engines.snmp, Device(found.address, params.port, credentials), until)


def part_names(names: Mapping[str, str]) -> dict[str, str]:
    """Names that devices give to parts, by index, as labels: printable, not too long, and none twice.

    What has no name is called "#" and its index; of those with the same name, all but the first get theirs added.
    """
    found: dict[str, str] = {}
    taken: set[str] = set()
    for index, given in names.items():
        name = _label(given) or f"#{index}"
        if name in taken:
            name = f"{name} #{index}"
        taken.add(name)
        found[index] = name
    return found


def words_of(column: Column, index: str) -> str:
    """A cell as text, "" when the device does not have it."""
    return text(column.get(index)) or ""


def _label(given: str) -> str:
    return "".join(char for char in " ".join(given.split()) if char.isprintable())[:LONGEST_PART].strip()
