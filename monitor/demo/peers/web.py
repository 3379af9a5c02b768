"""What the demo's services that speak HTTP have in common."""

import asyncio
import ssl
from collections.abc import Iterable

from aiohttp import web
from aiohttp.typedefs import Handler

from monitor.demo.peers.peer import Peer

SLOW = 30.0
"""Seconds that a slow answer takes: longer than any check of the demo waits."""

_READS = ("GET", "HEAD")


class WebPeer(Peer):
    """A service that speaks HTTP, over TLS if it has a context for it.

    What is sent to the paths in `takes` is no order. Moods: mute never answers, refused does not listen at all.
    """

    def __init__(
        self,
        address: str,
        routes: Iterable[web.RouteDef],
        tls: ssl.SSLContext | None = None,
        takes: Iterable[str] = (),
    ) -> None:
        super().__init__(address)
        self._tls = tls
        self._takes = frozenset(takes)
        app = web.Application(middlewares=[self._receive])
        app.router.add_routes(routes)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        self._listener: web.TCPSite | None = None

    async def start(self) -> None:
        """Listen on a free port."""
        await self._runner.setup()
        await self._listen()
        self.port = self._runner.addresses[0][1]

    async def behave(self, mood: str) -> None:
        """Behave like that from now on."""
        await super().behave(mood)
        if mood == "refused" and self._listener is not None:
            listener, self._listener = self._listener, None
            await listener.stop()
        elif mood != "refused" and self._listener is None:
            await self._listen()

    async def stop(self) -> None:
        """Close all connections."""
        await self._runner.cleanup()

    async def _listen(self) -> None:
        self._listener = web.TCPSite(self._runner, self.address, self.port, ssl_context=self._tls)
        await self._listener.start()

    @web.middleware
    async def _receive(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let those in who want to read."""
        if self.mood == "mute":
            await asyncio.sleep(SLOW)
        if request.method not in _READS and request.path not in self._takes:
            self.orders.append(f"{request.method} {request.path}")
            raise web.HTTPForbidden(text="read-only")
        self.admit(request)
        return await handler(request)

    def admit(self, request: web.Request) -> None:
        """Raises web.HTTPUnauthorized for a stranger; everybody may come in unless a service says otherwise."""
