"""wifi.resolver against dnsmasq, and against name servers that are silent, broken or lie."""

import asyncio
import re
import socket
from collections.abc import Iterator
from typing import Any

import pytest
import uvloop
from peers import netns
from peers.dnsmasq import HERE, serving_names
from peers.ports import free_port
from pydantic import ValidationError

from probes import Failed, Measured, Unmeasured
from probes._engines import Engines
from probes.wifi.resolver import Resolver, ResolverParams

NAMES = ("one.example", "two.example", "three.example")
KNOWN = tuple(f"--host-record={name},192.0.2.{number}" for number, name in enumerate(NAMES, 1))
OFFLINE = "--local=/com/"  # nothing below .com exists, and nobody else is asked


@pytest.fixture(scope="module")
def server() -> Iterator[int]:
    """Knows three public names and the printer of the house."""
    with serving_names(*KNOWN, OFFLINE, "--local=/example/", "--host-record=printer.example,10.10.0.9") as port:
        yield port


async def probe(port: int, timeout: float = 60, engines: Engines | None = None, **settings: Any) -> Measured:
    params = ResolverParams.model_validate(
        {"names": NAMES, "port": port, **({} if "dhcp" in settings else {"resolver": HERE}), **settings}
    )
    return await Resolver(params, engines or Engines()).measure(timeout)


async def down(port: int, timeout: float = 60, **settings: Any) -> Failed:
    with pytest.raises(Failed) as failed:
        await probe(port, timeout, **settings)
    assert failed.value.reason in {*Resolver.reasons, "timeout"}
    return failed.value


def values(found: Measured | Failed) -> dict[str, float]:
    assert {sample.metric for sample in found.samples} <= {metric.name for metric in Resolver.metrics}
    return {f"{s.metric.removeprefix('deskwatch_resolver_')}/{s.part}".rstrip("/"): s.value for s in found.samples}


async def test_a_server_that_finds_all_names_is_up(server: int) -> None:
    found = await probe(server, local="printer.example")
    assert found.detail.startswith("4 of 4 names found by 127.0.0.1, half of them within ")
    measured = values(found)
    assert [measured[f"resolved/{name}"] for name in (*NAMES, "printer.example")] == [1] * 4
    assert all(measured[f"answer_seconds/{name}"] > 0 for name in NAMES)
    assert measured["median_seconds"] > 0
    assert len(measured) == 9


async def test_one_public_name_that_is_lost_is_told_and_still_up(server: int) -> None:
    found = await probe(server, names=[*NAMES[:2], "lost.example"])
    assert "2 of 3 names found" in found.detail
    assert "not found: lost.example (NXDOMAIN)" in found.detail
    assert values(found)["resolved/lost.example"] == 0


async def test_a_server_that_finds_few_public_names_is_down() -> None:
    with serving_names(KNOWN[0]) as port:  # which refuses what it does not know
        failed = await down(port)
    assert failed.reason == "not_resolving"
    assert (
        "the members' name server 127.0.0.1 does not find 2 of 3 public names: two.example (REFUSED)" in failed.detail
    )
    assert values(failed)["resolved/one.example"] == 1


async def test_a_name_of_the_house_that_is_not_known_is_down(server: int) -> None:
    failed = await down(server, local="nosuch.example")
    assert failed.reason == "local_unknown"
    assert "does not know this house's own nosuch.example (NXDOMAIN)" in failed.detail


async def test_a_server_that_invents_addresses_is_down() -> None:
    with serving_names("--address=/#/198.51.100.66") as port:
        failed = await down(port)
        assert failed.reason == "invented"
        assert "gives an address for a random name that nobody has" in failed.detail
        assert await probe(port, nobody=False)


async def test_the_server_of_the_newest_offer_is_asked(server: int) -> None:
    engines = Engines()
    with pytest.raises(Unmeasured, match="no offer with a name server is known of the check memb") as unmeasured:
        await probe(server, engines=engines, dhcp="members/dhcp")
    assert unmeasured.value.reason == "no_source"
    engines.memory.keep("members/dhcp", {"resolvers": [HERE, "192.0.2.9"]})
    assert "by 127.0.0.1" in (await probe(server, engines=engines, dhcp="members/dhcp")).detail


async def test_silence_is_a_timeout() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as silent:
        silent.bind((HERE, 0))
        failed = await down(silent.getsockname()[1], 2)
    assert failed.reason == "timeout"
    assert re.search(r"no answer within 1\.\d+ s", failed.detail)
    assert values(failed) == {f"resolved/{name}": 0 for name in NAMES}


async def test_a_port_without_a_server_is_refused() -> None:
    assert (await down(free_port())).reason == "refused"


async def test_a_name_server_without_an_address_is_down() -> None:
    assert (await down(53, resolver="x" * 64 + ".example")).reason == "unresolved"


@pytest.mark.parametrize(
    ("tcp", "reason"),
    [(b"", "closed"), (b"\x00\x01x", "malformed"), (None, "reset")],
    ids=["closed", "rubbish", "reset"],
)
async def test_a_server_that_wants_tcp_and_breaks_it_is_down(tcp: bytes | None, reason: str) -> None:
    """It cuts every answer, so that each is asked for again by TCP."""

    async def treat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(2)
        if tcp is None:
            opened = writer.get_extra_info("socket")
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, bytes((1, 0, 0, 0, 0, 0, 0, 0)))
            writer.transport.abort()
            return
        writer.write(tcp)
        await reader.read(1000)
        writer.close()

    with socket.socket(type=socket.SOCK_DGRAM) as cutting:
        port = free_port()
        cutting.bind((HERE, port))
        server = await asyncio.start_server(treat, HERE, port)
        loop = asyncio.get_running_loop()
        loop.add_reader(cutting, cut, cutting)
        failed = await down(port)
        loop.remove_reader(cutting)
        server.close()
    assert failed.reason == reason


def cut(cutting: socket.socket) -> None:
    query, client = cutting.recvfrom(512)
    cutting.sendto(query[:2] + b"\x83\x80" + query[4:], client)


def test_our_own_network_says_nothing_about_the_server() -> None:
    with netns.namespaces() as (namespace,):
        with pytest.raises(Unmeasured, match=r"no_network: .*Network is unreachable"):
            namespace.run(lambda: probe(53, resolver="192.0.2.1"))
        with pytest.raises(Unmeasured, match="cannot send from nosuch0"):
            namespace.run(lambda: probe(53, interface="nosuch0"))
        namespace.firewall("udp dport 53 reject with icmp type host-unreachable")
        with pytest.raises(Failed, match="unreachable"):
            namespace.run(lambda: probe(53))


def test_uvloop_asks_the_same_questions(server: int) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(probe(server))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"resolver": HERE, "dhcp": "members/dhcp"},
        {"dhcp": "members"},
        {"resolver": HERE, "names": ["a..b"]},
        {"resolver": HERE, "names": ["a.example", "a.example"]},
        {"resolver": HERE, "local": "www.google.com"},
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ResolverParams.model_validate(settings)
