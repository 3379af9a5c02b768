"""wifi.dhcp against dnsmasq in network namespaces, by broadcast and as a relay."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from functools import partial
from ipaddress import IPv4Address
from typing import Any, NamedTuple

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st
from peers import netns
from peers.dnsmasq import serving_dhcp
from peers.netns import Namespace
from pydantic import ValidationError

from probes import Failed, Measured, Unmeasured
from probes._engines import Engines
from probes._engines.dhcp import Offer, discover, offer
from probes.wifi.dhcp import Dhcp, DhcpParams, Heard, judged

POOL = ("--dhcp-range=10.10.0.100,10.10.0.199,255.255.255.0,12h", "--dhcp-option=6,10.10.0.1", "--no-ping")
ROGUE = ("--dhcp-range=192.168.1.100,192.168.1.199,255.255.255.0,1h", "--no-ping")
PATIENT = {"patience": 30}
BROADCAST = {"interface": "lan0", "window": 0.2, **PATIENT}
RELAY = {"server": "10.10.0.1", "source": "10.10.0.5", **PATIENT}
SERVER = bytes((54, 4, 10, 10, 0, 1))
MAC = bytes.fromhex("02a1b2c3d4e5")


class Lan(NamedTuple):
    """A members' network: this machine, the server, and somebody's own router."""

    here: Namespace
    server: Namespace
    stranger: Namespace


@pytest.fixture(scope="module")
def lan() -> Iterator[Lan]:
    with netns.namespaces(4) as (hub, here, server, stranger):
        netns.plug(hub, (here, "10.10.0.5/24"), (server, "10.10.0.1/24"), (stranger, "192.168.1.1/24"))
        yield Lan(here, server, stranger)


@pytest.fixture(scope="module")
def served(lan: Lan) -> Iterator[Lan]:
    """With a server that offers addresses of 10.10.0.0/24."""
    with serving_dhcp(lan.server, *POOL, "--dhcp-option=114,https://portal.example/api"):
        yield lan


async def measure(engines: Engines, check: str = "", **settings: Any) -> Measured:
    probe = Dhcp(DhcpParams.model_validate(settings), engines)
    probe.check = check
    return await probe.measure(60)


def asked(lan: Lan, **settings: Any) -> Measured:
    return lan.here.run(partial(measure, Engines(), **settings))


def down(lan: Lan, **settings: Any) -> Failed:
    with pytest.raises(Failed) as failed:
        asked(lan, **settings)
    assert failed.value.reason in Dhcp.reasons
    return failed.value


def values(found: Measured | Failed) -> dict[str, float]:
    assert {sample.metric for sample in found.samples} <= {metric.name for metric in Dhcp.metrics}
    return {sample.metric.removeprefix("deskwatch_dhcp_"): sample.value for sample in found.samples}


@pytest.mark.parametrize("way", [BROADCAST, RELAY], ids=["broadcast", "relay"])
def test_an_offer_of_the_right_network_is_up(served: Lan, way: dict[str, Any]) -> None:
    found = asked(
        served, expected=["10.10.0.0/24"], servers=["10.10.0.1"], router="10.10.0.1", resolvers=["10.10.0.1"], **way
    )
    assert found.detail.startswith("10.10.0.1")
    assert "offered for 12 h by 10.10.0.1 after" in found.detail
    assert "router 10.10.0.1, name servers 10.10.0.1, sign-in at https://portal.example/api" in found.detail
    assert values(found)["lease_seconds"] == 12 * 3600
    assert values(found)["servers"] == 1
    assert values(found)["offer_seconds"] > 0


def test_a_machine_without_an_address_can_ask_by_broadcast() -> None:
    with netns.namespaces(3) as (hub, here, server):
        netns.plug(hub, (here, ""), (server, "10.10.0.1/24"))
        with serving_dhcp(server, *POOL):
            assert "by 10.10.0.1" in here.run(partial(measure, Engines(), **BROADCAST)).detail


def test_a_check_is_offered_the_same_address_each_time_and_takes_none(served: Lan) -> None:
    addresses = [asked(served, **BROADCAST).detail.split()[0] for _ in range(3)]
    assert len(set(addresses)) == 1


def test_a_server_that_looks_first_whether_the_address_is_free_is_waited_for() -> None:
    with netns.namespaces(3) as (hub, here, server):
        netns.plug(hub, (here, "10.10.0.5/24"), (server, "10.10.0.1/24"))
        with serving_dhcp(server, *POOL[:2]):
            assert here.run(partial(measure, Engines(), **RELAY))


def test_an_address_of_another_network_is_down(served: Lan) -> None:
    failed = down(served, expected=["10.20.0.0/16", "10.30.0.0/16"], **BROADCAST)
    assert failed.reason == "wrong_range"
    assert "which is not in 10.20.0.0/16 or 10.30.0.0/16" in failed.detail
    assert values(failed)["servers"] == 1


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"router": "10.10.0.254"}, "sent to the router 10.10.0.1, not 10.10.0.254"),
        ({"resolvers": ["10.10.0.1", "9.9.9.9"]}, "get the name servers 10.10.0.1, not 10.10.0.1, 9.9.9.9"),
    ],
)
def test_another_router_or_name_server_is_down(served: Lan, settings: dict[str, Any], words: str) -> None:
    failed = down(served, **RELAY, **settings)
    assert (failed.reason, words in failed.detail) == ("wrong_options", True)


def test_a_second_server_is_down_whoever_is_the_right_one(served: Lan) -> None:
    with serving_dhcp(served.stranger, *ROGUE):
        settings = {"interface": "lan0", "window": 3}
        failed = down(served, **settings)
        assert failed.reason == "rogue_server"
        assert "2 servers offer addresses, and there should be one" in failed.detail
        assert values(failed)["servers"] == 2
        failed = down(served, servers=["10.10.0.1"], **settings)
        assert failed.reason == "rogue_server"
        assert "a server that should not offers addresses to members: 192.168.1.1 (router 192.168.1.1)" in failed.detail
        assert "offered for 12 h by 10.10.0.1" in failed.detail
        assert asked(served, servers=["10.10.0.1", "192.168.1.1"], **settings)


def test_what_members_get_is_remembered_of_the_right_server_only(served: Lan) -> None:
    engines = Engines()
    served.here.run(partial(measure, engines, "members/dhcp", **BROADCAST))
    assert engines.memory.recall("members/dhcp") == {"resolvers": ["10.10.0.1"]}
    with pytest.raises(Failed):
        served.here.run(partial(measure, engines, "members/other", servers=["10.10.0.2"], **BROADCAST))
    assert not engines.memory.recall("members/other")


def test_silence_is_down_and_names_whom_the_server_would_have_seen() -> None:
    with netns.namespaces() as (alone,):
        alone.ip("link", "add", "lan0", "type", "veth", "peer", "name", "far0")
        alone.ip("link", "set", "far0", "up")
        alone.ip("address", "add", "10.10.0.5/24", "dev", "lan0")
        alone.ip("link", "set", "lan0", "up")

        async def both() -> list[Any]:
            engines = Engines()
            return await asyncio.gather(
                *(measure(engines, **{**way, "patience": 6}) for way in (BROADCAST, RELAY)), return_exceptions=True
            )

        broadcast, relay = alone.run(both)
    for failed, words in ((broadcast, "no DHCP server answered"), (relay, "the DHCP server 10.10.0.1 did not answer")):
        assert isinstance(failed, Failed)
        assert failed.reason == "no_offer"
        assert f"{words} within 6 s, so who joins the Wi-Fi now gets no address (we asked as " in failed.detail
        assert values(failed) == {"servers": 0}


def test_without_the_right_to_low_ports_nothing_is_said_about_the_server(served: Lan) -> None:
    for way, port in ((BROADCAST, 68), (RELAY, 67)):
        with pytest.raises(Unmeasured, match=f"UDP port {port} of .*CAP_NET_BIND_SERVICE") as unmeasured:
            served.here.run(partial(measure, Engines(), **way), low_ports=False)
        assert unmeasured.value.reason == "no_permission"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"interface": "nosuch0"}, "port 68 of nosuch0"),
        ({"server": "10.10.0.1", "source": "10.99.0.1"}, "port 67 of 10.99.0.1"),
        ({"server": "10.99.0.1", "source": "10.10.0.5"}, "cannot send from 10.10.0.5"),
    ],
)
def test_an_interface_or_address_that_we_lack_says_nothing_about_the_server(
    lan: Lan, settings: dict[str, Any], words: str
) -> None:
    with pytest.raises(Unmeasured, match=words) as unmeasured:
        asked(lan, **settings)
    assert unmeasured.value.reason == "no_network"


async def test_a_timeout_that_is_too_short_says_how_long_it_must_be() -> None:
    probe = Dhcp(DhcpParams(interface="lan0"), Engines())
    with pytest.raises(Unmeasured, match="too short for a patience of 6 s: set timeout to 7s or more"):
        await probe.measure(5)


def test_uvloop_asks_the_same(served: Lan) -> None:
    assert served.here.run(partial(measure, Engines(), **RELAY), loop=uvloop.new_event_loop)


def answered(kind: int = 2, options: bytes = b"", server: bytes = SERVER, xid: int = 7) -> bytes:
    """An answer to a question of ours, by hand."""
    return replied(discover(xid, MAC), kind, options, server)


def replied(question: bytes, kind: int = 2, options: bytes = b"", server: bytes = SERVER) -> bytes:
    head = b"\x02" + question[1:16] + bytes((10, 10, 0, 100)) + question[20:240]
    return head + bytes((53, 1, kind)) + server + options + b"\xff"


def test_only_an_offer_to_us_is_an_offer() -> None:
    assert offer(answered(), 7, MAC) == Offer(IPv4Address("10.10.0.100"), IPv4Address("10.10.0.1"))
    assert offer(answered(), 8, MAC) is None
    assert offer(answered(), 7, bytes(6)) is None
    assert offer(answered(kind=5), 7, MAC) is None
    assert offer(answered(server=b""), 7, MAC) is None
    assert offer(discover(7, MAC), 7, MAC) is None
    assert offer(answered()[:239], 7, MAC) is None


def test_a_question_by_broadcast_asks_for_a_broadcast_and_a_relay_names_itself() -> None:
    assert discover(7, MAC)[10:12] == b"\x80\x00"
    assert discover(7, MAC)[24:28] == bytes(4)
    relayed = discover(7, MAC, IPv4Address("10.10.0.5"))
    assert (relayed[3], relayed[10:12], relayed[24:28]) == (1, b"\0\0", bytes((10, 10, 0, 5)))
    assert relayed[28:34] == MAC
    assert bytes((53, 1, 1)) in relayed[240:]


@given(st.binary(max_size=600))
def test_no_answer_breaks_the_parser(rest: bytes) -> None:
    for message in (rest, answered(options=rest), answered(options=b"\x72" + bytes((len(rest) % 256,)) + rest)):
        found = offer(message, 7, MAC)
        if found is not None:
            assert len(found.routers) <= 8
            assert found.portal.isprintable()
            assert len(found.portal) <= 200
            with contextlib.suppress(Failed):
                assert judged(DhcpParams(interface="lan0"), [Heard(found, 0.1)], "02").detail.isprintable()


def test_garbage_is_passed_over_and_a_later_offer_counts() -> None:
    async def work() -> Measured:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
            server.bind(("127.0.0.2", 67))
            server.setblocking(False)
            task = asyncio.ensure_future(measure(Engines(), server="127.0.0.2", source="127.0.0.1"))
            question = await asyncio.get_running_loop().sock_recv(server, 1000)
            for message in (b"\xff" * 300, answered(), replied(question)):
                server.sendto(message, ("127.0.0.1", 67))
            return await task

    with netns.namespaces() as (alone,):
        assert "10.10.0.100 offered by 10.10.0.1" in alone.run(work).detail


@pytest.mark.parametrize(
    "settings",
    [{}, {"server": "10.0.0.1"}, {"interface": "lan0", "source": "10.0.0.1"}, {"interface": "lan0", "patience": 3}],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        DhcpParams.model_validate(settings)
