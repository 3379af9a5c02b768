"""Asks for an address as a device that joins the network does, takes none, and judges who offers what."""

import asyncio
import contextlib
import hashlib
import secrets
import socket
import time
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network
from typing import Annotated, ClassVar, NamedTuple, Self

from pydantic import Field, model_validator

from probes import DefaultRule, Failed, Measured, Metric, Params, Probe, Sample, Unmeasured
from probes._engines import dhcp
from probes._engines.dhcp import CLIENT_PORT, RESOLVERS, SERVER_PORT, Offer
from probes._engines.resolve import Interface, local_failure

_MARGIN = 0.05  # seconds kept back of the timeout, so that the verdict is ours and not the caller's cancellation
_MOST_OFFERS = 50
_HOUR = 3600

_OFFER_SECONDS = "deskwatch_dhcp_offer_seconds"
_LEASE_SECONDS = "deskwatch_dhcp_lease_seconds"
_SERVERS = "deskwatch_dhcp_servers"


class DhcpParams(Params):
    """Which network to ask in, and which offers are right."""

    interface: Annotated[
        Interface | None,
        Field(description="interface of this machine in the network, e.g. members0; asks by broadcast, as devices do"),
    ] = None
    server: Annotated[
        IPv4Address | None, Field(description="server to ask directly, as a relay does, instead of by broadcast")
    ] = None
    source: Annotated[
        IPv4Address | None, Field(description="address of this machine in the network; needed with server")
    ] = None
    expected: Annotated[
        tuple[IPv4Network, ...],
        Field(max_length=50, description="networks that the offered address must be from, like 10.10.0.0/22"),
    ] = ()
    servers: Annotated[
        tuple[IPv4Address, ...],
        Field(max_length=20, description="servers that may offer addresses; if not set, there must be only one"),
    ] = ()
    router: Annotated[IPv4Address | None, Field(description="router that must be offered; any if not set")] = None
    resolvers: Annotated[
        tuple[IPv4Address, ...],
        Field(max_length=8, description="name servers that must be offered, no others; any if not set"),
    ] = ()
    patience: Annotated[
        float,
        Field(
            ge=6,
            le=60,
            description="seconds to wait for an offer: a server may first look for 3 s whether an address is in use",
        ),
    ] = 6
    window: Annotated[
        float, Field(ge=0, le=60, description="seconds to listen for further servers, when asking by broadcast")
    ] = 4

    @model_validator(mode="after")
    def _a_way(self) -> Self:
        if self.server is None and self.interface is None:
            raise ValueError("say how to ask: `interface` for a broadcast, or `server` and `source` as a relay")
        if (self.server is None) != (self.source is None):
            raise ValueError("server and source belong together: the server answers to source, as to a relay")
        return self

    @property
    def target(self) -> str:
        """Where it asks from: two of one place would hear each other's answers."""
        return self.interface or str(self.source)

    @classmethod
    def of_target(cls, target: str) -> dict[str, object]:
        """An interface."""
        return {"interface": target}


class Heard(NamedTuple):
    """An offer, and how many seconds after the question it came."""

    offer: Offer
    after: float


class Dhcp(Probe[DhcpParams]):
    """Whether a device that joins the network is offered an address, the right one, and by nobody else."""

    Params = DhcpParams
    metrics = (
        Metric(_OFFER_SECONDS, "Time from the question to the first offer", "seconds"),
        Metric(_LEASE_SECONDS, "How long the offered address may be used", "seconds"),
        Metric(_SERVERS, "Servers that offered an address"),
    )
    reasons: ClassVar = {
        "no_offer": "nobody offered an address: the server is down, out of addresses, or not reached",
        "rogue_server": "somebody offers addresses who should not",
        "wrong_range": "the offered address is not from the network that it should be from",
        "wrong_options": "the offered router or name servers are not those that they should be",
    }
    rules = (
        DefaultRule(
            "slow",
            _OFFER_SECONDS,
            "takes more than 5 seconds to offer an address",
            above=5,
            times=3,
            window=5,
        ),
        DefaultRule(
            "lease-long",
            _LEASE_SECONDS,
            "gives addresses away for more than a day, so that visitors of yesterday still hold theirs",
            "info",
            above=24 * _HOUR,
        ),
    )
    latency = (_OFFER_SECONDS, "")
    per_target = 1

    async def measure(self, timeout: float) -> Measured:
        """Ask once, listen, judge the offers; none is taken up."""
        params = self.params
        if timeout < params.patience + _MARGIN:
            least = params.patience + 1
            detail = f"a timeout of {timeout:g} s is too short for a patience of {params.patience:g} s"
            raise Unmeasured("monitor_error", f"{detail}: set timeout to {least:g}s or more")
        mac = self._mac()
        heard = await listen(params, mac)
        self._remember(heard)
        return judged(params, heard, mac.hex(":"))

    def _mac(self) -> bytes:
        """An address of our own making, the same each time: a server keeps something ready for each it has seen."""
        digest = hashlib.sha256(f"{self.check} {self.params.target}".encode()).digest()
        return bytes((digest[0] & 0xFC | 0x02,)) + digest[1:6]  # locally administered, of a single device

    def _remember(self, heard: Sequence[Heard]) -> None:
        """Keep which name servers members get, for who checks those."""
        strange = _strangers(self.params, heard)
        found = [one.offer.resolvers for one in heard if one.offer.server not in strange and one.offer.resolvers]
        if found:
            self.engines.memory.keep(self.check, {RESOLVERS: [str(address) for address in found[0]]})


