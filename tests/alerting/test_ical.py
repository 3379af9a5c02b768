"""Shifts from calendars as programs export them: repeated, moved, cancelled, all day, in other zones, and broken."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerting import ical
from alerting.ical import parse
from alerting.oncall import Person

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
PEOPLE = (Person("ana", "Ana Lopes", ()), Person("ben-s", "Ben Sousa", ()), Person("zoe", "Zoë Çelik", ()))


def calendar(*events: str) -> str:
    """A calendar of events, each given as its lines; the ones that are always there are added."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//EN"]
    for n, event in enumerate(events):
        lines += ["BEGIN:VEVENT", "DTSTAMP:20260101T000000Z", *([] if "UID:" in event else [f"UID:{n}"])]
        lines += [*(line.strip() for line in event.splitlines()), "END:VEVENT"]
    return "\r\n".join([*lines, "END:VCALENDAR", ""])


def shown(text: str) -> list[str]:
    """The shifts on Berlin's clock."""
    return [
        f"{shift.person} {shift.starts.astimezone(BERLIN):%m-%d %H:%M} {shift.ends.astimezone(BERLIN):%m-%d %H:%M}"
        for shift in parse(text, BERLIN, PEOPLE, NOW)
    ]


def once(words: str) -> str:
    return calendar(f"DTSTART:20260305T080000Z\nDTEND:20260305T160000Z\n{words}")


@pytest.mark.parametrize(
    ("words", "person"),
    [
        ("SUMMARY:ana", "ana"),
        ("SUMMARY:ANA LOPES", "ana"),
        ("SUMMARY:ben_s", "ben-s"),
        ("SUMMARY:On call: Ben Sousa", "ben-s"),
        ("SUMMARY:Ana Lopes (IT)", "ana"),
        ("SUMMARY:Late shift - zoe", "zoe"),
        ("SUMMARY:ZOË ÇELIK", "zoe"),
        ("SUMMARY:ana@example.org", "ana"),
        ("SUMMARY:On call\nATTENDEE;CN=x:mailto:Ana.Lopes@example.org", "ana"),
        ("SUMMARY:On call\nATTENDEE;CN=Ben Sousa:MAILTO:b@example.org\nATTENDEE:mailto:it@example.org", "ben-s"),
        ("SUMMARY:Ana Lopes\nATTENDEE:mailto:zoe@example.org", "ana"),
        ("ATTENDEE:mailto:zoe@example.org", "zoe"),
    ],
)
def test_the_title_or_a_guest_names_the_person(words: str, person: str) -> None:
    assert shown(once(words)) == [f"{person} 03-05 09:00 03-05 17:00"]


@pytest.mark.parametrize(
    "words",
    [
        "SUMMARY:Team dinner",
        "SUMMARY:Ana Maria Silva",
        "SUMMARY:Ana Lopes / Ben Sousa",
        "SUMMARY:Team dinner\nATTENDEE:mailto:ana@example.org\nATTENDEE:mailto:zoe@example.org",
    ],
)
def test_a_title_that_names_nobody_for_sure_is_an_error_that_repeats_it(words: str) -> None:
    with pytest.raises(
        ValueError, match=r"nobody is found in '(Team dinner|Ana Maria Silva|Ana Lopes / Ben Sousa)' on"
    ):
        parse(once(words), BERLIN, PEOPLE, NOW)


def test_all_titles_that_name_nobody_are_said_at_once_but_not_without_end() -> None:
    events = [f"DTSTART:202603{10 + n}T080000Z\nDURATION:PT1H\nSUMMARY:Party {n}" for n in range(7)]
    with pytest.raises(ValueError, match=r"'Party 0' on 2026-03-10, .*'Party 4' on 2026-03-14 and 2 more; name one"):
        parse(calendar(*events), BERLIN, PEOPLE, NOW)


def test_a_shift_that_repeats_stays_at_its_time_over_the_change_of_the_clock() -> None:
    text = calendar(
        """DTSTART;TZID=Europe/Berlin:20260305T090000
        DTEND;TZID=Europe/Berlin:20260306T090000
        RRULE:FREQ=WEEKLY;INTERVAL=2;UNTIL=20260416T070000Z
        EXDATE;TZID=Europe/Berlin:20260319T090000
        SUMMARY:Ana Lopes"""
    )
    assert shown(text) == ["ana 03-05 09:00 03-06 09:00", "ana 04-02 09:00 04-03 09:00", "ana 04-16 09:00 04-17 09:00"]


def test_one_of_a_series_can_be_moved_given_away_and_cancelled() -> None:
    text = calendar(
        """UID:series
        DTSTART;TZID=Europe/Berlin:20260302T090000
        DURATION:P1D
        RRULE:FREQ=DAILY;COUNT=4
        SUMMARY:ana""",
        """UID:series
        RECURRENCE-ID;TZID=Europe/Berlin:20260303T090000
        DTSTART;TZID=Europe/Berlin:20260303T120000
        DURATION:PT6H
        SUMMARY:zoe""",
        """UID:series
        RECURRENCE-ID;TZID=Europe/Berlin:20260304T090000
        DTSTART;TZID=Europe/Berlin:20260304T090000
        DURATION:P1D
        STATUS:CANCELLED
        SUMMARY:ana""",
    )
    assert shown(text) == ["ana 03-02 09:00 03-03 09:00", "zoe 03-03 12:00 03-03 18:00", "ana 03-05 09:00 03-06 09:00"]


