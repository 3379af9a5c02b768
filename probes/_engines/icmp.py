"""Sends ICMP echoes for all targets over one socket per address family, and matches what comes back."""

import asyncio
import errno
import heapq
import itertools
import math
import os
import random
import socket
import struct
import sys
import time
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from probes._base import Unmeasured
from probes._engines.icmp_messages import (
    Refusal,
    decode,
    family,
    queued_refusal,
    request,
    too_big,
    types_about_echoes,
    unwrap,
)
from probes._engines.resolve import local_failure

TOKEN = 8
"""Bytes of a payload that are random and decide whose reply it is. An echo carries at least these."""

_TIMESPEC = struct.Struct("@ll")

# <linux/socket.h>, <linux/in.h>, <linux/in6.h>, <linux/icmp.h>: what Python's socket module has no names for.
_SO_TIMESTAMPNS = 35
_SO_RCVBUFFORCE = 33
_IP_RECVERR, _IPV6_RECVERR = 11, 25
_IP_RECVTTL = 12
_SOL_RAW, _ICMP_FILTER, _ICMPV6_FILTER = 255, 1, 1
_MSG_ERRQUEUE = 0x2000
_MTU = {4: (socket.IPPROTO_IP, 14), 6: (socket.IPPROTO_IPV6, 24)}

# Linux: IP_MTU_DISCOVER and IPV6_MTU_DISCOVER, set to "probe" rather than "do". Both forbid fragments, but "do" also
# goes by what the kernel has heard of the path in the last ten minutes: a path that has been mended would stay bad.
_DONT_FRAGMENT = (
    {4: (socket.IPPROTO_IP, 10, 3), 6: (socket.IPPROTO_IPV6, 23, 3)}
    if sys.platform == "linux"
    else {4: (socket.IPPROTO_IP, 28, 1), 6: (socket.IPPROTO_IPV6, 62, 1)}  # IP_DONTFRAG, IPV6_DONTFRAG
)

_BUFFER = 8 << 20
_READ_EVERY = 64  # sends after which replies are read, so that a sweep does not overrun the receive buffer
_READ_AT_ONCE = 1000
_FAIR = 0.9  # share of its time that an echo must have had to count as lost
_CLOCK = 0.0005  # seconds by which a loop, whose clock counts milliseconds, may ring early
_STEP = 1_000_000  # ns by which wall and steady clock may drift apart during one echo before we call it a step


class Trouble(NamedTuple):
    """An error about one of our echoes: `reason` is "unreachable", "ttl_exceeded" or "too_big".

    `by` is who sent it, "" if it was our own kernel or is not known.
    """

    reason: str
    words: str
    by: str


class Echo(NamedTuple):
    """What became of one echo request.

    `queued` is how long after its time the kernel took it, None when it never left or left too late to be judged.
    `rtt` is None when no reply came in time; `late` says that one came after that. Both in seconds.
    """

    queued: float | None = None
    rtt: float | None = None
    hop_limit: int | None = None
    duplicates: int = 0
    late: bool = False
    trouble: Trouble | None = None


class Way(NamedTuple):
    """How echoes leave this machine: what a socket has to be opened for. None and "" leave it to the kernel."""

    version: int
    source: str = ""
    interface: str = ""
    ttl: int | None = None
    dscp: int | None = None
    dont_fragment: bool = False


class Stamp(NamedTuple):
    """One moment on both clocks, in ns: the wall clock, which the kernel stamps replies with, and the steady one."""

    wall: int
    steady: int

    @classmethod
    def now(cls) -> "Stamp":
        return cls(time.time_ns(), time.monotonic_ns())


def round_trip(sent: Stamp, read: Stamp, kernel: int | None) -> float:
    """Seconds between sending and the kernel's receive stamp (wall clock, ns).

    Without a stamp, or when somebody set the clock in between, it is the time until we read the reply.
    """
    steady = read.steady - sent.steady
    stepped = abs((read.wall - sent.wall) - steady) > _STEP
    if kernel is None or stepped or not 0 < kernel - sent.wall <= steady:
        return steady / 1e9
    return (kernel - sent.wall) / 1e9


