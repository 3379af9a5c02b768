"""A real Prometheus scrapes the demo: every panel and every rule finds something, and no series churns.

DESKWATCH_SCRAPE_SECONDS is how long it scrapes; `make scrape-soak` takes ten minutes.
"""

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
import yaml
from peers import dashboards
from peers.ports import free_port
from peers.prometheus import Prometheus, prometheus
from prometheus_client.parser import text_string_to_metric_families as parse
from stories.conftest import Deskwatch, until

from grafana import families
from grafana.alerting import FILES, RULES, alerts
from monitor.config import load
from monitor.demo import FAULTS, Demo, trigger

SECONDS = float(os.environ.get("DESKWATCH_SCRAPE_SECONDS", "75"))
EVERY = 5
LASTS = 10.0
"""Seconds of each fault; the next one begins when it ends."""
SETTLED = 180.0
"""Seconds within which every check has run, and passes, after the last fault or a start."""

COMES_LATER = "deskwatch_uplink_recent_loss_ratio"
"""The family that a check tells only once it has run often enough since its start: it may come at any time."""

Series = frozenset[str]

FAMILY = re.compile(r"(?<![\w:])(?:deskwatch|probe)_\w+")
SELECTOR = re.compile(r"(?<![\w:])(?:(?:deskwatch|probe)_\w+|up\b|(?:asset|instance):\w+:\w+)(?:\{[^}]*\})?")
COMPARED = re.compile(r"[^=!~][<>]|==|unless|absent")

NOT_IN_THE_DEMO: Mapping[str, str] = {
    "deskwatch_(alertmanager|alerts_received)_.+": "the demo tells no Alertmanager and hears of none",
    "deskwatch_messages_waiting": "its receiver takes every message at once",
    "deskwatch_incident_acknowledged_after_seconds_.+": "without the script nobody acknowledges",
    "deskwatch_access_credentials|deskwatch_door_(battery_ratio|fault)": "UniFi Access does not tell",
    "deskwatch_door_(newest_event_age|quiet)_seconds": "nobody goes through its doors",
    "deskwatch_egress_(address_age|fail(back|over))_seconds": "only once a line was seen to change",
    "deskwatch_heartbeat_run_seconds": "its backup does not say when it begins",
    "deskwatch_display_filter_used_ratio": "the settings of its projector name no life of a filter",
    "deskwatch_printer_waste_room_ratio": "its printer has no waste box",
    "deskwatch_review_signed_timestamp_seconds": "nobody has signed a review off",
    COMES_LATER: "told from 100 echoes on, after five minutes",
    "deskwatch_ups_(alarms|battery_volts|input_hertz|on_battery_seconds|output_.+|overloaded|replace_battery)": (
        "its UPS speaks the parts of the standard that small ones have"
    ),
    "deskwatch_wifi_(radius_.+|ssid_radios)": "its controller has passwords, no RADIUS, and does not count radios",
    "probe_dns_serial": "its name server is asked for an address",
    "probe_http_last_modified_timestamp_seconds": "its pages do not say",
}
"""Families that no check of the demo has though its kind may, as patterns. Those of other kinds need no mention."""


@asynccontextmanager
async def scraped(deskwatch: Deskwatch) -> AsyncIterator[Prometheus]:
    """A Prometheus with all our rules that scrapes the running Deskwatch."""
    target = deskwatch.url.removeprefix("http://")
    rules = RULES / "*.rules.yaml"
    async with prometheus(deskwatch.folder, free_port(), target, rules, every=f"{EVERY}s") as server:
        yield server


async def break_things(folder: Path, seconds: float) -> None:
    """Let one fault of the demo follow the other."""
    try:
        async with asyncio.timeout(seconds):
            while True:
                for fault in FAULTS:
                    await trigger(folder, fault.id, LASTS)
                    await asyncio.sleep(LASTS)
    except TimeoutError:
        pass


async def series(deskwatch: Deskwatch) -> dict[str, float]:
    """What /metrics has of checks and of Deskwatch itself: not what any Python process tells, nor what comes later."""
    _, text = await deskwatch.get("/metrics")
    found = (sample for family in parse(text) for sample in family.samples)
    return {
        f"{one.name}{sorted(one.labels.items())}": one.value
        for one in found
        if one.name.startswith(("deskwatch_", "probe_")) and one.name != COMES_LATER
    }


async def all_pass(deskwatch: Deskwatch, config: Path) -> Series:
    """The series once every check of the site has run and passes."""
    checks = len(load(config).checks)

    async def passing() -> Series | None:
        found = await series(deskwatch)
        states = [value for name, value in found.items() if name.startswith("probe_success[")]
        return frozenset(found) if len(states) == checks and all(states) else None

    found = await until(passing, "every check to pass", SETTLED, every=0.5)
    assert found
    return found


async def same(deskwatch: Deskwatch, before: Series) -> None:
    """Wait until there are exactly the same series as before, without an exception."""

    async def difference() -> Series:
        return before ^ frozenset(await series(deskwatch))

    async def none() -> bool:
        return not await difference()

    try:
        await until(none, "the same series", SETTLED, every=0.5)
    except pytest.fail.Exception:
        pytest.fail(f"gone or new: {sorted(await difference())}")


