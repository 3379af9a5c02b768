"""The page that explains one check, and the button that runs it now."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

import yaml
from aiohttp import web

from incidents.availability import Span
from language import N_, gettext, translated
from monitor.config.masked import plain
from monitor.config.model import Asset, Check
from monitor.store import rollups, spans
from monitor.web import auth, charts, past_days, views, words
from monitor.web.guard import APP, TARGET
from monitor.web.latencies import last_day
from monitor.web.pages import fragment, page, sent, world
from monitor.web.ruling import rulings
from monitor.web.service import App
from probes import load

TURNS = 20
"""How many of the newest turns are listed."""
PATIENCE = 30.0
"""Seconds that whoever presses the button waits at most; a run that takes longer shows when it ends."""

_RUNS = {
    "yes": N_("It has just run: this is what it found."),
    "late": N_("It is still running; what it finds shows here when it ends."),
    "no": N_("It did not run: it is paused, as by planned work."),
}
"""What is said after the button was pressed."""


class Past(NamedTuple):
    """What a check has found: latencies and losses of a day, latencies and status of 90 days, and its newest turns.

    None where nothing is known, or it turned too often to draw.
    """

    day: charts.Chart | None
    loss: charts.Chart | None
    quarter: charts.Chart | None
    days: charts.Bars | None
    turns: Sequence[Span]


async def show(request: web.Request) -> web.Response:
    """GET /checks/ASSET/NAME: what it found, what its rules say, what it found before, and how it is set up."""
    app, (asset, check) = request.app[APP], _check_of(request)
    probe = load(check.kind)
    return page(
        request,
        "check.html",
        **await _now(app, asset, check),
        past=await _past(request, check),
        settings=settings_of(check),
        latency=_latency(check),
        ran=translated(_RUNS.get(request.query.get("ran", ""), "")),
        probe=probe,
    )


async def show_fragment(request: web.Request) -> web.Response:
    """GET /fragment/checks/ASSET/NAME: the part of it that changes."""
    return fragment(request, "check_live.html", **await _now(request.app[APP], *_check_of(request)))


async def run(request: web.Request) -> web.Response:
    """POST /checks/ASSET/NAME/run: run it now; it counts as every run does."""
    await sent(request)
    app, (_, check) = request.app[APP], _check_of(request)
    before = app.latest.get(check.id)
    late = await app.refresh([check.id], PATIENCE)
    ran = "late" if check.id in late else "no" if app.latest.get(check.id) is before else "yes"
    request[TARGET] = check.id
    raise web.HTTPSeeOther(f"/checks/{quote(check.asset)}/{quote(check.name)}?ran={ran}")


def settings_of(check: Check) -> str:
    """How a check is set up, as YAML, its secrets masked; what is not said in the file is there with its default."""
    shown = {name: value for name, value in plain(check).items() if name not in ("rules", "asset", "id")}
    return yaml.safe_dump(shown, sort_keys=False, allow_unicode=True)


def _check_of(request: web.Request) -> tuple[Asset, Check]:
    """The check of the address and its asset. Raises 404."""
    id, name = request.match_info["asset"], request.match_info["name"]
    asset = request.app[APP].config.asset(id)
    check = next((one for one in asset.checks if one.name == name), None) if asset is not None else None
    if asset is None or check is None:
        both = repr(words.short(f"{id}/{name}", 120))
        raise web.HTTPNotFound(
            text=gettext("There is no check {name}. The page of its asset names all checks that there are.", name=both)
        )
    return asset, check


async def _now(app: App, asset: Asset, check: Check) -> Mapping[str, Any]:
    everything = await world(app)
    reading, metrics = app.latest.get(check.id), load(check.kind).metrics
    return {
        "asset": asset,
        "view": views.check_view(check, everything),
        "strip": views.strip([check.id], everything),
        "values": views.values(reading, metrics),
        "phases": charts.phases(reading, metrics),
        "rulings": rulings(check, everything),
        "meaning": views.meaning(check.kind, reading.reason) if reading is not None else "",
    }


async def _past(request: web.Request, check: Check) -> Past:
    app, now = request.app[APP], auth.utc_now()
    zone = app.config.site.hours.zone
    quarter = past_days.until(now, zone).edges[0]
    async with app.store.connect() as conn:
        day = await last_day(conn, check, 300, now)
        coarse = await rollups.between(conn, check.id, 86400, quarter, now)
        turns = await spans.newest(conn, check.id, TURNS)
    days = await past_days.past(app.store, request.app[past_days.KEPT], past_days.Subject((check.id,), zone), now)
    return Past(
        day.latency,
        day.loss,
        charts.chart(charts.of_rollups(coarse), quarter, now, "seconds"),
        charts.bars(days.days) if days.complete else None,
        turns,
    )


def _latency(check: Check) -> str:
    """What its latency is the latency of."""
    name, part = load(check.kind).latency
    return f"{name} ({part})" if part else name or gettext("the length of the run")
