"""wifi.snmp against agents that speak the MIBs of many makers, in every state that matters."""

import logging
from collections.abc import Mapping
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from peers.canaries import canary
from peers.snmp_agent import Request, serving, snmp_agent
from pysnmp.proto.api import v2c

from monitor.reading import read
from probes import Failed, Reading, Status
from probes._engines import Engines
from probes._engines.wifi_mib.radius import COLUMNS
from probes._engines.wifi_mib.reader import Cells, Mib
from probes.wifi.snmp import MIBS, Vendor, WifiBySnmp, WifiSnmpParams, candidates

OBJECT, NAME = "1.3.6.1.2.1.1.2.0", "1.3.6.1.2.1.1.5.0"
ENTERPRISES = "1.3.6.1.4.1"
CISCO, ARUBA, RUCKUS = f"{ENTERPRISES}.14179.2", f"{ENTERPRISES}.14823.2", f"{ENTERPRISES}.25053.1"
GATE, HUAWEI, UNIFI = f"{ENTERPRISES}.12356.101.14", f"{ENTERPRISES}.2011.6.139", f"{ENTERPRISES}.41112.1.6.1"
EXTREME, HIVE = f"{ENTERPRISES}.4329.15.3", f"{ENTERPRISES}.26928.1"
RADIUS = "1.3.6.1.2.1.67.1.2.1.1.3.1"
LOBBY, LOFT = "0.26.43.60.77.1", "0.26.43.60.77.2"  # hardware addresses as indexes

Rows = dict[str, Any]
Columns = Mapping[str, Mapping[str, Any]]


