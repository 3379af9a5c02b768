"""Calendars of strangers: what is read of them, what is not, and time on business days."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes._engines.calendars import (
    MOST_EVENTS,
    MOST_SERIES,
    TooMany,
    business_days_ahead,
    business_time,
    is_business_day,
    objects,
    read,
)

BERLIN = ZoneInfo("Europe/Berlin")
START, END = datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 12, 7, tzinfo=UTC)
HOUR = timedelta(hours=1)
CHRISTMAS = frozenset({date(2026, 12, 24), date(2026, 12, 25)})


def calendar(*events: str, head: str = "") -> bytes:
    """A calendar; each event is given by the lines that differ."""
    begin, end = "BEGIN:VEVENT\r\nUID:{n}\r\n", "END:VEVENT\r\n"
    body = "".join(f"{begin.format(n=n)}{lines}\r\n{end}" for n, lines in enumerate(events))
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x\r\n{head}{body}END:VCALENDAR\r\n".encode()


def starts_of(body: bytes) -> list[datetime]:
    """When the events begin that begin in the time that is asked for."""
    found = read([body], BERLIN, START, END).bookings
    return [booking.starts for booking in found if START <= booking.starts < END]


def begins(*events: str) -> list[str]:
    return [f"{at:%d %H:%M}" for at in starts_of(calendar(*events))]


def test_events_begin_where_their_zone_says_and_else_where_the_site_is() -> None:
    assert begins(
        "DTSTART:20261124T100000Z",
        "DTSTART:20261124T100000",
        "DTSTART;TZID=America/New_York:20261124T100000",
        "DTSTART;VALUE=DATE:20261125",
    ) == ["24 09:00", "24 10:00", "24 15:00", "24 23:00"]


def test_what_repeats_counts_each_time_and_what_is_cancelled_never() -> None:
    weekly = "DTSTART:20260105T090000Z\r\nRRULE:FREQ=WEEKLY\r\nEXDATE:20261130T090000Z"
    assert begins(weekly, "DTSTART:20261124T090000Z\r\nSTATUS:CANCELLED") == ["23 09:00"]


def test_what_began_before_is_no_event_of_the_day() -> None:
    assert begins("DTSTART:20261122T200000Z\r\nDTEND:20261123T200000Z") == []


def test_the_newest_change_counts_and_the_time_of_export_does_not() -> None:
    event = (
        "DTSTART:20261124T100000Z\r\nDTSTAMP:20261122T120000Z\r\n"
        "CREATED:20261101T120000Z\r\nLAST-MODIFIED:20261110T120000Z"
    )
    assert read([calendar(event)], BERLIN, START, END).changed == datetime(2026, 11, 22, 12, tzinfo=UTC)
    published = calendar(event, head="METHOD:PUBLISH\r\n")
    assert read([published], BERLIN, START, END).changed == datetime(2026, 11, 10, 12, tzinfo=UTC)
    assert read([calendar("DTSTART:20261124T100000Z")], BERLIN, START, END).changed is None
    assert read([], BERLIN, START, END).changed is None


@pytest.mark.parametrize(
    "event",
    [
        "DTSTART:20261124T100000Z\r\nRRULE:FREQ=SECONDLY",
        "DTSTART:20261124T100000Z\r\nRRULE:FREQ=DAILY;BYSECOND=1,2,3",
        "DTSTART:00010101T100000Z\r\nRRULE:FREQ=DAILY",
    ],
)
def test_what_would_take_long_to_work_out_is_not_worked_out(event: str) -> None:
    assert len(begins(event)) <= 1


def test_what_is_long_past_is_not_read_and_its_changes_count() -> None:
    past = "DTSTART;TZID=Europe/Berlin:20251124T100000\r\nLAST-MODIFIED:20261122T120000Z\r\nSUMMARY:\r\n BEGIN:VEVENT"
    many = calendar(*[past] * 20_000, "DTSTART:20261124T100000Z")
    content = read([many], BERLIN, START, END)  # 20,000 events are more than are read, if they mattered
    assert [one.starts for one in content.bookings] == [datetime(2026, 11, 24, 10, tzinfo=UTC)]
    assert content.changed == datetime(2026, 11, 22, 12, tzinfo=UTC)


NEAR = st.integers(-5 * 24, 19 * 24).map(lambda hours: START + hours * HOUR)


@given(st.lists(NEAR, max_size=20), st.sampled_from(["UTC", "America/Los_Angeles", "Pacific/Kiritimati"]))
def test_nothing_that_is_near_is_taken_for_long_past(starts: list[datetime], name: str) -> None:
    zone = ZoneInfo(name)
    events = [f"DTSTART;TZID={name}:{start.astimezone(zone):%Y%m%dT%H%M%S}" for start in starts]
    assert starts_of(calendar(*events)) == sorted(s for s in starts if START <= s < END)


def test_more_events_than_are_read_are_an_error_of_their_own() -> None:
    with pytest.raises(TooMany, match="more than 2,000 events that repeat or are near"):
        read([calendar(*["DTSTART:20261124T100000Z"] * (MOST_EVENTS + 1))], BERLIN, START, END)


def test_a_moved_time_of_a_series_counts_where_it_was_moved_to() -> None:
    body = (
        b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x\r\n"
        b"BEGIN:VEVENT\r\nUID:a\r\nDTSTART:20260105T090000Z\r\nRRULE:FREQ=WEEKLY\r\nEND:VEVENT\r\n"
        b"BEGIN:VEVENT\r\nUID:a\r\nRECURRENCE-ID:20261130T090000Z\r\nDTSTART:20270105T090000Z\r\nEND:VEVENT\r\n"
        b"END:VCALENDAR\r\n"
    )
    assert [begin.day for begin in starts_of(body)] == [23]


def test_of_very_many_series_the_first_are_followed() -> None:
    many = ["DTSTART:20261101T100000Z\r\nRRULE:FREQ=MONTHLY"] * (MOST_SERIES + 5)
    assert len(begins(*many)) == MOST_SERIES


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Sign in</html>",
        b"BEGIN:VCALENDAR",
        b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nEND:VCALENDAR\r\n",
        calendar("DTSTART:tomorrow"),
        calendar("SUMMARY:no time"),
        b"\xff\xfe" * 100,
    ],
)
def test_what_cannot_be_read_is_an_error_that_quotes_nothing(body: bytes) -> None:
    try:
        assert read([body], BERLIN, START, END).bookings == ()
    except ValueError as error:
        assert str(error).startswith("the answer is no calendar that can be read")


@given(st.binary(max_size=300))
def test_any_bytes_are_a_calendar_or_an_error(body: bytes) -> None:
    for given_ in (body, b"BEGIN:VCALENDAR\r\n" + body + b"\r\nEND:VCALENDAR\r\n"):
        try:
            read([given_], BERLIN, START, END)
        except ValueError:
            continue


def test_calendars_are_taken_out_of_an_answer_of_caldav() -> None:
    answer = (
        b'<d:multistatus xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><d:response><d:propstat><d:prop>'
        b"<c:calendar-data>BEGIN:VCALENDAR</c:calendar-data></d:prop></d:propstat></d:response></d:multistatus>"
    )
    assert objects(answer) == (b"BEGIN:VCALENDAR",)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"BEGIN:VCALENDAR", "is no XML"),
        (b"<html/>", "none of CalDAV"),
        (b'<!DOCTYPE d [<!ENTITY a "b">]><d/>', "has a document type"),
        (b"<?xml version='1.0' encoding='klingon'?><d/>", "is no XML"),
    ],
)
def test_any_other_document_is_an_error(answer: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        objects(answer)


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        ("2026-11-20T12:00:00+01:00", "2026-11-20T18:00:00+01:00", 6),
        ("2026-11-20T12:00:00+01:00", "2026-11-23T12:00:00+01:00", 24),
        ("2026-11-21T00:00:00+01:00", "2026-11-22T23:00:00+01:00", 0),
        ("2026-12-23T12:00:00+01:00", "2026-12-28T12:00:00+01:00", 24),
        ("2026-11-20T12:00:00+01:00", "2026-11-20T11:00:00+01:00", 0),
        ("2026-10-23T00:00:00+02:00", "2026-10-27T00:00:00+01:00", 48),
    ],
)
def test_weekends_and_holidays_are_no_time(start: str, end: str, hours: float) -> None:
    taken = business_time(datetime.fromisoformat(start), datetime.fromisoformat(end), BERLIN, CHRISTMAS)
    assert taken == hours * HOUR


MOMENTS = st.integers(1_600_000_000, 2_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


@given(MOMENTS, st.integers(0, 40))
def test_so_many_business_days_lie_ahead(now: datetime, number: int) -> None:
    end = business_days_ahead(now, number, BERLIN, CHRISTMAS)
    first, last = now.astimezone(BERLIN).date(), end.astimezone(BERLIN).date()
    days = [first + timedelta(days=each) for each in range((last - first).days)]
    assert sum(is_business_day(day, CHRISTMAS) for day in days) == number


@given(MOMENTS, st.integers(0, 20_000_000))
def test_business_time_is_at_most_the_time_and_at_most_that_of_400_days(start: datetime, seconds: int) -> None:
    taken = business_time(start, start + timedelta(seconds=seconds), BERLIN, ())
    assert timedelta() <= taken <= timedelta(seconds=seconds)
    assert business_time(datetime(1, 1, 1, tzinfo=UTC), start, BERLIN, ()) <= timedelta(days=400)


def test_bookings_have_a_length_and_say_whether_one_stays_free() -> None:
    days = "DTSTART;VALUE=DATE:20261123\r\nDTEND;VALUE=DATE:20261124\r\nTRANSP:TRANSPARENT"
    meeting = "DTSTART;TZID=Europe/Lisbon:20261123T090000\r\nDTEND;TZID=Europe/Lisbon:20261123T103000"
    found = read([calendar(days, meeting)], BERLIN, START, END).bookings
    assert [f"{one.starts:%d %H:%M}-{one.ends:%d %H:%M}" for one in found] == ["22 23:00-23 23:00", "23 09:00-23 10:30"]
    assert [one.free for one in found] == [True, False]


def test_a_booking_that_began_before_is_there_and_does_not_begin_again() -> None:
    long = "DTSTART:20261122T200000Z\r\nDTEND:20261123T200000Z"
    content = read([calendar(long)], BERLIN, START, END)
    assert len(content.bookings) == 1
    assert content.begins(START, END) == 0
