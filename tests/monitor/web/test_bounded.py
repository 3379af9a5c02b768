"""What a page costs must not grow with the years: the statements it makes, the rows it reads, the bytes it sends."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aiohttp.test_utils import TestClient
from sqlalchemy import event
from sqlalchemy.engine import Engine

from bench import year
from bench.year import Year
from monitor.config import load
from monitor.config.model import Asset
from monitor.web.past_days import KeptDays
from probes import Reading, Status

ASSETS = 2
PAGES = (
    "/",
    "/wallboard",
    "/assets/asset-1",
    "/checks/asset-1/c0",
    "/incidents",
    "/incidents?asset=asset-1",
    "/why?about=asset-1/c0",
    "/deliveries",
    "/reports",
    "/audit-log",
    "/api/v1/availability",
)
"""Those that show what is now, what was of late, or one page of what was."""
QUARTER = 90
PER_ASSET = 260
"""Bytes of the board for a thing that works, however many there are."""


class Read(NamedTuple):
    """What a page asked of the database, and how many rows it got."""

    statements: int
    rows: int


@contextmanager
def counted() -> Iterator[list[int]]:
    """The rows that each statement within the block has read."""
    found: list[int] = []

    def note(_conn: Any, cursor: Any, *_: Any) -> None:
        found.append(len(cursor._rows))  # what the adapter of aiosqlite has fetched already

    event.listen(Engine, "after_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(Engine, "after_cursor_execute", note)


async def read(person: TestClient, path: str) -> Read:
    """What a page reads, made anew."""
    with counted() as found:
        answer = await person.get(path)
        assert answer.status == 200, await answer.text()
    return Read(len(found), sum(found))


async def reads(space: Any, person: TestClient) -> dict[str, Read]:
    """What every page reads; that somebody was seen is written down before."""
    await person.get("/about")
    found = {}
    for path in PAGES:
        space.touch()
        found[path] = await read(person, path)
    return found


def watch(space: Any, size: Year, folder: Path) -> None:
    """Have the service watch a site of that size, of which everything works."""
    (folder / "site.yaml").write_text(year.site(size, 80, 60).replace("PORT", "8470"))
    space.config = replace(space.config, assets=load(folder / "site.yaml").assets)
    works(space)


def works(space: Any) -> None:
    now = datetime.now(UTC)
    for check in space.config.checks:
        space.latest[check.id] = Reading(check.id, now, 0.001, Status.UP, "ok", "answered in 0.41 ms")


async def test_no_page_reads_more_as_the_history_grows(
    space: Any, person: TestClient, stopped: datetime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(year, "_WORST", timedelta(days=1))
    monkeypatch.setattr(KeptDays, "keep", lambda *_: None)  # every look is as the first one
    recent = Year(assets=ASSETS, incidents=150, audited=300, days=QUARTER + 1)
    watch(space, recent, tmp_path)
    async with space.store.begin() as conn:
        await year.save(conn, recent, stopped)
    young = await reads(space, person)
    async with space.store.begin() as conn:
        await year.save(conn, recent._replace(days=270, incidents=450, live=0), stopped - timedelta(days=recent.days))
    assert await reads(space, person) == young


async def test_no_page_makes_more_statements_as_more_is_watched(
    space: Any, person: TestClient, stopped: datetime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(year, "_WORST", timedelta(days=1))
    large = Year(assets=5 * ASSETS, incidents=0, audited=0, days=2, live=0)
    async with space.store.begin() as conn:
        await year.save(conn, large, stopped)
    found = []
    for size in (large._replace(assets=ASSETS), large):
        watch(space, size, tmp_path)
        found.append({path: one.statements for path, one in (await reads(space, person)).items()})
    assert found[0] == found[1]


async def test_the_board_takes_few_bytes_for_each_thing_that_works(
    space: Any, person: TestClient, make_asset: Callable[..., Asset]
) -> None:
    sizes = []
    for many in (100, 200):
        space.config = replace(space.config, assets=())
        space.add(*(make_asset(f"room-{number:03}", f"Meeting room {number:03}", "rooms") for number in range(many)))
        works(space)
        space.touch()
        sizes.append(len(await (await person.get("/fragment/board")).read()))
    assert sizes[1] - sizes[0] <= 100 * PER_ASSET