def test_whole_days_begin_at_midnight_of_the_schedules_zone() -> None:
    text = calendar("DTSTART;VALUE=DATE:20260328\nDTEND;VALUE=DATE:20260330\nTRANSP:TRANSPARENT\nSUMMARY:ana")
    (shift,) = parse(text, BERLIN, PEOPLE, NOW)
    assert shift.ends - shift.starts == timedelta(hours=47)
    assert shift.starts == datetime(2026, 3, 28, tzinfo=BERLIN)


def test_other_zones_and_times_without_one_are_understood() -> None:
    text = calendar(
        "DTSTART;TZID=America/New_York:20260310T090000\nDURATION:PT1H\nSUMMARY:ana",
        "DTSTART:20260311T090000\nDURATION:PT1H\nSUMMARY:ana",
        "DTSTART;TZID=W. Europe Standard Time:20260312T090000\nDURATION:PT1H\nSUMMARY:ana",
    )
    assert shown(text) == ["ana 03-10 14:00 03-10 15:00", "ana 03-11 09:00 03-11 10:00", "ana 03-12 09:00 03-12 10:00"]


def test_a_series_without_end_is_read_for_a_year_and_old_events_are_not() -> None:
    text = calendar(
        "DTSTART:20200106T080000Z\nDURATION:P7D\nRRULE:FREQ=WEEKLY\nSUMMARY:ana",
        "DTSTART:20200106T080000Z\nDURATION:P1D\nSUMMARY:Somebody who left",
    )
    found = parse(text, BERLIN, PEOPLE, NOW)
    assert found[0].starts <= NOW - timedelta(days=60) < found[0].ends
    assert found[-1].starts <= NOW + timedelta(days=400) <= found[-1].ends
    assert len(found) == 67


def test_a_meeting_without_length_is_no_shift_and_an_empty_calendar_has_none() -> None:
    assert shown(calendar("DTSTART:20260305T080000Z\nSUMMARY:ana")) == []
    assert shown(calendar()) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not a calendar"),
        ("<html>", "not a calendar"),
        (calendar("SUMMARY:ana"), "not a calendar"),
        (calendar("DTSTART:20260305\nSUMMARY:ana\nRRULE:FREQ=OFTEN"), "not a calendar"),
        (calendar("DTSTART;TZID=Mars/Olympus:20260305T080000\nSUMMARY:ana"), "unknown time zone 'Mars/Olympus'"),
        (calendar("DTSTART:00010101T000000Z\nRRULE:FREQ=DAILY\nSUMMARY:ana"), "begins in 1;"),
        (calendar("DTSTART:20260101T000000Z\nRRULE:FREQ=SECONDLY\nSUMMARY:ana"), "'ana' repeats within a day"),
        (
            calendar("DTSTART:20260101T000000Z\nRRULE:FREQ=DAILY;BYMINUTE=1,2\nSUMMARY:ana"),
            "'ana' repeats within a day",
        ),
        (calendar(*["DTSTART:20260305T080000Z\nSUMMARY:ana"] * (ical.MOST_EVENTS + 1)), "501 events, at most 500"),
        (calendar(*["DTSTART:20260101T000000Z\nRRULE:FREQ=DAILY\nSUMMARY:ana"] * 11), "shifts in its next year"),
        ("x" * (ical.LARGEST + 1), "1,000,001 characters"),
    ],
    ids=lambda value: value[:20],
)
def test_what_cannot_be_read_is_refused_with_a_reason(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse(text, BERLIN, PEOPLE, NOW)


LINES = """
BEGIN:VEVENT END:VEVENT BEGIN:VTIMEZONE END:VTIMEZONE TZID:X UID:1 SUMMARY:ana ATTENDEE: : DURATION:-P1D
DTSTART:20260305T080000Z DTSTART;TZID=X:20260305T080000 DTEND:2026 DTEND;VALUE=DATE:20260301 RRULE:FREQ=DAILY
RRULE:COUNT=1 EXDATE:x RDATE:20260306T080000Z RECURRENCE-ID:20260305T080000Z
"""


@settings(max_examples=60)
@given(st.lists(st.sampled_from(LINES.split()), max_size=12) | st.lists(st.text(max_size=20), max_size=5))
def test_a_broken_calendar_is_a_valueerror_and_nothing_else(lines: list[str]) -> None:
    try:
        found = parse("\r\n".join(["BEGIN:VCALENDAR", *lines, "END:VCALENDAR"]), BERLIN, PEOPLE, NOW)
    except ValueError:
        return
    assert all(shift.starts < shift.ends for shift in found)