class IcmpEngine:
    """Sends echoes for all targets.

    Bursts that leave the same way share a socket. It is open while one of them waits and no longer: an idle raw socket
    would wake us for everybody's ICMP, and one bound to a dial-up interface would outlive it.
    """

    def __init__(self) -> None:
        self._links: dict[Way, _Link] = {}

    def burst(
        self,
        address: str,
        count: int,
        gap: float,
        timeout: float,
        *,
        size: int = 56,
        source: str = "",
        interface: str = "",
        ttl: int | None = None,
        dscp: int | None = None,
        dont_fragment: bool = False,
    ) -> "asyncio.Future[tuple[Echo, ...]]":
        """Send `count` echoes of `size` payload bytes, `gap` seconds apart, and wait `timeout` seconds for each reply.

        It ends when all are answered, else `timeout` after the last one was due. `address` is numeric, at most 65,536
        echoes, at least TOKEN bytes. Raises Unmeasured, now or when awaited, when this machine does not let us send or
        has no way to the address.
        """
        way = Way(6 if ":" in address else 4, source, interface, ttl, dscp, dont_fragment)
        link = self._links.get(way)
        if link is None or link.closed:
            link = self._links[way] = _Link(way)
        burst = _Burst(link, address, count, gap, timeout, size)
        link.tick(burst)
        return burst

    def close(self) -> None:
        """End all bursts; each raises Unmeasured."""
        for link in self._links.values():
            link.fail(Unmeasured("monitor_error", "ICMP was closed: Deskwatch is stopping"))


class _Burst(asyncio.Future[tuple[Echo, ...]]):
    """Some echoes to one address, and the wait for what becomes of them.

    A future rather than a task with one: that is half of what a sweep over thousands of addresses would cost.
    """

    __slots__ = (
        "_link", "address", "began", "destination", "due", "echoes", "first", "gap", "next", "open", "payload",
        "sent", "timeout", "token",
    )  # fmt: skip

    def __init__(self, link: "_Link", address: str, count: int, gap: float, timeout: float, size: int) -> None:
        super().__init__(loop=link.loop)
        self._link = link
        self.destination = (address, 0)
        self.address = _canonical(address) if ":" in address else address
        self.token = token = os.urandom(TOKEN)
        self.payload = token + bytes(size - TOKEN)
        self.first = random.getrandbits(16)  # the token is what must not be guessed
        self.gap = gap
        self.timeout = timeout
        self.began = link.loop.time()
        self.due = time.monotonic_ns()
        self.next = 0
        self.open = count
        self.sent: list[Stamp | None] = [None] * count
        self.echoes = [_UNSENT] * count
        link.bursts[token] = self

    def index(self, sequence: int) -> int | None:
        """Which of our echoes has that sequence number, None if none that was sent."""
        index = (sequence - self.first) & 0xFFFF
        return index if index < len(self.sent) and self.sent[index] is not None else None

    def awaits(self, index: int) -> bool:
        """Whether that echo is neither answered nor refused yet."""
        return self.echoes[index].rtt is None and self.echoes[index].trouble is None

    def queued(self, index: int, sent: Stamp) -> float:
        """How long after its time that echo left. A timer may ring a little early: then it did not wait."""
        return max(0.0, (sent.steady - self.due - index * self.gap * 1e9) / 1e9)

    def expire(self) -> None:
        """The time is up. An echo that we sent so late that it had much less than its time says nothing: forget it."""
        latest = time.monotonic_ns() - _FAIR * self.timeout * 1e9
        for index, sent in enumerate(self.sent):
            if sent is not None and self.awaits(index):
                queued = None if sent.steady > latest else self.queued(index, sent)
                self.echoes[index] = self.echoes[index]._replace(queued=queued)
        self.finish()

    def finish(self) -> None:
        """Nobody needs to wait any longer."""
        if not self.done():
            self._link.forget(self)
            self.set_result(tuple(self.echoes))

    def fail(self, error: Unmeasured) -> None:
        """It ends with that error."""
        if not self.done():
            self._link.forget(self)
            self.set_exception(error)

    def cancel(self, msg: object = None) -> bool:
        """Nobody wants to know any longer."""
        if not self.done():
            self._link.forget(self)
        return super().cancel(msg)

    def settle(self, index: int, echo: Echo) -> None:
        """One echo has its answer."""
        self.echoes[index] = echo
        self.open -= 1
        if not self.open:
            self.finish()

    def answer(self, index: int, sent: Stamp, read: Stamp, kernel: int | None, hop_limit: int | None) -> None:
        """A reply to one of our echoes came in."""
        echo = self.echoes[index]
        if echo.rtt is not None:
            self.echoes[index] = echo._replace(duplicates=echo.duplicates + 1)
            return
        rtt = round_trip(sent, read, kernel)
        if rtt > self.timeout or echo.trouble is not None:
            self.echoes[index] = echo._replace(late=True)
            return
        self.settle(index, Echo(self.queued(index, sent), rtt, hop_limit))

    def refused(self, index: int, sent: Stamp, trouble: Trouble) -> None:
        """An ICMP error about one of our echoes came in."""
        self.settle(index, self.echoes[index]._replace(queued=self.queued(index, sent), trouble=trouble))


