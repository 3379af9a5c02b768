"""Looks at one line to the internet from every side at once: echoes, connections, names and pages."""

import asyncio
import fcntl
import ipaddress
import socket
import statistics
import struct
import sys
import time
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from probes._base import Failed, Unmeasured
from probes._engines import Engines
from probes._engines.connect import connect, open_socket
from probes._engines.http.exchange import Request, Via
from probes._engines.icmp.burst import Echo
from probes._engines.lookup import Answer, ask
from probes._engines.resolve import Resolved, ip_version

_SIOCGIFADDR = 0x8915  # <linux/sockios.h>
_IF_INET6 = Path("/proc/thread-self/net/if_inet6")  # of the thread: namespaces are a matter of threads
_MOST_BODY = 64 * 1024
_FOR_NAMES = 0.5  # share of the time after which a name that was not found will not be waited for


@dataclass(frozen=True, slots=True)
class Plan:
    """What to ask over the line. Addresses are numeric and of one IP version, `gateway` may be "".

    `count` echoes are sent to each address, `gap` seconds apart.
    """

    via: Via
    gateway: str
    targets: Sequence[str]
    resolvers: Sequence[str]
    urls: Sequence[str]
    tcp_port: int
    dns_port: int
    count: int
    gap: float


class Echoes(NamedTuple):
    """What came back of a burst of echoes."""

    echoes: tuple[Echo, ...] = ()

    @property
    def sent(self) -> int:
        """How many left this machine in time to be judged."""
        return sum(echo.queued is not None for echo in self.echoes)

    @property
    def rtts(self) -> tuple[float, ...]:
        """Round trip times of those that were answered, in seconds."""
        return tuple(echo.rtt for echo in self.echoes if echo.rtt is not None)

    @property
    def median(self) -> float:
        """Median round trip time in seconds; infinite without an answer."""
        return statistics.median(self.rtts) if self.rtts else float("inf")


class Destination(NamedTuple):
    """What came of one destination; `connected` is the time of a TCP connection in seconds, None if there was none."""

    address: str
    echoes: Echoes
    connected: float | None

    @property
    def answers(self) -> bool:
        """Whether anything came back. A refused connection does not count: routers refuse in the name of others."""
        return bool(self.echoes.rtts) or self.connected is not None


class Page(NamedTuple):
    """What came of one page: the seconds until all of it was there, or in words why it is not."""

    url: str
    took: float | None = None
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Findings:
    """All that one run found. `router` is the address of our own, "" if it is not known; `gateway` what it answered."""

    router: str
    gateway: Echoes
    destinations: tuple[Destination, ...]
    lookups: tuple[Answer, ...]
    pages: tuple[Page, ...]

    @property
    def gateway_answers(self) -> bool:
        """Whether our own router shows that it works: that it tells of a fault beyond it is as good as an echo."""
        told = (echo.trouble.by for one in self.destinations for echo in one.echoes.echoes if echo.trouble)
        return bool(self.gateway.rtts) or (self.router != "" and self.router in told)

    @property
    def carries(self) -> bool:
        """Whether anything came back from beyond our router that no router can give by itself, as names from memory."""
        return any(one.answers for one in self.destinations) or any(page.took is not None for page in self.pages)


def leaving(via: Via, version: int) -> Via:
    """The way out with the address of its interface, so that routing by source address holds for it as well.

    Linux would send with an address of another interface if this one has none. Raises Unmeasured when it has none.
    """
    if not via.interface or via.source or sys.platform != "linux":
        return via
    address = _address_of(via.interface) if version == 4 else _address6_of(via.interface)
    if not address:
        remedy = "look at its cable, and at the router that gives it one"
        raise Unmeasured("no_network", f"interface {via.interface} is not there or has no address: {remedy}")
    return replace(via, source=address)


def _address_of(interface: str) -> str:
    """The IPv4 address of an interface, "" if it has none."""
    request = struct.pack("16s24x", interface.encode())  # struct ifreq
    with suppress(OSError), socket.socket(type=socket.SOCK_DGRAM) as asked:
        return socket.inet_ntoa(fcntl.ioctl(asked, _SIOCGIFADDR, request)[20:24])
    return ""


