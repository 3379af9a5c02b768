"""The booking platform's web API: Nexudus, as far as a reader asks it."""

import secrets
import ssl

from aiohttp import web

from monitor.demo.peers.web import WebPeer

USER = "deskwatch@harbour-street.example"
RESOURCE = "4711"
"""The resource that nobody can book."""

_TOKEN = "/api/token"  # noqa: S105 - where tokens come from
_LIFETIME = 1799  # seconds of a token, as Nexudus has it
_MEMBERS, _BOOKINGS, _EXPIRED = 118, 14, 2


class Nexudus(WebPeer):
    """A booking platform for a user that may read. Mood expired: connected calendars are no longer kept in step."""

    def __init__(self, address: str, password: str, tls: ssl.SSLContext) -> None:
        routes = [
            web.post(_TOKEN, self._sign_in),
            web.get("/api/spaces/coworkers", self._members),
            web.get("/api/spaces/bookings", self._bookings),
            web.get("/api/spaces/coworkermsofficecalendars", self._calendars),
            web.get("/api/spaces/coworkergooglecalendars", self._no_calendars),
            web.get(f"/api/spaces/resources/{RESOURCE}", self._resource),
        ]
        super().__init__(address, routes, tls, takes=[_TOKEN])
        self._password = password
        self._token = secrets.token_hex(16)

    def admit(self, request: web.Request) -> None:
        """Raises web.HTTPUnauthorized for a stranger."""
        if request.path != _TOKEN and request.headers.get("Authorization") != f"Bearer {self._token}":
            raise web.HTTPUnauthorized

    async def _sign_in(self, request: web.Request) -> web.Response:
        form = await request.post()
        if (form.get("grant_type"), form.get("username"), form.get("password")) != ("password", USER, self._password):
            return web.json_response({"error": "invalid_grant"}, status=400)
        return web.json_response({"access_token": self._token, "token_type": "bearer", "expires_in": _LIFETIME})

    async def _members(self, _request: web.Request) -> web.Response:
        return _page(_MEMBERS)

    async def _bookings(self, request: web.Request) -> web.Response:
        return _page(0 if "Booking_Resource" in request.query else _BOOKINGS)

    async def _calendars(self, _request: web.Request) -> web.Response:
        return _page(_EXPIRED if self.mood == "expired" else 0)

    async def _no_calendars(self, _request: web.Request) -> web.Response:
        return _page(0)

    async def _resource(self, _request: web.Request) -> web.Response:
        return web.json_response({"Id": int(RESOURCE), "Name": "Deskwatch"})


def _page(total: int) -> web.Response:
    """A page of a list: nobody asks for more than how long it is."""
    return web.json_response({"Records": [], "TotalItems": total, "HasNextPage": False})
