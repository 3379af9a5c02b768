"""What is said of a fault is its cause, once: of one router, of a value that bounces, of a sensor that says nothing."""

import json
import sqlite3
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from stories.conftest import Clock, Deskwatch, served, until
from stories.on_call import Building, Phones, Visitor, incidents, signed_in, site, thing, types


async def test_a_router_that_takes_its_access_points_along_is_one_page_and_one_that_stays_dead_another(
    night: Deskwatch, clock: Clock, building: Building, phones: Phones
) -> None:
    points = ("Lobby", "Hall", "Attic")
    night.write(
        site(
            building,
            "equipment:\n",
            thing("router", "Router"),
            "wifi:\n",
            *(thing(name.lower(), name, "depends_on: router") for name in points),
            'routes:\n  - {id: chat, to: "${env:CHAT}", repeat: never}\n',
        )
    )
    await night.start()
    await building.is_asked("router", 1)
    building.breaks("router", "lobby", "hall", "attic")
    await phones.hears("chat", "Critical: Router is down")
    await until(lambda: tells(night, "router", *points), "the access points in the router's incident", every=1)
    assert len(phones.titles("chat")) == 1

    building.works_again("router", "lobby", "hall")
    back = [f"{name}: back to normal" for name in ("Router", "Lobby", "Hall")]
    await until(lambda: tells(night, "router", *back), "all but the attic to be back", every=1)
    clock.advance(seconds=91)
    await phones.hears("chat", "Resolved: Router is down")
    await phones.hears("chat", "Critical: Attic is down")
    assert len(phones.titles("chat")) == 3


async def test_what_comes_and_goes_is_said_to_do_so_once_and_ends_by_itself(
    night: Deskwatch, clock: Clock, building: Building, phones: Phones
) -> None:
    night.write(
        site(
            building,
            "booking:\n",
            thing("booking", "Booking system", "rules: {down: {flaps: 3, calm: 10m}}"),
            'routes:\n  - {id: chat, to: "${env:CHAT}"}\n',
        )
    )
    await night.start()
    async with signed_in(night) as person:
        for turn in range(5):
            building.breaks("booking")
            await until(lambda: fires(person), "the fault to be judged")
            # What is not told yet when it is over would be told in one message.
            await until(partial(is_told, phones, min(2 * turn + 1, 5)), "what has begun to be told")
            building.works_again("booking")
            await until(lambda: is_calm(person), "its end to be judged")
            await until(partial(is_told, phones, min(2 * turn + 2, 5)), "what has ended to be told")
    said = await phones.hears("chat", "It comes and goes")
    assert said.title.startswith("Critical again: Booking system is down")
    assert len(phones.titles("chat")) == 5
    clock.advance(minutes=11)
    await phones.hears("chat", "Resolved: Booking system is down", times=3)
    assert len(phones.titles("chat")) == 6
    assert await tells(night, "booking", "having failed 5 times")


async def test_blind_silent_and_wrongly_asked_is_not_well_and_when_deskwatch_itself_is_unwell_others_notice(
    night: Deskwatch, clock: Clock, building: Building, phones: Phones, prometheus: str, tmp_path: Path
) -> None:
    night.env |= {"KEY": "0123456789abcdef", "OUTSIDE": f"http://{building.address}/outside"}
    night.write(site(building, INSTRUMENTS.replace("PROMETHEUS", prometheus)))
    await night.start()
    async with aiohttp.ClientSession() as client, client.get(f"{night.url}/ping/0123456789abcdef") as answer:
        assert answer.ok
    warm = await phones.hears("ana", "Server room is too warm")
    assert "it cannot be measured" in warm.body
    await until(lambda: are_measured(night, "gate", "invoices", "backup"), "all instruments to be asked once")

    clock.advance(minutes=6)
    late = await phones.hears("ben", "Critical: Backup is down")
    assert "ping" in late.body, late.body
    no_way = await phones.hears("chat", "Warning: Gate cannot be checked: the monitor itself has a problem")
    refused = await phones.hears("desk", "Warning: Invoices cannot be checked: the monitor itself has a problem")
    assert "192.0.2.1" in no_way.body
    assert "unexpected end of input" in refused.body
    metrics = (await night.get("/metrics"))[1]
    assert 'probe_success{asset="gate"' not in metrics
    assert 'probe_success{asset="invoices"' not in metrics

    # Somebody outside expects a sign of life, and gets none while nothing can be recorded.
    store = sqlite3.connect(tmp_path / "var" / "deskwatch.db", timeout=60, isolation_level=None)
    store.execute("BEGIN IMMEDIATE")
    await until(lambda: is_withheld(night), "a sign of life to be withheld")
    store.close()
    await building.is_asked("outside", 1)


