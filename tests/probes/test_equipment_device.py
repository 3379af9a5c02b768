"""equipment.device against Net-SNMP's agent, and against agents that speak the MIBs of several makers."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from peers.snmp_agent import serving, snmp_agent
from peers.snmpd import snmpd
from pysnmp.proto.api import v2c

from monitor.reading import read
from probes import Reading, Status
from probes._engines import Engines
from probes._engines.device_mib.host import figures, storages
from probes._engines.device_mib.power import raritan_outlets
from probes._engines.device_mib.tables import Columns, Figure, Measure, Table
from probes._engines.snmp.agent import SnmpParams
from probes.equipment.device import Device, load, went_back

SYSTEM, HOST, ENTITY, MAKERS = "1.3.6.1.2.1.1", "1.3.6.1.2.1.25", "1.3.6.1.2.1.47.1.1.1.1", "1.3.6.1.4.1"
SENSOR, ENVMON, POLY = "1.3.6.1.2.1.99.1.1.1", f"{MAKERS}.9.9.13.1", f"{MAKERS}.13885.101.1"
FORTIGATE, GEIST, SONICWALL = f"{MAKERS}.12356.101", f"{MAKERS}.21239.5.1", f"{MAKERS}.8741.1.3.1"
UPTIME, HOST_UPTIME = f"{SYSTEM}.3.0", f"{HOST}.1.1.0"
DAY = 8_640_000  # hundredths of a second


@pytest.fixture(autouse=True)
def community(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMMUNITY", "public")


@pytest.fixture
def engines() -> Iterator[Engines]:
    made = Engines()
    yield made
    made.close()


def device(maker: str = "99999", **changes: Any) -> dict[str, Any]:
    """A device of a maker's, up for three days; names of changes are its objects, below the system group if short."""
    rows: dict[str, Any] = {
        f"{SYSTEM}.1.0": b"Switch 24 PoE",
        f"{SYSTEM}.2.0": v2c.ObjectIdentifier(f"{MAKERS}.{maker}.1"),
        UPTIME: v2c.TimeTicks(3 * DAY),
        f"{SYSTEM}.5.0": b"core-1",
    }
    return rows | changes


async def asked(port: int, engines: Engines, check: str = "switch/device") -> Reading:
    probe = Device(SnmpParams(host="127.0.0.1", port=port, community="${env:COMMUNITY}"), engines)
    probe.check = check
    return await read(check, probe, 60)


async def measured(engines: Engines, rows: Mapping[str, Any]) -> Reading:
    async with snmp_agent(serving(rows)) as port:
        return await asked(port, engines)


def parts(reading: Reading, name: str) -> dict[str, float]:
    return {sample.part: sample.value for sample in reading.samples if sample.metric == f"deskwatch_device_{name}"}


def entity(index: int, name: bytes, kind: int, value: int, state: int = 1, precision: int = 0) -> dict[str, Any]:
    """A sensor of ENTITY-SENSOR-MIB, in whole units."""
    cells = {1: kind, 2: 9, 3: precision, 4: value, 5: state}
    return {f"{SENSOR}.{column}.{index}": cell for column, cell in cells.items()} | {f"{ENTITY}.7.{index}": name}


def thermometer(state: int, celsius: int = 71) -> dict[str, Any]:
    """A thermometer of CISCO-ENVMON-MIB."""
    name = b"Temp Sensor 1, GREEN"
    return {f"{ENVMON}.3.1.2.7": name, f"{ENVMON}.3.1.3.7": v2c.Gauge32(celsius), f"{ENVMON}.3.1.6.7": state}


async def test_net_snmps_agent_tells_what_it_is_and_how_its_host_is(tmp_path: Path, engines: Engines) -> None:
    with snmpd(tmp_path, "sysname desk\nsyslocation Comms room\nsyscontact Ada\n") as port:
        reading = await asked(port, engines)
    assert reading.status is Status.UP, reading.detail
    assert (parts(reading, "name_info"), parts(reading, "location_info")) == ({"desk": 1}, {"Comms room": 1})
    assert parts(reading, "contact_info") == {"Ada": 1}
    assert set(parts(reading, "uptime_seconds")) == {"agent", "system"}
    assert 0 < parts(reading, "memory_used_ratio")[""] < 1
    assert parts(reading, "storage_bytes")["Physical memory"] > 1e8
    assert parts(reading, "restarted") == {"": 0}


