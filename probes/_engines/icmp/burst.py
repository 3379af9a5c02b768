"""Some echoes to one address, and what becomes of them."""

import asyncio
import random
import socket
import time
from collections.abc import Generator
from typing import Any, NamedTuple, Protocol, cast

from probes._base import Unmeasured
from probes._engines.icmp.messages import TOKEN

Moment = tuple[int, int]
"""One moment on both clocks, in ns: the wall clock, which the kernel stamps replies with, and the steady one."""

_FAIR = 0.9  # share of its time that an echo must have had to count as lost
_STEP = 1_000_000  # ns by which wall and steady clock may drift apart during one echo before we call it a step


ROUND_TRIPS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
"""Bounds, in seconds, between which round trips are counted: from the desk to the other side of the earth."""


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


def round_trip(sent: Moment, read: Moment, kernel: int | None) -> float:
    """Seconds between sending and the kernel's receive stamp (wall clock, ns).

    Without a stamp, or when somebody set the clock in between, it is the time until we read the reply.
    """
    by_wall, steady = read[0] - sent[0], read[1] - sent[1]
    stepped = abs(by_wall - steady) > _STEP
    if kernel is None or stepped or not 0 < kernel - sent[0] <= steady:
        return steady / 1e9
    return (kernel - sent[0]) / 1e9


def packed(address: str) -> bytes:
    """A numeric address as it stands in a packet, without its zone."""
    if ":" in address:
        return socket.inet_pton(socket.AF_INET6, address.partition("%")[0])
    return socket.inet_aton(address)


class Sender(Protocol):
    """Sends the echoes of bursts, and matches what comes back."""

    loop: asyncio.AbstractEventLoop

    def forget(self, burst: "Burst") -> None:
        """A burst waits no longer."""


class Burst:
    """Some echoes to one address, and the wait for what becomes of them.

    It is awaited like a future but makes one only when somebody really has to wait. In a sweep over thousands of
    addresses most replies are there before they are asked for, and a future each would cost more than they do.
    """

    __slots__ = (
        "_outcome", "_sender", "_waiter", "address", "began", "done", "due", "echoes", "first", "gap", "host", "next",
        "open", "payload", "timeout", "token",
    )  # fmt: skip

    def __init__(
        self, sender: Sender, address: str, count: int, gap: float, timeout: float, token: bytes, size: int
    ) -> None:
        self._sender = sender
        self._outcome: tuple[Echo, ...] | BaseException | None = None
        self.done = False
        self._waiter: asyncio.Future[None] | None = None
        self.address = address
        self.host = packed(address)
        self.token = token
        self.payload = token + bytes(size - TOKEN)
        self.first = random.getrandbits(16)  # the token is what must not be guessed
        self.gap = gap
        self.timeout = timeout
        self.began = sender.loop.time()
        self.due = time.monotonic_ns()
        self.next = 0
        self.open = count
        self.echoes: list[Moment | Echo | None] = [None] * count
        """Of each echo, in the end what became of it; before that when it was sent, and before that None."""

    def __await__(self) -> Generator[Any, None, tuple[Echo, ...]]:
        """What became of each echo. Raises Unmeasured. When cancelled, nobody waits for replies any longer."""
        if not self.done:
            self._waiter = self._waiter or self._sender.loop.create_future()
            try:
                yield from self._waiter
            except asyncio.CancelledError as cancelled:
                self._end(cancelled)
                raise
        if isinstance(self._outcome, BaseException):
            raise self._outcome
        return self._outcome or ()

    def answer(self, sequence: int, read: Moment, kernel: int | None, hop_limit: int | None) -> None:
        """A reply came in, to one of our echoes if its number is of one that was sent."""
        index = (sequence - self.first) & 0xFFFF
        echo = self.echoes[index] if index < len(self.echoes) else None
        if echo is None:
            return
        if isinstance(echo, Echo):
            self.echoes[index] = _answered_again(echo)
            return
        queued, rtt = self._queued(index, echo), round_trip(echo, read, kernel)
        if rtt > self.timeout:
            self.echoes[index] = Echo(queued, late=True)
        else:
            self.settle(index, Echo(queued, rtt, hop_limit))

    def refuse(self, sequence: int, trouble: Trouble) -> bool:
        """An ICMP error came in; whether it is about one of our echoes that is on its way."""
        index = (sequence - self.first) & 0xFFFF
        echo = self.echoes[index] if index < len(self.echoes) else None
        if echo is None or isinstance(echo, Echo):
            return False
        self.settle(index, Echo(self._queued(index, echo), trouble=trouble))
        return True

    def settle(self, index: int, echo: Echo) -> None:
        """One echo needs to be waited for no longer."""
        self.echoes[index] = echo
        self.open -= 1
        if not self.open:
            self._end(cast("tuple[Echo, ...]", tuple(self.echoes)))

    def expire(self) -> None:
        """The time is up."""
        self._end(tuple(self._expired(index, echo) for index, echo in enumerate(self.echoes)))

    def _expired(self, index: int, echo: Moment | Echo | None) -> Echo:
        """What became of an echo by now. One that left so late that it had much less than its time says nothing."""
        if echo is None:
            return Echo()
        if isinstance(echo, Echo):
            return echo
        latest = time.monotonic_ns() - _FAIR * self.timeout * 1e9
        return Echo(None if echo[1] > latest else self._queued(index, echo))

    def fail(self, error: Unmeasured) -> None:
        """It ends with that error."""
        self._end(error)

    def _queued(self, index: int, sent: Moment) -> float:
        """How long after its time that echo left. A timer may ring a little early: then it did not wait."""
        queued = (sent[1] - self.due) / 1e9 - index * self.gap
        return queued if queued > 0 else 0.0

    def _end(self, outcome: tuple[Echo, ...] | BaseException) -> None:
        """Nobody needs to wait any longer."""
        if self.done:
            return
        self.done = True
        self._outcome = outcome
        self._sender.forget(self)
        self.payload = b""  # an ended burst may be kept for long, and thousands of them are in a sweep
        self.echoes.clear()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _answered_again(echo: Echo) -> Echo:
    """What another reply makes of an echo that was answered, given up or refused before."""
    return echo._replace(late=True) if echo.rtt is None else echo._replace(duplicates=echo.duplicates + 1)
