"""rooms.pjlink against projectors that follow the specification, and against what else may listen there."""

import asyncio
import socket
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from peers import sockets
from peers.projector import CLASS_1, CLASS_2, STANDBY, Projector, projecting
from peers.tcp import Talk, saying_first, serving, trickling
from pydantic import SecretStr, ValidationError

from probes import Failed, Measured, Sample, Unmeasured
from probes._engines import Engines
from probes.rooms.pjlink import MOST_LINE, Pjlink, PjlinkParams, answer, judged, lamps, signed

CANARY = "JBMIAProjectorLink"


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PJLINK", CANARY)
    monkeypatch.setenv("WRONG", f"not{CANARY}")


def probing(port: int, **settings: Any) -> Pjlink:
    return Pjlink(PjlinkParams.model_validate({"host": "127.0.0.1", "port": port, **settings}), Engines())


async def asked(projector: Projector, **settings: Any) -> Measured:
    async with projecting(projector) as port:
        return await probing(port, **settings).measure(60)


async def down(talk: Talk, timeout: float = 60, **settings: Any) -> Failed:
    """How the probe fails with such a peer."""
    async with serving(talk) as port:
        with pytest.raises(Failed) as failed:
            await probing(port, **settings).measure(timeout)
    assert failed.value.reason in {*Pjlink.reasons, "timeout"}
    return failed.value


def values(samples: tuple[Sample, ...]) -> dict[str, float]:
    assert {sample.metric for sample in samples} <= {metric.name for metric in Pjlink.metrics}
    return {f"{s.metric.removeprefix('deskwatch_display_')}/{s.part}".removesuffix("/"): s.value for s in samples}


async def test_a_projector_that_is_on_says_what_it_has_and_shows() -> None:
    found = await asked(Projector())
    assert found.detail == "the projector Boardroom is on; it shows input digital 1; lamp 1 has 3,120 h"
    measured = values(found.samples)
    assert [measured[f"power/{state}"] for state in ("on", "standby", "warming", "cooling", "unavailable")] == [
        1,
        0,
        0,
        0,
        0,
    ]
    assert measured["lamp_seconds/1"] == 3120 * 3600
    assert measured["fault/lamp"] == measured["warning/filter"] == 0
    assert measured["input_info/digital 1"] == measured["model_info/NEC P502HL"] == 1
    assert measured["muted/picture"] == measured["muted/sound"] == 0
    assert "lamp_used_ratio/1" not in measured


async def test_a_projector_on_standby_is_up() -> None:
    found = await asked(Projector({**CLASS_2, "%1POWR": "0", **STANDBY}))
    assert found.detail == "the projector Boardroom is on standby and answers; lamp 1 has 3,120 h"
    measured = values(found.samples)
    assert measured["power/standby"] == 1
    assert "signal" not in measured
    assert measured["filter_seconds"] == 400 * 3600


@pytest.mark.parametrize(
    ("power", "state", "words"),
    [("2", "cooling", "cools down"), ("3", "warming", "warms up"), ("ERR3", "unavailable", "tells nothing now")],
)
async def test_a_projector_between_two_states_is_up(power: str, state: str, words: str) -> None:
    busy = dict.fromkeys(CLASS_1, "ERR3")
    found = await asked(Projector({**busy, "%1POWR": power}))
    assert words in found.detail
    assert values(found.samples) == {
        f"power/{known}": int(known == state) for known in ("on", "standby", "warming", "cooling", "unavailable")
    }


async def test_class_2_tells_of_filter_signal_and_software() -> None:
    answers = {**CLASS_2, "%2IRES": "-", "%2FREZ": "1", "%1AVMT": "31", "%1LAMP": "3900 1 80 0"}
    found = await asked(Projector(answers), lamp_hours=4000, filter_hours=200)
    measured = values(found.samples)
    assert measured["signal"] == 0
    assert measured["frozen"] == measured["muted/picture"] == measured["muted/sound"] == 1
    assert (measured["lamp_used_ratio/1"], measured["lamp_used_ratio/2"]) == (0.975, 0.02)
    assert measured["filter_used_ratio"] == 2
    assert measured["firmware_info/1.04"] == measured["serial_info/83A00147"] == 1
    assert found.detail == (
        "the projector Boardroom is on; it shows input digital 1, which has no signal; picture and sound switched off "
        "by hand; the picture is frozen; lamp 1 has 3,900 h, lamp 2 has 80 h"
    )


async def test_what_it_warns_of_is_measured_and_said_with_the_spare_part() -> None:
    found = await asked(Projector({**CLASS_2, "%1ERST": "010010"}))
    measured = values(found.samples)
    assert [part for part in measured if part.startswith("warning/") and measured[part]] == [
        "warning/lamp",
        "warning/filter",
    ]
    assert found.detail.endswith("it warns of: lamp, filter (spare lamp NP47LP)")


