"""access.kisi against an emulator of the documented API; what holds for all such kinds is in test_door_probe."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from peers.kisi import (
    CARDS,
    CONTROLLERS,
    EVENTS,
    KEY,
    LOCKS,
    READERS,
    USERS,
    WIRELESS,
    account,
    controller,
    lock,
    pages,
    reader,
    wireless,
)
from peers.looks import values_of
from peers.tcp import serving
from peers.web_api import Reply, WebApi

from probes import Failed, Measured
from probes._engines import Engines
from probes.access.kisi import Kisi, KisiParams, seen


@pytest.fixture
async def engines(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Engines]:
    monkeypatch.setenv("KEY", KEY)
    engines = Engines()
    yield engines
    assert engines.http.running == 0
    engines.close()


async def asked(engines: Engines, system: WebApi, **settings: Any) -> Measured:
    async with serving(system.talk) as port:
        given = {"url": f"http://127.0.0.1:{port}/", "key": "${env:KEY}", **settings}
        return await Kisi(KisiParams.model_validate(given), engines).measure(60)


async def failing(engines: Engines, system: WebApi, **settings: Any) -> Failed:
    with pytest.raises(Failed) as failed:
        await asked(engines, system, **settings)
    return failed.value


values = values_of(Kisi.metrics)


async def test_an_account_that_is_well_tells_of_its_doors(engines: Engines) -> None:
    system = account()
    found = await asked(engines, system, place=7)
    assert found.detail.startswith("2 of 2 doors are online; a door was last used ")
    told = values(found.samples)
    assert told.pop("door_newest_event_age_seconds") >= 0
    assert told == {
        **{f"door_{what}/{name}": 0 for what in ("open", "unlocked", "held_open") for name in _NAMES},
        "door_fault/Studio": 0,
        "door_online/Front door": 1,
        "door_online/Studio": 1,
        "door_battery_ratio/Studio": 0.85,
        "door_reader_online/Reader front": 1,
        "door_panel_online/Controller": 1,
        "door_missing": 0,
        "access_users": 143,
        "access_credentials": 97,
    }
    assert system.paths == [LOCKS, CONTROLLERS, READERS, WIRELESS, USERS, CARDS, EVENTS]
    assert system.asked[0].query == {"configured": ["true"], "limit": ["250"], "offset": ["0"], "place_id": ["7"]}
    assert system.asked[4].query == {"limit": ["1"]}, "of people as few as can be"


_NAMES = ("Front door", "Studio")


async def test_all_pages_are_read(engines: Engines) -> None:
    system = account()
    system.answers[LOCKS] = pages(*(lock(number, f"Door {number}") for number in range(300)))
    assert (await asked(engines, system)).detail.startswith("300 of 300 doors")
    assert system.paths.count(LOCKS) == 2


async def test_a_list_that_breaks_off_is_no_reason_to_miss_doors(engines: Engines) -> None:
    system = account()
    system.answers[LOCKS] = pages(lock(1, "Front door"), total=9)
    assert await asked(engines, system, doors=["Front door", "Studio"])
    assert system.paths.count(LOCKS) == 2


@pytest.mark.parametrize(
    ("path", "answer", "reason", "words"),
    [
        (LOCKS, pages(lock(1, "Front door", online=False)), "door_offline", "offline: Front door"),
        (LOCKS, pages(lock(1, "Front door", locked_down=True)), "lockdown", "nobody gets in: Front door"),
        (WIRELESS, pages(wireless(1, "50", online=False)), "door_offline", "offline: Front door"),
        (LOCKS, pages(lock(2, "Studio")), "door_missing", "Front door (it has Studio)"),
    ],
)
async def test_what_is_wrong_is_told(engines: Engines, path: str, answer: Any, reason: str, words: str) -> None:
    system = account()
    system.answers[path] = answer
    failed = await failing(engines, system, doors=["Front door"])
    assert (failed.reason, words in failed.detail) == (reason, True), failed.detail


async def test_a_controller_that_is_offline_is_told(engines: Engines) -> None:
    system = account()
    system.answers[CONTROLLERS] = pages(controller("Controller", online=False))
    failed = await failing(engines, system)
    assert failed.detail.startswith("offline: Controller, and behind it Studio; ")
    assert (await failing(engines, system, doors=["Studio"])).reason == "panel_offline"


async def test_a_door_unlocked_by_its_schedule_outside_the_hours_is_told(engines: Engines) -> None:
    system = account()
    system.answers[LOCKS] = pages(lock(1, "Front door", unlocked=True, on_scheduled_unlock=True))
    failed = await failing(engines, system, unlocked_hours="never", unlocked_for=0)
    assert "unlocked outside never: Front door (by its schedule)" in failed.detail


async def test_faults_of_wireless_locks_and_readers_are_told(engines: Engines) -> None:
    system = account()
    system.answers[WIRELESS] = pages(wireless(2, "low", motor_stall=True, loss_of_rf=True))
    system.answers[READERS] = pages(reader("Reader front", 1, online=False), reader("Lift", None))
    found = await asked(engines, system)
    assert "fault: Studio (its motor is stuck, no radio contact)" in found.detail
    assert "battery low: Studio (15%)" in found.detail
    assert "readers offline: Reader front" in found.detail


async def test_a_door_that_kisi_cannot_tell_of_is_not_guessed_at(engines: Engines) -> None:
    system = account()
    system.answers[LOCKS] = pages(lock(1, "Front door", online=None))
    assert "door_online/Front door" not in values((await asked(engines, system)).samples)


async def test_without_the_header_line_there_is_no_number(engines: Engines) -> None:
    system = account()
    system.answers[USERS] = Reply([{"id": 1}])
    system.answers[LOCKS] = [lock(1, "Front door")]
    told = values((await asked(engines, system)).samples)
    assert "access_users" not in told
    assert told["access_credentials"] == 97


FIELDS = st.dictionaries(
    st.sampled_from(["id", "name", "online", "open", "lock_id", "battery_level", "controller", "unlocked"]),
    st.none() | st.booleans() | st.integers(0, 3) | st.text(max_size=5) | st.just({"name": "C"}) | st.just([1]),
)
ROWS = st.lists(FIELDS, max_size=3)


@given(ROWS, ROWS, ROWS, ROWS)
def test_any_answer_makes_a_view(locks: Any, controllers: Any, readers: Any, wireless: Any) -> None:
    view = seen(locks, controllers, readers, wireless)
    assert len({door.name for door in view.doors}) == len(locks)
