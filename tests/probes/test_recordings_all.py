"""Recordings of real devices, asked over the wire: both SNMP libraries and every kind find the facts about each.

The recordings are not part of the project; DESKWATCH_RECORDINGS names the folder that has them. It is one file so that
the simulator, which takes half a minute to begin, begins once.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from peers.recordings import NAMES, OPERATIONS, RECORDINGS, Facts, convert, expected, facts_of
from peers.snmpd import snmpsim
from peers.told_facts import TOLD, Line
from pydantic import SecretStr

from monitor.reading import read as run
from probes import Reading, Status, load
from probes._engines import Engines
from probes._engines.snmp.engine import Credentials, Device, Library, SnmpEngine, Walk
from probes._engines.snmp.values import Value, text

SMALL = 4_000  # bytes of a recording that version 1 reads quickly enough

Instances = dict[str, Value | None]
Walks = dict[str, Walk]
Contents = tuple[Instances, Walks]

pytestmark = [
    pytest.mark.skipif(not NAMES, reason=f"no recordings in {RECORDINGS}; set DESKWATCH_RECORDINGS"),
    pytest.mark.timeout(600),  # for the simulator to begin, and for one test to ask all devices, on a busy machine
]

STANDARD_COLUMNS = {
    "SNMPv2-MIB::sysUpTime": "1.3.6.1.2.1.1.3",
    "SNMPv2-MIB::sysName": "1.3.6.1.2.1.1.5",
    "SNMPv2-MIB::sysDescr": "1.3.6.1.2.1.1.1",
    "SNMPv2-MIB::sysObjectID": "1.3.6.1.2.1.1.2",
    "IF-MIB::ifDescr": "1.3.6.1.2.1.2.2.1.2",
    "IF-MIB::ifOperStatus": "1.3.6.1.2.1.2.2.1.8",
    "IF-MIB::ifInOctets": "1.3.6.1.2.1.2.2.1.10",
    "IF-MIB::ifName": "1.3.6.1.2.1.31.1.1.1.1",
    "IF-MIB::ifHCInOctets": "1.3.6.1.2.1.31.1.1.1.6",
    "IF-MIB::ifHighSpeed": "1.3.6.1.2.1.31.1.1.1.15",
    "IF-MIB::ifAlias": "1.3.6.1.2.1.31.1.1.1.18",
    "UPS-MIB::upsBatteryStatus": "1.3.6.1.2.1.33.1.2.1",
    "Printer-MIB::prtMarkerSuppliesLevel": "1.3.6.1.2.1.43.11.1.1.9",
    "HOST-RESOURCES-MIB::hrPrinterDetectedErrorState": "1.3.6.1.2.1.25.3.5.1.2",
    "ENTITY-SENSOR-MIB::entPhySensorValue": "1.3.6.1.2.1.99.1.1.1.4",
}


@pytest.fixture(scope="session")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with snmpsim(tmp_path_factory.mktemp("snmpsim"), RECORDINGS / "snmprec", NAMES[0]) as port:
        yield port


@pytest.fixture(scope="session")
def contents() -> dict[str, Contents]:
    """What pysnmp, the dearer of the two, has read: of each device once."""
    return {}


async def read(port: int, known: Facts, library: Library, version: str = "2c") -> Contents:
    """All instances and columns that the facts of a device are made of."""
    engine = SnmpEngine(library)
    device = Device("127.0.0.1", port, Credentials(version=version, community=SecretStr(known["community"])))
    instances = await engine.get(device, [rule["oid"] for rule in known["oids"].values() if rule["op"] == "get"], 150)
    columns = await engine.walk(device, *sorted(columns_of(known)), timeout=150)
    engine.close()
    return instances, columns


async def read_once(port: int, name: str, contents: dict[str, Contents]) -> Contents:
    if name not in contents:
        contents[name] = await read(port, facts_of(name), "pysnmp")
    return contents[name]


def columns_of(known: Facts) -> set[str]:
    found = {STANDARD_COLUMNS[name] for name in known["absent"]}
    for rule in known["oids"].values():
        if rule["op"] != "get":
            given = (*rule.values(), *(column["oid"] for column in rule.get("columns", {}).values()))
            found |= {value for value in given if isinstance(value, str) and value.startswith("1.3.6.")}
    return found


def cells(found: Any) -> Any:
    """Without what has no value: the facts name a row that is NULL, to us there is none; nor are control characters."""
    if isinstance(found, str):
        return text(found.encode())
    if not isinstance(found, dict):
        return found
    return {key: cells(value) for key, value in found.items() if value is not None}


@pytest.mark.parametrize("name", NAMES)
async def test_a_device_is_read_alike_by_both_libraries_and_shows_its_facts(
    simulator: int, name: str, contents: dict[str, Contents]
) -> None:
    pytest.importorskip("gufo.snmp", exc_type=ImportError)
    known = facts_of(name)
    instances, columns = await read_once(simulator, name, contents)
    assert await read(simulator, known, "gufo") == (instances, columns)
    assert {walk.stopped for walk in columns.values()} <= {""}
    rows = {oid: walk.rows for oid, walk in columns.items()}
    wrong = {}
    for path, rule in known["oids"].items():
        found = convert(instances[rule["oid"]], rule) if rule["op"] == "get" else OPERATIONS[rule["op"]](rows, rule)
        if cells(found) != cells(expected(known, path)):
            wrong[path] = (found, expected(known, path))
    assert wrong == {}
    assert [name for name in known["absent"] if rows[STANDARD_COLUMNS[name]]] == []


@pytest.mark.parametrize(
    "name", [name for name in NAMES if (RECORDINGS / "snmprec" / f"{name}.snmprec").stat().st_size < SMALL]
)
@pytest.mark.parametrize("library", ["gufo", "pysnmp"])
async def test_version_1_reads_the_same_but_for_64_bit_counters(
    simulator: int, name: str, library: Library, contents: dict[str, Contents]
) -> None:
    instances, columns = await read_once(simulator, name, contents)
    old_instances, old_columns = await read(simulator, facts_of(name), library, "1")
    assert old_instances == instances
    for oid, walk in old_columns.items():
        assert walk.rows in ({}, columns[oid].rows)


async def test_every_device_shows_its_facts_through_the_kinds(
    simulator: int, monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None]
) -> None:
    told, untold, wrong = Counter[str](), Counter[str](), dict[str, tuple[Any, Any]]()
    for name in NAMES:
        known = facts_of(name)
        monkeypatch.setenv("COMMUNITY", known["community"])
        left = set(known["oids"])
        for line in TOLD:
            claimed = {path for path in left if line.claim(path)}
            shown = await shown_by(line, simulator, known, claimed) if claimed else {}
            wrong |= {f"{name} {path}": found for path, found in shown.items() if found[0] != found[1]}
            told[line.kind] += len(shown)
            left -= set(shown)
        untold.update(path.partition(".")[0] for path in left)
    record_property("summary", in_words(told, untold))
    assert wrong == {}


async def shown_by(line: Line, port: int, known: Facts, claimed: set[str]) -> dict[str, tuple[Any, Any]]:
    """What the kind shows of those facts, and what it should; without what this device does not give the kind."""
    probe, engines = load(line.kind), Engines()
    asked = {"host": "127.0.0.1", "port": port, "community": "${env:COMMUNITY}"}
    params = probe.Params.model_validate({**asked, **line.settings})
    try:
        reading = await run("device/check", probe(params, engines), 120)
    finally:
        engines.close()
    return dict(compared(line, reading, known, claimed))


def compared(line: Line, reading: Reading, known: Facts, claimed: set[str]) -> Iterator[tuple[str, tuple[Any, Any]]]:
    for path in claimed:
        claim = line.claim(path)
        found = claim(reading, expected(known, path), known["facts"]) if claim else None
        if found is not None:
            yield path, found if reading.status is not Status.UNKNOWN else (reading.detail, found[1])


def in_words(told: Counter[str], untold: Counter[str]) -> str:
    """ "9 facts about recorded devices: 4 through equipment.ups; 5 that no kind measures: system (5)"."""
    through = ", ".join(f"{number} through {kind}" for kind, number in told.items())
    groups = ", ".join(f"{group} ({number})" for group, number in untold.most_common())
    whole = told.total() + untold.total()
    return f"{whole:,} facts about recorded devices: {through}; {untold.total()} that no kind measures: {groups}"
