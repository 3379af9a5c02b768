"""What a memo costs: a month of history read back, reckoned, and put into words."""

import asyncio
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bench.harness import Figures, Goal, Section, Spread, spread, table
from bench.month import END, START, month, record, save, site
from monitor.config import Config, load
from monitor.reports import monthly, rendering, series, standings
from monitor.reports.facts import gather
from monitor.store import Store

CHECKS, SEED = 300, 7
RECORDED = 10
"""How many checks have an hour of values for every hour of the month."""
METRICS = ("probe_icmp_loss_ratio", "probe_icmp_rtt_seconds")
STEPS = ("read", "reckon and write", "render")
"""What a memo is made in."""
PER_MEMO = 2.0
"""CPU seconds; it is made once, beside the watching."""


def measure(quick: bool) -> Section:
    """The steps of a monthly memo over a store that is a month old, each in CPU seconds."""
    with tempfile.TemporaryDirectory() as folder:
        runs = asyncio.run(_measured(Path(folder), 1 if quick else 5))
    found = {name: spread([run[name] for run in runs]) for name in runs[0]}
    whole = spread([sum(run[name] for name in STEPS) for run in runs])
    return Section("A monthly memo", _text(found, whole), _goals(whole))


async def _measured(folder: Path, rounds: int) -> list[Figures]:
    (folder / "site.yaml").write_text(site(CHECKS))
    config = load(folder / "site.yaml")
    store = await Store.open(f"sqlite:///{folder}/bench.db")
    try:
        await _fill(store, config)
        return [await _round(store, config) for _ in range(rounds)]
    finally:
        await store.close()


async def _fill(store: Store, config: Config) -> None:
    async with store.begin() as conn:
        await save(conn, month(CHECKS, SEED))
        for seed, check in enumerate(config.checks[:RECORDED]):
            await record(conn, check.id, seed)


async def _round(store: Store, config: Config) -> Figures:
    """The month and the month before, which is empty."""
    found: dict[str, float] = {}
    async with store.connect() as conn:
        with _timed(found, "read"):
            facts = await gather(conn, config, START, END, END)
            earlier = await gather(conn, config, START - (END - START), START, END)
        with _timed(found, "hours of values"):
            checks = [check.id for check in config.checks[:RECORDED]]
            await series.hourly(conn, checks, METRICS, START, END)
    with _timed(found, "availability alone"):
        standings.of_assets(facts)
    with _timed(found, "reckon and write"):
        (document,) = monthly.documents(facts, earlier)
    with _timed(found, "render"):
        rendering.page(document)
    return {**found, "spans": sum(map(len, facts.spans.values()))}


@contextmanager
def _timed(found: dict[str, float], name: str) -> Iterator[None]:
    """Notes the CPU seconds of a block, threads included."""
    began = time.process_time()
    yield
    found[name] = time.process_time() - began


def _text(found: Mapping[str, Spread], whole: Spread) -> str:
    rows = [(name, f"{one:.2f}") for name, one in found.items() if name != "spans"]
    return (
        f"{CHECKS} checks with {found['spans'].median:.0f} spans of status in a month on SQLite. Reading them, "
        f"reckoning, writing and rendering the memo takes {whole:.2f} CPU s; the hours of values are of {RECORDED} "
        f"checks with five series each.\n\n{table(('step', 'CPU s'), rows)}"
    )


def _goals(whole: Spread) -> tuple[Goal, ...]:
    met = whole.median < PER_MEMO
    return (Goal(f"A monthly memo of {CHECKS} checks", "< 5 CPU s", f"{whole.median:.1f} s", met),)
