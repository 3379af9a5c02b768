"""How a reading of equipment.device shows the facts about a recorded device."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from peers.claims import Claim, Told, one, parts, values

from probes import Reading
from probes._engines.snmp.values import text

_DEVICE = "deskwatch_device_"
CELSIUS, HUMIDITY, RPM = f"{_DEVICE}temperature_celsius", f"{_DEVICE}humidity_ratio", f"{_DEVICE}fan_rpm"
VOLTS, AMPERES, WATTS = f"{_DEVICE}voltage_volts", f"{_DEVICE}current_amperes", f"{_DEVICE}power_watts"
APPARENT, HERTZ, JOULES = (
    f"{_DEVICE}apparent_power_voltamperes",
    f"{_DEVICE}frequency_hertz",
    f"{_DEVICE}energy_joules_total",
)
CONTACT, OUTLET, TUNNELS = f"{_DEVICE}contact_closed", f"{_DEVICE}outlet_on", f"{_DEVICE}tunnels"
MEMORY, LOAD, PROCESSOR = f"{_DEVICE}memory_used_ratio", f"{_DEVICE}load_ratio", f"{_DEVICE}processor_ratio"
STORAGE, STORAGE_BYTES = f"{_DEVICE}storage_used_ratio", f"{_DEVICE}storage_bytes"
WARNING, CRITICAL, UPTIME = f"{_DEVICE}sensor_warning", f"{_DEVICE}sensor_critical", f"{_DEVICE}uptime_seconds"

_WRAP = 2**32 / 100
_STATE_WORD = re.compile(r", (?:Normal|GREEN)$")
_ON: Mapping[str, float] = {"off": 0, "on": 1, "open": 0, "closed": 1, "outletOn": 1, "outletOff": 0}
_STATES = {
    **dict.fromkeys(("ok", "normal", "memNormal", "false", "operational", "phaseLoadNormal", "synchronized"), "ok"),
    **dict.fromkeys(("alarm", "failure", "outOfBoundary", "disconnect", "flooded"), "critical"),
}
"""Those that a recording shows."""


def info(label: str) -> Claim:
    """The fact is a text, which is a part; an empty one is none."""

    def claim(reading: Reading, fact: Any, facts: Mapping[str, Any]) -> Told:
        said = set(parts(reading, f"{_DEVICE}{label}_info"))
        should = set() if fact is None else {" ".join((text(str(fact).encode()) or "").split())[:255]} - {""}
        return said & should or said, should

    return claim


def every_info(label: str) -> Claim:
    """The fact is a column of texts."""
    return lambda reading, fact, facts: (set(parts(reading, f"{_DEVICE}{label}_info")), set(fact.values()))


def uptime(of: str) -> Claim:
    """The agent's begins anew after 497 days; we know better where another clock tells."""

    def claim(reading: Reading, fact: Any, facts: Mapping[str, Any]) -> Told:
        known = reading.value(UPTIME, of)
        return (None if known is None else known % _WRAP), pytest.approx(fact)

    return claim


def engine_time(reading: Reading, fact: Any, facts: Mapping[str, Any]) -> Told:
    """It says how often the agent's uptime began anew, if it is whole rounds ahead of it."""
    rounds = (fact - facts["system"].get("uptime_s", 0)) / _WRAP
    known = reading.value(UPTIME, "agent")
    if known is None or abs(rounds - round(rounds)) > 0.02 or not fact:
        return None
    return known, pytest.approx(fact, abs=0.02 * _WRAP)


def figures(metric: str, scale: float = 1) -> Claim:
    """The fact is a column, or a single number."""

    def claim(reading: Reading, fact: Any, facts: Mapping[str, Any]) -> Told:
        column = fact.values() if isinstance(fact, dict) else [fact]
        known = sorted(value * scale for value in column if value is not None)
        return values(reading, metric), pytest.approx(known)

    return claim


def named(metric: str, name: str, scale: float = 1) -> Claim:
    """The fact is one part of a metric; a word is on or off."""
    return lambda reading, fact, facts: (reading.value(metric, name), pytest.approx(_number(fact) * scale))