async def test_a_failed_part_is_a_fault_with_everything_else_measured() -> None:
    async with projecting(Projector({**CLASS_1, "%1ERST": "002100"})) as port:
        with pytest.raises(
            Failed, match=r"fault: the projector reports a failure: temperature; .*Boardroom is on"
        ) as failed:
            await probing(port).measure(60)
    measured = values(failed.value.samples)
    assert (measured["fault/temperature"], measured["fault/cover"], measured["warning/cover"]) == (1, 0, 1)
    assert measured["power/on"] == 1


@pytest.mark.parametrize(
    ("answers", "reason", "words"),
    [
        ({"%1POWR": "ERR1"}, "unsupported", "with ERR1"),
        ({"%1POWR": "ERR2"}, "unsupported", "with ERR2"),
        ({"%1POWR": "ERR4"}, "fault", "ERR4: it has failed"),
        ({"%1ERST": "ERR4"}, "fault", "ERST is answered by ERR4"),
        ({"%1LAMP": "err4"}, "fault", "LAMP is answered by ERR4"),
        ({"%1POWR": "7"}, "malformed", "states its power as '7'"),
    ],
)
async def test_an_error_is_told_apart(answers: dict[str, str], reason: str, words: str) -> None:
    failed = await down(Projector({**CLASS_1, **answers}).talk)
    assert failed.reason == reason
    assert words in failed.detail


async def test_a_projector_without_lamp_or_with_strange_answers_is_up_all_the_same() -> None:
    answers = {"%1POWR": "1", "%1LAMP": "ERR1", "%1ERST": "0000", "%1INPT": "99", "%1AVMT": "12", "%1CLSS": "ERR2"}
    found = await asked(Projector(answers))
    assert found.detail == "the projector is on"


def test_the_digest_is_that_of_the_specification() -> None:
    assert signed(b"PJLINK 1 498e4a67", SecretStr(CANARY)) == b"5d8409bc1c3fa39749434aa3a5c38682"
    assert signed(b"pjlink 0", SecretStr(CANARY)) == b""


@pytest.mark.parametrize("end", ["\r", "\r\n"])
async def test_it_signs_in_once_and_hears_both_line_ends(end: str) -> None:
    projector = Projector(dict(CLASS_2), CANARY, end=end)
    assert await asked(projector, password="${env:PJLINK}")
    assert len(projector.asked) == 15


async def test_a_password_that_is_not_asked_for_does_no_harm() -> None:
    assert await asked(Projector(), password="${env:PJLINK}")


@pytest.mark.parametrize(
    ("settings", "words"),
    [({}, "set `password`"), ({"password": "${env:WRONG}"}, "does not accept our PJLink password; correct `password`")],
)
async def test_a_password_that_we_lack_says_nothing_about_the_projector(settings: dict[str, str], words: str) -> None:
    with pytest.raises(Unmeasured) as unmeasured:
        await asked(Projector(password=CANARY), **settings)
    assert unmeasured.value.reason == "no_permission"
    assert words in unmeasured.value.detail
    assert CANARY not in str(unmeasured.value)


async def test_no_password_shows() -> None:
    probe = probing(1, password="${env:PJLINK}")
    assert CANARY not in f"{probe.params!r} {probe.params.model_dump_json()}"

    async def echoing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"PJLINK 1 498e4a67\r")
        writer.write(await reader.readuntil(b"\r"))
        await reader.read()

    failed = await down(echoing, password="${env:PJLINK}")
    assert failed.reason == "malformed"
    assert CANARY not in str(failed)


async def test_what_never_changes_is_asked_once_and_again_after_a_failure() -> None:
    projector = Projector()
    async with projecting(projector) as port:
        probe = probing(port)
        await probe.measure(60)
        await left(projector)
        await probe.measure(60)
        assert projector.asked.count("%1NAME") == 1
        assert projector.asked.count("%1POWR") == 2
        await left(projector)
        assert projector.refused == 0
        projector.guests = 1
        with pytest.raises(Failed, match="closed"):
            await probe.measure(60)
        projector.guests = 0
        await probe.measure(60)
        assert projector.asked.count("%1NAME") == 2


async def left(projector: Projector) -> None:
    """Wait until the projector has no guest any more: the connection was closed."""
    async with asyncio.timeout(60):
        while projector.guests:
            await asyncio.sleep(0)


async def test_what_is_not_available_now_is_asked_again() -> None:
    projector = Projector({**CLASS_1, "%1NAME": "ERR3"})
    async with projecting(projector) as port:
        probe = probing(port)
        assert "projector NEC P502HL is on" in (await probe.measure(60)).detail
        projector.answers = CLASS_1
        await left(projector)
        assert "projector Boardroom is on" in (await probe.measure(60)).detail


async def test_a_projector_that_serves_another_guest_closes() -> None:
    projector = Projector(guests=1)
    failed = await down(projector.talk)
    assert failed.reason == "closed"
    assert "instead of its greeting; it may serve one guest at a time" in failed.detail