def _address6_of(interface: str) -> str:
    """An IPv6 address of an interface that is valid everywhere, "" if it has none."""
    with suppress(OSError):
        for line in _IF_INET6.read_text("ascii").splitlines():
            address, _, _, scope, _, name = line.split()
            if name == interface and scope == "00":
                return str(ipaddress.IPv6Address(bytes.fromhex(address)))
    return ""


async def look(engines: Engines, plan: Plan, timeout: float) -> Findings:
    """Ask everything at once, within `timeout` seconds; echoes need `count` times `gap` of them.

    Raises Unmeasured when this machine cannot send over the line.
    """
    plan = replace(plan, via=leaving(plan.via, ip_version(plan.targets[0])))
    gateway, pages = [plan.gateway] if plan.gateway else [], _names_and_pages(engines, plan, timeout)
    bursts = [_burst(engines, plan, address, timeout) for address in (*gateway, *plan.targets)]
    connections = [_connection(plan, address, timeout) for address in plan.targets]
    *found, (lookups, delivered) = await _together(*bursts, *connections, pages)
    echoes, connected = found[: len(bursts)], found[len(bursts) :]
    targets = zip(plan.targets, echoes[len(gateway) :], connected, strict=True)
    asked = echoes[0] if gateway else Echoes()
    return Findings(plan.gateway, asked, tuple(Destination(*one) for one in targets), lookups, delivered)


async def _together(*work: Coroutine[Any, Any, Any]) -> list[Any]:
    """What each returns; the first that fails ends the others."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in work]
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return [task.result() for task in tasks]


async def _burst(engines: Engines, plan: Plan, address: str, timeout: float) -> Echoes:
    patience, via = timeout - (plan.count - 1) * plan.gap, plan.via
    burst = engines.icmp.burst(address, plan.count, plan.gap, patience, source=via.source, interface=via.interface)
    return Echoes(await burst)


async def _connection(plan: Plan, address: str, timeout: float) -> float | None:
    """The seconds that a TCP connection took, None if none came about; that we cannot send shows in the echoes."""
    version, began = ip_version(address), time.monotonic()
    with open_socket(socket.SOCK_STREAM, version, plan.via.source, plan.via.interface) as opened:
        try:
            async with asyncio.timeout(timeout):
                await connect(opened, Resolved(address, version, 0.0), plan.tcp_port)
        except OSError:  # a TimeoutError is one, too
            return None
    return time.monotonic() - began


async def _names_and_pages(engines: Engines, plan: Plan, timeout: float) -> tuple[tuple[Answer, ...], tuple[Page, ...]]:
    """Every host of the pages asked of every resolver, then the pages whose host was found."""
    began, hosts = time.monotonic(), [urlsplit(url).hostname or "" for url in plan.urls]
    kind = "AAAA" if ip_version(plan.targets[0]) == 6 else "A"
    questions = [(server, host) for host in hosts for server in plan.resolvers]
    asked = [ask(server, plan.dns_port, host, kind, timeout * _FOR_NAMES, plan.via) for server, host in questions]
    answers = await _together(*asked)
    left = timeout - (time.monotonic() - began)
    found = {host: answer.records[0] for (_, host), answer in zip(questions, answers, strict=True) if answer.records}
    pages = [_page(engines, plan, url, found.get(host, ""), left) for url, host in zip(plan.urls, hosts, strict=True)]
    return tuple(answers), tuple(await _together(*pages))


async def _page(engines: Engines, plan: Plan, url: str, address: str, timeout: float) -> Page:
    """A page from the server at an address; whatever its status, the line has carried it."""
    if not address:
        return Page(url, trouble="its name has no address")
    request = Request(url, redirects=0, most_body=_MOST_BODY, via=replace(plan.via, address=address))
    try:
        response = await engines.http.fetch(request, timeout)
    except (Failed, Unmeasured) as failed:  # that we cannot send shows in the echoes
        return Page(url, trouble=failed.detail)
    return Page(url, sum(response.phases))
