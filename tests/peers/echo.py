"""Something that says to whoever asks what it was told, over HTTP in bodies, headers and status lines."""

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from ssl import SSLContext
from typing import Any

from peers.tcp import serving

_STATUSES = (200, 400, 401, 403, 404, 429, 500, 302)


@dataclass
class Echo:
    """Answers one request after the other in another way: as JSON, as text, as an error, as a redirect."""

    heard: int = 0

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Say back what is said, once."""
        said = await self._listen(reader)
        writer.write(self._web(said) if re.match(rb"[A-Z]+ \S+ HTTP/1", said) else said)
        await writer.drain()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    @staticmethod
    async def _listen(reader: asyncio.StreamReader) -> bytes:
        """All of a request over HTTP, or what comes first."""
        said = await reader.read(65_536)
        if b" HTTP/1" not in said:
            return said
        if found := re.search(rb"(?i)content-length: (\d+)", said):
            missing = int(found[1]) - len(said.partition(b"\r\n\r\n")[2])
            said += await reader.readexactly(max(missing, 0))
        return said

    def _web(self, said: bytes) -> bytes:
        status, plain = _STATUSES[self.heard % len(_STATUSES)], self.heard // len(_STATUSES) % 2
        self.heard += 1
        text = _most_telling_first(said.decode(errors="replace"))
        line = " ".join(text.split())
        body = text.encode() if plain else json.dumps(_document(text)).encode()
        lines = (
            f"HTTP/1.1 {status} {line[:300]}",
            f"Content-Length: {len(body)}",
            "Content-Type: application/json",
            f'WWW-Authenticate: Basic realm="{line[:300]}"',
            f"Location: {said.split()[1].decode()}?said={re.sub(r'[^A-Za-z0-9-]', '', text)[:2000]}",
            f"Set-Cookie: said={re.sub(r'[^A-Za-z0-9-]', '', text)[:2000]}",
            f"Retry-After: {line[:300]}",
        )
        return "\r\n".join((*lines, "", "")).encode() + body


def _most_telling_first(said: str) -> str:
    """What is shown of an answer is often its beginning."""
    head, _, body = said.partition("\r\n\r\n")
    request, *lines = head.splitlines()
    lines.sort(key=lambda line: not re.match(r"(?i)authorization|cookie|\S*(key|auth|token)\S*:", line))
    return "\r\n".join((*lines, body, request))


def _document(text: str) -> dict[str, Any]:
    """The text wherever APIs have words."""
    names = ("error_description", "message", "msg", "Message", "detail", "code", "status", "access_token")
    words = dict.fromkeys(names, text)
    return {**words, "error": {**words, "type": text}, "errors": [words], "data": [words], "items": [words]}


class _Datagrams(asyncio.DatagramProtocol):
    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, address: Any) -> None:
        self._transport.sendto(data, address)


@contextlib.asynccontextmanager
async def echoing(tls: SSLContext) -> AsyncIterator[dict[str, int]]:
    """Serve over TCP, TLS and UDP; yields the port of each."""
    echo, loop = Echo(), asyncio.get_running_loop()
    datagrams, _ = await loop.create_datagram_endpoint(_Datagrams, local_addr=("127.0.0.1", 0))
    try:
        async with serving(echo.talk) as open_port, serving(echo.talk, tls=tls) as secured:
            yield {"tcp": open_port, "tls": secured, "udp": datagrams.get_extra_info("sockname")[1]}
    finally:
        datagrams.close()
