"""rooms.logitech_sync against an emulator of Sync's API, which asks for a certificate."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from ssl import TLSVersion
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st
from peers.certificates import Authority, authority
from peers.logitech_sync import (
    PLACES,
    PROJECTION,
    device,
    organization,
    pages,
    peripherals,
    refusing,
    trusting,
)
from peers.logitech_sync import room as listed
from peers.tcp import serving, trickling
from peers.web_api import Reply, WebApi
from pydantic import ValidationError

from probes import Failed, Measured, Sample, Unmeasured
from probes._engines import Engines
from probes._engines.http.exchange import Trust
from probes.rooms.logitech_sync import LogitechSync, LogitechSyncParams, room

__all__ = ["authority"]


@pytest.fixture
async def engines() -> AsyncIterator[Engines]:
    engines = Engines()
    yield engines
    assert engines.http.running == 0
    engines.close()


def probing(engines: Engines, authority: Authority, port: int, **settings: Any) -> LogitechSync:
    mine = str(authority.issue(["deskwatch"]).file)
    given = {
        "organization": "Org-1",
        "certificate_file": mine,
        "key_file": mine,
        "url": f"https://localhost:{port}/v1",
        "ca_file": str(authority.file),
        **settings,
    }
    return LogitechSync(LogitechSyncParams.model_validate(given), engines)


async def asked(engines: Engines, authority: Authority, system: WebApi, **settings: Any) -> Measured:
    async with serving(system.talk, tls=trusting(authority)) as port:
        return await probing(engines, authority, port, **settings).measure(60)


async def down(engines: Engines, authority: Authority, system: WebApi, **settings: Any) -> Failed:
    with pytest.raises(Failed) as failed:
        await asked(engines, authority, system, **settings)
    assert failed.value.reason in LogitechSync.reasons
    assert "canary-" not in f"{failed.value} {failed.value.samples}"
    return failed.value


async def unknown(
    engines: Engines, authority: Authority, port: int, timeout: float = 60, **settings: Any
) -> Unmeasured:
    with pytest.raises(Unmeasured) as unmeasured:
        await probing(engines, authority, port, **settings).measure(timeout)
    assert "canary-" not in str(unmeasured.value)
    assert ".pem" not in str(unmeasured.value)
    return unmeasured.value


def values(samples: tuple[Sample, ...]) -> dict[str, float]:
    assert {sample.metric for sample in samples} <= {metric.name for metric in LogitechSync.metrics}
    return {f"{s.metric.removeprefix('deskwatch_room_')}/{s.part}".removesuffix("/"): s.value for s in samples}


async def test_an_organization_that_is_well_tells_of_its_rooms(
    engines: Engines, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    system = organization()
    found = await asked(engines, authority, system)
    assert found.detail == "2 of 2 rooms are online; in use: Studio"
    told = values(found.samples)
    assert (told["system_online/Boardroom"], told["system_in_use/Boardroom"], told["system_in_use/Studio"]) == (1, 0, 1)
    assert "people" not in told, "what has no label belongs to a check of one room"
    assert system.asked[0].query == {"rooms": ["true"], "limit": ["100"], "projection": [PROJECTION]}
    assert "canary-" not in f"{found} {caplog.text}"


async def test_a_check_of_one_room_has_the_figures_of_every_room_system(engines: Engines, authority: Authority) -> None:
    told = values((await asked(engines, authority, organization(), rooms=["Boardroom"])).samples)
    assert {name: value for name, value in told.items() if not name.startswith("system")} == {
        "people": 4,
        "in_use": 0,
        "presence": 1,
        "temperature_celsius": 22.5,
        "co2_ratio": pytest.approx(0.00065),
        "connected_peripherals/cameras": 1,
        "connected_peripherals/microphones": 2,
    }


async def test_who_shows_no_certificate_or_a_strange_one_is_refused(
    engines: Engines, authority: Authority, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    strange = str(Authority(tmp_path / "other").issue(["deskwatch"]).file)
    settings = {"certificate_file": strange, "key_file": strange}
    for version in (TLSVersion.TLSv1_2, TLSVersion.TLSv1_3):
        context = trusting(authority)
        context.maximum_version = version
        with refusing(context) as port:
            unmeasured = await unknown(engines, authority, port, **settings)
        assert unmeasured.reason == "no_permission"
        assert unmeasured.detail == "localhost does not accept the certificate that we show"

    async def hanging_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with serving(hanging_up) as port:
        unmeasured = await unknown(engines, authority, port, **settings)
    assert unmeasured.reason == "no_source"
    assert unmeasured.detail.endswith("a certificate that is withdrawn or expired is refused so, too")


async def test_a_gateway_may_refuse_in_words(engines: Engines, authority: Authority) -> None:
    system = organization()
    system.answers[PLACES] = Reply({"message": "Forbidden"}, 403)
    async with serving(system.talk, tls=trusting(authority)) as port:
        unmeasured = await unknown(engines, authority, port)
    assert unmeasured.reason == "no_permission"
    assert "correct `organization`, `certificate_file` and `key_file`" in unmeasured.detail


async def test_a_key_that_cannot_be_used_is_our_own_failure_and_is_never_shown(
    engines: Engines, authority: Authority, tmp_path: Path
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    (tmp_path / "locked.pem").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"canary-passphrase"))
    )
    (tmp_path / "broken.pem").write_text("canary-key")
    another = str(authority.issue(["somebody else"]).file)
    for name in (str(tmp_path / "locked.pem"), str(tmp_path / "broken.pem"), str(tmp_path / "none.pem"), another):
        with socket.create_server(("127.0.0.1", 0)) as server:  # it never comes to say anything
            unmeasured = await unknown(engines, authority, server.getsockname()[1], key_file=name)
        assert unmeasured.reason == "monitor_error"
        assert "both must be readable PEM files that belong together, the key without a passphrase" in unmeasured.detail
    assert "key" not in repr(Trust(certificate_file="c.pem", key_file="k.pem"))


async def test_a_room_of_which_nothing_is_online_is_down(engines: Engines, authority: Authority) -> None:
    system = organization()
    system.answers[PLACES] = pages(
        listed("Boardroom", device("NUC", "Computer", "Offline"), device("Keyboard", "Generic")),
        listed("Desk", kind="Desk"),
    )
    failed = await down(engines, authority, system)
    assert (failed.reason, failed.detail) == ("room_offline", "offline: Boardroom; 0 of 1 room is online")


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (device("Tap", status="Offline"), "Studio: Tap is offline"),
        (device("Rally", health="Error"), "Studio: Rally reports an error"),
    ],
)
async def test_a_device_that_a_meeting_needs_is_missed(
    engines: Engines, authority: Authority, one: Any, words: str
) -> None:
    system = organization()
    system.answers[PLACES] = pages(listed("Studio", device("NUC", "Computer"), one))
    failed = await down(engines, authority, system)
    assert failed.reason == "fault"
    assert failed.detail == f"{words}; 1 of 1 room is online"
    assert values(failed.samples)["system_faults/Studio"] == 1


async def test_what_wants_attention_is_told(engines: Engines, authority: Authority) -> None:
    rally = device("Rally", health="Warning", peripherals=peripherals(camera=(1, 1), micPod=(1, 2)))
    keyboard = device("USB Keyboard", "Generic", "Offline", "Error")
    system = organization()
    system.answers[PLACES] = pages(listed("Studio", device("NUC", "Computer"), rally, keyboard))
    found = await asked(engines, authority, system)
    assert found.detail == (
        "1 of 1 room is online; wants attention: Studio (Rally reports a warning, Rally has 1 of 2 microphone pods, "
        "USB Keyboard is offline)"
    )
    assert values(found.samples)["system_warnings/Studio"] == 3


async def test_a_room_that_is_not_listed_is_missed(engines: Engines, authority: Authority) -> None:
    failed = await down(engines, authority, organization(), rooms=["Boardroom", "Cellar"])
    assert failed.reason == "room_missing"
    assert failed.detail.startswith("not on the cloud's list: Cellar; 1 of 2 rooms are online")


async def test_a_room_without_devices_is_not_told_to_be_online(engines: Engines, authority: Authority) -> None:
    system = organization()
    system.answers[PLACES] = pages(listed("Boardroom"))
    assert (await asked(engines, authority, system)).detail == "not told whether online: Boardroom"


async def test_all_pages_are_read_up_to_a_bound(engines: Engines, authority: Authority) -> None:
    system = organization()
    rooms = [listed(f"Room {number}", device("Bar")) for number in range(250)]
    system.answers[PLACES] = pages(*rooms)
    assert (await asked(engines, authority, system)).detail == "250 of 250 rooms are online"
    assert [one.one("continuation") for one in system.asked] == ["", "next-100", "next-200"]
    system.answers[PLACES] = pages(*rooms, *rooms, *rooms)
    async with serving(system.talk, tls=trusting(authority)) as port:
        assert "more than 500 rooms" in (await unknown(engines, authority, port)).detail


@pytest.mark.parametrize(
    ("reply", "reason", "words"),
    [
        (Reply(b"", 500), "no_source", "nothing is known about the rooms, Logitech Sync does not answer: "),
        (Reply(b"<html>"), "no_source", "no JSON"),
        (Reply({"places": 1}), "no_source", "places is no list"),
        (Reply({"places": []}), "no_source", "lists no room"),
        (Reply(None, 429, (("Retry-After", "30"),)), "throttled", "not to be asked for 30 s"),
    ],
)
async def test_a_cloud_that_fails_is_no_fault_of_the_rooms(
    engines: Engines, authority: Authority, reply: Reply, reason: str, words: str
) -> None:
    system = organization()
    system.answers[PLACES] = reply
    async with serving(system.talk, tls=trusting(authority)) as port:
        unmeasured = await unknown(engines, authority, port)
    assert (unmeasured.reason, words in unmeasured.detail) == (reason, True), unmeasured.detail


async def test_a_cloud_that_is_slow_or_gone_is_no_fault_of_the_rooms(engines: Engines, authority: Authority) -> None:
    async with serving(trickling(b"HTTP/1.1 200 OK\r\n"), tls=trusting(authority)) as port:
        assert (await unknown(engines, authority, port, 0.4)).reason == "no_source"
    assert "refused the connection" in (await unknown(engines, authority, port)).detail


FIELDS = st.sampled_from(
    ["name", "type", "devices", "status", "healthStatus", "peripherals", "camera", "count", "actual", "expected"]
)
LEAVES = st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["Online", "Offline", "Error", "nan"])
DATA = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=4))


@given(st.dictionaries(FIELDS, DATA), st.dictionaries(st.sampled_from(["co2", "temperature", "presence"]), DATA))
def test_any_place_makes_a_room(place: dict[str, Any], sensors: dict[str, Any]) -> None:
    for each in (place, {"devices": [{**place, "sensors": sensors}], "occupancy": sensors.get("co2")}):
        found = room(each)
        assert all(words.isprintable() for words in (*found.faults, *found.warnings))
        values(found.figures)


@pytest.mark.parametrize("settings", [{"organization": "a/b"}, {"key_file": ""}, {"url": "sync"}, {"rooms": [""]}])
def test_settings_that_make_no_sense_are_refused(
    settings: dict[str, Any], engines: Engines, authority: Authority
) -> None:
    with pytest.raises(ValidationError):
        probing(engines, authority, 443, **settings)
