"""Asks any device by SNMP what it is, since when it runs, how loaded it is, and what its own sensors say."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from probes import DefaultRule, Failed, Measured, Metric, Probe, Sample
from probes._engines.device_mib.host import COMPONENT_STATES, host
from probes._engines.device_mib.network import NETWORK
from probes._engines.device_mib.power import POWER
from probes._engines.device_mib.tables import (
    CRITICAL,
    HOT,
    MOST,
    WARNING,
    Condition,
    Figure,
    Found,
    Quantity,
    Text,
    Vendor,
    entity_sensors,
    together,
)
from probes._engines.displays import printable
from probes._engines.printers import listed
from probes._engines.snmp.agent import REASONS, Agent, SnmpParams, agent_of, part_names
from probes._engines.snmp.counters import uptime_seconds
from probes._engines.snmp.values import Value, integer, text

_SYSTEM = "1.3.6.1.2.1.1"
_OBJECT, _UPTIME, _NAME = f"{_SYSTEM}.2.0", f"{_SYSTEM}.3.0", f"{_SYSTEM}.5.0"
_HOST_UPTIME, _ENGINE_TIME = "1.3.6.1.2.1.25.1.1.0", "1.3.6.1.6.3.10.2.1.3.0"
_TEXTS = (
    Text("description", f"{_SYSTEM}.1.0"),
    Text("object", _OBJECT),
    Text("contact", f"{_SYSTEM}.4.0"),
    Text("name", _NAME),
    Text("location", f"{_SYSTEM}.6.0"),
    Text("model", "1.3.6.1.2.1.33.1.1.2.0"),  # upsIdentModel
)
_CLASS = "1.3.6.1.2.1.47.1.1.1.1.5"
_CHASSIS = tuple(
    (label, f"1.3.6.1.2.1.47.1.1.1.1.{column}") for label, column in (("model", 13), ("serial", 11), ("version", 10))
)
_PRINTER_SERIAL = "1.3.6.1.2.1.43.5.1.1.17"
_IS_CHASSIS = 3  # entPhysicalClass
_MOST_CHASSIS = 16  # rows; a chassis comes before what is in it
_LONGEST_TEXT = 255  # what DisplayString of SNMPv2-TC allows

_CRITICAL = (CRITICAL, HOT)
_WRAP = 2**32 / 100  # s, of sysUpTime
_NEAR_ITS_END = 86_400.0  # s: more than between two runs
_SLACK = 60.0  # s: agents serve their uptime from a cache

_INFO: Mapping[str, str] = {
    "name": "What it calls itself",
    "description": "What it is, in its maker's words",
    "location": "Where it says that it stands",
    "contact": "Whom it names to be asked about it",
    "object": "The number that its maker gave to its model",
    "model": "Model",
    "serial": "Serial number",
    "version": "Version of its software",
    "cluster": "How it works together with another one",
    "organization": "The organization that it belongs to",
}
INFO = {
    label: Metric(f"deskwatch_device_{label}_info", f"{what}, as a label of the value 1", "", label)
    for label, what in _INFO.items()
}
"""The metrics whose part is a text, by what the text is."""

METRICS: Mapping[Quantity, Metric] = {
    "celsius": Metric("deskwatch_device_temperature_celsius", "Temperature", "celsius", "sensor"),
    "humidity": Metric("deskwatch_device_humidity_ratio", "Relative humidity", "ratio", "sensor"),
    "rpm": Metric("deskwatch_device_fan_rpm", "Revolutions of a fan per minute", "", "sensor"),
    "volts": Metric("deskwatch_device_voltage_volts", "Voltage", "volts", "sensor"),
    "amperes": Metric("deskwatch_device_current_amperes", "Current", "amperes", "sensor"),
    "watts": Metric("deskwatch_device_power_watts", "Power", "watts", "sensor"),
    "voltamperes": Metric("deskwatch_device_apparent_power_voltamperes", "Apparent power", "voltamperes", "sensor"),
    "hertz": Metric("deskwatch_device_frequency_hertz", "Frequency of the mains", "hertz", "sensor"),
    "joules": Metric("deskwatch_device_energy_joules_total", "Energy that went through", "joules", "sensor"),
    "contact": Metric(
        "deskwatch_device_contact_closed", "1 if a contact is closed or a state holds, else 0", "", "sensor"
    ),
    "outlet": Metric("deskwatch_device_outlet_on", "1 if an outlet is switched on, else 0", "", "outlet"),
    "processor": Metric("deskwatch_device_processor_ratio", "Load of one processor", "ratio", "processor"),
    "memory": Metric("deskwatch_device_memory_used_ratio", "Share of the memory that is used, without caches", "ratio"),
    "storage": Metric(
        "deskwatch_device_storage_used_ratio", "Share that is used of any storage, memory included", "ratio", "storage"
    ),
    "storage_bytes": Metric("deskwatch_device_storage_bytes", "Size of a storage", "bytes", "storage"),
    "disk": Metric("deskwatch_device_disk_used_ratio", "Share that is used of a disk that can fill", "ratio", "disk"),
    "sessions": Metric("deskwatch_device_sessions", "Connections that a firewall keeps track of"),
    "sessions_most": Metric("deskwatch_device_sessions_limit", "The most connections that it can keep track of"),
    "tunnels": Metric("deskwatch_device_tunnels", "Active tunnels of a VPN connection", "", "connection"),
    "leases": Metric("deskwatch_device_dhcp_leases", "Addresses that its DHCP server has given out"),
    "state": Metric(
        "deskwatch_device_components",
        "Components of the device by the state that it gives them; a port without a cable is down",
        "",
        "state",
        tuple(COMPONENT_STATES.values()),
    ),
}
"""The metrics of what tables tell, by what a figure is of."""

UPTIME = Metric(
    "deskwatch_device_uptime_seconds",
    "Time since the start: of the SNMP agent, mostly that of the device; of the system where it tells",
    "seconds",
    "of",
    ("agent", "system"),
)
RESTARTED = Metric("deskwatch_device_restarted", "1 in the first reading after a restart, else 0")
LOAD = Metric("deskwatch_device_load_ratio", "Load of all processors together", "ratio")
SESSIONS = Metric("deskwatch_device_sessions_ratio", "Connections as a share of the most that it can keep", "ratio")
WARNS = Metric("deskwatch_device_sensor_warning", "1 if the device warns of this part of it, else 0", "", "sensor")
FAILS = Metric(
    "deskwatch_device_sensor_critical",
    "1 if this part has failed or is over a limit that the device has for it, else 0",
    "",
    "sensor",
)


class Device(Probe[SnmpParams]):
    """What a device is, whether it runs, and whether its own sensors find it well."""

    Params = SnmpParams
    metrics = (*INFO.values(), UPTIME, RESTARTED, LOAD, *METRICS.values(), SESSIONS, WARNS, FAILS)
    reasons: ClassVar = {
        **REASONS,
        "too_hot": "the device says that it is hotter than it may be",
        "sensor_critical": "the device says that a part of it has failed or is over its limit",
    }
    rules = (
        DefaultRule("restarted", RESTARTED.name, "has restarted", severity="info", above=0),
        DefaultRule(
            "sensor-warning", WARNS.name, "warns of one of its parts; its check says of which", above=0, hold=60
        ),
        DefaultRule(
            "processor", LOAD.name, "has had its processors more than 90 % busy", above=0.9, clear=0.8, hold=900
        ),
        DefaultRule(
            "memory", METRICS["memory"].name, "has used more than 95 % of its memory", above=0.95, clear=0.93, hold=900
        ),
        DefaultRule(
            "disk-full", METRICS["disk"].name, "has a disk that is more than 90 % full", above=0.9, clear=0.88, hold=600
        ),
        DefaultRule(
            "sessions",
            SESSIONS.name,
            "keeps track of nearly as many connections as it can",
            above=0.9,
            clear=0.8,
            hold=300,
        ),
    )
    per_target = 1

    async def measure(self, timeout: float) -> Measured:
        """Read the system group, then all else that this make of device has."""
        agent = await agent_of(self.engines, self.params, timeout)
        system = await agent.get(*(each.oid for each in _TEXTS), _UPTIME, _HOST_UPTIME, _ENGINE_TIME)
        if all(value is None for value in system.values()):
            agent.lacks("system (SNMPv2-MIB)")
        vendors = vendors_of(text(system[_OBJECT]) or "")
        own = [each for vendor in vendors for each in vendor.texts]
        known = (*texts(_TEXTS, system), *texts(own, await agent.get(*(each.oid for each in own))))
        inventory = await _inventory(agent)
        found = together([await host(agent), await entity_sensors(agent), *await _told(agent, vendors)])
        uptimes = uptimes_of(system)
        restarted = went_back(self.engines.memory.recall(self.check), uptimes)
        self.engines.memory.keep(self.check, dict(uptimes))
        return verdict(agent.whom, Known((*known, *inventory), uptimes, restarted, found))


class Known(NamedTuple):
    """All that a device told: texts by label, uptimes in seconds, and what its tables hold."""

    texts: tuple[tuple[str, str], ...]
    uptimes: Mapping[str, float]
    restarted: bool
    found: Found


def vendors_of(identity: str) -> tuple[Vendor, ...]:
    """Whose MIBs to read of a device, by its sysObjectID."""
    everybody = (*NETWORK, *POWER)
    fitting = tuple(each for each in everybody if any(f"{identity}.".startswith(f"{own}.") for own in each.objects))
    return fitting or tuple(each for each in everybody if each.disguised)


def texts(asked: Iterable[Text], cells: Mapping[str, Value | None]) -> list[tuple[str, str]]:
    """What the instances say, by label."""
    found = list[tuple[str, str]]()
    for each in asked:
        value = cells[each.oid]
        if each.words is None:
            found.append((each.label, text(value) or ""))
        elif (known := integer(value)) is not None:
            found.append((each.label, each.words.get(known, "")))
    return found


def uptimes_of(cells: Mapping[str, Value | None]) -> dict[str, float]:
    """How long the system and its SNMP agent run, in seconds, as far as they tell; the system first."""
    found = dict[str, float]()
    if (ticks := integer(cells[_HOST_UPTIME])) is not None:
        found["system"] = ticks / 100
    if (ticks := integer(cells[_UPTIME])) is not None:
        found["agent"] = uptime_seconds(ticks, integer(cells[_ENGINE_TIME]))
    return found


def went_back(before: Mapping[str, Any], after: Mapping[str, float]) -> bool:
    """Whether the device started anew since what was remembered: by its system's uptime if it tells one.

    One that was near the end of its 497 days has wrapped.
    """
    for name, now in after.items():
        if name in before:
            then = float(before[name])
            return now < then - _SLACK and then % _WRAP < _WRAP - _NEAR_ITS_END
    return False


def verdict(whom: str, known: Known) -> Measured:
    """What a device's answers say of it. Raises Failed when it says that a part of it is critical."""
    found = tuple(samples(known))
    critical = [each for each in known.found.conditions if each.state in _CRITICAL]
    detail = f"{whom}: {'; '.join(_words(known)) or _calls_itself(known)}"
    if not critical:
        return Measured(detail, found)
    said = listed([_condition(each, known.found.figures) for each in critical])
    words = f"{whom}: the device itself reports {said}"
    if all(each.state == HOT for each in critical):
        raise Failed("too_hot", words, found)
    raise Failed("sensor_critical", words, found)