@pytest.fixture(autouse=True)
def community(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMMUNITY", canary("community"))


def made_by(number: str, rows: Rows) -> Rows:
    """An agent with that sysObjectID below the enterprises."""
    return {OBJECT: v2c.ObjectIdentifier(f"{ENTERPRISES}.{number}"), NAME: b"AP-1", **rows}


def table(entry: str, columns: Columns) -> Rows:
    """Cells by column and index."""
    return {f"{entry}.{column}.{index}": value for column, cells in columns.items() for index, value in cells.items()}


def text_index(name: str) -> str:
    """A name as an index: its length and its characters."""
    return ".".join(str(number) for number in (len(name), *name.encode()))


def cisco() -> Rows:
    """A Catalyst 9800 with two networks and two access points."""
    networks: Columns = {
        "2": {"1": b"Members", "2": b"Guests"},
        "6": {"1": 1, "2": 0},
        "38": {"1": v2c.Counter32(31), "2": v2c.Counter32(0)},
    }
    points: Columns = {"3": {LOBBY: b"Lobby", LOFT: b"Loft"}, "6": {LOBBY: 1, LOFT: 1}}
    radios = {"4": {f"{LOBBY}.0": 6, f"{LOBBY}.1": 36}, "12": {f"{LOBBY}.0": 1, f"{LOBBY}.1": 2}}
    users = {"15": {f"{LOBBY}.0": 0, f"{LOBBY}.1": 31}}
    busy = {"3": {f"{LOBBY}.1": 61}}
    rows = {
        **table(f"{CISCO}.1.1.1", networks),
        **table(f"{CISCO}.2.1.1", points),
        **table(f"{CISCO}.2.2.1", {**radios, **users}),
        **table(f"{CISCO}.2.13.1", busy),
    }
    return made_by("9.1.2530", rows)


async def measured(rows: Rows, engines: Engines | None = None, timeout: float = 60, **settings: Any) -> Reading:
    async with snmp_agent(serving(rows)) as port:
        return await asked(port, engines, timeout, **settings)


async def asked(port: int, engines: Engines | None = None, timeout: float = 60, **settings: Any) -> Reading:
    own = engines or Engines()
    probe = WifiBySnmp(parameters(port, **settings), own)
    probe.check = "wifi/snmp"
    try:
        return await read("wifi/snmp", probe, timeout)
    finally:
        if engines is None:
            own.close()


async def ended(port: int, timeout: float) -> Failed:
    """How it fails when the time is up."""
    engines = Engines()
    with pytest.raises(Failed) as failed:
        await WifiBySnmp(parameters(port), engines).measure(timeout)
    engines.close()
    return failed.value


def parameters(port: int, **settings: Any) -> WifiSnmpParams:
    return WifiBySnmp.Params(host="127.0.0.1", port=port, community="${env:COMMUNITY}", **settings)


def figures(reading: Reading, metric: str) -> dict[str, float]:
    return {sample.part: sample.value for sample in reading.samples if sample.metric == f"deskwatch_wifi_{metric}"}


class TestACiscoController:
    async def test_is_up_and_shows_networks_access_points_and_radios(self) -> None:
        reading = await measured(cisco(), ssid="Members")
        assert reading.status is Status.UP, reading.detail
        assert reading.detail == (
            "busy channels: Lobby 5 GHz (61 %); 31 devices are on Members; 2 of 2 access points are online"
        )
        assert figures(reading, "ssid_enabled") == {"Members": 1, "Guests": 0}
        assert figures(reading, "ssid_clients") == {"Members": 31, "Guests": 0}
        assert figures(reading, "access_point_up") == {"Lobby": 1, "Loft": 1}
        assert figures(reading, "access_point_clients") == {"Lobby": 31}
        assert figures(reading, "radio_up") == {"Lobby 2.4 GHz": 0, "Lobby 5 GHz": 1}
        assert figures(reading, "channel_utilization_ratio") == {"Lobby 5 GHz": 0.61}
        assert figures(reading, "clients") == {"": 31}

    async def test_is_down_without_the_network_of_members(self) -> None:
        reading = await measured(cisco(), ssid="Staff")
        assert (reading.status, reading.reason) == (Status.DOWN, "ssid_missing")

    async def test_is_down_with_the_network_switched_off(self) -> None:
        reading = await measured(cisco(), ssid="Guests")
        assert (reading.status, reading.reason) == (Status.DOWN, "ssid_disabled")

    async def test_names_an_access_point_that_loads_its_software(self) -> None:
        reading = await measured(cisco() | {f"{CISCO}.2.1.1.6.{LOFT}": 3})
        assert reading.detail.startswith("offline: Loft (loading its software); ")

    async def test_misses_an_access_point_that_is_declared_and_has_not_joined(self) -> None:
        reading = await measured(cisco(), access_points=("Lobby", "Loft", "Attic", "Cellar"))
        assert (reading.status, reading.reason) == (Status.DOWN, "access_points_down")
        assert "vanished: Attic, Cellar" in reading.detail

    async def test_shows_a_network_whose_name_is_not_utf_8(self) -> None:
        reading = await measured(cisco() | {f"{CISCO}.1.1.1.2.1": "Café".encode("latin-1")}, ssid="Café")
        assert reading.detail.startswith("busy channels: Lobby 5 GHz (61 %); 31 devices are on Café")

    async def test_counts_what_is_sent_as_text_and_leaves_out_what_is_none(self) -> None:
        odd = {f"{CISCO}.1.1.1.38.1": b" 31 ", f"{CISCO}.1.1.1.38.2": b"", f"{CISCO}.2.13.1.3.{LOBBY}.1": 255}
        reading = await measured(cisco() | odd)
        assert figures(reading, "ssid_clients") == {"Members": 31}
        assert figures(reading, "channel_utilization_ratio") == {}

    async def test_shows_how_often_its_radius_server_is_silent(self) -> None:
        server = {"1.1.2.1": v2c.IpAddress("192.0.2.5"), "1.1.3.1": 1812, "3.1.7.1": 100, "3.1.15.1": 2}
        rows = cisco() | {f"{CISCO}.5.{column}": value for column, value in server.items()}
        engines = Engines()
        first = await measured(rows, engines)
        second = await measured(rows | {f"{CISCO}.5.3.1.7.1": 110, f"{CISCO}.5.3.1.15.1": 7}, engines)
        engines.close()
        assert figures(first, "radius_requests_total") == {"192.0.2.5:1812": 100}
        assert figures(second, "radius_unanswered_ratio") == {"192.0.2.5:1812": 0.5}

    async def test_that_only_counts_its_access_points_is_judged_by_that(self) -> None:
        rows = {**table(f"{CISCO}.1.1.1", {"2": {"1": b"Members"}}), f"{ENTERPRISES}.9.9.513.1.3.35.0": 4}
        reading = await measured(made_by("9.1.2530", rows))
        assert figures(reading, "access_points") == {"online": 4, "offline": 0}


async def test_any_maker_may_count_requests_as_the_standard_says() -> None:
    columns: Columns = {"2": {"1": v2c.IpAddress("192.0.2.6")}, "3": {"1": 1812}, "5": {"1": 9}, "13": {"1": 4}}
    reading = await measured(made_by("2011.2", {f"{HUAWEI}.12.1.2.1.0": 3, **table(RADIUS, columns)}))
    assert figures(reading, "radius_timeouts_total") == {"192.0.2.6:1812": 4}


class TestOtherMakers:
    """What no recording of a device shows."""

    async def test_aruba_instant_with_a_network_that_is_off_and_a_member_that_is_down(self) -> None:
        instant = f"{ARUBA}.3.3.1"
        rows = {
            **table(f"{instant}.1.7.1", {"2": {"0": b"Members"}, "3": {"0": 1}, "4": {"0": 0}}),
            **table(f"{instant}.2.1.1", {"2": {LOBBY: b"Lobby", LOFT: b"Loft"}, "11": {LOBBY: 1, LOFT: 2}}),
            **table(
                f"{instant}.2.2.1", {"4": {f"{LOBBY}.0": b"149E"}, "20": {f"{LOBBY}.0": 1}, "21": {f"{LOBBY}.0": 5}}
            ),
        }
        reading = await measured(made_by("14823.1.2.71", rows), ssid="Members")
        assert reading.reason == "ssid_disabled"
        assert figures(reading, "access_point_up") == {"Lobby": 1, "Loft": 0}
        assert figures(reading, "access_point_clients") == {"Lobby": 5}
        assert figures(reading, "channel") == {"Lobby 5 GHz": 149}

    async def test_a_fortigate_names_its_access_points_or_gives_their_serial_numbers(self) -> None:
        first, second = f"1.{text_index('FP231F001')}", f"1.{text_index('FP231F002')}"
        rows = {
            f"{GATE}.2.4.0": 2,
            f"{GATE}.2.5.0": 1,
            f"{GATE}.2.7.0": 8,
            **table(f"{GATE}.3.1", {"1": {"1": b"Members"}, "12": {"1": 8}}),
            f"{GATE}.4.3.1.3.{first}": b"Lobby",
            **table(f"{GATE}.4.4.1", {"7": {first: 2, second: 1}, "17": {first: 8}}),
        }
        reading = await measured(made_by("12356.101.1.644", rows), ssid="Members")
        assert figures(reading, "access_point_up") == {"Lobby": 1, "FP231F002": 0}
        assert figures(reading, "ssid_clients") == {"Members": 8}

    async def test_huawei_counts_devices_by_band_and_says_what_is_wrong_with_an_access_point(self) -> None:
        members = text_index("Members")
        rows = {
            **table(f"{HUAWEI}.13.3.3.1", {"4": {LOBBY: b"Lobby", LOFT: b"Loft"}, "6": {LOBBY: 8, LOFT: 4}}),
            **table(f"{HUAWEI}.17.1.2.1", {"2": {members: 3}, "3": {members: 9}}),
        }
        reading = await measured(made_by("2011.2.240", rows))
        assert figures(reading, "ssid_clients") == {"Members": 12}
        assert figures(reading, "access_point_up") == {"Lobby": 1, "Loft": 0}

    @pytest.mark.parametrize("branch", [4, 3])
    async def test_smartzone_lists_access_points_by_words(self, branch: int) -> None:
        index = f"6.{LOBBY}"
        rows = {
            **table(f"{RUCKUS}.{branch}.2.1.1.1.2.1", {"1": {"1": b"Members"}, "12": {"1": 5}}),
            **table(
                f"{RUCKUS}.{branch}.2.1.1.2.2.1",
                {"5": {index: b"Lobby", f"6.{LOFT}": b"Loft"}, "16": {index: b"Connect", f"6.{LOFT}": b"Disconnect"}},
            ),
        }
        reading = await measured(made_by("25053.3.1.11.1", rows), ssid="Members")
        assert figures(reading, "access_point_up") == {"Lobby": 1, "Loft": 0}

    async def test_zonedirector_lists_access_points_by_numbers(self) -> None:
        columns: Columns = {"2": {LOBBY: b"Lobby"}, "3": {LOBBY: 1, LOFT: 3}, "15": {LOBBY: 7}}
        reading = await measured(made_by("25053.3.1.5.15", table(f"{RUCKUS}.2.2.1.1.2.1.1", columns)))
        assert figures(reading, "access_point_up") == {"Lobby": 1, LOFT: 0}
        assert f"offline: {LOFT} (loading its software)" in reading.detail

    async def test_extreme_does_not_say_which_access_point_is_gone(self) -> None:
        rows = {f"{EXTREME}.5.1.1.0": 9, f"{EXTREME}.5.2.1.0": 8, f"{EXTREME}.5.1.2.1.2.1": b"Lobby"}
        reading = await measured(made_by("4329.15.1.1.13", rows))
        assert figures(reading, "access_points") == {"online": 8, "offline": 1}
        assert figures(reading, "access_point_up") == {}

    async def test_aerohive_has_a_row_for_each_device(self) -> None:
        rows = {
            f"{HIVE}.2.9.0": 2,
            **table(f"{HIVE}.1.1.2.1.1.1", {"1": {"19": b"wifi0.1"}, "2": {"19": b"Members", "21": b"Guests"}}),
            **table(f"{HIVE}.1.1.2.1.2.1", {"10": {"19.1": b"Members", "19.2": b"Members"}}),
        }
        reading = await measured(made_by("26928.1", rows))
        assert figures(reading, "ssid_clients") == {"Members": 2, "Guests": 0}
        assert figures(reading, "access_point_clients") == {"AP-1": 2}

    async def test_a_unifi_access_point_shows_which_networks_are_on_the_air(self) -> None:
        vaps: Columns = {"4": {"1": 6, "2": 36}, "6": {"1": b"Members", "2": b"Members"}, "8": {"1": 0, "2": 0}}
        more: Columns = {"9": {"1": b"ng", "2": b"na"}, "22": {"1": 2, "2": 2}}
        reading = await measured(made_by("8072.3.2.10", table(f"{UNIFI}.2.1", {**vaps, **more})), ssid="Members")
        assert (reading.status, reading.reason) == (Status.DOWN, "ssid_silent")

    async def test_meraki_lists_switches_too_which_are_left_out(self) -> None:
        columns: Columns = {
            "2": {LOBBY: b"Lobby", LOFT: b"Switch"},
            "3": {LOBBY: 1, LOFT: 0},
            "9": {LOBBY: b"MR46-HW", LOFT: b"MS120-8-HW"},
        }
        reading = await measured(made_by("29671.1", table(f"{ENTERPRISES}.29671.1.1.4.1", columns)))
        assert figures(reading, "access_point_up") == {"Lobby": 1}

    @pytest.mark.parametrize(
        ("number", "rows", "online", "clients"),
        [
            ("15983.1.1", {"15983.1.1.3.1.13.9.0": 3, "15983.1.1.3.1.13.11.0": 20}, 3, 20),
            ("890.1.15", {"890.1.15.3.3.1.1.0": 4, "890.1.15.3.3.1.4.0": 21}, 4, 21),
            ("11863.10.1", {"11863.10.1.1.1.0": 22}, None, 22),
            ("6486.802", {"6486.802.1.1.2.1.2.12.1.4.1.1.4.1": b"Members"}, None, 1),
            ("17713.22", {"17713.22.1.1.1.14.0": 24}, None, 24),
        ],
    )
    async def test_some_only_count(self, number: str, rows: Rows, online: int | None, clients: int) -> None:
        reading = await measured(made_by(number, {f"{ENTERPRISES}.{oid}": value for oid, value in rows.items()}))
        assert reading.status is Status.UP, reading.detail
        assert figures(reading, "access_points").get("online") == online
        assert figures(reading, "clients") == {"": clients}


class TestTheMaker:
    async def test_is_remembered_and_found_again_when_the_device_is_another_one(self) -> None:
        rows = cisco()
        engines = Engines()
        async with snmp_agent(serving(rows)) as port:
            probe = WifiBySnmp(parameters(port), engines)
            assert (await read("wifi/snmp", probe, 60)).status is Status.UP
            rows.clear()
            rows |= made_by("15983.1.1", {f"{ENTERPRISES}.15983.1.1.3.1.13.9.0": 3})
            assert (await read("wifi/snmp", probe, 60)).detail == "3 of 3 access points are online"
        engines.close()

    async def test_can_be_given_where_the_device_calls_itself_something_else(self) -> None:
        rows = cisco() | {OBJECT: v2c.ObjectIdentifier("1.3.6.1.4.1.99999.1")}
        assert (await measured(rows)).status is Status.UNKNOWN
        assert (await measured(rows, vendor="cisco")).status is Status.UP

    async def test_is_asked_for_by_the_whole_number(self) -> None:
        assert {mib.vendor for mib in candidates("1.3.6.1.4.1.9.6.1.37")} == {"cisco"}
        assert "cisco" not in {mib.vendor for mib in candidates("1.3.6.1.4.1.99")}
        assert {mib.vendor for mib in candidates("")} == {"unifi", "grandstream", "openwrt"}

    def test_that_the_settings_offer_has_a_mib(self) -> None:
        assert {*get_args(Vendor)} - {"auto"} == {mib.vendor for mib in MIBS}


class TestWhatIsNoWifi:
    async def test_says_nothing_of_its_target(self) -> None:
        reading = await measured(made_by("8072.3.2.10", {}))
        assert (reading.status, reading.reason) == (Status.UNKNOWN, "no_source")
        assert "answers, but shows no Wi-Fi that we can read" in reading.detail

    async def test_is_down_when_it_does_not_answer(self) -> None:
        async with snmp_agent(lambda request: []) as port:
            assert (await ended(port, 2)).reason == "no_answer"

    async def test_is_down_when_it_answers_with_errors(self) -> None:
        async with snmp_agent(lambda request: [request.refusal(5)]) as port:
            reading = await asked(port)
        assert (reading.status, reading.reason) == (Status.DOWN, "agent_error")

    async def test_is_down_when_it_dies_halfway(self) -> None:
        rows = serving(cisco())

        def behave(request: Request) -> list[bytes]:
            return [] if request.oids[0].startswith(f"{CISCO}.2") else rows(request)

        async with snmp_agent(behave) as port:
            assert (await ended(port, 2)).samples == ()


VALUES = st.one_of(st.integers(-(2**31), 2**64), st.binary(max_size=8), st.sampled_from(["1.3.6.1", "192.0.2.1"]))
INDEXES = st.lists(st.integers(0, 300), min_size=1, max_size=9).map(lambda arcs: ".".join(map(str, arcs)))


@given(st.data(), st.sampled_from(MIBS))
def test_whatever_a_device_sends_is_read(data: st.DataObject, mib: Mib) -> None:
    asked = (*mib.columns, *COLUMNS)
    instances = data.draw(st.fixed_dictionaries(dict.fromkeys(mib.instances, st.none() | VALUES)))
    rows = data.draw(st.lists(INDEXES, max_size=3))
    cells = st.dictionaries(st.sampled_from(rows), VALUES) if rows else st.just({})
    columns = data.draw(st.fixed_dictionaries(dict.fromkeys(asked, cells)))
    view = mib.read(Cells(instances, columns))
    assert all(point.clients is None or point.clients >= 0 for point in view.access_points)
    assert all(radio.utilization is None or 0 <= radio.utilization <= 1 for radio in view.radios)
    assert all(radio.channel is None or 0 < radio.channel < 256 for radio in view.radios)


async def test_hostile_names_are_harmless_and_the_community_is_never_seen(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    hostile = b"<script>\x1b[31m\x00" + b"x" * 2000
    rows = cisco() | {f"{CISCO}.1.1.1.2.1": hostile, f"{CISCO}.2.1.1.3.{LOFT}": hostile, f"{CISCO}.2.1.1.6.{LOFT}": 9}
    reading = await measured(rows)
    parts = {sample.part for sample in reading.samples}
    assert all(len(part) <= 80 and part.isprintable() for part in parts)
    assert "\x1b" not in reading.detail
    assert "canary-" not in f"{reading} {caplog.text}"
