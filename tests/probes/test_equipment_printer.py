"""equipment.printer against an agent that is a printer in every state that matters."""

from typing import Any

import pytest
from peers.snmp_agent import serving, snmp_agent
from pysnmp.proto.api import v2c

from monitor.reading import read
from probes import Reading, Status
from probes._engines import Engines
from probes._engines.snmp.agent import SnmpParams
from probes.equipment.printer import PROBLEMS, Printer

HOST, PRINTER = "1.3.6.1.2.1.25.3", "1.3.6.1.2.1.43"
SUPPLY, TRAY, ALERT = f"{PRINTER}.11.1.1", f"{PRINTER}.8.2.1", f"{PRINTER}.18.1.1"


@pytest.fixture(autouse=True)
def community(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMMUNITY", "public")


def printer(changes: dict[str, Any] | None = None) -> dict[str, Any]:
    """A sound colour printer with two trays."""
    rows: dict[str, Any] = {
        f"{HOST}.2.1.5.1": 2,
        f"{HOST}.5.1.1.1": 3,
        f"{HOST}.5.1.2.1": b"\x00",
        f"{PRINTER}.10.2.1.4.1.1": v2c.Counter32(4711),
    }
    for number, (name, of, level) in enumerate(((b"Black Toner", 3, 60), (b"Waste Toner", 4, 90)), 1):
        rows |= {f"{SUPPLY}.{column}.1.{number}": value for column, value in ((5, of), (6, name), (8, 100), (9, level))}
    for number, level in ((1, 125), (2, -3)):
        rows |= {
            f"{TRAY}.9.1.{number}": 250,
            f"{TRAY}.10.1.{number}": level,
            f"{TRAY}.13.1.{number}": b"Tray %d" % number,
        }
    return rows | (changes or {})


async def measured(rows: dict[str, Any]) -> Reading:
    engines = Engines()
    async with snmp_agent(serving(rows)) as port:
        params = SnmpParams(host="127.0.0.1", port=port, community="${env:COMMUNITY}")
        try:
            return await read("printer/printer", Printer(params, engines), 60)
        finally:
            engines.close()


def reported(reading: Reading) -> set[str]:
    return {s.part for s in reading.samples if s.metric == "deskwatch_printer_problem" and s.value}


class TestASoundPrinter:
    async def test_is_up_and_shows_what_it_has_left(self) -> None:
        reading = await measured(printer())
        assert reading.status is Status.UP, reading.detail
        assert reading.detail.endswith(": idle")
        assert reading.value("deskwatch_printer_supply_ratio", "Black Toner") == 0.6
        assert reading.value("deskwatch_printer_waste_room_ratio", "Waste Toner") == 0.9
        assert reading.value("deskwatch_printer_tray_ratio", "Tray 1") == 0.5
        assert reading.value("deskwatch_printer_pages_total") == 4711
        assert reading.value("deskwatch_printer_alerts", "critical") == 0

    async def test_shows_no_figure_for_what_it_does_not_know(self) -> None:
        reading = await measured(printer({f"{SUPPLY}.9.1.1": -3}))
        assert reading.value("deskwatch_printer_supply_ratio", "Black Toner") is None
        assert reading.value("deskwatch_printer_tray_ratio", "Tray 2") is None

    async def test_shows_every_problem_as_absent(self) -> None:
        reading = await measured(printer({f"{HOST}.5.1.2.1": b""}))
        assert [reading.value("deskwatch_printer_problem", name) for name in PROBLEMS] == [0] * 15

    async def test_keeps_the_name_of_a_supply_when_the_cartridge_is_another(self) -> None:
        for name in (b"Black Toner Cartridge S/N:CRUM-0815", b"Black Toner Cartridge;SN4711", b"Black Toner Cartridge"):
            reading = await measured(printer({f"{SUPPLY}.6.1.1": name}))
            assert reading.value("deskwatch_printer_supply_ratio", "Black Toner Cartridge") == 0.6

    async def test_may_have_supplies_and_trays_without_names(self) -> None:
        reading = await measured(printer({f"{SUPPLY}.6.1.1": b"", f"{TRAY}.13.1.1": b""}))
        assert reading.value("deskwatch_printer_supply_ratio", "supply 1") == 0.6
        assert reading.value("deskwatch_printer_tray_ratio", "tray 1") == 0.5

    async def test_may_tell_of_its_waste_box_by_its_class_alone(self) -> None:
        reading = await measured(printer({f"{SUPPLY}.4.1.2": 4, f"{SUPPLY}.5.1.2": 1}))
        assert reading.value("deskwatch_printer_waste_room_ratio", "Waste Toner") == 0.9


class TestAPrinterWithTrouble:
    async def test_says_which(self) -> None:
        reading = await measured(printer({f"{HOST}.5.1.2.1": b"\x0c\x20"}))
        assert reading.status is Status.UP
        assert reported(reading) == {"door_open", "jammed", "supply_missing"}
        assert "a door is open, paper jam, a cartridge is missing" in reading.detail

    async def test_is_down_when_it_says_so(self) -> None:
        reading = await measured(printer({f"{HOST}.2.1.5.1": 5, f"{HOST}.5.1.1.1": 1, f"{HOST}.5.1.2.1": b"\x40"}))
        assert (reading.status, reading.reason) == (Status.DOWN, "down")
        assert "no paper" in reading.detail
        assert reading.value("deskwatch_printer_supply_ratio", "Black Toner") == 0.6

    async def test_is_not_down_because_another_part_of_it_is(self) -> None:
        assert (await measured(printer({f"{HOST}.2.1.5.7": 5}))).status is Status.UP

    async def test_names_what_runs_out(self) -> None:
        reading = await measured(printer({f"{SUPPLY}.9.1.1": 4}))
        assert "low: Black Toner 4%" in reading.detail

    async def test_repeats_its_alerts_in_its_own_words(self) -> None:
        alerts = {f"{ALERT}.{column}.1.{number}": value for number, column, value in (
            (1, 2, 3), (1, 8, b"Paper jam in tray 2\x1b[31m"), (2, 2, 4), (2, 8, b"Toner low"), (3, 2, 1),
        )}  # fmt: skip
        reading = await measured(printer(alerts))
        assert reading.value("deskwatch_printer_alerts", "critical") == 1
        assert reading.value("deskwatch_printer_alerts", "warning") == 1
        assert "alerts: 'Paper jam in tray 2" in reading.detail
        assert "\x1b" not in reading.detail


async def test_a_device_that_is_no_printer_is_unknown() -> None:
    reading = await measured({"1.3.6.1.2.1.1.1.0": b"a switch"})
    assert (reading.status, reading.reason) == (Status.UNKNOWN, "no_source")