def samples(known: Known) -> Iterator[Sample]:
    """All figures of a device."""
    for label, metric in INFO.items():
        given = dict.fromkeys(_label(words) for of, words in known.texts if of == label)
        yield from (Sample(metric.name, 1, words) for words in given if words)
    yield from (Sample(UPTIME.name, seconds, of) for of, seconds in known.uptimes.items())
    yield Sample(RESTARTED.name, float(known.restarted))
    for quantity, metric in METRICS.items():
        yield from _measured(metric, [each for each in known.found.figures if each.quantity == quantity])
    yield from _shares(known.found.figures)
    conditions = known.found.conditions
    for place, name in part_names({str(place): each.name for place, each in enumerate(conditions, 1)}).items():
        state = conditions[int(place) - 1].state
        yield Sample(WARNS.name, float(state == WARNING), name)
        yield Sample(FAILS.name, float(state in _CRITICAL), name)


def load(figures: Iterable[Figure]) -> float | None:
    """The load of all processors together: firewalls and controllers have some that are busy by design."""
    loads = [each.value for each in figures if each.quantity == "processor"]
    return sum(loads) / len(loads) if loads else None


def _measured(metric: Metric, figures: Sequence[Figure]) -> Iterator[Sample]:
    if not metric.part:
        yield from (Sample(metric.name, each.value) for each in figures[:1])
        return
    names = part_names({str(place): each.name for place, each in enumerate(figures, 1)})
    yield from (Sample(metric.name, figures[int(place) - 1].value, name) for place, name in names.items())


