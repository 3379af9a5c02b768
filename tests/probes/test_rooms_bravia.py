"""rooms.bravia against a display's REST API, and against what else a web server may answer."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from peers.bravia import ON, Display, displaying
from peers.tcp import Talk, http, serving
from pydantic import ValidationError

from probes import Failed, Measured, Sample, Unmeasured
from probes._engines import Engines
from probes.rooms.bravia import Answer, Bravia, BraviaParams, first, found, power, read, shown, speakers

CANARY = "open-sesame-71"


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PSK", CANARY)
    monkeypatch.setenv("LINES", "a\r\nb")


def probing(engines: Engines, port: int, **settings: Any) -> Bravia:
    return Bravia(BraviaParams.model_validate({"host": "127.0.0.1", "port": port, **settings}), engines)


async def asked(engines: Engines, display: Display, **settings: Any) -> Measured:
    async with displaying(display) as port:
        return await probing(engines, port, **settings).measure(60)


async def down(engines: Engines, talk: Talk, timeout: float = 60, **settings: Any) -> Failed:
    """How the probe fails with such a peer."""
    async with serving(talk) as port:
        with pytest.raises(Failed) as failed:
            await probing(engines, port, key="${env:PSK}", **settings).measure(timeout)
    assert failed.value.reason in {*Bravia.reasons, "timeout"}
    assert CANARY not in str(failed.value)
    return failed.value


def values(samples: tuple[Sample, ...]) -> dict[str, float]:
    assert {sample.metric for sample in samples} <= {metric.name for metric in Bravia.metrics}
    return {f"{s.metric.removeprefix('deskwatch_display_')}/{s.part}".removesuffix("/"): s.value for s in samples}


async def test_a_display_that_is_on_says_what_it_shows(engines: Engines) -> None:
    display = Display(key=CANARY, open=())
    found = await asked(engines, display, key="${env:PSK}")
    assert found.detail == "the display FW-55BZ40H is on; it shows HDMI 2"
    assert values(found.samples) == {
        **{f"power/{state}": 0 for state in ("standby", "warming", "cooling", "unavailable")},
        "power/on": 1,
        "model_info/FW-55BZ40H": 1,
        "serial_info/5001234": 1,
        "input_info/HDMI 2": 1,
        "muted/sound": 0,
        "volume_ratio": 0.3,
    }
    assert display.asked[0] == "POST /sony/system getPowerStatus"


async def test_a_display_on_standby_is_up_and_asked_nothing_else(engines: Engines) -> None:
    display = Display({"getPowerStatus": [{"status": "standby"}]})
    assert (await asked(engines, display)).detail == "the display is on standby and answers"
    assert len(display.asked) == 1


async def test_without_a_key_the_rest_is_left_out(engines: Engines) -> None:
    found = await asked(engines, Display(key=CANARY))
    assert found.detail == "the display FW-55BZ40H is on"
    assert not {"volume_ratio", "muted/sound"} & set(values(found.samples))


@pytest.mark.parametrize(("open", "settings"), [((), {}), (("getPowerStatus",), {"key": "${env:PSK}"})])
async def test_a_key_that_is_not_accepted_says_nothing_about_the_display(
    engines: Engines, open: tuple[str, ...], settings: dict[str, Any]
) -> None:
    with pytest.raises(Unmeasured, match="the display does not let us in; correct `key`") as unmeasured:
        await asked(engines, Display(key="another", open=open), **settings)
    assert unmeasured.value.reason == "no_permission"
    assert CANARY not in str(unmeasured.value)


async def test_a_muted_sound_is_said_and_what_it_denies_left_out(engines: Engines) -> None:
    results = {**ON, "getPlayingContentInfo": 40005, "getVolumeInformation": [[{"target": "speaker", "mute": True}]]}
    found = await asked(engines, Display(results))
    assert found.detail == "the display FW-55BZ40H is on; its sound is muted"


async def test_what_never_changes_is_asked_once_and_again_after_a_failure(engines: Engines) -> None:
    display = Display()
    async with displaying(display) as port:
        probe = probing(engines, port)
        for status, times in (("active", 1), ("active", 1), ("standby", 1), ("broken", 1), ("active", 2)):
            display.results["getPowerStatus"] = [{"status": status}]
            if status == "broken":
                with pytest.raises(Failed):
                    await probe.measure(60)
            else:
                assert "FW-55BZ40H" in (await probe.measure(60)).detail
            assert sum("getSystemInformation" in line for line in display.asked) == times


def replying(reply: bytes) -> Talk:
    """Answers whatever is asked with this."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(reply)
        await writer.drain()

    return talk