def table(
    what: str, figures: Mapping[str, tuple[str, float]], name: str = "", states: tuple[str, ...] = (), real: str = ""
) -> Claim:
    """The fact is a table: columns with the metric and scale of each, the name, states, and what tells a real row."""

    def claim(reading: Reading, fact: Any, facts: Mapping[str, Any]) -> Told:
        rows = {i: row for i, row in fact.items() if not real or row[real] == "online"}
        should = dict[tuple[str, str], Any]()
        for index, row in rows.items():
            called = _STATE_WORD.sub("", row.get(name) or "") or (what if index == "0" else f"{what} {index}")
            known = {metric: (row.get(key), scale) for key, (metric, scale) in figures.items()}
            should |= {
                (metric, called): pytest.approx(_number(v) * k) for metric, (v, k) in known.items() if v is not None
            }
            said = {_STATES[row[state]] for state in states if row.get(state) in _STATES}
            if said:
                should[CRITICAL, called] = float("critical" in said)
        return {key: reading.value(*key) for key in should}, should

    return claim


def _number(value: Any) -> float:
    return _ON[value] if isinstance(value, str) else float(value)


# Sensors of the standard

_ENTITY = {"celsius": CELSIUS, "rpm": RPM, "percentRH": HUMIDITY, "watts": WATTS, "amperes": AMPERES, "hertz": HERTZ}
_ENTITY |= {"voltsAC": VOLTS, "voltsDC": VOLTS}


def entity_sensors(reading: Reading, fact: Any, facts: Mapping[str, Any]) -> Told:
    """Figures by kind; truth values are contacts, of which a value that is neither 1 nor 2 is none."""
    shown = {metric: values(reading, metric) for metric in (*_ENTITY.values(), CONTACT)}
    should: dict[str, Any] = {metric: [] for metric in shown}
    for row in fact.values():
        if row["type"] == "truthvalue" and row["value"] in (1, 2):
            should[CONTACT].append(2 - row["value"])
        elif row["type"] in _ENTITY and row["status"] == "ok":
            should[_ENTITY[row["type"]]].append(row["value"])
    return shown, {metric: pytest.approx(sorted(known), rel=1e-5) for metric, known in should.items()}


# The host


def components(reading: Reading, fact: Any, facts: Mapping[str, Any]) -> Told:
    shown = {state: n for state, n in parts(reading, f"{_DEVICE}components").items() if n}
    return shown, Counter(row["status"] for row in fact.values() if "status" in row)


def storage(reading: Reading, fact: Any, facts: Mapping[str, Any]) -> Told:
    """Sizes and what is used of each, in bytes; a row without a size is none to us."""
    rows = [row for row in fact.values() if row.get("size_units") and "used_units" in row and "alloc_unit" in row]
    used, sizes = parts(reading, STORAGE), parts(reading, STORAGE_BYTES)
    shown = sorted((size, used[name] * size) for name, size in sizes.items())
    should = sorted((row["size_units"] * row["alloc_unit"], row["used_units"] * row["alloc_unit"]) for row in rows)
    return ([n for pair in shown for n in pair], pytest.approx([n for pair in should for n in pair])) if rows else None


def storage_used(reading: Reading, fact: Any, facts: Mapping[str, Any]) -> Told:
    return values(reading, STORAGE), pytest.approx(sorted(share / 100 for share in fact.values()), abs=0.0006)


def memory_size(reading: Reading, fact: Any, facts: Mapping[str, Any]) -> Told:
    """Told as the share that is used."""
    host = facts["host"]
    return reading.value(MEMORY), pytest.approx(1 - host["mem_free_kb"] / host["mem_total_kb"])


def disks(reading: Reading, fact: Any, facts: Mapping[str, Any]) -> Told:
    shares = sorted(1 - row["free_mb"] / row["capacity_mb"] for row in fact.values())
    return values(reading, STORAGE), pytest.approx(shares)


# Power strips and others

_RARITAN = {"1": AMPERES, "4": VOLTS, "5": WATTS, "6": APPARENT, "23": HERTZ}


