"""Opening hours: how long a site was open, also on days of 23, 25 and 23.5 hours."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.hours import ALWAYS, OpeningHours

LISBON = ZoneInfo("Europe/Lisbon")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")
OFFICE = ((time(8), time(18)),)
WEEKDAYS = (OFFICE,) * 5 + ((), ())
SPLIT = (((time(9), time(13)), (time(14, 30), time(22))),) * 5 + (((time(10), time.max),), ())


def at(zone: ZoneInfo, *when: int) -> datetime:
    return datetime(*when, tzinfo=zone)  # type: ignore[arg-type, misc]


def whole_day(zone: ZoneInfo, day: date) -> tuple[datetime, datetime]:
    start = datetime.combine(day, time.min, zone)
    return start.astimezone(UTC), datetime.combine(day + timedelta(days=1), time.min, zone).astimezone(UTC)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        (LISBON, date(2026, 3, 28), 24),
        (LISBON, date(2026, 3, 29), 23),
        (LISBON, date(2026, 10, 25), 25),
        (LORD_HOWE, date(2026, 4, 5), 24.5),
        (LORD_HOWE, date(2026, 10, 4), 23.5),
        (ZoneInfo("America/Santiago"), date(2026, 9, 6), 23),
    ],
)
def test_a_site_that_never_closes_is_open_as_long_as_the_day_is(zone: ZoneInfo, day: date, hours: float) -> None:
    assert OpeningHours(zone).open_seconds(*whole_day(zone, day)) == hours * 3600


@pytest.mark.parametrize(
    ("zone", "night", "hours"),
    [
        (LISBON, date(2026, 3, 29), 7),
        (LISBON, date(2026, 10, 25), 9),
        (LORD_HOWE, date(2026, 4, 5), 8.5),
        (LORD_HOWE, date(2026, 10, 4), 7.5),
    ],
)
def test_a_night_shift_over_a_change_of_the_clock_has_its_true_length(
    zone: ZoneInfo, night: date, hours: float
) -> None:
    week = (((time.min, time(8)),),) * 7
    assert OpeningHours(zone, week).open_seconds(*whole_day(zone, night)) == hours * 3600


def test_opening_time_is_local_in_summer_and_winter() -> None:
    hours = OpeningHours(LISBON, WEEKDAYS)
    assert not hours.is_open(datetime(2026, 1, 5, 7, 59, 59, tzinfo=UTC))
    assert hours.is_open(datetime(2026, 1, 5, 8, 0, tzinfo=UTC))
    assert not hours.is_open(datetime(2026, 7, 6, 6, 59, 59, tzinfo=UTC))
    assert hours.is_open(datetime(2026, 7, 6, 7, 0, tzinfo=UTC))


def test_the_closing_minute_is_closed_and_midnight_belongs_to_the_day_that_ends() -> None:
    hours = OpeningHours(LISBON, SPLIT)
    assert not hours.is_open(at(LISBON, 2026, 8, 3, 13, 0))
    assert hours.is_open(at(LISBON, 2026, 8, 8, 23, 59, 59))
    assert not hours.is_open(at(LISBON, 2026, 8, 9, 0, 0))


def test_a_holiday_is_closed_all_day() -> None:
    hours = OpeningHours(LISBON, WEEKDAYS, frozenset({date(2026, 6, 10)}))
    assert hours.open_seconds(*whole_day(LISBON, date(2026, 6, 10))) == 0
    assert hours.open_seconds(*whole_day(LISBON, date(2026, 6, 9))) == 10 * 3600


def test_an_outage_over_a_weekend_costs_only_the_open_hours() -> None:
    friday, monday = at(LISBON, 2026, 8, 7, 17, 30), at(LISBON, 2026, 8, 10, 9, 0)
    assert OpeningHours(LISBON, WEEKDAYS).open_seconds(friday, monday) == 90 * 60


def test_stretches_are_clipped_in_order_and_utc() -> None:
    hours = OpeningHours(LISBON, SPLIT)
    found = list(hours.stretches(at(LISBON, 2026, 8, 3, 12, 0), at(LISBON, 2026, 8, 4, 9, 30)))
    assert found == [
        (datetime(2026, 8, 3, 11, tzinfo=UTC), datetime(2026, 8, 3, 12, tzinfo=UTC)),
        (datetime(2026, 8, 3, 13, 30, tzinfo=UTC), datetime(2026, 8, 3, 21, tzinfo=UTC)),
        (datetime(2026, 8, 4, 8, tzinfo=UTC), datetime(2026, 8, 4, 8, 30, tzinfo=UTC)),
    ]
    assert all(begin.tzinfo is UTC for begin, _ in found)


def test_no_time_passes_between_an_instant_and_itself_or_an_earlier_one() -> None:
    hours = OpeningHours(LISBON)
    now = at(LISBON, 2026, 8, 3, 12, 0)
    assert hours.open_seconds(now, now) == 0
    assert hours.open_seconds(now, now - timedelta(hours=1)) == 0


def walked(hours: OpeningHours, start: datetime, minutes: int) -> int:
    """Open seconds, found by asking the wall clock at the beginning of each minute."""
    total = 0
    for minute in range(minutes):
        wall = (start + timedelta(minutes=minute)).astimezone(hours.zone)
        day = () if wall.date() in hours.holidays else hours.week[wall.weekday()]
        total += any(opens <= wall.time() < closes for opens, closes in day)
    return total * 60


@st.composite
def weeks(draw: st.DrawFn) -> tuple[tuple[tuple[time, time], ...], ...]:
    """Any week, opening and closing on five minutes but not within the hours in which clocks change."""
    clock = st.integers(4 * 12, 24 * 12 - 1).map(lambda five: time(five // 12, five % 12 * 5))
    week = []
    for _ in range(7):
        walls = sorted(draw(st.sets(clock, max_size=4)))
        day = [(walls[i], walls[i + 1]) for i in range(0, len(walls) - 1, 2)]
        if len(walls) % 2:
            day.append((walls[-1], time.max))
        if draw(st.booleans()):
            day = list(ALWAYS)
        week.append(tuple(day))
    return tuple(week)


@given(
    weeks(),
    st.sampled_from(
        [
            (LISBON, datetime(2026, 3, 28, tzinfo=UTC)),
            (LISBON, datetime(2026, 10, 24, tzinfo=UTC)),
            (LORD_HOWE, datetime(2026, 4, 4, tzinfo=UTC)),
            (LORD_HOWE, datetime(2026, 10, 3, tzinfo=UTC)),
        ]
    ),
    st.integers(0, 36 * 60),
    st.integers(0, 36 * 60),
    st.booleans(),
)
def test_open_time_is_exact_to_the_minute_around_every_change_of_the_clock(
    week: tuple[tuple[tuple[time, time], ...], ...],
    around: tuple[ZoneInfo, datetime],
    offset: int,
    minutes: int,
    holiday: bool,
) -> None:
    zone, day = around
    closed = frozenset({day.date() + timedelta(days=1)}) if holiday else frozenset[date]()
    hours = OpeningHours(zone, week, closed)
    start = day + timedelta(minutes=offset)
    end = start + timedelta(minutes=minutes)
    assert hours.open_seconds(start, end) == walked(hours, start, minutes)


@given(weeks(), st.tuples(*[st.integers(0, 10**6)] * 3))
def test_the_open_time_of_two_adjoining_periods_adds_up(
    week: tuple[tuple[tuple[time, time], ...], ...], seconds: tuple[int, ...]
) -> None:
    hours = OpeningHours(LISBON, week)
    first, second, third = (datetime(2026, 3, 20, tzinfo=UTC) + timedelta(seconds=one) for one in sorted(seconds))
    parts = hours.open_seconds(first, second) + hours.open_seconds(second, third)
    assert parts == pytest.approx(hours.open_seconds(first, third))
