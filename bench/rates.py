"""What a kind of probe costs at a steady rate: the whole service beside a blackbox_exporter that is driven as fast."""

import asyncio
import time
from collections.abc import Sequence
from typing import NamedTuple

import aiohttp

from bench import peers
from bench.harness import Figures, Goal, Section, Spread, at_most, cpu, rss, spread, table

CHECKS = 500
INTERVAL = 2.5
"""Seconds between two runs of a check: with CHECKS of them, 200 runs a second."""

OURS, THEIRS = "Deskwatch", "blackbox_exporter"

ROUNDS = 3
WINDOW = 15
"""Seconds of a round."""
SETTLE = 14
"""Seconds until every check has run as often as the longest window of a rule looks back."""

_SITE = """\
site: {{id: bench, name: Bench, timezone: Europe/Lisbon, capacity: 100}}
server: {{listen: "127.0.0.1:PORT"}}
equipment:
  - id: target
    name: Target
    checks:
{checks}
"""


class Comparison(NamedTuple):
    """What is compared: a name for people, the checks in YAML's flow notation, a module of blackbox_exporter and the
    targets that it is given, and the share of its CPU time that is the goal."""

    name: str
    checks: Sequence[str]
    module: str
    targets: Sequence[str]
    ratio: float


def compare(comparison: Comparison, quick: bool) -> Section:
    """Both at the same rate against the same target, in the same seconds."""
    urls = [f"/probe?module={comparison.module}&target={target}" for target in comparison.targets]
    settle, length, rounds = (4, 4, 1) if quick else (SETTLE, WINDOW, ROUNDS)
    with peers.blackbox() as theirs, peers.deskwatch(site_of(comparison.checks)) as ours:
        time.sleep(settle)
        found = [_window(ours, theirs, [theirs.url + url for url in urls], length) for _ in range(rounds)]
    by_name = {name: _spreads([one[name] for one in found]) for name in (OURS, THEIRS)}
    return Section(comparison.name, _text(by_name), (_goal(comparison, by_name),))


def site_of(checks: Sequence[str]) -> str:
    """A site.yaml with these checks, each in YAML's flow notation without braces."""
    lines = (
        f"      - {{name: c{index}, interval: {INTERVAL}s, timeout: 2s, {check}}}" for index, check in enumerate(checks)
    )
    return _SITE.format(checks="\n".join(lines))


def _window(ours: peers.Running, theirs: peers.Running, urls: Sequence[str], seconds: float) -> dict[str, Figures]:
    """What both used meanwhile. Ours is scraped once, theirs answers each probe with its metrics."""
    runs = _runs(ours)
    before, began = (cpu(ours.pid), cpu(theirs.pid)), time.monotonic()
    asked = asyncio.run(_drive(urls, CHECKS / INTERVAL, seconds))
    runs, took = _runs(ours) - runs, time.monotonic() - began
    return {
        OURS: _figures(cpu(ours.pid) - before[0], runs, took, rss(ours.pid)),
        THEIRS: _figures(cpu(theirs.pid) - before[1], asked, took, rss(theirs.pid)),
    }


def _runs(running: peers.Running) -> float:
    """How many runs ended UP so far. Raises RuntimeError when others did not: then the figures mean nothing."""
    lines = [line for line in running.get("/metrics").splitlines() if line.startswith("deskwatch_runs_total{")]
    if any('status="up"' not in line and not line.endswith(" 0.0") for line in lines):
        raise RuntimeError(f"not all runs were up: {lines}")
    return sum(float(line.rpartition(" ")[2]) for line in lines)


async def _drive(urls: Sequence[str], rate: float, seconds: float) -> int:
    """Ask for the URLs in turn, evenly spread, over kept connections; how many there were."""
    count, began = int(rate * seconds), time.monotonic()
    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
        for index in range(count):
            await asyncio.sleep(began + index / rate - time.monotonic())
            group.create_task(_ask(session, urls[index % len(urls)]))
    return count


async def _ask(session: aiohttp.ClientSession, url: str) -> None:
    async with session.get(url) as answer:
        text = await answer.text()
    if "probe_success 1" not in text:
        raise RuntimeError(f"{url} did not succeed:\n{text[-300:]}")


def _figures(seconds: float, done: float, took: float, memory: float) -> Figures:
    return {"cpu": seconds / done * 1000, "rate": done / took, "rss": memory / 1e6}


def _spreads(rounds: Sequence[Figures]) -> dict[str, Spread]:
    return {figure: spread([one[figure] for one in rounds]) for figure in rounds[0]}


def _text(found: dict[str, dict[str, Spread]]) -> str:
    rows = [
        (name, f"{one['cpu']:.3f}", f"{one['rate'].median:.0f}", f"{one['rss'].median:.0f}")
        for name, one in found.items()
    ]
    return (
        f"{CHECKS} checks every {INTERVAL:g} s, and blackbox_exporter driven as fast in the same {WINDOW} s. Ours is "
        "the whole service: schedule, probe, rules, history, store and a scrape included. At this rate a probe that "
        "comes alone finds cold caches and wakes the process several times; ours come in slots of 50 ms, one after "
        "the other.\n\n"
        f"{table(('', 'CPU s per 1,000', 'probes/s', 'RSS MB'), rows)}"
    )


def _goal(comparison: Comparison, found: dict[str, dict[str, Spread]]) -> Goal:
    what = f"{comparison.name}: CPU per probe, whole service"
    return at_most(what, found[OURS]["cpu"], found[THEIRS]["cpu"], comparison.ratio, THEIRS)
