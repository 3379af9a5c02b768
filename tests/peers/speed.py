"""Speed test servers: LibreSpeed in PHP and in Go, a responsiveness server, a mini server, as each is documented."""

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from aiohttp import web

_MIB = os.urandom(2**20)
_PORTION = 16 * 1024
_IMAGES = {350: 245_388, 2000: 7_907_740}


@dataclass
class SpeedServer:
    """`style` is php, go, nq or mini. Connections carry `rate` bytes a second each, as fast as they can if 0.

    `most_upload` is the largest body that is taken; `breaks_after` and `stalls_after` are the bytes of a download after
    which its connection is cut, or silent; `status` is what downloads are answered with, `empty` whether they have
    nothing in them. `latency` is what a mini server has in latency.txt, `names` the addresses that a responsiveness
    server names. `uploaders` are the connections that uploads came over.
    """

    style: str = "php"
    rate: int = 0
    most_upload: int = 2**30
    breaks_after: int = 0
    stalls_after: int = 0
    status: int = 200
    empty: bool = False
    latency: str = "test=test\n"
    names: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    visitors: set[str] = field(default_factory=set)
    uploaders: set[object] = field(default_factory=set)
    received: int = 0

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """One request, by the paths of the style."""
        self.asked.append(f"{request.method} {request.path_qs}")
        self.visitors.add(request.remote or "")
        path = request.path
        match self.style, path.rsplit("/", 1)[-1]:
            case ("php", "garbage.php") if path == "/backend/garbage.php":
                return await self._download(request, int(request.query["ckSize"]) * 2**20)
            case ("go", "garbage") if path == "/garbage":
                return await self._download(request, int(request.query["ckSize"]) * 2**20)
            case ("php", "empty.php") | ("go", "empty") if path in ("/backend/empty.php", "/empty"):
                return await self._upload(request)
            case "nq", "nq":
                return web.json_response({"version": 1, "urls": self.names})
            case "nq", "large":
                return await self._download(request, 2**30)
            case "nq", "small":
                return web.Response(body=b"x")
            case "nq", "slurp":
                return await self._upload(request)
            case "mini", _:
                return await self._mini(request)
        return web.Response(status=404)

    async def _mini(self, request: web.BaseRequest) -> web.StreamResponse:
        match request.path:
            case "/":
                return web.Response(text="<html>A mini server</html>")
            case "/speedtest/latency.txt":
                return web.Response(text=self.latency)
            case "/speedtest/upload.php" if request.method == "GET":
                return web.Response(text="size=500")
            case "/speedtest/upload.php":
                return await self._upload(request)
        side = int(request.path.removeprefix("/speedtest/random").partition("x")[0])
        return await self._download(request, _IMAGES[side])

    async def _download(self, request: web.BaseRequest, size: int) -> web.StreamResponse:
        if self.status != 200:
            return web.Response(status=self.status)
        if self.empty:
            return web.Response()
        response = web.StreamResponse()
        response.content_length = size
        await response.prepare(request)
        with suppress(ConnectionError):  # who has measured enough hangs up
            await self._send(request, response, size)
        return response

    async def _send(self, request: web.BaseRequest, response: web.StreamResponse, size: int) -> None:
        sent = 0
        while sent < size:
            if self.breaks_after and sent >= self.breaks_after:
                assert request.transport is not None
                request.transport.abort()
            if self.stalls_after and sent >= self.stalls_after:
                await asyncio.Event().wait()
            begin = sent % (len(_MIB) - _PORTION)
            await response.write(_MIB[begin : begin + min(_PORTION, size - sent)])
            sent += _PORTION
            if self.rate:
                await asyncio.sleep(_PORTION / self.rate)

    async def _upload(self, request: web.BaseRequest) -> web.StreamResponse:
        if (request.content_length or 0) > self.most_upload:
            return web.Response(status=413)
        if request.method == "POST" and request.transport is not None:
            self.uploaders.add(request.transport.get_extra_info("peername"))
        while portion := await request.content.read(_PORTION):
            self.received += len(portion)
            if self.rate:
                await asyncio.sleep(len(portion) / self.rate)
        return web.Response()


@asynccontextmanager
async def serving(
    server: SpeedServer, listening: socket.socket | None = None, tls: ssl.SSLContext | None = None
) -> AsyncIterator[str]:
    """Serve, on 127.0.0.1 unless another socket listens already; yields the address."""
    if listening is None:
        listening = listener("127.0.0.1")
    host, port = listening.getsockname()[:2]
    address = f"{'https' if tls else 'http'}://{host}:{port}"
    server.names = server.names or {
        name: f"{address}/{path}"
        for name, path in (
            ("large_https_download_url", "large"),
            ("small_https_download_url", "small"),
            ("https_upload_url", "slurp"),
        )
    }
    runner = web.ServerRunner(web.Server(server.answer), shutdown_timeout=0.1)
    await runner.setup()
    await web.SockSite(runner, listening, ssl_context=tls).start()
    try:
        yield address
    finally:
        await runner.cleanup()


def listener(host: str, buffer: int = 64 * 1024) -> socket.socket:
    """A socket that listens, in its maker's network namespace; a small buffer, so that what is sent is soon read."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    listening.bind((host, 0))
    listening.listen(64)
    listening.setblocking(False)
    return listening