async def ask(client: aiohttp.ClientSession, server: Prometheus, promql: str) -> bool:
    """Whether a query finds something. A query that Prometheus refuses fails the test."""
    async with client.get(f"{server.url}/api/v1/query", params={"query": promql}) as answer:
        body = await answer.json()
    assert body["status"] == "success", f"{promql}: {body.get('error')}"
    return bool(body["data"]["result"])


def rule_questions() -> Iterator[tuple[str, str]]:
    """What Prometheus records, and what each alert asks."""
    document = yaml.safe_load((RULES / "recording.rules.yaml").read_text("utf-8"))
    recorded = [rule for group in document["groups"] for rule in group["rules"]]
    yield from ((rule["record"], rule["expr"]) for rule in recorded)
    yield from ((alert.name, alert.expr) for name in FILES for alert in alerts(name))


def panel_questions() -> Iterator[tuple[str, str]]:
    """What each panel of each dashboard asks."""
    for one in dashboards.queries(scraped=f"{EVERY}s"):
        yield f"{one.dashboard}: {one.panel}", one.promql


async def answers(server: Prometheus, questions: Iterable[tuple[str, str]], known: frozenset[str]) -> None:
    """Wait until each question has found something: between two scrapes of which one failed, none does."""
    left = list(questions)

    async def none_left() -> bool:
        left[:] = await unanswered(server, left, known)
        return not left

    try:
        await until(none_left, "an answer to each question", every=EVERY)
    except pytest.fail.Exception:
        pytest.fail(f"nothing found: {left}")


async def unanswered(
    server: Prometheus, questions: Iterable[tuple[str, str]], known: frozenset[str]
) -> list[tuple[str, str]]:
    """The questions that find nothing, though the demo has all that they ask for.

    One that looks for trouble may find none: then each series that it looks at must be there.
    """
    async with aiohttp.ClientSession() as client:
        return [
            (name, promql)
            for name, promql in questions
            if not await ask(client, server, promql)
            and not any(missing(family, known) for family in FAMILY.findall(promql))
            and not (COMPARED.search(promql) and await all_there(client, server, promql))
        ]


async def all_there(client: aiohttp.ClientSession, server: Prometheus, promql: str) -> bool:
    return all([await ask(client, server, selector) for selector in SELECTOR.findall(promql)])


def missing(name: str, known: frozenset[str]) -> bool:
    """Whether the demo has no such family: none of its kinds measures it, or the table says why."""
    kinds = families.find(name).kinds
    return (bool(kinds) and known.isdisjoint(kinds)) or any(re.fullmatch(one, name) for one in NOT_IN_THE_DEMO)


def left_out(promql: str, known: frozenset[str]) -> bool:
    """Whether an alert asks for one kind of check that the demo lacks."""
    asked = re.findall(r'kind=~?"([^"]+)"', promql)
    return bool(asked) and not any(re.fullmatch(pattern, kind) for pattern in asked for kind in known)


async def reload(deskwatch: Deskwatch) -> None:
    async with aiohttp.ClientSession() as client, client.post(f"{deskwatch.url}/-/reload") as answer:
        assert answer.status == 200, await answer.text()


@pytest.mark.timeout(SECONDS + 900)
async def test_every_panel_and_every_rule_finds_something_and_a_reload_changes_no_series(deskwatch: Deskwatch) -> None:
    await deskwatch.start("demo", "--port", str(deskwatch.port), "--folder", "demo", "--no-script")
    folder = deskwatch.folder / "demo"
    config = folder / "site.yaml"
    async with scraped(deskwatch) as server:
        await break_things(folder, SECONDS)
        before = await all_pass(deskwatch, config)

        known = frozenset(check.kind for check in load(config).checks)
        rules = [(name, promql) for name, promql in rule_questions() if not left_out(promql, known)]
        await answers(server, rules, known)
        await answers(server, panel_questions(), known)

        await reload(deskwatch)
        await same(deskwatch, before)

        site = yaml.safe_load(config.read_text("utf-8"))
        site["equipment"] = [asset for asset in site["equipment"] if asset["id"] != "printer"]
        config.write_text(yaml.safe_dump(site))
        await reload(deskwatch)

        async def gone() -> bool:
            async with aiohttp.ClientSession() as client:
                return not await ask(client, server, '{asset="printer", __name__=~"(deskwatch|probe)_.+"}')

        await until(gone, "the printer's series to end", every=0.5)
        assert {one for one in before if "'printer'" not in one} >= set(await series(deskwatch))


async def test_a_restart_brings_back_the_same_series(deskwatch: Deskwatch, tmp_path: Path) -> None:
    async with Demo(tmp_path / "demo", deskwatch.port) as demo:
        await deskwatch.start("run", str(demo.config_path))
        before = await all_pass(deskwatch, demo.config_path)
        await deskwatch.end(signal.SIGTERM)
        await deskwatch.start("run", str(demo.config_path))
        await same(deskwatch, before)
