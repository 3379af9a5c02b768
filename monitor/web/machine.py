"""What programs ask: metrics, single probes on demand, reload and health."""

import asyncio
import math
import zlib
from collections.abc import Mapping
from typing import NamedTuple

from aiohttp import web
from pydantic import ValidationError

from monitor import exposition
from monitor.config.model import Module
from monitor.escaping import visible
from monitor.exposition import OPENMETRICS, TEXT, Exposition, Format
from monitor.once import explained
from monitor.scrape import OFFSET, setting
from monitor.web.guard import APP, POLICY
from probes import Reading, Status, kinds, load

PROBING: web.AppKey[asyncio.Semaphore] = web.AppKey("probing", asyncio.Semaphore)
AT_ONCE = 50
"""Probes on demand that run at the same time; who asks for more is refused."""
SCRAPE_TIMEOUT = "X-Prometheus-Scrape-Timeout-Seconds"
LONGEST = 60.0
DEFAULT_MODULE = "http_2xx"
"""The module of those who name none, as with blackbox_exporter: there is one if the configuration has it."""


async def metrics(request: web.Request) -> web.StreamResponse:
    """GET /metrics: how Deskwatch is doing and the newest reading of every check, as Prometheus text or OpenMetrics."""
    format = _format(request)
    response = web.StreamResponse(headers={**POLICY, "Content-Type": format.content_type})
    packing = _packing(request, response)
    async with asyncio.timeout(LONGEST):
        await response.prepare(request)
        if request.method == "HEAD":
            return response
        async for piece in request.app[APP].exposition(format):
            await response.write(packing.compress(piece.encode()) if packing else piece.encode())
        await response.write_eof(packing.flush() if packing else b"")
    return response


async def probe(request: web.Request) -> web.Response:
    """GET /probe?module=MODULE&target=TARGET: run one probe now, as the multi-target exporters do.

    A module is one of the configuration, or a kind; then any other parameter is a setting of the kind, and a list or a
    mapping is given as JSON. If we could not measure, the answer is an error and no failed probe: to Prometheus we are
    down then, not the target. With `debug=true` the answer is an explanation for people.
    """
    probing = request.app[PROBING]
    if probing.locked():
        words = f"{AT_ONCE} probes are under way already; ask again later, or let Deskwatch run the checks itself."
        raise web.HTTPServiceUnavailable(text=words)
    async with probing:
        return await _probed(request)


async def _probed(request: web.Request) -> web.Response:
    asked = _asked(request.query, request.app[APP].config.modules)
    timeout = _timeout(request.headers.get(SCRAPE_TIMEOUT, "10"), asked.timeout)
    try:
        reading = await request.app[APP].measure(asked.kind, asked.settings, timeout)
    except ValidationError as error:
        raise web.HTTPBadRequest(text=_faults(error)) from None
    if asked.debug:
        return web.Response(text=_explained(asked, reading, timeout))
    if reading.status is Status.UNKNOWN:
        raise web.HTTPInternalServerError(text=f"Not measured, {reading.reason}: {reading.detail}")
    format = _format(request)
    body = _exposed(asked, reading, timeout, format)
    return web.Response(body=body.encode(), headers={"Content-Type": format.content_type})


class _Asked(NamedTuple):
    """A probe on demand: what of, with which settings, for how many seconds at most (None: it does not say)."""

    kind: str
    settings: Mapping[str, object]
    timeout: float | None
    debug: bool


