"""Which of the facts about recorded devices each kind of probe tells, and how its reading shows them.

A kind has a line in TOLD: its settings, and for each fact (by its dotted path; `*` is any MIB) what its reading shows
and what it should. None where this device lacks what the kind needs for it. What no line claims is told by nobody.
"""

from collections import Counter
from collections.abc import Mapping
from itertools import groupby
from typing import Any

import pytest
from peers.claims import Claim, Line, Told, one, part, parts, summed, values
from peers.told_device import DEVICE

from probes import Reading

# Network interfaces

UP, ENABLED, SPEED = (
    "deskwatch_interface_up",
    "deskwatch_interface_enabled",
    "deskwatch_interface_speed_bits_per_second",
)


def rows(facts: Mapping[str, Any], *has: str) -> dict[str, Any] | None:
    """The interfaces that say how they are, None if one of them lacks something."""
    found = {i: row for i, row in facts["interfaces"]["table"].items() if "ifOperStatus" in row}
    return found if found and all(key in row for row in found.values() for key in has) else None


def interface_count(reading: Reading, fact: Any, facts: Mapping[str, Any]) -> Told:
    """An interface that does not say how it is, is none to us."""
    return (reading.value("deskwatch_interfaces"), fact) if len(rows(facts) or {}) == fact else None


def interface_up(reading: Reading, fact: Any, facts: Mapping[str, Any]) -> Told:
    return (sum(values(reading, UP)), fact) if rows(facts) else None


def interface_without_link(reading: Reading, fact: Any, facts: Mapping[str, Any]) -> Told:
    found = rows(facts, "ifAdminStatus")
    if found is None:
        return None
    up, enabled = parts(reading, UP), parts(reading, ENABLED)
    without = [i for i in fact if found[str(i)]["ifOperStatus"] != "unknown"]
    return sum(1 for name, link in up.items() if enabled[name] and not link), len(without)


def interface_states(reading: Reading, fact: Any, facts: Mapping[str, Any]) -> Told:
    found = rows(facts, "ifAdminStatus")
    if found is None:
        return None
    up, enabled = parts(reading, UP), parts(reading, ENABLED)
    shown = Counter((on == 1, up.get(name)) for name, on in enabled.items())
    words = {"up": 1.0, "unknown": None}
    states = [(row["ifAdminStatus"] == "up", words.get(row["ifOperStatus"], 0.0)) for row in found.values()]
    return shown, Counter(states)


def interface_speeds(reading: Reading, fact: Any, facts: Mapping[str, Any]) -> Told:
    """Of the interfaces that are up: what ifSpeed is too narrow for is not known."""
    found = rows(facts) or {}
    up = {index: row for index, row in found.items() if row["ifOperStatus"] == "up"}
    speeds = {index: speed for index, speed in fact.items() if index in up and speed}
    known = [speed for index, speed in speeds.items() if speed < 4_290_000_000 or up[index].get("ifHighSpeed")]
    return (values(reading, SPEED), sorted(known)) if found else None


def interface_names(reading: Reading, fact: Any, facts: Mapping[str, Any]) -> Told:
    """Interfaces are called by their ifName, where each that says how it is has one."""
    names = [row["ifName"] for row in (rows(facts, "ifName") or {}).values() if row["ifName"]]
    return (set(names) - set(parts(reading, ENABLED)), set()) if len(names) == fact else None


INTERFACES: Mapping[str, Claim] = {
    "interfaces.ifname_rows": interface_names,
    "interfaces.count": interface_count,
    "interfaces.oper_up": interface_up,
    "interfaces.admin_up_not_oper_up": interface_without_link,
    "interfaces.table": interface_states,
    "interfaces.speed_bps": interface_speeds,
}

# Power supplies

_YES = {"no": 0.0, "yes": 1.0}
_AWAY = {"batteryLow": 1.0, "batteryDepleted": 1.0, "batteryNormal": 0.0}


