"""equipment.ups against agents that speak the MIBs of several makers, in every state that matters."""

from typing import Any, ClassVar

import pytest
from peers.snmp_agent import serving, snmp_agent
from pysnmp.proto.api import v2c

from monitor.reading import read
from probes import Reading, Status
from probes._engines import Engines
from probes._engines.snmp.agent import SnmpParams
from probes.equipment.ups import UpsBySnmp

UPS, APC, XUPS, CPS = "1.3.6.1.2.1.33.1", "1.3.6.1.4.1.318.1.1.1", "1.3.6.1.4.1.534.1", "1.3.6.1.4.1.3808.1.1.1"
ALARM = f"{UPS}.6.3"


@pytest.fixture(autouse=True)
def community(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMMUNITY", "public")


def standard(**changes: Any) -> dict[str, Any]:
    """A sound UPS that speaks UPS-MIB."""
    rows: dict[str, Any] = {
        f"{UPS}.2.1.0": 2,
        f"{UPS}.2.3.0": 43,
        f"{UPS}.2.4.0": 100,
        f"{UPS}.2.7.0": 25,
        f"{UPS}.3.3.1.3.1": 229,
        f"{UPS}.4.1.0": 3,
        f"{UPS}.4.4.1.5.1": 59,
    }
    return rows | {f"{UPS}.{oid}": value for oid, value in changes.items()}


async def measured(rows: dict[str, Any], timeout: float = 60) -> Reading:
    engines = Engines()
    async with snmp_agent(serving(rows)) as port:
        params = SnmpParams(host="127.0.0.1", port=port, community="${env:COMMUNITY}")
        try:
            return await read("ups/ups", UpsBySnmp(params, engines), timeout)
        finally:
            engines.close()


def figures(reading: Reading) -> dict[str, float]:
    return {sample.metric.removeprefix("deskwatch_ups_"): sample.value for sample in reading.samples}


class TestAUpsOfTheStandard:
    async def test_is_up_on_mains(self) -> None:
        reading = await measured(standard())
        assert reading.status is Status.UP, reading.detail
        assert reading.detail.endswith("on mains, charged to 100%, would last 43 min, load 59%")
        assert figures(reading) == {
            "on_battery": 0,
            "input_volts": 229,
            "input_lost": 0,
            "runtime_seconds": 2580,
            "charge_ratio": 1,
            "load_ratio": 0.59,
            "battery_low": 0,
            "on_bypass": 0,
            "battery_celsius": 25,
        }

    async def test_is_up_on_its_battery_which_is_a_finding(self) -> None:
        reading = await measured(standard(**{"4.1.0": 5, "3.3.1.3.1": 0, "2.3.0": 9, "2.1.0": 3}))
        assert reading.status is Status.UP
        assert "on battery, charged to 100%, 9 min left" in reading.detail
        assert "battery nearly empty" in reading.detail
        found = figures(reading)
        assert (found["on_battery"], found["input_lost"], found["battery_low"]) == (1, 1, 1)

    async def test_with_no_time_left_says_so_only_while_it_is_on_its_battery(self) -> None:
        assert "runtime_seconds" not in figures(await measured(standard(**{"2.3.0": 0})))
        assert figures(await measured(standard(**{"2.3.0": 0, "4.1.0": 5})))["runtime_seconds"] == 0

    async def test_is_down_when_its_output_is_off(self) -> None:
        reading = await measured(standard(**{"4.1.0": 2}))
        assert (reading.status, reading.reason) == (Status.DOWN, "output_off")
        assert figures(reading)["charge_ratio"] == 1

    @pytest.mark.parametrize(
        ("alarm", "finding"),
        [(1, "replace_battery"), (4, "battery_low"), (8, "overloaded"), (19, "test_failed")],
    )
    async def test_tells_of_its_troubles_by_alarms(self, alarm: int, finding: str) -> None:
        reading = await measured(standard(**{"6.2.1.2.1": v2c.ObjectIdentifier(f"{ALARM}.{alarm}")}))
        assert reading.status is Status.UP
        assert figures(reading)[finding] == 1

    async def test_is_down_when_its_card_has_lost_it(self) -> None:
        reading = await measured(standard(**{"6.2.1.2.7": v2c.ObjectIdentifier(f"{ALARM}.20")}))
        assert (reading.status, reading.reason) == (Status.DOWN, "ups_lost")

    async def test_tells_the_voltages_and_the_power_of_all_its_lines(self) -> None:
        lines = {"4.4.1.2.1": 230, "4.4.1.2.2": 231, "4.4.1.4.1": 184, "4.4.1.4.2": 200, "3.3.1.2.1": 499}
        found = figures(await measured(standard(**lines, **{"2.5.0": 545, "6.1.0": 2, "2.2.0": 0})))
        assert (found["output_volts"], found["output_watts"], found["input_hertz"]) == (231, 384, pytest.approx(49.9))
        assert (found["battery_volts"], found["alarms"]) == (pytest.approx(54.5), 2)
        assert found["on_battery_seconds"] == 0

    async def test_does_not_tell_what_it_marks_as_not_there(self) -> None:
        reading = await measured(standard(**{"2.4.0": -1, "2.7.0": 0, "4.4.1.5.1": -1, "2.3.0": b""}))
        assert not {"charge_ratio", "battery_celsius", "load_ratio", "runtime_seconds"} & set(figures(reading))

    async def test_may_list_lines_that_are_not_wired(self) -> None:
        reading = await measured(standard(**{"3.3.1.3.2": 0, "3.3.1.3.3": 0, "4.4.1.5.2": 0}))
        assert (figures(reading)["input_lost"], figures(reading)["load_ratio"]) == (0, 0.59)


class TestAUpsOfApc:
    ROWS: ClassVar[dict[str, Any]] = {
        f"{APC}.2.1.1.0": 2,
        f"{APC}.2.2.1.0": v2c.Gauge32(90),
        f"{APC}.2.2.3.0": v2c.TimeTicks(90_000),
        f"{APC}.2.2.4.0": 1,
        f"{APC}.3.2.1.0": v2c.Gauge32(230),
        f"{APC}.4.1.1.0": 2,
        f"{APC}.4.2.3.0": v2c.Gauge32(20),
        f"{APC}.7.2.3.0": 1,
    }

    async def test_is_read_by_its_own_mib(self) -> None:
        found = figures(await measured(self.ROWS))
        assert (found["charge_ratio"], found["runtime_seconds"], found["input_volts"]) == (0.9, 900, 230)
        assert (found["replace_battery"], found["test_failed"], found["load_ratio"]) == (0, 0, 0.2)

    async def test_is_taken_at_its_finer_figures(self) -> None:
        found = figures(await measured(self.ROWS | {f"{APC}.2.3.1.0": v2c.Gauge32(905)}))
        assert found["charge_ratio"] == pytest.approx(0.905)

    @pytest.mark.parametrize(("state", "on_battery"), [(2, 0), (3, 1), (4, 0), (12, 0), (15, 0)])
    async def test_feeds_from_the_battery_in_one_state_alone(self, state: int, on_battery: float) -> None:
        assert figures(await measured(self.ROWS | {f"{APC}.4.1.1.0": state}))["on_battery"] == on_battery

    async def test_with_a_worn_battery_is_up_and_says_so(self) -> None:
        reading = await measured(self.ROWS | {f"{APC}.2.2.4.0": 2, f"{APC}.7.2.3.0": 2})
        assert reading.status is Status.UP
        assert "battery needs replacing, self-test failed" in reading.detail

    async def test_is_down_when_its_card_has_lost_it(self) -> None:
        reading = await measured(self.ROWS | {f"{APC}.8.1.0": 2, f"{APC}.4.1.1.0": 1})
        assert (reading.status, reading.reason) == (Status.DOWN, "ups_lost")
        assert "on_battery" not in figures(reading)

    async def test_that_sleeps_until_the_mains_return_is_down(self) -> None:
        assert (await measured(self.ROWS | {f"{APC}.4.1.1.0": 11})).reason == "output_off"


async def test_a_ups_of_two_mibs_is_completed_from_the_second() -> None:
    found = figures(await measured(standard() | {f"{XUPS}.4.5.0": 5, f"{XUPS}.2.5.0": 8}))
    assert (found["on_battery"], found["replace_battery"]) == (0, 1)


async def test_a_ups_of_cyberpower_tells_of_its_overload() -> None:
    found = figures(await measured({f"{CPS}.4.1.1.0": 11, f"{CPS}.2.2.4.0": v2c.TimeTicks(174_000)}))
    assert (found["overloaded"], found["runtime_seconds"]) == (1, 1740)


async def test_a_device_that_is_no_ups_is_unknown() -> None:
    reading = await measured({"1.3.6.1.2.1.1.1.0": b"a switch"})
    assert (reading.status, reading.reason) == (Status.UNKNOWN, "no_source")


async def test_a_host_without_an_address_is_down() -> None:
    engines = Engines()
    params = SnmpParams(host="ups.invalid", community="${env:COMMUNITY}")
    reading = await read("ups/ups", UpsBySnmp(params, engines), 60)
    engines.close()
    assert reading.reason in ("unresolved", "no_network")
