"""access.unifi against an emulator of the documented API; what holds for all such kinds is in test_door_probe."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from peers.certificates import Authority, authority
from peers.looks import values_of
from peers.tcp import serving
from peers.unifi_access import (
    DEVICES,
    DOORS,
    EMERGENCY,
    FRONT,
    TOKEN,
    USERS,
    YARD,
    console,
    device,
    door,
    rule,
    said,
)
from peers.web_api import Reply, WebApi

from probes import Failed, Measured, Unmeasured
from probes._engines import Engines
from probes.access.unifi import UnifiAccess, UnifiAccessParams, seen

__all__ = ["authority"]


@pytest.fixture
async def engines(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Engines]:
    monkeypatch.setenv("TOKEN", TOKEN)
    engines = Engines()
    yield engines
    assert engines.http.running == 0
    engines.close()


async def asked(engines: Engines, authority: Authority, system: WebApi, **settings: Any) -> Measured:
    async with serving(system.talk, tls=authority.issue().context()) as port:
        given = {"host": "127.0.0.1", "port": port, "token": "${env:TOKEN}", "ca_file": str(authority.file), **settings}
        return await UnifiAccess(UnifiAccessParams.model_validate(given), engines).measure(60)


values = values_of(UnifiAccess.metrics)


async def test_a_console_that_is_well_tells_of_its_doors(engines: Engines, authority: Authority) -> None:
    system = console()
    found = await asked(engines, authority, system)
    assert found.detail == "2 of 2 doors are online"
    assert values(found.samples) == {
        "door_online/Front door": 1,
        "door_open/Front door": 0,
        "door_held_open/Front door": 0,
        "door_unlocked/Front door": 0,
        "door_online/Yard": 1,
        "door_unlocked/Yard": 0,
        "door_reader_online/Reader front": 1,
        "door_reader_online/Reader yard": 1,
        "door_panel_online/Hub front": 1,
        "door_panel_online/Hub yard": 1,
        "door_missing": 0,
        "access_users": 143,
    }
    assert system.paths == [DOORS, DEVICES, EMERGENCY, USERS]
    assert system.asked[-1].query == {"page_num": ["1"], "page_size": ["1"]}, "people carry PINs: as few as can be"


@pytest.mark.parametrize(
    ("path", "answer", "reason", "words"),
    [
        (
            DEVICES,
            said([[device("h", "Hub front", FRONT, "is_hub", online=False)]]),
            "panel_offline",
            "offline: Hub front, and behind it Front door",
        ),
        (EMERGENCY, said({"evacuation": True, "lockdown": False}), "evacuation", "an evacuation is active"),
        (EMERGENCY, said({"evacuation": False, "lockdown": True}), "lockdown", "a lockdown is active"),
        (DOORS, said([door(YARD, "Yard")]), "door_missing", "Front door"),
        (DOORS, said([door(FRONT, "Front door", bound=False)]), "door_missing", "Front door"),
        (DOORS, {"code": "CODE_SYSTEM_ERROR", "msg": "x", "data": None}, "wrong_status", "CODE_SYSTEM_ERROR"),
        (DEVICES, said({"h": 1}), "malformed", "data is no list"),
    ],
)
async def test_what_is_wrong_is_told(
    engines: Engines, authority: Authority, path: str, answer: Any, reason: str, words: str
) -> None:
    system = console()
    system.answers[path] = answer
    with pytest.raises(Failed) as failed:
        await asked(engines, authority, system, doors=["Front door"])
    assert (failed.value.reason, words in failed.value.detail) == (reason, True), failed.value.detail


async def test_a_hub_that_is_offline_leaves_the_doors_of_others_alone(engines: Engines, authority: Authority) -> None:
    system = console()
    system.answers[DEVICES] = said([[device("h", "Hub yard", YARD, "is_hub", online=False)]])
    assert (await asked(engines, authority, system, doors=["Front door"])).detail.startswith("1 door;")


async def test_a_door_that_is_kept_unlocked_is_asked_why(engines: Engines, authority: Authority) -> None:
    system = console()
    system.answers[DOORS] = said([door(FRONT, "Front door", "open", "unlock"), door("../users", "Evil", lock="unlock")])
    system.answers[rule(FRONT)] = said({"type": "keep_unlock", "ended_time": 0})
    with pytest.raises(Failed, match=r"unlocked outside never: Front door \(kept unlocked by hand\)") as failed:
        await asked(engines, authority, system, unlocked_hours="never", unlocked_for=0)
    assert failed.value.reason == "unlocked_outside_schedule"
    assert values(failed.value.samples)["door_open/Front door"] == 1
    assert sum("lock_rule" in path for path in system.paths) == 1, "an id that is none stays out of the path"


async def test_a_token_that_is_refused_with_a_good_status_is_refused(engines: Engines, authority: Authority) -> None:
    system = console()
    system.answers[DOORS] = {"code": "CODE_ACCESS_TOKEN_INVALID", "msg": "", "data": None}
    with pytest.raises(Unmeasured, match=r"CODE_ACCESS_TOKEN_INVALID; correct `token`") as unmeasured:
        await asked(engines, authority, system)
    assert unmeasured.value.reason == "no_permission"


async def test_a_clock_that_is_wrong_is_measured(engines: Engines, authority: Authority) -> None:
    system = console()
    doors = system.answers[DOORS]
    system.answers[DOORS] = Reply(doors, headers=(("Date", "Mon, 16 Nov 2020 09:00:00 GMT"),))
    assert values((await asked(engines, authority, system)).samples)["door_clock_skew_seconds"] > 1e8


def test_devices_that_stand_in_one_list_are_understood() -> None:
    view = seen([door(FRONT, "A")], [device("h", "", FRONT, "is_hub")], {})
    assert (view.panels[0].name, view.doors[0].panel) == ("#1", "#1")


FIELDS = st.dictionaries(
    st.sampled_from(["id", "name", "alias", "capabilities", "location_id", "is_online", "door_position_status"]),
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just(["is_hub"]) | st.just(["is_reader"]),
)


@given(st.lists(FIELDS, max_size=3), st.lists(FIELDS, max_size=3))
def test_any_answer_makes_a_view(doors: list[dict[str, Any]], devices: list[dict[str, Any]]) -> None:
    view = seen(doors, devices, {})
    assert len({door.name for door in view.doors}) == len(doors)