def _asked(query: Mapping[str, str], modules: Mapping[str, Module]) -> _Asked:
    """What the parameters ask for. Raises HTTPException when that makes no sense, or is not allowed."""
    name, target, debug = query.get("module", DEFAULT_MODULE), query.get("target", ""), query.get("debug") == "true"
    given = {key: setting(value) for key, value in query.items() if key not in ("module", "target", "debug")}
    if not target:
        raise web.HTTPBadRequest(text="The parameter `target` is missing: /probe?module=internet.ping&target=192.0.2.1")
    if any("${" in value for value in query.values()):
        # Whoever asks chooses the target: our secrets would go wherever they like.
        raise web.HTTPForbidden(text="Secrets are only for the configuration; leave out `${...}`.")
    module = modules.get(name)
    if module is not None:
        if given:
            words = f"The module {name} has its settings in the configuration; leave out {', '.join(sorted(given))}."
            raise web.HTTPBadRequest(text=words)
        settings = {**module.settings, **load(module.kind).Params.of_target(target)}
        return _Asked(module.kind, settings, module.timeout, debug)
    if name not in kinds():
        words = f"There is no module {name!r}: it is one of `modules` in the configuration, or a kind"
        raise web.HTTPBadRequest(text=f"{words}; `deskwatch reference kinds` lists them.")
    if not load(name).on_demand:
        raise web.HTTPForbidden(text=f"{name} runs only as a check of the configuration.")
    return _Asked(name, load(name).Params.of_target(target) | given, None, debug)


def _exposed(asked: _Asked, reading: Reading, timeout: float, format: Format) -> str:
    found = Exposition()
    found.add_verdict("", reading)
    found.add("probe_timeout_seconds", "How long the probe was allowed to take.", "", timeout)
    found.add_reading(exposition.declared(load(asked.kind)), "", reading)
    return "".join((*found.text(format), format.end))


def _explained(asked: _Asked, reading: Reading, timeout: float) -> str:
    """What a probe found and what it was asked, without secrets."""
    settings = load(asked.kind).Params(**asked.settings).model_dump_json(indent=2, exclude_defaults=True)
    lines = (*explained(asked.kind, reading), "", _exposed(asked, reading, timeout, TEXT), f"{asked.kind}: {settings}")
    return "\n".join((*lines, ""))


async def reload(request: web.Request) -> web.Response:
    """POST /-/reload: read the configuration again; a bad one changes nothing and its problems are the answer."""
    outcome = await request.app[APP].reload()
    if outcome.ok:
        return web.Response(text="Reloaded.\n")
    return web.Response(
        status=500, text=visible("\n".join(("Not reloaded; the old configuration stays.", *outcome.problems, "")))
    )


async def healthy(request: web.Request) -> web.Response:
    """GET /-/healthy: the process answers."""
    return web.Response(text="Deskwatch is alive.\n")


async def ready(request: web.Request) -> web.Response:
    """GET /-/ready: 200 when it does its work, else 503 and why not."""
    problems = await request.app[APP].problems()
    if problems:
        return web.Response(status=503, text=visible("\n".join((*problems, ""))))
    return web.Response(text="Deskwatch is ready.\n")


def _format(request: web.Request) -> Format:
    """OpenMetrics for those who name it, else the text format."""
    return OPENMETRICS if "application/openmetrics-text" in request.headers.get("Accept", "") else TEXT


def _packing(request: web.Request, response: web.StreamResponse) -> "zlib._Compress | None":
    """What to pack the body with, if it may be packed."""
    if "gzip" not in request.headers.get("Accept-Encoding", ""):
        return None
    response.headers["Content-Encoding"] = "gzip"
    # The lowest level takes a third of the time of the usual one for half as many bytes again.
    return zlib.compressobj(level=1, wbits=16 + zlib.MAX_WBITS)


def _timeout(header: str, most: float | None) -> float:
    """The seconds that the probe may take."""
    try:
        timeout = float(header) - OFFSET
    except ValueError:
        timeout = math.nan
    if not timeout > 0:
        raise web.HTTPBadRequest(text=f"{SCRAPE_TIMEOUT}: {header!r} must be a number of seconds above {OFFSET}.")
    return min(timeout, most or LONGEST, LONGEST)


def _faults(error: ValidationError) -> str:
    """What is wrong with the settings, one a line, without the values: they may be secret."""
    return "\n".join(f"{'.'.join(map(str, one['loc'])) or 'settings'}: {one['msg']}" for one in error.errors())
