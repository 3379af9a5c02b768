"""rooms.crestron against an emulator of the web API, and against what else may listen there."""

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from peers.canaries import canary
from peers.certificates import Authority, authority
from peers.crestron import (
    ENTRY,
    IDENTITY,
    OLDER,
    PAGE,
    PASSWORD,
    PORTS,
    avio,
    connecting,
    device_info,
    input_port,
    output_port,
    switcher,
)
from peers.looks import values_of
from peers.tcp import serving
from peers.web_api import Reply, WebApi
from pydantic import ValidationError

from probes import Failed, Measured, Unmeasured
from probes._engines import Engines
from probes.rooms.crestron import MOST_PORTS, Crestron, CrestronParams, identified, inputs, judged, outputs

__all__ = ["authority"]


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("PASSWORD", PASSWORD)
    monkeypatch.setenv("WRONG", canary("wrong"))
    yield
    assert "canary-" not in caplog.text


def probe(engines: Engines, authority: Authority, port: int, **settings: Any) -> Crestron:
    way_in = {"username": "deskwatch", "password": "${env:PASSWORD}", "ca_file": str(authority.file)}
    given = {"host": "127.0.0.1", "port": port, **way_in, **settings}
    return Crestron(CrestronParams.model_validate(given), engines)


async def asked(engines: Engines, authority: Authority, api: WebApi, timeout: float = 60, **settings: Any) -> Measured:
    async with connecting(api, authority.issue().context()) as port:
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
    assert isinstance(raised.value, Unmeasured) or raised.value.reason in {*Crestron.reasons, "timeout"}
    return raised.value


values = values_of(Crestron.metrics)


async def test_a_switcher_says_what_is_plugged_in(engines: Engines, authority: Authority) -> None:
    api = switcher()
    told = await asked(engines, authority, api, displays=1)
    assert told.detail == (
        "the device Crestron HD-MD4X2-4KZ-E answers; a picture comes into 1 of 2 inputs; "
        "displays are connected to 1 of 1 outputs"
    )
    assert values(told.samples) == {
        "room_input_signal/Laptop": 1,
        "room_input_edid_failed/Laptop": 0,
        "room_input_signal/Camera": 0,
        "room_input_edid_failed/Camera": 0,
        "room_output_connected/Screen": 1,
        "room_output_blocked/Screen": 0,
        "room_connected_peripherals/displays": 1,
        "display_model_info/Crestron HD-MD4X2-4KZ-E": 1,
        "display_serial_info/2146CBH00157": 1,
        "display_firmware_info/3.002.0034": 1,
    }
    assert api.paths == [PAGE, ENTRY, IDENTITY, PORTS]


async def test_a_sign_in_is_used_again_and_renewed_when_it_has_ended(engines: Engines, authority: Authority) -> None:
    api = switcher()
    async with connecting(api, authority.issue().context()) as port:
        kind = probe(engines, authority, port)
        await kind.measure(60)
        await kind.measure(60)
        assert api.paths.count(ENTRY) == 1
        api.first = [Reply(b"<html>Sign in</html>")]
        assert await kind.measure(60)
        assert api.paths.count(ENTRY) == 2


async def test_a_device_without_users_is_asked_without_signing_in(engines: Engines, authority: Authority) -> None:
    api = switcher()
    api.door = lambda _: None
    assert await asked(engines, authority, api, username="", password=None)
    assert api.paths == [IDENTITY, PORTS]


async def test_older_firmware_gives_cookies_and_no_token(engines: Engines, authority: Authority) -> None:
    api = switcher(**{ENTRY: Reply(b"", 302, (("Set-Cookie", "AuthByPasswd=x; Path=/"), ("Location", "/")))})
    api.door = lambda asked: (
        None if "x" in asked.headers.get("cookie", "") or "login" in asked.path else Reply(b"", 302)
    )
    assert await asked(engines, authority, api)


@pytest.mark.parametrize(
    "settings", [{"password": "${env:WRONG}"}, {"username": "somebody"}, {"username": "", "password": None}]
)
async def test_a_password_that_we_lack_says_nothing_about_the_device(
    engines: Engines, authority: Authority, settings: dict[str, Any]
) -> None:
    failed = await failing(engines, authority, switcher(), **settings)
    assert failed.reason == "no_permission"
    assert "correct `username` and `password`" in failed.detail


@pytest.mark.parametrize("entry", [Reply(b"<html>Wrong</html>"), Reply(b"", 401), Reply(b"", 302)])
async def test_a_sign_in_that_brings_nothing_is_one_that_was_refused(
    engines: Engines, authority: Authority, entry: Reply
) -> None:
    assert (await failing(engines, authority, switcher(**{ENTRY: entry}))).reason == "no_permission"


async def test_an_older_encoder_lists_its_ports_otherwise(engines: Engines, authority: Authority) -> None:
    ports = {
        "Inputs": [{"Name": "input0", "Ports": [{"IsSyncDetected": True}, {"IsSyncDetected": False}]}],
        "Outputs": [{"Name": "output0", "Ports": [{"IsSinkConnected": False, "Hdmi": {"DisabledByHdcp": False}}]}],
    }
    api = switcher(**{PORTS: {"Actions": []}, OLDER: {"Device": {"AudioVideoInputOutput": ports}}})
    async with connecting(api, authority.issue().context()) as port:
        kind = probe(engines, authority, port)
        told = await kind.measure(60)
        await kind.measure(60)
    measured = values(told.samples)
    assert (measured["room_input_signal/input0 1"], measured["room_input_signal/input0 2"]) == (1, 0)
    assert measured["room_output_connected/output0"] == measured["room_connected_peripherals/displays"] == 0
    assert "room_input_edid_failed/input0 1" not in measured
    assert api.paths.count(PORTS) == 1, "what a device does not know is not asked again"


