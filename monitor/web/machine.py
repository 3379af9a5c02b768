"""What programs ask: metrics, single probes on demand, reload and health."""

import asyncio
import json
import math
from collections.abc import Callable, Iterator, Mapping

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector
from pydantic import ValidationError

from monitor import exposition
from monitor.web.guard import APP
from probes import Metric as Declared
from probes import Reading, Status, load

SCRAPE_TIMEOUT = "X-Prometheus-Scrape-Timeout-Seconds"
OFFSET = 0.5
"""Seconds of the scrape's timeout that are kept for the answer's way back."""
LONGEST = 60.0


async def metrics(request: web.Request) -> web.Response:
    """GET /metrics: everything in the registry, as Prometheus text or OpenMetrics."""
    return await _exposed(request, request.app[APP].registry)


async def probe(request: web.Request) -> web.Response:
    """GET /probe?module=KIND&target=TARGET: run one probe now, as the multi-target exporters do.

    Any other parameter is a setting of the kind; a list or a mapping is given as JSON.
    """
    timeout = _timeout(request.headers.get(SCRAPE_TIMEOUT, "10"))
    kind, target = request.query.get("module", ""), request.query.get("target", "")
    if not target:
        raise web.HTTPBadRequest(text="The parameter `target` is missing: /probe?module=internet.ping&target=192.0.2.1")
    try:
        declared = load(kind)
        settings = declared.Params.of_target(target) | _settings(request.query)
        reading = await request.app[APP].measure(kind, settings, timeout)
    except KeyError:
        raise web.HTTPBadRequest(text=f"There is no module {kind!r}; `deskwatch reference` lists the kinds.") from None
    except ValidationError as error:
        raise web.HTTPBadRequest(text=_faults(error)) from None
    registry = CollectorRegistry()
    registry.register(_Probed(lambda: _probed(declared.metrics, reading, timeout)))
    return await _exposed(request, registry)


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


class _Probed(Collector):
    """The families of one reading, for a registry that lives as long as one answer."""

    def __init__(self, collect: Callable[[], Iterator[Metric]]) -> None:
        self._collect = collect

    def collect(self) -> Iterator[Metric]:
        return self._collect()


def _probed(metrics: tuple[Declared, ...], reading: Reading, timeout: float) -> Iterator[Metric]:
    yield GaugeMetricFamily("probe_success", "Whether the probe was a success", float(reading.status is Status.UP))
    yield GaugeMetricFamily("probe_duration_seconds", "How long the probe took", reading.took)
    yield GaugeMetricFamily("probe_timeout_seconds", "How long the probe was allowed to take", timeout)
    yield from exposition.families(metrics, {}, reading)


async def _exposed(request: web.Request, registry: Collector) -> web.Response:
    """Written in a thread: with many checks it takes longer than the probes' timing can bear."""
    encode, content_type = _encoder(request.headers.get("Accept", ""))
    body = await asyncio.to_thread(encode, registry)
    response = web.Response(body=body, headers={"Content-Type": content_type})
    response.enable_compression()
    return response


def _encoder(accept: str) -> tuple[Callable[[Collector], bytes], str]:
    """OpenMetrics for those who name it, else the text format."""
    if "application/openmetrics-text" in accept:
        return openmetrics.generate_latest, openmetrics.CONTENT_TYPE_LATEST
    return lambda registry: "".join(exposition.text(registry.collect())).encode(), exposition.CONTENT_TYPE


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
