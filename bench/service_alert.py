"""How soon a fault is told: from the moment a target turns bad to the message at its destination."""

import asyncio
import json
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory

from bench import peers
from bench.harness import Goal, Section

INTERVAL = 1.0
CONFIRM = (2, 0.2)
"""How often a failure is looked at again, and how many seconds apart."""
LIMIT = 0.5
"""Seconds that may pass beyond interval and confirmation."""

_SITE = """\
site: {id: bench, name: Bench, timezone: UTC}
server: {listen: '127.0.0.1:PORT'}
storage: {url: 'sqlite:///bench.db'}
booking:
  - id: booking
    name: Booking
    checks:
      - kind: internet.http
        url: http://127.0.0.1:TARGET/
        interval: 1s
        timeout: 900ms
        confirm: {times: 2, gap: 200ms}
        rules: {down: {flaps: 0}}
alerting: {budget: 1000}
routes:
  - {id: sink, to: '${file:sink}'}
"""


class _Web:
    """A target that is good or bad, and the sink of all messages."""

    def __init__(self) -> None:
        self.bad = False
        self.seen: list[float] = []
        """When the target was asked while it was bad, since it turned."""
        self.titles: asyncio.Queue[tuple[float, str]] = asyncio.Queue()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request and close."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        if head.startswith("POST"):
            length = int(
                next(line for line in head.lower().splitlines() if line.startswith("content-length")).split()[1]
            )
            self.titles.put_nowait((time.monotonic(), json.loads(await reader.readexactly(length))["title"]))
        elif self.bad:
            self.seen.append(time.monotonic())
        status = b"503 Bad" if self.bad and not head.startswith("POST") else b"200 OK"
        writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        await writer.drain()
        writer.close()


def measure(quick: bool) -> Section:
    """Fault after fault, each at a random phase of the interval."""
    waits, beyond = asyncio.run(_faults(5 if quick else 30))
    p50, p95 = _percentiles(beyond)
    whole50, whole95 = _percentiles(waits)
    text = (
        f"{len(beyond)} faults at random moments; the check runs every {INTERVAL:g} s and a failure is looked at again "
        f"{CONFIRM[0]} times, {CONFIRM[1]:g} s apart. From fault to message: p50 {whole50:.2f} s, p95 {whole95:.2f} s. "
        f"Beyond the wait for the next run and the confirmation: p50 {1e3 * p50:.0f} ms, p95 {1e3 * p95:.0f} ms. "
        "So many faults of one check would count as flapping, and the messages about them would be gathered; both is "
        "switched off, so that each fault is measured.\n"
    )
    reached = f"{1e3 * p95:.0f} ms"
    return Section(
        "From fault to message", text, (Goal("Fault to message, p95", "<= 500 ms beyond", reached, p95 <= LIMIT),)
    )


async def _faults(number: int) -> tuple[list[float], list[float]]:
    """For each fault the seconds to its message, and those that neither the schedule nor the confirmation explains."""
    web = _Web()
    server = await asyncio.start_server(web.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with TemporaryDirectory() as name:
        folder, pages = Path(name), peers.free_port()
        (folder / "sink").write_text(f"json://127.0.0.1:{port}/")
        (folder / "sink").chmod(0o600)
        site = (
            _SITE.replace("PORT", str(pages)).replace("TARGET", str(port)).replace("file:sink", f"file:{folder}/sink")
        )
        (folder / "site.yaml").write_text(site)
        with peers.process(sys.executable, "-m", "monitor", "run", "site.yaml", folder=folder):
            await _answers(pages)
            found = [await _fault(web) for _ in range(number)]
    server.close()
    return [wait for wait, _ in found], [rest for _, rest in found]


async def _answers(port: int) -> None:
    """Wait until the service has started and measured for a moment."""
    async with asyncio.timeout(30):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.1)
            else:
                writer.close()
                break
    await asyncio.sleep(3 * INTERVAL)


async def _fault(web: _Web) -> tuple[float, float]:
    """One fault, until its message is there and it is over and that was said too."""
    await asyncio.sleep(2 * INTERVAL * random.random())
    web.seen.clear()
    began, web.bad = time.monotonic(), True
    at, _ = await _message(web, lambda title: not title.startswith("Resolved"))
    by_design = web.seen[0] - began + CONFIRM[0] * CONFIRM[1]
    web.bad = False
    await _message(web, lambda title: title.startswith("Resolved"))
    return at - began, at - began - by_design


async def _message(web: _Web, wanted: Callable[[str], bool]) -> tuple[float, str]:
    async with asyncio.timeout(30):
        while True:
            at, title = await web.titles.get()
            if wanted(title):
                return at, title


def _percentiles(values: list[float]) -> tuple[float, float]:
    """Median and 95th percentile."""
    cuts = quantiles(values, n=20, method="inclusive")
    return cuts[9], cuts[18]