async def test_a_processor_without_ports_says_what_it_is(engines: Engines, authority: Authority) -> None:
    told = await asked(engines, authority, switcher(**{PORTS: Reply({}, 404)}), displays=1)
    assert told.detail.endswith("-E answers; it does not tell of its displays, so `displays` cannot be looked at")


async def test_fewer_displays_than_there_must_be_are_missed(engines: Engines, authority: Authority) -> None:
    failed = await failing(engines, authority, switcher(), displays=2)
    assert failed.reason == "missing"
    assert failed.detail.startswith("1 of 2 displays connected; the device Crestron")
    assert isinstance(failed, Failed)
    assert values(failed.samples)["room_output_connected/Screen"] == 1


async def test_what_keeps_a_picture_back_is_measured_and_said(engines: Engines, authority: Authority) -> None:
    ports = avio({"Laptop": input_port(EdidApplyError="Checksum error")}, {"Screen": output_port(blocked=True)})
    told = await asked(engines, authority, switcher(**{PORTS: ports}))
    measured = values(told.samples)
    assert measured["room_input_edid_failed/Laptop"] == measured["room_output_blocked/Screen"] == 1
    assert told.detail.startswith(
        "the device Crestron HD-MD4X2-4KZ-E answers; copy protection (HDCP) keeps the picture from Screen; "
        "could not be told which pictures the displays take: Laptop; "
    )


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ({PAGE: Reply(b"not here", 404)}, "wrong_status"),
        ({ENTRY: Reply(b"", 500)}, "wrong_status"),
        ({PORTS: Reply(b"", 503)}, "wrong_status"),
        ({IDENTITY: {"Device": {"DeviceInfo": []}}}, "malformed"),
        ({IDENTITY: {"Actions": [{"Results": [{"StatusId": 3}]}]}}, "malformed"),
    ],
)
async def test_an_answer_that_tells_nothing_says_whose_fault_that_is(
    engines: Engines, authority: Authority, answers: dict[str, Any], reason: str
) -> None:
    assert (await failing(engines, authority, switcher(**answers))).reason == reason


async def test_the_console_of_an_older_processor_is_only_connected_to(engines: Engines) -> None:
    heard = bytearray()

    async def console(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\r\nCP3 Control Console\r\n\r\nCP3>" * 100)
        heard.extend(await reader.read())

    async with serving(console) as port:
        params = CrestronParams.model_validate({"host": "127.0.0.1", "port": port, "console": True})
        told = await Crestron(params, engines).measure(60)
    assert told == Measured(f"the console answers on port {port}; nothing else is asked of it")
    assert not heard
    with pytest.raises(Failed, match="refused"):
        await Crestron(params, engines).measure(60)


def test_ports_have_names_of_their_own_and_an_end() -> None:
    ports = [{"UserSpecifiedName": "HDMI", "InputInfo": {"Ports": {"Port1": input_port()}}}] * (MOST_PORTS + 9)
    names = [one.name for one in inputs({"Inputs": ports})]
    assert names[:3] == ["HDMI", "HDMI (2)", "HDMI (3)"]
    assert len(names) == len(set(names)) == MOST_PORTS
    (strange,) = inputs({"Inputs": {"Input\x1b1": {"InputInfo": {"Ports": {"Port1": {"EdidApplyError": 7}}}}}})
    assert strange == ("Input\ufffd1", None, None)


JSON = st.recursive(
    st.none() | st.booleans() | st.text(max_size=5) | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["Inputs", "Outputs", "InputInfo", "OutputInfo", "Ports", "Port1", "Digital", "IsSyncDetected", "Name"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(JSON, JSON)
def test_any_document_is_read(ins: Any, outs: Any) -> None:
    told = {"Inputs": ins, "Outputs": outs}
    view = identified({"Model": ins, "Manufacturer": outs})
    view = view._replace(inputs=tuple(inputs(told)), outputs=tuple(outputs(told)))
    assert judged(view, None).detail.isprintable()
    values(judged(view, None).samples)


@pytest.mark.parametrize(
    "settings",
    [
        {"username": "a"},
        {"password": "${env:PASSWORD}"},
        {"console": True, "displays": 1},
        {"console": True, "username": "a", "password": "${env:PASSWORD}"},
        {"username": "a", "password": "plain"},
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CrestronParams.model_validate({"host": "switcher", **settings})


def test_the_console_has_a_port_of_its_own() -> None:
    assert CrestronParams.model_validate({"host": "cp3", "console": True}).port == 41795
    assert CrestronParams.model_validate({"host": "cp4"}).port == 443


def test_a_maker_is_named_once() -> None:
    assert identified(device_info(Model="Crestron CP4")["Device"]["DeviceInfo"]).model == "Crestron CP4"
