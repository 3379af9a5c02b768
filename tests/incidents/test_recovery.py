"""How fast people answered and mended, told from the incidents of a stretch of time."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from alerting.rules import Severity
from incidents.incident import Incident, Origin
from incidents.recovery import Mean, time_between_failures, time_to_acknowledge, time_to_restore

START = datetime(2026, 7, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LENGTH = 100
END = START + LENGTH * MINUTE


def incident(opened: float, resolved: float | None = None, acknowledged: float | None = None) -> Incident:
    """An incident whose times are minutes after the start."""
    at = [None if minute is None else START + minute * MINUTE for minute in (opened, resolved, acknowledged)]
    assert at[0] is not None
    return Incident(f"{opened}", "fibre", "Fibre is down", Severity.CRITICAL, at[0], resolved=at[1], acknowledged=at[2])


def test_the_time_to_acknowledge_is_that_of_those_that_somebody_took() -> None:
    some = [incident(0, 30, 4), incident(10, 20, 12), incident(50, 51)]
    assert time_to_acknowledge(some, START, END) == Mean(3 * MINUTE, 2)


def test_the_time_to_restore_counts_in_the_stretch_in_which_it_ended() -> None:
    some = [incident(-30, 10), incident(50, 70), incident(90, 130), incident(95), incident(-9, -5)]
    assert time_to_restore(some, START, END) == Mean(30 * MINUTE, 2)


def test_the_time_between_failures_is_that_without_an_incident_for_each_that_began() -> None:
    some = [incident(-10, 10), incident(20, 40), incident(30, 50), incident(90)]
    assert time_between_failures(some, START, END) == Mean(50 * MINUTE / 3, 3)


def test_merged_ones_count_with_the_one_that_tells_of_them_and_reported_ones_like_any_other() -> None:
    cause = incident(0, 30, 10)
    merged = replace(incident(5, 25, 6), merged_into=cause.id)
    reported = replace(incident(40, 50, 40), origin=Origin.REPORTED, reporter="Ana")
    some = [cause, merged, reported]
    assert time_to_acknowledge(some, START, END) == Mean(5 * MINUTE, 2)
    assert time_to_restore(some, START, END) == Mean(20 * MINUTE, 2)
    assert time_between_failures(some, START, END) == Mean(30 * MINUTE, 2)


def test_where_there_is_nothing_to_average_there_is_no_mean() -> None:
    lasting = [incident(-30), incident(100, 130, 110)]
    assert time_to_acknowledge(lasting, START, END) is None
    assert time_to_restore(lasting, START, END) is None
    assert time_between_failures(lasting, START, END) is None


@given(st.lists(st.tuples(st.integers(-20, 120), st.none() | st.integers(0, 60)), max_size=8))
def test_the_time_without_an_incident_is_what_counting_every_minute_gives(found: list[tuple[int, int | None]]) -> None:
    some = [incident(opened, None if length is None else opened + length) for opened, length in found]
    quiet = sum(
        not any(opened <= minute and (length is None or minute < opened + length) for opened, length in found)
        for minute in range(LENGTH)
    )
    began = sum(0 <= opened < LENGTH for opened, _ in found)
    expected = Mean(quiet * MINUTE / began, began) if began else None
    assert time_between_failures(some, START, END) == expected
