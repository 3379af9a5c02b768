"""Asks SNMP agents: gets, walks in steps that fit the device, one question at a time per device, within a deadline."""

import asyncio
import importlib.util
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, TypeVar
from weakref import WeakValueDictionary

from probes._base import Failed, Unmeasured
from probes._engines.connect import network_failure
from probes._engines.snmp.credentials import Credentials
from probes._engines.snmp.pysnmp import PysnmpSession
from probes._engines.snmp.session import Device, Malformed, Page, Rejected, Session, Waits
from probes._engines.snmp.values import Value, comes_after, parse_oid

__all__ = ["MOST_ROWS", "REASONS", "Credentials", "Device", "Library", "Pace", "SnmpEngine", "Walk"]

T = TypeVar("T")
Library = Literal["gufo", "pysnmp"]

REASONS: Mapping[str, str] = {
    "no_answer": "the device sent no answer: it is off, filters us, speaks no SNMP, or the community is wrong",
    "auth_failed": "the device refused the SNMPv3 user or passphrase",
    "refused": "nothing listens on the device's SNMP port",
    "unreachable": "the network on the way says that the device can't be reached",
    "malformed": "what the device sent is not SNMP",
    "agent_error": "the device answered with an SNMP error",
}
"""The reasons for which asking an agent fails; "timeout" comes with every kind: it answered, but not all in time."""

MOST_ROWS = 10_000
"""The most rows that a walk returns unless told otherwise."""

_MOST_OCTETS = 4 << 20  # of values, per walk
_FEWEST, _LARGEST_PAGE = 4, 64  # rows in the first request of a walk, and in any
_WALKS_UNTIL_MORE = 100
_TRIES = 4
_PER_GET = 24  # instances in one request: as many as an agent with the smallest message size (484 octets) may manage
_KEPT = 256  # devices that we remember the way to talk to
_TOO_BIG, _GENERAL_ERROR = 1, 5


class Walk(NamedTuple):
    """A subtree: values by index, that is what follows the asked object identifier, in the agent's order.

    `stopped` is "" when it is complete; "limit" when there is more than was to be read; "order" when the agent sent
    rows that don't come after the ones before, which would never end.
    """

    rows: Mapping[str, Value]
    stopped: Literal["", "limit", "order"] = ""


@dataclass(frozen=True, slots=True)
class Pace:
    """How many rows a device is asked for at once: more while it keeps up, half when it does not.

    `ceiling` is what it has shown to manage, and `walks` how many went well since: after many it may try for more, as
    what looked like its limit may have been a lost packet.
    """

    size: int = 16
    ceiling: int = _LARGEST_PAGE
    walks: int = 0

    def walked(self, rows: int) -> "Pace":
        """A walk is done. Columns of one table are equally long: the next begins with as many rows, and one more that
        shows the end.
        """
        walks, ceiling = self.walks + 1, self.ceiling
        if walks >= _WALKS_UNTIL_MORE:
            walks, ceiling = 0, min(2 * ceiling, _LARGEST_PAGE)
        return Pace(min(max(rows + 1, _FEWEST), ceiling), ceiling, walks)

    def after(self, rows: int, quick: bool) -> "Pace":
        """An answer came: as full as asked and quick, or cut short by the device."""
        if rows < self.size:
            return replace(self, size=max(rows, 1))
        return replace(self, size=min(2 * self.size, self.ceiling)) if quick else self

    def refused(self) -> "Pace":
        """No answer came, or that it would be too big: this device does not do as much."""
        half = max(self.size // 2, 1)
        return Pace(half, half)


class SnmpEngine:
    """Asks all devices. Two questions to one address and port wait for each other: small agents drop the second.

    `prefer` names the library; None takes gufo-snmp where it is installed, else pysnmp. The answers are the same.
    """

    def __init__(self, prefer: Library | None = None) -> None:
        self._gufo = prefer == "gufo" or (prefer is None and _has_gufo())
        self._waits = Waits()
        self._known: OrderedDict[Device, _Known] = OrderedDict()
        self._turns: WeakValueDictionary[tuple[str, int], asyncio.Lock] = WeakValueDictionary()

    async def get(self, device: Device, oids: Sequence[str], timeout: float) -> dict[str, Value | None]:
        """The values of instances, each by its object identifier; None is one that the device does not have.

        Raises Failed with one of REASONS or "timeout", Unmeasured when this machine is the reason.
        """
        for oid in oids:
            parse_oid(oid)
        async with self._turn(device, timeout) as operation:
            found: dict[str, Value] = {}
            for start in range(0, len(oids), _PER_GET):
                found |= await operation.get(oids[start : start + _PER_GET])
        return {oid: found.get(oid) for oid in oids}

    async def getnext(self, device: Device, oid: str, timeout: float) -> tuple[str, Value | None] | None:
        """The instance that follows an object identifier, and its value; None at the end. Raises as `get`."""
        parse_oid(oid)
        async with self._turn(device, timeout) as operation:
            page = await operation.page(oid, "", 1)
            return page.rows[0] if page.rows else None

    async def walk(self, device: Device, *subtrees: str, timeout: float, most: int = MOST_ROWS) -> dict[str, Walk]:
        """The subtrees, each by its object identifier: walk the columns that are needed rather than a whole table.

        At most `most` rows of each. A column that the device does not have is empty. Raises as `get`.
        """
        for subtree in subtrees:
            parse_oid(subtree)
        async with self._turn(device, timeout) as operation:
            return {subtree: await operation.walk(subtree, most) for subtree in subtrees}

    def close(self) -> None:
        """End all questions; each raises Unmeasured."""
        self._waits.fail(Unmeasured("monitor_error", "SNMP was closed: Deskwatch is stopping"))
        for known in self._known.values():
            known.session.close()
        self._known.clear()

    @asynccontextmanager
    async def _turn(self, device: Device, timeout: float) -> AsyncIterator["_Operation"]:
        """The device to ourselves, and our errors said in a probe's words."""
        until = asyncio.get_running_loop().time() + timeout
        lock = self._turns.setdefault((device.address, device.port), asyncio.Lock())
        operation = _Operation(device, self._way_to(device), timeout, until)
        try:
            async with asyncio.timeout_at(until):
                await lock.acquire()
        except TimeoutError as error:
            words = f"other questions to {operation.whom} took all of {timeout:.3g} s; ask it less often"
            raise Unmeasured("overloaded", words) from error
        try:
            yield operation
        except OSError as error:
            raise network_failure(error, operation.whom) from error
        except Malformed as error:
            raise Failed("malformed", f"{operation.whom} sent something that is not SNMP ({error})") from error
        except Rejected as error:
            raise Failed("agent_error", f"{operation.whom} answered {error}") from error
        finally:
            lock.release()

    def _way_to(self, device: Device) -> "_Known":
        """What we know of a device. The ones that were not asked for longest are forgotten."""
        known = self._known.get(device)
        if known is None:
            known = self._known[device] = _Known(self._session(device))
        self._known.move_to_end(device)
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)[1].session.close()
        return known

    def _session(self, device: Device) -> Session:
        exact = PysnmpSession(device, self._waits)
        if not self._gufo or device.credentials.version == "3":
            return exact
        from probes._engines.snmp.gufo import GufoSession

        return GufoSession(device, self._waits, exact)