_UNSENT = Echo()


def _canonical(address: str) -> str:
    """An IPv6 address as the kernel writes it, without its zone."""
    return socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, address.partition("%")[0]))


class _Link:
    """One socket, and the bursts that wait for replies on it. Closed with the last of them."""

    def __init__(self, way: Way) -> None:
        self.loop = asyncio.get_running_loop()
        self.bursts: dict[bytes, _Burst] = {}
        self.closed = False
        self._way = way
        self._version = way.version
        self._socket = _open(way)
        self._raw = self._socket.type == socket.SOCK_RAW
        self._id = random.getrandbits(16)
        self._waiting: deque[tuple[_Burst, int]] = deque()
        self._agenda: list[tuple[float, int, _Burst]] = []
        self._order = itertools.count()
        self._timer: asyncio.TimerHandle | None = None
        self._rings = math.inf
        self._unread = 0
        self.loop.add_reader(self._socket.fileno(), self.read)

    def forget(self, burst: _Burst) -> None:
        """A burst waits no longer."""
        del self.bursts[burst.token]
        if not self.bursts:
            self.closed = True
            self._waiting.clear()
            self._agenda.clear()
            if self._timer is not None:
                self._timer.cancel()
            self.loop.remove_reader(self._socket.fileno())
            self.loop.remove_writer(self._socket.fileno())
            self._socket.close()

    def fail(self, error: Unmeasured) -> None:
        """All bursts end with that error."""
        for burst in tuple(self.bursts.values()):
            burst.fail(error)

    def tick(self, burst: _Burst) -> None:
        """Send the next echo of a burst, and come back for the one after it or for the end."""
        index = burst.next
        burst.next += 1
        wait = burst.gap if burst.next < len(burst.sent) else burst.timeout
        heapq.heappush(self._agenda, (burst.began + index * burst.gap + wait, next(self._order), burst))
        self._arm()
        if self._waiting:
            self._waiting.append((burst, index))
        elif not self._send(burst, index):
            self._waiting.append((burst, index))
            self.loop.add_writer(self._socket.fileno(), self._send_waiting)

    def _arm(self) -> None:
        """Let the one timer ring when the first burst is due; a timer for each would cost as much as its echo."""
        at = self._agenda[0][0]
        if at < self._rings:
            if self._timer is not None:
                self._timer.cancel()
            self._timer, self._rings = self.loop.call_at(at, self._ring), at

    def _ring(self) -> None:
        """Go on with the bursts that are due. A busy loop runs timers before readers: read what came in time first."""
        self.read()
        self._timer, self._rings = None, math.inf
        now = self.loop.time() + _CLOCK
        while self._agenda and self._agenda[0][0] <= now:
            burst = heapq.heappop(self._agenda)[2]
            if burst.done():
                continue
            if burst.next < len(burst.sent):
                self.tick(burst)
            else:
                burst.expire()
        if self._agenda and not self.closed:
            self._arm()

    def _send_waiting(self) -> None:
        """The kernel takes packets again: send what had to wait."""
        while self._waiting:
            burst, index = self._waiting.popleft()
            if not burst.done() and not self._send(burst, index):
                self._waiting.appendleft((burst, index))
                return
        if not self.closed:
            self.loop.remove_writer(self._socket.fileno())

    def _send(self, burst: _Burst, index: int) -> bool:
        """Give one echo to the kernel; False when it must wait."""
        packet = request(self._version, self._id, (burst.first + index) & 0xFFFF, burst.payload)
        try:
            sent = self._send_packet(packet, burst)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno == errno.ENOBUFS:  # our own queue dropped it: it never left, and that is no loss
                burst.settle(index, _UNSENT)
            elif error.errno == errno.EMSGSIZE:
                self._read_errors()  # a datagram socket would wake us until it is told
                words = too_big(_mtu(self._way, burst.destination), "this machine's")
                burst.settle(index, _UNSENT._replace(trouble=Trouble("too_big", words, "")))
            else:
                burst.fail(local_failure(error, f"cannot send to {burst.address}"))
            return True
        burst.sent[index] = sent
        self._unread += 1
        if self._unread >= _READ_EVERY:
            self.read()
        return True

    def _send_packet(self, packet: bytes, burst: _Burst) -> Stamp:
        """Send, and say when. A datagram socket first reports an error about any earlier echo: then send again."""
        sent = Stamp.now()
        try:
            self._socket.sendto(packet, burst.destination)
        except BlockingIOError:
            raise
        except OSError:
            if self._raw or not self._read_errors():
                raise
            sent = Stamp.now()
            self._socket.sendto(packet, burst.destination)
        return sent

    def read(self) -> None:
        """Take what has come in."""
        self._unread = 0
        for _ in range(_READ_AT_ONCE):
            if self.closed:  # by the last reply
                return
            try:
                data, ancillary, _, sender = self._socket.recvmsg(65_536, 256)
            except BlockingIOError:
                return
            except OSError:  # an error is pending in a datagram socket's queue; asking has cleared it
                self._read_errors()
                continue
            self._take(data, ancillary, sender[0])

    def _take(self, data: bytes, ancillary: Sequence[tuple[int, int, bytes]], sender: str) -> None:
        """Match one packet."""
        kernel, hop_limit = _stamps(ancillary)
        if self._version == 4 and (self._raw or sys.platform == "darwin"):
            inner = unwrap(data)
            if inner is None:
                return
            hop_limit, data = inner
        found = decode(self._version, data)
        if found is None or (self._raw and found.id != self._id):
            return
        if isinstance(found, Refusal):
            self._refused(found, sender)
            return
        burst = self.bursts.get(found.payload[:TOKEN])
        index = burst.index(found.sequence) if burst is not None else None
        if burst is None or index is None or sender.partition("%")[0] != burst.address:
            return
        sent = burst.sent[index]
        if sent is not None:
            burst.answer(index, sent, Stamp.now(), kernel, hop_limit)

    def _read_errors(self) -> bool:
        """Take what is in a datagram socket's error queue; whether there was anything."""
        if sys.platform != "linux":
            return False
        for count in range(_READ_AT_ONCE):
            try:
                quoted, ancillary, _, target = self._socket.recvmsg(2048, 512, _MSG_ERRQUEUE)
            except OSError:
                return count > 0
            for level, kind, value in ancillary:
                if (level, kind) in ((socket.IPPROTO_IP, _IP_RECVERR), (socket.IPPROTO_IPV6, _IPV6_RECVERR)):
                    found = queued_refusal(self._version, value, target[0], quoted)
                    if found:
                        self._refused(*found)
        return True

    def _refused(self, error: Refusal, by: str) -> None:
        """Match an ICMP error: by its token if the sender quoted that much, else by target and sequence number."""
        if len(error.payload) >= TOKEN:
            burst = self.bursts.get(error.payload[:TOKEN])
            candidates = [burst] if burst is not None else []
        else:
            candidates = [burst for burst in self.bursts.values() if burst.address == error.target]
        for burst in candidates:
            index = burst.index(error.sequence)
            sent = burst.sent[index] if index is not None else None
            if index is not None and sent and burst.awaits(index) and burst.address == error.target:
                burst.refused(index, sent, Trouble(error.reason, error.words, by))
                return


def _stamps(ancillary: Sequence[tuple[int, int, bytes]]) -> tuple[int | None, int | None]:
    """The receive time (wall clock, ns) and the hop limit that the kernel noted on a packet."""
    kernel = hop_limit = None
    for level, kind, value in ancillary:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS and len(value) == _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack(value)
            kernel = seconds * 1_000_000_000 + nanoseconds
        elif (level, kind) in ((socket.IPPROTO_IP, socket.IP_TTL), (socket.IPPROTO_IPV6, socket.IPV6_HOPLIMIT)):
            hop_limit = int.from_bytes(value[:4], sys.byteorder)
    return kernel, hop_limit


def _open(way: Way) -> socket.socket:
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
    opened.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    _force_buffer(opened)
    if opened.type == socket.SOCK_RAW:
        _set_filter(opened, version)
    elif version == 4:
        opened.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
        opened.setsockopt(socket.IPPROTO_IP, _IP_RECVTTL, 1)
    else:
        opened.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)


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


def _mtu(way: Way, destination: tuple[str, int]) -> int:
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
