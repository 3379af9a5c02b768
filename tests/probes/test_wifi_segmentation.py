"""wifi.segmentation across a router in network namespaces: tight, with holes, and with nothing behind it."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
import uvloop
from peers import netns
from peers.netns import Namespace
from pydantic import ValidationError

from probes import Failed, Measured, Unmeasured
from probes._engines import Engines
from probes._engines.reach import Door, Found, Way, knock
from probes.wifi.segmentation import Segmentation, SegmentationParams, judged

DOORS = "10.20.0.9"
DOOR = {"name": "the door controller", "host": DOORS, "port": 443}
TALK = {"name": "the door controller", "host": DOORS, "protocol": "udp", "port": 5005, "payload": "68656c6c6f"}
PING = {"name": "the door controller", "host": DOORS, "protocol": "icmp"}
OUTSIDE = {"name": "the internet", "host": "10.30.0.7", "protocol": "icmp"}


class House(NamedTuple):
    """This machine's leg in the members' network, the router, and the network of what runs the house."""

    here: Namespace
    router: Namespace
    doors: Namespace


@contextlib.contextmanager
def house(*rules: str) -> Iterator[House]:
    """Its router forwards what these rules let through, its doors have a controller at TCP 443 and UDP 5005."""
    with netns.namespaces(4) as (here, router, doors, outside):
        netns.plug(router, (here, "10.10.0.5/24"))
        router.ip("address", "add", "10.10.0.1/24", "dev", "switch")
        netns.join(router, "10.20.0.1/24", doors, f"{DOORS}/24")
        netns.join(router, "10.30.0.1/24", outside, "10.30.0.7/24")
        router.sysctl("net/ipv4/ip_forward", "1")
        router.passes(*rules)
        for namespace, gateway in ((here, "10.10.0.1"), (doors, "10.20.0.1"), (outside, "10.30.0.1")):
            namespace.ip("route", "add", "default", "via", gateway)
        yield House(here, router, doors)


def listening(at: Namespace) -> tuple[socket.socket, socket.socket]:
    """The ports of the controller, open inside wherever they are used."""

    async def listen() -> tuple[socket.socket, socket.socket]:
        stream, datagrams = socket.socket(), socket.socket(type=socket.SOCK_DGRAM)
        stream.bind((DOORS, 443))
        stream.listen()
        datagrams.bind((DOORS, 5005))
        return stream, datagrams

    return at.run(listen)


def ask(at: House, *targets: dict[str, Any], timeout: float = 3, uv: bool = False, **settings: Any) -> Measured:
    """What the check says while the controller listens, and answers datagrams by their own words."""
    said = {"targets": targets or (DOOR,), "control": OUTSIDE, "interface": "lan0", **settings}
    probe = Segmentation(SegmentationParams.model_validate(said), Engines())
    stream, datagrams = listening(at.doors)

    async def work() -> Measured:
        loop = asyncio.get_running_loop()
        loop.add_reader(datagrams, echo, datagrams)
        try:
            return await probe.measure(timeout)
        finally:
            loop.remove_reader(datagrams)

    with stream, datagrams:
        return at.here.run(work, loop=uvloop.new_event_loop if uv else None)


def echo(datagrams: socket.socket) -> None:
    words, sender = datagrams.recvfrom(100)
    if words == b"hello":
        datagrams.sendto(words, sender)


def down(at: House, *targets: dict[str, Any], timeout: float = 60, **settings: Any) -> Failed:
    with pytest.raises(Failed) as failed:
        ask(at, *targets, timeout=timeout, **settings)
    assert failed.value.reason == "reachable"
    return failed.value


def values(found: Measured | Failed) -> dict[str, float]:
    assert {sample.metric for sample in found.samples} <= {metric.name for metric in Segmentation.metrics}
    return {f"{s.metric.removeprefix('deskwatch_segmentation_')}/{s.part}".rstrip("/"): s.value for s in found.samples}


TIGHT = "ip saddr 10.10.0.0/24 ip daddr 10.20.0.0/24 drop"


@pytest.fixture(scope="module")
def tight() -> Iterator[House]:
    """Members get to the internet and nowhere else."""
    with house(TIGHT) as made:
        yield made


@pytest.fixture(scope="module")
def open_house() -> Iterator[House]:
    """Members get everywhere."""
    with house() as made:
        yield made


def test_a_network_that_is_kept_apart_is_up(tight: House) -> None:
    found = ask(tight, DOOR, TALK, PING)
    assert found.detail.startswith("members cannot reach any of the 3 targets; the internet, the control, answered in ")
    measured = values(found)
    assert measured.pop("control_seconds") > 0
    assert measured == {f"reachable/the door controller {port}": 0 for port in ("tcp/443", "udp/5005", "icmp")}


def test_uvloop_finds_the_same(tight: House, open_house: House) -> None:
    assert "members cannot reach the one target" in ask(tight, uv=True).detail
    assert down(open_house, uv=True)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (DOOR, "10.20.0.9 tcp/443 accepts connections"),
        (TALK, "10.20.0.9 udp/5005 answers"),
        (PING, "10.20.0.9 by ICMP answers echoes"),
        ({**DOOR, "port": 80}, "10.20.0.9 tcp/80 refuses, so that it is reached"),
        ({**TALK, "port": 161}, "10.20.0.9 udp/161 refuses, so that it is reached"),
    ],
)
def test_whatever_answers_is_down(open_house: House, target: dict[str, Any], words: str) -> None:
    failed = down(open_house, target)
    hole = "the firewall between the two networks has a hole"
    assert failed.detail == f"members can reach the door controller ({words}): {hole}"


def test_a_silent_port_that_is_open_to_udp_is_not_told_from_a_closed_one(open_house: House) -> None:
    """Nobody can: its page says so."""
    assert ask(open_house, {**TALK, "payload": ""})


def test_one_hole_among_many_targets_is_named() -> None:
    with house("ip daddr 10.20.0.9 tcp dport 443 accept", TIGHT) as leaking:
        failed = down(leaking, PING, TALK, DOOR, role="guest", timeout=3)
    assert failed.detail.startswith("guests can reach the door controller (10.20.0.9 tcp/443 accepts connections): ")
    assert values(failed)["reachable/the door controller tcp/443"] == 1
    assert values(failed)["reachable/the door controller icmp"] == 0


@pytest.mark.parametrize("how", ["reject", "reject with icmp type admin-prohibited"])
def test_a_firewall_that_refuses_keeps_apart_as_well(how: str) -> None:
    with house(TIGHT.replace("drop", how)) as refusing:
        assert ask(refusing, DOOR, TALK, PING)


def test_a_refusal_in_the_name_of_the_target_counts_unless_it_is_said_to_be_the_firewalls() -> None:
    with house(TIGHT.replace("drop", "meta l4proto tcp reject with tcp reset")) as refusing:
        assert "refuses, so that it is reached" in down(refusing).detail
        assert ask(refusing, refusal_counts=False)


def test_a_dead_network_does_not_pass_as_one_that_is_kept_apart() -> None:
    with house("drop") as dead:
        for control in (OUTSIDE, {**OUTSIDE, "protocol": "tcp", "port": 443}):
            with pytest.raises(Unmeasured, match=r"the control the internet .*proves nothing") as told:
                ask(dead, control=control)
            assert told.value.reason == "no_network"


def test_a_control_that_refuses_proves_nothing(tight: House) -> None:
    with pytest.raises(Unmeasured, match="proves nothing"):
        ask(tight, control={**OUTSIDE, "protocol": "tcp", "port": 9})


def test_a_hole_is_told_even_if_the_control_is_dead(open_house: House) -> None:
    assert down(open_house, control={**OUTSIDE, "host": "10.30.0.99"}, timeout=3)


def test_a_target_that_this_machine_has_no_way_to_proves_nothing(tight: House) -> None:
    """Without a route the kernel looks for the target on the members' own network, where it can't be."""

    async def work() -> list[Found]:
        doors = (Door("10.10.0.77", "tcp", 443), Door("10.10.0.77", "icmp"))
        engine = Engines().icmp
        return await asyncio.gather(*(knock(door, Way(interface="lan0"), engine, 20) for door in doors))

    found = tight.here.run(work)
    assert [one.lost for one in found] == [True] * 2
    params = SegmentationParams.model_validate({"targets": [DOOR], "control": OUTSIDE, "interface": "lan0"})
    with pytest.raises(Unmeasured, match="packets to it must leave by the router of that network") as told:
        judged(params, Found("answers", 0.1, opened=True), found[:1])
    assert told.value.reason == "no_network"
    with netns.namespaces() as (alone,), pytest.raises(Unmeasured, match="no route"):
        ask(House(alone, alone, tight.doors), interface=None, source="127.0.0.1", control={**DOOR, "host": "127.0.0.1"})


def test_a_machine_with_a_leg_in_both_networks_still_goes_by_the_router() -> None:
    """Set up as docs/operations/networks.md says; members may use one port, and the other leg would find all open."""
    with house("ip daddr 10.20.0.9 tcp dport 443 accept", TIGHT) as both:
        netns.join(both.here, "10.20.1.5/24", both.doors, "10.20.1.9/24")
        both.here.ip("route", "replace", "default", "via", "10.20.1.9")
        both.here.ip("route", "add", "default", "via", "10.10.0.1", "dev", "lan0", "table", "20")
        both.here.ip("rule", "add", "oif", "lan0", "table", "20")
        assert ask(both, PING, {**PING, "name": "the panel", "host": "10.20.1.9"})
        assert "tcp/443 accepts connections" in down(both, DOOR, PING, timeout=3).detail


def test_an_interface_that_this_machine_lacks_says_nothing(tight: House) -> None:
    with pytest.raises(Unmeasured, match="cannot send from nosuch0") as told:
        ask(tight, interface="nosuch0")
    assert told.value.reason == "no_network"


def test_only_the_first_of_many_holes_are_named() -> None:
    params = SegmentationParams.model_validate(
        {"targets": [{**DOOR, "port": port} for port in range(1, 6)], "control": OUTSIDE, "source": "10.10.0.5"}
    )
    with pytest.raises(Failed, match=r"tcp/3 .*; and 2 more: the firewall"):
        judged(params, Found("answers", 0.1, opened=True), [Found("accepts connections", 0.1, opened=True)] * 5)


@pytest.mark.parametrize(
    "settings",
    [
        {"interface": None},
        {"targets": []},
        {"targets": [DOOR, DOOR]},
        {"targets": [{**DOOR, "port": None}]},
        {"targets": [{**PING, "port": 443}]},
        {"targets": [{**DOOR, "payload": "00"}]},
        {"targets": [{**TALK, "payload": "0"}]},
        {"targets": [{**DOOR, "host": "door.example"}]},
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SegmentationParams.model_validate({"targets": [DOOR], "control": OUTSIDE, "interface": "lan0", **settings})
