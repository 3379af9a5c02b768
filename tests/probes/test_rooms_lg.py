"""rooms.lg against displays that follow LG's manuals, and against what else may listen there."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from peers.lg import ON, Display, displaying
from peers.tcp import Talk, saying, serving
from pydantic import ValidationError

from monitor.reading import read
from probes import Failed, Measured, Sample, Status
from probes._engines import Engines
from probes._engines.displays import Switchable
from probes.rooms.lg import MOST_ANSWER, Lg, LgParams, answer, judged, question
from probes.rooms.wake import Wake, WakeParams


def probing(port: int, **settings: Any) -> Lg:
    return Lg(LgParams.model_validate({"host": "127.0.0.1", "port": port, **settings}), Engines())


async def asked(display: Display, timeout: float = 60, **settings: Any) -> Measured:
    async with displaying(display) as port:
        return await probing(port, **settings).measure(timeout)


async def down(talk: Talk, timeout: float = 60, **settings: Any) -> Failed:
    """How the probe fails with such a peer."""
    async with serving(talk) as port:
        with pytest.raises(Failed) as failed:
            await probing(port, **settings).measure(timeout)
    assert failed.value.reason in {*Lg.reasons, "timeout"}
    assert failed.value.detail.isprintable()
    assert len(failed.value.detail) < 300
    return failed.value


def values(samples: tuple[Sample, ...]) -> dict[str, float]:
    assert {sample.metric for sample in samples} <= {metric.name for metric in Lg.metrics}
    return {f"{s.metric.removeprefix('deskwatch_display_')}/{s.part}".removesuffix("/"): s.value for s in samples}


def test_questions_are_those_of_the_manual() -> None:
    assert question("ka", 1, "FF") == b"ka 01 FF\r"
    assert question("sv", 255, "02 FF") == b"sv FF 02 FF\r"
    assert question("ka", 1000, "FF") == b"ka 3E8 FF\r"
    assert answer(b"a 01 OK01", "ka", 1) == "01"


async def test_a_display_that_is_on_says_what_it_has_and_shows() -> None:
    found = await asked(Display())
    assert found.detail == "the display is on; it shows HDMI 1; inside it has 36 °C"
    assert values(found.samples) == {
        **{f"power/{state}": 0 for state in ("standby", "warming", "cooling", "unavailable")},
        "power/on": 1,
        "fault/lamp": 0,
        "temperature_celsius": 36,
        "input_info/HDMI 1": 1,
        "signal": 1,
        "muted/picture": 0,
        "muted/sound": 0,
        "serial_info/803RMVW1S224": 1,
        "firmware_info/031023": 1,
    }


async def test_a_display_on_standby_is_up_and_asked_nothing_else() -> None:
    display = Display({"ka FF": "00"})
    found = await asked(display)
    assert found.detail == "the display is on standby and answers"
    assert values(found.samples)["power/standby"] == 1
    assert display.asked == ["ka FF"]


async def test_what_it_denies_or_cannot_tell_is_left_out() -> None:
    found = await asked(Display({"ka FF": "01", "dp FF": "02", "dn FF": "00", "sv 02 FF": "0207", "xb FF": ""}))
    assert found.detail == "the display is on"
    assert len(found.samples) == 5


async def test_no_signal_and_what_is_switched_off_by_hand_are_said() -> None:
    found = await asked(Display({**ON, "xb FF": "e0", "sv 02 FF": "0200", "kd FF": "01", "ke FF": "00"}))
    assert found.detail == (
        "the display is on; it shows input E0, which has no signal; its picture is switched off by hand; "
        "its sound is muted; inside it has 36 °C"
    )
    measured = values(found.samples)
    assert (measured["signal"], measured["muted/picture"], measured["muted/sound"]) == (0, 1, 1)


async def test_a_failed_lamp_is_a_fault_with_everything_else_measured() -> None:
    failed = await down(Display({**ON, "dp FF": "00"}).talk)
    assert failed.reason == "fault"
    assert failed.detail.startswith("the display reports a failure: lamp; the display is on; it shows HDMI 1")
    assert values(failed.samples)["fault/lamp"] == values(failed.samples)["power/on"] == 1


async def test_silence_about_what_it_need_not_know_is_waited_for_once() -> None:
    display = Display(silent=("sv 02 FF",))
    async with displaying(display) as port:
        probe = probing(port)
        first = await probe.measure(8)
        assert first.detail == "the display is on; it shows HDMI 1", "nothing more is asked after a silence"
        second = await probe.measure(60)
    assert second.detail == "the display is on; it shows HDMI 1; inside it has 36 °C"
    assert "serial_info/803RMVW1S224" in values(second.samples)


@pytest.mark.parametrize(
    ("reply", "reason", "words"),
    [
        (b"a 01 NG00x", "unsupported", "says no to the question for its power"),
        (b"a 01 OK07x", "malformed", "states its power as '07'"),
        (b"a 01 OKx", "malformed", "states its power as ''"),
        (b"a 02 OK01x", "malformed", "display 2 answers, asked was display 1; correct `set_id`"),
        (b"b 01 OK01x", "malformed", "the answer to ka is 'b 01 OK01'"),
        (b"a 01 OK\xff\x00x", "malformed", "the answer to ka is"),
        (b"SSH-2.0-\x1b[2J dropbearx\r\n", "malformed", "the answer to ka is"),
        (b"1" * 1000, "malformed", "does not end"),
        (b"", "timeout", "still waiting for an answer about its power from display 1 after 2 s"),
        (b"a 01 OK01", "timeout", "about its power"),
    ],
)
async def test_a_strange_answer_is_down(reply: bytes, reason: str, words: str) -> None:
    failed = await down(saying(reply), 2 if reason == "timeout" else 60)
    assert failed.reason == reason
    assert words in failed.detail


async def test_a_display_with_another_number_stays_silent() -> None:
    assert (await down(Display(number=7).talk, 0.2)).reason == "timeout"
    assert await asked(Display(number=7), set_id=7)


async def test_one_that_hangs_up_on_what_it_does_not_know_is_asked_the_rest_next_time() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while b"xb" not in (command := await reader.readuntil(b"\r")):
            writer.write(f"{chr(command[1])} 01 {'OK01' if command[:2] == b'ka' else 'NG'}x".encode())

    async with serving(talk) as port:
        probe = probing(port)
        assert (await probe.measure(60)).detail == "the display is on"
        assert (await probe.measure(60)).detail == "the display is on"


async def test_what_never_changes_is_asked_once_and_again_after_a_failure() -> None:
    display = Display()
    async with displaying(display) as port:
        probe = probing(port)
        await probe.measure(60)
        await probe.measure(60)
        assert (display.asked.count("fy FF"), display.asked.count("ka FF")) == (1, 2)
        display.number = 9
        with pytest.raises(Failed):
            await probe.measure(0.1)
        display.number = 1
        await probe.measure(60)
        assert display.asked.count("fy FF") == 2


async def test_a_wake_test_switches_it_on_and_back() -> None:
    display = Display({**ON, "ka FF": "00"}, switchable=True)
    engines = Engines()
    async with displaying(display) as port:
        engines.neighbours.replace({"boardroom/lg": Lg(LgParams(host="127.0.0.1", port=port), engines)})
        wake = Wake(WakeParams(display="boardroom/lg", cron="* * * * *", within=30), engines)
        found = await read("boardroom/wake", wake, 60)
    engines.close()
    assert found.status is Status.UP, found.detail
    assert [question for question in display.asked if not question.endswith("FF")] == ["ka 01", "ka 00"]


async def test_one_that_does_not_want_to_be_switched_says_no() -> None:
    async with displaying(Display(switchable=True, stubborn=True)) as port:
        probe = probing(port)
        assert isinstance(probe, Switchable)
        with pytest.raises(Failed, match="unsupported: the display says no when it is told to switch"):
            await probe.switch(True, 60)


@given(st.one_of(st.binary(max_size=MOST_ANSWER), st.binary(max_size=30).map(b"a 01 OK".__add__)))
def test_any_line_is_an_answer_or_refused(line: bytes) -> None:
    try:
        told = answer(line, "ka", 1)
    except Failed as failed:
        assert failed.reason == "malformed"
        return
    assert told is None or told.isprintable() or not told


DATA = st.one_of(st.text(max_size=10), st.sampled_from(["00", "01", "0200", "0201", "7F", "FF", "90"]))


@given(st.dictionaries(st.sampled_from(["xb", "kd", "ke", "sv", "dn", "dp", "fy", "fz"]), DATA), DATA)
def test_any_answers_are_judged(answers: dict[str, str], power: str) -> None:
    try:
        found = judged({**answers, "ka": power})
    except Failed as failed:
        assert failed.reason in Lg.reasons
        values(failed.samples)
    else:
        values(found.samples)
        assert found.detail.isprintable()


@pytest.mark.parametrize("settings", [{"set_id": 0}, {"set_id": 1001}, {"port": 0}])
def test_settings_that_make_no_sense_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        LgParams.model_validate({"host": "panel", **settings})
