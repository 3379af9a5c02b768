"""The page keeps itself up to date: a stream that says when the board has changed."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from aiohttp import web

from language import gettext
from monitor.store import StoreError
from monitor.web.guard import APP, POLICY, is_signed_in
from monitor.web.service import App

MOST = 200
"""How many pages may listen at once."""
PING = 15.0
APART = 1.0
STALLED = 10.0
"""Seconds: between signs of life, at least between two events, and until a reader who does not read is dropped."""
LOOKS = 2
"""Signs of life between two looks at whether a session ran out: one at every event would cost more than the event."""

HEADERS = {"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class Streams:
    """The open streams of one server: counted, and ended with their session, or together when the server stops."""

    def __init__(self) -> None:
        self._open: dict[asyncio.Task[None], web.Request] = {}

    async def run(self, request: web.Request, tell: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run the stream that a request asks for until it, its session or the server ends.

        Raises HTTPServiceUnavailable when all places are taken.
        """
        if len(self._open) >= MOST:
            raise web.HTTPServiceUnavailable(
                text=gettext("{most} pages are listening already; this one refreshes less often.", most=MOST),
                headers={"Retry-After": "60"},
            )
        async with asyncio.TaskGroup() as group:
            task = group.create_task(tell())
            self._open[task] = request
            task.add_done_callback(self._open.pop)

    async def look(self) -> None:
        """End the streams of everybody who is no longer signed in. Raises StoreError."""
        for task, request in tuple(self._open.items()):
            if not await is_signed_in(request):
                task.cancel()

    async def stop(self, _: web.Application) -> None:
        """End all streams at once; their pages connect again by themselves."""
        for task in self._open:
            task.cancel()


STREAMS = web.AppKey("streams", Streams)


async def events(request: web.Request) -> web.StreamResponse:
    """GET /events: an event with the new version whenever the board may have changed."""
    response = web.StreamResponse(headers=POLICY | HEADERS)
    await request.app[STREAMS].run(request, lambda: _tell(response, request))
    return response


def stamp(app: App) -> str:
    """What the page compares: a version means something only within one run of the service."""
    return f"{app.started.timestamp():.0f}-{app.version}"


async def _tell(response: web.StreamResponse, request: web.Request) -> None:
    """Write events until the reader is gone or its session is over."""
    app, clock = request.app[APP], asyncio.get_running_loop().time
    version, looked = app.version, clock()
    with suppress(ConnectionError, TimeoutError, StoreError):
        await response.prepare(request)
        await _write(response, f"retry: 3000\nevent: board\ndata: {stamp(app)}\n\n")
        while clock() - looked < LOOKS * PING or await is_signed_in(request):
            if clock() - looked >= LOOKS * PING:
                looked = clock()
            newer = await _newer(app, version)
            if newer is None:
                await _write(response, ": still here\n\n")
                continue
            version = newer
            await _write(response, f"event: board\ndata: {stamp(app)}\n\n")
            await asyncio.sleep(APART)


async def _newer(app: App, version: int) -> int | None:
    """The next version, None if nothing changes for a while."""
    try:
        async with asyncio.timeout(PING):
            return await app.changed(version)
    except TimeoutError:
        return None


async def _write(response: web.StreamResponse, text: str) -> None:
    async with asyncio.timeout(STALLED):
        await response.write(text.encode())
