"""Looks from the members' network for the screens and printers that members pick by name, and connects to them."""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Address
from typing import Annotated, ClassVar, NamedTuple

from pydantic import Field

from probes import Failed, Measured, Metric, Params, Probe, Sample, Unmeasured
from probes._engines.mdns import Directory, Service, browse
from probes._engines.reach import Door, Found, Way, knock
from probes._engines.resolve import Interface

_MARGIN = 0.05  # seconds kept back of the timeout, so that the verdict is ours and not the caller's cancellation
_LEAST_FOR_CONNECTING, _MOST_FOR_CONNECTING = 1.0, 3.0  # seconds

_VISIBLE = "deskwatch_mdns_visible"
_REACHABLE = "deskwatch_mdns_reachable"
_CONNECT = "deskwatch_mdns_connect_seconds"
_FOUND = "deskwatch_mdns_found_seconds"

Name = Annotated[str, Field(min_length=1, max_length=64)]
Kind = Annotated[str, Field(pattern=r"^_[a-zA-Z0-9-]{1,15}\._tcp$")]


class MdnsParams(Params):
    """Where members are, and what they must see there."""

    expect: Annotated[
        tuple[Name, ...],
        Field(
            min_length=1,
            max_length=50,
            description="names that must be visible, as members pick them on their phone: Boardroom TV",
        ),
    ]
    services: Annotated[
        tuple[Kind, ...],
        Field(min_length=1, max_length=10, description="types of service under which these may be announced"),
    ] = ("_airplay._tcp", "_googlecast._tcp", "_ipp._tcp")
    interface: Annotated[
        Interface | None, Field(description="interface of this machine in the members' network, e.g. members0")
    ] = None
    source: Annotated[
        IPv4Address | None, Field(description="address of this machine in the members' network; or as well")
    ] = None
    patience: Annotated[
        float, Field(ge=1, le=30, description="seconds to look until what was not seen counts as not visible")
    ] = 3.5
    connect: Annotated[bool, Field(description="whether the announced port must accept connections from there")] = True

    @property
    def target(self) -> str:
        """Where it looks from."""
        return self.interface or (str(self.source) if self.source else "this machine")

    @classmethod
    def of_target(cls, target: str) -> dict[str, object]:
        """The names, separated by commas."""
        return {"expect": target.split(",")}


class Sight(NamedTuple):
    """What became of a name: all that is announced under it, and what came of connecting, in their order."""

    services: tuple[Service, ...] = ()
    found: tuple[Found, ...] = ()

    @property
    def is_placed(self) -> bool:
        """Whether it said where it is."""
        return bool(self.services) and len(self.doors) == len(self.services)

    @property
    def doors(self) -> list[Door]:
        """What members connect to, as far as it is told."""
        placed = (one for one in self.services if one.port and one.addresses)
        return [Door(one.addresses[0], "tcp", one.port) for one in placed]


