"""The figures of a month of 300 checks, read back from the store, are what counting every single reading gives."""

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest

from bench.month import DOWN, END, PER_ASSET, SILENT, SLOT, SLOTS, START, UP, Month, month, save, site
from incidents.availability import Availability
from incidents.recovery import time_between_failures, time_to_acknowledge, time_to_restore
from monitor.config import load
from monitor.reports.facts import Facts, gather
from monitor.reports.standings import Standing, blackouts, of_assets, of_groups, of_site
from monitor.store import Store

CHECKS, SEED = 300, 7
BERLIN = ZoneInfo("Europe/Berlin")
HOLIDAY = date(2026, 10, 14)

INSTANTS = tuple(START + number * SLOT for number in range(SLOTS))
WALLS = tuple(at.astimezone(BERLIN) for at in INSTANTS)


class Known(NamedTuple):
    """What was put into the store, what came out of it, and the CPU seconds that it took to read and to reckon."""

    month: Month
    facts: Facts
    assets: tuple[Standing, ...]
    reading: float
    reckoning: float


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Known:
    """A month in a store, read back."""
    folder = tmp_path_factory.mktemp("month")
    (folder / "site.yaml").write_text(site(CHECKS))
    return asyncio.run(_stored(folder))


async def _stored(folder: Path) -> Known:
    one, config = month(CHECKS, SEED), load(folder / "site.yaml")
    store = await Store.open(f"sqlite:///{folder}/state.db")
    try:
        async with store.begin() as conn:
            await save(conn, one)
        began = time.process_time()
        async with store.connect() as conn:
            facts = await gather(conn, config, START, END, END)
        read = time.process_time()
        return Known(one, facts, of_assets(facts), read - began, time.process_time() - read)
    finally:
        await store.close()


@pytest.fixture(scope="module")
def said(known: Known) -> list[str]:
    """What each asset did in each slot: the worst of its checks."""
    return [_worst(known.month.said, number) for number in range(CHECKS // PER_ASSET)]


def _worst(said: Mapping[str, str], number: int) -> str:
    checks = [said[f"asset-{number}/c{one}"] for one in range(PER_ASSET)]
    return "".join(DOWN if DOWN in each else UP if set(each) == {UP} else SILENT for each in zip(*checks, strict=True))


def is_open(wall: datetime) -> bool:
    """Whether the site is open, as its clock says."""
    minute = wall.hour * 60 + wall.minute
    if wall.date() == HOLIDAY:
        return False
    if wall.weekday() < 5:
        return 480 <= minute < 750 or 780 <= minute < 1200
    return 540 <= minute < 780 if wall.weekday() == 5 else minute < 360


def is_planned(wall: datetime) -> bool:
    """Whether people work on everything as planned."""
    return (wall.month, wall.day) == (10, 20) and 7 <= wall.hour < 9


def is_patched(wall: datetime) -> bool:
    """Whether people work on the first two assets as planned."""
    return wall.weekday() == 3 and 19 <= wall.hour < 21


ALL = [True] * SLOTS
OPEN = [is_open(wall) and not is_planned(wall) for wall in WALLS]
UNPATCHED = [counts and not is_patched(wall) for counts, wall in zip(OPEN, WALLS, strict=True)]


def counted(letters: str, which: list[bool]) -> Availability:
    """How much time the slots are that count."""
    chosen = [letter for letter, counts in zip(letters, which, strict=True) if counts]
    up, down = chosen.count(UP), chosen.count(DOWN)
    return Availability(up * SLOT, down * SLOT, (len(chosen) - up - down) * SLOT)


def test_every_asset_was_as_reliable_as_its_readings_say(
    known: Known, said: list[str], record_property: Callable[[str, object], None]
) -> None:
    for number, (one, letters) in enumerate(zip(known.assets, said, strict=True)):
        assert (one.name, one.people) == (f"Asset {number}", number % 7 * 10)
        assert one.open == counted(letters, UNPATCHED if number < 2 else OPEN)
        assert one.always == counted(letters, ALL)
    spans = sum(map(len, known.facts.spans.values()))
    took = f"read in {known.reading:.2f} s, reckoned in {known.reckoning:.2f} s of CPU"
    record_property("summary", f"A month of {CHECKS} checks: {spans} spans {took}")


def test_a_group_was_up_while_one_of_it_was(known: Known, said: list[str]) -> None:
    (found,) = of_groups(known.facts, known.assets)
    pairs = zip(said[0], said[1], strict=True)
    letters = "".join(UP if UP in pair else DOWN if set(pair) == {DOWN} else SILENT for pair in pairs)
    assert found.name == "Asset 0 or Asset 1"
    assert found.always == counted(letters, ALL)
    assert found.open == counted(letters, UNPATCHED)


def test_the_site_is_the_mean_of_its_assets_by_the_people_they_serve(known: Known, said: list[str]) -> None:
    slots = [0, 0]
    for number, letters in enumerate(said):
        found = counted(letters, UNPATCHED if number < 2 else OPEN)
        slots[0] += found.up // SLOT * (number % 7 * 10 or 1)
        slots[1] += found.down // SLOT * (number % 7 * 10 or 1)
    people = sum(number % 7 * 10 or 1 for number in range(len(said)))
    found = of_site(known.assets)
    assert (found.up, found.down) == (slots[0] * SLOT / people, slots[1] * SLOT / people)
    assert found.ratio == pytest.approx(slots[0] / sum(slots), abs=1e-12)


def test_the_time_in_which_nothing_was_measured_is_found(known: Known) -> None:
    silent = [at for at, *said in zip(INSTANTS, *known.month.said.values(), strict=True) if set(said) == {SILENT}]
    found = blackouts(known.facts.spans, START, END)
    assert silent
    assert [at for at in INSTANTS if any(one.starts <= at < one.ends for one in found)] == silent


def test_people_were_as_fast_as_the_incidents_say(known: Known) -> None:
    own = [one for one in known.month.incidents if one.merged_into is None]
    taken = [one.acknowledged - one.opened for one in own if one.acknowledged]
    mended = [one.resolved - one.opened for one in own if one.resolved]
    quiet = sum(not any(one.opened <= at and (not one.resolved or at < one.resolved) for one in own) for at in INSTANTS)
    asked = known.facts.incidents, START, END
    assert len(own) < len(known.facts.incidents) == len(known.month.incidents)
    assert time_to_acknowledge(*asked) == (sum(taken, timedelta()) / len(taken), len(taken))
    assert time_to_restore(*asked) == (sum(mended, timedelta()) / len(mended), len(mended))
    assert time_between_failures(*asked) == (quiet * SLOT / len(own), len(own))
