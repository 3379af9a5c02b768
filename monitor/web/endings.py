"""The end of a session ends the pages that listen in its name, at once."""

from contextlib import suppress
from http import HTTPStatus

from aiohttp import web
from aiohttp.typedefs import Handler

from monitor.store import StoreError
from monitor.web import oidc
from monitor.web.guard import route_of
from monitor.web.live import STREAMS

ENDS = ("/account", "/users", "/sign-", "/api/v1/users", "/api/v1/tokens")
"""How the addresses begin behind which sessions end, and tokens are revoked."""


@web.middleware
async def ending(request: web.Request, handler: Handler) -> web.StreamResponse:
    """End streams with their sessions, right after a request that may have ended some.

    What ends otherwise, by its age or from the command line, the streams notice themselves.
    """
    try:
        response = await handler(request)
    except web.HTTPRedirection:
        await _look(request)
        raise
    if response.status < HTTPStatus.BAD_REQUEST:
        await _look(request)
    return response


async def _look(request: web.Request) -> None:
    method, path = route_of(request)
    # What another provider says of somebody comes back by GET.
    if path.startswith(ENDS) and (method != "GET" or path == oidc.BACK):
        with suppress(StoreError):
            await request.app[STREAMS].look()
