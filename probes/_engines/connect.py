"""Opens sockets that leave this machine the way a check asks for, and sorts what can go wrong by whose fault it is."""

import asyncio
import errno
import os
import socket
import sys
from collections.abc import Mapping

from probes._base import Failed, Sample, Unmeasured
from probes._engines.icmp.socket import IP_RECVERR, IPV6_RECVERR
from probes._engines.resolve import Resolved, local_failure

REASONS: Mapping[str, str] = {
    "refused": "the target refused the connection",
    "unreachable": "the network on the way says that the target can't be reached",
    "unresolved": "the host name has no address",
    "reset": "the target reset the connection",
    "closed": "the target closed the connection before it was done",
}
"""The reasons for which talking to a host and port fails; "timeout" comes with every kind."""

_ERRNOS = {
    errno.ECONNREFUSED: "refused",
    errno.EHOSTUNREACH: "unreachable",
    errno.ECONNRESET: "reset",
    errno.ECONNABORTED: "closed",
    errno.EPIPE: "closed",
}


def open_socket(kind: socket.SocketKind, version: int, source: str = "", interface: str = "") -> socket.socket:
    """A socket that does not block, bound to an address or an interface of this machine.

    Raises Unmeasured when this machine does not have them.
    """
    family = socket.AF_INET if version == 4 else socket.AF_INET6
    try:
        opened = socket.socket(family, kind)
    except OSError as error:
        raise local_failure(error, f"this machine does not speak IPv{version}") from error
    try:
        opened.setblocking(False)
        if interface:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode() + b"\0")
        if source:
            opened.bind((source, 0))
        if kind is socket.SOCK_DGRAM:  # else it would hear of closed ports only, not that a host can't be reached
            hear_errors(opened, version)
    except OSError as error:
        opened.close()
        raise local_failure(error, f"cannot send from {source or interface}") from error
    return opened


def hear_errors(opened: socket.socket, version: int) -> None:
    """Have the kernel pass on all ICMP errors, and keep them with their senders. Raises OSError."""
    if sys.platform == "linux":
        level, option = (socket.IPPROTO_IP, IP_RECVERR) if version == 4 else (socket.IPPROTO_IPV6, IPV6_RECVERR)
        opened.setsockopt(level, option, 1)


async def connect(opened: socket.socket, to: Resolved, port: int) -> None:
    """Connect a socket. Raises OSError; the socket stays the caller's."""
    # Not by the loop's sock_connect: uvloop looks up even numeric addresses in a thread, which costs most of all.
    try:
        opened.connect((to.address, port))
    except BlockingIOError:
        await _writable(opened)
        error = opened.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise OSError(error, os.strerror(error)) from None


async def _writable(opened: socket.socket) -> None:
    """Wait until a socket can be written, or has failed."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_writer(opened.fileno(), _wake, ready)
    try:
        await ready
    finally:
        loop.remove_writer(opened.fileno())


def _wake(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


def network_failure(error: OSError, whom: str, samples: tuple[Sample, ...] = ()) -> Failed | Unmeasured:
    """The reading that an error of a connection to `whom` stands for."""
    reason = _ERRNOS.get(error.errno or 0)
    if reason is None and isinstance(error, ConnectionError):
        reason = "reset"
    if reason is None:
        return local_failure(error, f"cannot reach {whom}")
    return Failed(reason, f"{whom}: {os.strerror(error.errno) if error.errno else error}", samples)