def said(metric: str, words: Mapping[str, float]) -> Claim:
    """The fact is a word."""
    return lambda reading, fact, facts: (reading.value(metric), words[fact]) if fact in words else None


def of_first_mib(metric: str, scale: float = 1) -> Claim:
    """The highest of a fact's lines, in the MIB that is trusted most: of another, only what that one lacks is told."""

    def claim(reading: Reading, fact: Any, facts: Mapping[str, Any]) -> Told:
        mibs = list(facts["ups"].values())
        if len(mibs) > 1 and not any(fact is found for found in mibs[0].values()):
            return None
        most = max(fact.values()) if isinstance(fact, dict) else fact
        return reading.value(metric), pytest.approx(most * scale)

    return claim


def ups_temperature(reading: Reading, fact: Any, facts: Mapping[str, Any]) -> Told:
    """0 is sent for a sensor that is not there."""
    return reading.value("deskwatch_ups_battery_celsius"), pytest.approx(fact) if fact else None


def ups_power(reading: Reading, fact: Any, facts: Mapping[str, Any]) -> Told:
    return reading.value("deskwatch_ups_output_watts"), sum(fact.values())


UPS: Mapping[str, Claim] = {
    "ups_summary.on_battery": said("deskwatch_ups_on_battery", _YES),
    "ups_summary.charge_pct": one("deskwatch_ups_charge_ratio", 0.01),
    "ups_summary.load_pct": one("deskwatch_ups_load_ratio", 0.01),
    "ups_summary.runtime_s": one("deskwatch_ups_runtime_seconds"),
    "ups_summary.replace_battery": said("deskwatch_ups_replace_battery", _YES),
    "ups.*.battery_status": said("deskwatch_ups_battery_low", _AWAY),
    "ups.*.battery_temp_c*": ups_temperature,
    "ups.*.charge_pct*": of_first_mib("deskwatch_ups_charge_ratio", 0.01),
    "ups.*.runtime_s": of_first_mib("deskwatch_ups_runtime_seconds"),
    "ups.*.runtime_min": of_first_mib("deskwatch_ups_runtime_seconds", 60),
    "ups.*.replace_battery": said("deskwatch_ups_replace_battery", _YES),
    "ups.*.low_battery": said("deskwatch_ups_battery_low", _YES),
    "ups.*.on_battery": said("deskwatch_ups_on_battery", _YES),
    "ups.*.on_bypass": said("deskwatch_ups_on_bypass", _YES),
    "ups.*.input_voltage*": of_first_mib("deskwatch_ups_input_volts"),
    "ups.*.load_pct*": of_first_mib("deskwatch_ups_load_ratio", 0.01),
    "ups.*.output_load_pct": of_first_mib("deskwatch_ups_load_ratio", 0.01),
    "ups.*.output_voltage*": of_first_mib("deskwatch_ups_output_volts"),
    "ups.*.output_power_w": ups_power,
    "ups.*.battery_voltage": of_first_mib("deskwatch_ups_battery_volts"),
    "ups.*.input_freq_hz": of_first_mib("deskwatch_ups_input_hertz"),
    "ups.*.seconds_on_battery": one("deskwatch_ups_on_battery_seconds"),
    "ups.*.alarms_present": one("deskwatch_ups_alarms"),
    "ups.*.output_source": said("deskwatch_ups_on_battery", {"normal": 0.0, "battery": 1.0}),
    "ups.*.output_status": said("deskwatch_ups_on_battery", {"onLine": 0.0, "onBattery": 1.0}),
}

# Printers

_PROBLEMS = {"lowPaper": "low_paper", "lowToner": "low_toner", "serviceRequested": "service_requested"}
"""Those that a recording shows."""


def printer_problems(reading: Reading, fact: Any, facts: Mapping[str, Any]) -> Told:
    shown = {name for name, value in parts(reading, "deskwatch_printer_problem").items() if value}
    return shown, {_PROBLEMS[bit] for bits in fact.values() for bit in bits}


