"""Talks SNMP with gufo-snmp, written in Rust: versions 1 and 2c for a fraction of the CPU, where its wheel installs.

It is asked first, and believed when it brings values. What it can't tell apart is asked again of pysnmp, which can:

* it drops bindings that are NULL or an exception, and hides the error-status: an answer without any value could be an
  absent instance, "tooBig", "genErr" or the end of the MIB;
* it says "connection refused" as a timeout, and other trouble of the network without its number;
* a message that it can't parse is an error, or a panic.

Version 3 is pysnmp's alone: gufo-snmp 0.13 does not check the signature of an answer, so that anyone on the way can
forge one. So are addresses with a zone (fe80::1%eth0), which it does not take.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

from gufo.snmp._fast import GetIter, SnmpError, SnmpV1ClientSocket, SnmpV2cClientSocket

from probes._engines.snmp.session import Device, Page, Session, Waits
from probes._engines.snmp.values import Value

T = TypeVar("T")

_Socket = SnmpV1ClientSocket | SnmpV2cClientSocket


class _Unclear(Exception):  # noqa: N818
    """What came back needs a closer look."""


class GufoSession:
    """A conversation over one connected socket, with a second opinion by `exact`."""

    def __init__(self, device: Device, waits: Waits, exact: Session) -> None:
        self._device = device
        self._waits = waits
        self._exact = exact
        self._socket: _Socket | None = None

    async def get(self, oids: Sequence[str], until: float) -> dict[str, Value]:
        """The values of those instances that exist; see Session."""
        try:
            socket = self._open()
            asked = list(oids)
            found = await self._ask(lambda: socket.send_get_many(asked), socket.recv_get_many, until)
            values = {oid: _known(value) for oid, value in found.items()}
        except _Unclear:
            values = {}
        return values or await self._exact.get(oids, until)

    async def page(self, after: str, within: str, size: int, until: float) -> Page:
        """Rows that follow `after`; see Session. Rows that are NULL are missing."""
        if not within:  # gufo-snmp can't do without
            return await self._exact.page(after, within, size, until)
        try:
            return await self._page(after, within, size, until)
        except _Unclear:
            return await self._exact.page(after, within, size, until)

    async def _page(self, after: str, within: str, size: int, until: float) -> Page:
        """The iterator that is sent says where to start, the one that receives where the subtree ends."""
        socket = self._open()
        start, subtree = GetIter(after, size), GetIter(within, size)
        if size == 1 or isinstance(socket, SnmpV1ClientSocket):
            oid, value = await self._ask(
                lambda: socket.send_get_next(start), lambda: socket.recv_get_next(subtree), until
            )
            return Page(((oid, _known(value)),), False)
        found = await self._ask(lambda: socket.send_get_bulk(start), lambda: socket.recv_get_bulk(subtree), until)
        rows = [(row[0], _known(row[1])) for row in found if row is not None]
        return Page(rows, found[-1] is None)

    def close(self) -> None:
        """Give back the socket."""
        self._socket = None  # gufo-snmp closes it with its object
        self._exact.close()

    def _open(self) -> _Socket:
        if self._socket is None:
            self._socket = _opened(self._device)
        return self._socket

    async def _ask(self, send: Callable[[], None], receive: Callable[[], T], until: float) -> T:
        socket = self._open()
        self._attempt(send)
        while True:
            await self._waits.readable(socket.get_fd(), until)
            try:
                return self._attempt(receive)
            except BlockingIOError:
                continue

    def _attempt(self, step: Callable[[], T]) -> T:
        """One step into Rust, of which every failure is unclear and ends the use of this socket."""
        try:
            return step()
        except BlockingIOError:
            raise
        except (SnmpError, OSError, StopAsyncIteration) as error:
            self._socket = None
            raise _Unclear from error
        except BaseException as error:
            if (
                type(error).__name__ != "PanicException"
            ):  # pyo3 gives it no importable name, and BaseException as parent
                raise
            self._socket = None
            raise _Unclear from error


def _opened(device: Device) -> _Socket:
    """A socket to the device; raises _Unclear when gufo-snmp won't make one."""
    credentials = device.credentials
    if credentials.community is None:
        raise _Unclear
    address = f"[{device.address}]" if ":" in device.address else device.address
    kind = SnmpV1ClientSocket if credentials.version == "1" else SnmpV2cClientSocket
    try:
        return kind(f"{address}:{device.port}", credentials.community.get_secret_value(), 0, 0, 0, 0)
    except OSError as error:
        raise _Unclear from error


def _known(value: object) -> Value:
    """A value that SNMP has; gufo-snmp also reads other ASN.1 types, which pysnmp calls malformed."""
    if type(value) not in (int, bytes, str):
        raise _Unclear
    return value  # type: ignore[return-value]
