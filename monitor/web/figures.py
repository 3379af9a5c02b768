"""Figures that other programs push for the memos."""

import json
from collections.abc import Mapping

from aiohttp import web

from monitor.figures import of_csv, of_rows
from monitor.store import figures
from monitor.store.figures import Pushed
from monitor.web import auth
from monitor.web.guard import APP, who


async def push(request: web.Request) -> web.Response:
    """POST /api/v1/figures: a list of {name, day, value} as JSON, or the same as CSV (`text/csv`)."""
    try:
        text = await request.text()
        found = _read(text, request.content_type, who(request))
    except LookupError:  # an unknown character set
        raise web.HTTPBadRequest(text="This character set is not known; send UTF-8.") from None
    except (ValueError, RecursionError) as error:
        raise web.HTTPBadRequest(text=str(error)) from None
    async with request.app[APP].store.begin() as conn:
        await figures.save(conn, found)
    return web.json_response({"kept": len(found)})


def _read(text: str, type: str, source: str) -> tuple[Pushed, ...]:
    now = auth.utc_now()
    if type == "text/csv":
        return of_csv(text, source, now)
    rows = json.loads(text)
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise ValueError('send a list, like [{"name": "app_adoption_ratio", "day": "2026-11-01", "value": 0.43}]')
    return of_rows(rows, source, now)