def raritan(what: str) -> Claim:
    """Sensors by the last of their row's index, which says what it is of."""

    def claim(reading: Reading, fact: Any, facts: Mapping[str, Any]) -> Told:
        names = {i: row["name"] or f"outlet {row['label']}" for i, row in facts["pdu"]["raritan_outlets"].items()}
        should = dict[tuple[str, str], Any]()
        for index, value in fact.items():
            row, _, kind = index.rpartition(".")
            name = names[row] if what == "outlet" else f"inlet {row.partition('.')[2]}"
            should[_RARITAN[kind], name] = pytest.approx(value)
        return {key: reading.value(*key) for key in should}, should

    return claim


def raritan_names(reading: Reading, fact: Any, facts: Mapping[str, Any]) -> Told:
    names = {row["name"] or f"outlet {row['label']}" for row in fact.values()}
    return {name for name in parts(reading, WATTS) if not name.startswith("inlet")}, names


def cluster(words: Mapping[str, str]) -> Claim:
    """The fact is a word, for which we have another."""
    return lambda reading, fact, facts: (set(parts(reading, f"{_DEVICE}cluster_info")), {words.get(fact, fact)})


def service(name: str) -> Claim:
    return lambda reading, fact, facts: (reading.value(WARNING, name), float(fact == "failed"))


def in_celsius(reading: Reading, fact: Any, facts: Mapping[str, Any]) -> Told:
    """The unit is told by figures that are right."""
    rows = [row for group in facts["sensors"].values() if isinstance(group, dict) for row in group.values()]
    known = [row[key] for row in rows for key in ("temperature", "temp_c") if row.get(key) is not None]
    return (values(reading, CELSIUS), pytest.approx(sorted(known))) if fact == "celsius" else None


