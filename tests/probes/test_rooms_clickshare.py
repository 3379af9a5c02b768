"""rooms.clickshare against an emulator of the web API, and against what else may listen there."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from peers.canaries import canary
from peers.certificates import Authority, authority
from peers.clickshare import (
    BUTTONS,
    IDENTITY,
    OUTPUTS,
    PASSWORD,
    POWER,
    STATUS,
    base_unit,
    button,
    sharing,
    status,
)
from peers.looks import values_of
from peers.web_api import Reply, WebApi
from pydantic import SecretStr, ValidationError

from probes import Failed, Measured, Unmeasured
from probes._engines import Engines
from probes.rooms.clickshare import Clickshare, ClickshareParams, health, judged, seen

__all__ = ["authority"]


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("PASSWORD", PASSWORD)
    monkeypatch.setenv("WRONG", canary("wrong"))
    yield
    assert "canary-" not in caplog.text


def params(**settings: Any) -> ClickshareParams:
    return ClickshareParams.model_validate({"host": "127.0.0.1", "password": "${env:PASSWORD}", **settings})


def probe(engines: Engines, authority: Authority, port: int, **settings: Any) -> Clickshare:
    return Clickshare(params(**{"port": port, "ca_file": str(authority.file), **settings}), engines)


async def asked(engines: Engines, authority: Authority, api: WebApi, timeout: float = 60, **settings: Any) -> Measured:
    async with sharing(api, authority.issue().context()) as port:
        kind = probe(engines, authority, port, **settings)
        assert "canary-" not in f"{kind.params!r} {kind._api!r}"
        told = await kind.measure(timeout)
    assert "canary-" not in repr(told)
    return told


async def failing(
    engines: Engines, authority: Authority, api: WebApi, timeout: float = 60, **settings: Any
) -> Failed | Unmeasured:
    with pytest.raises((Failed, Unmeasured)) as raised:
        await asked(engines, authority, api, timeout, **settings)
    assert "canary-" not in f"{raised.value} {raised.value!r}"
    assert isinstance(raised.value, Failed | Unmeasured)
    assert isinstance(raised.value, Unmeasured) or raised.value.reason in {*Clickshare.reasons, "timeout"}
    return raised.value


values = values_of(Clickshare.metrics)


async def test_a_base_unit_says_what_it_has(engines: Engines, authority: Authority) -> None:
    told = await asked(engines, authority, base_unit(), buttons=2, displays=1)
    assert told.detail == "the base unit CX-30 is on; 2 buttons paired, 1 of them plugged in"
    assert values(told.samples) == {
        **{f"display_power/{state}": 0 for state in ("standby", "warming", "cooling", "unavailable")},
        "display_power/on": 1,
        "display_fault/other": 0,
        "display_warning/other": 0,
        "room_in_use": 0,
        "room_sharing": 0,
        "room_uptime_seconds": 1809,
        "room_buttons/paired": 2,
        "room_buttons/plugged": 1,
        "room_connected_peripherals/displays": 1,
        "display_model_info/CX-30": 1,
        "display_serial_info/1863352437": 1,
    }


async def test_what_it_does_not_tell_is_left_out(engines: Engines, authority: Authority) -> None:
    bare = base_unit(**{path: Reply({}, 404) for path in (IDENTITY, POWER, BUTTONS, OUTPUTS)})
    bare.answers[STATUS] = {"errorCode": 0, "currentUptime": "x"}
    told = await asked(engines, authority, bare)
    assert told.detail == "the base unit answers"
    assert list(values(told.samples)) == ["display_fault/other", "display_warning/other"]
    told = await asked(engines, authority, bare, buttons=2, displays=1)
    assert told.detail.endswith(
        "it does not tell of its buttons, so `buttons` cannot be looked at; "
        "it does not tell of its displays, so `displays` cannot be looked at"
    )


async def test_what_never_changes_is_asked_once(engines: Engines, authority: Authority) -> None:
    api = base_unit()
    async with sharing(api, authority.issue().context()) as port:
        kind = probe(engines, authority, port)
        await kind.measure(60)
        await kind.measure(60)
    assert (api.paths.count(IDENTITY), api.paths.count(STATUS)) == (1, 2)


async def test_somebody_who_shows_something_is_said(engines: Engines, authority: Authority) -> None:
    told = await asked(engines, authority, base_unit(**{STATUS: status(inUse=True, sharing=True)}))
    assert "; somebody shows something; " in told.detail
    assert values(told.samples)["room_in_use"] == values(told.samples)["room_sharing"] == 1


@pytest.mark.parametrize("code", ["Error", 2, "2"])
async def test_an_error_is_a_fault_with_everything_else_measured(
    engines: Engines, authority: Authority, code: Any
) -> None:
    broken = base_unit(**{STATUS: status(errorCode=code, errorMessage="Fan\x1b failed")})
    failed = await failing(engines, authority, broken)
    assert isinstance(failed, Failed)
    assert failed.reason == "fault"
    assert failed.detail.startswith("the base unit reports an error: Fan\ufffd failed; the base unit CX-30 is on")
    assert values(failed.samples)["display_fault/other"] == 1


@pytest.mark.parametrize(
    ("code", "words"), [("Warning", "code Warning"), (1, "code 1"), ("Overheated", "code Overheated")]
)
async def test_a_warning_or_what_nobody_knows_is_a_warning(
    engines: Engines, authority: Authority, code: Any, words: str
) -> None:
    told = await asked(engines, authority, base_unit(**{STATUS: status(errorCode=code)}))
    assert f"; it warns: {words}" in told.detail
    assert values(told.samples)["display_warning/other"] == 1
    assert values(told.samples)["display_fault/other"] == 0


async def test_what_must_be_there_is_missed_and_displays_only_while_it_is_on(
    engines: Engines, authority: Authority
) -> None:
    failed = await failing(engines, authority, base_unit(), buttons=4, displays=2)
    assert failed.reason == "missing"
    assert failed.detail.startswith("2 of 4 buttons paired, 1 of 2 displays connected; the base unit CX-30")
    asleep = base_unit(**{POWER: {"status": "Standby"}})
    told = await asked(engines, authority, asleep, displays=2)
    assert told.detail.startswith("the base unit CX-30 is on standby and answers; ")
    assert values(told.samples)["display_power/standby"] == 1


@pytest.mark.parametrize("settings", [{"password": "${env:WRONG}"}, {"username": "integrator"}])
async def test_a_password_that_we_lack_says_nothing_about_the_base_unit(
    engines: Engines, authority: Authority, settings: dict[str, Any]
) -> None:
    failed = await failing(engines, authority, base_unit(), **settings)
    assert failed.reason == "no_permission"
    assert "correct `username` and `password`" in failed.detail


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ({BUTTONS: Reply(b"", 500)}, "wrong_status"),
        ({STATUS: {"status": "Ok"}}, "malformed"),
    ],
)
async def test_an_answer_that_tells_nothing_says_whose_fault_that_is(
    engines: Engines, authority: Authority, answers: dict[str, Any], reason: str
) -> None:
    assert (await failing(engines, authority, base_unit(**answers))).reason == reason


def test_codes_are_words_on_newer_and_numbers_on_older_software() -> None:
    assert [health(code) for code in ("Ok", "0", "", "Warning", "1", "Error", "2", "9")] == [
        *["fine"] * 3,
        *["warns"] * 2,
        *["failed"] * 2,
        "warns",
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.text(max_size=5) | st.floats() | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["connected", "status"]), inner),
    max_leaves=10,
)
KEYS = ["errorCode", "errorMessage", "currentUptime", "inUse", "sharing", "productName", "status"]


@given(st.dictionaries(st.sampled_from(KEYS), JSON), JSON, JSON)
def test_any_documents_are_judged(told: dict[str, Any], buttons: Any, outputs: Any) -> None:
    given = {"host": "unit", "password": SecretStr("x"), "buttons": 1, "displays": 1}
    wanted = ClickshareParams.model_validate(given)
    try:
        found = judged(seen(told, told, told, buttons, outputs), wanted)
    except Failed as failed:
        assert failed.reason in Clickshare.reasons
        values(failed.samples)
    else:
        values(found.samples)
        assert found.detail.isprintable()


@pytest.mark.parametrize("settings", [{"password": "plain"}, {"username": "a:b"}, {"buttons": 0}, {"displays": 9}])
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        params(**settings)


def test_buttons_that_are_plugged_in_are_counted() -> None:
    unit = seen(status(), {}, {}, [button(1), button(2, connected=True), "x"], None)
    assert (unit.paired, unit.plugged, unit.connected) == (2, 1, None)
