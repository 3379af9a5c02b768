"""A DNS server that knows a few names, over UDP and TCP."""

import asyncio
from collections.abc import Mapping
from typing import Any

import dns.exception
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from monitor.demo.peers.peer import Peer

Names = Mapping[str, tuple[str, str]]
"""Of each name, the type of its record and what is in it: {"www.example": ("A", "192.0.2.1")}."""


class Resolver(Peer, asyncio.DatagramProtocol):
    """A DNS server. Moods: garbage answers with bytes that are no DNS message, silent does not answer."""

    def __init__(self, address: str, names: Names) -> None:
        super().__init__(address)
        self._names = names
        self._udp: asyncio.DatagramTransport | None = None
        self._tcp: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen on one free port over both."""
        loop = asyncio.get_running_loop()
        while self._udp is None:
            tcp = await asyncio.start_server(self._converse, self.address, 0)
            port = tcp.sockets[0].getsockname()[1]
            try:
                self._udp, _ = await loop.create_datagram_endpoint(lambda: self, (self.address, port))
            except OSError:
                tcp.close()  # somebody has that port over UDP
            else:
                self._tcp, self.port = tcp, port

    async def stop(self) -> None:
        """Close both sockets."""
        if self._udp is not None:
            self._udp.close()
        if self._tcp is not None:
            self._tcp.close()
            await self._tcp.wait_closed()

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        """Answer one question."""
        answer = self._answer(data)
        if answer and self._udp is not None:
            self._udp.sendto(answer, addr)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                length = int.from_bytes(await reader.readexactly(2), "big")
                answer = self._answer(await reader.readexactly(length))
                if answer:
                    writer.write(len(answer).to_bytes(2, "big") + answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the other side is gone
        finally:
            writer.close()

    def _answer(self, data: bytes) -> bytes:
        """The answer's bytes, none if there is none."""
        if self.mood == "silent":
            return b""
        if self.mood == "garbage":
            # The header of an answer to this very question, and nothing sensible behind it.
            return data[:2] + b"\x81\x80" + b"\xff" * 28
        try:
            question = dns.message.from_wire(data)
        except dns.exception.DNSException:
            return b""
        return _resolved(question, self._names).to_wire()


def _resolved(question: dns.message.Message, names: Names) -> dns.message.Message:
    answer = dns.message.make_response(question, recursion_available=True)
    for asked in question.question:
        found = names.get(asked.name.to_text(omit_final_dot=True).lower())
        if found is None:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif asked.rdtype == dns.rdatatype.from_text(found[0]):
            answer.answer.append(dns.rrset.from_text(asked.name, 60, asked.rdclass, *found))
    return answer