class Mdns(Probe[MdnsParams]):
    """Whether members see what they pick by name, and get through to it."""

    Params = MdnsParams
    metrics = (
        Metric(_VISIBLE, "1 if it is announced in this network, else 0", "", "name"),
        Metric(_REACHABLE, "1 if all its announced ports accept connections from here, else 0", "", "name"),
        Metric(_CONNECT, "Time in which its slowest announced port accepted a connection", "seconds", "name"),
        Metric(_FOUND, "Time until all names had been found", "seconds"),
    )
    reasons: ClassVar = {
        "not_visible": "a device that members should see by name is not announced in their network",
        "not_reachable": "a device is announced in the members' network, and does not accept connections from there",
    }
    latency = (_FOUND, "")
    says = "cannot be used from members' devices"
    per_target = 1
    on_demand = False  # it speaks into a network of the house

    async def measure(self, timeout: float) -> Measured:
        """Look for all names at once, and connect to what is found."""
        params = self.params
        if timeout < params.patience + _LEAST_FOR_CONNECTING + _MARGIN:
            least = params.patience + 1.5
            detail = f"a timeout of {timeout:g} s is too short for a patience of {params.patience:g} s"
            raise Unmeasured("monitor_error", f"{detail}: set timeout to {least:g}s or more")
        began = time.monotonic()
        way = Way(str(params.source or ""), params.interface or "")
        directory = await browse(params.services, way, params.patience, self._sees_all)
        took = time.monotonic() - began
        sights = sighted(params.expect, directory.services)
        if params.connect:
            sights = await self._connected(sights, way, min(timeout - took - _MARGIN, _MOST_FOR_CONNECTING))
        return judged(sights, len(directory.services), took, params.target)

    def _sees_all(self, directory: Directory) -> bool:
        return all(sight.is_placed for sight in sighted(self.params.expect, directory.services).values())

    async def _connected(self, sights: Mapping[str, Sight], way: Way, timeout: float) -> dict[str, Sight]:
        """What comes of connecting to all of them at once."""
        engine = self.engines.icmp
        try:
            async with asyncio.TaskGroup() as group:
                tasks = {
                    name: [group.create_task(knock(door, way, engine, timeout)) for door in sight.doors]
                    for name, sight in sights.items()
                }
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from failed
        return {
            name: sight._replace(found=tuple(one.result() for one in tasks[name])) for name, sight in sights.items()
        }


def sighted(expected: Sequence[str], services: Sequence[Service]) -> dict[str, Sight]:
    """What is announced under each name."""
    return {name: Sight(tuple(one for one in services if one.is_called(name))) for name in expected}


def judged(sights: Mapping[str, Sight], announced: int, took: float, where: str) -> Measured:
    """What became of the names, in a network where so many things are announced, after `took` seconds.

    Raises Failed when members cannot use one of them, Unmeasured when this machine has no way to it.
    """
    samples = tuple(_samples(sights))
    unseen = [name for name, sight in sights.items() if not sight.services]
    lost = [name for name, sight in sights.items() if sight.services and not sight.is_placed]
    if unseen or lost:
        words = [f"members do not see {', '.join(unseen)}"] if unseen else []
        words += [f"{', '.join(lost)}: announced, but without an address"] if lost else []
        raise Failed("not_visible", f"{'; '.join(words)}; {_hint(announced, where)}", samples)
    if shut := list(_shut(sights)):
        raise Failed("not_reachable", f"members see it, but cannot connect: {'; '.join(shut[:3])}", samples)
    seen = f"{', '.join(list(sights)[:3])}{f' and {len(sights) - 3} more' if len(sights) > 3 else ''}"
    samples = (*samples, Sample(_FOUND, took))
    return Measured(f"members see {seen} after {took:.3g} s", samples)


def _hint(announced: int, where: str) -> str:
    """What it looks like: a device that is off, or a network into which nothing is passed on."""
    if announced:
        others = f"{announced} other {'service is' if announced == 1 else 'services are'} announced there"
        return f"{others}, so it is probably off, renamed, or in a network that is not passed on"
    return f"nothing else is announced at {where} either: multicast DNS is probably not passed on between the networks"


def _shut(sights: Mapping[str, Sight]) -> Iterator[str]:
    """What does not accept connections. Raises Unmeasured where that is the fault of this machine."""
    for name, sight in sights.items():
        for door, found in zip(sight.doors, sight.found, strict=False):  # nothing was found if none was tried
            if found.lost:
                detail = f"{name} ({door}) {found.words}"
                raise Unmeasured("no_network", f"{detail}; packets to it must leave by the router of that network")
            if not found.opened:
                yield f"{name} ({door}) {'refuses connections' if found.refused else found.words}"


def _samples(sights: Mapping[str, Sight]) -> Iterator[Sample]:
    for name, sight in sights.items():
        yield Sample(_VISIBLE, int(bool(sight.services)), name)
        if sight.found:
            opened = all(found.opened for found in sight.found)
            yield Sample(_REACHABLE, int(opened), name)
            if opened:
                yield Sample(_CONNECT, max(found.took for found in sight.found), name)
