"""Tells whether packets get from here to a port of another machine and back, and tells it from a firewall's refusal."""

import asyncio
import errno
import socket
import time
from typing import Literal, NamedTuple

from probes._base import Failed
from probes._engines.connect import connect, hear_errors, network_failure, open_socket
from probes._engines.icmp.engine import IcmpEngine
from probes._engines.icmp.messages import queued_sender
from probes._engines.icmp.socket import IP_RECVERR, IPV6_RECVERR
from probes._engines.resolve import Resolved, ip_version

Protocol = Literal["tcp", "udp", "icmp"]

_MSG_ERRQUEUE = 0x2000  # <linux/socket.h>: Python's socket module has no name for it.
_MOST = 65_535
_ECHOES, _GAP = 2, 0.2
_NO_WAY = {errno.ENETUNREACH, errno.EHOSTUNREACH}


class Door(NamedTuple):
    """What is knocked at: a numeric address and, unless by ICMP, a port. `payload` is what goes to a UDP port."""

    address: str
    protocol: Protocol = "tcp"
    port: int = 0
    payload: bytes = b"\0"

    def __str__(self) -> str:
        return f"{self.address} by ICMP" if self.protocol == "icmp" else f"{self.address} {self.protocol}/{self.port}"


class Way(NamedTuple):
    """How packets leave this machine; "" leaves the choice to the system."""

    source: str = ""
    interface: str = ""


class Found(NamedTuple):
    """What came of it after so many seconds.

    `opened` says that it answered as it should, `refused` that the machine there refused it, which a firewall may have
    done in its name. `lost` says that packets do not even leave this machine for it. All False: nothing came back, or
    somebody on the way refused. `words` complete "the door ...".
    """

    words: str
    took: float = 0
    opened: bool = False
    refused: bool = False
    lost: bool = False


async def knock(door: Door, way: Way, engine: IcmpEngine, timeout: float) -> Found:
    """Try it once, for `timeout` seconds at most. Raises Unmeasured when this machine cannot."""
    if door.protocol == "icmp":
        return await _echo(door, way, engine, timeout)
    began = time.monotonic()
    kind = socket.SOCK_STREAM if door.protocol == "tcp" else socket.SOCK_DGRAM
    version = ip_version(door.address)
    with open_socket(kind, version, *way) as opened:
        hear_errors(opened, version)
        try:
            async with asyncio.timeout(timeout):
                words = await _exchange(opened, door, Resolved(door.address, version, 0))
        except TimeoutError:
            return Found("does not answer")
        except OSError as error:
            return _refusal(opened, door, error)
    return Found(words, time.monotonic() - began, opened=True)


async def _exchange(opened: socket.socket, door: Door, to: Resolved) -> str:
    """Connect, and by UDP send and hear something: what happened, in words."""
    await connect(opened, to, door.port)
    if door.protocol == "tcp":
        return "accepts connections"
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(opened, door.payload)
    await loop.sock_recv(opened, _MOST)
    return "answers"


async def _echo(door: Door, way: Way, engine: IcmpEngine, timeout: float) -> Found:
    patience = max(timeout - _GAP, timeout / 2)
    echoes = await engine.burst(door.address, _ECHOES, _GAP, patience, source=way.source, interface=way.interface)
    for echo in echoes:
        if echo.rtt is not None:
            return Found("answers echoes", echo.rtt, opened=True)
    trouble = next((echo.trouble for echo in echoes if echo.trouble is not None), None)
    if trouble is None:
        return Found("does not answer")
    ours = trouble.by in ("", _own_address(door, way))
    return Found(f"is refused: {trouble.words}", refused=trouble.by == door.address, lost=ours)


def _refusal(opened: socket.socket, door: Door, error: OSError) -> Found:
    """What an error says, by who sent it: the machine there, this one, or one on the way."""
    by = _sender(opened)
    failure = network_failure(error, str(door))
    if by and by == opened.getsockname()[0]:
        return Found("can't be reached from this machine: nobody on its own network has that address", lost=True)
    if error.errno in _NO_WAY and not by:
        return Found("can't be reached from this machine: it has no route", lost=True)
    if not isinstance(failure, Failed):
        raise failure from error
    if by and by != door.address:
        return Found(f"is refused by {by}")
    return Found("refuses, so that it is reached", refused=True)


def _sender(opened: socket.socket) -> str:
    """Who sent the ICMP error about this socket, "" if there was none."""
    try:
        _, ancillary, _, _ = opened.recvmsg(512, 512, _MSG_ERRQUEUE)
    except OSError:
        return ""
    versions = {(socket.IPPROTO_IP, IP_RECVERR): 4, (socket.IPPROTO_IPV6, IPV6_RECVERR): 6}
    found = (
        queued_sender(versions[level, kind], value) for level, kind, value in ancillary if (level, kind) in versions
    )
    return next(found, "")


def _own_address(door: Door, way: Way) -> str:
    """The address of this machine that packets to the door carry, "" if there is no way."""
    try:
        with open_socket(socket.SOCK_DGRAM, ip_version(door.address), *way) as opened:
            opened.connect((door.address, 9))  # which sends nothing
            return str(opened.getsockname()[0])
    except OSError:
        return ""
