"""rooms.samsung_mdc against displays that follow the specification, and against what else may listen there."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from peers.certificates import Authority, authority
from peers.samsung import ERRORS, MODEL, ON, POWER, STATUS, Display, displaying, frame
from peers.tcp import Talk, saying, serving
from pydantic import ValidationError

from probes import Failed, Measured, Sample, Unmeasured
from probes._engines import Engines
from probes.rooms.samsung_mdc import (
    MOST_FRAME,
    Identity,
    SamsungMdc,
    SamsungMdcParams,
    answer,
    judged,
    power,
    question,
    read_errors,
    read_status,
)

__all__ = ["authority"]

CANARY = "9713"


@pytest.fixture(autouse=True)
def pins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIN", CANARY)
    monkeypatch.setenv("LONG", f"{CANARY}5")


def probing(port: int, **settings: Any) -> SamsungMdc:
    params = SamsungMdcParams.model_validate({"host": "127.0.0.1", "port": port, **settings})
    return SamsungMdc(params, Engines())


async def asked(display: Display, timeout: float = 60, **settings: Any) -> Measured:
    async with displaying(display) as port:
        return await probing(port, **settings).measure(timeout)


async def down(talk: Talk, timeout: float = 60, **settings: Any) -> Failed:
    """How the probe fails with such a peer."""
    async with serving(talk) as port:
        with pytest.raises(Failed) as failed:
            await probing(port, **settings).measure(timeout)
    assert failed.value.reason in {*SamsungMdc.reasons, "timeout"}
    assert failed.value.detail.isprintable()
    return failed.value


def values(samples: tuple[Sample, ...]) -> dict[str, float]:
    assert {sample.metric for sample in samples} <= {metric.name for metric in SamsungMdc.metrics}
    return {f"{s.metric.removeprefix('deskwatch_display_')}/{s.part}".removesuffix("/"): s.value for s in samples}


def test_questions_are_the_bytes_of_the_specification() -> None:
    assert question(STATUS, 1) == bytes.fromhex("aa 00 01 00 01")
    assert question(ERRORS, 1) == bytes.fromhex("aa 0d 01 00 0e")
    assert question(POWER, 1) == bytes.fromhex("aa 11 01 00 12")
    assert question(POWER, 0xF0) == bytes.fromhex("aa 11 f0 00 01")


async def test_a_display_that_is_on_says_what_it_has_and_shows() -> None:
    found = await asked(Display())
    assert found.detail == "the display QM55R is on; it shows HDMI 1; inside it has 41 °C"
    assert values(found.samples) == {
        **{f"power/{state}": 0 for state in ("standby", "warming", "cooling", "unavailable")},
        "power/on": 1,
        "fault/lamp": 0,
        "fault/temperature": 0,
        "warning/fan": 0,
        "warning/sensor": 0,
        "temperature_celsius": 41,
        "input_info/HDMI 1": 1,
        "signal": 1,
        "muted/sound": 0,
        "volume_ratio": 0.3,
        "model_info/QM55R": 1,
        "serial_info/0YNPHCLM200123": 1,
        "firmware_info/T-KTM2AKUC-1023.1": 1,
    }


@pytest.mark.parametrize(
    ("code", "state", "words"), [(0, "standby", "is on standby and answers"), (2, "warming", "restarts")]
)
async def test_a_display_that_is_not_on_is_up_and_asked_nothing_else(code: int, state: str, words: str) -> None:
    display = Display({POWER: bytes((code,))})
    found = await asked(display)
    assert found.detail == f"the display {words}"
    assert values(found.samples)[f"power/{state}"] == 1
    assert display.asked == [POWER]


async def test_what_it_denies_is_left_out() -> None:
    found = await asked(Display({POWER: b"\x01"}))
    assert found.detail == "the display is on"
    assert len(found.samples) == 5


async def test_no_signal_a_muted_sound_and_a_failed_fan_are_said() -> None:
    status, errors = bytes((1, 200, 1, 0x99, 0, 0, 0)), bytes((0, 0, 1, 1, 0, 1))
    found = await asked(Display({**ON, STATUS: status, ERRORS: errors}))
    assert found.detail == (
        "the display QM55R is on; it shows input 0x99, which has no signal; its sound is muted; "
        "it warns of: fan, sensor"
    )
    measured = values(found.samples)
    assert measured["warning/fan"] == measured["warning/sensor"] == measured["muted/sound"] == 1
    assert measured["signal"] == 0
    assert "temperature_celsius" not in measured
    assert "volume_ratio" not in measured


async def test_a_failed_lamp_or_too_much_heat_is_a_fault_with_everything_else_measured() -> None:
    failed = await down(Display({**ON, ERRORS: bytes((1, 1, 0, 2, 78))}).talk)
    assert failed.reason == "fault"
    assert failed.detail.startswith("the display reports a failure: lamp, temperature; the display QM55R is on")
    measured = values(failed.samples)
    assert measured["fault/lamp"] == measured["fault/temperature"] == 1
    assert measured["temperature_celsius"] == 78
    assert not {"signal", "warning/fan"} & set(measured)


@pytest.mark.parametrize(
    ("reply", "reason", "words"),
    [
        (frame(POWER, 0, None), "unsupported", "says no to the question for its power"),
        (frame(POWER, 0, b"\x07"), "malformed", "states its power as 07"),
        (frame(POWER, 0, b""), "malformed", "states its power as nothing"),
        (frame(POWER, 2, b"\x01"), "malformed", "display 2 answers"),
        (frame(STATUS, 0, b"\x01"), "malformed", "answers to command 0x00, asked was display 0 for 0x11"),
        (frame(POWER, 0, b"\x01")[:-1] + b"\x00", "malformed", "the checksum of the answer is wrong: aa ff 00"),
        (b"\xaa\xff\x00\x00\xff", "malformed", "no frame of MDC"),
        (b"SSH-2.0-\x1b[2J\r\n", "malformed", "no frame of MDC: 'SSH-'"),
        (b"\xaa\x11\x01\x03A\x11\x01\x67", "malformed", "no frame of MDC"),
        (b"", "timeout", "still waiting for an answer about its power from display 0 after 2 s"),
        (b"\xaa\xff\x00\xff" + b"A" * 100, "timeout", "about its power"),
    ],
)
async def test_a_strange_answer_is_down(reply: bytes, reason: str, words: str) -> None:
    failed = await down(saying(reply), 2 if reason == "timeout" else 60)
    assert failed.reason == reason
    assert words in failed.detail


async def test_a_display_with_another_number_stays_silent() -> None:
    failed = await down(Display(number=7).talk, 2)
    assert failed.reason == "timeout"
    assert "from display 0" in failed.detail
    assert await asked(Display(number=7), display_id=7)


def secured(authority: Authority, pin: str = CANARY) -> Display:
    return Display(pin=pin, tls=authority.issue(["elsewhere.test"]).context())


async def test_a_secured_display_is_signed_in_to_over_tls(authority: Authority) -> None:
    assert "the display QM55R is on" in (await asked(secured(authority), pin="${env:PIN}")).detail


@pytest.mark.parametrize(
    ("settings", "words"),
    [({}, "has Secured Protocol on; set `pin`"), ({"pin": "${env:PIN}"}, "does not accept our PIN; correct `pin`")],
)
async def test_a_pin_that_we_lack_says_nothing_about_the_display(
    authority: Authority, settings: dict[str, Any], words: str
) -> None:
    with pytest.raises(Unmeasured) as unmeasured:
        await asked(secured(authority, "0000"), **settings)
    assert unmeasured.value.reason == "no_permission"
    assert words in unmeasured.value.detail
    assert CANARY not in str(unmeasured.value)


async def test_a_pin_for_a_display_that_is_not_secured_times_out_and_says_why() -> None:
    failed = await down(Display().talk, 2, pin="${env:PIN}")
    assert failed.reason == "timeout"
    assert "the greeting of Secured Protocol, which `pin` is for" in failed.detail


async def greeting(words: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(words)
    await writer.drain()


async def test_a_secured_peer_that_is_strange_is_down_and_no_pin_shows(authority: Authority) -> None:
    context = authority.issue().context()

    async def echoing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await greeting(b"MDCSTART<<TLS>>", writer)
        await writer.start_tls(context)
        writer.write(await reader.readexactly(4) + b">>")
        await reader.read()

    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await greeting(b"MDCSTART<<TLS>>", writer)
        await reader.read(100)
        await greeting(b"no TLS at all", writer)
        await reader.read()

    async def stranger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await greeting(b"hello>>", writer)
        await reader.read()

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await greeting(b"x" * 4096, writer)
        await reader.read()

    for talk, reason in (
        (echoing, "malformed"),
        (plain, "tls_failed"),
        (stranger, "malformed"),
        (endless, "malformed"),
    ):
        failed = await down(talk, pin="${env:PIN}")
        assert failed.reason == reason
        assert CANARY not in str(failed)
    assert CANARY not in f"{probing(1, pin='${env:PIN}').params!r}"


async def test_what_never_changes_is_asked_once_and_again_after_a_failure() -> None:
    display = Display()
    async with displaying(display) as port:
        probe = probing(port)
        await probe.measure(60)
        await probe.measure(60)
        assert (display.asked.count(MODEL), display.asked.count(POWER)) == (1, 2)
        display.number = 9
        with pytest.raises(Failed):
            await probe.measure(0.1)
        display.number = 0
        await probe.measure(60)
        assert display.asked.count(MODEL) == 2


async def test_a_display_on_standby_keeps_its_name() -> None:
    display = Display()
    async with displaying(display) as port:
        probe = probing(port)
        await probe.measure(60)
        display.answers[POWER] = b"\x00"
        assert (await probe.measure(60)).detail == "the display QM55R is on standby and answers"


def framed(content: bytes) -> bytes:
    return b"\xaa" + content + bytes((sum(content) % 256,))


@given(st.one_of(st.binary(max_size=MOST_FRAME), st.binary(max_size=60).map(framed)))
def test_any_frame_is_an_answer_or_refused(heard: bytes) -> None:
    try:
        content = answer(heard, POWER, 1)
    except (Failed, Unmeasured) as error:
        assert isinstance(error, Failed) or heard == b"MDCS"
        return
    assert heard[1:3] == b"\xff\x01"
    assert content is None or content in heard


@given(st.binary(max_size=2), st.binary(max_size=10), st.binary(max_size=10), st.text(max_size=20))
def test_any_content_is_judged(state: bytes, status: bytes, errors: bytes, name: str) -> None:
    try:
        found = judged(power(state), read_status(status), read_errors(errors), Identity(name))
    except Failed as failed:
        assert failed.reason in SamsungMdc.reasons
        samples = failed.samples
    else:
        samples = found.samples
    values(samples)
    assert all(sample.value >= 0 for sample in samples)


@pytest.mark.parametrize(
    "settings", [{"display_id": 254}, {"pin": "1234"}, {"pin": "${env:LONG}"}, {"pin": "${env:NONE_SUCH}"}]
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as refused:
        SamsungMdcParams.model_validate({"host": "panel", **settings})
    assert CANARY not in str(refused.value)
