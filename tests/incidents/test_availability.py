"""Availability is the time that something worked, not the number of readings that said so."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.availability import Availability, Span, availability, clip, strip
from probes import Status

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
UP, DOWN, UNKNOWN = Status.UP, Status.DOWN, Status.UNKNOWN
WINDOW = 60


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def span(start: float, end: float, status: Status = UP) -> Span:
    return Span("door/tcp", at(start), at(end), status, "ok")


def spans_in_seconds() -> st.SearchStrategy[list[Span]]:
    """Spans that may overlap, be empty, and reach out of the window; no two begin together."""
    one = st.tuples(st.integers(-20, 80), st.integers(0, 40), st.sampled_from(Status))
    many = st.lists(one, max_size=8, unique_by=lambda numbers: numbers[0])
    return many.map(lambda found: [span(begin, begin + length, status) for begin, length, status in found])


def second_by_second(spans: list[Span], n: int) -> list[Status | None]:
    """The status in each of the first `n` seconds, looked up one by one."""
    ordered = sorted(spans, key=lambda one: one.start)
    return [next((one.status for one in ordered if one.start <= at(n) < one.end), None) for n in range(n)]


@given(spans_in_seconds())
def test_it_is_what_counting_every_second_gives(spans: list[Span]) -> None:
    seconds = second_by_second(spans, WINDOW)
    up, down = seconds.count(UP), seconds.count(DOWN)
    assert availability(spans, START, at(WINDOW)) == Availability(up, down, WINDOW - up - down)


@given(spans_in_seconds(), st.sampled_from([1, 2, 3, 4, 5, 6, 10, 12, 60]))
def test_each_slot_of_a_strip_has_the_worst_of_its_seconds(spans: list[Span], n: int) -> None:
    seconds = second_by_second(spans, WINDOW)
    width = WINDOW // n
    worst = [
        next((status for status in (DOWN, UNKNOWN, UP) if status in seconds[first : first + width]), None)
        for first in range(0, WINDOW, width)
    ]
    assert [slot.status for slot in strip(spans, START, at(WINDOW), n)] == worst


@given(spans_in_seconds())
def test_clipped_spans_are_in_order_within_the_window_and_do_not_overlap(spans: list[Span]) -> None:
    edges = [edge for one in clip(spans, START, at(WINDOW)) for edge in (one.start, one.end)]
    assert edges == sorted(edges)
    assert all(START <= edge <= at(WINDOW) for edge in edges)


def test_a_gap_is_unknown_and_counts_neither_for_nor_against() -> None:
    found = availability([span(0, 30), span(45, 60, DOWN)], START, at(100))
    assert found == Availability(up=30, down=15, unknown=55)
    assert found.ratio == pytest.approx(30 / 45)
    assert found.coverage == pytest.approx(0.45)


def test_time_that_we_could_not_tell_is_unknown() -> None:
    assert availability([span(0, 60, UNKNOWN)], START, at(60)) == Availability(0, 0, 60)


def test_without_knowledge_there_is_no_ratio() -> None:
    assert availability([], START, at(60)).ratio is None
    assert availability([], START, START) == Availability(0, 0, 0)
    assert availability([], START, START).coverage == 0


def test_a_year_of_microseconds_adds_up_exactly() -> None:
    edges = [START + timedelta(microseconds=333_333 * n) for n in range(10_001)]
    spans = [Span("c", begin, end, UP if n % 2 else DOWN, "") for n, (begin, end) in enumerate(pairwise(edges))]
    found = availability(spans, START, edges[-1])
    assert (found.up, found.down, found.unknown) == (1666.665, 1666.665, 0)


def test_the_slots_of_a_strip_touch_and_cover_the_time() -> None:
    slots = strip([], START, at(100), 7)
    assert [slots[0].start, slots[-1].end] == [START, at(100)]
    assert all(one.end == other.start for one, other in pairwise(slots))


def test_a_second_of_trouble_shows_in_a_whole_day() -> None:
    day = 86_400
    slots = strip([span(0, 500), span(500, 501, DOWN), span(501, day)], START, at(day), 96)
    assert [slot.status for slot in slots] == [DOWN] + [UP] * 95


@pytest.mark.parametrize(("end", "n"), [(60, 0), (0, 5), (-1, 5)])
def test_a_strip_of_nothing_is_refused(end: int, n: int) -> None:
    with pytest.raises(ValueError, match="more than nothing"):
        strip([], START, at(end), n)


def test_time_that_runs_backwards_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot end"):
        availability([], START, at(-1))