class TestADevice:
    async def test_that_tells_nothing_more_is_up_and_called_by_name(self, engines: Engines) -> None:
        reading = await measured(engines, device())
        assert reading.status is Status.UP
        assert reading.detail.endswith(": up 3 days")
        assert parts(reading, "uptime_seconds") == {"agent": 259_200}
        assert parts(reading, "description_info") == {"Switch 24 PoE": 1}
        assert parts(reading, "object_info") == {f"{MAKERS}.99999.1": 1}

    async def test_without_a_clock_is_called_what_it_calls_itself(self, engines: Engines) -> None:
        rows = device()
        del rows[UPTIME]
        assert (await measured(engines, rows)).detail.endswith(": answers as Switch 24 PoE")

    async def test_of_several_chassis_tells_of_each(self, engines: Engines) -> None:
        stack = {f"{ENTITY}.5.1": 3, f"{ENTITY}.5.2": 3, f"{ENTITY}.5.3": 9}
        stack |= {f"{ENTITY}.11.{row}": b"SN%d" % row for row in (1, 2, 3)}
        stack |= {f"{ENTITY}.13.{row}": b"C9300" for row in (1, 2, 3)}
        reading = await measured(engines, device(**stack))
        assert (parts(reading, "serial_info"), parts(reading, "model_info")) == ({"SN1": 1, "SN2": 1}, {"C9300": 1})

    async def test_has_its_words_bounded_and_on_one_line(self, engines: Engines) -> None:
        reading = await measured(engines, device(**{f"{SYSTEM}.1.0": b"Version\r\n\x1b[31m" + b"x" * 900}))
        (words,) = parts(reading, "description_info")
        assert words.isprintable()
        assert words.startswith("Version ")
        assert len(words) == 255

    async def test_that_hides_its_system_is_unknown(self, engines: Engines) -> None:
        reading = await measured(engines, {"1.3.6.1.2.1.33.1.2.1.0": 2})
        assert (reading.status, reading.reason) == (Status.UNKNOWN, "no_source")

    async def test_without_an_address_is_not_measured(self, engines: Engines) -> None:
        probe = Device(SnmpParams(host="switch.invalid", community="${env:COMMUNITY}"), engines)
        assert (await read("switch/device", probe, 60)).reason in ("unresolved", "no_network")


class TestARestart:
    async def test_is_told_once(self, engines: Engines) -> None:
        rows = device()
        seen = []
        async with snmp_agent(serving(rows)) as port:
            for ticks in (3 * DAY, 3 * DAY + 6000, 500, 6500):
                rows[UPTIME] = v2c.TimeTicks(ticks)
                seen.append(parts(await asked(port, engines), "restarted")[""])
        assert seen == [0, 0, 1, 0]

    async def test_is_told_of_on_demand_by_nobody(self, engines: Engines) -> None:
        rows = device()
        async with snmp_agent(serving(rows)) as port:
            await asked(port, engines, "")
            rows[UPTIME] = v2c.TimeTicks(500)
            assert parts(await asked(port, engines, ""), "restarted") == {"": 0}

    @pytest.mark.parametrize(
        ("before", "after", "restarted"),
        [
            ({}, {"agent": 5.0}, False),
            ({"agent": 1000.0}, {"agent": 1060.0}, False),
            ({"agent": 1000.0}, {"agent": 5.0}, True),
            ({"agent": 1000.0}, {"agent": 990.0}, False),  # from a cache
            ({"agent": 42_949_600.0}, {"agent": 20.0}, False),  # wrapped
            ({"system": 9000.0, "agent": 9000.0}, {"system": 9060.0, "agent": 5.0}, False),  # the agent alone
            ({"system": 9000.0, "agent": 9000.0}, {"system": 5.0, "agent": 5.0}, True),
        ],
    )
    def test_is_an_uptime_that_went_back(
        self, before: dict[str, float], after: dict[str, float], restarted: bool
    ) -> None:
        assert went_back(before, after) is restarted