async def resetting(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.parametrize(
    ("talk", "timeout", "reason", "words"),
    [
        (saying_first(), 2, "timeout", "still waiting for its greeting after 2 s"),
        (saying_first(b"PJLINK 0\r"), 2, "timeout", "still waiting for an answer to %1POWR after 2 s"),
        (trickling(b"PJLINK 0\r"), 2, "timeout", "its greeting"),
        (resetting, 60, "reset", "Connection reset"),
        (
            saying_first(b"PJLINK 0\r", b"%1POWR=" + b"1" * 1000),
            60,
            "malformed",
            "an answer to %1POWR does not end",
        ),
        (saying_first(b"SSH-2.0-\x1b[2J\r"), 60, "malformed", r"no"),
        (saying_first(b"PJLINK 1 123\r"), 60, "malformed", "'PJLINK 1 123'"),
        (saying_first(b"PJLINK 0\r", b"%1LAMP=1\r"), 60, "malformed", "the answer to %1POWR is '%1LAMP=1'"),
        (saying_first(b"PJLINK 0\r", b"\xff\xfe\r"), 60, "malformed", "the answer to %1POWR is"),
    ],
)
async def test_a_peer_that_is_slow_dying_or_strange_is_down(
    talk: Talk, timeout: float, reason: str, words: str
) -> None:
    failed = await down(talk, timeout)
    assert failed.reason == reason
    assert words in failed.detail
    assert failed.detail.isprintable()
    assert len(failed.detail) < 300


async def test_endless_talk_is_cut_off() -> None:
    sent = 0

    async def babbling(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        while True:
            writer.write(b"x" * 4096)
            await writer.drain()
            sent += 4096

    assert (await down(babbling)).reason == "malformed"
    assert sent >= MOST_LINE


async def test_a_cancelled_probe_leaves_nothing_open() -> None:
    before = sockets.opened()
    async with serving(saying_first(b"PJLINK 0\r")) as port:
        listening = sockets.opened()
        task = asyncio.create_task(probing(port).measure(60))
        async with asyncio.timeout(60):
            while len(sockets.opened() - listening) < 2:
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
    async with asyncio.timeout(60):
        while sockets.opened() - before:
            await asyncio.sleep(0)


def test_hours_of_up_to_eight_lamps_are_read() -> None:
    assert lamps("3120 1") == (3120,)
    assert lamps("1 0 2 1 3 0 4 0 5 0 6 0 7 0 8 1") == (1, 2, 3, 4, 5, 6, 7, 8)
    assert [lamps(value) for value in ("", "ERR1", "12", "1 2", "1 0 ", "-1 0", " ".join(["1 0"] * 9), "٣ 1")] == [
        ()
    ] * 8


@given(st.binary(max_size=MOST_LINE))
def test_any_greeting_is_understood_or_refused(line: bytes) -> None:
    try:
        assert len(signed(line, SecretStr(CANARY))) in (0, 32)
    except (Failed, Unmeasured) as error:
        assert CANARY not in str(error)


@given(st.one_of(st.binary(max_size=MOST_LINE), st.binary(max_size=60).map(b"%1POWR=".__add__)))
def test_any_line_is_an_answer_or_refused(line: bytes) -> None:
    try:
        value = answer(line, "%1POWR")
    except (Failed, Unmeasured):
        return
    assert line.strip().upper().startswith((b"%1POWR=", b"%2POWR="))
    assert len(value) <= len(line)


VALUES = st.one_of(
    st.text(max_size=30), st.sampled_from(["ERR1", "ERR2", "ERR3", "ERR4", "000000", "012012", "1 0", "31", "2", "-"])
)


@given(st.dictionaries(st.sampled_from([command[2:] for command in CLASS_2]), VALUES), VALUES)
def test_any_answers_are_judged(answers: dict[str, str], power: str) -> None:
    try:
        found = judged({**answers, "POWR": power}, 4000, 200)
    except Failed as failed:
        assert failed.reason in Pjlink.reasons
        samples = failed.samples
    else:
        samples = found.samples
        assert found.detail.isprintable()
    assert all(sample.value >= 0 and sample.part.isprintable() for sample in samples)


@pytest.mark.parametrize("settings", [{"lamp_hours": 0}, {"password": "plain"}, {"port": 0}])
def test_settings_that_make_no_sense_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        PjlinkParams.model_validate({"host": "beamer", **settings})


@pytest.mark.parametrize(
    ("target", "shown"),
    [("beamer", "beamer:4352"), ("192.0.2.9:4353", "192.0.2.9:4353"), ("[2001:db8::9]:4352", "[2001:db8::9]:4352")],
)
def test_a_target_may_be_a_name_or_an_address_with_or_without_port(target: str, shown: str) -> None:
    assert PjlinkParams.model_validate(PjlinkParams.of_target(target)).target == shown
