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
from probes._engines.dns_reply import Malformed, Reply, parse
from probes._engines.phases import Phases
from probes._engines.resolve import Resolved


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
    """A question that can be asked again and again: all but its random id stays the same.

    `whole` says whether it matters what the records of the answer say, and not only that they are there.
    """

    def __init__(self, name: str, kind: str = "A", *, recursion: bool = True, whole: bool = False) -> None:
        message = dns.message.make_query(name, kind)
        if not recursion:
            message.flags &= ~dns.flags.RD
        asked = message.question[0]
        self.whole = whole
        self._about = f"{asked.name.to_text(omit_final_dot=True)} {dns.rdatatype.to_text(asked.rdtype)}"
        self._wire = message.to_wire()[2:]

    def numbered(self) -> bytes:
        """Its bytes, with a new id."""
        return secrets.token_bytes(2) + self._wire

    def __str__(self) -> str:
        return self._about


class Question:
    """One question to one server, and what came back that was no answer to it."""

    def __init__(self, server: Server, query: Query, phases: Phases) -> None:
        self._server = server
        self._query = query
        self._wire = query.numbered()
        self._phases = phases
        self._wrong = ""

    async def ask(self, timeout: float, *, tcp: bool = False) -> Reply:
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

    async def _answer(self, tcp: bool) -> Reply:
        if not tcp:
            response = await self._ask_by_udp()
            if not response.truncated:
                return response
        return await self._ask_by_tcp()

    async def _ask_by_udp(self) -> Reply:
        """The first datagram that answers the question, or is truncated: anybody can send the others."""
        loop = asyncio.get_running_loop()
        with self._open(socket.SOCK_DGRAM) as opened:
            await connect(opened, self._server.found, self._server.port)
            self._phases.begin("request")
            await loop.sock_sendall(opened, self._wire)
            while True:
                wire = await loop.sock_recv(opened, 65_535)
                try:
                    return parse(wire, self._wire, whole=self._query.whole)
                except Malformed as error:
                    self._wrong = str(error)

    async def _ask_by_tcp(self) -> Reply:
        loop = asyncio.get_running_loop()
        with self._open(socket.SOCK_STREAM) as opened:
            await connect(opened, self._server.found, self._server.port)
            if self._phases.current == "connect":
                self._phases.begin("request")
            await loop.sock_sendall(opened, struct.pack("!H", len(self._wire)) + self._wire)
            (length,) = struct.unpack("!H", await _receive(opened, 2))
            return parse(await _receive(opened, length), self._wire, whole=self._query.whole)

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


async def _receive(opened: socket.socket, length: int) -> bytes:
    """Exactly that many bytes. Raises EOFError when the peer closes before."""
    data = b""
    while len(data) < length:
        part = await asyncio.get_running_loop().sock_recv(opened, length - len(data))
        if not part:
            raise EOFError
        data += part
    return data
