"""Asks a switch, router or firewall by SNMP about its interfaces: link, speed, load and faults."""

import asyncio
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, ClassVar, Literal, NamedTuple

from pydantic import Field

from probes import DefaultRule, Failed, Measured, Metric, Probe, Sample
from probes._engines import Engines
from probes._engines.matching import Regex, limited
from probes._engines.snmp.agent import REASONS, Agent, Column, SnmpParams, agent_of, part_names, words_of
from probes._engines.snmp.counters import Counter, rate
from probes._engines.snmp.values import Value, integer

MOST = 128
"""Interfaces of one device that are looked at."""

_MOST_ROWS = 4096
_IF, _IFX = "1.3.6.1.2.1.2.2.1", "1.3.6.1.2.1.31.1.1.1"
_LISTED = (f"{_IF}.8", f"{_IF}.7", f"{_IFX}.1", f"{_IF}.2", f"{_IFX}.18")
_SPEED, _HIGH_SPEED, _DISCONTINUITY = f"{_IF}.5", f"{_IFX}.15", f"{_IFX}.19"
_UPTIME, _BOOTS = "1.3.6.1.2.1.1.3.0", "1.3.6.1.6.3.10.2.1.1.0"
_POWER = "1.3.6.1.2.1.105.1.3.1.1"

_COUNTERS: Mapping[str, Sequence[tuple[str, Literal[32, 64]]]] = {
    "received": ((f"{_IFX}.6", 64), (f"{_IF}.10", 32)),
    "sent": ((f"{_IFX}.10", 64), (f"{_IF}.16", 32)),
    "errors in": ((f"{_IF}.14", 32),),
    "errors out": ((f"{_IF}.20", 32),),
    "discards in": ((f"{_IF}.13", 32),),
    "discards out": ((f"{_IF}.19", 32),),
}
"""The columns that a counter may stand in, the best first, and how wide they are."""

_DETAILS = (_SPEED, _HIGH_SPEED, _DISCONTINUITY, *(oid for columns in _COUNTERS.values() for oid, _ in columns))
_UP, _UNKNOWN = 1, 4  # ifOperStatus
_SWITCHED_ON = (1, None)  # ifAdminStatus; some devices don't say
_SATURATED = 4_290_000_000  # ifSpeed has 32 bits; beyond them stands their end, or something close to it
_FASTEST_IN_MEGABITS = 10**7  # more than that in ifHighSpeed is a device that gives bit/s
_MOST_FAULTS = 1e6  # per second: what grows faster was cleared


class InterfacesParams(SnmpParams):
    """Which device to ask, and which of its interfaces count."""

    watch: Annotated[
        tuple[Regex, ...],
        Field(
            max_length=MOST,
            description="patterns of the interfaces that count, looked for in their names and descriptions; each must"
            " be found. Without any, those count that are switched on and described in the device (ifAlias)",
        ),
    ] = ()
    speed: Annotated[
        float | None,
        Field(
            gt=0, le=1_000_000, description="Mbit/s of a sound link; if not set, the fastest seen of each since start"
        ),
    ] = None


