"""Sensors that publish over MQTT: through a real broker, and whatever a message may hold."""

import asyncio
import base64
import contextlib
import gc
import hashlib
import json
import re
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt import client as paho
from paho.mqtt import publish
from paho.mqtt.enums import CallbackAPIVersion
from peers.certificates import Authority, authority
from peers.ports import free_port
from peers.servers import mosquitto
from peers.service import until
from peers.sockets import opened
from pydantic import ValidationError

from monitor.reading import read
from probes import Failed, Measured, Probe, Reading, Sample, Status, Unmeasured, load
from probes._engines import Engines, mqtt
from probes._engines.mqtt import MOST_TOPICS, Feed, Heard, matched
from probes._engines.mqtt_packets import Publication
from probes.passive.mqtt import Look, MqttParams, judge

__all__ = ["authority"]

NOW = datetime(2026, 8, 3, 9, 0, tzinfo=UTC)
LISTENING = NOW - timedelta(hours=2)

Listen = Callable[..., Probe[Any]]


@pytest.fixture
async def listen() -> AsyncIterator[Listen]:
    """Makes probes over the same engines."""
    engines = Engines()
    settings = {"host": "127.0.0.1", "topic": "desk/1", "max_age": 600}
    yield lambda **given: load("passive.mqtt")(MqttParams(**{**settings, **given}), engines)
    engines.close()
    await asyncio.sleep(0)


async def reading(probe: Probe[Any]) -> Reading:
    return await read("", probe, 60)


async def eventually(probe: Probe[Any], status: Status, reason: str) -> Reading:
    """The first reading with that status and reason."""

    async def found() -> Reading | None:
        one = await reading(probe)
        return one if (one.status, one.reason) == (status, reason) else None

    one = await until(found, f"{status} for {reason}")
    assert one is not None
    return one


async def send(port: int, topic: str, payload: object, retain: bool = False) -> None:
    data = payload if isinstance(payload, bytes) else json.dumps(payload)
    await asyncio.to_thread(
        publish.single, topic, data, qos=1, retain=retain, hostname="127.0.0.1", port=port, client_id="sensor"
    )


@contextlib.asynccontextmanager
async def answering(said: bytes, hang_up: bool = False) -> AsyncIterator[int]:
    """Something that answers a greeting with these bytes, and then says nothing more, or hangs up; its port."""

    open_ones: dict[asyncio.Task[Any] | None, asyncio.StreamWriter] = {}

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_ones[asyncio.current_task()] = writer
        await reader.readuntil(b"MQTT")
        writer.write(said)
        if not hang_up:
            await reader.read(-1)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
        for writer in open_ones.values():
            writer.transport.abort()
        await asyncio.gather(*(task for task in open_ones if task), return_exceptions=True)


async def test_a_message_is_taken_when_it_comes(tmp_path: Path, listen: Listen) -> None:
    with mosquitto(tmp_path) as port:
        probe = listen(port=port, value="$.temperature", battery="$.battery")
        before = await reading(probe)
        assert (before.status, before.reason) == (Status.UNKNOWN, "waiting")
        assert "was not heard yet; it is awaited for another 10 min" in before.detail
        await send(port, "desk/1", {"temperature": 21.5, "battery": 87})
        found = await eventually(probe, Status.UP, "ok")
    assert re.fullmatch(r"the sensor was heard \d+ s ago: 21\.5, battery at 87%", found.detail)
    assert found.value("deskwatch_sensor_value") == 21.5
    assert found.value("deskwatch_sensor_battery_ratio") == pytest.approx(0.87)
    assert 0 <= (found.value("deskwatch_sensor_age_seconds") or 0) < 60


async def test_what_the_broker_had_kept_proves_only_what_it_says_of_its_time(tmp_path: Path, listen: Listen) -> None:
    with mosquitto(tmp_path) as port:
        await send(port, "desk/1", {"at": datetime.now(UTC).isoformat()}, retain=True)
        silent, dated = listen(port=port), listen(port=port, time="$.at")
        assert (await reading(silent)).reason == "waiting"
        assert (await reading(dated)).status is Status.UP


async def test_sensors_are_told_apart_and_missed(tmp_path: Path, listen: Listen) -> None:
    with mosquitto(tmp_path) as port:
        probe = listen(port=port, topic="+/desk/+/state", sensors=["hub/2", "hub/3"], value="$", max_age=3600)
        await reading(probe)
        await send(port, "hub/desk/1/state", 21)
        await send(port, "hub/desk/2/state", 22)
        await send(port, "hub/desk/9/other", 23)

        async def both() -> bool:
            return (await reading(probe)).detail.startswith("1 of 3 sensors")

        await until(both, "both messages")
        missing = await reading(probe)
        assert (missing.reason, missing.detail.partition(";")[0]) == (
            "waiting",
            "1 of 3 sensors: hub/3 was not heard yet",
        )
        await send(port, "hub/desk/3/state", 23)
        found = await eventually(probe, Status.UP, "ok")
    assert {one.part: one.value for one in found.samples if one.metric == "deskwatch_sensor_value"} == {
        "hub/1": 21,
        "hub/2": 22,
        "hub/3": 23,
    }


