"""equipment.interfaces against Net-SNMP's agent, and against one whose every counter a test decides."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from peers.snmp_agent import serving, snmp_agent
from peers.snmpd import snmpd
from pydantic import ValidationError
from pysnmp.proto.api import v2c

from monitor.reading import read
from probes import Failed, Reading, Status
from probes._engines import Engines
from probes._engines.snmp.counters import Counter
from probes.equipment.interfaces import MOST, Interface, Interfaces, InterfacesParams, choose, power, rates

IF, IFX = "1.3.6.1.2.1.2.2.1", "1.3.6.1.2.1.31.1.1.1"


@pytest.fixture(autouse=True)
def community(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMMUNITY", "public")
    monkeypatch.setenv("PASSPHRASE", "passphrase-a")


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    user = "createUser desk SHA passphrase-a AES passphrase-a\nrouser desk priv\n"
    with snmpd(tmp_path_factory.mktemp("snmpd"), user) as port:
        yield port


def params(port: int, **settings: Any) -> InterfacesParams:
    if "user" not in settings:
        settings.setdefault("community", "${env:COMMUNITY}")
    return InterfacesParams(host="127.0.0.1", port=port, **settings)


async def measured(port: int, timeout: float = 60, **settings: Any) -> Reading:
    return (await readings(1, port, timeout, **settings))[0]


async def readings(times: int, port: int, timeout: float = 60, **settings: Any) -> list[Reading]:
    engines = Engines()
    probe = Interfaces(params(port, **settings), engines)
    try:
        return [await read("switch/interfaces", probe, timeout) for _ in range(times)]
    finally:
        engines.close()


def switch() -> dict[str, Any]:
    """Three ports: an uplink at 1 Gbit/s, an access point at 100 Mbit/s, and one that nobody described."""
    rows: dict[str, Any] = {"1.3.6.1.2.1.1.3.0": v2c.TimeTicks(1000)}
    for row, (alias, oper, speed) in enumerate((("uplink: fibre", 1, 1000), ("ap: lounge", 1, 100), ("", 2, 0)), 1):
        rows |= {
            f"{IF}.2.{row}": b"Gigabit Ethernet",
            f"{IF}.5.{row}": v2c.Gauge32(speed * 10**6),
            f"{IF}.7.{row}": 1,
            f"{IF}.8.{row}": oper,
            f"{IF}.14.{row}": v2c.Counter32(7),
            f"{IF}.20.{row}": v2c.Counter32(0),
            f"{IFX}.1.{row}": b"gi%d" % row,
            f"{IFX}.6.{row}": v2c.Counter64(10**10),
            f"{IFX}.10.{row}": v2c.Counter64(10**10),
            f"{IFX}.15.{row}": v2c.Gauge32(speed),
            f"{IFX}.18.{row}": alias.encode(),
        }
    return rows


class TestNetSnmp:
    async def test_shows_its_loopback(self, agent: int) -> None:
        reading = await measured(agent, watch=["^lo$"])
        assert reading.status is Status.UP, reading.detail
        assert reading.value("deskwatch_interface_up", "lo") == 1
        assert reading.value("deskwatch_interface_enabled", "lo") == 1
        assert "1 of 1 interfaces have a link" in reading.detail

    async def test_shows_it_to_a_user_with_passphrases_as_well(self, agent: int) -> None:
        secrets = {"authentication_passphrase": "${env:PASSPHRASE}", "privacy_passphrase": "${env:PASSPHRASE}"}
        who: dict[str, Any] = {"version": "3", "user": "desk", "authentication": "SHA", "privacy": "AES", **secrets}
        reading = await measured(agent, watch=["^lo$"], **who)
        assert reading.value("deskwatch_interface_up", "lo") == 1, reading.detail

    async def test_is_down_when_it_refuses_the_user(self, agent: int) -> None:
        secret: dict[str, Any] = {"authentication": "SHA", "authentication_passphrase": "${env:PASSPHRASE}"}
        reading = await measured(agent, version="3", user="stranger", **secret)
        assert (reading.status, reading.reason) == (Status.DOWN, "auth_failed")

    async def test_counts_what_runs_over_its_loopback(self, agent: int) -> None:
        reading = (await readings(2, agent, watch=["^lo$"]))[1]
        assert (reading.value("deskwatch_interface_receive_bits_per_second", "lo") or 0) >= 0


class TestTheInterfacesThatCount:
    async def test_are_those_that_are_on_and_described(self) -> None:
        async with snmp_agent(serving(switch())) as port:
            reading = await measured(port)
        assert [s.part for s in reading.samples if s.metric == "deskwatch_interface_up"] == ["gi1", "gi2"]
        assert reading.value("deskwatch_interfaces") == 3

    async def test_are_those_that_the_settings_name(self) -> None:
        async with snmp_agent(serving(switch())) as port:
            reading = await measured(port, watch=["^gi3$", "^ap:"])
        up = {s.part: s.value for s in reading.samples if s.metric == "deskwatch_interface_up"}
        assert up == {"gi2": 1, "gi3": 0}
        assert "without: gi3" in reading.detail

    async def test_must_all_be_there(self) -> None:
        async with snmp_agent(serving(switch())) as port:
            reading = await measured(port, watch=["^uplink", "^door"])
        assert (reading.status, reading.reason) == (Status.DOWN, "missing")
        assert "no interface like ^door" in reading.detail
        assert reading.value("deskwatch_interface_up", "gi1") == 1

    async def test_are_asked_for_when_there_are_none(self) -> None:
        rows = {oid: value for oid, value in switch().items() if not oid.startswith(f"{IFX}.18.")}
        async with snmp_agent(serving(rows)) as port:
            reading = await measured(port)
        assert (reading.status, reading.reason) == (Status.UNKNOWN, "no_source")
        assert "name them in watch" in reading.detail

    def test_are_not_those_that_are_switched_off(self) -> None:
        off = Interface("1", "gi1", "printer", admin=2, oper=2)
        assert choose([off], ()) == ([], [])
        assert choose([off], ("printer",)) == ([off], [])

    async def test_are_so_many_at_most(self) -> None:
        rows: dict[str, Any] = {}
        for row in range(1, MOST + 3):
            rows |= {f"{IF}.8.{row}": 1, f"{IFX}.18.{row}": b"desk"}
        async with snmp_agent(serving(rows)) as port:
            reading = await measured(port)
        assert len([s for s in reading.samples if s.metric == "deskwatch_interface_up"]) == MOST
        assert "2 more than 128 are left out" in reading.detail

    async def test_have_one_name_each_however_the_device_calls_them(self) -> None:
        rows = {f"{IF}.8.{row}": 1 for row in (1, 2, 3)} | {f"{IFX}.1.1": b"wan\x07\n", f"{IFX}.1.2": b"wan"}
        async with snmp_agent(serving(rows)) as port:
            reading = await measured(port, watch=["."])
        assert [s.part for s in reading.samples if s.metric == "deskwatch_interface_up"] == ["wan", "wan #2", "#3"]


class TestAnInterface:
    async def test_without_a_link_is_a_finding_and_not_the_end_of_the_device(self) -> None:
        rows = switch() | {f"{IF}.8.1": 2}
        async with snmp_agent(serving(rows)) as port:
            reading = await measured(port)
        assert reading.status is Status.UP
        assert reading.value("deskwatch_interface_up", "gi1") == 0
        assert reading.value("deskwatch_interface_speed_bits_per_second", "gi1") is None
        assert "without: gi1 (uplink: fibre)" in reading.detail

    async def test_of_unknown_state_is_neither_up_nor_down(self) -> None:
        async with snmp_agent(serving(switch() | {f"{IF}.8.1": 4})) as port:
            reading = await measured(port)
        assert reading.value("deskwatch_interface_up", "gi1") is None

    async def test_is_held_against_the_best_speed_that_it_had(self) -> None:
        rows, engines = switch(), Engines()
        async with snmp_agent(serving(rows)) as port:
            probe = Interfaces(params(port), engines)
            first = await read("switch/interfaces", probe, 60)
            rows[f"{IFX}.15.1"] = v2c.Gauge32(100)
            second = await read("switch/interfaces", probe, 60)
        engines.close()
        assert first.value("deskwatch_interface_speed_ratio", "gi1") == 1
        assert second.value("deskwatch_interface_speed_ratio", "gi1") == 0.1
        assert second.value("deskwatch_interface_speed_bits_per_second", "gi1") == 1e8

    async def test_is_held_against_the_speed_that_the_settings_want(self) -> None:
        async with snmp_agent(serving(switch())) as port:
            reading = await measured(port, speed=1000)
        assert reading.value("deskwatch_interface_speed_ratio", "gi1") == 1
        assert reading.value("deskwatch_interface_speed_ratio", "gi2") == 0.1

    async def test_shows_its_traffic_and_faults_from_the_second_reading_on(self) -> None:
        rows, engines = switch(), Engines()
        async with snmp_agent(serving(rows)) as port:
            probe = Interfaces(params(port), engines)
            first = await read("switch/interfaces", probe, 60)
            rows[f"{IFX}.6.1"] = v2c.Counter64(10**10 + 1000)
            rows[f"{IF}.14.1"] = v2c.Counter32(9)
            second = await read("switch/interfaces", probe, 60)
        engines.close()
        assert first.value("deskwatch_interface_receive_bits_per_second", "gi1") is None
        received = second.value("deskwatch_interface_receive_bits_per_second", "gi1") or 0
        assert received > 0
        assert second.value("deskwatch_interface_utilisation_ratio", "gi1") == pytest.approx(received / 1e9)
        assert (second.value("deskwatch_interface_errors_per_second", "gi1") or 0) > 0
        assert second.value("deskwatch_interface_errors_per_second", "gi2") == 0

    async def test_shows_no_traffic_when_the_device_restarted_in_between(self) -> None:
        rows, engines = switch() | {"1.3.6.1.2.1.1.3.0": v2c.TimeTicks(10**8)}, Engines()
        async with snmp_agent(serving(rows)) as port:
            probe = Interfaces(params(port), engines)
            await read("switch/interfaces", probe, 60)
            rows["1.3.6.1.2.1.1.3.0"] = v2c.TimeTicks(10)
            reading = await read("switch/interfaces", probe, 60)
        engines.close()
        assert reading.value("deskwatch_interface_up", "gi1") == 1
        assert reading.value("deskwatch_interface_receive_bits_per_second", "gi1") is None


def test_a_counter_of_32_bits_that_wrapped_gives_the_rate() -> None:
    before = {"received": Counter(2**32 - 1000, 32, 0, 0), "sent": Counter(0, 32, 0, 0)}
    after = {"received": Counter(1000, 32, 10, 1000), "sent": Counter(0, 32, 10, 1000)}
    found = rates(before, after, 1e6)
    assert found["receive_bits_per_second"] == 1600
    assert found["utilisation_ratio"] == 0.0016


def test_a_counter_that_may_have_wrapped_twice_gives_none() -> None:
    before, after = ({"received": Counter(0, 32, at, 100 * at)} for at in (0, 60))
    assert rates(before, after, 1e9) == {}


def test_faults_that_somebody_cleared_are_no_burst_of_faults() -> None:
    before = {"errors in": Counter(5000, 32, 0, 0)}
    assert rates(before, {"errors in": Counter(3, 32, 30, 3000)}, 1e9) == {}


def test_a_poe_supply_shows_its_budget() -> None:
    entry = {"2.1": 370, "3.1": 1, "4.1": 333, "2.2": 0, "3.2": 3, "4.2": 0}
    found = {(sample.metric.removeprefix("deskwatch_poe_"), sample.part): sample.value for sample in power(entry)}
    assert found == {
        ("faulty", "1"): 0,
        ("power_watts", "1"): 370,
        ("used_watts", "1"): 333,
        ("used_ratio", "1"): 0.9,
        ("faulty", "2"): 1,
        ("used_watts", "2"): 0,
    }


async def test_a_device_without_interfaces_is_unknown() -> None:
    async with snmp_agent(serving({"1.3.6.1.2.1.1.1.0": b"a thermometer"})) as port:
        reading = await measured(port)
    assert (reading.status, reading.reason) == (Status.UNKNOWN, "no_source")
    assert "is it the right device" in reading.detail


async def test_a_silent_device_is_down() -> None:
    engines = Engines()
    async with snmp_agent(lambda request: []) as port:
        with pytest.raises(Failed, match="no_answer"):
            await Interfaces(params(port), engines).measure(2)
    engines.close()


async def test_a_device_that_goes_in_circles_is_unknown() -> None:
    async with snmp_agent(lambda request: [request.answer([(f"{IF}.8.1", 1)])]) as port:
        reading = await asyncio.wait_for(measured(port), 60)
    assert (reading.status, reading.reason) == (Status.UNKNOWN, "no_source")


@pytest.mark.parametrize(
    ("settings", "remedy"),
    [({}, "needs a community"), ({"community": "public"}, "use \\${env:NAME}"), ({"watch": ["("]}, "not a regular")],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], remedy: str) -> None:
    with pytest.raises(ValidationError, match=remedy):
        InterfacesParams(host="switch.example.com", **settings)


def test_secrets_never_show() -> None:
    assert "public" not in repr(params(161))
