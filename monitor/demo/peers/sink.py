"""Where messages go: a receiver inside the demo, never a real chat."""

from collections import deque
from typing import Any

from aiohttp import web

from monitor.demo.peers.web import WebPeer


class Sink(WebPeer):
    """Takes what Apprise posts to a `json://` address and keeps the newest fifty messages."""

    def __init__(self, address: str) -> None:
        super().__init__(address, [web.post("/", self._take)], takes=["/"])
        self.messages: deque[dict[str, Any]] = deque(maxlen=50)

    @property
    def url(self) -> str:
        """Where to send to, as Apprise writes it."""
        return f"json://{self.address}:{self.port}/"

    async def _take(self, request: web.Request) -> web.Response:
        try:
            message = await request.json()
        except ValueError:
            raise web.HTTPBadRequest(text="not JSON") from None
        if not isinstance(message, dict):
            raise web.HTTPBadRequest(text="not a JSON object")
        self.messages.append({key: message.get(key, "") for key in ("title", "message", "type")})
        return web.Response(text="taken")
