"""The last day of every check against a brute count of its quarters, and against what the store has."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.availability import Span
from monitor.days import BADNESS, QUARTER, QUARTERS, Day, Days, together
from probes import Status

START = datetime(2026, 3, 2, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def at(minutes: float) -> datetime:
    return START + minutes * MINUTE


def span(begin: float, end: float, status: Status, check: str = "x") -> Span:
    return Span(check, at(begin), at(end), status, "")


TURNS = st.lists(st.tuples(st.floats(0.5, 400), st.floats(0, 60), st.sampled_from(Status)), min_size=1, max_size=20)


def history(turns: list[tuple[float, float, Status]]) -> list[Span]:
    """One span after the other, with gaps in between."""
    found, reached = [], 0.0
    for length, gap, status in turns:
        found.append(span(reached + gap, reached + gap + length, status))
        reached += gap + length
    return found


def counted(spans: list[Span], last: datetime) -> bytes:
    """The worst of each quarter of an hour of the day that ends there."""
    begins = [last - number * QUARTER for number in range(QUARTERS, 0, -1)]
    return bytes(
        max((BADNESS[one.status] for one in spans if one.start < begin + QUARTER and one.end > begin), default=0)
        for begin in begins
    )


@given(TURNS)
def test_each_quarter_has_the_worst_that_was_in_it(turns: list[tuple[float, float, Status]]) -> None:
    spans = history(turns)
    now = spans[-1].end
    end = START + -((START - now) // QUARTER) * QUARTER
    assert together([Days(spans).by_check["x"]], now - timedelta(microseconds=1)) == counted(spans, end)


@given(TURNS, st.data())
def test_a_span_that_grows_bit_by_bit_is_as_one_that_was_there_at_once(
    turns: list[tuple[float, float, Status]], data: st.DataObject
) -> None:
    spans, grown = history(turns), Days()
    for one in spans:
        parts = data.draw(st.lists(st.floats(0, 1), max_size=4).map(sorted))
        grown.add(one._replace(end=one.start + part * (one.end - one.start)) for part in (*parts, 1.0))
    assert grown.by_check == Days(spans).by_check


@given(TURNS, st.randoms(use_true_random=False))
def test_spans_that_come_late_change_nothing_about_what_is_newest(turns, random) -> None:
    spans = history(turns)
    first, *others = spans
    random.shuffle(others)
    late, ordered = Days([first, *others]).by_check["x"], Days(spans).by_check["x"]
    assert (late.quarters, late.newest, late.begun, late.status) == (
        ordered.quarters,
        ordered.newest,
        ordered.begun,
        ordered.status,
    )


@given(TURNS)
def test_since_is_when_the_newest_run_of_one_status_began(turns: list[tuple[float, float, Status]]) -> None:
    spans = history(turns)
    begun = spans[-1]
    for one in reversed(spans):
        if one.status is not begun.status:
            break
        begun = one
    assert Days(spans).by_check["x"].since == begun.start


def day_of(*spans: Span) -> Day:
    return Days(spans).by_check[spans[0].check]


def test_a_quarter_that_has_just_begun_is_not_shown_as_unknown() -> None:
    works = day_of(span(-1500, 29, Status.UP))
    assert together([works], at(30.5)) == bytes([1]) * QUARTERS


def test_a_check_that_has_stopped_leaves_the_quarters_since_then_unknown() -> None:
    stopped = day_of(span(-1500, 29, Status.UP))
    assert together([stopped], at(75)) == bytes([1]) * (QUARTERS - 3) + bytes(3)
    assert together([stopped], at(3000)) == bytes(QUARTERS)


def test_of_several_checks_the_worst_counts_and_one_that_runs_seldom_hides_nothing() -> None:
    seldom = day_of(span(-1500, -20, Status.UP, "seldom"))
    broken = day_of(span(-1500, 1, Status.UP, "often"), span(1, 2, Status.DOWN, "often"))
    assert together([seldom, broken], at(2)) == bytes([1]) * (QUARTERS - 1) + bytes([3])


def test_nothing_known_is_a_day_of_nothing() -> None:
    assert together([], START) == bytes(QUARTERS)


@pytest.mark.parametrize("back", [20, 2000])
def test_a_clock_that_was_set_back_keeps_the_newest_day(back: float) -> None:
    days = [day_of(span(0, 30, Status.UP, "a")), day_of(span(-40, 10, Status.DOWN, "b"))]
    assert together(days, at(30 - back))[-4:] == bytes([3, 3, 3, 1])