async def test_a_broker_that_went_away_is_our_fault_and_is_listened_to_again(tmp_path: Path, listen: Listen) -> None:
    port = free_port()
    probe = listen(port=port)
    gone = await reading(probe)
    assert (gone.status, gone.reason) == (Status.UNKNOWN, "no_source")
    assert "the broker cannot be reached" in gone.detail
    with mosquitto(tmp_path, port):
        await eventually(probe, Status.UNKNOWN, "waiting")
        await send(port, "desk/1", 1)
        await eventually(probe, Status.UP, "ok")
    await eventually(probe, Status.UNKNOWN, "no_source")
    with mosquitto(tmp_path, port):
        # What came before counts: the sensor may be silent for as long as it could be.
        await eventually(probe, Status.UP, "ok")


async def test_a_wrong_password_is_said_and_not_shown(
    tmp_path: Path, listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RIGHT", "hunter2")
    monkeypatch.setenv("WRONG", "hunter3")
    known = base64.b64encode(hashlib.pbkdf2_hmac("sha512", b"hunter2", b"twelve bytes", 101, 64)).decode()
    with mosquitto(tmp_path, passwords=f"desk:$7$101${base64.b64encode(b'twelve bytes').decode()}${known}\n") as port:
        right = await reading(listen(port=port, username="desk", password="${env:RIGHT}"))
        wrong = await reading(listen(port=port, username="desk", password="${env:WRONG}"))
    assert (right.reason, wrong.reason) == ("waiting", "no_permission")
    assert "does not let us in" in wrong.detail
    assert "hunter" not in wrong.detail


async def test_who_may_not_listen_is_told(listen: Listen) -> None:
    async with answering(b"\x20\x02\0\0" + b"\x90\x03\0\x01\x80" + b"\xd0\0") as port:
        found = await reading(listen(port=port))
    assert (found.status, found.reason) == (Status.UNKNOWN, "no_permission")
    assert "does not let us listen to desk/1" in found.detail


async def test_tls_is_verified(tmp_path: Path, listen: Listen, authority: Authority) -> None:
    file = authority.issue().file
    with mosquitto(tmp_path, lines=f"certfile {file}\nkeyfile {file}") as port:
        trusted = await reading(listen(port=port, tls=True, ca_file=str(authority.file)))
        stranger = await reading(listen(port=port, tls=True))
        unverified = await reading(listen(port=port, tls=True, tls_verify=False))
        plain = await reading(listen(port=port))
        missing = await reading(listen(port=port, tls=True, ca_file="/no/such/file"))
    assert (trusted.reason, unverified.reason) == ("waiting", "waiting")
    assert {one.reason for one in (stranger, plain, missing)} == {"no_source"}
    assert "certificate: self-signed certificate in certificate chain" in stranger.detail
    assert "ca_file /no/such/file cannot be used: No such file" in missing.detail


async def test_nonsense_and_what_is_too_large_is_the_sensors_fault(tmp_path: Path, listen: Listen) -> None:
    with mosquitto(tmp_path) as port:
        probe = listen(port=port, value="$.t")
        await reading(probe)
        await send(port, "desk/1", b"\x1b[31m{")
        found = await eventually(probe, Status.DOWN, "unreadable")
        assert found.detail == r"the sensor has sent what is not JSON: '\x1b[31m{'"
        await send(port, "desk/1", {"t": "x" * 500_000})

        async def too_large() -> bool:
            return "more than 32 KiB" in (await reading(probe)).detail

        await until(too_large, "the large message")
        await send(port, "desk/1", {"t": 1})
        await eventually(probe, Status.UP, "ok")


async def test_a_last_will_says_that_a_sensor_is_gone(tmp_path: Path, listen: Listen) -> None:
    with mosquitto(tmp_path) as port:
        probe = listen(port=port, offline="offline")
        await reading(probe)
        client = paho.Client(CallbackAPIVersion.VERSION2)
        client.will_set("desk/1", "offline", qos=1)
        await asyncio.to_thread(client.connect, "127.0.0.1", port)
        client.publish("desk/1", "online")
        client.loop_start()
        await eventually(probe, Status.UP, "ok")
        sock = client.socket()
        client.loop_stop()
        assert sock is not None
        sock.close()  # without a word
        found = await eventually(probe, Status.DOWN, "offline")
    assert found.detail == "the sensor is reported gone: 'offline'"


async def test_all_checks_of_a_broker_share_a_connection_that_ends_with_them(
    tmp_path: Path, listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt, "_BEAT", 3)
    with mosquitto(tmp_path) as port:
        before = opened()
        probes = [listen(port=port, topic=f"desk/{number}") for number in range(20)]
        assert {(await reading(probe)).reason for probe in probes} == {"waiting"}
        assert len(opened() - before) == 1
        probes.clear()
        gc.collect()

        async def ended() -> bool:
            return not opened() - before

        await until(ended, "the connection to end")


async def test_a_broker_that_falls_silent_is_given_up(listen: Listen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mqtt, "_BEAT", 2)
    async with answering(b"\x20\x02\0\0" + b"\x90\x03\0\x01\0" + b"\xd0\0") as port:
        probe = listen(port=port)
        assert (await reading(probe)).reason == "waiting"
        assert "has not answered for 2 s" in (await eventually(probe, Status.UNKNOWN, "no_source")).detail


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (b"SSH-2.0-OpenSSH_9\r\n" * 9, "does not speak MQTT"),
        (b"\x20\xff\xff\xff\xff\xff", "does not speak MQTT"),
        (b"\x20\x02\0\x03", "it is not available just now"),
        (b"\x20\x02\0\x02", "it does not take our client name"),
        (b"\x20\x02\0\x63", "objection 99"),
        (b"", "closed the connection"),
    ],
)
async def test_what_is_no_broker_is_named(said: bytes, words: str, listen: Listen) -> None:
    async with answering(said, hang_up=True) as port:
        found = await reading(listen(port=port))
    assert (found.status, found.reason) == (Status.UNKNOWN, "no_source")
    assert words in found.detail


