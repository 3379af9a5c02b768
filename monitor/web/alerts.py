"""Where other programs send their alerts: Prometheus as to an Alertmanager, and Alertmanagers as to a webhook."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

from aiohttp import web

from alerting.inbound import ALERTMANAGER, PROMETHEUS, Batch, posted, relayed
from monitor.web.guard import APP

LARGEST = 4 * 1024 * 1024
"""Bytes of one message: an Alertmanager sends a whole group in it."""
LONGEST = 10.0
"""Seconds that a message may take to arrive."""
MOST_PROBLEMS = 10
"""Refused alerts that an answer names."""


async def from_prometheus(request: web.Request) -> web.Response:
    """POST /api/v2/alerts: what Prometheus sends to an Alertmanager."""
    return await _take(request, posted(await _body(request)), PROMETHEUS)


async def from_alertmanager(request: web.Request) -> web.Response:
    """POST /api/v1/alertmanager: what an Alertmanager sends to a webhook."""
    return await _take(request, relayed(await _body(request), datetime.now(UTC)), ALERTMANAGER)


async def _take(request: web.Request, batch: Batch, patience: timedelta) -> web.Response:
    """Note the alerts. As Alertmanager does: a bad one is refused, with status 400, and the others count."""
    left_out = await request.app[APP].inbound.take(batch, patience)
    if left_out:
        # Who sent them will send them again, and then there may be room.
        words = f"{left_out} alerts were left out: too many from outside are open"
        return web.json_response(words, status=HTTPStatus.SERVICE_UNAVAILABLE)
    if batch.problems:
        return web.json_response("; ".join(batch.problems[:MOST_PROBLEMS]), status=HTTPStatus.BAD_REQUEST)
    return web.Response()


async def _body(request: web.Request) -> object:
    """The JSON of the body, None where it is none. Raises 413 and 408."""
    body = bytearray()
    try:
        async with asyncio.timeout(LONGEST):
            async for chunk in request.content.iter_chunked(64 * 1024):
                body += chunk
                if len(body) > LARGEST:
                    raise web.HTTPRequestEntityTooLarge(LARGEST, len(body))
    except TimeoutError:
        raise web.HTTPRequestTimeout(text=f"The body did not arrive within {LONGEST:.0f} s.") from None
    try:
        found: object = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found
