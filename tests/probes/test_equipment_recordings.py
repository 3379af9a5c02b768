"""Recordings of real devices, asked over the wire: each kind of equipment finds the facts known about each device.

The recordings are not part of the project; DESKWATCH_RECORDINGS names the folder that has them.
"""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from peers.snmpd import snmpsim

from monitor.reading import read
from probes import Probe, Reading, Status
from probes._engines import Engines
from probes.equipment.interfaces import Interfaces
from probes.equipment.printer import Printer
from probes.equipment.ups import UpsBySnmp

ROOT = Path(__file__).parents[2]
RECORDINGS = (ROOT / os.environ.get("DESKWATCH_RECORDINGS", "../shared/snmp")).resolve()
FACTS = {path.stem: json.loads(path.read_text()) for path in sorted((RECORDINGS / "facts").glob("*.json"))}
FEW = 25  # interfaces of a device that is asked for all of them; the simulator is slow

UPSES = [name for name, known in FACTS.items() if "ups_summary" in known["facts"]]
PROBLEMS = {
    "lowPaper": "low_paper",
    "lowToner": "low_toner",
    "serviceRequested": "service_requested",
}
"""Those that a recording shows."""

PRINTERS = [name for name, known in FACTS.items() if "printer" in known["facts"]]
WITH_INTERFACES = [
    name
    for name, known in FACTS.items()
    if known["core"]
    and 0 < known["facts"].get("interfaces", {}).get("count", 0) <= FEW
    and "IF-MIB::ifOperStatus" not in known["absent"]
]

pytestmark = pytest.mark.skipif(not FACTS, reason=f"no recordings in {RECORDINGS}; set DESKWATCH_RECORDINGS")


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Serves those recordings that a test here asks for: to index one costs more than to read it."""
    folder = tmp_path_factory.mktemp("recordings")
    for name in {*UPSES, *PRINTERS, *WITH_INTERFACES}:
        # A copy: the simulator names a recording by where a link leads.
        shutil.copyfile(RECORDINGS / "snmprec" / f"{name}.snmprec", folder / f"{name}.snmprec")
    with snmpsim(tmp_path_factory.mktemp("snmpsim"), folder, UPSES[0]) as port:
        yield port


async def measured(kind: type[Probe[Any]], port: int, name: str, **settings: Any) -> Reading:
    engines = Engines()
    os.environ["COMMUNITY"] = FACTS[name]["community"]
    params = kind.Params(host="127.0.0.1", port=port, community="${env:COMMUNITY}", **settings)
    try:
        return await read(f"{name}/check", kind(params, engines), 30)
    finally:
        engines.close()


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMMUNITY", "")


@pytest.mark.parametrize("name", UPSES)
async def test_a_ups_shows_its_facts(simulator: int, name: str) -> None:
    known = FACTS[name]["facts"]["ups_summary"]
    reading = await measured(UpsBySnmp, simulator, name)
    assert reading.status is Status.UP, reading.detail
    expected = {
        "on_battery": {"no": 0, "yes": 1}.get(known["on_battery"]),
        "charge_ratio": _ratio(known.get("charge_pct")),
        "load_ratio": _ratio(known.get("load_pct")),
        "runtime_seconds": known.get("runtime_s"),
        "replace_battery": {"no": 0, "yes": 1}.get(known.get("replace_battery", "")),
    }
    for metric, value in expected.items():
        if value is not None:
            assert reading.value(f"deskwatch_ups_{metric}") == pytest.approx(value), metric


@pytest.mark.parametrize("name", PRINTERS)
async def test_a_printer_shows_its_facts(simulator: int, name: str) -> None:
    known = FACTS[name]["facts"]["printer"]
    reading = await measured(Printer, simulator, name)
    assert reading.status is Status.UP, reading.detail
    shown = {sample.part for sample in reading.samples if sample.metric == "deskwatch_printer_problem" and sample.value}
    assert shown == {PROBLEMS[bit] for bits in known["detected_errors"].values() for bit in bits}
    levels = [level for level in known["supply_level_pct"].values() if isinstance(level, int)]
    supplies = values(reading, "deskwatch_printer_supply_ratio") + values(reading, "deskwatch_printer_waste_room_ratio")
    assert sorted(int(100 * ratio + 0.5) for ratio in supplies) == sorted(levels)
    trays = [row for row in known.get("input_trays", {}).values() if row["level"] >= 0 and row["max"] > 0]
    assert values(reading, "deskwatch_printer_tray_ratio") == sorted(row["level"] / row["max"] for row in trays)
    pages = known.get("page_count", {}).values()
    assert reading.value("deskwatch_printer_pages") == max(pages, default=None)


@pytest.mark.parametrize("name", WITH_INTERFACES)
async def test_a_device_shows_all_its_interfaces(simulator: int, name: str) -> None:
    known = FACTS[name]["facts"]["interfaces"]
    reading = await measured(Interfaces, simulator, name, watch=["."])
    assert reading.status is Status.UP, reading.detail
    states = [row["ifOperStatus"] for row in known["table"].values() if "ifOperStatus" in row]
    links = values(reading, "deskwatch_interface_up")
    assert sum(links) == known["oper_up"]
    assert len(links) == len([state for state in states if state != "unknown"])
    assert reading.value("deskwatch_interfaces") == len(states)
    assert values(reading, "deskwatch_interface_speed_bits_per_second") == speeds(known)


def values(reading: Reading, metric: str) -> list[float]:
    return sorted(sample.value for sample in reading.samples if sample.metric == metric)


def speeds(known: dict[str, Any]) -> list[float]:
    """Of the interfaces that are up: what ifSpeed is too narrow for is not known."""
    up = {index: row for index, row in known["table"].items() if row.get("ifOperStatus") == "up"}
    found = {index: speed for index, speed in known.get("speed_bps", {}).items() if index in up and speed}
    return sorted(speed for index, speed in found.items() if speed < 4_290_000_000 or up[index].get("ifHighSpeed"))


def _ratio(percent: float | None) -> float | None:
    return None if percent is None else percent / 100