def feed(*heard: Heard, since: datetime | None = LISTENING, names: str = "abcdef") -> Feed:
    return Feed("desk/+", {f"desk/{name}": one for name, one in zip(names, heard, strict=False)}, since)


def live(payload: object, minutes: float = 1) -> Heard:
    at = NOW - timedelta(minutes=minutes)
    return Heard(payload if isinstance(payload, bytes) else json.dumps(payload).encode(), at, False, at)


def kept(payload: object) -> Heard:
    return Heard(json.dumps(payload).encode(), NOW - timedelta(minutes=1))


def judged(found: Feed, **settings: Any) -> Measured:
    params = MqttParams(**{"host": "h", "topic": "desk/+", "max_age": 3600, **settings})
    return judge(found, params, Look.at(params), NOW)


@pytest.mark.parametrize(
    ("found", "settings", "reason", "words"),
    [
        (feed(live(1, 61)), {}, "stale", "a was last heard 61 min ago"),
        (feed(kept(1)), {}, "never", "a was not heard yet"),
        (feed(), {}, "never", "the sensor was not heard yet"),
        (feed(live(1)), {"sensors": ["z"]}, "never", "1 of 2 sensors: z was not heard yet"),
        (feed(kept({"t": "2026-08-03T07:00:00Z"})), {"time": "$.t"}, "stale", "2 h ago"),
        (feed(live({"t": "2026-08-03T10:00:00Z"})), {"time": "$.t"}, "unreadable", "a clock that is 60 min ahead"),
        (feed(live({"t": True})), {"time": "$.t"}, "unreadable", r"without a time at \$\['t'\]: '{\"t\": true}'"),
        (feed(live({"v": "warm"})), {"value": "$.v"}, "unreadable", "without a number at"),
        (feed(live(b'{"v": 1e999}')), {"value": "$.v"}, "unreadable", "without a number at"),
        (feed(live(b"\xff\xfe")), {"value": "$"}, "unreadable", "what is not JSON"),
        (feed(kept("x"), live("gone")), {"offline": '"gone"'}, "offline", "1 of 2 sensors: b is reported gone"),
        (feed(*[live(1, 99)] * 6, names="abcdef"), {}, "stale", "6 of 6 sensors: a .*; e was last heard .* and 1 more"),
    ],
)
def test_a_sensor_fails(found: Feed, settings: dict[str, Any], reason: str, words: str) -> None:
    with pytest.raises(Failed, match=words) as failed:
        judged(found, **settings)
    assert failed.value.reason == reason


def test_a_silent_sensor_may_have_been_missed_while_we_did_not_listen() -> None:
    for heard in (live(1, 61), kept(1)):
        with pytest.raises(Unmeasured) as unknown:
            judged(feed(heard, since=NOW - timedelta(minutes=59)))
        assert unknown.value.reason == "waiting"


