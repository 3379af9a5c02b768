"""rooms.mdns against avahi-daemon in network namespaces, with and without a router that passes on what it hears."""

import contextlib
import struct
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import dns.message
import dns.name
import pytest
import uvloop
from dns.rdatatype import RdataType
from hypothesis import given
from hypothesis import strategies as st
from peers import netns
from peers.avahi import Announced, announcing, reflecting
from peers.netns import Namespace
from pydantic import ValidationError

from probes import Failed, Measured, Unmeasured
from probes._engines import Engines
from probes._engines.mdns import MOST_RECORDS, Directory, Service, query, records
from probes._engines.reach import Found
from probes.rooms.mdns import Mdns, MdnsParams, Sight, judged, sighted

TV = Announced("Boardroom TV", "_airplay._tcp", 7000, ("model=AppleTV6,2",))
CAST = Announced("Chromecast-0a1b2c", "_googlecast._tcp", 7000, ("id=0a1b2c", "fn=Studio Björn"))
SOUND = Announced("0A1B2C3D4E5F@Kitchen", "_raop._tcp", 7000)
SHUT = Announced("Printer", "_ipp._tcp", 631)


class House(NamedTuple):
    """Members and this machine in one network, the screens in another, and what routes between them."""

    members: Namespace
    router: Namespace
    screens: Namespace


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Without a reflector; one port of the screens accepts connections."""
    with netns.namespaces(3) as (members, router, screens):
        netns.join(members, "10.10.0.5/24", router, "10.10.0.1/24")
        netns.join(screens, "10.20.0.7/24", router, "10.20.0.1/24")
        router.sysctl("net/ipv4/ip_forward", "1")
        members.ip("route", "add", "default", "via", "10.10.0.1")
        screens.ip("route", "add", "default", "via", "10.20.0.1")
        with (
            announcing(screens, tmp_path_factory.mktemp("screens") / "avahi", TV, CAST, SOUND, SHUT),
            listening(screens, 7000),
        ):
            yield House(members, router, screens)


@contextlib.contextmanager
def listening(namespace: Namespace, port: int) -> Iterator[None]:
    """A program that accepts connections in a namespace."""
    process = namespace.start(sys.executable, "-m", "http.server", str(port))
    try:
        wait_until(lambda: namespace.listens(port))
        yield
    finally:
        process.terminate()
        process.wait()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


async def measure(timeout: float = 20, **settings: Any) -> Measured:
    engines = Engines()
    try:
        return await Mdns(MdnsParams.model_validate(settings), engines).measure(timeout)
    finally:
        engines.close()


def look(namespace: Namespace, *names: str, **settings: Any) -> Measured:
    return namespace.run(partial(measure, expect=names, **settings))


def down(namespace: Namespace, *names: str, **settings: Any) -> Failed:
    with pytest.raises(Failed) as failed:
        look(namespace, *names, **settings)
    assert failed.value.reason in Mdns.reasons
    return failed.value


def values(found: Measured | Failed) -> dict[str, float]:
    assert {sample.metric for sample in found.samples} <= {metric.name for metric in Mdns.metrics}
    return {f"{s.metric.removeprefix('deskwatch_mdns_')}/{s.part}".removesuffix("/"): s.value for s in found.samples}


def test_what_is_in_the_same_network_is_seen_by_the_names_that_people_know(house: House) -> None:
    with netns.namespaces(1) as (neighbour,):
        neighbour_end, _ = netns.join(neighbour, "10.30.0.9/24", house.screens, "10.30.0.7/24")
        found = look(
            neighbour, "boardroom tv", "Studio Björn", interface=neighbour_end, source="10.30.0.9", patience=10
        )
    assert found.detail.startswith("members see boardroom tv, Studio Björn after ")
    told = values(found)
    assert told.pop("found_seconds") > 0
    assert told.pop("connect_seconds/boardroom tv") > 0
    assert told.pop("connect_seconds/Studio Björn") > 0
    assert told == {
        f"{what}/{name}": 1 for what in ("visible", "reachable") for name in ("boardroom tv", "Studio Björn")
    }


def test_without_a_reflector_members_see_nothing_and_the_check_says_why(house: House) -> None:
    failed = down(house.members, "Boardroom TV", source="10.10.0.5", patience=1)
    assert failed.reason == "not_visible"
    assert failed.detail == (
        "members do not see Boardroom TV; nothing else is announced at 10.10.0.5 either: multicast DNS is probably "
        "not passed on between the networks"
    )
    assert values(failed) == {"visible/Boardroom TV": 0}


def test_with_a_reflector_members_see_it_and_connect_through_the_router(house: House, tmp_path: Path) -> None:
    with reflecting(house.router, tmp_path / "avahi"):
        settings: dict[str, Any] = {"source": "10.10.0.5", "patience": 10}
        assert values(look(house.members, "Boardroom TV", **settings))["reachable/Boardroom TV"] == 1
        assert look(house.members, "Kitchen", services=["_raop._tcp"], **settings)

        failed = down(house.members, "Boardroom TV", "Lobby TV", **{**settings, "patience": 2})
        assert failed.reason == "not_visible"
        assert "members do not see Lobby TV; " in failed.detail
        assert "announced there, so it is probably off, renamed, or" in failed.detail

        failed = down(house.members, "Printer", **settings)
        assert (failed.reason, values(failed)["reachable/Printer"]) == ("not_reachable", 0)
        assert failed.detail == "members see it, but cannot connect: Printer (10.20.0.7 tcp/631) refuses connections"

        house.router.passes("ip daddr 10.20.0.7 tcp dport 7000 drop")
        failed = down(house.members, "Boardroom TV", **settings)
        assert failed.detail.endswith("Boardroom TV (10.20.0.7 tcp/7000) does not answer")
        assert look(house.members, "Boardroom TV", connect=False, **settings)


def test_a_machine_without_a_way_there_says_so(house: House) -> None:
    with pytest.raises(Unmeasured, match=r"cannot ask by multicast DNS .* from members9") as unmeasured:
        look(house.members, "Boardroom TV", interface="members9")
    assert unmeasured.value.reason == "no_network"
    with pytest.raises(Unmeasured, match=r"from 192\.0\.2\.1"):
        look(house.members, "Boardroom TV", source="192.0.2.1")
    with netns.namespaces(1) as (alone,), pytest.raises(Unmeasured, match="multicast DNS"):
        look(alone, "Boardroom TV")
    lost = Sight((Service("_ipp._tcp", ("A",), 631, ("192.0.2.1",)),), (Found("has no route", lost=True),))
    with pytest.raises(Unmeasured, match=r"A .* has no route; packets to it must leave by the router"):
        judged({"A": lost}, 1, 1, "members0")


def test_a_timeout_that_leaves_no_time_to_connect_is_our_mistake() -> None:
    with netns.namespaces(1) as (alone,), pytest.raises(Unmeasured, match="set timeout to 5s or more"):
        alone.run(partial(measure, 4, expect=["Boardroom TV"]))


def test_the_loop_that_we_run_on_can_do_all_of_this(house: House) -> None:
    with pytest.raises(Failed, match="do not see"):
        house.members.run(partial(measure, expect=["A"], source="10.10.0.5", patience=1), loop=uvloop.new_event_loop)


FLOOD = """
import socket, struct
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as flood:
    flood.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("10.10.0.1"))
    flood.bind(("10.10.0.1", 5353))
    name = b"\\1a" * 120 + b"\\0"
    records = [record + struct.pack("!HHIH", 16, 1, 9, 2) + b"\\1a" for record in (name, *[b"\\xc0\\x0c"] * 63)]
    message = struct.pack("!HHHHHH", 0, 0x8400, 0, 64, 0, 0) + b"".join(records)
    while True:
        flood.sendto(message, ("224.0.0.251", 5353))
