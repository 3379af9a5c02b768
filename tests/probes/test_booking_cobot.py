"""booking.cobot against an emulator of the documented API, and against what else a web server may answer."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from peers.cobot import SPACE, TOKEN, Cobot
from peers.looks import down, look, unknown, values
from peers.web_api import Reply
from peers.zones import far_from_midnight

from probes._engines.bookings import probe_slot, today
from probes.booking.cobot import Cobot as Kind

ZONE = ZoneInfo(far_from_midnight("Europe/Berlin", "Asia/Tokyo"))
SETTINGS = {
    "space": SPACE,
    "token": "${env:COBOT}",
    "timezone": ZONE.key,
    "probe_resource": "r1",
    "room": "r2",
}


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COBOT", TOKEN)


@pytest.fixture(autouse=True)
def no_secret_is_logged(caplog: pytest.LogCaptureFixture) -> Any:
    caplog.set_level("DEBUG")
    yield
    assert "canary-" not in caplog.text


def stretch(start: datetime, end: datetime) -> dict[str, str]:
    return {"from": f"{start:%Y-%m-%dT%H:%M:%SZ}", "to": f"{end:%Y-%m-%dT%H:%M:%SZ}"}


def platform(**changed: Any) -> Cobot:
    now = datetime.now(UTC)
    slot, hour = probe_slot(now, ZONE), timedelta(hours=1)
    free = {
        "r1": [stretch(slot.start - 2 * hour, slot.start - hour), stretch(slot.start, slot.end)],
        "r2": [stretch(slot.start, slot.start + hour / 2), stretch(slot.start + hour / 2, slot.end)],
    }
    return Cobot(**{"free": free, **changed})


async def test_members_bookings_and_free_rooms_are_told_over_all_pages() -> None:
    now = datetime.now(UTC)
    noon = today(now, ZONE).start + timedelta(hours=12)
    confirmed = {"confirmedAt": "2025-01-01T00:00:00Z", "email": "ana@example.com"}
    memberships = [
        *[{**confirmed, "canceledAt": None}] * 5,
        {**confirmed, "canceledAt": f"{now + timedelta(days=9):%Y-%m-%d}"},
        {**confirmed, "canceledAt": f"{now - timedelta(days=9):%Y-%m-%d}"},
        {"confirmedAt": None, "canceledAt": None},
    ]
    bookings = [stretch(noon, noon + timedelta(hours=1))] * 4
    bookings.append(stretch(noon - timedelta(days=2), noon))
    found = await look(Kind, platform(memberships=memberships, bookings=bookings, page=2).api(), **SETTINGS)
    told = values(found.samples)
    assert {name: value for name, value in told.items() if "seconds" not in name} == {
        "booking_free/probe": 1,
        "booking_free/room": 0,
        "booking_members": 6,
        "booking_events_today": 4,
    }
    assert "example.com" not in repr(found)


async def test_a_probe_slot_that_is_not_free_is_down() -> None:
    assert (await down(Kind, platform(free={"r1": [], "r2": []}).api(), **SETTINGS)).reason == "slot_taken"


async def test_a_resource_that_is_gone_is_down() -> None:
    failed = await down(Kind, platform(free={}).api(), **SETTINGS)
    assert failed.reason == "room_missing"
    assert values(failed.samples) == {"booking_members": 0, "booking_events_today": 0}


async def test_availability_that_fails_or_is_none_is_down() -> None:
    api = platform().api()
    api.answers["GET /resources/r1/availability"] = Reply({"errors": []}, 500)
    assert (await down(Kind, api, **SETTINGS)).reason == "unavailable"
    api.answers["GET /resources/r1/availability"] = Reply({"data": {"attributes": {"availableTimes": None}}})
    assert (await down(Kind, api, **SETTINGS)).reason == "malformed"


async def test_a_wrong_token_says_nothing_about_the_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COBOT", "canary-other")
    unmeasured = await unknown(Kind, platform().api(), **SETTINGS)
    assert (unmeasured.reason, "correct `token`" in unmeasured.detail) == ("no_permission", True)


def test_a_token_with_a_line_break_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COBOT", "canary\r\nX-Other: 1")
    with pytest.raises(ValueError, match="line break") as error:
        Kind.Params.model_validate(SETTINGS)
    assert "canary" not in str(error.value)


async def test_it_only_reads() -> None:
    api = platform().api()
    await look(Kind, api, **SETTINGS)
    assert all(asked.startswith("GET ") for asked in api.paths)
