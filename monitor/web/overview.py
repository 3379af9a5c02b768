"""The board as a page, and what it shares with the wallboard: both are made once for all who look."""

import asyncio
import gzip
import time
from collections.abc import Callable, Mapping
from datetime import date
from typing import NamedTuple

from aiohttp import web
from markupsafe import Markup

from language import current
from monitor.people.roles import Role
from monitor.web import boards, pages, views
from monitor.web.boards import Board
from monitor.web.guard import APP, IDENTITY
from monitor.web.live import stamp
from monitor.web.service import App

FRESH = 10.0
"""Seconds that a board is shown again while nothing has changed; "for 12 min" needs no more."""


class Made(NamedTuple):
    """A part of a page, as it is and packed by gzip."""

    html: str
    packed: bytes


class _Seen(NamedTuple):
    """The board in one language, of a version, at a time of the monotonic clock."""

    version: str
    at: float
    board: Board


class SharedBoard:
    """The board and what was made of it, for all who look at the same version in the same language."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._seen: dict[str, _Seen] = {}
        self._made: dict[tuple[str, str, Role], tuple[Board, Made]] = {}
        self._rows: dict[str, Rows] = {}

    async def made(
        self, app: App, template: str, role: Role, values: Callable[[Board], Mapping[str, object]] = lambda _: {}
    ) -> Made:
        """The changing part of a page that shows the board to a role; `values` are what its template needs beside."""
        async with self._lock:
            seen, key = await self._board(app), (template, current(), role)
            board, made = self._made.get(key, (None, None))
            if made is None or board is not seen.board:
                made = await asyncio.to_thread(self._render, app, template, role, seen, values(seen.board))
                self._made[key] = seen.board, made
        return made

    async def board(self, app: App) -> Board:
        """The board in the language that is spoken."""
        async with self._lock:
            return (await self._board(app)).board

    async def _board(self, app: App) -> _Seen:
        seen = self._seen.get(current())
        if seen is None or seen.version != stamp(app) or time.monotonic() - seen.at > FRESH:
            version, at = stamp(app), time.monotonic()
            board = await asyncio.to_thread(boards.board, await pages.world(app))
            seen = self._seen[current()] = _Seen(version, at, board)
        return seen

    def _render(self, app: App, template: str, role: Role, seen: _Seen, values: Mapping[str, object]) -> Made:
        """In a thread: a thousand assets take longer than the probes' timing can bear. Only reads."""
        rows = Rows(seen.board.world, self._rows.get(current()))
        html = pages.render(
            template, app, board=seen.board, row=rows.row, stamp=seen.version, can=pages.can(role), **values
        )
        if rows.drawn:
            self._rows[current()] = rows
        return Made(html, gzip.compress(html.encode(), 6))


class Rows:
    """The rows of a board in one language, drawn anew only where they say something else than on the board before."""

    def __init__(self, seen: views.World, before: "Rows | None" = None) -> None:
        self._day: date = seen.now.astimezone(seen.config.site.hours.zone).date()
        same = before is not None and before._day == self._day  # times of other days are written otherwise
        self._before = before.drawn if before is not None and same else {}
        self.drawn: dict[tuple[object, ...], Markup] = {}

    def row(self, view: views.AssetView, draw: Callable[[views.AssetView], Markup]) -> Markup:
        """The row of an asset, by the template's macro unless it is known."""
        of = (view.asset.id, view.asset.name, view.verdict, view.since, view.says, view.finding, view.strip)
        found = self.drawn[of] = self._before.get(of) or draw(view)
        return found


SHARED = web.AppKey("shared", SharedBoard)


async def show(request: web.Request) -> web.Response:
    """GET /: is everything working, and if not, what needs whom."""
    made = await _made(request)
    return pages.page(request, "board.html", shown=Markup(made.html))  # noqa: S704 - a template escaped it


async def show_fragment(request: web.Request) -> web.Response:
    """GET /fragment/board: the part of it that changes."""
    return answer(request, await _made(request))


def answer(request: web.Request, made: Made) -> web.Response:
    """What is the same for everybody was packed once."""
    if "gzip" not in request.headers.get("Accept-Encoding", ""):
        return web.Response(text=made.html, content_type="text/html")
    headers = {"Content-Encoding": "gzip"}
    return web.Response(body=made.packed, content_type="text/html", charset="utf-8", headers=headers)


async def _made(request: web.Request) -> Made:
    return await request.app[SHARED].made(request.app[APP], "board_live.html", request[IDENTITY].role)
