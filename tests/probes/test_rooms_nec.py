"""rooms.nec against displays that follow the maker's manuals, and against what else may listen there."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from peers.nec import DIAGNOSIS, INPUT, MODEL, ON, POWER, SERIAL, Display, displaying, frame, powered, shows
from peers.tcp import Talk, saying, serving
from pydantic import ValidationError

from monitor.reading import read
from probes import Failed, Measured, Sample, Status
from probes._engines import Engines
from probes._engines.displays import Switchable
from probes.rooms.nec import (
    MOST_FRAME,
    Identity,
    Nec,
    NecParams,
    answer,
    diagnosed,
    judged,
    power,
    question,
    shown,
    spelled,
)
from probes.rooms.wake import Wake, WakeParams


def probing(port: int, **settings: Any) -> Nec:
    return Nec(NecParams.model_validate({"host": "127.0.0.1", "port": port, "pace": 0, **settings}), Engines())


async def asked(display: Display, timeout: float = 60, **settings: Any) -> Measured:
    async with displaying(display) as port:
        return await probing(port, **settings).measure(timeout)


async def down(talk: Talk, timeout: float = 60, **settings: Any) -> Failed:
    """How the probe fails with such a peer."""
    async with serving(talk) as port:
        with pytest.raises(Failed) as failed:
            await probing(port, **settings).measure(timeout)
    assert failed.value.reason in {*Nec.reasons, "timeout"}
    assert failed.value.detail.isprintable()
    assert len(failed.value.detail) < 300
    return failed.value


def values(samples: tuple[Sample, ...]) -> dict[str, float]:
    assert {sample.metric for sample in samples} <= {metric.name for metric in Nec.metrics}
    return {f"{s.metric.removeprefix('deskwatch_display_')}/{s.part}".removesuffix("/"): s.value for s in samples}


def test_questions_are_the_bytes_of_the_manual() -> None:
    assert question("A", POWER, 1) == bytes.fromhex("0130413041303602303144360374 0D")
    assert question("C", INPUT, 1) == bytes.fromhex("01304130433036023030363003030D")
    assert question("A", DIAGNOSIS, 100)[2] == 0x40 + 100


def test_answers_are_the_bytes_of_the_manual() -> None:
    off = bytes.fromhex("0130304142313202303230304436303030303034303030340371 0D")
    assert frame("B", powered(4)) == off
    assert power(answer(off, "A", 1)) == "standby"
    dvi = bytes.fromhex("01303041443132023030303036303030303031313030303303020D")
    assert shown(answer(dvi, "C", 1)) == "DVI"


async def test_a_display_that_is_on_says_what_it_has_and_shows() -> None:
    found = await asked(Display())
    assert found.detail == "the display C431 is on; it shows HDMI 1"
    assert values(found.samples) == {
        **{f"power/{state}": 0 for state in ("standby", "warming", "cooling", "unavailable")},
        "power/on": 1,
        **{f"fault/{part}": 0 for part in ("lamp", "temperature", "other")},
        **{f"warning/{part}": 0 for part in ("fan", "temperature", "other")},
        "input_info/HDMI 1": 1,
        "signal": 1,
        "model_info/C431": 1,
        "serial_info/35100147NA": 1,
    }


@pytest.mark.parametrize("mode", [2, 3, 4])
async def test_a_display_that_sleeps_is_up_and_asked_for_its_health_alone(mode: int) -> None:
    display = Display({**ON, POWER: powered(mode), DIAGNOSIS: "A1B0"})
    found = await asked(display)
    assert found.detail == "the display is on standby and answers"
    measured = values(found.samples)
    assert measured["power/standby"] == 1
    assert measured["fault/lamp"] == 0
    assert "signal" not in measured, "it does not look for one"
    assert display.asked == [POWER, DIAGNOSIS]


async def test_what_it_does_not_know_is_left_out() -> None:
    found = await asked(Display({POWER: powered(1)}))
    assert found.detail == "the display is on"
    assert len(found.samples) == 5


async def test_no_signal_and_warnings_are_said() -> None:
    found = await asked(Display({**ON, DIAGNOSIS: "A180A1B0F7", INPUT: shows(0x63)}))
    assert found.detail == (
        "the display C431 is on; it shows input 99, which has no signal; "
        "it warns of: fan, other, temperature (codes 80, A1, F7)"
    )
    measured = values(found.samples)
    assert measured["warning/fan"] == measured["warning/temperature"] == measured["warning/other"] == 1
    assert measured["fault/temperature"] == measured["signal"] == 0
    dark = await asked(Display({POWER: powered(1), DIAGNOSIS: "A1B0"}))
    assert dark.detail == "the display is on; its input has no signal"


@pytest.mark.parametrize(
    ("codes", "part"),
    [("70", "other"), ("78", "other"), ("90", "lamp"), ("91", "lamp"), ("A0", "temperature")],
)
async def test_what_its_diagnosis_finds_fatal_is_a_fault_also_when_it_has_shut_down(codes: str, part: str) -> None:
    for mode in (1, 4):
        failed = await down(Display({**ON, POWER: powered(mode), DIAGNOSIS: f"A1{codes}80"}).talk)
        assert failed.reason == "fault"
        assert failed.detail.startswith(f"the display reports a failure: {part} (codes {codes}, 80); the display")
        measured = values(failed.samples)
        assert measured[f"fault/{part}"] == measured["warning/fan"] == 1


async def test_silence_about_what_it_need_not_know_is_waited_for_once() -> None:
    display = Display(silent=(DIAGNOSIS,))
    async with displaying(display) as port:
        probe = probing(port)
        assert (await probe.measure(8)).detail == "the display is on", "nothing more is asked after a silence"
        assert (await probe.measure(60)).detail == "the display C431 is on; it shows HDMI 1"


async def test_what_there_is_no_time_for_between_two_pauses_is_left_out_and_asked_later() -> None:
    display = Display()
    async with displaying(display) as port:
        probe = probing(port, pace=2)
        assert (await probe.measure(3.5)).detail == "the display is on"
        assert display.asked == [POWER]
        assert (await probe.measure(7)).detail == "the display is on"
        assert display.asked == [POWER, POWER, DIAGNOSIS]


@pytest.mark.parametrize(
    ("reply", "reason", "words"),
    [
        (frame("B", "BE"), "unsupported", "does not know the question for its power"),
        (frame("B", "0201D60000040001"), "unsupported", "does not know the question for its power"),
        (frame("B", powered(9)), "malformed", "states its power as '0200D60000040009'"),
        (frame("B", ""), "malformed", "states its power as ''"),
        (frame("B", powered(1), 2), "malformed", "display 2 answers, asked was display 1; correct `monitor_id`"),
        (frame("D", powered(1)), "malformed", "is one to another question"),
        (frame("B", powered(1))[:-2] + b"\x00\r", "malformed", "the check code of the answer is wrong: 01 30"),
        (frame("B", powered(1))[:-1] + b"\n", "malformed", "no frame of a NEC display"),
        (b"SSH-2.0-\x1b[2J\r\n", "malformed", "no frame of a NEC display: 'SSH-2.0'"),
        (b"\x0100AB", "timeout", "still waiting for an answer about its power from display 1 after 2 s"),
        (b"\x0100ABFF\x02" + b"0" * 100, "timeout", "about its power"),
    ],
)
async def test_a_strange_answer_is_down(reply: bytes, reason: str, words: str) -> None:
    failed = await down(saying(reply), 2 if reason == "timeout" else 60)
    assert failed.reason == reason
    assert words in failed.detail


async def test_a_display_with_another_number_stays_silent() -> None:
    assert (await down(Display(number=7).talk, 0.2)).reason == "timeout"
    assert await asked(Display(number=7), monitor_id=7)


async def test_what_never_changes_is_asked_once_and_known_on_standby() -> None:
    display = Display()
    async with displaying(display) as port:
        probe = probing(port)
        await probe.measure(60)
        await probe.measure(60)
        assert (display.asked.count(MODEL), display.asked.count(SERIAL), display.asked.count(POWER)) == (1, 1, 2)
        display.answers[POWER] = powered(4)
        assert (await probe.measure(60)).detail == "the display C431 is on standby and answers"
        display.number = 9
        with pytest.raises(Failed):
            await probe.measure(0.1)
        display.number, display.answers[POWER] = 1, powered(1)
        await probe.measure(60)
        assert display.asked.count(MODEL) == 2


async def test_a_wake_test_switches_it_on_and_back() -> None:
    display = Display({**ON, POWER: powered(4)}, switchable=True)
    engines = Engines()
    async with displaying(display) as port:
        engines.neighbours.replace({"boardroom/nec": Nec(NecParams(host="127.0.0.1", port=port, pace=0), engines)})
        wake = Wake(WakeParams(display="boardroom/nec", cron="* * * * *", within=30), engines)
        found = await read("boardroom/wake", wake, 60)
    engines.close()
    assert found.status is Status.UP, found.detail
    assert [message for message in display.asked if message.startswith("C203")] == ["C203D60001", "C203D60004"]


async def test_one_that_does_not_want_to_be_switched_says_no() -> None:
    async with displaying(Display(switchable=True, stubborn=True)) as port:
        probe = probing(port)
        assert isinstance(probe, Switchable)
        with pytest.raises(Failed, match="unsupported: the display answers 'no' when it is told to switch"):
            await probe.switch(True, 60)


def test_words_in_hexadecimal_digits_are_read() -> None:
    assert spelled("C31750343032", "C317") == "P402"
    assert spelled("C31750340032", "C317") == "P4"
    assert [spelled(told, "C317") for told in (None, "C3175", "C316" + "50" * 3, "C317ZZ")] == [""] * 4
    assert spelled("C317FF1B", "C317") == "\ufffd\ufffd"


def framed(message: bytes) -> bytes:
    return frame("B", message.hex().upper()[:200])


@given(st.one_of(st.binary(max_size=MOST_FRAME), st.binary(max_size=60).map(framed)))
def test_any_frame_is_an_answer_or_refused(heard: bytes) -> None:
    try:
        message = answer(heard, "A", 1)
    except Failed as failed:
        assert failed.reason == "malformed"
        return
    assert message is None or message.encode() in heard


MESSAGES = st.one_of(st.none(), st.text("0123456789ABCDEF", max_size=20), st.sampled_from(list(ON.values())))


@given(MESSAGES, MESSAGES, MESSAGES, st.text(max_size=20))
def test_any_answers_are_judged(state: str | None, codes: str | None, source: str | None, name: str) -> None:
    try:
        found = judged(power(state), diagnosed(codes, "on"), shown(source), Identity(name))
    except Failed as failed:
        assert failed.reason in Nec.reasons
        values(failed.samples)
    else:
        values(found.samples)


@pytest.mark.parametrize("settings", [{"monitor_id": 0}, {"monitor_id": 101}, {"pace": -1}])
def test_settings_that_make_no_sense_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        NecParams.model_validate({"host": "panel", **settings})