def printer_supplies(reading: Reading, fact: Any, facts: Mapping[str, Any]) -> Told:
    shown = values(reading, "deskwatch_printer_supply_ratio") + values(reading, "deskwatch_printer_waste_room_ratio")
    levels = [level for level in facts["printer"]["supply_level_pct"].values() if isinstance(level, int)]
    return sorted(int(100 * ratio + 0.5) for ratio in shown), sorted(levels)


def printer_trays(reading: Reading, fact: Any, facts: Mapping[str, Any]) -> Told:
    trays = [row for row in fact.values() if row["level"] >= 0 and row["max"] > 0]
    return values(reading, "deskwatch_printer_tray_ratio"), sorted(row["level"] / row["max"] for row in trays)


def printer_pages(reading: Reading, fact: Any, facts: Mapping[str, Any]) -> Told:
    return reading.value("deskwatch_printer_pages_total"), max(fact.values(), default=None)


PRINTER: Mapping[str, Claim] = {
    "printer.detected_errors": printer_problems,
    "printer.supply_level_pct": printer_supplies,
    "printer.supplies": printer_supplies,
    "printer.input_trays": printer_trays,
    "printer.page_count": printer_pages,
}

# Wi-Fi

_WIFI = "deskwatch_wifi_"
POINTS, POINT_UP, POINT_CLIENTS = f"{_WIFI}access_points", f"{_WIFI}access_point_up", f"{_WIFI}access_point_clients"
SSID_CLIENTS, SSID_RADIOS, CLIENTS = f"{_WIFI}ssid_clients", f"{_WIFI}ssid_radios", f"{_WIFI}clients"
CHANNEL, BUSY = f"{_WIFI}channel", f"{_WIFI}channel_utilization_ratio"
RADIO_CLIENTS, RADIO_UP = f"{_WIFI}radio_clients", f"{_WIFI}radio_up"
_LINKS = ("vwire-", "GWN-MESH-")  # links between access points look like networks


def by_network(reading: Reading, fact: Any, facts: Mapping[str, Any]) -> Told:
    """Devices by network."""
    return parts(reading, SSID_CLIENTS), {name: n for name, n in fact.items() if not name.startswith(_LINKS)}


def network_rows(reading: Reading, fact: Any, facts: Mapping[str, Any]) -> Told:
    """Rows of networks, one for each radio or zone: devices, radios or whether it is on, whatever the device tells."""
    listed = [row for row in fact.values() if not row["ssid"].startswith(_LINKS)]
    named = groupby(sorted(listed, key=lambda row: str(row["ssid"])), lambda row: row["ssid"])
    groups = {name: list(found) for name, found in named}
    enabled = {name: float(found[0]["status"] == "enable") for name, found in groups.items() if "status" in found[0]}
    clients = {name: _sum(row.get("clients") for row in found) for name, found in groups.items()}
    devices = {name: number for name, number in clients.items() if number is not None}
    radios = parts(reading, SSID_RADIOS)
    shown = parts(reading, f"{_WIFI}ssid_enabled"), parts(reading, SSID_CLIENTS), radios
    should = enabled, devices, {name: len(found) for name, found in groups.items()} if radios else {}
    return (shown, should) if any(should) else None


def _sum(counts: Any) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def all_points(reading: Reading, fact: Any, facts: Mapping[str, Any]) -> Told:
    return sum(values(reading, POINTS)), fact


def point_rows(reading: Reading, fact: Any, facts: Mapping[str, Any]) -> Told:
    """Access points: which there are, how they are, and how many devices are on them."""
    shown, clients = parts(reading, POINT_UP), parts(reading, POINT_CLIENTS)
    states = {row["name"]: row["status"] in ("up", "online") if "status" in row else True for row in fact.values()}
    devices = {row["name"]: row["clients"] for row in fact.values() if row.get("clients") is not None}
    return (shown, clients if devices else {}), (states, devices)