def _shares(figures: Sequence[Figure]) -> Iterator[Sample]:
    if (busy := load(figures)) is not None:
        yield Sample(LOAD.name, busy)
    limit = _first("sessions_most", figures)
    sessions = _first("sessions", figures)
    if limit and sessions is not None:
        yield Sample(SESSIONS.name, sessions / limit)


def _first(quantity: Quantity, figures: Iterable[Figure]) -> float | None:
    return next((each.value for each in figures if each.quantity == quantity), None)


async def _inventory(agent: Agent) -> list[tuple[str, str]]:
    """Model, serial number and version of each chassis of a stack, and the serial number of a printer."""
    classes, printers = await agent.columns(_CLASS, _PRINTER_SERIAL, most=_MOST_CHASSIS)
    rows = [row for row, kind in classes.items() if kind == _IS_CHASSIS]
    asked = {f"{column}.{row}": label for row in rows for label, column in _CHASSIS}
    cells = await agent.get(*asked)
    chassis = [(label, text(cells[oid]) or "") for oid, label in asked.items()]
    return [*chassis, *(("serial", text(value) or "") for value in printers.values())]


async def _told(agent: Agent, vendors: Iterable[Vendor]) -> list[Found]:
    """What the makers' own tables tell."""
    tables = [table for vendor in vendors for table in vendor.tables]
    asked = tuple(dict.fromkeys(oid for table in tables for oid in table.columns))
    columns = dict(zip(asked, await agent.columns(*asked, most=MOST), strict=True))
    return [table.read(columns) for table in tables]