async def listen(params: DhcpParams, mac: bytes) -> tuple[Heard, ...]:
    """What is offered to a MAC, in the order in which it came. Raises Unmeasured when this machine cannot ask."""
    xid, loop = secrets.randbits(32), asyncio.get_running_loop()
    heard: list[Heard] = []
    with _open(params) as opened:
        _send(opened, dhcp.discover(xid, mac, params.source), params)
        began = time.monotonic()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(params.patience) as limit:
                end = loop.time() + min(params.window, params.patience)
                while len(heard) < (1 if params.server else _MOST_OFFERS):
                    found = dhcp.offer(await loop.sock_recv(opened, dhcp.MOST), xid, mac)
                    if found is not None:
                        heard.append(Heard(found, time.monotonic() - began))
                        limit.reschedule(end)
    return tuple(heard)


def _open(params: DhcpParams) -> socket.socket:
    """A socket to ask from. Raises Unmeasured when this machine does not give us one."""
    port = SERVER_PORT if params.server else CLIENT_PORT
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        opened.setblocking(False)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # beside this machine's own DHCP client
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        if params.interface:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, params.interface.encode() + b"\0")
        opened.bind((str(params.source or ""), port))
    except OSError as error:
        opened.close()
        where = f"{params.source or params.interface}"
        raise local_failure(
            error, f"cannot use UDP port {port} of {where}, which needs the capability CAP_NET_BIND_SERVICE"
        ) from error
    return opened


def _send(opened: socket.socket, message: bytes, params: DhcpParams) -> None:
    try:
        opened.sendto(message, (str(params.server or "255.255.255.255"), SERVER_PORT))
    except OSError as error:
        raise local_failure(error, f"cannot send from {params.source or params.interface}") from error


def judged(params: DhcpParams, heard: Sequence[Heard], mac: str) -> Measured:
    """What the offers to a MAC mean. Raises Failed when a member would get no address, or a wrong one."""
    if not heard:
        raise Failed("no_offer", _silence(params, mac), (Sample(_SERVERS, 0),))
    strange = _strangers(params, heard)
    first = next((one for one in heard if one.offer.server not in strange), heard[0])
    samples = tuple(_samples(heard, first))
    sentence = _sentence(first)
    if strange:
        raise Failed("rogue_server", f"{_about(params, heard, strange)}; {sentence}", samples)
    for one in heard:
        if objection := _objection(params, one.offer):
            raise Failed(objection[0], f"{objection[1]}; {sentence}", samples)
    return Measured(sentence, samples)


def _strangers(params: DhcpParams, heard: Sequence[Heard]) -> tuple[IPv4Address, ...]:
    """Servers that should not offer anything; where none is named and there are several, all of them may be it."""
    offering = tuple(dict.fromkeys(one.offer.server for one in heard))
    if params.servers:
        return tuple(server for server in offering if server not in params.servers)
    return offering if len(offering) > 1 else ()


def _about(params: DhcpParams, heard: Sequence[Heard], strange: Sequence[IPv4Address]) -> str:
    """Who the strangers are, and what they do to members."""
    offered = {one.offer.server: one.offer for one in reversed(heard)}
    said = ", ".join(f"{server} (router {_listed(offered[server].routers)})" for server in strange[:3])
    if not params.servers:
        return f"{len(strange)} servers offer addresses, and there should be one: {said}"
    return f"a server that should not offers addresses to members: {said}"


def _objection(params: DhcpParams, offer: Offer) -> tuple[str, str] | None:
    """Reason and words, None if there is nothing wrong with an offer."""
    if params.expected and not any(offer.address in network for network in params.expected):
        networks = " or ".join(map(str, params.expected))
        return "wrong_range", f"members are offered {offer.address}, which is not in {networks}"
    if params.router and params.router not in offer.routers:
        return "wrong_options", f"members are sent to the router {_listed(offer.routers)}, not {params.router}"
    if params.resolvers and set(params.resolvers) != set(offer.resolvers):
        wanted = _listed(params.resolvers)
        return "wrong_options", f"members get the name servers {_listed(offer.resolvers)}, not {wanted}"
    return None


def _samples(heard: Sequence[Heard], first: Heard) -> Iterator[Sample]:
    yield Sample(_SERVERS, len({one.offer.server for one in heard}))
    yield Sample(_OFFER_SECONDS, first.after)
    if first.offer.lease is not None:
        yield Sample(_LEASE_SECONDS, first.offer.lease)


def _silence(params: DhcpParams, mac: str) -> str:
    asked = f"the DHCP server {params.server} did not answer" if params.server else "no DHCP server answered"
    effect = "who joins the Wi-Fi now gets no address"
    return f"{asked} within {params.patience:g} s, so {effect} (we asked as {mac})"


def _sentence(heard: Heard) -> str:
    offer = heard.offer
    lease = "" if offer.lease is None else f" for {offer.lease / _HOUR:.3g} h"
    portal = f", sign-in at {offer.portal}" if offer.portal else ""
    found = f"{offer.address} offered{lease} by {offer.server} after {1000 * heard.after:.3g} ms"
    return f"{found}: router {_listed(offer.routers)}, name servers {_listed(offer.resolvers)}{portal}"


def _listed(addresses: Sequence[IPv4Address]) -> str:
    return ", ".join(map(str, addresses[:3])) or "none"
