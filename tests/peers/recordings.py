"""Recordings of real devices, and how a fact about one comes out of its columns.

The recordings are not part of the project; DESKWATCH_RECORDINGS names the folder that has them.
"""

import json
import os
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from probes._engines.snmp.values import Value, index_octets, index_text, integer, mac, number, octets, set_bits, text

ROOT = Path(__file__).parents[2]
RECORDINGS = (ROOT / os.environ.get("DESKWATCH_RECORDINGS", "../shared/snmp")).resolve()
NAMES = sorted(path.stem for path in (RECORDINGS / "facts").glob("*.json"))

Facts = dict[str, Any]
Column = Mapping[str, Value]


def facts_of(name: str) -> Facts:
    """What is known about a device: how to ask it, the facts as a tree, and what each is made of."""
    known: Facts = json.loads((RECORDINGS / "facts" / f"{name}.json").read_text())
    return known


def expected(known: Facts, path: str) -> Any:
    """A fact by its dotted path; below "ups" a MIB's name may have dots."""
    found = known["facts"]
    for key in path.split(".", 2) if path.startswith("ups.") else path.split("."):
        found = found[key]
    return found


def convert(value: Value | None, rule: Facts) -> Any:
    """A value as its fact is written down."""
    kind = rule.get("as", "int")
    if kind == "auto":
        kind = "text" if isinstance(value, bytes) else "int"
    if kind in {"text", "oid", "ip"}:
        return text(value)
    if kind == "num":
        return number(value)
    count = integer(value)
    if count is None or count in rule.get("null_if", ()):
        return None
    if kind == "ticks_s":
        return round(count / 100, 2)
    if "map" in rule:
        return rule["map"].get(str(count), rule["map"].get("*", f"unknown({count})"))
    return round(count * rule["scale"], 6) if "scale" in rule else count


def index_name(index: str, how: str) -> str:
    arcs = [int(arc) for arc in index.split(".")]
    if how == "mac" and len(arcs) == 6:
        return mac(arcs)
    if how == "mac.n" and len(arcs) == 7:
        return f"{mac(arcs[:6])}.{arcs[6]}"
    if how == "lpmac" and len(arcs) == 7 and arcs[0] == 6:
        return mac(arcs[1:])
    if how == "lpstr" and (name := index_text(index)) is not None:
        return name
    return index


def numbers(column: Column) -> list[int]:
    return [value for value in column.values() if isinstance(value, int)]


def table(rows: Mapping[str, Column], rule: Facts) -> Any:
    found: dict[str, dict[str, Any]] = {}
    for name, column in rule["columns"].items():
        for index, value in rows[column["oid"]].items():
            found.setdefault(index_name(index, rule.get("index", "raw")), {})[name] = convert(value, column)
    return found


def sum_by(rows: Mapping[str, Column], rule: Facts) -> Any:
    values, sums = rows[rule["value"]], dict[str, int | None]()
    for index, key in rows[rule["key"]].items():
        name = text(key) or ""
        if index not in values or (not name and rule.get("skip_empty_key")):
            continue
        count = integer(values[index])
        sums[name] = sums.get(name) if count is None else (sums.get(name) or 0) + count
    return sums


def sum_by_index_prefix(rows: Mapping[str, Column], rule: Facts) -> Any:
    sums: Counter[str] = Counter()
    for index, value in rows[rule["value"]].items():
        sums[mac((index_octets(index) or b"")[: rule["n"]])] += integer(value) or 0
    return dict(sums)


def administratively_up_but_down(rows: Mapping[str, Column], rule: Facts) -> Any:
    states = rows[rule["oper"]]
    up = [index for index, value in rows[rule["admin"]].items() if value == 1]
    return [int(index) for index in up if states.get(index, 1) != 1]


def speed(rows: Mapping[str, Column], rule: Facts) -> Any:
    """ifHighSpeed is in Mbit/s, but for devices that give bit/s; ifSpeed where there is none."""
    found = {index: value for index, value in rows[rule["low"]].items() if isinstance(value, int)}
    for index, value in rows[rule["high"]].items():
        if isinstance(value, int) and value > 0:
            found[index] = value if value >= 10**7 else value * 10**6
    return found


