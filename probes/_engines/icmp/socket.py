"""Opens the sockets that ICMP echoes leave by."""

import errno
import socket
import struct
import sys
from typing import NamedTuple

from probes._base import Unmeasured
from probes._engines.icmp.messages import family, types_about_echoes
from probes._engines.icmp.receive import SO_TIMESTAMPNS
from probes._engines.resolve import local_failure

# <linux/socket.h>, <linux/in.h>, <linux/in6.h>, <linux/icmp.h>: what Python's socket module has no names for.
IP_RECVERR, IPV6_RECVERR = 11, 25
_SO_RCVBUFFORCE = 33
_IP_RECVTTL = 12
_SOL_RAW, _ICMP_FILTER, _ICMPV6_FILTER = 255, 1, 1
_MTU = {4: (socket.IPPROTO_IP, 14), 6: (socket.IPPROTO_IPV6, 24)}

# Linux: IP_MTU_DISCOVER and IPV6_MTU_DISCOVER, set to "probe" rather than "do". Both forbid fragments, but "do" also
# goes by what the kernel has heard of the path in the last ten minutes: a path that has been mended would stay bad.
_DONT_FRAGMENT = (
    {4: (socket.IPPROTO_IP, 10, 3), 6: (socket.IPPROTO_IPV6, 23, 3)}
    if sys.platform == "linux"
    else {4: (socket.IPPROTO_IP, 28, 1), 6: (socket.IPPROTO_IPV6, 62, 1)}  # IP_DONTFRAG, IPV6_DONTFRAG
)

_BUFFER = 8 << 20


class Way(NamedTuple):
    """How echoes leave this machine: what a socket has to be opened for. None and "" leave it to the kernel."""

    version: int
    source: str = ""
    interface: str = ""
    ttl: int | None = None
    dscp: int | None = None
    dont_fragment: bool = False


def open_socket(way: Way) -> socket.socket:
    """A socket that echoes can leave by; raises Unmeasured when we may not have it."""
    opened = _permitted(way.version)
    try:
        opened.setblocking(False)
        _set_receiving(opened, way.version)
        _set_sending(opened, way)
    except OSError as error:
        opened.close()
        raise local_failure(error, f"cannot send from {way.source or way.interface}") from error
    return opened


def _permitted(version: int) -> socket.socket:
    """The socket that needs the fewest rights, of those that the kernel gives us."""
    protocol = socket.IPPROTO_ICMP if version == 4 else socket.IPPROTO_ICMPV6
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            return socket.socket(family(version), kind, protocol)
        except PermissionError:
            continue
        except OSError as error:
            if error.errno != errno.EPROTONOSUPPORT:
                raise local_failure(error, f"this machine does not speak IPv{version}") from error
    raise Unmeasured(
        "no_permission",
        "no permission for ICMP sockets; run `sysctl net.ipv4.ping_group_range='0 2147483647'` or grant CAP_NET_RAW",
    )


def _set_receiving(opened: socket.socket, version: int) -> None:
    """Ask for receive times, hop limits, ICMP errors and room for many replies, and for nothing else."""
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        opened.setsockopt(socket.SOL_SOCKET, option, _BUFFER)
    if version == 6:
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
    if sys.platform != "linux":
        return
    opened.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    _force_buffer(opened)
    if opened.type == socket.SOCK_RAW:
        _set_filter(opened, version)
    elif version == 4:
        opened.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
        opened.setsockopt(socket.IPPROTO_IP, _IP_RECVTTL, 1)
    else:
        opened.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)


def _force_buffer(opened: socket.socket) -> None:
    """Go beyond `net.core.rmem_max` where we may; without CAP_NET_ADMIN the smaller buffer does."""
    try:
        opened.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
    except PermissionError:
        return


def _set_filter(opened: socket.socket, version: int) -> None:
    """Let the kernel drop what is neither an echo reply nor an error: a set bit blocks that ICMP type."""
    words = [0xFFFFFFFF] * (1 if version == 4 else 8)
    for kind in types_about_echoes(version):
        words[kind // 32] &= ~(1 << kind % 32)
    level, option = (_SOL_RAW, _ICMP_FILTER) if version == 4 else (socket.IPPROTO_ICMPV6, _ICMPV6_FILTER)
    opened.setsockopt(level, option, struct.pack(f"@{len(words)}I", *words))


def _set_sending(opened: socket.socket, way: Way) -> None:
    """Bind to where echoes shall leave, and set what they carry."""
    if way.interface:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, way.interface.encode() + b"\0")
    if way.source:
        opened.bind((way.source, 0))
    level = socket.IPPROTO_IP if way.version == 4 else socket.IPPROTO_IPV6
    ttl, dscp = (socket.IP_TTL, socket.IP_TOS) if way.version == 4 else (socket.IPV6_UNICAST_HOPS, socket.IPV6_TCLASS)
    if way.ttl is not None:
        opened.setsockopt(level, ttl, way.ttl)
    if way.dscp is not None:
        opened.setsockopt(level, dscp, way.dscp << 2)
    if way.dont_fragment:
        opened.setsockopt(*_DONT_FRAGMENT[way.version])


def mtu(way: Way, destination: tuple[str, int]) -> int:
    """The largest packet, in bytes, that this machine sends to an address, 0 if it does not tell."""
    if sys.platform != "linux":
        return 0
    with socket.socket(family(way.version), socket.SOCK_DGRAM) as connected:  # which sends nothing
        try:
            _set_sending(connected, way)
            connected.connect(destination)
            return connected.getsockopt(*_MTU[way.version])
        except OSError:
            return 0
