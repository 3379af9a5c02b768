"""The page of an asset: how it is, what it depends on, what its rules would do, its day and its last 90 days."""

import asyncio
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from incidents.availability import Span, verdicts
from language import gettext
from monitor.config.model import Asset
from monitor.reports.standings import deciding
from monitor.store import incidents, spans
from monitor.store.incidents import Wanted
from monitor.web import auth, charts, graphs, views, words
from monitor.web.guard import APP
from monitor.web.pages import fragment, page, world
from monitor.web.ruling import rulings
from monitor.web.service import App
from probes import load

MOST_SPANS = 10_000
"""How many turns of an asset's checks are read for its history; what turns more often is drawn no further."""
RECENT = 10
"""How many of its newest incidents are shown."""


async def show(request: web.Request) -> web.Response:
    """GET /assets/ID: all of it."""
    app, asset = request.app[APP], asset_of(request)
    values = await _now(app, asset)
    return page(request, "asset.html", **values, history=await _history(app, asset))


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
    everything = await world(app, [check.id for check in asset.checks])
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


async def _history(app: App, asset: Asset) -> charts.Bars | None:
    """The last days of the checks that decide whether it works; None if none does, or they turned too often to draw."""
    edges = charts.midnights(auth.utc_now(), app.config.site.hours.zone)
    checks = [check.id for check in deciding(asset)]
    async with app.store.connect() as conn:
        found = await spans.between(conn, edges[0], edges[-1], checks, MOST_SPANS)
    if not checks or sum(map(len, found.values())) == MOST_SPANS:
        return None
    return await asyncio.to_thread(_bars, {check: found.get(check, ()) for check in checks}, edges)


def _bars(found: Mapping[str, tuple[Span, ...]], edges: tuple[Any, ...]) -> charts.Bars:
    return charts.bars(verdicts(found), edges)
