"""What booking platforms are asked alike: the slot, the day, and what the answers mean."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from peers.looks import values
from pydantic import TypeAdapter, ValidationError

from probes import Failed
from probes._engines.bookings import Availability, Slot, View, instant, judged, probe_slot, today
from probes._engines.cloud import Address
from probes.booking.cobot import CobotParams
from probes.booking.nexudus import NexudusParams

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("now", "zone", "start"),
    [
        ("2026-01-15T10:00:00Z", "Europe/Berlin", "2026-01-16T02:00:00Z"),
        ("2026-07-15T22:30:00Z", "Europe/Berlin", "2026-07-17T01:00:00Z"),
        ("2026-03-28T10:00:00Z", "Europe/Berlin", "2026-03-29T01:00:00Z"),
        ("2026-10-24T10:00:00Z", "Europe/Berlin", "2026-10-25T02:00:00Z"),
        ("2026-03-28T10:00:00Z", "Europe/Helsinki", "2026-03-29T01:00:00Z"),
        ("2026-10-24T10:00:00Z", "Europe/Helsinki", "2026-10-25T00:00:00Z"),
    ],
)
def test_the_probe_slot_is_the_hour_after_three_tomorrow_on_the_clocks_of_the_site(
    now: str, zone: str, start: str
) -> None:
    assert probe_slot(at(now), ZoneInfo(zone)) == Slot(at(start), at(start) + timedelta(hours=1))


def test_a_day_has_23_or_25_hours_when_the_clocks_change() -> None:
    lengths = [today(at(f"{day}T12:00:00Z"), BERLIN) for day in ("2026-03-29", "2026-06-01", "2026-10-25")]
    assert [(slot.end - slot.start) / timedelta(hours=1) for slot in lengths] == [23, 24, 25]


@given(st.integers(946_684_800, 4_102_444_800))
def test_now_is_always_today_and_before_the_probe_slot(seconds: int) -> None:
    now = datetime.fromtimestamp(seconds, UTC)
    day, slot = today(now, BERLIN), probe_slot(now, BERLIN)
    assert day.start <= now < day.end <= slot.start < slot.end


def test_bookings_that_only_touch_do_not_overlap() -> None:
    slot = Slot(at("2026-01-16T02:00:00Z"), at("2026-01-16T03:00:00Z"))
    assert not slot.overlaps(at("2026-01-16T01:00:00Z"), slot.start)
    assert not slot.overlaps(slot.end, at("2026-01-16T04:00:00Z"))
    assert slot.overlaps(at("2026-01-16T02:59:00Z"), at("2026-01-16T04:00:00Z"))
    assert slot.within(slot.start, slot.end)
    assert not slot.within(at("2026-01-16T02:15:00Z"), slot.end)


@pytest.mark.parametrize("text", [None, 7, "", "tomorrow", "2026-13-01", "0001-01-01T00:00:00+14:00"])
def test_what_is_no_time_is_none(text: object) -> None:
    assert instant(text) is None


def test_a_time_without_a_zone_is_in_utc() -> None:
    assert instant("2026-01-16T02:00") == instant("2026-01-16T03:00:00+01:00") == at("2026-01-16T02:00:00Z")


def test_everything_that_is_told_is_measured_and_what_is_wrong_comes_first() -> None:
    view = View(members=211, events_today=1, expired={"office365": 2, "google": 0})
    found = judged(view, [Availability("probe", True, 0.25), Availability("room", False, 0.5)])
    assert found.detail == (
        "2 connected Microsoft 365 calendars are no longer kept in step; rooms can be looked up in 0.5 s; "
        "1 booking today; 211 active members"
    )
    assert values(found.samples) == {
        "booking_availability_seconds/probe": 0.25,
        "booking_availability_seconds/room": 0.5,
        "booking_free/probe": 1,
        "booking_free/room": 0,
        "booking_members": 211,
        "booking_events_today": 1,
        "booking_expired_calendars/office365": 2,
        "booking_expired_calendars/google": 0,
    }


def test_a_probe_resource_that_is_booked_is_down_and_a_room_may_be() -> None:
    with pytest.raises(Failed, match="slot_taken: the probe resource is booked tomorrow at 03:00") as failed:
        judged(View(), [Availability("probe", False, 0.25)])
    assert values(failed.value.samples)["booking_free/probe"] == 0
    assert judged(View(), [Availability("room", False, 0.25)]).detail == "rooms can be looked up in 0.25 s"


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com",
        "example.com",
        "https://",
        "https://u:p@example.com",
        "https://example.com?a=b",
        "https://exämple.com",
        "https://example.com:x",
    ],
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Address).validate_python(url)


def test_a_check_without_any_resource_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "x")
    given = {"username": "u", "password": "${env:SECRET}", "timezone": "Europe/Berlin"}
    with pytest.raises(ValueError, match="say for what to ask"):
        NexudusParams.model_validate(given)
    with pytest.raises(ValueError, match="pattern"):
        NexudusParams.model_validate({**given, "room": "../coworkers"})


def test_the_target_is_the_address_of_the_api(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "x")
    given = {"space": "s", "token": "${env:SECRET}", "timezone": "UTC", "room": "r"}
    assert CobotParams.model_validate({**given, **CobotParams.of_target("https://a.example/")}).target == "a.example"