class Interfaces(Probe[InterfacesParams]):
    """Whether the interfaces of a device that matter have a link, at full speed, and carry traffic without faults."""

    Params = InterfacesParams
    metrics = (
        Metric("deskwatch_interface_up", "1 if the interface has a working link, else 0", part="interface"),
        Metric(
            "deskwatch_interface_enabled", "1 if the interface is switched on in the device, else 0", "", "interface"
        ),
        Metric("deskwatch_interface_speed_bits_per_second", "Speed of the link", "bits_per_second", "interface"),
        Metric(
            "deskwatch_interface_speed_ratio", "Speed of the link as a share of what it should be", "ratio", "interface"
        ),
        Metric("deskwatch_interface_receive_bits_per_second", "Traffic in", "bits_per_second", "interface"),
        Metric("deskwatch_interface_transmit_bits_per_second", "Traffic out", "bits_per_second", "interface"),
        Metric(
            "deskwatch_interface_utilisation_ratio",
            "Traffic in the busier direction as a share of the link's speed",
            "ratio",
            "interface",
        ),
        Metric("deskwatch_interface_errors_per_second", "Faulty packets, in and out", "", "interface"),
        Metric(
            "deskwatch_interface_discards_per_second", "Packets dropped for lack of room, in and out", "", "interface"
        ),
        Metric("deskwatch_interfaces", "Interfaces that the device has"),
        Metric("deskwatch_poe_power_watts", "Power that a PoE supply can give", "watts", "supply"),
        Metric("deskwatch_poe_used_watts", "Power that is drawn from a PoE supply", "watts", "supply"),
        Metric("deskwatch_poe_used_ratio", "Share of a PoE supply's power that is drawn", "ratio", "supply"),
        Metric("deskwatch_poe_faulty", "1 if a PoE supply reports a fault, else 0", part="supply"),
    )
    reasons: ClassVar = {
        **REASONS,
        "missing": "an interface that the settings name is not there",
    }
    rules = (
        DefaultRule(
            "link-down",
            "deskwatch_interface_up",
            "has an interface without a link",
            severity="critical",
            below=1,
            hold=60,
        ),
        DefaultRule(
            "slow-link",
            "deskwatch_interface_speed_ratio",
            "has a link that is slower than it should be: look at the cable",
            below=1,
            hold=120,
        ),
        DefaultRule(
            "errors",
            "deskwatch_interface_errors_per_second",
            "has a link with more than one faulty packet per second: look at cable and plugs",
            above=1,
            clear=0.1,
            times=3,
            window=5,
        ),
        DefaultRule(
            "busy",
            "deskwatch_interface_utilisation_ratio",
            "has a link that is more than 80 % full",
            above=0.8,
            clear=0.7,
            hold=900,
        ),
        DefaultRule(
            "poe-budget",
            "deskwatch_poe_used_ratio",
            "gives more than 85 % of its PoE power: another device may get none",
            above=0.85,
            clear=0.8,
            hold=300,
        ),
        DefaultRule("poe-fault", "deskwatch_poe_faulty", "has a fault in its PoE supply", above=0, hold=60),
    )

    def __init__(self, params: InterfacesParams, engines: Engines) -> None:
        super().__init__(params, engines)
        self._seen: dict[str, Seen] = {}

    async def measure(self, timeout: float) -> Measured:
        """List the interfaces, choose those that count, and look at these."""
        agent = await agent_of(self.engines, self.params, timeout)
        present = interfaces(*await agent.columns(*_LISTED, most=_MOST_ROWS))
        if not present:
            agent.lacks("interfaces (IF-MIB)")
        chosen, missing = choose(present, self.params.watch)
        if not chosen and not missing:
            agent.lacks(
                "interface that is switched on and described; describe those that matter, or name them in watch"
            )
        looked_at = chosen[:MOST]
        found = (
            Sample("deskwatch_interfaces", len(present)),
            *await self._look_at(agent, looked_at),
            *power((await agent.columns(_POWER, most=256))[0]),
        )
        detail = _in_words(agent.whom, looked_at, len(chosen) - len(looked_at))
        if missing:
            raise Failed("missing", f"{agent.whom} has no interface like {', '.join(missing)}; {detail}", found)
        return Measured(detail, found)

    async def _look_at(self, agent: Agent, chosen: Sequence["Interface"]) -> list[Sample]:
        asked = [f"{column}.{each.row}" for each in chosen for column in _DETAILS]
        cells = await agent.get(_UPTIME, _BOOTS, *asked)
        declared = self.params.speed * 1e6 if self.params.speed else None
        before, now = self._seen, asyncio.get_running_loop().time()
        self._seen = {each.name: seen(each, cells, now, before.get(each.name, Seen())) for each in chosen}
        return [
            sample
            for each in chosen
            for sample in samples(each, before.get(each.name, Seen()), self._seen[each.name], declared)
        ]


class Interface(NamedTuple):
    """An interface as the device lists it: ifIndex, and what it says of it; None where it does not say."""

    row: str
    name: str
    alias: str
    admin: int | None
    oper: int | None

    @property
    def enabled(self) -> bool:
        """Whether it is switched on in the device."""
        return self.admin in _SWITCHED_ON


class Seen(NamedTuple):
    """What one run saw of an interface: its counters, its speed in bit/s while it has a link, the best speed yet."""

    counters: Mapping[str, Counter] = MappingProxyType({})
    speed: float | None = None
    best: float = 0


def interfaces(oper: Column, admin: Column, names: Column, descriptions: Column, aliases: Column) -> list[Interface]:
    """The interfaces that the columns of IF-MIB tell of; ifDescr names those that have no ifName."""
    given = {index: words_of(names, index) or words_of(descriptions, index) for index in oper}
    return [
        Interface(index, name, words_of(aliases, index), integer(admin.get(index)), integer(oper[index]))
        for index, name in part_names(given).items()
    ]


def choose(present: Sequence[Interface], watch: Sequence[str]) -> tuple[list[Interface], list[str]]:
    """The interfaces that count, and the patterns that none is like."""
    if not watch:
        return [each for each in present if each.enabled and each.alias], []
    with limited():
        like = {pattern: [each for each in present if _is_like(each, pattern)] for pattern in watch}
    wanted = {each.row for found in like.values() for each in found}
    return [each for each in present if each.row in wanted], [pattern for pattern in watch if not like[pattern]]


def seen(interface: Interface, cells: Mapping[str, Value | None], now: float, before: Seen) -> Seen:
    """What the instances that were asked for at `now` say of an interface."""
    speed = link_speed(cells, interface.row) if interface.oper == _UP else None
    return Seen(counters(cells, interface.row, now), speed, max(speed or 0, before.best))