def _has_gufo() -> bool:
    try:
        return importlib.util.find_spec("gufo.snmp") is not None
    except ModuleNotFoundError:  # not even the namespace "gufo" is there
        return False


class _Known:
    """A device that we have talked to: the conversation and the pace that it keeps up with."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.pace = Pace()


class _Operation:
    """What one probe asks of one device within its deadline."""

    def __init__(self, device: Device, known: _Known, timeout: float, until: float) -> None:
        self.whom = f"{device.address} port {device.port}"
        self._version = device.credentials.version
        self._known = known
        self._timeout = timeout
        self._until = until
        self._loop = asyncio.get_running_loop()
        self._heard = False

    async def get(self, oids: Sequence[str]) -> dict[str, Value]:
        """In one request, or in halves when the answer would be too big for the device."""
        try:
            return await self._ask(lambda until: self._known.session.get(oids, until))
        except Rejected as error:
            if error.status != _TOO_BIG or len(oids) == 1:
                raise
        half = len(oids) // 2
        return await self.get(oids[:half]) | await self.get(oids[half:])

    async def page(self, after: str, within: str, size: int) -> Page:
        """One request for rows that follow."""
        return await self._ask(lambda until: self._known.session.page(after, within, size, until))

    async def walk(self, subtree: str, most: int) -> Walk:
        """All rows of a subtree."""
        walk = await self._walk(subtree, most)
        self._known.pace = self._known.pace.walked(len(walk.rows))
        return walk

    async def _walk(self, subtree: str, most: int) -> Walk:
        rows: dict[str, Value] = {}
        last, octets, index = subtree, 0, len(subtree) + 1
        while True:
            page = await self._next_page(last, subtree)
            for oid, value in page.rows:
                if not comes_after(oid, last):
                    return Walk(rows, "order")
                last = oid
                if value is None:
                    continue
                octets += 8 if isinstance(value, int) else len(value)
                if len(rows) >= most or octets > _MOST_OCTETS:
                    return Walk(rows, "limit")
                rows[oid[index:]] = value
            if page.ended:
                return Walk(rows)

    async def _next_page(self, after: str, within: str) -> Page:
        """As many rows as the device gives without trouble."""
        known, unhurried = self._known, self._known.pace

        def slower() -> None:
            known.pace = known.pace.refused()

        while True:
            asked = self._loop.time()
            try:
                page = await self._ask(
                    lambda until: known.session.page(after, within, known.pace.size, until), on_silence=slower
                )
            except Rejected as error:
                if error.status not in (_TOO_BIG, _GENERAL_ERROR) or known.pace.size == 1 or self._version == "1":
                    raise
                slower()
                continue
            except Failed:  # fewer rows did not help: their number was not the trouble
                known.pace = unhurried
                raise
            if not page.ended and self._version != "1":
                known.pace = known.pace.after(len(page.rows), quick=self._loop.time() - asked < self._patience / 10)
            return page

    @property
    def _patience(self) -> float:
        """How long one try waits, in seconds."""
        return self._timeout / _TRIES

    async def _ask(self, question: Callable[[float], Awaitable[T]], on_silence: Callable[[], None] = lambda: None) -> T:
        """Ask until there is an answer, a few times; packets get lost."""
        for _ in range(_TRIES):
            try:
                answer = await question(min(self._until, self._loop.time() + self._patience))
            except TimeoutError:
                on_silence()
                if self._loop.time() >= self._until:
                    break
            except Rejected:
                self._heard = True
                raise
            else:
                self._heard = True
                return answer
        raise self._silence()

    def _silence(self) -> Failed:
        if self._heard:
            return Failed("timeout", f"{self.whom} answered, but not everything within {self._timeout:.3g} s")
        secret = "privacy passphrase" if self._version == "3" else "community"
        return Failed(
            "no_answer", f"{self.whom} did not answer within {self._timeout:.3g} s; is it on, and the {secret} right?"
        )
