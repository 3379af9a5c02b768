"""access.salto_ks against an emulator of what is known of the API; what holds for all is in test_door_probe."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from peers.looks import values_of
from peers.salto_ks import IQS, LOCKS, PASSWORD, SECRET, SIGN_IN, SITE, TOKEN, USERS, lock, site
from peers.tcp import serving
from peers.web_api import Reply, WebApi

from probes import Failed, Measured, Unmeasured
from probes._engines import Engines
from probes.access.salto_ks import SaltoKs, SaltoKsParams, seen


@pytest.fixture
async def engines(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Engines]:
    monkeypatch.setenv("SECRET", SECRET)
    monkeypatch.setenv("PASSWORD", PASSWORD)
    monkeypatch.setenv("OLD", "canary-old-1")
    engines = Engines()
    yield engines
    assert engines.http.running == 0
    engines.close()


def probing(engines: Engines, port: int, **settings: Any) -> SaltoKs:
    given = {
        "site": SITE,
        "client_id": "client",
        "client_secret": "${env:SECRET}",
        "username": "desk@example.com",
        "password": "${env:PASSWORD}",
        "url": f"http://127.0.0.1:{port}/v1.2",
        "sign_in_url": f"http://127.0.0.1:{port}/connect/token",
        **settings,
    }
    return SaltoKs(SaltoKsParams.model_validate(given), engines)


async def asked(engines: Engines, system: WebApi, **settings: Any) -> Measured:
    async with serving(system.talk) as port:
        return await probing(engines, port, **settings).measure(60)


values = values_of(SaltoKs.metrics)


async def test_a_site_that_is_well_tells_of_its_doors(engines: Engines) -> None:
    system = site()
    found = await asked(engines, system)
    assert found.detail == "2 of 2 doors are online; unlocked: Studio; battery low: Studio (15%)"
    assert values(found.samples) == {
        "door_online/Front door": 1,
        "door_unlocked/Front door": 0,
        "door_battery_ratio/Front door": 0.8,
        "door_online/Studio": 1,
        "door_unlocked/Studio": 1,
        "door_battery_ratio/Studio": 0.15,
        "door_panel_online/IQ ground floor": 1,
        "door_missing": 0,
        "access_users": 143,
    }
    assert system.paths == [SIGN_IN, LOCKS, IQS, USERS]


async def test_one_token_serves_several_looks_and_an_early_end_of_it_is_made_good(engines: Engines) -> None:
    system = site()
    async with serving(system.talk) as port:
        probe = probing(engines, port)
        await probe.measure(60)
        await probe.measure(60)
        assert system.paths.count(SIGN_IN) == 1
        system.first = [Reply({"ErrorCode": 401, "Message": "expired"}, 401)]
        await probe.measure(60)
        assert system.paths.count(SIGN_IN) == 2


@pytest.mark.parametrize("wrong", [{"password": "${env:OLD}"}, {"client_secret": "${env:OLD}"}])
async def test_a_password_that_is_not_accepted_is_told(engines: Engines, wrong: dict[str, str]) -> None:
    with pytest.raises(Unmeasured, match=r"status 400; correct `client_id`, `client_secret`, `username`") as unmeasured:
        await asked(engines, site(), **wrong)
    assert unmeasured.value.reason == "no_permission"
    assert "canary-" not in str(unmeasured.value)


@pytest.mark.parametrize(
    ("path", "answer", "reason", "words"),
    [
        (LOCKS, {"items": [lock("a", "Front door", online=False)]}, "door_offline", "offline: Front door"),
        (LOCKS, {"value": [lock("a", "Front door", is_online="offline")]}, "door_offline", "offline: Front door"),
        (LOCKS, [lock("b", "Studio")], "door_missing", "Front door (it has Studio)"),
        (LOCKS, {"ErrorCode": 4711, "Message": "canary-message-1"}, "wrong_status", "error 4711"),
        (SIGN_IN, Reply({"token_type": "Bearer"}), "malformed", "gave no token"),
        (SIGN_IN, Reply({}, 500), "wrong_status", "status 500"),
    ],
)
async def test_what_is_wrong_is_told(engines: Engines, path: str, answer: Any, reason: str, words: str) -> None:
    system = site()
    system.answers[path] = answer
    with pytest.raises(Failed) as failed:
        await asked(engines, system, doors=["Front door"])
    assert (failed.value.reason, words in failed.value.detail) == (reason, True), failed.value.detail
    assert TOKEN not in str(failed.value)


async def test_an_iq_that_is_offline_is_to_blame_for_the_locks_behind_it(engines: Engines) -> None:
    system = site()
    system.answers[IQS] = {"items": [{"id": "iq-1", "customer_reference": "IQ ground floor", "online": False}]}
    with pytest.raises(Failed, match="offline: IQ ground floor, and behind it Front door, Studio") as failed:
        await asked(engines, system, doors=["Front door", "Studio"])
    assert failed.value.reason == "panel_offline"


async def test_fields_that_are_called_otherwise_blame_no_door(engines: Engines) -> None:
    system = site()
    system.answers[LOCKS] = {"items": [{"id": "a", "customer_reference": "Front door", "state": {"on": 1}}]}
    system.answers[IQS] = {"items": []}
    assert (await asked(engines, system)).detail == "1 door; whether they are online is not told"


FIELDS = st.dictionaries(
    st.sampled_from(["id", "customer_reference", "online", "locked", "iq", "battery_level", "last_seen", "open"]),
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just({"id": "a"}) | st.floats(),
)


@given(st.lists(FIELDS, max_size=3), st.lists(FIELDS, max_size=3))
def test_any_answer_makes_a_view(locks: list[dict[str, Any]], iqs: list[dict[str, Any]]) -> None:
    assert len({door.name for door in seen(locks, iqs).doors}) == len(locks)
