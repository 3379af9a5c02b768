"""What an SNMP library does for the engine: one question, one answer; and how it says that there was none."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from probes._engines.snmp.credentials import Credentials
from probes._engines.snmp.values import Value


class Device(NamedTuple):
    """Whom to ask: a numeric address, a UDP port, and how to present ourselves."""

    address: str
    port: int
    credentials: Credentials


class Page(NamedTuple):
    """A part of a walk: object identifiers and values in the agent's order, None for a NULL.

    `ended` says that the agent left the subtree or reached its end.
    """

    rows: Sequence[tuple[str, Value | None]]
    ended: bool


class Malformed(Exception):  # noqa: N818 - said of the answer
    """What came back is not an SNMP message."""


class Rejected(Exception):  # noqa: N818
    """The agent answered with an error-status other than noError: its number and name."""

    def __init__(self, status: int, name: str) -> None:
        super().__init__(name)
        self.status = status


class Session(Protocol):
    """A conversation with one device, one question at a time.

    `until` is a time of the event loop's clock. Each question raises TimeoutError when nothing that belongs to it has
    come by then, OSError when the network reports trouble, Malformed, Rejected, and Failed "auth_failed".
    """

    async def get(self, oids: Sequence[str], until: float) -> dict[str, Value]:
        """The values of those instances that exist."""
        ...

    async def page(self, after: str, within: str, size: int, until: float) -> Page:
        """Up to `size` rows that follow an object identifier; with size 1, or in version 1, the next one.

        `within` is the subtree that is of interest, "" for all.
        """
        ...

    def close(self) -> None:
        """Give back the socket."""
        ...


class Waits:
    """All questions of one engine that wait for an answer."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()
        self._closed: Exception | None = None

    async def readable(self, descriptor: int, until: float) -> None:
        """Return when a socket has something to read; raises TimeoutError when it has not by `until`."""
        if self._closed is not None:
            raise self._closed
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[None] = loop.create_future()
        self._waiting.add(ready)
        loop.add_reader(descriptor, _settle, ready, None)
        timer = loop.call_at(until, _settle, ready, TimeoutError())
        try:
            await ready
        finally:
            timer.cancel()
            loop.remove_reader(descriptor)
            self._waiting.discard(ready)

    def fail(self, error: Exception) -> None:
        """End all waiting, now and from now on, with that error."""
        self._closed = error
        for ready in self._waiting:
            _settle(ready, error)


def _settle(ready: "asyncio.Future[None]", error: Exception | None) -> None:
    if ready.done():
        return
    if error is None:
        ready.set_result(None)
    else:
        ready.set_exception(error)
