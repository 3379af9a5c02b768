"""Sends ICMP echoes for all targets over one socket per way out, and matches what comes back."""

import asyncio
import errno
import heapq
import math
import os
import random
import socket
import sys
from collections.abc import Awaitable, Iterator, Sequence
from time import monotonic_ns, time_ns

from probes._base import Unmeasured
from probes._engines.icmp.burst import Burst, Echo, Moment, Trouble, packed
from probes._engines.icmp.messages import (
    TOKEN,
    Refusal,
    family,
    ip_header,
    queued_refusal,
    refused,
    reply,
    request,
    too_big,
)
from probes._engines.icmp.receive import Packet, Receiver, receiver
from probes._engines.icmp.socket import IP_RECVERR, IPV6_RECVERR, Way, mtu, open_socket
from probes._engines.resolve import local_failure

_MSG_ERRQUEUE = 0x2000  # <linux/socket.h>: Python's socket module has no name for it.

_TOGETHER = 64  # echoes that are sent before replies are read: more could overrun a small receive buffer
_READ_AT_ONCE = 1000
_CLOCK = 0.0005  # seconds by which a loop, whose clock counts milliseconds, may ring early


class IcmpEngine:
    """Sends echoes for all targets.

    Bursts that leave the same way share a socket. It is open while one of them waits and no longer: an idle raw socket
    would wake us for everybody's ICMP, and one bound to a dial-up interface would outlive it.
    """

    def __init__(self) -> None:
        self._links: dict[tuple[object, ...], _Link] = {}
        self._receiver = receiver()
        self._tokens = _tokens()

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
    ) -> Awaitable[tuple[Echo, ...]]:
        """Send `count` echoes of `size` payload bytes, `gap` seconds apart, and wait `timeout` seconds for each reply.

        It ends when all are answered, else `timeout` after the last one was due. `address` is numeric, at most 65,536
        echoes, at least TOKEN bytes. Raises Unmeasured, now or when awaited, when this machine does not let us send or
        has no way to the address.
        """
        # A plain tuple finds the link as well as a Way does, which takes longer to make than to look up.
        way = (6 if ":" in address else 4, source, interface, ttl, dscp, dont_fragment)
        link = self._links.get(way)
        if link is None or link.closed:
            link = self._links[way] = _Link(Way(*way), self._receiver)
        burst = Burst(link, address, count, gap, timeout, next(self._tokens), size)
        link.start(burst)
        return burst

    def close(self) -> None:
        """End all bursts; each raises Unmeasured."""
        for link in self._links.values():
            link.fail(Unmeasured("monitor_error", "ICMP was closed: Deskwatch is stopping"))


def _tokens() -> Iterator[bytes]:
    """Random bytes, for one burst after the other. Asking the kernel for each would take as long as its reply."""
    while True:
        some = os.urandom(500 * TOKEN)
        yield from (some[start : start + TOKEN] for start in range(0, len(some), TOKEN))


