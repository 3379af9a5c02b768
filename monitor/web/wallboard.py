"""The board for a screen in the staff room: everything at a glance, and words only for what is wrong."""

from collections.abc import Mapping

from aiohttp import web
from markupsafe import Markup

from monitor.people.roles import Role
from monitor.web import auth
from monitor.web.boards import Board
from monitor.web.guard import APP
from monitor.web.overview import SHARED, Made, answer
from monitor.web.pages import page

WRONG = 6
"""How many of the things that need somebody are told in words; the tiles have all."""

_SIZES = ((24, "few"), (60, "some"), (220, "many"))
"""Up to how many assets tiles are of a size."""


async def show(request: web.Request) -> web.Response:
    """GET /wallboard: all of it; it keeps itself up to date."""
    made = await _made(request)
    local = auth.utc_now().astimezone(request.app[APP].config.site.hours.zone)
    shown = Markup(made.html)  # noqa: S704 - a template escaped it
    return page(request, "wallboard.html", shown=shown, clock_now=f"{local:%H:%M}")


async def show_fragment(request: web.Request) -> web.Response:
    """GET /fragment/wallboard: the part of it that changes."""
    return answer(request, await _made(request))


def size_of(assets: int) -> str:
    """How large the tiles of so many assets are."""
    return next((name for most, name in _SIZES if assets <= most), "all")


async def _made(request: web.Request) -> Made:
    return await request.app[SHARED].made(request.app[APP], "wallboard_live.html", Role.VIEWER, _told)


def _told(board: Board) -> Mapping[str, object]:
    wrong = board.cards[:WRONG]
    rest = len(board.cards) - len(wrong) + board.more
    return {"wrong": wrong, "rest": rest, "size": size_of(len(board.world.config.assets))}
