"""Bookings in a calendar: times only, and nothing that takes long or breaks."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes._engines.calendar import LARGEST, MOST_EVENTS, Booking, bookings

LISBON = ZoneInfo("Europe/Lisbon")
START = datetime(2026, 7, 6, tzinfo=UTC)
DAY = timedelta(days=1)


def calendar(*events: str) -> bytes:
    body = "".join(f"BEGIN:VEVENT\r\nUID:{number}\r\n{event}END:VEVENT\r\n" for number, event in enumerate(events))
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:test\r\n{body}END:VCALENDAR\r\n".encode()


def event(start: str, end: str, *lines: str) -> str:
    return "".join(f"{line}\r\n" for line in (f"DTSTART{start}", f"DTEND{end}", *lines))


def found(*events: str) -> list[str]:
    return [
        f"{one.starts:%d %H:%M}-{one.ends:%H:%M}" for one in bookings(calendar(*events), START, START + DAY, LISBON)
    ]


def test_times_are_utc_whatever_zone_they_are_written_in() -> None:
    assert found(
        event(":20260706T090000Z", ":20260706T100000Z"),
        event(";TZID=Europe/Berlin:20260706T130000", ";TZID=Europe/Berlin:20260706T140000"),
        event(":20260706T150000", ":20260706T160000"),
    ) == ["06 09:00-10:00", "06 11:00-12:00", "06 14:00-15:00"]


def test_repeating_bookings_count_on_their_days() -> None:
    weekly = event(":20260601T080000Z", ":20260601T090000Z", "RRULE:FREQ=WEEKLY;BYDAY=MO")
    assert found(weekly) == ["06 08:00-09:00"]
    assert found(weekly.replace("BYDAY=MO", "BYDAY=TU")) == []


def test_a_whole_day_is_one_of_the_site() -> None:
    assert found(event(";VALUE=DATE:20260706", ";VALUE=DATE:20260707")) == ["05 23:00-23:00"]


@pytest.mark.parametrize("line", ["STATUS:CANCELLED", "TRANSP:TRANSPARENT"])
def test_what_does_not_take_the_room_does_not_count(line: str) -> None:
    assert found(event(":20260706T090000Z", ":20260706T100000Z", line)) == []


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not a calendar|Found no components|no"),
        (b"<html>sign in</html>", "."),
        (b"x" * (LARGEST + 1), "at most"),
        (calendar(*["DTSTART:20260706T090000Z\r\n"] * (MOST_EVENTS + 1)), "5,001 events"),
        (calendar(event(":20260706T090000Z", ":20260706T100000Z", "RRULE:FREQ=SECONDLY")), "within the hour"),
        (calendar("DTSTART:yesterday\r\n"), "."),
    ],
    ids=["nothing", "a page", "too large", "too many", "every second", "no time"],
)
def test_what_is_no_calendar_of_a_room_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        bookings(data, START, START + DAY, LISBON)


@given(st.binary(max_size=400).map(lambda junk: calendar().replace(b"END:VCALENDAR", junk + b"\r\nEND:VCALENDAR")))
def test_whatever_is_in_a_calendar_it_is_bookings_or_an_error(data: bytes) -> None:
    try:
        made = bookings(data, START, START + DAY, LISBON)
    except ValueError:
        return
    assert all(isinstance(one, Booking) and one.starts < one.ends for one in made)
