"""How every kind that talks to a host over TCP ends when the network or the host fails, and when they do not."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import uvloop
from peers import ipp, lg, nec, netns, sockets
from peers.certificates import Authority, authority
from peers.confidants import CONFIDANTS, Come
from peers.impostors import Ended, Imposture, Nowhere, dawdling, ended, hanging_up, resetting, silent
from peers.sip import SipServer
from peers.stage import Stage
from peers.tcp import Talk, http

from probes import Failed, Measured, Unmeasured, kinds

__all__ = ["authority"]

OWN_TESTS = {
    "access.controller": "asks over SNMP, and connects only on request",
    "access.credentials": "compares two systems",
    "booking.calendar_feed": "is asked like a web page, see internet.http",
    "equipment.device": "asks over SNMP",
    "equipment.interfaces": "asks over SNMP",
    "equipment.printer": "asks over SNMP",
    "equipment.ups": "asks over SNMP",
    "internet.dns": "asks over UDP first",
    "internet.egress": "asks several services, of which one is enough",
    "internet.fortigate": "asks over SNMP",
    "internet.headroom": "looks at other checks",
    "internet.peplink": "asks over SNMP",
    "internet.ping": "has no port",
    "internet.throughput": "tells the server's failures from those of the line",
    "internet.tcp": "expects what it is told to",
    "internet.tls": "is content with a handshake",
    "internet.uplink": "asks several targets",
    "passive.file": "reads a file",
    "passive.heartbeat": "waits to be called",
    "passive.plugin": "runs a program",
    "passive.review": "looks at the calendar",
    "rooms.logitech_sync": "shows a certificate of its own",
    "rooms.mdns": "listens to a multicast group",
    "rooms.readiness": "looks at other checks",
    "rooms.wake": "switches the display of another check",
    "wifi.dhcp": "broadcasts",
    "wifi.radius": "asks over UDP",
    "wifi.resolver": "asks over UDP first",
    "wifi.segmentation": "wants to be refused",
    "wifi.snmp": "asks over SNMP",
}
"""The kinds that are not looked at here, and why."""


def _at(talk: Talk, **settings: Any) -> Come:
    """One at a host and port."""

    async def come(stage: Stage) -> dict[str, Any]:
        return {"host": "127.0.0.1", "port": await stage.serve(talk), **settings}

    return come


async def _through(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A page that is there for those who have signed in."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(http(status="204 No Content"))
    await writer.drain()


async def _greeting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 ready\r\n")
    await reader.read()


async def _captive_portal(stage: Stage) -> dict[str, Any]:
    return {"url": f"http://127.0.0.1:{await stage.serve(_through)}/", "expect": "open"}


PEERS: Mapping[str, Come] = {
    **{kind: come for kind, come in CONFIDANTS.items() if kind not in OWN_TESTS},
    "equipment.ipp": _at(ipp.Printer().talk),
    "rooms.lg": _at(lg.Display().talk),
    "rooms.nec": _at(nec.Display().talk, pace=0),
    "rooms.sip": _at(SipServer().talk, transport="tcp"),
    "wifi.captive_portal": _captive_portal,
}
"""Who is met by each kind, and what its check is set to."""

SOURCES = {"internet.meraki", "passive.mqtt", "passive.promql", "rooms.zoom", "wifi.meraki"}
"""The kinds that ask others about their target: when these fail, nothing is known about it."""

Staging = Callable[[AsyncExitStack], Stage]


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
def nobody() -> Iterator[int]:
    """A port that nobody listens on, and nobody can begin to."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


async def all_ended(
    stage: Stage, timeout: float = 60, change: Callable[[str], str] = str, kinds: Collection[str] = PEERS
) -> dict[str, Ended]:
    """How a run of each kind ends there, all at once."""
    runs = (ended(PEERS[kind], kind, stage, timeout, change) for kind in kinds)
    return dict(zip(kinds, await asyncio.gather(*runs), strict=True))


