"""rooms.extron against switchers that follow Extron's manuals, and against what else may listen there."""

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from peers.canaries import canary
from peers.extron import (
    FIRMWARE,
    INPUT,
    OPTIONS,
    REFUSALS,
    SIGNALS,
    SWITCHER,
    TEMPERATURE,
    Switcher,
    switching,
)
from peers.tcp import Talk, saying_first, serving, trickling
from pydantic import ValidationError

from probes import Failed, Measured, Sample, Unmeasured
from probes._engines import Engines
from probes.rooms.extron import MOST_LINE, Extron, ExtronParams, Greeting, answer, found, greeted

PASSWORD = canary("extron")
GREETING = b"(c) Copyright 2013, Extron Electronics, IN1608, V1.05, 60-1238-01\r\n"


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("EXTRON", PASSWORD)
    monkeypatch.setenv("WRONG", canary("wrong"))
    monkeypatch.setenv("LINES", "two\rlines")
    yield
    assert "canary-" not in caplog.text


def probing(port: int, **settings: Any) -> Extron:
    return Extron(ExtronParams.model_validate({"host": "127.0.0.1", "port": port, **settings}), Engines())


async def asked(switcher: Switcher, timeout: float = 60, **settings: Any) -> Measured:
    async with switching(switcher) as port:
        told = await probing(port, **settings).measure(timeout)
    assert "canary-" not in repr(told)
    return told


async def down(talk: Talk, timeout: float = 60, **settings: Any) -> Failed:
    """How the probe fails with such a peer."""
    async with serving(talk) as port:
        with pytest.raises(Failed) as failed:
            await probing(port, **settings).measure(timeout)
    assert failed.value.reason in {*Extron.reasons, "timeout"}
    assert failed.value.detail.isprintable()
    assert len(failed.value.detail) < 300
    assert "canary-" not in f"{failed.value} {failed.value!r}"
    return failed.value


def values(samples: tuple[Sample, ...]) -> dict[str, float]:
    assert {sample.metric for sample in samples} <= {metric.name for metric in Extron.metrics}
    return {f"{s.metric.removeprefix('deskwatch_display_')}/{s.part}".removesuffix("/"): s.value for s in samples}


async def test_a_switcher_says_what_it_is_and_shows() -> None:
    told = await asked(Switcher())
    assert told.detail == "the Extron IN1608 answers; it shows input 3; inside it has 43 °C"
    assert values(told.samples) == {
        "input_info/input 3": 1,
        "signal": 1,
        "temperature_celsius": 43,
        "model_info/Extron IN1608": 1,
        "firmware_info/1.05": 1,
    }


async def test_options_of_telnet_are_refused() -> None:
    switcher = Switcher()
    await asked(switcher)
    assert switcher.options == OPTIONS
    assert switcher.refused == REFUSALS


async def test_answers_with_tags_are_understood_and_what_it_tells_unasked_is_passed_over() -> None:
    tagged = {FIRMWARE: "Ver01*1.05.0002", INPUT: "In02 All", SIGNALS: "Frq00 1*0", TEMPERATURE: "20Stat 43.5"}
    told = await asked(Switcher(tagged, unasked="Reconfig\r\nHplgO1\r\n\r\n"))
    assert told.detail == "the Extron IN1608 answers; it shows input 2, which has no signal; inside it has 43.5 °C"
    assert values(told.samples)["firmware_info/1.05.0002"] == 1


@pytest.mark.parametrize("source", ["0", "E13"])
async def test_what_it_does_not_know_is_left_out(source: str) -> None:
    told = await asked(Switcher({FIRMWARE: "1.05", INPUT: source}))
    assert told.detail == "the Extron IN1608 answers"
    assert list(values(told.samples)) == ["model_info/Extron IN1608", "firmware_info/1.05"]
    lonely = await asked(Switcher({FIRMWARE: "1.05", INPUT: "9", SIGNALS: "1*1"}))
    assert "signal" not in values(lonely.samples), "it does not tell of that input"


async def test_silence_about_what_it_need_not_know_is_waited_for_once() -> None:
    async with switching(Switcher(silent=(INPUT,))) as port:
        probe = probing(port)
        assert (await probe.measure(8)).detail == "the Extron IN1608 answers"
        assert (await probe.measure(60)).detail == "the Extron IN1608 answers; inside it has 43 °C"


@pytest.mark.parametrize("greets", [True, False])
async def test_it_signs_in_where_a_password_is_asked_for(greets: bool) -> None:
    told = await asked(Switcher(password=PASSWORD, greets=greets), password="${env:EXTRON}")
    assert "answers; it shows input 3" in told.detail


async def test_a_password_that_is_not_asked_for_does_no_harm() -> None:
    switcher = Switcher()
    assert await asked(switcher, 8, password="${env:EXTRON}")
    assert switcher.asked == [FIRMWARE, INPUT, SIGNALS, TEMPERATURE]


