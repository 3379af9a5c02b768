"""When morning checks are due: opening days, half-days, holidays, zones and clock changes."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerting.hours import OpeningHours
from monitor.openings import closed_last, newest_run, next_run, opening

BEFORE = 45 * 60.0
LISBON = ZoneInfo("Europe/Lisbon")
WEEKDAY = ((time(8), time(20)),)
HALF_DAY = ((time(13), time(18)),)
SPLIT = ((time(9), time(13)), (time(15), time(19)))
NIGHT = ((time.min, time(2)), (time(18), time.max))
OFFICE = OpeningHours(LISBON, (WEEKDAY, WEEKDAY, WEEKDAY, SPLIT, HALF_DAY, (), ()), frozenset({date(2026, 12, 8)}))


def utc(month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "at", "opens"),
    [
        (utc(11, 23, 6), utc(11, 23, 7, 15), utc(11, 23, 8)),
        (utc(11, 23, 7, 15), utc(11, 24, 7, 15), utc(11, 24, 8)),
        # Thursday closes over lunch: one check, before the first opening.
        (utc(11, 26, 8, 15), utc(11, 27, 12, 15), utc(11, 27, 13)),
        # Friday is a half-day, then the weekend.
        (utc(11, 27, 12, 15), utc(11, 30, 7, 15), utc(11, 30, 8)),
        # Tuesday 8 December is a holiday.
        (utc(12, 7, 12), utc(12, 9, 7, 15), utc(12, 9, 8)),
        # Portugal turned its clocks back on 25 October and forward on 29 March.
        (utc(10, 23, 20), utc(10, 26, 7, 15), utc(10, 26, 8)),
        (utc(10, 22, 20), utc(10, 23, 11, 15), utc(10, 23, 12)),
        (utc(3, 27, 20), utc(3, 30, 6, 15), utc(3, 30, 7)),
    ],
)
def test_a_check_is_due_before_the_first_opening_of_each_day(now: datetime, at: datetime, opens: datetime) -> None:
    due = next_run(OFFICE, BEFORE, now)
    assert due is not None
    assert (due.at, due.opens) == (at, opens)
    assert newest_run(OFFICE, BEFORE, at) == due


@pytest.mark.parametrize(
    ("zone", "at"),
    [
        ("America/St_Johns", utc(7, 6, 9, 45)),
        ("Asia/Kathmandu", utc(7, 6, 1, 30)),
        ("Australia/Lord_Howe", utc(7, 5, 20, 45)),
    ],
)
def test_opening_is_by_the_clock_of_the_site(zone: str, at: datetime) -> None:
    due = next_run(OpeningHours(ZoneInfo(zone), (WEEKDAY,) * 7), BEFORE, at - timedelta(seconds=1))
    assert due is not None
    assert (due.at, due.day) == (at, date(2026, 7, 6))


def test_an_opening_in_the_hour_that_clocks_skip_comes_when_that_hour_is_over() -> None:
    hours = OpeningHours(ZoneInfo("Europe/Berlin"), (((time(2, 30), time(12)),),) * 7)
    assert opening(hours, date(2026, 3, 29)) == utc(3, 29, 1, 30)
    assert opening(hours, date(2026, 3, 30)) == utc(3, 30, 0, 30)


def test_a_bar_that_is_open_past_midnight_opens_in_the_evening() -> None:
    assert opening(OpeningHours(LISBON, (NIGHT,) * 7), date(2026, 11, 24)) == utc(11, 24, 18)


def test_what_is_always_open_is_looked_at_before_most_people_come() -> None:
    due = next_run(OpeningHours(LISBON), BEFORE, utc(11, 23, 0))
    assert due is not None
    assert due.at == utc(11, 23, 7, 15)


def test_a_site_that_never_opens_has_none() -> None:
    closed = OpeningHours(LISBON, ((),) * 7)
    assert next_run(closed, BEFORE, utc(11, 23, 0)) is None
    assert newest_run(closed, BEFORE, utc(11, 23, 0)) is None


@pytest.mark.parametrize(
    ("now", "closed"),
    [
        (utc(11, 24, 7), utc(11, 23, 20)),
        (utc(11, 24, 12), utc(11, 23, 20)),
        (utc(11, 24, 20), utc(11, 24, 20)),
        (utc(11, 26, 14), utc(11, 26, 13)),
        (utc(11, 30, 7), utc(11, 27, 18)),
    ],
)
def test_the_night_begins_when_the_site_closed_last(now: datetime, closed: datetime) -> None:
    assert closed_last(OFFICE, now) == closed


def test_the_night_of_what_never_closes_is_a_day_long() -> None:
    assert closed_last(OpeningHours(LISBON), utc(11, 24, 7)) == utc(11, 23, 7)


def test_reports_of_later_days_sort_later_and_the_same_day_has_the_same_id() -> None:
    first, later = next_run(OFFICE, BEFORE, utc(11, 23, 6)), next_run(OFFICE, BEFORE, utc(11, 24, 6))
    assert first is not None
    assert later is not None
    assert first.id < later.id
    assert first == newest_run(OFFICE, BEFORE, utc(11, 23, 12))
    assert first.episode == "morning/2026-11-23"


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(["Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns", "Africa/Cairo"]),
    st.times(max_value=time(20)),
    st.integers(0, 3 * 3600),
)
def test_each_opening_day_has_one_check_and_no_other_day_has_any(zone: str, begins: time, before: int) -> None:
    opens = begins.replace(second=0, microsecond=0)
    day = ((opens, time(23)),)
    hours = OpeningHours(ZoneInfo(zone), (day, day, (), day, day, (), day), frozenset({date(2026, 3, 30)}))
    now, days = utc(3, 1, 0), []
    while (due := next_run(hours, before, now)) is not None and due.at < utc(5, 1, 0):
        days.append(due.day)
        assert newest_run(hours, before, due.at + timedelta(minutes=1)) == due
        now = due.at
    assert all(earlier < later for earlier, later in pairwise(days))
    wanted = [date(2026, 3, 2) + timedelta(days=n) for n in range(56)]
    assert [one for one in days if one in wanted] == [
        one for one in wanted if one.weekday() not in (2, 5) and one != date(2026, 3, 30)
    ]