DEVICE: Mapping[str, Claim] = {
    "system.sysDescr": info("description"),
    "system.sysName": info("name"),
    "system.sysLocation": info("location"),
    "system.sysContact": info("contact"),
    "system.sysObjectID": info("object"),
    "system.uptime_s": uptime("agent"),
    "system.hrSystemUptime_s": uptime("system"),
    "system.snmpEngineTime_s": engine_time,
    "host.cpu_load_pct": figures(PROCESSOR, 0.01),
    "host.cisco_cpu_5min_pct": figures(PROCESSOR, 0.01),
    "host.cpu_pct": one(LOAD, 0.01),
    "host.mem_pct": one(MEMORY, 0.01),
    "host.mem_*_kb": memory_size,
    "host.devices": components,
    "host.storage": storage,
    "host.storage_used_pct": storage_used,
    "entity_sensors": entity_sensors,
    "device.model": info("model"),
    "device.version": info("version"),
    "device.name": info("name"),
    "device.vc_name": info("name"),
    "device.organization": info("organization"),
    "device.dhcp_leases": one(f"{_DEVICE}dhcp_leases"),
    "printer.serial": every_info("serial"),
    "ups.*.model": info("model"),
    "camera.disks": disks,
    "av.system_status": service("system"),
    "av.h323_status": service("H.323 service"),
    "av.sip_status": service("SIP service"),
    "firewall.sessions": one(f"{_DEVICE}sessions"),
    "firewall.states": one(f"{_DEVICE}sessions"),
    "firewall.sessions_max": one(f"{_DEVICE}sessions_limit"),
    "firewall.ha_*e": cluster({"activePassive": "active and passive"}),
    "firewall.ha_status": cluster({}),
    "firewall.ha_sync": lambda reading, fact, facts: (
        [reading.value(WARNING, f"cluster member {member}") for member in fact],
        [float(word != "synchronized") for word in fact.values()],
    ),
    "firewall.vpn": table("tunnel", {"active_tunnels": (TUNNELS, 1)}, "name"),
    "firewall.vpn_tunnel_status": lambda reading, fact, facts: (
        values(reading, TUNNELS),
        sorted(float(word == "up") for word in fact.values()),
    ),
    "sensors.axis_temp": table("temperature", {"celsius": (CELSIUS, 1)}, states=("status",)),
    "sensors.akcp_temp": table("temperature", {"degree": (CELSIUS, 1)}, "descr", ("status",), "online"),
    "sensors.akcp_humidity": table("humidity", {"percent": (HUMIDITY, 0.01)}, "descr", ("status",), "online"),
    "sensors.akcp_switch": table("switch", {}, "descr", ("status",), "online"),
    "sensors.apc_mem": table(
        "sensor", {"temperature": (CELSIUS, 1), "humidity_pct": (HUMIDITY, 0.01)}, "name", ("alarm",)
    ),
    "sensors.apc_mem_units": in_celsius,
    "sensors.geist_units": in_celsius,
    "sensors.geist_internal": table("internal", {"temp_c": (CELSIUS, 1), "humidity_pct": (HUMIDITY, 0.01)}, "name"),
    "sensors.geist_temp_probes": table("probe", {"temp_c": (CELSIUS, 1)}, "name"),
    "sensors.digital1_temp_c": named(CELSIUS, "Ext Sensor 1"),
    "sensors.digital1_humidity_or_analog": named(HUMIDITY, "Ext Sensor 1", 0.01),
    "sensors.digital1_label": lambda reading, fact, facts: (fact in parts(reading, CELSIUS), True),
    "sensors.internal_temp_c": named(CELSIUS, "internal"),
    "sensors.internal_temp_f": lambda reading, fact, facts: (
        reading.value(CELSIUS, "internal"),
        pytest.approx((fact - 32) / 1.8, abs=0.1),
    ),
    "sensors.switch1": named(CONTACT, "switch 1"),
    "sensors.switch2": named(CONTACT, "switch 2"),
    "sensors.relay": named(CONTACT, "relay"),
    "sensors.hwg": lambda reading, fact, facts: (
        [reading.value(CELSIUS if row["unit"] == "celsius" else CONTACT, row["name"]) for row in fact.values()],
        pytest.approx([row["value"] for row in fact.values()]),
    ),
    "sensors.inputs": table("input", {"value": (CONTACT, 1)}, "name", ("alarm",)),
    "sensors.water_leak": table("water", {}, "name", ("state", "value")),
    "sensors.fortigate_hw": table("sensor", {"value": (CELSIUS, 1)}, "name", ("alarm",)),
    "sensors.cisco_temp": table("temperature", {"celsius": (CELSIUS, 1)}, "descr", ("state",)),
    "sensors.cisco_fan": table("fan", {}, "descr", ("state",)),
    "sensors.cisco_psu": table("power supply", {}, "descr", ("state",)),
    "sensors.netgear_fan": table("fan", {}, states=("state",)),
    "sensors.netgear_temp": table("temperature", {"celsius": (CELSIUS, 1)}, states=("state",)),
    "sensors.liebert_temp_c": figures(CELSIUS),
    "sensors.temp_c": figures(CELSIUS),
    "sensors.voltage_v": figures(VOLTS),
    "pdu.apc_outlets": table("outlet", {"state": (OUTLET, 1)}, "name"),
    "pdu.gude_ports": lambda reading, fact, facts: (
        [reading.value(OUTLET, f"outlet {index}") for index in fact],
        [_number(word) for word in fact.values()],
    ),
    "pdu.apc_power_w": named(WATTS, "power strip"),
    "pdu.apc_rpdu2_device": table("power strip", {"power_kw": (WATTS, 1000)}, "name"),
    "pdu.apc_rpdu2_phase": table("phase", {"current_a": (AMPERES, 1), "voltage_v": (VOLTS, 1)}),
    "pdu.apc_rpdu_load": table("load", {"load_a": (AMPERES, 1)}),
    "pdu.cps_load": table("load", {"load_a": (AMPERES, 1), "voltage_v": (VOLTS, 1), "power_w": (WATTS, 1)}),
    "pdu.gude_channel": table(
        "channel",
        {
            "energy_wh": (JOULES, 3600),
            "power_w": (WATTS, 1),
            "current_a": (AMPERES, 1),
            "voltage_v": (VOLTS, 1),
            "freq_hz": (HERTZ, 1),
        },
    ),
    "pdu.raritan_inlet_sensors": raritan("inlet"),
    "pdu.raritan_outlet_sensors": raritan("outlet"),
    "pdu.raritan_outlets": raritan_names,
    "pdu.vertiv_total": table(
        "power strip", {"power_w": (WATTS, 1), "apparent_va": (APPARENT, 1), "energy_wh": (JOULES, 3600)}, "label"
    ),
}