class TestSensors:
    async def test_of_the_standard_are_told_by_name(self, engines: Engines) -> None:
        rows = device(**entity(1, b"Inlet", 8, 312, precision=1), **entity(2, b"Fan", 10, 4864))
        rows |= entity(3, b"Outlet", 9, 40) | entity(4, b"PSU", 12, 2) | entity(5, b"PSU power", 6, 95)
        reading = await measured(engines, rows)
        assert parts(reading, "temperature_celsius") == {"Inlet": pytest.approx(31.2)}
        assert (parts(reading, "fan_rpm"), parts(reading, "humidity_ratio")) == ({"Fan": 4864}, {"Outlet": 0.4})
        assert (parts(reading, "contact_closed"), parts(reading, "power_watts")) == ({"PSU": 0}, {"PSU power": 95})
        assert set(parts(reading, "sensor_critical").values()) == {0}
        assert "up to 31 °C" in reading.detail

    async def test_with_the_same_name_are_told_apart(self, engines: Engines) -> None:
        reading = await measured(engines, device(**entity(1, b"Temp", 8, 30), **entity(2, b"Temp", 8, 35)))
        assert parts(reading, "temperature_celsius") == {"Temp": 30, "Temp #2": 35}

    async def test_that_failed_make_the_device_down(self, engines: Engines) -> None:
        reading = await measured(engines, device(**entity(2, b"Fan 2", 10, 0, state=3)))
        assert (reading.status, reading.reason) == (Status.DOWN, "sensor_critical")
        assert "the device itself reports Fan 2 critical" in reading.detail
        assert parts(reading, "sensor_critical") == {"Fan 2": 1}
        assert parts(reading, "name_info") == {"core-1": 1}

    async def test_that_cannot_tell_just_now_are_no_fault(self, engines: Engines) -> None:
        reading = await measured(engines, device(**entity(2, b"SFP", 8, 0, state=2)))
        assert reading.status is Status.UP
        assert parts(reading, "temperature_celsius") == parts(reading, "sensor_critical") == {}

    @pytest.mark.parametrize("state", [3, 4])
    async def test_over_the_devices_own_limit_make_it_too_hot(self, engines: Engines, state: int) -> None:
        reading = await measured(engines, device("9", **thermometer(state)))
        assert (reading.status, reading.reason) == (Status.DOWN, "too_hot")
        assert reading.detail.endswith("Temp Sensor 1 too hot at 71 °C")

    async def test_that_failed_are_not_said_to_be_hot(self, engines: Engines) -> None:
        reading = await measured(engines, device("9", **thermometer(6)))
        assert reading.reason == "sensor_critical"
        rows = device("9", **thermometer(4)) | {f"{ENVMON}.4.1.2.1": b"Fan", f"{ENVMON}.4.1.3.1": 3}
        assert (await measured(engines, rows)).reason == "sensor_critical"

    async def test_that_the_device_warns_of_are_a_finding(self, engines: Engines) -> None:
        reading = await measured(engines, device("9", **thermometer(2)))
        assert reading.status is Status.UP
        assert "warns of Temp Sensor 1" in reading.detail
        assert parts(reading, "sensor_warning") == {"Temp Sensor 1": 1}

    async def test_are_not_judged_by_limits_of_ours(self, engines: Engines) -> None:
        assert (await measured(engines, device("9", **thermometer(1, 95)))).status is Status.UP

    async def test_that_are_not_there_are_left_out(self, engines: Engines) -> None:
        reading = await measured(engines, device("9", **{f"{ENVMON}.5.1.2.1": b"PSU B", f"{ENVMON}.5.1.3.1": 5}))
        assert parts(reading, "sensor_critical") == {}

    async def test_of_a_fortigate_are_what_their_names_say(self, engines: Engines) -> None:
        hardware = f"{FORTIGATE}.4.3.2.1"
        rows = device("12356.101")
        for row, (name, value, alarm) in enumerate(
            (("CPU Temperature", "56.2", 0), ("FAN1", "4100", 1), ("PS1", "0", 0))
        ):
            rows |= {f"{hardware}.2.{row}": name.encode(), f"{hardware}.3.{row}": value.encode()}
            rows[f"{hardware}.4.{row}"] = alarm
        reading = await measured(engines, rows)
        assert reading.reason == "sensor_critical"
        assert (parts(reading, "temperature_celsius"), parts(reading, "fan_rpm")) == (
            {"CPU Temperature": 56.2},
            {"FAN1": 4100},
        )

    async def test_in_fahrenheit_are_converted(self, engines: Engines) -> None:
        row = {f"{GEIST}.2.1.3.1": b"Rack", f"{GEIST}.2.1.5.1": 770, f"{GEIST}.2.1.6.1": 39}
        for unit, celsius in ((0, 25.0), (1, 77.0)):
            reading = await measured(engines, device("21239", **row, **{f"{GEIST}.1.7.0": unit}))
            assert parts(reading, "temperature_celsius") == {"Rack": pytest.approx(celsius)}
            assert parts(reading, "humidity_ratio") == {"Rack": pytest.approx(0.39)}

    async def test_of_a_service_that_failed_are_a_warning(self, engines: Engines) -> None:
        reading = await measured(engines, device("2684", **{f"{POLY}.1.6.0": 2, f"{POLY}.2.8.1.0": 3}))
        assert reading.status is Status.UP
        assert parts(reading, "sensor_warning") == {"system": 0, "SIP service": 1}


async def test_a_device_that_hides_its_maker_is_recognised_by_what_it_has(engines: Engines) -> None:
    rows = device("8072.3.2.10") | {f"{SONICWALL}.2.0": v2c.Gauge32(300), f"{SONICWALL}.1.0": v2c.Gauge32(400)}
    reading = await measured(engines, rows)
    assert (parts(reading, "sessions"), parts(reading, "sessions_ratio")) == ({"": 300}, {"": 0.75})