@pytest.mark.parametrize(
    ("reply", "reason", "words"),
    [
        (http(status="404 Not Found"), "wrong_status", "status 404"),
        (http(b"<html>"), "malformed", "no JSON"),
        (http(b"[" * 60_000), "malformed", "no JSON"),
        (http(b'{"id": 1}'), "malformed", "neither result nor error"),
        (http(b'{"result": [{"status": "\\u001b[2J"}]}'), "malformed", r"states its power as '\x1b[2J'"),
        (http(b'{"result": []}'), "malformed", "states its power as 'None'"),
        (http(b'{"error": [12, "getPowerStatus"]}'), "unsupported", "with error 12"),
        (http(b" " * 70_000), "body_too_large", "larger"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", "reset", "before the answer was complete"),
        (b"SSH-2.0-dropbear\r\n", "malformed", ""),
    ],
)
async def test_a_strange_answer_is_down(engines: Engines, reply: bytes, reason: str, words: str) -> None:
    failed = await down(engines, replying(reply))
    assert failed.reason == reason
    assert words in failed.detail


async def test_no_key_shows(engines: Engines) -> None:
    async def echoing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(http(await reader.readuntil(b"\r\n\r\n")))
        await writer.drain()

    assert (await down(engines, echoing)).reason == "malformed"
    assert CANARY not in repr(probing(engines, 1, key="${env:PSK}").params)


@pytest.mark.parametrize(
    ("uri", "source"),
    [
        ("extInput:hdmi?port=1", "HDMI 1"),
        ("extInput:cec?type=player&port=3&logicalAddr=4", "HDMI 3"),
        ("extInput:widi?port=1", "screen mirroring 1"),
        ("tv:dvbt?trip=1.2.3", "TV"),
        ("extInput:hdmi?port=10", ""),
        ("com.sony.dtv.app", ""),
    ],
)
def test_an_input_is_named_and_what_has_any_number_of_names_is_not(uri: str, source: str) -> None:
    assert shown(uri) == source


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["result", "error", "status", "model", "uri", "target", "volume", "maxVolume", "mute"]),
            inner | st.sampled_from(["active", "speaker", 403]),
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON, JSON, JSON, JSON)
def test_any_answers_are_judged(told: Any, identity: Any, content: Any, sound: Any) -> None:
    try:
        state = power(read(200, json.dumps({"result": [told]}).encode()))
    except Failed as failed:
        assert failed.reason in Bravia.reasons
        state = "on"
    measured = found(state, first(Answer([identity])), first(Answer(content)), speakers(Answer([sound])))
    assert all(value in (0, 1) or 0 <= value <= 1 for value in values(measured.samples).values())
    assert measured.detail.isprintable()


@given(st.integers(100, 599), st.one_of(st.binary(max_size=100), JSON.map(lambda one: json.dumps(one).encode())))
def test_any_answer_is_read_or_refused(status: int, body: bytes) -> None:
    try:
        read(status, body)
    except Failed as failed:
        assert failed.reason in Bravia.reasons


@pytest.mark.parametrize("settings", [{"key": "plain"}, {"key": "${env:LINES}"}, {"port": 0}])
def test_settings_that_make_no_sense_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        BraviaParams.model_validate({"host": "panel", **settings})
