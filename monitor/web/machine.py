"""What programs ask: metrics, single probes on demand, reload and health."""

import asyncio
import json
import math
import zlib
from collections.abc import Mapping

from aiohttp import web
from pydantic import ValidationError

from monitor import exposition
from monitor.exposition import OPENMETRICS, TEXT, Exposition, Format
from monitor.web.guard import APP, POLICY
from probes import Status, load

PROBING: web.AppKey[asyncio.Semaphore] = web.AppKey("probing", asyncio.Semaphore)
AT_ONCE = 50
"""Probes on demand that run at the same time; who asks for more is refused."""
SCRAPE_TIMEOUT = "X-Prometheus-Scrape-Timeout-Seconds"
OFFSET = 0.5
"""Seconds of the scrape's timeout that are kept for the answer's way back."""
LONGEST = 60.0


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
    """GET /probe?module=KIND&target=TARGET: run one probe now, as the multi-target exporters do.

    Any other parameter is a setting of the kind; a list or a mapping is given as JSON. If we could not measure, the
    answer is an error and no failed probe: to Prometheus we are down then, not the target.
    """
    probing = request.app[PROBING]
    if probing.locked():
        words = f"{AT_ONCE} probes are under way already; ask again later, or let Deskwatch run the checks itself."
        raise web.HTTPServiceUnavailable(text=words)
    async with probing:
        return await _probed(request)


async def _probed(request: web.Request) -> web.Response:
    timeout = _timeout(request.headers.get(SCRAPE_TIMEOUT, "10"))
    kind, target = request.query.get("module", ""), request.query.get("target", "")
    if not target:
        raise web.HTTPBadRequest(text="The parameter `target` is missing: /probe?module=internet.ping&target=192.0.2.1")
    try:
        declared = load(kind)
        if not declared.on_demand:
            raise web.HTTPForbidden(text=f"{kind} runs only as a check of the configuration.")
        if any("${" in value for value in request.query.values()):
            # Whoever asks chooses the target: our secrets would go wherever they like.
            raise web.HTTPForbidden(text="Secrets are only for checks of the configuration; leave out `${...}`.")
        settings = declared.Params.of_target(target) | _settings(request.query)
        reading = await request.app[APP].measure(kind, settings, timeout)
    except KeyError:
        raise web.HTTPBadRequest(text=f"There is no module {kind!r}; `deskwatch reference` lists the kinds.") from None
    except ValidationError as error:
        raise web.HTTPBadRequest(text=_faults(error)) from None
    if reading.status is Status.UNKNOWN:
        raise web.HTTPInternalServerError(text=f"Not measured, {reading.reason}: {reading.detail}")
    found = Exposition()
    found.add_verdict("", reading)
    found.add("probe_timeout_seconds", "How long the probe was allowed to take.", "", timeout)
    found.add_reading(exposition.declared(declared), "", reading)
    format = _format(request)
    body = "".join((*found.text(format), format.end)).encode()
    return web.Response(body=body, headers={"Content-Type": format.content_type})


async def reload(request: web.Request) -> web.Response:
    """POST /-/reload: read the configuration again; a bad one changes nothing and its problems are the answer."""
    outcome = await request.app[APP].reload()
    if outcome.ok:
        return web.Response(text="Reloaded.\n")
    return web.Response(
        status=500, text="\n".join(("Not reloaded; the old configuration stays.", *outcome.problems, ""))
    )


async def healthy(request: web.Request) -> web.Response:
    """GET /-/healthy: the process answers."""
    return web.Response(text="Deskwatch is alive.\n")


async def ready(request: web.Request) -> web.Response:
    """GET /-/ready: 200 when it does its work, else 503 and why not."""
    problems = await request.app[APP].problems()
    if problems:
        return web.Response(status=503, text="\n".join((*problems, "")))
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


def _timeout(header: str) -> float:
    """The seconds that the probe may take."""
    try:
        timeout = float(header) - OFFSET
    except ValueError:
        timeout = math.nan
    if not timeout > 0:
        raise web.HTTPBadRequest(text=f"{SCRAPE_TIMEOUT}: {header!r} must be a number of seconds above {OFFSET}.")
    return min(timeout, LONGEST)


def _settings(query: Mapping[str, str]) -> dict[str, object]:
    """The settings among the parameters; lists and mappings are given as JSON."""
    return {name: _setting(value) for name, value in query.items() if name not in ("module", "target")}


def _setting(value: str) -> object:
    try:
        return json.loads(value) if value.startswith(("[", "{")) else value
    except (ValueError, RecursionError):
        return value


def _faults(error: ValidationError) -> str:
    """What is wrong with the settings, one a line, without the values: they may be secret."""
    return "\n".join(f"{'.'.join(map(str, one['loc'])) or 'settings'}: {one['msg']}" for one in error.errors())
