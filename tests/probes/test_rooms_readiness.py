"""rooms.readiness: one verdict for a room, raised when the next booking needs it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from peers.canaries import canary
from peers.tcp import http, serving
from pydantic import ValidationError

from monitor.reading import read
from probes import Failed, Reading, Sample, Status, Unmeasured
from probes._engines import Engines, displays
from probes._engines.calendars import Booking
from probes.rooms.readiness import Finding, Plan, Readiness, ReadinessParams, judged

NOW = datetime(2026, 3, 2, 13, 15, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LISBON, BERLIN = ZoneInfo("Europe/Lisbon"), ZoneInfo("Europe/Berlin")

PROJECTOR = Finding("boardroom/pjlink", Status.UP, "the projector NEC is on standby and answers")
BROKEN = Finding("boardroom/pjlink", Status.DOWN, "192.0.2.40:4352 does not answer")
CODEC = Finding("boardroom/cisco-roomos", Status.UP, "the room system is on standby and answers")
UNSEEN = Finding("boardroom/cisco-roomos", None, "has not been looked at yet")


def booked(*minutes: tuple[float, float]) -> Plan:
    return Plan(tuple(Booking(NOW + start * MINUTE, NOW + end * MINUTE) for start, end in minutes))


def verdict(findings: tuple[Finding, ...], plan: Plan, **settings: Any) -> tuple[str, str, tuple[Sample, ...]]:
    try:
        found = judged(findings, plan, ReadinessParams(**settings), BERLIN, NOW)
    except Failed as failed:
        return failed.reason, failed.detail, failed.samples
    return "ok", found.detail, found.samples


def test_a_room_is_ready_if_all_it_needs_works_and_says_until_when() -> None:
    reason, detail, samples = verdict((PROJECTOR, CODEC), booked((45, 105)))
    assert (reason, detail) == ("ok", "ready (next booking at 15:00)")
    begins = (NOW + 45 * MINUTE).timestamp()
    assert Sample("deskwatch_room_ready", 1) in samples
    assert Sample("deskwatch_room_ready_until_timestamp_seconds", begins) in samples
    assert Sample("deskwatch_room_next_booking_timestamp_seconds", begins) in samples
    assert Sample("deskwatch_room_devices", 2, "up") in samples


def test_what_is_broken_is_raised_half_an_hour_before_the_booking_and_not_earlier() -> None:
    reason, detail, samples = verdict((BROKEN, CODEC), booked((31, 91)))
    assert reason == "ok"
    assert detail == ("not ready, but not needed yet (next booking at 14:46): pjlink: 192.0.2.40:4352 does not answer")
    assert Sample("deskwatch_room_ready", 0) in samples
    reason, detail, _ = verdict((BROKEN, CODEC), booked((30, 90)))
    assert reason == "not_ready"
    assert detail == "pjlink: 192.0.2.40:4352 does not answer (next booking at 14:45)"


@pytest.mark.parametrize(
    ("plan", "settings", "reason"),
    [
        (booked((-30, 30)), {}, "not_ready"),
        (booked((59, 90)), {"lead": 3600}, "not_ready"),
        (booked((-60, -1)), {}, "ok"),
        (booked(), {}, "ok"),
        (Plan(), {}, "not_ready"),
        (Plan(None, "its calendar cannot be read: 404"), {}, "not_ready"),
    ],
    ids=["a meeting is on", "a longer lead", "it is over", "nothing booked", "no calendar", "calendar lost"],
)
def test_it_is_raised_while_somebody_needs_the_room(plan: Plan, settings: dict[str, Any], reason: str) -> None:
    assert verdict((BROKEN,), plan, **settings)[0] == reason


def test_bookings_of_another_day_are_told_with_the_day_and_none_is_said() -> None:
    assert "next booking at Tue 09:15" in verdict((CODEC,), booked((19 * 60, 20 * 60)))[1]
    assert verdict((CODEC,), booked())[1] == "ready (no booking today or tomorrow)"
    assert verdict((CODEC,), Plan((), "its calendar was not read yet"))[1] == "ready (its calendar was not read yet)"


def test_warnings_of_devices_and_what_is_not_known_are_said_but_do_not_count() -> None:
    warns = Finding("boardroom/pjlink", Status.UP, "the projector warns of its lamp", warns=True)
    reason, detail, samples = verdict((warns, UNSEEN), booked((45, 105)))
    assert reason == "ok"
    assert detail == (
        "ready (next booking at 15:00); the projector warns of its lamp; "
        "not known of cisco-roomos: has not been looked at yet"
    )
    assert Sample("deskwatch_room_devices", 1, "unknown") in samples


@pytest.mark.parametrize(("findings", "words"), [((UNSEEN,), "not known of cisco-roomos"), ((), "add its devices")])
def test_a_room_of_which_nothing_is_known_is_unknown(findings: tuple[Finding, ...], words: str) -> None:
    with pytest.raises(Unmeasured, match=words):
        verdict(findings, booked((5, 10)))


def reading(check: str, status: Status, detail: str, age: float = 5, *samples: Sample) -> Reading:
    return Reading(check, datetime.now(UTC) - timedelta(seconds=age), 0.1, status, "ok", detail, samples)


@pytest.fixture
async def engines() -> AsyncIterator[Engines]:
    made = Engines()
    yield made
    made.close()


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """The reference under which a value can be given as a secret."""

    def kept(value: str) -> str:
        monkeypatch.setenv("ROOM_CALENDAR", value)
        return "${env:ROOM_CALENDAR}"

    return kept


async def measured(engines: Engines, **settings: Any) -> Reading:
    probe = Readiness(ReadinessParams(**settings), engines)
    probe.check = "boardroom/readiness"
    return await read(probe.check, probe, 60)


async def test_it_judges_the_newest_readings_of_its_own_room_and_of_the_path(engines: Engines) -> None:
    latest = engines.latest
    latest.take(reading("boardroom/readiness", Status.DOWN, "itself"))
    latest.take(reading("boardroom/pjlink", Status.UP, "on", 5, Sample(displays.SIGNAL.name, 0)))
    latest.take(reading("den/pjlink", Status.DOWN, "another room"))
    latest.take(reading("wifi/controller", Status.DOWN, "the network Members is switched off"))
    found = await measured(engines)
    assert (found.status, found.detail) == (Status.UP, "ready; on")
    found = await measured(engines, path=["wifi/controller"])
    assert (found.status, found.reason) == (Status.DOWN, "not_ready")
    assert found.detail == "controller: the network Members is switched off"


async def test_only_what_is_needed_counts_if_that_is_said(engines: Engines) -> None:
    engines.latest.take(reading("boardroom/pjlink", Status.UP, "on"))
    engines.latest.take(reading("boardroom/lamp", Status.DOWN, "dark"))
    assert (await measured(engines, needs=["boardroom/pjlink"])).status is Status.UP


async def test_old_readings_say_nothing(engines: Engines) -> None:
    engines.latest.take(reading("boardroom/pjlink", Status.UP, "on", 1200))
    engines.latest.take(reading("boardroom/sip", Status.UNKNOWN, "it wants a password"))
    found = await measured(engines)
    assert (found.status, found.reason) == (Status.UNKNOWN, "no_source")
    assert found.detail == "not known of pjlink: was last seen 20 min ago; not known of sip: it wants a password"


def feed(start: datetime) -> bytes:
    times = f"DTSTART:{start:%Y%m%dT%H%M%SZ}\r\nDTEND:{start + timedelta(hours=1):%Y%m%dT%H%M%SZ}\r\n"
    return (
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:test\r\nBEGIN:VEVENT\r\nUID:1\r\n"
        f"{times}SUMMARY:{canary('title')}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    ).encode()


async def test_bookings_come_from_the_calendar_without_what_they_are_about(
    engines: Engines, secret: Callable[[str], str], caplog: pytest.LogCaptureFixture
) -> None:
    asked = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).decode().partition(" HTTP")[0])
        writer.write(http(feed(datetime.now(UTC) + timedelta(minutes=20)), headers="Content-Type: text/calendar\r\n"))
        await writer.drain()

    engines.latest.take(reading("boardroom/pjlink", Status.DOWN, "does not answer"))
    async with serving(answer) as port:
        probe = Readiness(
            ReadinessParams(calendar=secret(f"http://127.0.0.1:{port}/{canary('feed')}.ics"), timezone="Europe/Lisbon"),
            engines,
        )
        probe.check = "boardroom/readiness"
        found = await read(probe.check, probe, 60)
        again = await read(probe.check, probe, 60)
    assert found.status is again.status is Status.DOWN
    assert "next booking at" in found.detail
    assert len(asked) == 1, "a calendar is read every few minutes"
    assert "canary-" not in f"{found} {again} {caplog.text}"


@pytest.mark.parametrize("answered", [http(b"gone", status="404 Not Found"), http(b"<html>"), b"", b"garbage\r\n\r\n"])
async def test_a_calendar_that_cannot_be_read_is_said_and_keeps_its_address_to_itself(
    engines: Engines, secret: Callable[[str], str], answered: bytes
) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answered)
        await writer.drain()

    engines.latest.take(reading("boardroom/pjlink", Status.UP, "on"))
    async with serving(answer) as port:
        found = await measured(engines, calendar=secret(f"http://127.0.0.1:{port}/{canary('feed')}.ics"))
    assert found.status is Status.UP
    assert found.detail.startswith("ready (its calendar cannot be read: ")
    assert "canary-" not in found.detail


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"timezone": "Lisbon"}, "no such time zone"), ({"needs": ["pjlink"]}, "pattern"), ({"lead": -1}, "greater")],
)
def test_wrong_settings_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        ReadinessParams(**settings)
