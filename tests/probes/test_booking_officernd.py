"""booking.officernd against an emulator of the documented API, and against what else a web server may answer."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from peers.looks import down, look, unknown, values
from peers.officernd import BASE, SECRET, Officernd
from peers.web_api import Reply
from peers.zones import far_from_midnight

from probes._engines.booking_platforms import MOST_PAGES
from probes._engines.bookings import probe_slot, today
from probes.booking.officernd import Officernd as Kind

ZONE = ZoneInfo(far_from_midnight("Europe/Lisbon", "Asia/Tokyo"))
SETTINGS = {
    "identity_url": "{url}",
    "organization": "example",
    "client_id": "app",
    "client_secret": "${env:OFFICERND}",
    "timezone": ZONE.key,
    "probe_resource": "aa01",
    "room": "aa02",
}


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFICERND", SECRET)


@pytest.fixture(autouse=True)
def no_secret_is_logged(caplog: pytest.LogCaptureFixture) -> Any:
    caplog.set_level("DEBUG")
    yield
    assert "canary-" not in caplog.text


def occurrence(resource: str, start: datetime, **more: Any) -> dict[str, Any]:
    end = start + timedelta(hours=1)
    return {"resource": resource, "start": start.isoformat(), "end": end.isoformat(), **more}


def platform(*occurrences: dict[str, Any], **changed: Any) -> Officernd:
    members = {"active": 87, "former": 400, "lead": 12}
    return Officernd(members, list(occurrences), **{"resources": ("aa01", "aa02"), **changed})


async def test_members_bookings_and_free_rooms_are_told_over_all_pages() -> None:
    now = datetime.now(UTC)
    noon, slot = today(now, ZONE).start + timedelta(hours=12), probe_slot(now, ZONE)
    bookings = [occurrence("aa02", noon + timedelta(minutes=minute)) for minute in range(7)]
    bookings.append(occurrence("aa02", noon, isCancelled=True))
    bookings.append(occurrence("aa02", noon + timedelta(days=1)))
    zoned = {"dateTime": slot.start.isoformat(), "timezone": ZONE.key}
    bookings.append({**occurrence("aa02", slot.start), "start": zoned})
    bookings.append(occurrence("aa01", slot.start, isCancelled=True))
    bookings.append(occurrence("aa01", slot.end))
    found = await look(Kind, platform(*bookings, page=3).api(), **SETTINGS)
    told = values(found.samples)
    assert {name: value for name, value in told.items() if "seconds" not in name} == {
        "booking_free/probe": 1,
        "booking_free/room": 0,
        "booking_members": 87,
        "booking_events_today": 7,
    }
    assert "7 bookings today; 87 active members" in found.detail


async def test_a_probe_slot_that_somebody_booked_is_down() -> None:
    slot = probe_slot(datetime.now(UTC), ZONE)
    assert (await down(Kind, platform(occurrence("aa01", slot.start)).api(), **SETTINGS)).reason == "slot_taken"


async def test_a_resource_that_is_gone_is_down() -> None:
    assert (await down(Kind, platform(resources=("aa01",)).api(), **SETTINGS)).reason == "room_missing"


async def test_availability_that_fails_is_down() -> None:
    api = platform().api()
    api.answers[f"GET {BASE}/resources/aa01"] = Reply({"message": "Internal server error"}, 500)
    assert (await down(Kind, api, **SETTINGS)).reason == "unavailable"


async def test_a_wrong_secret_or_a_missing_scope_says_nothing_about_the_platform() -> None:
    unmeasured = await unknown(Kind, platform().api(), **{**SETTINGS, "client_id": "other"})
    assert unmeasured.reason == "no_permission"
    assert "`client_id` and `client_secret`" in unmeasured.detail
    narrow = platform()
    api = narrow.api()
    inside = api.door

    def narrowed(asked: Any) -> Reply | None:
        narrow.scopes = "flex.community.members.read"
        return inside(asked)

    api.door = narrowed
    unmeasured = await unknown(Kind, api, **SETTINGS)
    assert unmeasured.reason == "no_permission"
    assert "flex.space.bookings.read" in unmeasured.detail


async def test_a_list_without_end_is_not_read_to_its_end() -> None:
    api = platform().api()
    api.answers[f"GET {BASE}/bookings/occurrences"] = lambda asked: {
        "results": [],
        "cursorNext": f"{asked.one('$cursorNext')}x",
    }
    unmeasured = await unknown(Kind, api, **SETTINGS)
    assert unmeasured.reason == "no_source"
    assert f"more than {MOST_PAGES} pages" in unmeasured.detail


async def test_a_sign_in_that_nobody_answers_is_refused() -> None:
    elsewhere = {**SETTINGS, "identity_url": "http://127.0.0.1:9"}
    assert (await down(Kind, platform().api(), **elsewhere)).reason == "refused"


async def test_it_only_reads() -> None:
    api = platform().api()
    await look(Kind, api, **SETTINGS)
    assert [asked for asked in api.paths if not asked.startswith("GET ")] == ["POST /oauth/token"]
