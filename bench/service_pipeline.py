"""What a reading costs between the end of its probe and the store, and what a scrape of many checks costs."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvloop

from bench.harness import Figures, Goal, Section, Spread, spread, table
from bench.peers import free_port
from bench.service_site import site_of
from monitor.app import App
from probes import Measured, Sample
from probes.internet.http import Http

CHECKS = 10_000
INTERVAL = 10.0
SETTLING = 13.0
"""Seconds until every check has run."""
BEAT = 0.002
"""Seconds between two beats of what notices that the event loop stands still."""
PER_READING = 150e-6
PER_SCRAPE = 0.5
FORMATS = {"text": "text/plain", "OpenMetrics": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"}

_SAMPLES = (
    *(
        Sample("probe_http_duration_seconds", 0.00123, phase)
        for phase in ("resolve", "connect", "tls", "processing", "transfer")
    ),
    Sample("probe_dns_lookup_time_seconds", 0.00012),
    Sample("probe_ip_protocol", 4),
    Sample("probe_http_status_code", 200),
    Sample("probe_http_content_length", 612),
    Sample("probe_http_uncompressed_body_length", 612),
    Sample("probe_http_redirects", 0),
    Sample("probe_http_ssl", 0),
    Sample("probe_http_version", 1.1),
)


def measure(quick: bool) -> Section:
    """The service in this process, with an HTTP probe that measures nothing: everything of a run but the run."""
    measures, Http.measure = Http.measure, _nothing  # type: ignore[assignment,method-assign]
    try:
        with tempfile.TemporaryDirectory() as folder:
            found = uvloop.run(_measured(Path(folder), quick))
    finally:
        Http.measure = measures  # type: ignore[method-assign]
    steady = {**found["steady"], "stall": found["watched"]["stall"]}
    scrapes = {name: found[name] for name in FORMATS}
    return Section("Between probe and store", _text(steady, scrapes), _goals(steady, scrapes))


async def _nothing(_probe: Http, _timeout: float) -> Measured:
    """What a plain HTTP probe finds, without looking."""
    return Measured("answered with status 200 in 1.23 ms", _SAMPLES)


class _Heart:
    """Beats in the event loop and notices by how much it is late."""

    def __init__(self) -> None:
        self._longest = 0.0

    async def run(self) -> None:
        """Beat until cancelled."""
        while True:
            due = time.perf_counter() + BEAT
            await asyncio.sleep(BEAT)
            self._longest = max(self._longest, time.perf_counter() - due)

    def take(self) -> float:
        """The longest that the loop stood still since the last call, in seconds."""
        longest, self._longest = self._longest, 0.0
        return longest


async def _measured(folder: Path, quick: bool) -> dict[str, dict[str, Spread]]:
    path = folder / "site.yaml"
    site = site_of(CHECKS, INTERVAL, lambda one: f"kind: internet.http, url: 'http://127.0.0.1/{one}'")
    path.write_text(site.replace("PORT", str(free_port())))
    app, heart = await App.open(path), _Heart()
    rounds, seconds = (2, 5.0) if quick else (5, 10.0)
    async with _running(app):
        await asyncio.sleep(SETTLING)
        found = {"steady": [await _steady(app, seconds) for _ in range(rounds)]}
        # Only now: to beat takes as much CPU as a quarter of the readings do.
        beating = asyncio.create_task(heart.run())
        found["watched"] = [await _watched(app, heart, seconds) for _ in range(rounds)]
        background = spread([one["cpu"] * one["rate"] for one in found["watched"]]).median
        for name, accept in FORMATS.items():
            found[name] = [await _scrape(app, heart, background, accept) for _ in range(rounds)]
        beating.cancel()
    return {name: {key: spread([one[key] for one in some]) for key in some[0]} for name, some in found.items()}


@asynccontextmanager
async def _running(app: App) -> AsyncIterator[None]:
    """The service at work in this process."""
    served = asyncio.Event()
    task = asyncio.create_task(app.run(served.set))
    await served.wait()
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _steady(app: App, seconds: float) -> Figures:
    """CPU seconds per reading and readings a second, over some time."""
    cpu, began, readings = time.process_time(), time.monotonic(), _runs(app)
    await asyncio.sleep(seconds)
    cpu, took, readings = time.process_time() - cpu, time.monotonic() - began, _runs(app) - readings
    return {"cpu": cpu / readings, "rate": readings / took}


async def _watched(app: App, heart: _Heart, seconds: float) -> Figures:
    """The same while the heart beats, and the longest stall of the loop."""
    heart.take()
    return {**await _steady(app, seconds), "stall": heart.take()}


async def _scrape(app: App, heart: _Heart, background: float, accept: str) -> Figures:
    """One scrape by another process, beside the work that takes `background` CPU seconds a second."""
    url = f"http://127.0.0.1:{app.config.server.port}/metrics"
    command = f"sleep 0.5; exec curl -s -o /dev/null --compressed -H 'Accept: {accept}' {url}"
    curl = await asyncio.create_subprocess_exec("sh", "-c", command)
    heart.take()  # only now: to fork a process as large as this one holds up the loop by itself
    cpu, began = time.process_time(), time.monotonic()
    await curl.wait()
    took = time.monotonic() - began
    return {"cpu": time.process_time() - cpu - background * took, "took": took - 0.5, "stall": heart.take()}


def _runs(app: App) -> float:
    return sum(one.value for family in app.vitals.runs.collect() for one in family.samples if "_total" in one.name)


def _text(steady: dict[str, Spread], scrapes: dict[str, dict[str, Spread]]) -> str:
    rows = [(name, f"{one['cpu']:.2f}", f"{one['took']:.2f}", _ms(one["stall"])) for name, one in scrapes.items()]
    return (
        f"The whole service with {CHECKS} HTTP checks every {INTERVAL:g} s ({steady['rate'].median:.0f} a second) on "
        f"SQLite, with a probe that measures nothing: schedule, rules, history, flushes and metrics take "
        f"{_us(steady['cpu'])} us of CPU a reading; the longest stall of the event loop was {_ms(steady['stall'])} ms."
        f"\n\nA scrape of all of them, packed by gzip:\n\n"
        f"{table(('format', 'CPU s', 'seconds', 'longest stall of the loop, ms'), rows)}"
    )


def _goals(steady: dict[str, Spread], scrapes: dict[str, dict[str, Spread]]) -> tuple[Goal, ...]:
    cpu, worst = steady["cpu"].median, max(one["cpu"].median for one in scrapes.values())
    return (
        Goal("CPU between probe and store", "<= 150 us a reading", f"{1e6 * cpu:.0f} us", cpu <= PER_READING),
        Goal("Scrape of 10,000 checks", "< 0.5 CPU s", f"{worst:.2f} s", worst < PER_SCRAPE),
    )


def _us(found: Spread) -> str:
    return format(Spread(*(1e6 * value for value in found)), ".0f")


def _ms(found: Spread) -> str:
    return format(Spread(*(1e3 * value for value in found)), ".0f")
