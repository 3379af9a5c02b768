"""The access system: UniFi Access on a console of its own, with four doors."""

import ssl
from collections.abc import Iterator
from typing import Any

from aiohttp import web

from monitor.demo.peers.web import WebPeer

_ROOT = "/api/v1/developer"
_DOORS = ("Front door", "Yard", "Bike room", "First floor")
_OFFLINE = "Bike room"
_PEOPLE = 143


class Access(WebPeer):
    """An access system whose doors are shut and locked.

    Moods: offline has lost the hub of one of its doors, and those of every web peer.
    """

    def __init__(self, address: str, token: str, tls: ssl.SSLContext) -> None:
        routes = {
            "/doors": self._doors,
            "/devices": self._devices,
            "/doors/settings/emergency": self._emergency,
            "/users": self._users,
        }
        super().__init__(address, [web.get(f"{_ROOT}{path}", answer) for path, answer in routes.items()], tls)
        self._login = f"Bearer {token}"

    def admit(self, request: web.Request) -> None:
        """Raises web.HTTPUnauthorized for a stranger."""
        if request.headers.get("Authorization") != self._login:
            raise web.HTTPUnauthorized(text='{"code": "CODE_UNAUTHORIZED"}', content_type="application/json")

    async def _doors(self, _request: web.Request) -> web.Response:
        return _said([_door(id, name) for id, name in enumerate(_DOORS, 1)])

    async def _devices(self, _request: web.Request) -> web.Response:
        return _said([list(self._behind(id, name)) for id, name in enumerate(_DOORS, 1)])

    def _behind(self, id: int, door: str) -> Iterator[dict[str, Any]]:
        """The hub and the reader of a door."""
        online = self.mood != "offline" or door != _OFFLINE
        for name, capability in ((f"Hub {door}", "is_hub"), (f"Reader {door}", "is_reader")):
            yield {
                "id": f"{capability}-{id}",
                "name": name,
                "capabilities": [capability],
                "location_id": f"door-{id}",
                "is_online": online,
            }

    async def _emergency(self, _request: web.Request) -> web.Response:
        return _said({"evacuation": False, "lockdown": False})

    async def _users(self, _request: web.Request) -> web.Response:
        return _said([], pagination={"page_num": 1, "page_size": 1, "total": _PEOPLE})


def _said(data: Any, **more: Any) -> web.Response:
    return web.json_response({"code": "SUCCESS", "msg": "success", "data": data, **more})


def _door(id: int, name: str) -> dict[str, Any]:
    return {
        "id": f"door-{id}",
        "name": name,
        "type": "door",
        "is_bind_hub": True,
        "door_position_status": "close",
        "door_lock_relay_status": "lock",
    }