"""


def test_a_flood_does_not_keep_us_busy_and_says_nothing_about_the_devices(house: House) -> None:
    flood = house.router.start(sys.executable, "-c", FLOOD)
    try:
        with pytest.raises(Unmeasured, match="more is announced in this network than we can read") as unmeasured:
            look(house.members, "Boardroom TV", source="10.10.0.5", patience=30, timeout=40)
    finally:
        flood.kill()
        flood.wait()
    assert unmeasured.value.reason == "overloaded"


def named(name: str) -> bytes:
    return dns.name.from_text(name).to_wire() or b""


def record(name: bytes, kind: int, data: bytes, ttl: int = 120) -> bytes:
    return name + struct.pack("!HHIH", kind, 0x8001, ttl, len(data)) + data


def answer(*lines: bytes) -> bytes:
    return struct.pack("!HHHHHH", 0, 0x8400, 0, len(lines), 0, 0) + b"".join(lines)


INSTANCE = b"\x03Lab\x08_airplay\x04_tcp\x05local\0"
POINTED = b"\xc0\x0c"  # to the first name of a message
ANNOUNCED = record(named("_airplay._tcp.local."), RdataType.PTR, INSTANCE)
PLACED = record(INSTANCE, RdataType.SRV, struct.pack("!HHH", 0, 0, 7000) + named("lab.local."))
ADDRESSED = record(named("lab.local."), RdataType.A, bytes((192, 0, 2, 7)))

LOCAL = record(named("lab.local."), RdataType.A, bytes((169, 254, 1, 1)))


def heard(*messages: bytes) -> Directory:
    directory = Directory(("_airplay._tcp",))
    for message in messages:
        directory.hear(message)
    return directory


def test_what_is_announced_in_pieces_is_put_together_and_asked_for_until_it_is_whole() -> None:
    kinds = [kind for _, kind in heard(answer(ANNOUNCED)).questions()]
    assert kinds == [RdataType.PTR, RdataType.SRV, RdataType.TXT]
    assert [kind for _, kind in heard(answer(ANNOUNCED, PLACED)).questions()][-1] == RdataType.A
    (service,) = heard(answer(ADDRESSED), answer(PLACED, ANNOUNCED)).services
    assert service == Service("_airplay._tcp", ("Lab",), 7000, ("192.0.2.7",))
    both = heard(answer(ANNOUNCED, PLACED, LOCAL, ADDRESSED)).services[0]
    assert both.addresses == ("192.0.2.7", "169.254.1.1")
    sight = sighted(["lab", "other"], [service])
    assert sight["lab"].is_placed
    assert not sight["other"].services


def test_what_says_goodbye_is_gone() -> None:
    goodbye = record(named("_airplay._tcp.local."), RdataType.PTR, INSTANCE, ttl=0)
    assert not heard(answer(ANNOUNCED), answer(goodbye)).services


def test_an_announcement_without_an_address_is_not_visible_enough() -> None:
    sights = sighted(["Lab"], heard(answer(ANNOUNCED)).services)
    with pytest.raises(Failed, match="Lab: announced, but without an address") as failed:
        judged(sights, 1, 1, "members0")
    assert failed.value.reason == "not_visible"


def test_names_may_point_to_others_everywhere() -> None:
    pointing = record(POINTED, RdataType.SRV, struct.pack("!HHH", 0, 0, 80) + POINTED)
    (first, second) = records(answer(record(INSTANCE, RdataType.TXT, b"\x04fn=A"), pointing))
    assert second.name == second.data[0] == first.name


def test_a_question_is_no_answer_and_another_type_is_not_looked_for() -> None:
    asked = [(dns.name.from_text("_airplay._tcp.local."), RdataType.PTR)]
    assert not list(records(query(asked)))
    assert dns.message.from_wire(query(asked)).question[0].rdtype == RdataType.PTR
    other = record(named("_ssh._tcp.local."), RdataType.PTR, named("x._ssh._tcp.local."))
    assert not heard(answer(other)).services


def test_more_than_anybody_announces_is_not_kept() -> None:
    lines = [
        record(named("_airplay._tcp.local."), RdataType.PTR, named(f"n{n}._airplay._tcp.local.")) for n in range(400)
    ]
    assert len(heard(answer(*lines)).services) == MOST_RECORDS


WHOLE = answer(ANNOUNCED, PLACED, ADDRESSED, record(INSTANCE, RdataType.TXT, b"\x04fn=A"))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_ignored(noise: bytes) -> None:
    heard(noise, WHOLE[:12] + noise)


@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), max_size=8), st.integers(0, len(WHOLE)))
def test_any_damage_is_survived_and_labels_stay_printable(damage: list[tuple[int, int]], length: int) -> None:
    message = bytearray(WHOLE)
    for place, byte in damage:
        message[place] = byte
    for service in heard(bytes(message[:length])).services:
        assert all(name.isprintable() and len(name) <= 64 for name in service.names)


@pytest.mark.parametrize(
    "settings",
    [{"expect": []}, {"expect": ["A"], "services": ["_dns._udp"]}, {"expect": ["A"], "services": ["airplay"]}, {}],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        MdnsParams.model_validate(settings)