def test_a_fault_shows_the_figures_of_the_others() -> None:
    with pytest.raises(Failed) as failed:
        judged(feed(live(1, 90), live(2)), value="$")
    assert failed.value.samples == (
        Sample("deskwatch_sensor_age_seconds", 5400, "a"),
        Sample("deskwatch_sensor_age_seconds", 60, "b"),
        Sample("deskwatch_sensor_value", 2, "b"),
    )


@pytest.mark.parametrize(
    ("said", "age"),
    [
        ("2026-08-03T08:59:00Z", 60),
        ("2026-08-03T10:59:00+02:00", 60),
        ("2026-08-03 08:59:00", 60),
        (NOW.timestamp() - 60, 60),
        (NOW.timestamp() * 1000 - 60_000, 60),
        (str(int(NOW.timestamp()) - 60), 60),
        ("2026-08-03T09:04:00Z", 0),
    ],
)
def test_the_time_of_a_message_is_read_as_devices_write_it(said: object, age: float) -> None:
    measured = judged(feed(kept({"t": said})), time="$.t")
    assert measured.samples == (Sample("deskwatch_sensor_age_seconds", age, "a"),)


@pytest.mark.parametrize(("said", "value"), [(21, 21), ("21.5", 21.5), (True, 1), (False, 0), (-3e2, -300)])
def test_a_value_is_a_number_in_any_dress(said: object, value: float) -> None:
    assert judged(feed(live({"a": [{"v": said}]})), value="$.a[0].v").samples[1].value == value


def test_a_battery_that_is_not_mentioned_has_no_figure() -> None:
    assert len(judged(feed(live({"v": 1})), battery="$.battery").samples) == 1
    full = judged(feed(live({"b": 0.5})), battery="$.b", battery_full=1)
    assert full.samples[1] == Sample("deskwatch_sensor_battery_ratio", 0.5, "a")
    assert judged(feed(live(1), live(2, 3))).detail == "all 2 sensors were heard, the last 3 min ago"


def test_a_broker_that_does_not_pass_on_messages_is_unknown() -> None:
    crowded = feed(live(1))
    for number in range(MOST_TOPICS + 1):
        crowded.take(Publication(f"desk/{number}", b"1", False), False, NOW)
    assert len(crowded.heard) == MOST_TOPICS
    for found, words in ((crowded, "matches more than 200 topics"), (feed(since=None), "not confirmed yet")):
        with pytest.raises(Unmeasured, match=words):
            judged(found)


def test_what_was_kept_replaces_the_message_and_not_its_time() -> None:
    found = feed(live(1))
    found.take(Publication("desk/a", b"1", True), False, NOW)
    assert found.heard["desk/a"] == live(1)
    found.take(Publication("desk/a", b"2", True), False, NOW)
    assert found.heard["desk/a"] == Heard(b"2", NOW, False, live(1).live)
    found.take(Publication("desk/a", b"", False), False, NOW)
    assert found.heard == {}


@pytest.mark.parametrize(
    ("filter", "topic", "stands"),
    [("a/+/c", "a/b/c", "b"), ("+/+", "a/b", "a/b"), ("a", "a", ""), ("a/+", "a/b/c", None), ("a/+", "b/b", None)],
)
def test_a_plus_stands_for_one_level(filter: str, topic: str, stands: str | None) -> None:
    assert matched(filter, topic) == stands


@given(st.binary(max_size=60) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30) | st.datetimes().map(str),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("vbt"), inner, max_size=3),
).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_any_message_is_a_measurement_or_a_fault_of_the_sensor(payload: bytes) -> None:
    with contextlib.suppress(Failed):
        assert isinstance(judged(feed(live(payload)), value="$..v", battery="$.b", time="$.t"), Measured)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"topic": "sensors/#"}, "# is not understood"),
        ({"topic": "sensors/a+/x"}, "a whole level"),
        ({"topic": "sensors/a", "sensors": ["x"]}, "this one has none"),
        ({"topic": "a", "value": "$.["}, "not a JSONPath"),
        ({"topic": "a", "offline": "("}, "not a regular expression"),
        ({"topic": "a", "password": "hunter2"}, "secrets do not belong in the file"),
        ({"topic": "a", "password": "${env:PW}"}, "a password needs a username"),
    ],
)
def test_senseless_settings_are_refused(settings: dict[str, Any], words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PW", "hunter2")
    with pytest.raises(ValidationError, match=words) as refused:
        MqttParams(host="h", max_age=60, **settings)
    assert "hunter2" not in str(refused.value)
