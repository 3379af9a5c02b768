"""Asks a DNS server a question, by UDP and if need be by TCP, and reads the answer."""

import asyncio
import secrets
import socket
import struct
from typing import NamedTuple

import dns.flags
import dns.message
import dns.rdatatype

from probes._base import Failed
from probes._engines.connect import connect, network_failure, open_socket
from probes._engines.phases import Phases
from probes._engines.resolve import Resolved

_HEADER = 12


class Malformed(Exception):  # noqa: N818 - read as a sentence, like Failed
    """Bytes that came back are no answer to the question; the text says why."""


class Server(NamedTuple):
    """Whom to ask, and from which address or interface of this machine, "" for any."""

    found: Resolved
    port: int = 53
    source: str = ""
    interface: str = ""

    def __str__(self) -> str:
        address, version, _ = self.found
        return f"[{address}]:{self.port}" if version == 6 else f"{address}:{self.port}"


class Query:
    """A question that can be asked again and again: all but its random id stays the same."""

    def __init__(self, name: str, kind: str = "A", *, recursion: bool = True) -> None:
        self.message = dns.message.make_query(name, kind)
        if not recursion:
            self.message.flags &= ~dns.flags.RD
        self._wire = self.message.to_wire()

    def numbered(self) -> bytes:
        """Its bytes, with a new id."""
        self.message.id = secrets.randbits(16)
        return struct.pack("!H", self.message.id) + self._wire[2:]

    def __str__(self) -> str:
        asked = self.message.question[0]
        return f"{asked.name.to_text(omit_final_dot=True)} {dns.rdatatype.to_text(asked.rdtype)}"


class Question:
    """One question to one server, and what came back that was no answer to it."""

    def __init__(self, server: Server, query: Query, phases: Phases) -> None:
        self._server = server
        self._query = query
        self._wire = query.numbered()
        self._phases = phases
        self._wrong = ""

    async def ask(self, timeout: float, *, tcp: bool = False) -> dns.message.Message:
        """The answer, by TCP if asked so or if it was truncated.

        Raises Failed "timeout", "malformed" or for a reason of a connection, and Unmeasured when this machine failed.
        """
        self._phases.begin("connect")
        try:
            async with asyncio.timeout(timeout):
                return await self._answer(tcp)
        except TimeoutError:
            raise self._unanswered(timeout) from None
        except EOFError:
            raise self._failed("closed", "closed the connection before it answered") from None
        except Malformed as error:
            raise self._failed("malformed", str(error)) from None
        except OSError as error:
            raise network_failure(error, str(self._server), self._phases.samples) from error

    async def _answer(self, tcp: bool) -> dns.message.Message:
        if not tcp:
            response = await self._ask_by_udp()
            if not response.flags & dns.flags.TC:
                return response
        return await self._ask_by_tcp()

    async def _ask_by_udp(self) -> dns.message.Message:
        """The first datagram that answers the question, or is truncated: anybody can send the others."""
        loop = asyncio.get_running_loop()
        with self._open(socket.SOCK_DGRAM) as opened:
            await connect(opened, self._server.found, self._server.port)
            self._phases.begin("request")
            await loop.sock_sendall(opened, self._wire)
            while True:
                wire = await loop.sock_recv(opened, 65_535)
                try:
                    return parse(self._query.message, wire)
                except Malformed as error:
                    self._wrong = str(error)

    async def _ask_by_tcp(self) -> dns.message.Message:
        loop = asyncio.get_running_loop()
        with self._open(socket.SOCK_STREAM) as opened:
            await connect(opened, self._server.found, self._server.port)
            if self._phases.current == "connect":
                self._phases.begin("request")
            await loop.sock_sendall(opened, struct.pack("!H", len(self._wire)) + self._wire)
            (length,) = struct.unpack("!H", await _receive(opened, 2))
            return parse(self._query.message, await _receive(opened, length))

    def _open(self, kind: socket.SocketKind) -> socket.socket:
        return open_socket(kind, self._server.found.version, self._server.source, self._server.interface)

    def _unanswered(self, timeout: float) -> Failed:
        """What it means that the time was up."""
        if self._wrong:
            return self._failed("malformed", f"{self._wrong}; nothing better came within {timeout:.3g} s")
        missing = "connection" if self._phases.current == "connect" else f"answer to {self._query}"
        return self._failed("timeout", f"no {missing} within {timeout:.3g} s")

    def _failed(self, reason: str, detail: str) -> Failed:
        """A failure of the server."""
        return Failed(reason, f"{self._server}: {detail}", self._phases.samples)


def parse(query: dns.message.Message, wire: bytes) -> dns.message.Message:
    """The answer to a query.

    A truncated answer comes back without its records. Raises Malformed, saying why, when the bytes are
    no answer to the query.
    """
    if len(wire) < _HEADER:
        raise Malformed(f"{len(wire)} bytes are too short for DNS")
    id, flags = struct.unpack_from("!HH", wire)
    if id != query.id:
        raise Malformed("the answer carries the id of another question")
    if flags & dns.flags.QR and flags & dns.flags.TC:
        truncated = dns.message.make_response(query)
        truncated.flags |= dns.flags.TC
        return truncated
    try:
        # A set for each record: to gather those of one name and type would be half of the work, and nobody needs it.
        response = dns.message.from_wire(wire, one_rr_per_rrset=True)
    except Exception as error:  # dnspython lets a few other errors through for records that nobody writes
        raise Malformed(f"the answer is not DNS ({type(error).__name__})") from error
    if not query.is_response(response):
        raise Malformed("the answer is to another question")
    return response


async def _receive(opened: socket.socket, length: int) -> bytes:
    """Exactly that many bytes. Raises EOFError when the peer closes before."""
    data = b""
    while len(data) < length:
        part = await asyncio.get_running_loop().sock_recv(opened, length - len(data))
        if not part:
            raise EOFError
        data += part
    return data
