"""Asks a Wi-Fi controller or access point by SNMP: networks, access points, devices, channels and RADIUS."""

from itertools import chain
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from probes import Measured, Probe
from probes._engines import Engines, wifi
from probes._engines.snmp.agent import REASONS, Agent, SnmpParams, agent_of
from probes._engines.snmp.values import text
from probes._engines.wifi import View, WifiParams, judged
from probes._engines.wifi_mib import (
    aruba,
    cambium,
    cisco,
    extreme,
    fortinet,
    grandstream,
    huawei,
    meraki,
    mikrotik,
    openwrt,
    others,
    radius,
    ruckus,
    unifi,
    zyxel,
)
from probes._engines.wifi_mib.reader import Cells, Mib, tells

Vendor = Literal[
    "auto",
    "alcatel",
    "aruba",
    "cambium",
    "cisco",
    "extreme",
    "fortinet",
    "grandstream",
    "huawei",
    "meraki",
    "meru",
    "mikrotik",
    "omada",
    "openwrt",
    "ruckus",
    "unifi",
    "zyxel",
]

MIBS: tuple[Mib, ...] = tuple(
    chain.from_iterable(
        maker.MIBS
        for maker in (
            unifi,
            cisco,
            aruba,
            ruckus,
            fortinet,
            meraki,
            mikrotik,
            huawei,
            extreme,
            cambium,
            zyxel,
            grandstream,
            openwrt,
            others,
        )
    )
)

_OBJECT = "1.3.6.1.2.1.1.2.0"
_MOST_ROWS = 8192


class WifiSnmpParams(WifiParams, SnmpParams):
    """Which controller or access point to ask, and what it should carry."""

    vendor: Annotated[
        Vendor, Field(description="whose MIB it speaks; auto finds out by the number that the device gives itself")
    ] = "auto"


class WifiBySnmp(Probe[WifiSnmpParams]):
    """Whether the Wi-Fi that a controller or an access point carries can be used, and how busy it is."""

    Params = WifiSnmpParams
    metrics = wifi.METRICS
    reasons: ClassVar = {**REASONS, **wifi.REASONS}
    rules = wifi.RULES

    def __init__(self, params: WifiSnmpParams, engines: Engines) -> None:
        super().__init__(params, engines)
        self._mib: Mib | None = None

    async def measure(self, timeout: float) -> Measured:
        """Read the MIB that told something last time, or else the first that does."""
        agent = await agent_of(self.engines, self.params, timeout)
        view = await self._view(agent)
        if not tells(view):
            guess = "; if you know its maker, say so in vendor" if self.params.vendor == "auto" else ""
            agent.lacks(f"Wi-Fi that we can read{guess}")
        return judged(view, self.params, self.engines.memory, self.check)

    async def _view(self, agent: Agent) -> View:
        if self._mib is not None and tells(view := await _read(agent, self._mib)):
            return view
        for mib in await self._candidates(agent):
            if tells(view := await _read(agent, mib)):
                self._mib = mib
                return view
        return View()

    async def _candidates(self, agent: Agent) -> list[Mib]:
        if self.params.vendor != "auto":
            return [mib for mib in MIBS if mib.vendor == self.params.vendor]
        given = text((await agent.get(_OBJECT))[_OBJECT])
        return candidates(given or "")


def candidates(sys_object_id: str) -> list[Mib]:
    """The MIBs that a device with that number may have; if none is known by it, those that have no number."""
    known = [mib for mib in MIBS if any(f"{sys_object_id}.".startswith(f"{begin}.") for begin in mib.objects)]
    return known or [mib for mib in MIBS if not mib.objects]


async def _read(agent: Agent, mib: Mib) -> View:
    instances = await agent.get(*mib.instances) if mib.instances else {}
    asked = (*mib.columns, *radius.COLUMNS)
    columns = await agent.columns(*asked, most=_MOST_ROWS)
    cells = Cells(instances, dict(zip(asked, columns, strict=True)))
    view = mib.read(cells)
    return view if view.radius else view._replace(radius=radius.read(cells))
