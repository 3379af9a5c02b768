"""Talks SNMP with pysnmp's messages over our own socket: all versions, on every platform."""

import secrets
import socket
from collections.abc import Callable, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, TypeVar

from probes._base import Failed
from probes._engines.connect import open_socket
from probes._engines.snmp.messages import Kind, Reply, read, request, write
from probes._engines.snmp.session import Device, Page, Rejected, Waits
from probes._engines.snmp.values import Value

if TYPE_CHECKING:
    from probes._engines.snmp.usm import Authority, Opened, Seal

T = TypeVar("T")

_LARGEST_DATAGRAM = 65_536
_NO_SUCH_NAME = 2
_USM_STATISTICS = "1.3.6.1.6.3.15.1.1."
_NOT_IN_TIME_WINDOW, _UNKNOWN_ENGINE = "2", "4"
_REFUSALS = {
    "1": "does not offer this security level to the user; check which hash and cipher it is set up with",
    "3": "does not know the user",
    "5": "says that the authentication passphrase or hash is wrong",
    "6": "cannot decrypt what we send: the privacy passphrase or cipher is wrong",
}
_INTRODUCTIONS = 3
"""How often we may be told within one question that the device's identity or clock is another than we thought."""


class PysnmpSession:
    """A conversation over one connected socket: the kernel drops what others send, and reports a closed port.

    A socket serves one question, so that a late answer to an earlier one can't be there to be read.
    """

    def __init__(self, device: Device, waits: Waits) -> None:
        self._device = device
        self._waits = waits
        self._version = device.credentials.version
        self._user = _User(device) if self._version == "3" else None

    async def get(self, oids: Sequence[str], until: float) -> dict[str, Value]:
        """The values of those instances that exist; version 1 names the first that does not, one at a time."""
        left = list(oids)
        while left:
            reply = await self._ask("get", left, 0, until)
            if reply.status[0] == _NO_SUCH_NAME and 0 < reply.binding <= len(left):
                del left[reply.binding - 1]
                continue
            _check(reply)
            return {oid: value for oid, value in reply.rows if value is not None}
        return {}

    async def page(self, after: str, within: str, size: int, until: float) -> Page:
        """Rows that follow `after`; see Session."""
        bulk = size > 1 and self._version != "1"
        reply = await self._ask("bulk" if bulk else "next", [after], size, until)
        if reply.status[0] == _NO_SUCH_NAME and self._version == "1":
            return Page((), True)
        _check(reply)
        rows = _leading(reply.rows, f"{within}." if within else "")
        return Page(rows, reply.ended or not reply.rows or len(rows) < len(reply.rows))

    def close(self) -> None:
        """Nothing stays open between questions."""

    async def _ask(self, kind: Kind, oids: Sequence[str], size: int, until: float) -> Reply:
        version = 6 if ":" in self._device.address else 4
        with open_socket(socket.SOCK_DGRAM, version) as opened:
            opened.connect((self._device.address, self._device.port))
            exchange = _Exchange(opened, self._waits, until)
            if self._user is not None:
                return await self._user.ask(exchange, kind, oids, size)
            return await self._ask_community(exchange, kind, oids, size)

    async def _ask_community(self, exchange: "_Exchange", kind: Kind, oids: Sequence[str], size: int) -> Reply:
        number = _number()
        version, community = self._version, self._device.credentials.community
        if version == "3" or community is None:
            raise TypeError("communities belong to versions 1 and 2c")

        def belongs(data: bytes) -> Reply | None:
            reply = read(version, data)
            return reply if reply is not None and reply.request == number and not reply.report else None

        return await exchange.ask(
            write(version, community.get_secret_value(), request(kind, number, oids, size)), belongs
        )


class _Exchange:
    """One socket, for one question and until its end."""

    def __init__(self, opened: socket.socket, waits: Waits, until: float) -> None:
        self._socket = opened
        self._waits = waits
        self._until = until

    async def ask(self, message: bytes, belongs: Callable[[bytes], T | None]) -> T:
        """Send, and wait for the answer that belongs to it."""
        self._socket.send(message)
        while True:
            await self._waits.readable(self._socket.fileno(), self._until)
            found = belongs(self._socket.recv(_LARGEST_DATAGRAM))
            if found is not None:
                return found


class _User:
    """A version 3 user at one device: knows the device's identity and clock from the first question on."""

    def __init__(self, device: Device) -> None:
        self._credentials = device.credentials
        self._whom = f"{device.address} port {device.port}"
        self._authority: Authority | None = None
        self._seal: Seal | None = None

    async def ask(self, exchange: _Exchange, kind: Kind, oids: Sequence[str], size: int) -> Reply:
        """Ask; introduce ourselves first if need be, and again when the device has another identity or clock now."""
        for _ in range(_INTRODUCTIONS):
            authority, seal = await self._introduced(exchange)
            opened = await self._exchange(exchange, seal, authority, kind, oids, size)
            if not opened.reply.report:
                self._authority = opened.authority if opened.proven else authority
                return opened.reply
            self._told(opened)
        raise Failed("auth_failed", f"{self._whom} keeps saying that its identity or clock is another")

    async def _introduced(self, exchange: _Exchange) -> "tuple[Authority, Seal]":
        """The device's identity and our keys for it, discovered as in RFC 3414 section 4."""
        from probes._engines.snmp.credentials import Credentials
        from probes._engines.snmp.usm import DISCOVERY, Seal

        if self._authority is not None and self._seal is not None:
            return self._authority, self._seal
        nobody = Seal(Credentials.model_construct(version="3"), b"")
        opened = await self._exchange(exchange, nobody, DISCOVERY, "get", (), 0)
        self._authority = opened.authority
        self._seal = Seal(self._credentials, opened.authority.engine_id)
        return self._authority, self._seal

    async def _exchange(
        self, exchange: _Exchange, seal: "Seal", to: "Authority", kind: Kind, oids: Sequence[str], size: int
    ) -> "Opened":
        number = _number()

        def belongs(data: bytes) -> "Opened | None":
            """A report may not repeat the number of a request that it could not read, but always the message's."""
            opened = seal.read(data)
            if opened is None or opened.number != number:
                return None
            return opened if opened.reply.report or opened.reply.request == number else None

        return await exchange.ask(seal.write(number, to, request(kind, number, oids, size)), belongs)

    def _told(self, opened: "Opened") -> None:
        """Learn from a report; raises Failed when it says that the credentials are wrong."""
        about = opened.reply.rows[0][0] if opened.reply.rows else ""
        counter = about.removeprefix(_USM_STATISTICS).partition(".")[0] if about.startswith(_USM_STATISTICS) else ""
        if counter in _REFUSALS:
            raise Failed("auth_failed", f"{self._whom} {_REFUSALS[counter]}")
        if counter == _NOT_IN_TIME_WINDOW and opened.proven:
            self._authority = opened.authority
        elif counter in (_NOT_IN_TIME_WINDOW, _UNKNOWN_ENGINE):
            self._authority = None
        else:
            raise Failed("auth_failed", f"{self._whom} reports {about or 'nothing'} instead of an answer")


def _number() -> int:
    """A number for a request that nobody can guess: it is what tells a true answer from a forged or repeated one."""
    return secrets.randbelow(2**31 - 1) + 1


def _check(reply: Reply) -> None:
    if reply.status[0]:
        raise Rejected(*reply.status)


def _leading(rows: Sequence[tuple[str, Value | None]], prefix: str) -> Sequence[tuple[str, Value | None]]:
    """The rows before the first that is outside a subtree."""
    return tuple(takewhile(lambda row: f"{row[0]}.".startswith(prefix), rows))
