"""What Grafana asks without Prometheus: incidents, status over time, availability and verdicts as JSON."""

import asyncio
from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import NamedTuple

from aiohttp import web

from alerting.rules import Severity
from incidents.availability import Span
from incidents.incident import Stage
from monitor.config.model import Asset, Config
from monitor.store import Store, incidents, spans
from monitor.store.batches import batches
from monitor.web import auth, pages, rows
from monitor.web.guard import APP
from monitor.web.rows import Row
from monitor.web.words import short

ASKING: web.AppKey[asyncio.Semaphore] = web.AppKey("asking", asyncio.Semaphore)
AT_ONCE = 4
"""Questions that are answered at the same time; the others wait."""
LONGEST = timedelta(days=400)
"""The longest time that can be asked about."""
USUAL = timedelta(days=1)
"""The time that is asked about unless said."""
MOST_INCIDENTS = 1_000
MOST_SPANS = 20_000
"""Rows of an answer."""
SOME_ASSETS = 50
"""Assets whose history is read at once."""

_TIMES = "milliseconds since 1970, as ${__from} is, or a time like 2026-03-02T09:00:00Z"


class _Asked(NamedTuple):
    """The time that a question is about, and the assets that it names; none means all."""

    start: datetime
    end: datetime
    assets: frozenset[str]


async def incident_list(request: web.Request) -> web.Response:
    """GET /api/v1/grafana/incidents: those that reach into the time, newest first, `limit` of them at most."""
    asked = _asked(request, ("stage", "severity", "limit"))
    stages = [Stage(one) for one in _words(request, "stage", tuple(Stage))]
    severities = [Severity(one) for one in _words(request, "severity", tuple(Severity))]
    limit = _limit(request)
    app = request.app[APP]
    async with request.app[ASKING], app.store.connect() as conn:
        found = await incidents.matching(conn, asked.start, asked.end, stages, severities, asked.assets, limit + 1)
    made = rows.of_incidents(found[:limit], app.config, auth.utc_now())
    return _answer(asked, made, more=len(found) > limit)


async def status(request: web.Request) -> web.Response:
    """GET /api/v1/grafana/status: what status each check, or with `by=asset` each asset, had from when to when."""
    asked = _asked(request, ("check", "by"))
    by = _words(request, "by", ("check", "asset")) or ["check"]
    config = request.app[APP].config
    checks = frozenset(_words(request, "check", tuple(check.id for check in config.checks)))
    made: list[Row] = []
    async with request.app[ASKING]:
        for some in batches(_assets(config, asked), SOME_ASSETS):
            found = await _history(request.app[APP].store, some, asked, MOST_SPANS - len(made))
            made += (
                rows.of_assets(some, found, asked.start, asked.end)
                if by == ["asset"]
                else rows.of_checks(some, found, checks, asked.start, asked.end)
            )
    return _answer(asked, made)


async def availability(request: web.Request) -> web.Response:
    """GET /api/v1/grafana/availability: how much of the time each asset worked."""
    asked, config = _asked(request, ()), request.app[APP].config
    made: list[Row] = []
    async with request.app[ASKING]:
        for some in batches(_assets(config, asked), SOME_ASSETS):
            found = await _history(request.app[APP].store, some, asked, 10 * MOST_SPANS)
            made += rows.of_availability(some, found, config, asked.start, asked.end)
    return _answer(asked, made)


async def verdicts(request: web.Request) -> web.Response:
    """GET /api/v1/grafana/verdicts: how each asset is now, whatever the time asked about."""
    asked, app = _asked(request, ()), request.app[APP]
    async with request.app[ASKING]:
        chosen = _assets(app.config, asked)
        world = await pages.world(app)
        return _answer(asked, await asyncio.to_thread(rows.of_verdicts, chosen, world))


def _answer(asked: _Asked, made: Iterable[Row], more: bool = False) -> web.Response:
    """The rows, and whether there are more of them than are shown."""
    body = {"from": rows.stamp(asked.start), "to": rows.stamp(asked.end), "more": more, "rows": list(made)}
    answer = web.json_response(body)
    answer.enable_compression()
    return answer


async def _history(store: Store, assets: Iterable[Asset], asked: _Asked, most: int) -> dict[str, tuple[Span, ...]]:
    """The spans of these assets' checks. Raises 400 when they are more than `most`."""
    checks = [check.id for asset in assets for check in asset.checks]
    async with store.connect() as conn:
        found = await spans.between(conn, asked.start, asked.end, checks, most + 1)
    if sum(map(len, found.values())) > most:
        text = f"This is more than {MOST_SPANS:,} rows. Ask about a shorter time, or name an asset: &asset=line-a."
        raise web.HTTPBadRequest(text=text)
    return found


def _assets(config: Config, asked: _Asked) -> list[Asset]:
    """The assets that were asked about. Raises 400 for one that is not watched."""
    chosen = [asset for asset in config.assets if not asked.assets or asset.id in asked.assets]
    if missing := asked.assets - {asset.id for asset in chosen}:
        raise web.HTTPBadRequest(text=f"`asset`: nothing of the name {short(min(missing), 60)!r} is watched.")
    return chosen


def _asked(request: web.Request, others: Collection[str]) -> _Asked:
    """What every question says. Raises 400 for a parameter that is none or makes no sense."""
    known = ("from", "to", "asset", *others)
    for name in request.query:
        if name not in known:
            text = f"There is no parameter {short(name, 60)!r} here, only {', '.join(known)}."
            raise web.HTTPBadRequest(text=text)
    now = auth.utc_now()
    end = _moment(request, "to", now)
    start = _moment(request, "from", end - USUAL)
    if not timedelta() < end - start <= LONGEST:
        given = f"{rows.stamp(start)} to {rows.stamp(end)}"
        text = f"`from` must be before `to`, by {LONGEST.days} days at most; this is {given}."
        raise web.HTTPBadRequest(text=text)
    return _Asked(start, end, frozenset(_words(request, "asset")))


def _moment(request: web.Request, name: str, default: datetime) -> datetime:
    text = request.query.get(name, "")
    if not text:
        return default
    try:
        if text.isascii() and text.isdigit():
            return datetime.fromtimestamp(int(text) / 1000, UTC)
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        found = None
    if found is None or found.tzinfo is None or not 1970 <= found.year < 9000:
        raise web.HTTPBadRequest(text=f"`{name}`: {short(text, 60)!r} must be {_TIMES}.")
    return found.astimezone(UTC)


def _words(request: web.Request, name: str, allowed: Collection[str] | None = None) -> list[str]:
    """The words of a parameter, which may be given several times and hold several with commas between them."""
    given = [word for text in request.query.getall(name, []) for word in text.split(",") if word]
    for word in given:
        if not word.isprintable() or (allowed is not None and word not in allowed):
            several = "" if allowed is None else f" must be one of {', '.join(islice(allowed, 10))}"
            raise web.HTTPBadRequest(text=f"`{name}`: {short(word, 60)!r}{several or ' cannot be a name'}.")
    return given


def _limit(request: web.Request) -> int:
    text = request.query.get("limit", "") or str(MOST_INCIDENTS)
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= MOST_INCIDENTS):
        raise web.HTTPBadRequest(text=f"`limit`: {short(text, 60)!r} must be a number from 1 to {MOST_INCIDENTS}.")
    return int(text)