def strange(found: Mapping[str, Ended], *reasons: str) -> dict[str, Ended]:
    """Those that did not end with one of the reasons, or for the sources as nothing known."""

    def is_right(kind: str, end: Ended) -> bool:
        if kind in SOURCES:
            return isinstance(end, Unmeasured) and end.reason == "no_source"
        return isinstance(end, Failed) and end.reason in reasons

    return {kind: end for kind, end in found.items() if not is_right(kind, end)}


def test_every_kind_is_looked_at_here_or_has_its_reason_not_to() -> None:
    assert set(kinds()) - set(PEERS) == set(OWN_TESTS), "add it to PEERS, or say in OWN_TESTS why not"


async def test_a_port_without_a_listener_refuses(
    stack: AsyncExitStack, authority: Authority, tmp_path: Path, nobody: int
) -> None:
    found = await all_ended(Nowhere(stack, authority, tmp_path, port=nobody))
    assert strange(found, "refused") == {}


async def test_a_name_that_cannot_be_looked_up_is_unresolved(
    stack: AsyncExitStack, authority: Authority, tmp_path: Path
) -> None:
    def elsewhere(setting: str) -> str:
        return setting.replace("127.0.0.1", f"{'x' * 64}.example").replace("localhost", f"{'x' * 64}.example")

    found = await all_ended(Nowhere(stack, authority, tmp_path), change=elsewhere)
    assert strange(found, "unresolved") == {}


def test_a_network_that_refuses_the_way_is_told(authority: Authority, tmp_path: Path) -> None:
    async def look() -> dict[str, Ended]:
        async with AsyncExitStack() as stack:
            return await all_ended(Nowhere(stack, authority, tmp_path))

    with netns.namespaces() as (namespace,):
        namespace.firewall("tcp dport 9 reject with icmp type host-unreachable")
        assert strange(namespace.run(look), "unreachable") == {}


@pytest.mark.parametrize("instead", [silent, dawdling])
async def test_a_peer_that_is_silent_or_dawdles_is_given_up(
    stack: AsyncExitStack, authority: Authority, tmp_path: Path, instead: Callable[[Talk], Talk]
) -> None:
    found = await all_ended(Imposture(stack, authority, tmp_path, instead=instead), 2)
    assert strange(found, "timeout") == {}


@pytest.mark.parametrize(("instead", "reasons"), [(hanging_up, ("reset", "closed")), (resetting, ("reset",))])
async def test_a_peer_that_dies_is_told(
    stack: AsyncExitStack,
    authority: Authority,
    tmp_path: Path,
    instead: Callable[[Talk], Talk],
    reasons: tuple[str, ...],
) -> None:
    found = await all_ended(Imposture(stack, authority, tmp_path, instead=instead))
    assert strange(found, *reasons) == {}


async def test_a_peer_that_speaks_no_tls_is_told(stack: AsyncExitStack, authority: Authority, tmp_path: Path) -> None:
    speaking = [kind for kind, come in PEERS.items() if await speaks_tls(come, Nowhere(stack, authority, tmp_path))]
    assert len(speaking) > 10
    stage = Imposture(stack, authority, tmp_path, instead=lambda _: _greeting, plain=True)
    assert strange(await all_ended(stage, kinds=speaking), "tls_failed") == {}


async def speaks_tls(come: Come, stage: Nowhere) -> bool:
    """Whether those whom a kind meets speak TLS from the beginning."""
    await come(stage)
    return "tls" in stage.echoed.values()


def test_uvloop_finds_the_same_and_nothing_stays_open(authority: Authority, tmp_path: Path) -> None:
    async def look() -> dict[str, Ended]:
        before = sockets.opened()
        async with AsyncExitStack() as stack:
            found = await all_ended(Stage(stack, authority, tmp_path))
        async with asyncio.timeout(60):
            while sockets.opened() - before:
                await asyncio.sleep(0)
        return found

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        found = runner.run(look())
    assert {kind: end for kind, end in found.items() if not isinstance(end, Measured)} == {}
