"""access.axis against an emulator of the documented API; what holds for all such kinds is in test_door_probe."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from peers.axis import PASSWORD, Controller, state
from peers.certificates import Authority, authority
from peers.looks import values_of
from peers.tcp import serving
from peers.web_api import Reply, WebApi

from probes import Failed, Measured, Unmeasured
from probes._engines import Engines
from probes.access.axis import Axis, AxisParams, seen

__all__ = ["authority"]

_CHALLENGE = (("WWW-Authenticate", 'Basic realm="AXIS"'),)


@pytest.fixture
async def engines(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Engines]:
    monkeypatch.setenv("PASSWORD", PASSWORD)
    monkeypatch.setenv("OLD", "canary-old-1")
    engines = Engines()
    yield engines
    assert engines.http.running == 0
    engines.close()


def probing(engines: Engines, port: int, **settings: Any) -> Axis:
    given = {"host": "127.0.0.1", "port": port, "tls": False, "username": "root", "password": "${env:PASSWORD}"}
    return Axis(AxisParams.model_validate({**given, **settings}), engines)


async def asked(engines: Engines, system: WebApi, **settings: Any) -> Measured:
    async with serving(system.talk) as port:
        return await probing(engines, port, **settings).measure(60)


async def failing(engines: Engines, controller: Controller, **settings: Any) -> Failed:
    with pytest.raises(Failed) as failed:
        await asked(engines, controller.api(), **settings)
    return failed.value


values = values_of(Axis.metrics)


async def test_a_controller_that_is_well_tells_of_its_doors(engines: Engines) -> None:
    controller = Controller()
    found = await asked(engines, controller.api())
    assert found.detail == "2 of 2 doors are online"
    assert values(found.samples) == {
        **{f"door_{what}/{name}": 0 for what in ("open", "unlocked", "held_open", "fault") for name in _NAMES},
        "door_online/Front door": 1,
        "door_online/Yard": 1,
        "door_panel_online/Panel ground floor": 1,
        "door_missing": 0,
        "access_credentials": 2,
    }
    assert controller.called == [
        "tdc:GetDoorInfoList",
        "tdc:GetDoorState",
        "tdc:GetDoorState",
        "pacsaxis:GetAccessControllerList",
        "pacsaxis:GetCredentialList",
    ]


_NAMES = ("Front door", "Yard")


async def test_the_password_goes_by_digest_and_over_tls_alone_by_basic(engines: Engines, authority: Authority) -> None:
    wants_basic = WebApi(door=lambda asked: Reply(b"", 401, _CHALLENGE))
    with pytest.raises(Unmeasured, match="correct `username` and `password`"):
        await asked(engines, wants_basic)
    assert not any(asked.headers.get("authorization", "").startswith("Basic") for asked in wants_basic.asked)
    async with serving(wants_basic.talk, tls=authority.issue().context()) as port:
        with pytest.raises(Unmeasured):
            await probing(engines, port, tls=True, ca_file=str(authority.file)).measure(60)
    assert any(asked.headers.get("authorization", "").startswith("Basic") for asked in wants_basic.asked)


async def test_a_password_that_is_not_accepted_is_told(engines: Engines) -> None:
    with pytest.raises(Unmeasured, match="does not let us in, status 401") as unmeasured:
        await asked(engines, Controller().api(), password="${env:OLD}")
    assert unmeasured.value.reason == "no_permission"


async def test_credentials_are_counted_once_in_a_while(engines: Engines) -> None:
    controller = Controller()
    async with serving(controller.api().talk) as port:
        probe = probing(engines, port)
        await probe.measure(60)
        found = await probe.measure(60)
    assert controller.called.count("pacsaxis:GetCredentialList") == 1
    assert values(found.samples)["access_credentials"] == 2


@pytest.mark.parametrize(
    ("told", "settings", "reason", "words"),
    [
        (state("LockedDown"), {}, "lockdown", "nobody gets in: Front door"),
        (state("Unlocked"), {}, "unlocked_outside_schedule", "Front door (unlocked by its schedule or by hand)"),
        (state("LockedOpen"), {}, "unlocked_outside_schedule", "Front door (locked open)"),
        ({"token": "canary-state-1"}, {"doors": ["Back"]}, "door_missing", "Back (it has Front door, Yard)"),
    ],
)
async def test_what_is_wrong_is_told(
    engines: Engines, told: dict[str, str], settings: dict[str, Any], reason: str, words: str
) -> None:
    controller = Controller()
    controller.states["Axis-1"] = told
    failed = await failing(engines, controller, unlocked_hours="never", unlocked_for=0, **settings)
    assert (failed.reason, words in failed.detail) == (reason, True), failed.detail


async def test_a_door_that_lets_one_person_pass_is_not_unlocked(engines: Engines) -> None:
    controller = Controller(states={"Axis-1": state("Accessed", "Open"), "Axis-2": state()})
    found = await asked(engines, controller.api(), unlocked_hours="never", unlocked_for=0)
    assert values(found.samples)["door_open/Front door"] == 1


@pytest.mark.parametrize(
    ("told", "metric", "words"),
    [
        (state(alarm="DoorOpenTooLong", position="Open"), "held_open", "held open: Front door"),
        (state(alarm="DoorForcedOpen", position="Open"), "fault", "fault: Front door (forced open)"),
        (state(position="Fault"), "fault", "fault: Front door (its door contact is broken)"),
    ],
)
async def test_alarms_of_the_controller_are_told(
    engines: Engines, told: dict[str, str], metric: str, words: str
) -> None:
    found = await asked(engines, Controller(states={"Axis-1": told, "Axis-2": state()}).api())
    assert words in found.detail
    assert values(found.samples)[f"door_{metric}/Front door"] == 1


async def test_faults_and_states_that_are_missing_are_told(engines: Engines) -> None:
    failed = await failing(engines, Controller(states={}))
    assert (failed.reason, "status 400" in failed.detail) == ("wrong_status", True)
    system = Controller().api()
    system.answers["POST /vapix/doorcontrol"] = {"Fault": {"faultstring": "canary-fault-1"}}
    with pytest.raises(Failed, match="wrong_status: the door controller answered with a fault"):
        await asked(engines, system)
    system.answers["POST /vapix/doorcontrol"] = {"DoorInfo": [{"token": "a", "Name": "A"}]}
    with pytest.raises(Failed, match=r"malformed: .*no DoorState"):
        await asked(engines, system)


async def test_a_state_that_is_not_known_blames_no_door(engines: Engines) -> None:
    found = await asked(engines, Controller(states={"Axis-1": state("Unknown", "Unknown"), "Axis-2": {}}).api())
    assert found.detail == "2 doors; whether they are online is not told"


FIELDS = st.dictionaries(
    st.sampled_from(["token", "Name", "DoorMode", "DoorPhysicalState", "Alarm"]),
    st.none() | st.booleans() | st.text(max_size=5) | st.sampled_from(["Unlocked", "Open", "Normal"]),
)


@given(st.lists(st.tuples(FIELDS, FIELDS), max_size=3), st.lists(FIELDS, max_size=2))
def test_any_answer_makes_a_view(doors: Any, controllers: Any) -> None:
    view = seen([door for door, _ in doors], [told for _, told in doors], controllers)
    assert len({door.name for door in view.doors}) == len(doors)
