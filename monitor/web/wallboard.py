"""The board for a screen in the staff room: everything at a glance, and words only for what is wrong."""

import asyncio
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from monitor.web import auth
from monitor.web.boards import Board, board
from monitor.web.guard import APP
from monitor.web.pages import fragment, page, world

WRONG = 6
"""How many of the things that need somebody are told in words; the tiles have all."""

_SIZES = ((24, "few"), (60, "some"), (220, "many"))
"""Up to how many assets tiles are of a size."""


async def show(request: web.Request) -> web.Response:
    """GET /wallboard: all of it; it keeps itself up to date."""
    app = request.app[APP]
    now = auth.utc_now()
    local = now.astimezone(app.config.site.hours.zone)
    return page(request, "wallboard.html", **await _board(request), clock_now=f"{local:%H:%M}")


async def show_fragment(request: web.Request) -> web.Response:
    """GET /fragment/wallboard: the part of it that changes."""
    return fragment(request, "wallboard_live.html", **await _board(request))


def size_of(assets: int) -> str:
    """How large the tiles of so many assets are."""
    return next((name for most, name in _SIZES if assets <= most), "all")


async def _board(request: web.Request) -> Mapping[str, Any]:
    seen = await world(request.app[APP], ())
    made: Board = await asyncio.to_thread(board, seen)
    wrong = made.cards[:WRONG]
    rest = len(made.cards) - len(wrong) + made.more
    return {"board": made, "wrong": wrong, "rest": rest, "size": size_of(len(seen.config.assets))}
