"""rooms.cisco_roomos against a room system over TLS, and against what else a web server may answer."""

import asyncio
import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from peers.certificates import Authority, authority
from peers.looks import values_of
from peers.roomos import AWAKE, RoomSystem, answering, document
from peers.tcp import Talk, http, serving
from pydantic import ValidationError

from probes import Failed, Measured, Unmeasured
from probes._engines import Engines
from probes.rooms.cisco_roomos import MOST_MESSAGES, CiscoRoomos, CiscoRoomosParams, Codec, judged, read

__all__ = ["authority"]

CANARY = "correct-horse-battery"
SIGNED = base64.b64encode(f"deskwatch:{CANARY}".encode()).decode()


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODEC", CANARY)


def parameters(port: int, **settings: Any) -> CiscoRoomosParams:
    given = {"host": "127.0.0.1", "port": port, "username": "deskwatch", "password": "${env:CODEC}", **settings}
    return CiscoRoomosParams.model_validate(given)


async def ask(engines: Engines, port: int, timeout: float = 60, **settings: Any) -> Measured:
    return await CiscoRoomos(parameters(port, **settings), engines).measure(timeout)


async def down(engines: Engines, port: int, timeout: float = 60, **settings: Any) -> Failed:
    """How the probe fails."""
    with pytest.raises(Failed) as failed:
        await ask(engines, port, timeout, **settings)
    assert failed.value.reason in {*CiscoRoomos.reasons, "timeout"}
    assert CANARY not in str(failed.value)
    assert SIGNED not in str(failed.value)
    return failed.value


values = values_of(CiscoRoomos.metrics)


def codec(**changed: str) -> Codec:
    """What is read of a status with these values changed; "" takes one away."""
    told = {
        **AWAKE,
        **{path.replace("__", "/").replace("_1", ".1").replace("_2", ".2"): v for path, v in changed.items()},
    }
    return read(200, document({path: value for path, value in told.items() if value}))


def failing(read: Codec, **expected: int) -> Failed:
    with pytest.raises(Failed) as failed:
        judged(read, expected)
    return failed.value


async def test_a_room_system_that_is_awake_says_what_it_has(engines: Engines, authority: Authority) -> None:
    system = RoomSystem(password=CANARY)
    async with answering(system, authority.issue().context()) as port:
        found = await ask(engines, port, ca_file=str(authority.file), cameras=1, displays=2, touch_panels=1)
    assert found.detail == "the room system Cisco Room Kit is awake"
    assert system.asked == ["GET /getxml?location=/Status HTTP/1.1"]
    assert values(found.samples) == {
        **{f"display_power/{state}": 0 for state in ("standby", "warming", "cooling", "unavailable")},
        "display_power/on": 1,
        "display_fault/temperature": 0,
        "display_warning/temperature": 0,
        "room_connected_peripherals/cameras": 1,
        "room_connected_peripherals/microphones": 1,
        "room_connected_peripherals/displays": 2,
        "room_connected_peripherals/touch_panels": 1,
        "room_diagnostics/warning": 0,
        "room_diagnostics/error": 0,
        "room_diagnostics/critical": 0,
        "room_registered/webex": 1,
        "room_calls": 0,
        "room_presence": 0,
        "room_uptime_seconds": 597095,
        "display_model_info/Cisco Room Kit": 1,
        "display_serial_info/FOC99999999": 1,
        "display_firmware_info/ce11.24.1.5": 1,
    }


async def test_a_certificate_of_its_own_is_accepted_only_on_request(engines: Engines, authority: Authority) -> None:
    system = RoomSystem(password=CANARY)
    async with answering(system, authority.issue().context()) as port:
        assert (await down(engines, port)).reason == "certificate_untrusted"
        assert not system.asked, "the password must not go to a stranger"
        assert await ask(engines, port, tls_verify=False)
    async with answering(system, authority.issue(["elsewhere.test"]).context()) as port:
        assert (await down(engines, port, ca_file=str(authority.file))).reason == "certificate_wrong_name"