def _label(words: str) -> str:
    return printable(" ".join(words.split()), _LONGEST_TEXT)


def _words(known: Known) -> Iterator[str]:
    """A device in words: what it warns of, how long it runs, how busy and how hot it is."""
    if warned := [each.name for each in known.found.conditions if each.state == WARNING]:
        yield f"warns of {listed([printable(name) for name in warned])}"
    if uptime := next(iter(known.uptimes.values()), None):
        yield f"{'restarted, ' if known.restarted else ''}up {_span(uptime)}"
    for name, value in (("processor", load(known.found.figures)), ("memory", _first("memory", known.found.figures))):
        if value is not None:
            yield f"{name} {value:.0%}"
    if hottest := max((each.value for each in known.found.figures if each.quantity == "celsius"), default=None):
        yield f"up to {hottest:.0f} °C"


def _calls_itself(known: Known) -> str:
    return next((f"answers as {_label(words)[:60]}" for label, words in known.texts if words), "answers")


def _condition(condition: Condition, figures: Iterable[Figure]) -> str:
    """A part that is critical, with its temperature if it is a thermometer."""
    name = printable(condition.name)
    value = next((each.value for each in figures if each[:2] == ("celsius", condition.name)), None)
    said = "too hot" if condition.state == HOT else "critical"
    return f"{name} {said}" + ("" if value is None else f" at {value:.0f} °C")


def _span(seconds: float) -> str:
    days = seconds / 86_400
    return f"{days:.0f} days" if days >= 2 else f"{seconds / 3600:.1f} h"
