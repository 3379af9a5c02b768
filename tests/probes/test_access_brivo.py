"""access.brivo against an emulator of what is known of the API; what holds for all is in test_door_probe."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from peers.brivo import (
    API_KEY,
    CREDENTIALS,
    EVENTS,
    PANELS,
    PASSWORD,
    POINTS,
    SECRET,
    SIGN_IN,
    USERS,
    account,
    pages,
    point,
    status,
)
from peers.looks import values_of
from peers.tcp import serving
from peers.web_api import Reply, WebApi

from probes import Failed, Measured, Unmeasured
from probes._engines import Engines
from probes.access.brivo import MOST_LIVE, Brivo, BrivoParams, seen


@pytest.fixture
async def engines(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Engines]:
    for name, value in {"KEY": API_KEY, "SECRET": SECRET, "PASSWORD": PASSWORD, "OLD": "canary-old-1"}.items():
        monkeypatch.setenv(name, value)
    engines = Engines()
    yield engines
    assert engines.http.running == 0
    engines.close()


def probing(engines: Engines, port: int, **settings: Any) -> Brivo:
    given = {
        "api_key": "${env:KEY}",
        "client_id": "client",
        "client_secret": "${env:SECRET}",
        "username": "desk",
        "password": "${env:PASSWORD}",
        "url": f"http://127.0.0.1:{port}/v1/api",
        "sign_in_url": f"http://127.0.0.1:{port}/oauth/token",
        **settings,
    }
    return Brivo(BrivoParams.model_validate(given), engines)


async def asked(engines: Engines, system: WebApi, **settings: Any) -> Measured:
    async with serving(system.talk) as port:
        return await probing(engines, port, **settings).measure(60)


values = values_of(Brivo.metrics)


async def test_an_account_that_is_well_tells_of_its_doors(engines: Engines) -> None:
    system = account()
    found = await asked(engines, system)
    assert found.detail.startswith("1 of 1 door is online; 1 more does not tell; a door was last used ")
    told = values(found.samples)
    assert told.pop("door_newest_event_age_seconds") >= 0
    assert told == {
        "door_online/Front door": 1,
        "door_open/Front door": 0,
        "door_held_open/Front door": 0,
        "door_unlocked/Front door": 0,
        "door_panel_online/ACS300 ground floor": 1,
        "door_missing": 0,
        "access_users": 143,
        "access_credentials": 97,
    }
    assert system.paths == [SIGN_IN, POINTS, PANELS, status(11), EVENTS, USERS, CREDENTIALS]
    assert system.asked[-1].query == {"pageSize": ["1"]}, "of cards as few as can be"


async def test_a_token_of_five_minutes_serves_several_looks(engines: Engines) -> None:
    system = account()
    async with serving(system.talk) as port:
        probe = probing(engines, port)
        await probe.measure(60)
        await probe.measure(60)
        assert system.paths.count(SIGN_IN) == 1
        system.first = [Reply({"error": "invalid_token"}, 401)]
        await probe.measure(60)
        assert system.paths.count(SIGN_IN) == 2


@pytest.mark.parametrize(("wrong", "code"), [({"password": "${env:OLD}"}, 400), ({"api_key": "${env:OLD}"}, 401)])
async def test_a_password_that_is_not_accepted_is_told(engines: Engines, wrong: dict[str, str], code: int) -> None:
    with pytest.raises(Unmeasured, match=f"Brivo does not let us in, status {code}; correct ") as unmeasured:
        await asked(engines, account(), **wrong)
    assert unmeasured.value.reason == "no_permission"
    assert "canary-" not in str(unmeasured.value)


@pytest.mark.parametrize(
    ("path", "answer", "reason", "words"),
    [
        (status(11), {"isConnected": False}, "door_offline", "offline: Front door"),
        (status(11), {"connectionStatus": "DISCONNECTED"}, "door_offline", "offline: Front door"),
        (
            PANELS,
            pages({"id": 31, "serialNumber": "W0431", "isConnected": False}),
            "panel_offline",
            "offline: W0431, and behind it Front door",
        ),
        (POINTS, pages(point(12, "Studio")), "door_missing", "Front door (it has Studio)"),
    ],
)
async def test_what_is_wrong_is_told(engines: Engines, path: str, answer: Any, reason: str, words: str) -> None:
    system = account()
    system.answers[path] = answer
    with pytest.raises(Failed) as failed:
        await asked(engines, system, doors=["Front door"])
    assert (failed.value.reason, words in failed.value.detail) == (reason, True), failed.value.detail


async def test_a_site_has_its_own_doors_and_panels(engines: Engines) -> None:
    system = account()
    system.answers[POINTS] = pages(point(11, "Front door"), point(13, "Elsewhere", site=6, panel=32))
    found = await asked(engines, system, site=5)
    assert {sample.part for sample in found.samples} == {"Front door", "ACS300 ground floor", ""}


async def test_all_pages_are_read_and_few_doors_asked_how_they_are(engines: Engines) -> None:
    system = account()
    system.answers[POINTS] = pages(*(point(number, f"Door {number}") for number in range(1000, 1150)))
    found = await asked(engines, system)
    assert found.detail.startswith("150 doors; ")
    assert system.paths.count(POINTS) == 2
    assert sum(path.endswith("/status") for path in system.paths) == MOST_LIVE


async def test_a_status_that_is_called_otherwise_blames_no_door(engines: Engines) -> None:
    system = account()
    system.answers[status(11)] = {"accessPointId": 11, "reported": {"a": 1}}
    assert (await asked(engines, system)).detail.startswith("2 doors; whether they are online is not told")


FIELDS = st.dictionaries(
    st.sampled_from(["id", "name", "controlPanelId", "siteId", "isConnected", "batteryLevel", "serialNumber"]),
    st.none() | st.booleans() | st.integers(0, 3) | st.text(max_size=5) | st.just([1]),
)


@given(st.lists(FIELDS, max_size=3), st.lists(FIELDS, max_size=3), st.dictionaries(st.integers(0, 3), FIELDS))
def test_any_answer_makes_a_view(points: Any, panels: Any, live: Any) -> None:
    assert len({door.name for door in seen(points, panels, live).doors}) == len(points)