INSTRUMENTS = """\
doors:
  - id: gate
    name: Gate
    checks: [{kind: internet.http, url: "http://BUILDING/gate", source: 192.0.2.1}]
equipment:
  - id: server-room
    name: Server room
    checks:
      - kind: passive.promql
        url: http://PROMETHEUS
        query: temperature
        rules: {warm: {metric: deskwatch_promql_value, above: 30, no_data: raise, severity: warning, says: is too warm}}
services:
  - id: invoices
    name: Invoices
    checks: [{kind: passive.promql, url: "http://PROMETHEUS", query: "sum(", rules: {
      many: {metric: deskwatch_promql_value, above: 1, severity: warning, says: fail}}}]
  - id: backup
    name: Backup
    checks: [{kind: passive.heartbeat, key: "${env:KEY}", period: 60, grace: 1}]
routes:
  - {id: chat, to: "${env:CHAT}", assets: gate}
  - {id: desk, to: "${env:DESK}", assets: invoices}
  - {id: on-ana, assets: server-room, steps: [{to: ana}]}
  - {id: on-ben, assets: backup, steps: [{to: ben}]}
watchdog: {to: "${env:OUTSIDE}", interval: 5s}
"""


@pytest.fixture
async def prometheus() -> AsyncIterator[str]:
    """A Prometheus that has no series, and refuses a query that is none."""

    async def answer(request: web.Request) -> web.Response:
        query = str((await request.post()).get("query", "")) or request.query.get("query", "")
        if query == "sum(":
            error = {"status": "error", "errorType": "bad_data", "error": "parse error: unexpected end of input"}
            return web.json_response(error, status=400)
        return web.json_response({"status": "success", "data": {"resultType": "vector", "result": []}})

    async with served(answer) as address:
        yield address


async def tells(night: Deskwatch, asset: str, *words: str) -> bool:
    """Whether the timeline of the asset's newest incident has all of these words."""
    id = (await incidents(night, str(night.config)))[asset]["id"]
    timeline = json.loads((await types(night, "incidents", "show", id, str(night.config), "--json"))[1])["timeline"]
    return all(any(one in entry["text"] for entry in timeline) for one in words)


async def fires(person: Visitor) -> bool:
    return '"phase":"firing"' in (await person.reads("/api/v1/alerts")).replace(" ", "")


async def is_calm(person: Visitor) -> bool:
    return not await fires(person)


async def is_told(phones: Phones, messages: int) -> bool:
    """Whether the chat has heard so many messages."""
    return len(phones.titles("chat")) >= messages


async def are_measured(night: Deskwatch, *assets: str) -> bool:
    """Whether there is a first reading of each, whatever it says."""
    metrics = (await night.get("/metrics"))[1]
    return all(f'deskwatch_check_status{{asset="{asset}"' in metrics for asset in assets)


async def is_withheld(night: Deskwatch) -> bool:
    """Whether a sign of life was not sent."""
    metrics = (await night.get("/metrics"))[1].splitlines()
    return any(line.startswith("deskwatch_watchdog_withheld_total") and not line.endswith(" 0.0") for line in metrics)
