"""When memos are due, and which time they are about."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config.model import Memo
from monitor.reports.document import Kind
from monitor.reports.periods import Period, about, before, day_of, month_of, newest_due, week_of

LISBON = ZoneInfo("Europe/Lisbon")
AUCKLAND = ZoneInfo("Pacific/Auckland")
DAILY = Memo(time(18), ())
MONDAYS = Memo(time(8), (), weekday=0)
SECOND = Memo(time(8, 30), (), month=2)


def local(text: str, zone: ZoneInfo = LISBON) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


@pytest.mark.parametrize(
    ("memo", "now", "due"),
    [
        (DAILY, "2026-11-22 18:00", "2026-11-22 18:00"),
        (DAILY, "2026-11-22 17:59", "2026-11-21 18:00"),
        (MONDAYS, "2026-11-23 08:00", "2026-11-23 08:00"),  # a Monday
        (MONDAYS, "2026-11-23 07:59", "2026-11-16 08:00"),
        (MONDAYS, "2026-11-29 23:59", "2026-11-23 08:00"),
        (SECOND, "2026-03-02 08:29", "2026-02-02 08:30"),
        (SECOND, "2026-03-02 08:30", "2026-03-02 08:30"),
        (SECOND, "2026-01-01 12:00", "2025-12-02 08:30"),
        (Memo(time(1, 30), ()), "2026-03-29 12:00", "2026-03-29 02:30"),  # 01:30 is left out that night
    ],
)
def test_a_memo_is_due_at_its_time_on_the_sites_clock(memo: Memo, now: str, due: str) -> None:
    assert newest_due(memo, LISBON, local(now)) == local(due)


@pytest.mark.parametrize(
    ("kind", "due", "start", "end"),
    [
        (Kind.DAILY, "2026-11-22 18:00", "2026-11-22 00:00", "2026-11-22 18:00"),
        (Kind.WEEKLY, "2026-11-23 08:00", "2026-11-16 00:00", "2026-11-23 00:00"),
        (Kind.WEEKLY, "2026-11-27 08:00", "2026-11-16 00:00", "2026-11-23 00:00"),
        (Kind.MONTHLY, "2026-11-01 08:00", "2026-10-01 00:00", "2026-11-01 00:00"),
        (Kind.MONTHLY, "2026-01-05 08:00", "2025-12-01 00:00", "2026-01-01 00:00"),
        (Kind.ISP, "2026-04-02 08:00", "2026-03-01 00:00", "2026-04-01 00:00"),
    ],
)
def test_a_memo_is_about_the_time_before_it(kind: Kind, due: str, start: str, end: str) -> None:
    assert about(kind, local(due), LISBON) == Period(local(start), local(end))


def test_a_month_with_a_clock_change_is_an_hour_longer_or_shorter() -> None:
    october, march = month_of(date(2026, 10, 9), LISBON), month_of(date(2026, 3, 9), LISBON)
    assert october.end - october.start == timedelta(days=31, hours=1)
    assert march.end - march.start == timedelta(days=31, hours=-1)
    assert day_of(date(2026, 10, 25), LISBON).end - day_of(date(2026, 10, 25), LISBON).start == timedelta(hours=25)


def test_a_morning_check_is_about_no_period() -> None:
    with pytest.raises(ValueError, match="morning"):
        about(Kind.MORNING, local("2026-11-22 18:00"), LISBON)


@given(
    st.integers(1_704_067_200, 1_830_297_600).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    st.sampled_from([DAILY, MONDAYS, SECOND]),
    st.sampled_from([LISBON, AUCKLAND]),
)
def test_the_newest_due_time_is_never_ahead_and_never_more_than_a_turn_ago(
    now: datetime, memo: Memo, zone: ZoneInfo
) -> None:
    due = newest_due(memo, zone, now)
    turn = 1 if memo is DAILY else 7 if memo is MONDAYS else 31
    assert due <= now < due + timedelta(days=turn, hours=1)
    assert newest_due(memo, zone, due) == due


@given(st.dates(date(2024, 1, 1), date(2028, 1, 1)), st.sampled_from([LISBON, AUCKLAND]))
def test_a_period_ends_where_the_next_one_begins(day: date, zone: ZoneInfo) -> None:
    month, week, one = month_of(day, zone), week_of(day, zone), day_of(day, zone)
    for period in (month, week, one):
        assert before(period, zone).end == period.start
    assert before(month, zone) == month_of(month.start.astimezone(zone).date() - timedelta(days=1), zone)
    assert week.start <= one.start < one.end <= week.end
    assert month.start <= one.start < one.end <= month.end
