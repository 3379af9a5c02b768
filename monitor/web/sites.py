"""The page of all sites: this one, and those whose own Deskwatch tells how they are."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from aiohttp import web

from language import N_, gettext, ngettext, translated
from monitor.config.model import OtherSite
from monitor.sites import MOST_THINGS, Heard, SiteBoard, Thing, Trouble
from monitor.web import auth
from monitor.web.boards import Board, Card, Tally
from monitor.web.guard import APP
from monitor.web.overview import SHARED
from monitor.web.pages import fragment, page
from monitor.web.service import App
from monitor.web.views import Verdict

SHOWN = 3
"""How many things of a site are told; its own board has all."""

_WHY = {
    Trouble.NO_CONNECTION: N_("There is no connection to its Deskwatch."),
    Trouble.NO_ANSWER: N_("Its Deskwatch does not answer in time."),
    Trouble.REFUSED: N_("Its Deskwatch does not take our token: make a new one there, and configure it here."),
    Trouble.STRANGE: N_("What answers there is no Deskwatch that tells its board."),
}


class SiteView(NamedTuple):
    """One site. `why` says why nothing is known of it, or that its Deskwatch has a problem of its own."""

    name: str
    href: str
    verdict: Verdict
    headline: str
    summary: str
    things: tuple[Thing, ...]
    more: int
    why: str
    heard: datetime | None


async def show(request: web.Request) -> web.Response:
    """GET /sites: how every site is, the worst first."""
    return page(request, "sites.html", **await _values(request))


async def show_fragment(request: web.Request) -> web.Response:
    """GET /fragment/sites: the part of it that changes."""
    return fragment(request, "sites_live.html", **await _values(request))


async def own(app: App, request: web.Request) -> SiteBoard:
    """The board of this site, as other sites hear of it."""
    return told(await request.app[SHARED].board(app), app, ready=not await app.problems())


def told(board: Board, app: App, *, ready: bool) -> SiteBoard:
    """A board in numbers, and its cards."""
    tally, site = board.tally, app.config.site
    listed = board.cards[:MOST_THINGS]
    return SiteBoard(
        site=site.id,
        name=site.name,
        is_open=site.hours.is_open(board.world.now),
        ready=ready,
        **{name: getattr(tally, name) for name in Tally._fields if name != "worst"},
        tone=tally.tone.value,
        headline=tally.headline,
        things=tuple(map(_thing, listed)),
        more=board.more + len(board.cards) - len(listed),
        at=board.world.now,
    )


def of_other(site: OtherSite, heard: Heard, now: datetime) -> SiteView:
    """Another site, as far as it is known."""
    board = heard.known(now)
    why = translated(_WHY[heard.trouble]) if heard.trouble is not None else ""
    if board is None:
        nothing = why or gettext("It is asked for the first time.")
        return SiteView(site.name, site.url, Verdict.UNKNOWN, "", "", (), 0, nothing, heard.at)
    return of_board(board, site.name, site.url, heard.at)._replace(why=why or _own_trouble(board))


def of_board(board: SiteBoard, name: str, href: str, heard: datetime | None = None) -> SiteView:
    """A site of which the board is known, in the language that is spoken."""
    numbers = {field: getattr(board, field) for field in Tally._fields if field != "worst"}
    tally = Tally(**numbers, worst=Verdict(board.tone))
    things = board.things[:SHOWN]
    more = len(board.things) - len(things) + board.more
    why = _own_trouble(board)
    return SiteView(name, href, Verdict(board.tone), tally.headline, tally.summary, things, more, why, heard)


async def _values(request: web.Request) -> Mapping[str, Any]:
    app, now = request.app[APP], auth.utc_now()
    others = app.config.other_sites
    views = [of_board(await own(app, request), app.config.site.name, "/")]
    views += [of_other(one, app.others.get(one.id, Heard()), now) for one in others]
    views.sort(key=lambda one: one.verdict.rank)
    return {"views": views, "tone": views[0].verdict, "headline": _headline(views), "alone": not others}


def _headline(views: list[SiteView]) -> str:
    bad = sum(one.verdict in (Verdict.DOWN, Verdict.DEGRADED) for one in views)
    unknown = sum(one.verdict is Verdict.UNKNOWN for one in views)
    if bad:
        return ngettext("{number} site needs a look", "{number} sites need a look", bad)
    if unknown:
        return ngettext("{number} site not known", "{number} sites not known", unknown)
    return gettext("All sites work")


def _own_trouble(board: SiteBoard) -> str:
    return "" if board.ready else gettext("Its Deskwatch has a problem of its own, so this may be incomplete.")


def _thing(card: Card) -> Thing:
    held = card.incident.acknowledged_by if card.incident is not None and card.in_hand else ""
    return Thing(
        title=card.title,
        verdict=card.verdict.value,
        since=card.since,
        affects=card.affects,
        remedy=card.remedy,
        people=card.people,
        asset=card.asset,
        incident=card.incident.id if card.incident is not None else None,
        held_by=held or "",
    )