async def test_tunnels_and_the_cluster_of_a_firewall_are_told(engines: Engines) -> None:
    rows = device("12356.101") | {f"{FORTIGATE}.13.1.1.0": 3, f"{FORTIGATE}.13.2.1.1.12.2": 0}
    rows |= {f"{FORTIGATE}.12.2.2.1.20.1": 1, f"{FORTIGATE}.12.2.2.1.3.1": b"office"}
    reading = await measured(engines, rows)
    assert (parts(reading, "tunnels"), parts(reading, "cluster_info")) == ({"office": 0}, {"active and passive": 1})
    assert parts(reading, "sensor_warning") == {"cluster member 2": 1}


class TestStorage:
    RAM, DISK = f"{HOST}.2.1.2", f"{HOST}.2.1.4"

    def told(self, *rows: tuple[bytes, str, int, int], read_only: frozenset[str] = frozenset()) -> list[Figure]:
        """Rows of name, type, size and use in kilobytes, counted from 1."""
        columns = ({str(place): row[cell] for place, row in enumerate(rows, 1)} for cell in range(4))
        names, types, sizes, used = columns
        return figures(storages(set(read_only), sizes, names, types, dict.fromkeys(names, 1024), used))

    def of(self, quantity: str, told: list[Figure]) -> dict[str, float]:
        return {each.name: pytest.approx(each.value) for each in told if each.quantity == quantity}

    def test_that_can_fill_is_a_disk(self) -> None:
        told = self.told((b"/", self.DISK, 100, 95), (b"/rom", self.DISK, 10, 10), (b"RAM", self.RAM, 50, 49))
        assert self.of("disk", told) == {"/": 0.95}
        assert self.of("storage", told) == {"/": 0.95, "/rom": 1, "RAM": 0.98}

    def test_that_is_mounted_read_only_is_full_by_nature(self) -> None:
        assert self.of("disk", self.told((b"/firmware", self.DISK, 9, 9), read_only=frozenset("1"))) == {}

    def test_of_memory_is_told_without_caches(self) -> None:
        caches = ((b"Memory buffers", "x", 1000, 100), (b"Cached memory", "x", 500, 500))
        assert self.of("memory", self.told((b"Physical memory", self.RAM, 1000, 980), *caches)) == {"": 0.38}
        assert self.of("memory", self.told((b"Physical memory", self.RAM, 1000, 300), *caches)) == {"": 0.3}

    def test_of_memory_is_what_is_not_available(self) -> None:
        rows = (b"Physical memory", self.RAM, 1000, 980), (b"Cached memory", "x", 700, 700)
        assert self.of("memory", self.told(*rows, (b"Available memory", "x", 600, 0))) == {"": 0.4}

    def test_without_a_size_is_left_out(self) -> None:
        assert self.told((b"slot", self.DISK, 0, 0)) == []

    def test_of_more_than_2_to_the_31_units_is_told(self) -> None:
        told = self.told((b"/data", self.DISK, -(2**31), 2**30))
        assert self.of("disk", told) == {"/data": 0.5}


def test_the_load_is_that_of_all_processors_together() -> None:
    assert load([Figure("processor", "1", 1.0), Figure("processor", "2", 0.2), Figure("celsius", "x", 40)]) == 0.6
    assert load([]) is None


@pytest.mark.parametrize(("given", "told"), [(-1, None), (0, 0), (480, 48.0), (b"", None), (b"481", 48.1)])
def test_figures_that_mean_none_are_left_out(given: Any, told: float | None) -> None:
    found = Table("channel", (Measure("1.2", "watts", 0.1),)).read({"1.2": {"5": given}})
    assert found.figures == (() if told is None else (Figure("watts", "channel 5", pytest.approx(told)),))


def test_outlets_of_raritan_are_named_or_labelled_and_have_digits_of_their_own() -> None:
    base = f"{MAKERS}.13742.6"
    columns: Columns = {
        f"{base}.5.4.3.1.4": {"1.1.1": 311, "1.2.5": 68, "1.2.99": 1, "1.2.6": 5},
        f"{base}.3.5.4.1.7": {"1.1.1": 3, "1.2.5": 0, "1.2.99": 0, "1.2.6": 40},
        f"{base}.3.5.3.1.3": {"1.1": b"NAS", "1.2": b""},
        f"{base}.3.5.3.1.2": {"1.1": b"1", "1.2": b"2"},
    }
    assert raritan_outlets(columns).figures == (Figure("amperes", "NAS", 0.311), Figure("watts", "outlet 2", 68))