class _Link:
    """One socket, and the bursts that wait for replies on it. Closed with the last of them."""

    def __init__(self, way: Way, receiver: Receiver) -> None:
        self.loop = asyncio.get_running_loop()
        self.closed = False
        self._bursts: dict[bytes, Burst] = {}
        self._way = way
        self._version = way.version
        self._receiver = receiver
        self._socket = open_socket(way)
        self._raw = self._socket.type == socket.SOCK_RAW
        self._wrapped = self._version == 4 and (self._raw or sys.platform == "darwin")
        self._id = random.getrandbits(16)
        self._waiting: list[tuple[Burst, int]] = []
        self._blocked = False
        self._agenda: dict[float, list[Burst]] = {}
        self._times: list[float] = []
        self._timer: asyncio.TimerHandle | None = None
        self._rings = math.inf
        self._unread = 0
        self.loop.add_reader(self._socket.fileno(), self.read)

    def start(self, burst: Burst) -> None:
        """Send the first echo of a burst, and see to the others in time."""
        self._bursts[burst.token] = burst
        self._tick(burst)

    def forget(self, burst: Burst) -> None:
        """A burst waits no longer."""
        del self._bursts[burst.token]
        if not self._bursts:
            self._close()

    def fail(self, error: Unmeasured) -> None:
        """All bursts end with that error."""
        for burst in tuple(self._bursts.values()):
            burst.fail(error)

    def _close(self) -> None:
        self.closed = True
        self._unblock()
        self._waiting.clear()
        self._agenda.clear()
        self._times.clear()
        if self._timer is not None:
            self._timer.cancel()
        self.loop.remove_reader(self._socket.fileno())
        self._socket.close()

    def _tick(self, burst: Burst) -> None:
        """Send the next echo of a burst, and come back for the one after it or for the end.

        It leaves at once, unless we have not read since another one left: then we are busy, and send many together.
        The kernel's code and ours push each other out of the processor's caches: by turns, a sweep would take longer.
        """
        index = burst.next
        burst.next += 1
        wait = burst.gap if burst.next < len(burst.echoes) else burst.timeout
        self._come_back(burst.began + index * burst.gap + wait, burst)
        self._waiting.append((burst, index))
        if self._blocked:
            return
        if not self._unread or len(self._waiting) >= _TOGETHER:
            self._send_waiting()
        elif len(self._waiting) == 1:
            self.loop.call_soon(self._send_waiting)

    def _come_back(self, at: float, burst: Burst) -> None:
        """Go on with a burst at that time. There is one timer; one for each burst would cost as much as its echo."""
        if at in self._agenda:  # uvloop's clock stands still during a turn: a sweep needs few entries
            self._agenda[at].append(burst)
            return
        self._agenda[at] = [burst]
        heapq.heappush(self._times, at)
        self._set_timer()

    def _set_timer(self) -> None:
        """Let it ring when the first burst is due."""
        at = self._times[0]
        if at < self._rings:
            if self._timer is not None:
                self._timer.cancel()
            self._timer, self._rings = self.loop.call_at(at, self._ring), at

    def _ring(self) -> None:
        """Go on with the bursts that are due. A busy loop runs timers before readers: read what came in time first."""
        self.read()
        self._timer, self._rings = None, math.inf
        due = self.loop.time() + _CLOCK
        while self._times and self._times[0] <= due:
            for burst in self._agenda.pop(heapq.heappop(self._times)):
                self._go_on(burst)
        if self._times:
            self._set_timer()

    def _go_on(self, burst: Burst) -> None:
        """Send the next echo of a burst, or end it, or neither if it has ended."""
        if burst.done:
            return
        if burst.next < len(burst.echoes):
            self._tick(burst)
        else:
            burst.expire()

    def _send_waiting(self) -> None:
        """Send the echoes that wait for it, until the kernel takes no more."""
        while self._waiting:
            together = self._waiting[: 1 if self._blocked else _TOGETHER]  # others would be prepared in vain
            taken = self._send(together)
            del self._waiting[:taken]
            if taken < len(together):
                self._block()
                return
            if self._unread >= _TOGETHER:
                self.read()
        self._unblock()

    def _block(self) -> None:
        """The kernel takes no packets: go on when it does again."""
        if not self._blocked:
            self._blocked = True
            self.loop.add_writer(self._socket.fileno(), self._send_waiting)

    def _unblock(self) -> None:
        """Nothing waits."""
        if self._blocked:
            self._blocked = False
            self.loop.remove_writer(self._socket.fileno())

    def _send(self, together: Sequence[tuple[Burst, int]]) -> int:
        """Give echoes to the kernel; how many of them it took, or will never take."""
        version, id = self._version, self._id
        packets = [request(version, id, (burst.first + index) & 0xFFFF, burst.payload) for burst, index in together]
        for place, (burst, index) in enumerate(together):
            if not burst.done and not self._send_packet(packets[place], burst, index):
                return place
        return len(together)

    def _send_packet(self, packet: bytes, burst: Burst, index: int) -> bool:
        """Give one echo to the kernel; False when it must wait.

        A datagram socket first reports an error about any earlier echo: then send again.
        """
        for is_last_try in (self._raw, True):
            try:
                sent = time_ns(), monotonic_ns()
                self._socket.sendto(packet, (burst.address, 0))
                break
            except BlockingIOError:
                return False
            except OSError as error:
                if is_last_try or not self._read_errors():
                    self._unsent(burst, index, error)
                    return True
        burst.echoes[index] = sent
        self._unread += 1
        return True

    def _unsent(self, burst: Burst, index: int, error: OSError) -> None:
        """The kernel did not take an echo, and never will."""
        if error.errno == errno.ENOBUFS:  # our own queue dropped it: it never left, and that is no loss
            burst.settle(index, Echo())
        elif error.errno == errno.EMSGSIZE:
            self._read_errors()  # a datagram socket would wake us until it is told
            words = too_big(mtu(self._way, (burst.address, 0)), "this machine's")
            burst.settle(index, Echo(trouble=Trouble("too_big", words, "")))
        else:
            burst.fail(local_failure(error, f"cannot send to {burst.address}"))

    def read(self) -> None:
        """Take what has come in."""
        self._unread = 0
        for _ in range(0, _READ_AT_ONCE, self._receiver.at_once):
            if self.closed:  # by the last reply
                return
            try:
                packets = self._receiver.receive(self._socket, self._version)
            except OSError:  # an error is pending in a datagram socket's queue; asking has cleared it
                self._read_errors()
                continue
            self._match(packets, (time_ns(), monotonic_ns()))
            if len(packets) < self._receiver.at_once:
                return

    def _match(self, packets: Sequence[Packet], read: Moment) -> None:
        """Tell bursts what was sent to them."""
        for packet, sender, kernel, hop_limit in packets:
            start = 0
            if self._wrapped:
                start, hop_limit = ip_header(packet)
            found = reply(self._version, packet, start)
            if found is None:
                self._match_error(packet[start:], sender)
                continue
            id, sequence, token = found
            burst = self._bursts.get(token)
            if burst is not None and burst.host == sender and (id == self._id or not self._raw):
                burst.answer(sequence, read, kernel, hop_limit)

    def _match_error(self, message: bytes, sender: bytes) -> None:
        """Tell a burst of an ICMP error, if the message is one; the kernel gives them to raw sockets only."""
        found = refused(self._version, message)
        if found is not None and (found.id == self._id or not self._raw):
            self._refuse(found, socket.inet_ntop(family(self._version), sender))

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
                if (level, kind) in ((socket.IPPROTO_IP, IP_RECVERR), (socket.IPPROTO_IPV6, IPV6_RECVERR)):
                    found = queued_refusal(self._version, value, target[0], quoted)
                    if found:
                        self._refuse(*found)
        return True

    def _refuse(self, error: Refusal, by: str) -> None:
        """Match an ICMP error: by its token if the sender quoted that much, else by target and sequence number."""
        if len(error.payload) >= TOKEN:
            burst = self._bursts.get(error.payload[:TOKEN])
            candidates = [burst] if burst is not None else []
        else:
            candidates = list(self._bursts.values())
        target, trouble = packed(error.target), Trouble(error.reason, error.words, by)
        for burst in candidates:
            if burst.host == target and burst.refuse(error.sequence, trouble):
                return
