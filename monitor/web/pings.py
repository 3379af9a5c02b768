"""Where jobs say that they are alive: the key in the address is all that they need."""

from aiohttp import web

from monitor.heartbeats import said
from monitor.web.auth import Brake
from monitor.web.guard import APP, count_wrong

BRAKE = web.AppKey("ping_brake", Brake)


async def ping(request: web.Request) -> web.Response:
    """GET, HEAD or POST /ping/KEY, and below it /start, /fail or an exit status: note it. A body is not read."""
    heartbeats, key = request.app[APP].heartbeats, request.match_info["key"]
    if not heartbeats.knows(key):
        refusal = "Too many wrong keys from this address. Wait a minute, then try again."
        count_wrong(request, request.app[BRAKE], refusal)
        raise web.HTTPNotFound(text="No check waits for a ping with this key. Compare it with the configuration.")
    found = said(request.match_info.get("what", ""))
    if found is None:
        raise web.HTTPBadRequest(text="After the key there may be /start, /fail or an exit status from 0 to 255.")
    await heartbeats.take(key, found)
    return web.Response(text="OK\n")
