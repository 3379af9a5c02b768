"""booking.nexudus against an emulator of the documented API, and against what else a web server may answer."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from peers.looks import down, look, unknown, values
from peers.nexudus import PASSWORD, Nexudus
from peers.tcp import serving
from peers.web_api import Reply
from peers.zones import far_from_midnight

from probes._engines import Engines
from probes._engines.bookings import probe_slot, today
from probes.booking.nexudus import Nexudus as Kind
from probes.booking.nexudus import written

ZONE = ZoneInfo(far_from_midnight("America/New_York", "Asia/Tokyo"))
SETTINGS = {
    "username": "deskwatch@example.com",
    "password": "${env:NEXUDUS}",
    "timezone": ZONE.key,
    "probe_resource": "11",
    "room": "12",
}


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXUDUS", PASSWORD)


@pytest.fixture(autouse=True)
def no_secret_is_logged(caplog: pytest.LogCaptureFixture) -> Any:
    caplog.set_level("DEBUG")
    yield
    assert "canary-" not in caplog.text


def booking(resource: int, start: datetime, end: datetime) -> dict[str, Any]:
    return {"ResourceId": resource, "FromTime": f"{written(start)}:00Z", "ToTime": f"{written(end)}:00Z"}


def platform(*bookings: dict[str, Any], **changed: Any) -> Nexudus:
    records = {
        "spaces/coworkers": [{"Active": "True"}, {"Active": "True"}, {"Active": "False"}],
        "spaces/bookings": list(bookings),
        "spaces/coworkermsofficecalendars": [
            {"SubscriptionExpireDate": f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}"}
            for days in (-2, -1, 3)
        ],
        "spaces/coworkergooglecalendars": [],
    }
    return Nexudus(records, **{"resources": (11, 12), **changed})


async def test_members_bookings_calendars_and_free_rooms_are_told() -> None:
    day, slot = today(datetime.now(UTC), ZONE), probe_slot(datetime.now(UTC), ZONE)
    noon = day.start + timedelta(hours=12)
    found = await look(
        Kind,
        platform(
            booking(12, noon, noon + timedelta(hours=1)),
            booking(12, noon - timedelta(days=1), noon - timedelta(hours=23)),
            booking(12, slot.start - timedelta(hours=1), slot.start + timedelta(minutes=1)),
            booking(11, slot.end, slot.end + timedelta(hours=1)),
        ).api(),
        **SETTINGS,
    )
    told = values(found.samples)
    assert told.pop("booking_availability_seconds/probe") < 60
    assert told.pop("booking_availability_seconds/room") < 60
    assert told == {
        "booking_free/probe": 1,
        "booking_free/room": 0,
        "booking_members": 2,
        "booking_events_today": 1,
        "booking_expired_calendars/office365": 2,
        "booking_expired_calendars/google": 0,
    }
    assert found.detail.startswith("2 connected Microsoft 365 calendars are no longer kept in step; ")


async def test_a_probe_slot_that_somebody_booked_is_down() -> None:
    slot = probe_slot(datetime.now(UTC), ZONE)
    failed = await down(Kind, platform(booking(11, slot.start, slot.end)).api(), **SETTINGS)
    assert failed.reason == "slot_taken"
    assert values(failed.samples)["booking_members"] == 2


async def test_bookings_of_others_are_no_matter_where_the_filter_is_ignored() -> None:
    slot = probe_slot(datetime.now(UTC), ZONE)
    api = platform().api()
    api.answers["GET /api/spaces/bookings"] = {"TotalItems": 1, "Records": [booking(99, slot.start, slot.end)]}
    assert values((await look(Kind, api, **SETTINGS)).samples)["booking_free/probe"] == 1


async def test_a_resource_that_is_gone_is_down() -> None:
    failed = await down(Kind, platform(resources=(12,)).api(), **SETTINGS)
    assert (failed.reason, failed.detail) == (
        "room_missing",
        "Nexudus has no resource 11; correct `probe_resource` or `room`",
    )


async def test_a_platform_that_lets_us_in_and_has_no_availability_is_down() -> None:
    api = platform().api()
    api.answers["GET /api/spaces/resources/11"] = Reply(b"<html>oops</html>", 500)
    failed = await down(Kind, api, **SETTINGS)
    assert failed.reason == "unavailable"
    assert failed.detail == "nobody can see whether a room is free: Nexudus answered with status 500"
    assert values(failed.samples)["booking_members"] == 2


async def test_a_wrong_password_says_nothing_about_the_platform() -> None:
    unmeasured = await unknown(Kind, platform().api(), **{**SETTINGS, "username": "somebody@example.com"})
    assert unmeasured.reason == "no_permission"
    assert "correct `username` and `password`" in unmeasured.detail


async def test_one_sign_in_serves_many_runs_and_is_renewed_when_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    nexudus = platform()
    api = nexudus.api()
    engines = Engines()
    async with serving(api.talk) as port:
        params = Kind.Params.model_validate({**SETTINGS, "url": f"http://127.0.0.1:{port}"})
        probe = Kind(params, engines)
        await probe.measure(60)
        await probe.measure(60)
        assert nexudus.signed_in == 1
        api.first = [Reply({}, 401)]
        await probe.measure(60)
        assert nexudus.signed_in == 2
    assert PASSWORD not in repr(params)
    engines.close()


async def test_it_only_reads() -> None:
    api = platform().api()
    await look(Kind, api, **SETTINGS)
    assert [asked for asked in api.paths if not asked.startswith("GET ")] == ["POST /api/token"]
