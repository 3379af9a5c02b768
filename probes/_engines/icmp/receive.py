"""Takes what came in at an ICMP socket: many packets with one system call, where the C library has recvmmsg."""

import ctypes
import os
import socket
import struct
import sys
from collections.abc import Sequence
from errno import EAGAIN
from typing import Protocol

from probes._engines.icmp.messages import family

Packet = tuple[bytes, bytes, int | None, int | None]
"""The packet, cut to ROOM bytes; its sender, packed; the time (wall clock, ns) and the hop limit that it came with, as
far as the kernel noted them. A plain tuple, since making a named one costs as much as taking the packet."""

ROOM = 192
"""Bytes of a packet that are taken. An error needs most: two IPv4 headers with options, two of ICMP, and a token."""

SO_TIMESTAMPNS = 35  # <linux/socket.h>: Python's socket module has no name for it.

_HOP_LIMITS = ((socket.IPPROTO_IP, socket.IP_TTL), (socket.IPPROTO_IPV6, socket.IPV6_HOPLIMIT))
_TIMESPEC = struct.Struct("@ll")


class Receiver(Protocol):
    """Takes packets from sockets: at most `at_once` of them, and fewer only when there are no more."""

    at_once: int

    def receive(self, opened: socket.socket, version: int) -> list[Packet]:
        """What came in at a socket of that IP version. Raises OSError when the kernel has an error to report there."""


def receiver() -> Receiver:
    """The quickest that this machine has."""
    library = ctypes.CDLL(None, use_errno=True)
    return Batches(library) if sys.platform == "linux" and hasattr(library, "recvmmsg") else Singles()


class Singles:
    """Takes one packet with each system call."""

    at_once = 1

    def receive(self, opened: socket.socket, version: int) -> list[Packet]:
        """See Receiver."""
        try:
            data, ancillary, _, sender = opened.recvmsg(ROOM, 256)
        except BlockingIOError:
            return []
        return [(data, socket.inet_pton(family(version), sender[0].partition("%")[0]), *_notes(ancillary))]


def _notes(ancillary: Sequence[tuple[int, int, bytes]]) -> tuple[int | None, int | None]:
    """The receive time (wall clock, ns) and the hop limit that the kernel noted on a packet."""
    kernel = hop_limit = None
    for level, kind, value in ancillary:
        if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS and len(value) == _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack(value)
            kernel = seconds * 1_000_000_000 + nanoseconds
        elif (level, kind) in _HOP_LIMITS:
            hop_limit = int.from_bytes(value[:4], sys.byteorder)
    return kernel, hop_limit


# The kernel's structures, by its names. Of the control messages that we ask for (a cmsghdr and its value each), it
# writes the receive time first and the hop limit, if any, after it.
MMSGHDR = struct.Struct("@PIPNPNi0PI0P")  # name, its length, vectors, how many, control, its length, flags; length
# Of it, what the kernel says on return: the length of control, and the length.
_USED = struct.Struct(f"@{struct.calcsize('@PIPNP')}xN{struct.calcsize('@i0P')}xI0P")
IOVEC = struct.Struct("@PN")  # where, how long
_CONTROL = "NiillNiii0N"  # length, level, kind, seconds, nanoseconds; length, level, kind, hop limit
_CONTROL_LENGTH = struct.calcsize(f"@{_CONTROL}")
_STAMPED, _HOPPED = struct.calcsize("@Niill"), struct.calcsize("@NiillNiii")
_NAME_LENGTH = 28
SLOTS = {4: struct.Struct(f"@4x4s20x0N{_CONTROL}{ROOM}s"), 6: struct.Struct(f"@8x16s4x0N{_CONTROL}{ROOM}s")}
"""By IP version, where one packet goes: the address in a sockaddr_in or sockaddr_in6, control messages, the packet."""
_SLOT = SLOTS[6].size


class Batches:
    """Takes many packets with one system call, into memory that is laid out once.

    It serves any number of sockets, one after the other: what it returns are copies.
    """

    at_once = 128

    def __init__(self, library: ctypes.CDLL) -> None:
        self._recvmmsg = library.recvmmsg
        self._recvmmsg.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p)
        slots, vectors, headers = (
            ctypes.create_string_buffer(size * self.at_once) for size in (_SLOT, IOVEC.size, MMSGHDR.size)
        )
        for index in range(self.at_once):
            name = ctypes.addressof(slots) + index * _SLOT
            vector = ctypes.addressof(vectors) + index * IOVEC.size
            IOVEC.pack_into(vectors, index * IOVEC.size, name + _SLOT - ROOM, ROOM)
            control = (name + _SLOT - ROOM - _CONTROL_LENGTH, _CONTROL_LENGTH)
            MMSGHDR.pack_into(headers, index * MMSGHDR.size, name, _NAME_LENGTH, vector, 1, *control, 0, 0)
        # The kernel writes there by address: kept as long as this is.
        self._slots, self._vectors, self._headers = (memoryview(one).cast("B") for one in (slots, vectors, headers))
        self._fresh = bytes(headers)
        self._where = ctypes.addressof(headers)

    def receive(self, opened: socket.socket, version: int) -> list[Packet]:
        """See Receiver."""
        count = self._recvmmsg(opened.fileno(), self._where, self.at_once, socket.MSG_DONTWAIT, None)
        if count >= 0:
            return self._packets(count, version)
        error = ctypes.get_errno()
        if error == EAGAIN:
            return []
        raise OSError(error, os.strerror(error))

    def _packets(self, count: int, version: int) -> list[Packet]:
        """What lies in the first slots. The kernel leaves in a header how much it used of what it was given."""
        used = MMSGHDR.size * count
        headers = _USED.iter_unpack(bytes(self._headers[:used]))
        slots = SLOTS[version].iter_unpack(self._slots[: _SLOT * count])
        self._headers[:used] = self._fresh[:used]
        return [
            (
                data[:length],
                sender,
                seconds * 1_000_000_000 + nanoseconds if noted >= _STAMPED and kind == SO_TIMESTAMPNS else None,
                hop_limit if noted >= _HOPPED and (level, hops) in _HOP_LIMITS else None,
            )
            for (noted, length), slot in zip(headers, slots, strict=True)
            for sender, _, _, kind, seconds, nanoseconds, _, level, hops, hop_limit, data in (slot,)
        ]
