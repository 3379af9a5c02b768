"""Two thousand alerts within ten seconds: few messages, the critical ones first, none lost, and the board answers."""

import asyncio
import contextlib
import re
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from sqlalchemy import func, select
from stories.conftest import Deskwatch, Sink, served, until

from alerting.rules import Severity
from monitor.store import Store
from monitor.store.outbox import MessageState
from monitor.store.tables import messages

ALERTS, POSTS, SECONDS, CRITICAL = 2000, 40, 10, 10
"""How many alerts come in how many requests over what time, and every which of them is critical."""
BUDGET = 10
PAGES = ("/", "/fragment/board", "/incidents", "/deliveries")
TOLD = (MessageState.ACCEPTED, MessageState.MERGED)
EXPECTED = {"chat": ALERTS, "pager": ALERTS // CRITICAL, "office": ALERTS - ALERTS // CRITICAL}

SITE = """\
site: {id: harbour, name: Harbour Street, timezone: Europe/Lisbon}
server: {listen: 127.0.0.1:PORT}
alerting: {budget: BUDGET}
routes:
  - {id: chat, to: "${env:CHAT}", repeat: never}
  - {id: pager, to: "${env:PAGER}", severities: [critical], repeat: never}
  - {id: office, to: "${env:OFFICE}", severities: [warning], repeat: never}
services:
  - {id: self, name: Board, checks: [{kind: internet.tcp, host: 127.0.0.1, port: PORT, interval: 10s}]}
"""


@dataclass
class Visitor:
    """Somebody who keeps looking at the pages; how long each took to answer, in seconds."""

    client: aiohttp.ClientSession
    took: dict[str, list[float]] = field(default_factory=dict)

    def report(self) -> None:
        for path, took in self.took.items():
            print(f"{path:16} {len(took)} answers, median {median(took):.3f} s, longest {max(took):.3f} s")

    async def look(self) -> None:
        while True:
            for path in PAGES:
                start = time.monotonic()
                async with self.client.get(path) as answer:
                    assert answer.status == 200
                    await answer.read()
                self.took.setdefault(path, []).append(time.monotonic() - start)
                await asyncio.sleep(0.2)


@pytest.fixture
async def sinks() -> AsyncIterator[dict[str, Sink]]:
    async with contextlib.AsyncExitStack() as stack:
        found = {name: Sink() for name in EXPECTED}
        for sink in found.values():
            sink.address = await stack.enter_async_context(served(sink.take))
        yield found


@pytest.fixture
async def service(tmp_path: Path, sinks: dict[str, Sink]) -> AsyncIterator[Deskwatch]:
    found = Deskwatch(tmp_path, {name.upper(): f"json://{sink.address}/" for name, sink in sinks.items()})
    found.write(SITE.replace("BUDGET", str(BUDGET)))
    await found.start()
    yield found
    await found.end(signal.SIGKILL)


async def test_a_storm_makes_few_messages_critical_ones_first_and_loses_none(
    service: Deskwatch, sinks: dict[str, Sink]
) -> None:
    store = await Store.open(f"sqlite:///{service.folder}/var/deskwatch.db")
    try:
        async with visited(service) as visitor:
            taken = await storm(visitor.client)
            await until(
                lambda: none_waits(store, Severity.CRITICAL), "all critical messages to be told", 120, every=0.5
            )
            told, waited = told_so_far(sinks), await waiting(store)
            service.write(SITE.replace("BUDGET", "1000"))
            await (await visitor.client.post("/-/reload")).read()
            await until(lambda: none_waits(store, Severity.WARNING), "all others to be told", 120, every=0.5)
        found = await states(store)
    finally:
        await store.close()
    visitor.report()
    print(f"{ALERTS} alerts taken in {taken:.1f} s; told by then: {told}, waiting for the budget: {waited}")
    assert set(visitor.took) == set(PAGES)
    for name, counted in told.items():
        assert counted["failure"] <= BUDGET + 30, name
        assert counted["warning"] <= BUDGET, name
    assert sinks["chat"].messages[0]["type"] == "failure"
    assert waited > 0  # below critical, while nothing critical did
    assert set(found) <= {(name, state) for name in EXPECTED for state in TOLD}
    for name, count in EXPECTED.items():
        assert sum(found[name, state] for state in TOLD) == count
        assert sum(things(title) for title in sinks[name].titles()) == count


async def storm(client: aiohttp.ClientSession) -> float:
    """Send the alerts, evenly over the time; how many seconds it took until all were taken."""
    start = time.monotonic()
    for post in range(POSTS):
        await asyncio.sleep(start + post * SECONDS / POSTS - time.monotonic())
        some = [alert(number) for number in range(post * ALERTS // POSTS, (post + 1) * ALERTS // POSTS)]
        async with client.post("/api/v2/alerts", json=some) as answer:
            assert (answer.status, await answer.text()) == (200, "")
    return time.monotonic() - start


def alert(number: int) -> dict[str, dict[str, str]]:
    severity = "critical" if number % CRITICAL == CRITICAL - 1 else "warning"
    labels = {"alertname": "SensorSilent", "instance": f"sensor-{number}", "severity": severity}
    return {"labels": labels, "annotations": {"summary": f"Sensor {number} has not reported for five minutes"}}


def told_so_far(sinks: dict[str, Sink]) -> dict[str, Counter[str]]:
    """How many messages each destination has had, by type."""
    return {name: Counter(one["type"] for one in sink.messages) for name, sink in sinks.items()}


def things(title: str) -> int:
    """How many incidents a message of that title tells of."""
    several = re.search(r": (\d+) things need attention", title)
    return int(several[1]) if several else 1


async def none_waits(store: Store, severity: Severity) -> bool:
    query = select(func.count()).where(messages.c.severity == severity, messages.c.finished.is_(None))
    everything = select(func.count()).select_from(messages)
    async with store.connect() as conn:
        return await conn.scalar(everything) == sum(EXPECTED.values()) and await conn.scalar(query) == 0


async def waiting(store: Store) -> int:
    async with store.connect() as conn:
        return await conn.scalar(select(func.count()).where(messages.c.finished.is_(None))) or 0


async def states(store: Store) -> Counter[tuple[str, MessageState]]:
    """How many messages about a beginning there are, by destination and state, of how many incidents."""
    query = select(messages.c.destination, messages.c.state, func.count(messages.c.incident.distinct()).label("found"))
    async with store.connect() as conn:
        rows = await conn.execute(query.group_by(messages.c.destination, messages.c.state))
        return Counter({(row.destination, row.state): row.found for row in rows})


@contextlib.asynccontextmanager
async def visited(service: Deskwatch) -> AsyncIterator[Visitor]:
    """Somebody has signed in and keeps looking at the pages."""
    jar = aiohttp.CookieJar(unsafe=True)  # it keeps cookies of an address
    async with aiohttp.ClientSession(service.url, cookie_jar=jar) as client:
        token = parse_qs(urlsplit(service.link).query)["token"][0]
        async with client.post("/sign-in", data={"token": token}) as answer:
            assert answer.status == 200
        visitor = Visitor(client)
        looking = asyncio.create_task(visitor.look())
        yield visitor
        looking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await looking
