"""An HTTP/3 server over QUIC on loopback, which says to each request what a test decides."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from aioquic.asyncio import QuicConnectionProtocol
from aioquic.asyncio.server import QuicServer
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import H3Event, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import QuicEvent
from peers.certificates import Issued


class Answer(NamedTuple):
    """What the server sends to a request: header lines with their pseudo ones, chunks, and perhaps an end."""

    headers: Sequence[tuple[bytes, bytes]] = ((b":status", b"200"),)
    chunks: Sequence[bytes] = ()
    ends: bool = True


SILENCE = Answer((), (), ends=False)


@asynccontextmanager
async def serving(
    issued: Issued, answer: Answer, host: str = "127.0.0.1", alpn: str = H3_ALPN[0]
) -> AsyncIterator[int]:
    """Answer each request so and yield the port. A server whose `alpn` is another speaks QUIC, but not HTTP/3."""
    configuration = QuicConfiguration(is_client=False, alpn_protocols=[alpn])
    configuration.load_cert_chain(issued.file, issued.file)

    def listen() -> QuicServer:
        return QuicServer(configuration=configuration, create_protocol=connect)

    def connect(*arguments: Any, **settings: Any) -> _Connection:
        return _Connection(answer, *arguments, **settings)

    transport, server = await asyncio.get_running_loop().create_datagram_endpoint(listen, local_addr=(host, 0))
    try:
        yield transport.get_extra_info("sockname")[1]
    finally:
        server.close()


class _Connection(QuicConnectionProtocol):
    """One client, served over one connection."""

    def __init__(self, answer: Answer, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._answer = answer
        self._http = H3Connection(self._quic)

    def quic_event_received(self, event: QuicEvent) -> None:
        for asked in self._http.handle_event(event):
            self._say(asked)

    def _say(self, asked: H3Event) -> None:
        if not isinstance(asked, HeadersReceived) or not self._answer.headers:
            return
        headers, chunks, ends = self._answer
        self._http.send_headers(asked.stream_id, list(headers), end_stream=ends and not chunks)
        for number, chunk in enumerate(chunks, 1):
            self._http.send_data(asked.stream_id, chunk, end_stream=ends and number == len(chunks))
        self.transmit()
