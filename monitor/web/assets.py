"""The page of an asset: how it is, what it depends on, what its rules would do, its day and its last 90 days."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from language import gettext
from monitor.config.model import Asset
from monitor.reports.standings import deciding
from monitor.store import incidents
from monitor.store.incidents import Wanted
from monitor.web import auth, charts, graphs, past_days, views, words
from monitor.web.guard import APP
from monitor.web.latencies import LastDay, last_day
from monitor.web.pages import fragment, page, world
from monitor.web.ruling import rulings
from monitor.web.service import App
from probes import load

RECENT = 10
"""How many of its newest incidents are shown."""
DRAWN = 6
"""Of how many checks latency and loss are drawn; the page of each check has its own."""


async def show(request: web.Request) -> web.Response:
    """GET /assets/ID: all of it."""
    app, asset = request.app[APP], asset_of(request)
    values = await _now(app, asset)
    history, days = await _history(request, asset), await _days(app, asset)
    return page(request, "asset.html", **values, history=history, days=days)


async def show_fragment(request: web.Request) -> web.Response:
    """GET /fragment/assets/ID: the part of it that changes."""
    return fragment(request, "asset_live.html", **await _now(request.app[APP], asset_of(request)))


def asset_of(request: web.Request) -> Asset:
    """The asset of the address. Raises 404."""
    id = request.match_info["id"]
    found = request.app[APP].config.asset(id)
    if found is None:
        raise web.HTTPNotFound(
            text=gettext(
                "Nothing of the name {name} is watched. The board shows all that is.", name=repr(words.short(id, 60))
            )
        )
    return found


async def _now(app: App, asset: Asset) -> Mapping[str, Any]:
    async with app.store.connect() as conn:
        recent = await incidents.page(conn, RECENT, wanted=Wanted(asset=asset.id))
    everything = await world(app)
    view, near = views.asset_view(asset, everything), graphs.related(asset, everything)
    return {
        "view": view,
        "near": near,
        "graph": graphs.graph(view, near),
        "rulings": {check.id: rulings(check, everything) for check in asset.checks},
        "meaning": views.meaning,
        "values": {
            check.id: views.values(app.latest.get(check.id), load(check.kind).metrics) for check in asset.checks
        },
        "recent": recent,
    }


async def _days(app: App, asset: Asset) -> list[LastDay]:
    """What its first checks took and lost in the last 24 hours, of those that have measured either."""
    async with app.store.connect() as conn:
        days = [await last_day(conn, check, 3600, auth.utc_now()) for check in asset.checks[:DRAWN]]
    return [one for one in days if one.latency or one.loss]


async def _history(request: web.Request, asset: Asset) -> charts.Bars | None:
    """The last days of the checks that decide whether it works; None if none does, or they turned too often to draw."""
    app, checks = request.app[APP], tuple(check.id for check in deciding(asset))
    if not checks:
        return None
    subject = past_days.Subject(checks, app.config.site.hours.zone)
    past = await past_days.past(app.store, request.app[past_days.KEPT], subject, auth.utc_now())
    return charts.bars(past.days) if past.complete else None