def samples(interface: Interface, before: Seen, after: Seen, declared: float | None) -> list[Sample]:
    """All about one interface that two runs saw; `declared` is the speed in bit/s that it should have."""
    found = {"enabled": float(interface.enabled)}
    if interface.oper not in (_UNKNOWN, None):
        found["up"] = float(interface.oper == _UP)
    if after.speed:
        found["speed_bits_per_second"] = after.speed
        found["speed_ratio"] = min(after.speed / (declared or after.best), 1)
    found |= rates(before.counters, after.counters, after.speed)
    return [Sample(f"deskwatch_interface_{name}", value, interface.name) for name, value in found.items()]


def link_speed(cells: Mapping[str, Value | None], index: str) -> float | None:
    """The speed in bit/s, None where the device does not know: ifHighSpeed, in Mbit/s, else ifSpeed."""
    high = integer(cells[f"{_HIGH_SPEED}.{index}"]) or 0
    if high > 0:
        return float(high if high >= _FASTEST_IN_MEGABITS else high * 10**6)
    low = integer(cells[f"{_SPEED}.{index}"]) or 0
    return float(low) if 0 < low < _SATURATED else None


def counters(cells: Mapping[str, Value | None], index: str, now: float) -> dict[str, Counter]:
    """The counters that an interface has."""
    uptime, boots = integer(cells[_UPTIME]), integer(cells[_BOOTS])
    discontinuity = integer(cells[f"{_DISCONTINUITY}.{index}"])
    found: dict[str, Counter] = {}
    for name, columns in _COUNTERS.items():
        for column, bits in columns:
            value = integer(cells[f"{column}.{index}"])
            if value is not None and name not in found:
                found[name] = Counter(value, bits, now, uptime, boots, discontinuity)
    return found


def rates(before: Mapping[str, Counter], after: Mapping[str, Counter], speed: float | None) -> dict[str, float]:
    """The rates of an interface, by the end of their metric's name, as far as they can be told; speed in bit/s."""
    known = {name: rate(before[name], after[name], _fastest(name, speed)) for name in after if name in before}
    received, sent = known.get("received"), known.get("sent")
    found = {
        "receive_bits_per_second": None if received is None else 8 * received,
        "transmit_bits_per_second": None if sent is None else 8 * sent,
        "errors_per_second": _sum(known.get("errors in"), known.get("errors out")),
        "discards_per_second": _sum(known.get("discards in"), known.get("discards out")),
    }
    if speed and received is not None and sent is not None:
        found["utilisation_ratio"] = min(8 * max(received, sent) / speed, 1)
    return {name: value for name, value in found.items() if value is not None}


def power(entry: Column) -> list[Sample]:
    """What pethMainPseEntry says of each PoE supply: its power, its state and what is drawn from it."""
    found: list[Sample] = []
    for supply in [index.partition(".")[2] for index in entry if index.startswith("2.")]:
        watts, state, used = (integer(entry.get(f"{column}.{supply}")) for column in (2, 3, 4))
        found.append(Sample("deskwatch_poe_faulty", float(state == 3), supply))
        if watts:
            found.append(Sample("deskwatch_poe_power_watts", watts, supply))
        if used is not None:
            found.append(Sample("deskwatch_poe_used_watts", used, supply))
        if watts and used is not None:
            found.append(Sample("deskwatch_poe_used_ratio", used / watts, supply))
    return found


def _is_like(interface: Interface, pattern: str) -> bool:
    return bool(re.search(pattern, interface.name) or re.search(pattern, interface.alias))


def _fastest(name: str, speed: float | None) -> float | None:
    """The highest rate of a counter that is real; devices that refresh their counters in steps seem to be faster."""
    if name not in ("received", "sent"):
        return _MOST_FAULTS
    return 2 * speed / 8 if speed else None


def _sum(one: float | None, other: float | None) -> float | None:
    known = [value for value in (one, other) if value is not None]
    return math.fsum(known) if known else None


def _in_words(whom: str, looked_at: Sequence[Interface], left_out: int) -> str:
    down = [each for each in looked_at if each.oper not in (_UP, _UNKNOWN, None)]
    detail = f"{whom}: {len(looked_at) - len(down)} of {len(looked_at)} interfaces have a link"
    if down:
        detail += f"; without: {_names(down)}"
    if left_out:
        detail += f"; {left_out} more than {MOST} are left out: narrow watch"
    return detail


def _names(interfaces: Iterable[Interface]) -> str:
    known = [f"{each.name} ({each.alias})" if each.alias else each.name for each in interfaces]
    return ", ".join(known[:8]) + (f" and {len(known) - 8} more" if len(known) > 8 else "")
