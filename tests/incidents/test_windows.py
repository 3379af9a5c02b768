"""A window is the time that a figure is about: every second of it once, and none beside it."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerting.gates import Maintenance, Recurring, Scope, Stretch
from alerting.gates import Window as Once
from alerting.hours import OpeningHours
from incidents.windows import Window, all_hours, joined, open_hours, planned

START = datetime(2026, 3, 2, tzinfo=UTC)
SECOND = timedelta(seconds=1)
QUARTER = timedelta(minutes=15)
BERLIN = ZoneInfo("Europe/Berlin")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")  # clocks change by half an hour there
KOLKATA = ZoneInfo("Asia/Kolkata")


def at(seconds: float) -> datetime:
    return START + seconds * SECOND


def stretch(start: int, end: int) -> Stretch:
    return Stretch(at(start), at(end))


def seconds_of(stretches: list[Stretch] | tuple[Stretch, ...]) -> set[int]:
    """Which of the first seconds lie in some pieces of time, each looked at by itself."""
    return {n for n in range(-30, 120) if any(one.starts <= at(n) < one.ends for one in stretches)}


pieces = st.lists(st.tuples(st.integers(-20, 80), st.integers(-2, 30)), max_size=8).map(
    lambda found: [stretch(begin, begin + length) for begin, length in found]
)


@given(pieces)
def test_joined_pieces_are_the_same_seconds_apart_and_in_order(some: list[Stretch]) -> None:
    found = joined(some)
    assert seconds_of(found) == seconds_of(some)
    assert all(one.starts < one.ends for one in found)
    assert all(one.ends < other.starts for one, other in pairwise(found))


@given(pieces, pieces)
def test_what_is_cut_out_is_gone_and_nothing_else(some: list[Stretch], cut: list[Stretch]) -> None:
    left = Window(joined(some)).without(cut)
    assert seconds_of(left.stretches) == seconds_of(some) - seconds_of(cut)
    assert left == Window(joined(left.stretches))
    assert left.length == len(seconds_of(left.stretches)) * SECOND


@given(pieces, st.integers(-30, 120), st.integers(-30, 120))
def test_what_lies_inside_is_counted_once(some: list[Stretch], start: int, end: int) -> None:
    expected = len(seconds_of(some) & set(range(start, end)))
    assert Window(joined(some)).inside(at(start), at(end)) == expected * SECOND


@given(pieces, st.integers(-30, 120))
def test_the_stretch_around_an_instant_is_one_that_it_lies_in_or_none(some: list[Stretch], n: int) -> None:
    window = Window(joined(some))
    around = [one for one in window.stretches if one.starts <= at(n) <= one.ends]
    assert window.around(at(n)) == (around[0] if around else Stretch(at(n), at(n)))


days = st.dates(date(2026, 3, 23), date(2026, 10, 26))
walls = st.integers(0, 96).map(lambda n: time.max if n == 96 else time(n // 4, n % 4 * 15))
stretches_of_day = (
    st.lists(walls, max_size=4, unique=True)
    .map(sorted)
    .map(lambda found: tuple(zip(found[::2], found[1::2], strict=False)))
)


@settings(max_examples=30)
@given(
    st.sampled_from([BERLIN, LORD_HOWE, KOLKATA]),
    st.tuples(*[stretches_of_day] * 7),
    st.frozensets(days, max_size=3),
    days,
)
def test_the_site_is_open_in_the_quarters_that_its_clock_says(
    zone: ZoneInfo, week: tuple[tuple[tuple[time, time], ...], ...], holidays: frozenset[date], day: date
) -> None:
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    window = open_hours(OpeningHours(zone, week, holidays), start, start + timedelta(days=9))
    for number in range(9 * 96):
        instant = start + number * QUARTER
        wall = instant.astimezone(zone)
        if _ambiguous(wall):
            continue
        hours = () if wall.date() in holidays else week[wall.weekday()]
        is_open = any(opens <= wall.time() < closes for opens, closes in hours)
        assert window.inside(instant, instant + QUARTER) == (QUARTER if is_open else timedelta())


def _ambiguous(wall: datetime) -> bool:
    """Whether the clock shows that quarter twice, or a change of clocks is near: what opens then is a question."""
    return any((wall + shift).utcoffset() != wall.utcoffset() for shift in (timedelta(hours=-3), timedelta(hours=3)))


def test_a_day_has_23_hours_in_spring_and_25_in_autumn() -> None:
    always = OpeningHours(BERLIN)
    for month, day, hours in ((3, 29, 23), (10, 25, 25), (7, 1, 24)):
        start = datetime(2026, month, day, tzinfo=BERLIN)
        end = datetime(2026, month, day + 1, tzinfo=BERLIN)
        window = open_hours(always, start.astimezone(UTC), end.astimezone(UTC))
        assert len(window.stretches) == 1
        assert window.length == timedelta(hours=hours)


def test_a_half_day_and_a_break_at_noon_are_stretches_of_their_own() -> None:
    day = ((time(9), time(12)), (time(13), time(18)))
    week = (day, day, day, day, ((time(9), time(13)),), (), ())
    hours = OpeningHours(BERLIN, week, frozenset({date(2026, 7, 14)}))
    window = open_hours(hours, datetime(2026, 7, 12, 22, tzinfo=UTC), datetime(2026, 7, 19, 22, tzinfo=UTC))
    assert window.length == timedelta(hours=3 * 8 + 4)
    assert len(window.stretches) == 7


def test_nights_that_touch_at_midnight_are_one_stretch() -> None:
    week = (((time(0), time(2)), (time(20), time.max)),) * 7
    window = open_hours(OpeningHours(ZoneInfo("UTC"), week), START, START + timedelta(days=2))
    assert [one.ends - one.starts for one in window.stretches] == [timedelta(hours=n) for n in (2, 6, 4)]


def test_planned_work_counts_from_before_the_time_and_beyond_it() -> None:
    works = [
        Maintenance("w", "Wi-Fi", Scope(), BERLIN, (Recurring(frozenset({0}), frozenset(), time(0), 7200.0),)),
        Maintenance("o", "Once", Scope(), BERLIN, (Once(at(-3600), at(60)), Once(at(86_400), at(90_000)))),
    ]
    found = planned(works, START, at(86_300))
    assert found == (Stretch(at(-3600), at(3600)),)


def test_time_that_runs_backwards_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot end"):
        all_hours(START, at(-1))


def test_no_time_is_an_empty_window() -> None:
    assert all_hours(START, START) == Window(())
    assert Window(()).length == Window(()).inside(START, at(9)) == timedelta()
