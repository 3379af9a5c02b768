"""rooms.zoom against an emulator of Zoom's cloud, over TLS with server-to-server OAuth."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from peers.canaries import canary
from peers.certificates import Authority, authority
from peers.tcp import serving, trickling
from peers.web_api import Reply, WebApi
from peers.zoom import (
    DASHBOARD,
    ROOMS,
    SECRET,
    SIGN_IN,
    account,
    devices,
    devices_of,
    health,
    not_allowed,
    pages,
    room,
)
from pydantic import ValidationError

from probes import Failed, Measured, Sample, Unmeasured
from probes._engines import Engines
from probes._engines.inventory import Inventory
from probes.rooms.zoom import MOST_ASKED, Zoom, ZoomParams, of_dashboard, of_devices

__all__ = ["authority"]


@pytest.fixture
async def engines(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Engines]:
    monkeypatch.setenv("SECRET", SECRET)
    monkeypatch.setenv("OLD", canary("zoom-old"))
    engines = Engines()
    yield engines
    assert engines.http.running == 0
    engines.close()


def probing(engines: Engines, authority: Authority, port: int, **settings: Any) -> Zoom:
    given = {
        "account": "Acc-1",
        "client_id": "client",
        "client_secret": "${env:SECRET}",
        "url": f"https://localhost:{port}/v2",
        "sign_in_url": f"https://localhost:{port}/oauth/token",
        "ca_file": str(authority.file),
        **settings,
    }
    return Zoom(ZoomParams.model_validate(given), engines)


async def asked(engines: Engines, authority: Authority, system: WebApi, check: str = "", **settings: Any) -> Measured:
    async with serving(system.talk, tls=authority.issue().context()) as port:
        probe = probing(engines, authority, port, **settings)
        probe.check = check
        return await probe.measure(60)


async def down(engines: Engines, authority: Authority, system: WebApi, check: str = "", **settings: Any) -> Failed:
    with pytest.raises(Failed) as failed:
        await asked(engines, authority, system, check, **settings)
    assert failed.value.reason in Zoom.reasons
    assert "canary-" not in f"{failed.value} {failed.value.samples}"
    return failed.value


async def unknown(engines: Engines, authority: Authority, system: WebApi, **settings: Any) -> Unmeasured:
    with pytest.raises(Unmeasured) as unmeasured:
        await asked(engines, authority, system, **settings)
    assert "canary-" not in str(unmeasured.value)
    return unmeasured.value


def values(samples: tuple[Sample, ...]) -> dict[str, float]:
    assert {sample.metric for sample in samples} <= {metric.name for metric in Zoom.metrics}
    return {f"{s.metric.removeprefix('deskwatch_room_')}/{s.part}".removesuffix("/"): s.value for s in samples}


async def test_an_account_that_is_well_tells_of_all_its_rooms(
    engines: Engines, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    system = account()
    found = await asked(engines, authority, system, dashboard=True)
    assert found.detail == "2 of 2 rooms are online; in use: Studio; being worked on: Attic"
    told = values(found.samples)
    assert {name: told[name] for name in told if "faults" not in name and "warnings" not in name} == {
        "system_online/Boardroom": 1,
        "system_online/Studio": 1,
        "system_in_use/Boardroom": 0,
        "system_in_use/Studio": 1,
        "system_maintenance/Boardroom": 0,
        "system_maintenance/Studio": 0,
        "system_maintenance/Attic": 1,
        "systems_missing": 0,
    }
    assert system.paths[:2] == [SIGN_IN, ROOMS]
    assert "canary-" not in f"{found} {caplog.text}"


async def test_a_check_of_one_room_has_its_figures_and_asks_for_its_devices_only(
    engines: Engines, authority: Authority
) -> None:
    system = account()
    found = await asked(engines, authority, system, rooms=["Studio"])
    assert found.detail == "1 of 1 room is online; in use: Studio"
    told = values(found.samples)
    assert (told["calls"], told["in_use"]) == (1, 1)
    assert system.paths == [SIGN_IN, ROOMS, devices_of("Studio")]


async def test_a_token_serves_until_it_ends(engines: Engines, authority: Authority) -> None:
    system = account()
    async with serving(system.talk, tls=authority.issue().context()) as port:
        probe = probing(engines, authority, port, devices=False)
        await probe.measure(60)
        await probe.measure(60)
        assert system.paths.count(SIGN_IN) == 1
        system.first = [Reply({"code": 124, "message": "Access token is expired."}, 401)]
        await probe.measure(60)
        assert system.paths.count(SIGN_IN) == 2


@pytest.mark.parametrize("wrong", [{"client_secret": "${env:OLD}"}, {"account": "other"}, {"client_id": "x"}])
async def test_an_app_that_is_not_let_in_is_told(engines: Engines, authority: Authority, wrong: dict[str, str]) -> None:
    unmeasured = await unknown(engines, authority, account(), **wrong)
    assert unmeasured.reason == "no_permission"
    assert "Zoom does not let us in, status 400; correct `account`, `client_id`" in unmeasured.detail


async def test_a_scope_that_is_missing_is_named(engines: Engines, authority: Authority) -> None:
    system = account()
    system.answers[ROOMS] = not_allowed()
    unmeasured = await unknown(engines, authority, system)
    assert unmeasured.reason == "no_permission"
    assert "give the app the scope zoom_rooms:read:list_rooms:admin" in unmeasured.detail


async def test_rooms_are_judged_without_what_the_app_may_not_see(engines: Engines, authority: Authority) -> None:
    system = account()
    system.answers[devices_of("Boardroom")] = not_allowed()
    system.answers[devices_of("Studio")] = {"devices": "many"}
    system.answers[DASHBOARD] = not_allowed(200)
    found = await asked(engines, authority, system, dashboard=True)
    assert "the devices of 2 rooms are not told: the app may lack the scope for them" in found.detail
    assert "the dashboard tells no issues: Zoom does not let us see this, code 200" in found.detail


async def test_a_room_that_is_offline_is_down_and_one_being_worked_on_is_not(
    engines: Engines, authority: Authority
) -> None:
    system = account()
    system.answers[ROOMS] = pages("rooms", room("Boardroom", "Offline"), room("Attic", "UnderConstruction"))
    failed = await down(engines, authority, system)
    assert failed.reason == "room_offline"
    assert failed.detail == "offline: Boardroom; 0 of 1 room is online; being worked on: Attic"
    assert values(failed.samples)["system_online/Boardroom"] == 0


async def test_a_room_without_its_controller_is_down_and_other_devices_want_attention(
    engines: Engines, authority: Authority
) -> None:
    system = account()
    system.answers[devices_of("Boardroom")] = devices(Controller="Offline", Scheduling_Display="Offline")
    failed = await down(engines, authority, system)
    assert failed.reason == "fault"
    assert failed.detail.startswith("Boardroom: its controller is offline; 2 of 2 rooms are online; ")
    assert failed.detail.endswith("wants attention: Boardroom (Scheduling Display iPad y is offline)")
    told = values(failed.samples)
    assert (told["system_faults/Boardroom"], told["system_warnings/Boardroom"]) == (1, 1)


@pytest.mark.parametrize(
    ("states", "faults", "warnings"),
    [
        ({"Controller1": "Offline", "Controller2": "Online"}, (), ("Controller iPad 1 is offline",)),
        ({"Controller1": "Offline", "Controller2": "Offline"}, ("all its controllers are offline",), ()),
        ({"Zoom_Rooms_Computer": "Online"}, (), ()),
    ],
)
def test_one_controller_is_enough(states: dict[str, str], faults: tuple[str, ...], warnings: tuple[str, ...]) -> None:
    assert of_devices(devices(**states)["devices"]) == (faults, warnings)


async def test_issues_of_the_dashboard_are_told_and_critical_ones_are_down(
    engines: Engines, authority: Authority
) -> None:
    system = account()
    system.answers[DASHBOARD] = pages("zoom_rooms", health("Studio", "warning", "High CPU usage"))
    found = await asked(engines, authority, system, dashboard=True)
    assert found.detail.endswith("wants attention: Studio (High CPU usage)")
    system.answers[DASHBOARD] = pages("zoom_rooms", health("Studio", "critical", "Selected camera is disconnected"))
    failed = await down(engines, authority, system, dashboard=True)
    assert failed.detail.startswith("Studio: Selected camera is disconnected; ")
    assert of_dashboard({"health": "critical"}) == (("Zoom calls its health critical",), ())


async def test_a_room_that_vanished_from_the_list_is_down(engines: Engines, authority: Authority) -> None:
    failed = await down(engines, authority, account(), rooms=["Boardrom"])
    assert failed.reason == "room_missing"
    assert "not on the cloud's list: Boardrom (it has Boardroom, Studio, Attic)" in failed.detail
    assert values(failed.samples)["system_online/Boardrom"] == 0

    now = datetime.now(UTC)
    early = Inventory().after(["Cellar"], now - timedelta(hours=3)).after(["Cellar"], now - timedelta(hours=1))
    engines.memory.keep("rooms/zoom", early.memory)
    failed = await down(engines, authority, account(), "rooms/zoom")
    assert failed.detail.startswith("not on the cloud's list: Cellar; 2 of 3 rooms are online")


async def test_all_pages_are_read_up_to_a_bound(engines: Engines, authority: Authority) -> None:
    system = account()
    rooms = [room(f"Room {number}") for number in range(150)]
    system.answers[ROOMS] = pages("rooms", *rooms)
    found = await asked(engines, authority, system)
    assert found.detail.startswith("150 of 150 rooms are online; the devices of 20 rooms are not told")
    assert sum(path.endswith("/devices") for path in system.paths) == MOST_ASKED
    system.answers[ROOMS] = pages("rooms", *rooms, *rooms, *rooms, *rooms)
    assert (await unknown(engines, authority, system)).reason == "no_source"
    system.answers[ROOMS] = {"rooms": []}
    assert "lists no room; may this account see the rooms?" in (await unknown(engines, authority, system)).detail


@pytest.mark.parametrize(
    ("reply", "reason", "words"),
    [
        (Reply(b"", 500), "no_source", "nothing is known about the rooms, Zoom does not answer: "),
        (Reply(b"<html>maintenance</html>"), "no_source", "no JSON"),
        (Reply({"rooms": {}}), "no_source", "rooms is no list"),
        (Reply([1]), "no_source", "rooms is no list"),
        (Reply({"code": 300}, 400), "no_source", "status 400"),
        (Reply(None, 429, (("Retry-After", "90"),)), "throttled", "not to be asked for 90 s"),
        (Reply(b" " * 5_000_000), "no_source", "larger"),
    ],
)
async def test_a_cloud_that_fails_is_no_fault_of_the_rooms(
    engines: Engines, authority: Authority, reply: Reply, reason: str, words: str
) -> None:
    system = account()
    system.answers[ROOMS] = reply
    unmeasured = await unknown(engines, authority, system)
    assert (unmeasured.reason, words in unmeasured.detail) == (reason, True), unmeasured.detail


async def test_a_cloud_that_is_slow_silent_or_gone_is_no_fault_of_the_rooms(
    engines: Engines, authority: Authority
) -> None:
    system = account()
    system.first = [None]
    async with serving(system.talk, tls=authority.issue().context()) as port:
        with pytest.raises(Unmeasured, match="Zoom does not answer"):
            await probing(engines, authority, port).measure(0.4)
    async with serving(trickling(b"HTTP/1.1 200 OK\r\n"), tls=authority.issue().context()) as port:
        with pytest.raises(Unmeasured, match="Zoom does not answer"):
            await probing(engines, authority, port).measure(0.4)
    with pytest.raises(Unmeasured, match="refused the connection"):
        await probing(engines, authority, port).measure(60)


FIELDS = st.dictionaries(
    st.sampled_from(["device_type", "device_name", "status", "health", "issues"]),
    st.none()
    | st.integers()
    | st.sampled_from(["Controller", "Offline", "critical"])
    | st.lists(st.text(), max_size=3),
)


@given(st.lists(FIELDS, max_size=4))
def test_any_device_is_judged(rows: list[dict[str, Any]]) -> None:
    faults, warnings = of_devices(rows)
    assert len(faults) <= 1
    for row in rows:
        of_dashboard(row)
    assert all(words.isprintable() for words in warnings)


@pytest.mark.parametrize("settings", [{"account": "a/b"}, {"client_secret": "plain"}, {"url": "zoom"}, {"rooms": [""]}])
def test_settings_that_make_no_sense_are_refused(
    settings: dict[str, Any], engines: Engines, authority: Authority
) -> None:
    with pytest.raises(ValidationError):
        probing(engines, authority, 443, **settings)
