"""The booking pages: a login page and the availability of rooms as JSON, over HTTP and HTTPS."""

import asyncio
import ssl
from datetime import timedelta

from aiohttp import web

from monitor.demo.certificates import Authority
from monitor.demo.peers.web import SLOW, WebPeer


class Booking(WebPeer):
    """A booking system for the web.

    Moods: down answers 503, slow takes longer than anybody waits, wrong reports an error with status 200, expired
    shows a certificate of last year.
    """

    def __init__(self, address: str, name: str, authority: Authority) -> None:
        super().__init__(address, [web.get("/login", self._login), web.get("/api/availability", self._availability)])
        self.name = name
        self.secure_port = 0
        year = timedelta(days=365)
        self._secure = authority.server(name)
        self._expired = authority.server(name, begins=-year, ends=-timedelta(days=3))
        self._secure.sni_callback = self._present

    async def start(self) -> None:
        """Listen on two free ports."""
        await super().start()
        await web.TCPSite(self._runner, self.address, self.secure_port, ssl_context=self._secure).start()
        self.secure_port = self._runner.addresses[1][1]

    def _present(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        # OpenSSL asks at each handshake, so the certificate changes without a new listener.
        if self.mood == "expired":
            connection.context = self._expired

    async def _login(self, _request: web.Request) -> web.Response:
        await self._delay()
        page = "<!doctype html><title>Harbour Street</title><h1>Sign in to book a room</h1>"
        return web.Response(text=page, content_type="text/html")

    async def _availability(self, _request: web.Request) -> web.Response:
        await self._delay()
        if self.mood == "wrong":
            return web.json_response({"status": "error", "error": "calendar sync failed", "rooms": []})
        rooms = [{"name": "Harbour", "free": True}, {"name": "Lighthouse", "free": False}]
        return web.json_response({"status": "ok", "rooms": rooms})

    async def _delay(self) -> None:
        if self.mood == "down":
            raise web.HTTPServiceUnavailable(text="The booking system is being maintained.")
        if self.mood == "slow":
            await asyncio.sleep(SLOW)
