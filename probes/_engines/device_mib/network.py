"""What makers of network gear, cameras and room systems tell of their devices in MIBs of their own."""

import re
from collections.abc import Mapping

from probes._engines.device_mib.tables import (
    CRITICAL,
    HOT,
    OK,
    WARNING,
    Columns,
    Condition,
    Figure,
    Found,
    Measure,
    Quantity,
    Rows,
    State,
    States,
    Table,
    Text,
    Vendor,
    one,
    plausible,
)
from probes._engines.snmp.agent import words_of
from probes._engines.snmp.values import integer, number

_ENTERPRISES = "1.3.6.1.4.1"
_PERCENT = 0.01
_MEGABYTE = 10**6

_CISCO, _AIRESPACE = f"{_ENTERPRISES}.9.9", f"{_ENTERPRISES}.14179.1.1.5"
_FORTIGATE, _FORTIAP = f"{_ENTERPRISES}.12356.101", f"{_ENTERPRISES}.12356.120"
_MIKROTIK, _NETGEAR = f"{_ENTERPRISES}.14988.1.1", f"{_ENTERPRISES}.4526.10.43.1"
_SOPHOS, _PALO_ALTO = f"{_ENTERPRISES}.2604.5.1", f"{_ENTERPRISES}.25461.2.1.2"
_SONICWALL, _POLY = f"{_ENTERPRISES}.8741", f"{_ENTERPRISES}.13885.101.1"
_AEROHIVE, _UNIFI = f"{_ENTERPRISES}.26928.1.2", f"{_ENTERPRISES}.41112.1.6.3"
_RUCKUS_ZD, _UNLEASHED = f"{_ENTERPRISES}.25053.1.2.1.1.1.1", f"{_ENTERPRISES}.25053.1.15.1.1.1"
_GRANDSTREAM, _AXIS = f"{_ENTERPRISES}.42397.1.1.2", f"{_ENTERPRISES}.368.4.1.3.1"
_HIKVISION = f"{_ENTERPRISES}.50001.1"

_CISCO_STATES: Mapping[int, State] = {1: OK, 2: WARNING, 3: CRITICAL, 4: CRITICAL, 6: CRITICAL}  # 5: not there
_CISCO_HEAT: Mapping[int, State] = {**_CISCO_STATES, 3: HOT, 4: HOT}
_POLY_STATES: Mapping[int, State] = {2: OK, 3: WARNING}  # 1: not used
_NETGEAR_STATES: Mapping[int, State] = {0: WARNING, 1: OK, 2: WARNING, 3: HOT, 4: HOT, 6: CRITICAL}
_HARDWARE = tuple(f"{_FORTIGATE}.4.3.2.1.{column}" for column in (2, 3, 4))
_QUANTITY_OF_NAME: tuple[tuple[re.Pattern[str], Quantity], ...] = (
    (re.compile("temp", re.IGNORECASE), "celsius"),
    (re.compile("fan", re.IGNORECASE), "rpm"),
    (re.compile(r"volt|vcc|vdd|\d\s?v\b", re.IGNORECASE), "volts"),
)
_AIRESPACE_MEMORY = (f"{_AIRESPACE}.2", f"{_AIRESPACE}.3")
_DISKS = (f"{_HIKVISION}.241.1.5", f"{_HIKVISION}.241.1.4")


def fortigate_sensors(columns: Columns) -> Found:
    """The sensors of a FortiGate: what one measures, its name alone says. Their values are texts."""
    names, values, alarms = (columns[oid] for oid in _HARDWARE)
    figures, conditions = list[Figure](), list[Condition]()
    for index, value in values.items():
        name = words_of(names, index)
        quantity = next((quantity for like, quantity in _QUANTITY_OF_NAME if like.search(name)), None)
        if quantity is None:
            continue
        known = plausible(quantity, number(value))
        if known is not None:
            figures.append(Figure(quantity, name, known))
        alarm: State = HOT if quantity == "celsius" else CRITICAL
        conditions.append(Condition(name, alarm if alarms.get(index) == 1 else OK))
    return Found(tuple(figures), tuple(conditions))


