"""internet.peplink against agents that list lines as a mobile router with four modems does."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from peers.snmp_agent import serving, snmp_agent

from monitor.reading import read
from probes import Failed, Reading, Status
from probes._engines import Engines
from probes.internet import peplink
from probes.internet.peplink import Peplink, PeplinkParams

WAN = "1.3.6.1.4.1.23695.2.1.2.1"
NAMES = ("WAN 1", "WAN 2", "Cellular 1", "Cellular 2", "USB", "Wi-Fi WAN", "LAN 1 as WAN")
CONNECTED, DISCONNECTED, DISABLED, STANDBY = 3, 2, 1, 8
NO_SIGNAL = -9999


@pytest.fixture(autouse=True)
def community(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMMUNITY", "canary-community")


def table(states: dict[str, int], signals: dict[str, int] | None = None, **healths: int) -> dict[str, Any]:
    """The table of lines, its index beginning at 0; without healths it lacks their column, as older firmware does."""
    rows: dict[str, Any] = {}
    for index, (name, state) in enumerate(states.items()):
        rows[f"{WAN}.2.{index}"] = name.encode()
        rows[f"{WAN}.3.{index}"] = state
        rows[f"{WAN}.5.{index}"] = (signals or {}).get(name, NO_SIGNAL)
        if name in healths:
            rows[f"{WAN}.4.{index}"] = healths[name]
    return rows


def mobile() -> dict[str, Any]:
    """A router that is carried by its modems, with sockets that nobody uses."""
    states = dict(zip(NAMES, (DISCONNECTED, DISCONNECTED, CONNECTED, STANDBY, DISCONNECTED, DISABLED, 7), strict=True))
    return table(states, {"Cellular 1": -68, "Cellular 2": -59, "Wi-Fi WAN": 0})


async def measured(rows: dict[str, Any], timeout: float = 60, **settings: Any) -> Reading:
    engines = Engines()
    async with snmp_agent(serving(rows)) as port:
        params = PeplinkParams(host="127.0.0.1", port=port, community="${env:COMMUNITY}", **settings)
        try:
            reading = await read("uplink/peplink", Peplink(params, engines), timeout)
        finally:
            engines.close()
    assert "canary-" not in repr(reading)
    return reading


def figures(reading: Reading) -> dict[str, float]:
    found = {f"{s.metric.removeprefix('deskwatch_gateway_')}/{s.part}": s.value for s in reading.samples}
    return {name: found[name] for name in found if not name.startswith("lines/") or found[name]}


async def test_a_mobile_router_tells_its_modems_from_sockets_that_nobody_uses() -> None:
    reading = await measured(mobile())
    assert reading.status is Status.UP
    assert reading.detail == (
        "2 of 2 lines work: Cellular 1 (carries the traffic, -68 dBm), Cellular 2 (stands by, -59 dBm); "
        "not in use: WAN 1 (disconnected), WAN 2 (disconnected), USB (disconnected) and 2 more"
    )
    assert figures(reading) == {
        "line_up/Cellular 1": 1,
        "line_carries/Cellular 1": 1,
        "line_signal_dbm/Cellular 1": -68,
        "line_up/Cellular 2": 1,
        "line_carries/Cellular 2": 0,
        "line_signal_dbm/Cellular 2": -59,
        "lines/active": 1,
        "lines/standby": 1,
        "lines/unused": 3,
        "lines/disabled": 2,
    }


async def test_a_router_on_its_backup_says_so() -> None:
    reading = await measured(mobile(), backup=["Cellular 1", "Cellular 2"])
    assert reading.status is Status.UP
    assert reading.detail.startswith("runs on its backup line; ")
    assert figures(reading)["on_backup/"] == 1


async def test_a_line_that_is_connected_and_unhealthy_is_down() -> None:
    rows = table({"WAN1": CONNECTED, "WAN2": CONNECTED}, WAN1=0, WAN2=1)
    reading = await measured(rows, lines=["WAN1"])
    assert (reading.status, reading.reason) == (Status.DOWN, "line_down")
    assert reading.detail.startswith("the line WAN1 (connected, but its health check fails) does not work; ")


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (DISCONNECTED, "disconnected"),
        (4, "connecting"),
        (6, "health check fails"),
        (7, "disconnected by hand"),
        (DISABLED, "disabled"),
    ],
)
async def test_a_line_that_must_work_says_why_it_does_not(state: int, words: str) -> None:
    reading = await measured(table({"WAN 1": state, "WAN 2": CONNECTED}), lines=["WAN 1"])
    assert (reading.status, reading.reason) == (Status.DOWN, "line_down")
    assert reading.detail.startswith(f"the line WAN 1 ({words}) does not work; ")


async def test_a_router_without_any_line_is_down() -> None:
    reading = await measured(table({"WAN 1": DISCONNECTED, "WAN 2": 6, "USB": DISABLED}))
    assert (reading.status, reading.reason) == (Status.DOWN, "all_lines_down")
    assert "down: WAN 1 (disconnected), WAN 2 (health check fails)" in reading.detail


async def test_a_line_that_must_work_and_is_not_listed_is_missing() -> None:
    reading = await measured(mobile(), lines=["WAN 9"])
    assert (reading.status, reading.reason) == (Status.DOWN, "line_missing")


async def test_a_state_that_nobody_knows_is_not_held_against_a_line() -> None:
    reading = await measured(table({"WAN 1": 5, "WAN 2": CONNECTED}))
    assert reading.status is Status.UP
    assert "state not known: WAN 1 (state 5)" in reading.detail
    reading = await measured(table({"WAN 1": 5}))
    assert (reading.status, reading.reason) == (Status.UNKNOWN, "no_source")


async def test_another_device_is_told_from_a_router_that_is_down() -> None:
    reading = await measured({"1.3.6.1.2.1.1.1.0": b"printer"})
    assert (reading.status, reading.reason) == (Status.UNKNOWN, "no_source")
    assert "shows no table of lines (PEPLINK-WAN)" in reading.detail


async def test_a_router_that_is_silent_or_refuses_is_down() -> None:
    engines = Engines()
    async with snmp_agent(lambda _: []) as port:
        params = PeplinkParams(host="127.0.0.1", port=port, community="${env:COMMUNITY}")
        with pytest.raises(Failed, match="no_answer"):
            await Peplink(params, engines).measure(2)
    async with snmp_agent(lambda asked: [asked.refusal(5, 1)]) as port:
        params = PeplinkParams(host="127.0.0.1", port=port, community="${env:COMMUNITY}")
        reading = await read("uplink/peplink", Peplink(params, engines), 60)
    assert (reading.status, reading.reason) == (Status.DOWN, "agent_error")
    engines.close()


VALUES = st.integers(-(2**31), 2**31) | st.binary(max_size=40) | st.sampled_from(["1.3.6.1", "10.0.0.1"])
COLUMN = st.dictionaries(st.sampled_from(["0", "1", "2"]), VALUES)


@given(COLUMN, COLUMN, COLUMN, COLUMN)
def test_any_table_is_read(names: Any, states: Any, healths: Any, signals: Any) -> None:
    assert len(list(peplink.read([names, states, healths, signals]))) == len(states)
