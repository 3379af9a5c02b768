"""internet.fortigate against agents that list performance SLAs and link monitors as FortiGates do, numbers as texts."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from peers.snmp_agent import serving, snmp_agent

from monitor.reading import read
from probes import Failed, Reading, Status
from probes._engines import Engines
from probes.internet import fortigate
from probes.internet.fortigate import Fortigate, FortigateParams

SDWAN, MONITORS = "1.3.6.1.4.1.12356.101.4.9.2.1", "1.3.6.1.4.1.12356.101.4.8.2.1"
ALIVE, DEAD = 0, 1

Sla = tuple[str, int, str, str, str]
"""Line, state, latency, jitter, loss."""

SLAS: tuple[Sla, ...] = (
    ("wan1", ALIVE, "2.403", "0.168", "0.000"),
    ("wan2", ALIVE, "25.030", "4.482", "2.000"),
    ("wan1", ALIVE, "4.333", "0.613", "0.000"),
    ("wan2", ALIVE, "25.961", "3.409", "0.000"),
)
OUT: Sla = ("wan1", DEAD, "0.000", "0.000", "100.000")


@pytest.fixture(autouse=True)
def community(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMMUNITY", "canary-community")


def sdwan(*slas: Sla) -> dict[str, Any]:
    """The table of SD-WAN: a row for each line and SLA."""
    return _table(SDWAN, (14, 4, 5, 6, 9), slas)


def monitors(*slas: Sla) -> dict[str, Any]:
    """The table of link monitors."""
    return _table(MONITORS, (2, 3, 4, 5, 8), slas)


def _table(base: str, columns: tuple[int, ...], slas: tuple[Sla, ...]) -> dict[str, Any]:
    return {
        f"{base}.{column}.{index}": cell if isinstance(cell, int) else cell.encode()
        for index, sla in enumerate(slas, 1)
        for column, cell in zip(columns, sla, strict=True)
    }


async def measured(rows: dict[str, Any], timeout: float = 60, **settings: Any) -> Reading:
    engines = Engines()
    async with snmp_agent(serving(rows)) as port:
        params = FortigateParams(host="127.0.0.1", port=port, community="${env:COMMUNITY}", **settings)
        try:
            reading = await read("uplink/fortigate", Fortigate(params, engines), timeout)
        finally:
            engines.close()
    assert "canary-" not in repr(reading)
    return reading


def figures(reading: Reading) -> dict[str, float]:
    found = {f"{s.metric.removeprefix('deskwatch_gateway_')}/{s.part}": s.value for s in reading.samples}
    return {name: found[name] for name in found if not name.startswith("lines/") or found[name]}


async def test_a_line_is_as_good_as_its_best_sla_shows_it() -> None:
    reading = await measured(sdwan(*SLAS))
    assert reading.status is Status.UP, reading.detail
    assert reading.detail == "2 of 2 lines work: wan1 (2 ms), wan2 (25 ms)"
    assert figures(reading) == {
        "line_up/wan1": 1,
        "line_loss_ratio/wan1": 0,
        "line_latency_seconds/wan1": pytest.approx(0.002403),
        "line_jitter_seconds/wan1": pytest.approx(0.000168),
        "line_up/wan2": 1,
        "line_loss_ratio/wan2": 0,
        "line_latency_seconds/wan2": pytest.approx(0.02503),
        "line_jitter_seconds/wan2": pytest.approx(0.003409),
        "lines/active": 2,
    }


async def test_one_dead_sla_of_several_is_said_and_no_failure() -> None:
    reading = await measured(sdwan(OUT, *SLAS), lines=["wan1", "wan2"])
    assert reading.status is Status.UP
    assert "wan1 (passes 2 of 3 tests, 2 ms)" in reading.detail


async def test_a_line_whose_slas_are_all_dead_is_down() -> None:
    reading = await measured(sdwan(OUT, OUT, SLAS[1]), lines=["wan1"], backup=["wan2"])
    assert (reading.status, reading.reason) == (Status.DOWN, "line_down")
    assert reading.detail.startswith("the line wan1 (fails its test) does not work; runs on its backup line; ")
    found = figures(reading)
    assert (found["line_up/wan1"], found["line_up/wan2"], found["on_backup/"]) == (0, 1, 1)
    assert "line_loss_ratio/wan1" not in found
    assert found["line_loss_ratio/wan2"] == pytest.approx(0.02)


async def test_a_firewall_on_its_backup_is_up_and_says_so() -> None:
    reading = await measured(sdwan(OUT, SLAS[1]), backup=["wan2"])
    assert reading.status is Status.UP
    assert reading.detail.startswith("runs on its backup line; ")


async def test_a_firewall_without_any_line_is_down() -> None:
    reading = await measured(sdwan(OUT, ("wan2", DEAD, "0.000", "0.000", "100.000")))
    assert (reading.status, reading.reason) == (Status.DOWN, "all_lines_down")


async def test_a_line_that_must_work_and_has_no_sla_is_missing() -> None:
    reading = await measured(sdwan(*SLAS), lines=["wan3"])
    assert (reading.status, reading.reason) == (Status.DOWN, "line_missing")
    assert "it lists wan1, wan2" in reading.detail


async def test_link_monitors_are_asked_where_there_is_no_sdwan() -> None:
    reading = await measured(monitors(("fibre", ALIVE, "4.102", "0.092", "1.500%")))
    assert reading.status is Status.UP
    assert reading.detail == "1 of 1 line works: fibre (4 ms, 1.5% lost)"
    both = await measured(sdwan(*SLAS) | monitors(("fibre", DEAD, "", "", "")))
    assert "fibre" not in both.detail, "they would count a line twice"


async def test_a_state_that_nobody_knows_is_not_held_against_a_line() -> None:
    reading = await measured(sdwan(("wan1", 7, "", "", ""), SLAS[1]))
    assert reading.status is Status.UP
    assert "state not known: wan1 (not tested yet)" in reading.detail
    reading = await measured(sdwan(("wan1", 7, "", "", "")))
    assert (reading.status, reading.reason) == (Status.UNKNOWN, "no_source")


async def test_a_firewall_that_tests_nothing_is_told_from_one_whose_lines_are_down() -> None:
    reading = await measured({"1.3.6.1.2.1.1.1.0": b"firewall"})
    assert (reading.status, reading.reason) == (Status.UNKNOWN, "no_source")
    assert "shows no performance SLA and link monitor" in reading.detail


async def test_a_firewall_that_is_silent_is_down() -> None:
    engines = Engines()
    async with snmp_agent(lambda _: []) as port:
        params = FortigateParams(host="127.0.0.1", port=port, community="${env:COMMUNITY}")
        with pytest.raises(Failed, match="no_answer"):
            await Fortigate(params, engines).measure(2)
    engines.close()


VALUES = st.integers(-(2**31), 2**31) | st.binary(max_size=40) | st.sampled_from(["1.3.6.1", "10.0.0.1"])
COLUMN = st.dictionaries(st.sampled_from(["1", "2", "3"]), VALUES)


@given(COLUMN, COLUMN, COLUMN, COLUMN, COLUMN)
def test_any_table_is_read(names: Any, states: Any, latencies: Any, jitters: Any, losses: Any) -> None:
    for look in fortigate.read([names, states, latencies, jitters, losses]):
        assert look.loss is None or 0 <= look.loss <= 1