def replying(reply: bytes) -> Talk:
    """Answers whatever is asked with this."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(reply)
        await writer.drain()

    return talk


@pytest.mark.parametrize(
    "reply",
    [
        http(status="401 Unauthorized"),
        http(status="403 Forbidden"),
        http(status="302 Found", headers="Location: /login.html\r\n"),
        http(b"\n<!DOCTYPE html><html><title>Login</title></html>"),
    ],
)
async def test_a_password_that_is_not_accepted_says_nothing_about_the_room(
    engines: Engines, authority: Authority, reply: bytes
) -> None:
    async with serving(replying(reply), tls=authority.issue().context()) as port:
        with pytest.raises(Unmeasured, match=r"does not let us in, .*correct `username` and `password`") as unmeasured:
            await ask(engines, port, tls_verify=False)
    assert unmeasured.value.reason == "no_permission"
    assert CANARY not in str(unmeasured.value)


async def test_no_password_shows(engines: Engines, authority: Authority) -> None:
    async def echoing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(http(await reader.readuntil(b"\r\n\r\n")))
        await writer.drain()

    async with serving(echoing, tls=authority.issue().context()) as port:
        assert (await down(engines, port, tls_verify=False)).reason == "malformed"
    probe = CiscoRoomos(parameters(1), engines)
    assert CANARY not in f"{probe.params!r} {probe._request!r}"
    assert SIGNED not in f"{probe.params!r} {probe._request!r}"


BOMB = b"""<?xml version="1.0"?><!DOCTYPE Status [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><Status><SystemUnit>&c;&c;&c;</SystemUnit></Status>"""


@pytest.mark.parametrize(
    ("reply", "reason", "words"),
    [
        (http(status="500 Oops"), "wrong_status", "answered with status 500"),
        (http(b"ready"), "malformed", "is no XML"),
        (http(b"<Status><SystemUnit>"), "malformed", "is no XML"),
        (http(b"<?xml version='1.0' encoding='klingon'?><Status/>"), "malformed", "is no XML"),
        (http(b"<Status><EmptyResult/></Status>"), "malformed", "not the status of a room system"),
        (http(b"<Command/>"), "malformed", "not the status of a room system"),
        (http(BOMB), "malformed", "has a document type"),
        (http(BOMB.decode().encode("utf-16")), "malformed", ""),
        (http(b"<a>" * 100_000), "malformed", "is no XML"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 600000\r\n\r\n" + b" " * 600_000, "body_too_large", "larger"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n<Status>", "reset", "before the answer was complete"),
        (b"SSH-2.0-dropbear\r\n", "malformed", ""),
    ],
)
async def test_a_strange_answer_is_down(
    engines: Engines, authority: Authority, reply: bytes, reason: str, words: str
) -> None:
    async with serving(replying(reply), tls=authority.issue().context()) as port:
        failed = await down(engines, port, tls_verify=False)
    assert failed.reason == reason
    assert words in failed.detail


@pytest.mark.parametrize(
    ("told", "state", "words"),
    [
        ({"Standby__State": "Standby"}, "standby", "Cisco Room Kit is on standby and answers"),
        ({"Standby__State": "Halfwake"}, "standby", "is on standby and answers"),
        ({"Standby__State": "EnteringStandby"}, "standby", "is on standby and answers"),
        ({"SystemUnit__State__System": "Initializing"}, "warming", "Cisco Room Kit starts"),
        ({"Standby__State": ""}, "unavailable", "answers, but does not tell whether it is awake"),
        ({"SystemUnit__ProductId": ""}, "on", "it is awake"),
    ],
)
def test_what_it_does_is_no_fault(told: dict[str, str], state: str, words: str) -> None:
    found = judged(codec(**told), {})
    assert words in found.detail
    assert values(found.samples)[f"display_power/{state}"] == 1


def test_calls_and_the_room_are_measured_and_not_who_calls() -> None:
    told = {
        "Call.1/Status": "Connected",
        "Call.1/RemoteNumber": "ceo@example.com",
        "Call.2/Status": "Connected",
        "Call.3/Status": "OnHold",
        "RoomAnalytics/PeopleCount/Current": "7",
        "RoomAnalytics/PeoplePresence": "Yes",
        "RoomAnalytics/AmbientTemperature": "23.5",
    }
    found = judged(read(200, document({**AWAKE, **told})), {})
    measured = values(found.samples)
    assert (measured["room_calls"], measured["room_people"], measured["room_presence"]) == (2, 7, 1)
    assert measured["room_temperature_celsius"] == 23.5
    assert found.detail.endswith("is awake; 2 calls are on")
    assert "example.com" not in repr(found)


def test_the_findings_of_its_self_check_are_counted_and_said() -> None:
    told = {f"Diagnostics/Message.{number}/Description": f"finding {number}" for number in range(1, 6)}
    levels = {f"Diagnostics/Message.{number}/Level": "Warning" for number in range(1, 5)}
    found = judged(read(200, document({**AWAKE, **told, **levels, "Diagnostics/Message.5/Level": "Error"})), {})
    measured = values(found.samples)
    assert (measured["room_diagnostics/warning"], measured["room_diagnostics/error"]) == (4, 1)
    assert found.detail.endswith("its self-check says: finding 1, finding 2, finding 3 and 2 more")


def test_more_findings_than_anybody_reads_are_not_kept() -> None:
    told = {f"Diagnostics/Message.{number}/Level": "Error" for number in range(500)}
    assert len(read(200, document({**AWAKE, **told})).messages) == MOST_MESSAGES


def test_a_critical_finding_or_heat_is_a_fault_with_everything_else_measured() -> None:
    told = {"Diagnostics/Message.1/Level": "Critical", "Diagnostics/Message.1/Description": "Fan\x85stopped"}
    heat = {"SystemUnit/Hardware/Monitoring/Temperature/Status": "Critical"}
    failed = failing(read(200, document({**AWAKE, **told, **heat})))
    assert failed.reason == "fault"
    assert failed.detail == (
        "the room system reports a failure: it is too hot, Fan\ufffdstopped; the room system Cisco Room Kit is awake"
    )
    assert values(failed.samples)["display_fault/temperature"] == 1
    warm = judged(codec(SystemUnit__Hardware__Monitoring__Temperature__Status="High"), {})
    assert values(warm.samples)["display_warning/temperature"] == 1
    assert "it warns of its temperature" in warm.detail


def test_what_must_be_connected_is_missed_and_displays_only_while_it_is_awake() -> None:
    failed = failing(codec(Video__Output__Connector_2__Connected="False"), displays=2, cameras=1)
    assert failed.reason == "missing"
    assert failed.detail.startswith("1 of 2 displays connected; the room system Cisco Room Kit is awake")
    assert judged(codec(Video__Output__Connector_2__Connected="False", Standby__State="Standby"), {"displays": 2})
    asleep = codec(Cameras__Camera_1__Connected="False", Standby__State="Standby")
    assert failing(asleep, cameras=1).detail.startswith("0 of 1 camera connected")
    assert failing(codec(), microphones=3).detail.startswith("1 of 3 microphones connected")
    lost = codec(Peripherals__ConnectedDevice_1001__Status="LostConnection")
    assert failing(lost, touch_panels=1).detail.startswith("0 of 1 touch panel connected")


@pytest.mark.parametrize(
    ("webex", "sip", "found"),
    [
        ("Registered", "Inactive", {"webex": True}),
        ("Disabled", "Registered", {"sip": True}),
        ("Error", "Registered", {"webex": False, "sip": True}),
        ("Stopped", "Registering", {}),
    ],
)
def test_one_registration_is_enough_and_services_that_are_off_do_not_count(
    webex: str, sip: str, found: dict[str, bool]
) -> None:
    told = codec(Webex__Status=webex, SIP__Registration_1__Status=sip)
    assert told.registered == found
    detail = judged(told, {}).detail
    assert ("its registration with webex failed" in detail) == (False in found.values())


def test_a_room_system_without_any_registration_is_down() -> None:
    failed = failing(codec(Webex__Status="ErrorAuth", SIP__Registration_1__Status="Failed"))
    assert failed.reason == "unregistered"
    assert failed.detail.startswith("not registered with webex and sip; ")
    assert values(failed.samples)["room_registered/sip"] == 0


PATHS = [*AWAKE, "Call.1/Status", "Diagnostics/Message.1/Level", "RoomAnalytics/AmbientTemperature"]
WORDS = st.one_of(
    st.sampled_from(["", "True", "Connected", "Registered", "Error", "Critical", "-1", "nan", "1e999", "Standby"]),
    st.text(st.characters(codec="utf-8", exclude_characters="<&", exclude_categories=["Cc", "Cs"]), max_size=300),
)


@given(st.dictionaries(st.sampled_from(PATHS), WORDS))
def test_any_status_is_judged(told: dict[str, str]) -> None:
    try:
        found = judged(read(200, document({"SystemUnit/Uptime": "1", **told})), {"cameras": 1})
    except Failed as failed:
        assert failed.reason in CiscoRoomos.reasons
        values(failed.samples)
    else:
        values(found.samples)
        assert found.detail.isprintable()


@given(st.integers(100, 599), st.one_of(st.binary(max_size=200), st.text(alphabet="<>/&;Status!?x ").map(str.encode)))
def test_any_answer_is_read_or_refused(status: int, body: bytes) -> None:
    try:
        read(status, body)
    except (Failed, Unmeasured) as error:
        assert error.reason in {*CiscoRoomos.reasons, "no_permission"}


@pytest.mark.parametrize("settings", [{"password": "plain"}, {"username": "a:b"}, {"cameras": 0}, {"username": ""}])
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        parameters(443, **settings)
