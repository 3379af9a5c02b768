"""A SIP server that answers OPTIONS over UDP, TCP or TLS, as RFC 3261 has it."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from peers.tcp import serving


@dataclass
class SipServer:
    """What it answers, and what it was asked.

    Of datagrams it misses the first `deaf`; `first` is said before all else.
    """

    status: str = "200 OK"
    first: bytes = b""
    deaf: int = 0
    asked: list[str] = field(default_factory=list)

    def answers(self, request: bytes) -> list[bytes]:
        """The messages that a request is answered by: that it is being worked on, then the answer."""
        text = request.decode()
        self.asked.append(text)
        copied = "".join(re.findall(r"(?m)^(?:Via|From|To|Call-ID|CSeq): .*\r\n", text))
        lines = f"{copied}Content-Length: 0\r\n\r\n"
        said = [f"SIP/2.0 100 Trying\r\n{lines}".encode(), f"SIP/2.0 {self.status}\r\n{lines}".encode()]
        return [self.first, *said] if self.first else said

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        writer.writelines(self.answers(await reader.readuntil(b"\r\n\r\n")))
        await reader.read()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: SipServer) -> None:
        self._server = server
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        messages = self._server.answers(data)
        if len(self._server.asked) > self._server.deaf:
            for message in messages:
                self._transport.sendto(message, address)


@asynccontextmanager
async def listening(server: SipServer, tls: ssl.SSLContext | None = None, udp: bool = False) -> AsyncIterator[int]:
    """Serve over TCP, TLS or UDP; yields the port."""
    if not udp:
        async with serving(server.talk, tls=tls) as port:
            yield port
        return
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _Datagrams(server), local_addr=("127.0.0.1", 0)
    )
    try:
        yield transport.get_extra_info("sockname")[1]
    finally:
        transport.close()
