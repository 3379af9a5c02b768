"""rooms.poly against an emulator of a Trio's REST API over TLS, and against what else may answer there."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from peers.canaries import canary
from peers.certificates import Authority, authority
from peers.looks import values_of
from peers.poly import (
    CALLS,
    DEVICE,
    NETWORK,
    PAIRED,
    PASSWORD,
    SIP,
    STATS,
    answering,
    call,
    paired,
    registration,
    told,
    trio,
)
from peers.tcp import serving, trickling
from peers.web_api import Reply, WebApi
from pydantic import ValidationError

from probes import Failed, Measured, Unmeasured
from probes._engines import Engines
from probes.rooms import poly
from probes.rooms.poly import Poly, PolyParams, judged, read, seconds

__all__ = ["authority"]


@pytest.fixture
async def engines(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Engines]:
    monkeypatch.setenv("TRIO", PASSWORD)
    monkeypatch.setenv("OLD", canary("poly-old"))
    engines = Engines()
    yield engines
    assert engines.http.running == 0
    engines.close()


def probing(engines: Engines, port: int, **settings: Any) -> Poly:
    given = {"host": "127.0.0.1", "port": port, "password": "${env:TRIO}", **settings}
    return Poly(PolyParams.model_validate(given), engines)


async def asked(engines: Engines, authority: Authority, system: WebApi, **settings: Any) -> Measured:
    async with answering(system, authority.issue().context()) as port:
        return await probing(engines, port, ca_file=str(authority.file), **settings).measure(60)


async def down(engines: Engines, authority: Authority, system: WebApi, **settings: Any) -> Failed:
    with pytest.raises(Failed) as failed:
        await asked(engines, authority, system, **settings)
    assert failed.value.reason in {*Poly.reasons, "timeout"}
    assert "canary-" not in f"{failed.value} {failed.value.samples}"
    return failed.value


values = values_of(Poly.metrics)


async def test_a_trio_that_is_well_says_what_it_has(
    engines: Engines, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    system = trio()
    system.answers[CALLS] = told([call("Connected"), call("Offering")])
    found = await asked(engines, authority, system, cameras=1, displays=1, microphones=1)
    assert found.detail == "the room system Trio 8800 answers; a call is on"
    assert system.paths == [SIP, PAIRED, STATS, NETWORK, DEVICE, CALLS]
    assert values(found.samples) == {
        **{f"display_power/{state}": 0 for state in ("standby", "warming", "cooling", "unavailable")},
        "display_power/on": 1,
        "room_connected_peripherals/cameras": 1,
        "room_connected_peripherals/microphones": 1,
        "room_connected_peripherals/displays": 1,
        "room_registered/sip": 1,
        "room_calls": 1,
        "room_memory_used_ratio": 0.5,
        "room_uptime_seconds": 92_510,
        "display_model_info/Trio 8800": 1,
        "display_firmware_info/7.2.2.1094": 1,
    }
    assert "canary-" not in f"{found} {caplog.text}"


async def test_a_model_that_tells_less_is_judged_by_what_it_tells(engines: Engines, authority: Authority) -> None:
    system = WebApi(
        {SIP: registration("registered"), PAIRED: told(None, "4004"), CALLS: told(None, "4007")}, trio().door
    )
    found = await asked(engines, authority, system)
    assert found.detail == "the room system answers"
    assert values(found.samples) == {"room_registered/sip": 1, "room_calls": 0}
    with pytest.raises(Unmeasured, match="does not tell what is paired with it; unset `cameras`") as unmeasured:
        await asked(engines, authority, system, cameras=1)
    assert unmeasured.value.reason == "no_source"


@pytest.mark.parametrize(
    ("settings", "status", "words"),
    [
        ({"password": "${env:OLD}"}, 200, "status 401; correct `username` and `password`"),
        ({}, 403, "status 403; correct `username` and `password`, and see that its REST API is switched on"),
    ],
)
async def test_who_is_not_let_in_learns_nothing_about_the_room(
    engines: Engines, authority: Authority, settings: dict[str, str], status: int, words: str
) -> None:
    system = trio()
    if status != 200:
        system.answers[SIP] = Reply(b"", status)
    with pytest.raises(Unmeasured) as unmeasured:
        await asked(engines, authority, system, **settings)
    assert (unmeasured.value.reason, words in unmeasured.value.detail) == ("no_permission", True)
    assert "canary-" not in str(unmeasured.value)


async def test_a_password_that_nobody_changed_is_told(engines: Engines, authority: Authority) -> None:
    system = trio()
    system.answers[SIP] = told(None, "4010")
    with pytest.raises(Unmeasured, match="still has the password it came with"):
        await asked(engines, authority, system)


async def test_what_must_be_paired_is_missed(engines: Engines, authority: Authority) -> None:
    system = trio()
    system.answers[PAIRED] = paired("audioSrcSink")
    failed = await down(engines, authority, system, cameras=2, displays=1, microphones=1)
    assert failed.reason == "missing"
    assert failed.detail == "0 of 2 cameras connected, 0 of 1 display connected; the room system Trio 8800 answers"
    assert values(failed.samples)["room_connected_peripherals/cameras"] == 0


async def test_a_line_that_no_server_knows_is_down_unless_it_calls_otherwise(
    engines: Engines, authority: Authority
) -> None:
    system = trio()
    system.answers[SIP] = registration("Unregistered", "Failed")
    failed = await down(engines, authority, system)
    assert failed.reason == "unregistered"
    assert failed.detail.startswith("no call server has registered it; ")
    assert values(failed.samples)["room_registered/sip"] == 0
    assert await asked(engines, authority, system, registration=False)


@pytest.mark.parametrize(
    ("states", "registered", "words"),
    [
        (("Registering",), 0, "it is trying to register with its call server"),
        (("Failed", "Registered"), 1, "answers"),
        ((), None, "it has no line"),
    ],
)
async def test_one_line_is_enough_and_one_that_tries_is_waited_for(
    engines: Engines, authority: Authority, states: tuple[str, ...], registered: int | None, words: str
) -> None:
    system = trio()
    system.answers[SIP] = registration(*states)
    found = await asked(engines, authority, system)
    assert found.detail.endswith(words)
    assert values(found.samples).get("room_registered/sip") == registered


async def test_one_that_starts_is_not_ready_yet(engines: Engines, authority: Authority) -> None:
    system = trio()
    system.answers[DEVICE] = told({"ModelNumber": "Trio 8500", "ReadyToUse": "False"})
    found = await asked(engines, authority, system)
    assert found.detail == "the room system Trio 8500 is about to be ready"
    assert values(found.samples)["display_power/warming"] == 1


@pytest.mark.parametrize(
    ("answer", "reason", "words"),
    [
        (Reply(b"", 500), "wrong_status", "status 500"),
        (Reply(b"", 404), "wrong_status", "status 404"),
        (told(None, "5000"), "wrong_status", "answers with its error 5000"),
        (Reply(b"<html>"), "malformed", "no JSON"),
        ({"data": {}}, "malformed", "states no status"),
        ([], "malformed", "states no status"),
        (Reply(b" " * 300_000), "body_too_large", "larger"),
    ],
)
async def test_a_strange_answer_is_down(
    engines: Engines, authority: Authority, answer: Any, reason: str, words: str
) -> None:
    system = trio()
    system.answers[SIP] = answer
    failed = await down(engines, authority, system)
    assert (failed.reason, words in failed.detail) == (reason, True), failed.detail


async def test_one_that_is_silent_slow_gone_or_a_stranger_is_down(engines: Engines, authority: Authority) -> None:
    system = trio()
    system.first = [None]
    async with answering(system, authority.issue().context()) as port:
        with pytest.raises(Failed, match="no answer came") as failed:
            await probing(engines, port, tls_verify=False).measure(2)
        assert failed.value.reason == "timeout"
        with pytest.raises(Failed) as failed:
            await probing(engines, port).measure(60)
        assert failed.value.reason == "certificate_untrusted"
    async with serving(trickling(b"HTTP/1.1 200 OK\r\n"), tls=authority.issue().context()) as port:
        with pytest.raises(Failed) as failed:
            await probing(engines, port, tls_verify=False).measure(2)
        assert failed.value.reason == "timeout"
    with pytest.raises(Failed) as failed:
        await probing(engines, port).measure(60)
    assert failed.value.reason == "refused"


@pytest.mark.parametrize(
    ("text", "length"),
    [("1 day 1:41:50", 92_510), ("2 Days, 0:00:01", 172_801), ("0:03:00", 180), ("soon", None), ("", None)],
)
def test_how_long_it_runs_is_read_in_its_own_words(text: str, length: float | None) -> None:
    assert seconds(text) == length


PATHS = (poly.SIP, poly.PAIRED, poly.STATS, poly.NETWORK, poly.DEVICE, poly.CALLS)
FIELDS = st.sampled_from(
    [
        *("User", "Events", "Type", "RegistrationState", "ConnectedDeviceList", "ComponentList", "componentType"),
        *("Memory", "Used", "Total", "SReclaim", "UpTime", "ReadyToUse", "ModelNumber", "Firmware", "CallState"),
    ]
)
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.sampled_from(["Register", "True", "cameraSrc", "1", "-1", "nan"])
)
DATA = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=4))


@given(st.dictionaries(st.sampled_from(PATHS), DATA))
def test_any_answers_are_judged(answers: dict[str, Any]) -> None:
    try:
        found = judged(read(answers), {"cameras": 1}, registers=True)
    except (Failed, Unmeasured) as error:
        assert error.reason in {*Poly.reasons, "no_source"}
    else:
        values(found.samples)
        assert found.detail.isprintable()


@pytest.mark.parametrize("settings", [{"password": "plain"}, {"username": "a:b"}, {"cameras": 0}, {"touch_panels": 1}])
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        PolyParams.model_validate({"host": "trio", **settings})