@pytest.mark.parametrize("greets", [True, False])
@pytest.mark.parametrize(
    ("settings", "words"),
    [({}, "asks for its password; set `password`"), ({"password": "${env:WRONG}"}, "does not accept our password")],
)
async def test_a_password_that_we_lack_says_nothing_about_the_device(
    greets: bool, settings: dict[str, Any], words: str
) -> None:
    with pytest.raises(Unmeasured) as unmeasured:
        await asked(Switcher(password=PASSWORD, greets=greets), **settings)
    assert unmeasured.value.reason == "no_permission"
    assert words in unmeasured.value.detail
    assert "canary-" not in f"{unmeasured.value} {unmeasured.value!r}"


async def test_a_user_without_the_right_to_ask_says_nothing_about_the_device() -> None:
    with pytest.raises(Unmeasured, match=r"no_permission: .*\(E24\)"):
        await asked(Switcher({FIRMWARE: "E24"}))


async def test_no_password_shows() -> None:
    assert "canary-" not in f"{probing(1, password='${env:EXTRON}').params!r}"

    async def echoing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\r\nPassword:")
        said = await reader.readuntil(b"\r")
        writer.write((said + b"\n") * 30)
        await reader.read()

    failed = await down(echoing, password="${env:EXTRON}")
    assert failed.reason == "malformed"
    assert "neither yes nor no" in failed.detail


@pytest.mark.parametrize(
    ("talk", "timeout", "reason", "words"),
    [
        (Switcher({FIRMWARE: "E10"}).talk, 60, "unsupported", "firmware with an error"),
        (saying_first(), 2, "timeout", "still waiting for its greeting after 2 s"),
        (saying_first(GREETING), 2, "timeout", "still waiting for an answer about its firmware"),
        (trickling(GREETING), 2, "timeout", "its greeting"),
        (saying_first(b"SSH-2.0-\x1b[2Jdropbear\r\n"), 60, "malformed", "the greeting is not one of Extron: 'SSH-2.0-"),
        (saying_first(b"x" * 1000), 60, "malformed", "its greeting does not end"),
        (saying_first(b"\xff\xfa" + b"x" * 1000), 60, "malformed", "a talk about telnet that does not end"),
        (saying_first(b"\xff\xff\xff\xf1\xff\xfe\x01hello\r\n"), 60, "malformed", "not one of Extron: 'ÿhello'"),
        (saying_first(GREETING, b"what?\r\n" * 100), 60, "malformed", "the answer about its firmware is 'what?'"),
    ],
)
async def test_a_peer_that_is_slow_or_strange_is_down(talk: Talk, timeout: float, reason: str, words: str) -> None:
    failed = await down(talk, timeout)
    assert failed.reason == reason
    assert words in failed.detail


async def hanging_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(GREETING)
    await reader.readexactly(1)


async def test_one_that_hangs_up_instead_of_answering_is_closed() -> None:
    assert (await down(hanging_up)).reason == "closed"


@pytest.mark.parametrize(
    ("line", "greeting"),
    [
        ("(c) Copyright 2006, Extron Electronics, CrossPoint 450 Plus, V1.00", Greeting("CrossPoint 450 Plus", "1.00")),
        ("\xa9 Copyright 2019, Extron Electronics, SMP 351, V2.11, 60-1324-01", Greeting("SMP 351", "2.11")),
        ("Copyright 2021 Extron, DTP CrossPoint 84", Greeting("DTP CrossPoint 84", "")),
    ],
)
def test_a_greeting_says_model_and_firmware(line: str, greeting: Greeting) -> None:
    assert greeted(line) == greeting


@given(st.text(max_size=MOST_LINE), st.text(max_size=60).map("Extron Electronics, ".__add__))
def test_any_greeting_is_understood_or_refused(line: str, named: str) -> None:
    for each in (line, named):
        try:
            assert all(word.isprintable() for word in greeted(each))
        except Failed as failed:
            assert failed.reason == "malformed"


@given(st.text(max_size=60), st.text("0123456789*. InCAllE", max_size=20), st.sampled_from(list(SWITCHER)))
def test_any_line_is_an_answer_or_none(line: str, likely: str, question: str) -> None:
    for each in (line, likely):
        told = answer(each, question)
        if told is not None:
            values(found(Greeting("", ""), {FIRMWARE: "1.0", question: told}).samples)


@given(st.binary(max_size=300))
def test_any_bytes_after_the_greeting_end_in_a_verdict(noise: bytes) -> None:
    async def work() -> None:
        async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(GREETING + noise)
            await writer.drain()
            writer.write_eof()
            await _.read()

        async with serving(talk) as port:
            await probing(port).measure(60)

    with pytest.raises((Failed, Unmeasured)) as raised:
        asyncio.run(work())
    assert str(raised.value).partition(":")[0] in {*Extron.reasons, "no_permission"}


@pytest.mark.parametrize("settings", [{"password": "plain"}, {"password": "${env:LINES}"}, {"port": 0}])
def test_settings_that_make_no_sense_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ExtronParams.model_validate({"host": "switcher", **settings})