def ratio(rows: Mapping[str, Column], rule: Facts) -> Any:
    found = {}
    for index, whole in rows[rule["den"]].items():
        part = integer(rows[rule["num"]].get(index))
        if part is not None and isinstance(whole, int) and whole > 0:
            found[index] = round(100 * part / whole, 1)
    return found


def supply(rows: Mapping[str, Column], rule: Facts) -> Any:
    found: dict[str, Any] = {}
    for index, level in rows[rule["level"]].items():
        most = integer(rows[rule["max"]].get(index)) or 0
        if isinstance(level, int) and level < 0:
            found[index] = {-3: "someRemaining", -2: "unknown"}.get(level, "noRestriction")
        elif isinstance(level, int):
            found[index] = int(100 * level / most + 0.5) if most > 0 else "noMax"
    return found


def bits(rows: Mapping[str, Column], rule: Facts) -> Any:
    return {
        index: [rule["names"][bit] for bit in set_bits(value) if bit < len(rule["names"])]
        for index, value in rows[rule["oid"]].items()
    }


def sensors(rows: Mapping[str, Column], rule: Facts) -> Any:
    found = {}
    for index, value in rows[rule["value"]].items():
        if not isinstance(value, int):
            continue
        cell = {name: rows[rule[name]].get(index) for name in ("type", "scale", "precision", "status", "name", "descr")}
        scale, precision = integer(cell["scale"]), integer(cell["precision"]) or 0
        real = value * 10.0 ** (3 * ((9 if scale is None else scale) - 9)) / 10.0**precision
        found[index] = {
            "name": text(cell["name"]) or text(cell["descr"]),
            "type": convert(cell["type"], {"map": rule["type_map"]}),
            "value": float(f"{real:.6g}"),
            "status": convert(cell["status"], {"map": rule["status_map"]}),
        }
    return found


def decimal_digits(rows: Mapping[str, Column], rule: Facts) -> Any:
    found = {}
    for index, value in rows[rule["value"]].items():
        digits = integer(rows[rule["digits"]].get(index))
        if isinstance(value, int) and digits is not None:
            found[index] = round(value / 10**digits, 6)
    return found


def users_by_network(rows: Mapping[str, Column], rule: Facts) -> Any:
    """A user's row names a radio, whose address ends the index of the row that names the network."""
    networks = {tuple(index.split(".")[-6:]): text(name) for index, name in rows[rule["bssid_essid"]].items()}
    radios = [tuple(str(octet) for octet in octets(radio) or b"") for radio in rows[rule["user_bssid"]].values()]
    return dict(Counter(networks.get(radio, "(unknown BSSID)") for radio in radios))


def keyed(rows: Mapping[str, Column], rule: Facts) -> Any:
    kind, column = {"as": rule.get("value_as", "int")}, rows[rule["value"]]
    return {index_name(index, rule["index"]): convert(value, kind) for index, value in column.items()}


OPERATIONS: Mapping[str, Callable[[Mapping[str, Column], Facts], Any]] = {
    "column": lambda rows, rule: {index: convert(value, rule) for index, value in rows[rule["oid"]].items()},
    "count": lambda rows, rule: len(rows[rule["oid"]]),
    "count_eq": lambda rows, rule: numbers(rows[rule["oid"]]).count(rule["value"]),
    "sum": lambda rows, rule: sum(numbers(rows[rule["oid"]])) if numbers(rows[rule["oid"]]) else None,
    "table": table,
    "sum_by": sum_by,
    "sum_by_index_prefix": sum_by_index_prefix,
    "keyed": keyed,
    "admin_up_not_oper_up": administratively_up_but_down,
    "speed": speed,
    "ratio_pct": ratio,
    "supply_pct": supply,
    "bits": bits,
    "entsensor": sensors,
    "decimal_digits": decimal_digits,
    "aruba_user_join": users_by_network,
}
"""How a fact comes out of columns, by the word that its rule has for it."""