def memory_of_total(columns: Columns) -> Found:
    """The memory of a wireless controller, which tells all of it and what is free."""
    total, free = (integer(columns[oid].get("0")) for oid in _AIRESPACE_MEMORY)
    known = plausible("memory", 1 - free / total) if total and free is not None else None
    return Found(() if known is None else (Figure("memory", "", known),))


def disks_of_recorder(columns: Columns) -> Found:
    """The disks of a video recorder, in megabytes. They are meant to be full: the oldest goes first."""
    sizes, free = (columns[oid] for oid in _DISKS)
    found = list[Figure]()
    for index, value in sizes.items():
        size, left = integer(value), integer(free.get(index))
        if size and size > 0 and left is not None and 0 <= left <= size:
            name = f"disk {index}"
            found += [Figure("storage_bytes", name, size * _MEGABYTE), Figure("storage", name, 1 - left / size)]
    return Found(tuple(found))


def _envmon(what: str, table: str, state: int, words: Mapping[int, State], *measures: Measure) -> Table:
    """A table of CISCO-ENVMON-MIB."""
    return Table(what, measures, f"{table}.2", (States(f"{table}.{state}", words),))


NETWORK: tuple[Vendor, ...] = (
    Vendor(
        (f"{_ENTERPRISES}.9",),
        tables=(
            _envmon("temperature", f"{_CISCO}.13.1.3.1", 6, _CISCO_HEAT, Measure(f"{_CISCO}.13.1.3.1.3", "celsius")),
            _envmon("fan", f"{_CISCO}.13.1.4.1", 3, _CISCO_STATES),
            _envmon("power supply", f"{_CISCO}.13.1.5.1", 3, _CISCO_STATES),
            Table("processor", (Measure(f"{_CISCO}.109.1.1.1.1.8", "processor", _PERCENT),)),
            one(f"{_AIRESPACE}.1", "processor", _PERCENT, "processor"),
            Rows(_AIRESPACE_MEMORY, memory_of_total),
        ),
    ),
    Vendor(
        (_FORTIGATE,),
        (
            Text("version", f"{_FORTIGATE}.4.1.1.0"),
            Text(
                "cluster",
                f"{_FORTIGATE}.13.1.1.0",
                {1: "standalone", 2: "active and active", 3: "active and passive"},
            ),
        ),
        (
            one(f"{_FORTIGATE}.4.1.3", "processor", _PERCENT, "processor"),
            one(f"{_FORTIGATE}.4.1.4", "memory", _PERCENT),
            one(f"{_FORTIGATE}.4.1.8", "sessions"),
            Rows(_HARDWARE, fortigate_sensors),
            Table(
                "tunnel",
                (Measure(f"{_FORTIGATE}.12.2.2.1.20", "tunnels", words={1: 0, 2: 1}),),
                f"{_FORTIGATE}.12.2.2.1.3",
            ),
            Table("cluster member", states=(States(f"{_FORTIGATE}.13.2.1.1.12", {0: WARNING, 1: OK}),)),
        ),
    ),
    Vendor(
        (_FORTIAP,),
        (Text("version", f"{_FORTIAP}.1.1.0"),),
        (
            one(f"{_FORTIAP}.3.41", "processor", _PERCENT, "processor"),
            one(f"{_FORTIAP}.3.42", "memory", _PERCENT),
            one(f"{_FORTIAP}.3.44", "celsius", what="temperature"),
        ),
    ),
    Vendor(
        (f"{_ENTERPRISES}.25461",),
        (Text("version", f"{_PALO_ALTO}.1.1.0"), Text("cluster", f"{_PALO_ALTO}.1.11.0")),
        (one(f"{_PALO_ALTO}.3.3", "sessions"), one(f"{_PALO_ALTO}.3.2", "sessions_most")),
    ),
    Vendor((f"{_ENTERPRISES}.12325",), tables=(one(f"{_ENTERPRISES}.12325.1.200.1.3.1", "sessions"),)),
    Vendor(
        (f"{_ENTERPRISES}.2604",),
        (
            Text("version", f"{_SOPHOS}.1.3.0"),
            Text("cluster", f"{_SOPHOS}.4.1.0", {0: "disabled", 1: "enabled"}),
        ),
        (Table("tunnel", (Measure(f"{_SOPHOS}.6.1.1.1.1.8", "tunnels"),), f"{_SOPHOS}.6.1.1.1.1.2"),),
    ),
    Vendor(
        (_SONICWALL,),
        (Text("model", f"{_SONICWALL}.2.1.1.1.0"), Text("version", f"{_SONICWALL}.2.1.1.3.0")),
        (
            one(f"{_SONICWALL}.1.3.1.4", "memory", _PERCENT),
            one(f"{_SONICWALL}.1.3.1.2", "sessions"),
            one(f"{_SONICWALL}.1.3.1.1", "sessions_most"),
        ),
        disguised=True,
    ),
    Vendor(
        (f"{_ENTERPRISES}.14988",),
        (Text("version", f"{_MIKROTIK}.4.4.0"),),
        (
            one(f"{_MIKROTIK}.3.10", "celsius", 0.1, "temperature"),
            one(f"{_MIKROTIK}.3.8", "volts", 0.1, "voltage"),
            one(f"{_MIKROTIK}.6.1", "leases"),
        ),
    ),
    Vendor(
        (f"{_ENTERPRISES}.4526",),
        tables=(
            Table("fan", states=(States(f"{_NETGEAR}.6.1.3", {2: OK, 3: CRITICAL}),)),
            Table(
                "temperature",
                (Measure(f"{_NETGEAR}.8.1.5", "celsius"),),
                states=(States(f"{_NETGEAR}.8.1.4", _NETGEAR_STATES),),
            ),
        ),
    ),
    Vendor(
        (f"{_ENTERPRISES}.368",),
        tables=(
            Table(
                "temperature",
                (Measure(f"{_AXIS}.4", "celsius"),),
                states=(States(f"{_AXIS}.3", {1: OK, 2: CRITICAL, 3: CRITICAL}),),
            ),
        ),
    ),
    Vendor(
        (f"{_ENTERPRISES}.50001",),
        tables=(
            one(f"{_HIKVISION}.221", "memory", _PERCENT),
            Rows(_DISKS, disks_of_recorder),
        ),
    ),
    Vendor(
        (f"{_ENTERPRISES}.2684", f"{_ENTERPRISES}.13885"),
        tables=(
            Table("system", states=(States(f"{_POLY}.1.6", _POLY_STATES),)),
            Table("H.323 service", states=(States(f"{_POLY}.2.7.1", _POLY_STATES),)),
            Table("SIP service", states=(States(f"{_POLY}.2.8.1", _POLY_STATES),)),
        ),
    ),
    Vendor(
        (f"{_ENTERPRISES}.26928",),
        (Text("name", f"{_AEROHIVE}.1.0"), Text("model", f"{_AEROHIVE}.6.0")),
        (
            one(f"{_AEROHIVE}.3", "processor", _PERCENT, "processor"),
            one(f"{_AEROHIVE}.4", "memory", _PERCENT),
        ),
    ),
    Vendor(
        (f"{_ENTERPRISES}.25053",),
        (
            Text("model", f"{_RUCKUS_ZD}.9.0"),
            Text("model", f"{_UNLEASHED}.1.9.0"),
            Text("version", f"{_UNLEASHED}.1.18.0"),
        ),
        (
            one(f"{_UNLEASHED}.15.13", "processor", _PERCENT, "processor"),
            one(f"{_UNLEASHED}.15.14", "memory", _PERCENT),
        ),
    ),
    Vendor((f"{_ENTERPRISES}.14823",), (Text("name", f"{_ENTERPRISES}.14823.2.3.3.1.1.2.0"),)),
    Vendor((f"{_ENTERPRISES}.17713",), (Text("version", f"{_ENTERPRISES}.17713.21.1.1.17.0"),)),
    Vendor((f"{_ENTERPRISES}.29671",), (Text("organization", f"{_ENTERPRISES}.29671.1.1.1.0"),)),
    Vendor(
        (f"{_ENTERPRISES}.42397",),
        (
            Text("model", f"{_GRANDSTREAM}.1.0"),
            Text("name", f"{_GRANDSTREAM}.2.0"),
            Text("version", f"{_GRANDSTREAM}.4.0"),
        ),
        disguised=True,
    ),
    Vendor(
        (f"{_ENTERPRISES}.41112",),
        (Text("model", f"{_UNIFI}.3.0"), Text("version", f"{_UNIFI}.6.0")),
        disguised=True,
    ),
)
"""By the number that IANA gave each maker."""