def by_point(reading: Reading, fact: Any, facts: Mapping[str, Any]) -> Told:
    """Devices by access point, which is named or numbered."""
    points = facts["wifi"]["aps"]
    return parts(reading, POINT_CLIENTS), {points[key]["name"] if key in points else key: n for key, n in fact.items()}


def point_states(reading: Reading, fact: Any, facts: Mapping[str, Any]) -> Told:
    return parts(reading, POINT_UP), {name: word == "online" for name, word in fact.items()}


def radio_rows(reading: Reading, fact: Any, facts: Mapping[str, Any]) -> Told:
    """Radios: channel, how busy it is, and whether it is on. Aruba adds 256 to the number of a wide channel."""
    channels = sorted(row["channel"] & 0xFF for row in fact.values() if row.get("channel"))
    busy = [row[key] / 100 for row in fact.values() for key in ("utilization_pct", "cu_total_pct") if key in row]
    up = sorted(float(row["status"] == "up") for row in fact.values() if "status" in row)
    shown = values(reading, CHANNEL) if channels else [], values(reading, BUSY), values(reading, RADIO_UP)
    return shown, (channels, sorted(busy), up)


def column(metric: str) -> Claim:
    """The fact is a column of what a metric has as parts."""
    return lambda reading, fact, facts: (values(reading, metric), sorted(fact.values()))


def channel_of_frequency(reading: Reading, fact: Any, facts: Mapping[str, Any]) -> Told:
    return values(reading, CHANNEL), [(fact - 5000) / 5]


def extensions(reading: Reading, fact: Any, facts: Mapping[str, Any]) -> Told:
    """Lines of text by name."""
    shown = {"clients-wlan": reading.value(CLIENTS)}
    shown |= {f"clients-{name}": number for name, number in parts(reading, RADIO_CLIENTS).items()}
    return shown, {name: float(line) for name, line in fact.items() if name.startswith("clients-")}


def nodes(reading: Reading, fact: Any, facts: Mapping[str, Any]) -> Told:
    return reading.value(POINTS, "online"), sum(fact.values())


WIFI: Mapping[str, Claim] = {
    "wifi.clients_total": one(CLIENTS),
    "wifi.clients_total_scalar": one(CLIENTS),
    "wifi.clients_total_from_radios": summed(POINT_CLIENTS),
    "wifi.clients_by_ssid": by_network,
    "wifi.clients_by_ssid_from_bssids": by_network,
    "wifi.clients_by_ap": by_point,
    "wifi.clients_by_ap_mac": by_point,
    "wifi.clients_by_radio": column(RADIO_CLIENTS),
    "wifi.channel_by_radio": column(CHANNEL),
    "wifi.freq_mhz": channel_of_frequency,
    "wifi.ssids": network_rows,
    "wifi.wlans": network_rows,
    "wifi.vaps": network_rows,
    "wifi.ap_total": all_points,
    "wifi.ap_registered": all_points,
    "wifi.ap_up": part(POINTS, "online"),
    "wifi.ap_managed": part(POINTS, "online"),
    "wifi.ap_connected": part(POINTS, "online"),
    "wifi.ap_connected_scalar": part(POINTS, "online"),
    "wifi.ap_total_scalar": part(POINTS, "online"),
    "wifi.ap_connected_by_node": nodes,
    "wifi.ap_status_by_mac": point_states,
    "wifi.aps": point_rows,
    "wifi.radios": radio_rows,
    "wifi.radios_up": summed(RADIO_UP),
    "wifi.radios_total": lambda reading, fact, facts: (len(values(reading, RADIO_UP)), fact),
    "extend.first_line": extensions,
}

TOLD = (
    Line("equipment.interfaces", {"watch": ["."]}, INTERFACES),
    Line("equipment.ups", {}, UPS),
    Line("equipment.printer", {}, PRINTER),
    Line("wifi.snmp", {}, WIFI),
    Line("equipment.device", {}, DEVICE),
)
