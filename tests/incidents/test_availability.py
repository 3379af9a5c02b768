"""Availability is the time that something worked, not the number of readings that said so."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.gates import Stretch
from incidents.availability import (
    Availability,
    Budget,
    Span,
    alternatives,
    availability,
    budget,
    by_window,
    clip,
    verdicts,
    weighted,
)
from incidents.windows import Window, all_hours, joined
from probes import Status

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
UP, DOWN, UNKNOWN = Status.UP, Status.DOWN, Status.UNKNOWN
WINDOW = 60


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def span(start: float, end: float, status: Status = UP, check: str = "door/tcp", reason: str = "ok") -> Span:
    return Span(check, at(start), at(end), status, reason)


def seconds(up: float = 0, down: float = 0, unknown: float = 0) -> Availability:
    return Availability(*(timedelta(seconds=each) for each in (up, down, unknown)))


def over(spans: Iterable[Span], end: float) -> Availability:
    return availability(spans, all_hours(START, at(end)))


def spans_in_seconds() -> st.SearchStrategy[list[Span]]:
    """Spans that may overlap, be empty, and reach out of the window; no two begin together."""
    one = st.tuples(st.integers(-20, 80), st.integers(0, 40), st.sampled_from(Status))
    many = st.lists(one, max_size=8, unique_by=lambda numbers: numbers[0])
    return many.map(lambda found: [span(begin, begin + length, status) for begin, length, status in found])


def second_by_second(spans: list[Span], n: int) -> list[Status | None]:
    """The status in each of the first `n` seconds, looked up one by one."""
    ordered = sorted(spans, key=lambda one: one.start)
    return [next((one.status for one in ordered if one.start <= at(n) < one.end), None) for n in range(n)]


checks_in_seconds = st.lists(spans_in_seconds(), min_size=1, max_size=4).map(
    lambda some: {f"check {n}": [one._replace(check=f"check {n}") for one in spans] for n, spans in enumerate(some)}
)
windows_in_seconds = st.lists(st.tuples(st.integers(0, WINDOW), st.integers(0, 20)), max_size=4).map(
    lambda found: Window(joined(Stretch(at(begin), at(begin + length)) for begin, length in found))
)


def statuses(spans: dict[str, list[Span]]) -> list[list[Status | None]]:
    """What every check said in each of the seconds."""
    return [list(of_all) for of_all in zip(*(second_by_second(some, WINDOW) for some in spans.values()), strict=True)]


@given(spans_in_seconds())
def test_it_is_what_counting_every_second_gives(spans: list[Span]) -> None:
    counted = second_by_second(spans, WINDOW)
    up, down = counted.count(UP), counted.count(DOWN)
    assert over(spans, WINDOW) == seconds(up, down, WINDOW - up - down)


@given(spans_in_seconds(), windows_in_seconds)
def test_only_the_seconds_of_the_window_count(spans: list[Span], window: Window) -> None:
    said = second_by_second(spans, 90)
    counted = [said[n] for n in range(90) if any(one.starts <= at(n) < one.ends for one in window.stretches)]
    up, down = counted.count(UP), counted.count(DOWN)
    assert availability(spans, window) == seconds(up, down, len(counted) - up - down)


@given(spans_in_seconds(), st.lists(windows_in_seconds, max_size=3))
def test_several_windows_are_each_as_if_it_were_alone(spans: list[Span], windows: list[Window]) -> None:
    assert list(by_window(spans, windows)) == [availability(spans, window) for window in windows]


@given(checks_in_seconds)
def test_an_asset_is_at_every_second_what_its_worst_check_is(spans: dict[str, list[Span]]) -> None:
    expected = [DOWN if DOWN in said else UP if set(said) == {UP} else UNKNOWN for said in statuses(spans)]
    found = second_by_second(list(verdicts(spans)), WINDOW)
    assert [one or UNKNOWN for one in found] == expected


@given(checks_in_seconds)
def test_a_group_is_at_every_second_what_its_best_member_is(spans: dict[str, list[Span]]) -> None:
    expected = [UP if UP in said else DOWN if set(said) == {DOWN} else UNKNOWN for said in statuses(spans)]
    found = second_by_second(list(alternatives(spans)), WINDOW)
    assert [one or UNKNOWN for one in found] == expected


@given(checks_in_seconds)
def test_what_decides_is_said_by_the_check_that_decides(spans: dict[str, list[Span]]) -> None:
    for one in verdicts(spans):
        middle = one.start + (one.end - one.start) / 2
        assert any(said.status is one.status for said in spans[one.check] if said.start <= middle < said.end)


@given(checks_in_seconds)
def test_the_spans_of_an_asset_are_in_order_and_no_longer_than_needed(spans: dict[str, list[Span]]) -> None:
    found = verdicts(spans)
    assert all(one.start < one.end for one in found)
    for one, other in pairwise(found):
        assert one.end <= other.start
        assert one.end < other.start or one[3:] != other[3:] or one.check != other.check


@given(st.lists(st.tuples(st.tuples(*[st.integers(0, 10**12)] * 3), st.integers(0, 500)), max_size=9))
def test_a_site_is_its_assets_each_as_often_as_it_serves_people(parts: list[tuple[tuple[int, int, int], int]]) -> None:
    found = weighted((Availability(*(timedelta(microseconds=n) for n in times)), people) for times, people in parts)
    up, down, unknown = (sum(times[n] * (people or 1) for times, people in parts) for n in range(3))
    assert [each // timedelta(microseconds=1) for each in found] == [up, down, unknown]
    assert found.ratio == (float(Fraction(up, up + down)) if up + down else None)


@given(spans_in_seconds())
def test_clipped_spans_are_in_order_within_the_window_and_do_not_overlap(spans: list[Span]) -> None:
    edges = [edge for one in clip(spans, START, at(WINDOW)) for edge in (one.start, one.end)]
    assert edges == sorted(edges)
    assert all(START <= edge <= at(WINDOW) for edge in edges)


def test_a_gap_is_unknown_and_counts_neither_for_nor_against() -> None:
    found = over([span(0, 30), span(45, 60, DOWN)], 100)
    assert found == seconds(up=30, down=15, unknown=55)
    assert found.ratio == pytest.approx(30 / 45)
    assert found.coverage == pytest.approx(0.45)


def test_time_that_we_could_not_tell_is_unknown() -> None:
    assert over([span(0, 60, UNKNOWN)], 60) == seconds(unknown=60)


def test_without_knowledge_there_is_no_ratio() -> None:
    assert over([], 60).ratio is None
    assert over([], 0) == Availability()
    assert over([], 0).coverage == 0


def test_a_year_of_microseconds_adds_up_exactly() -> None:
    edges = [START + timedelta(microseconds=333_333 * n) for n in range(10_001)]
    spans = [Span("c", begin, end, UP if n % 2 else DOWN, "") for n, (begin, end) in enumerate(pairwise(edges))]
    assert availability(spans, all_hours(START, edges[-1])) == seconds(1666.665, 1666.665)


def test_the_outage_of_an_asset_names_the_check_and_the_reason() -> None:
    ping = [span(0, 20, check="ping"), span(20, 40, DOWN, "ping", "timeout"), span(40, 60, check="ping")]
    dns = [span(0, 30, check="dns"), span(30, 50, DOWN, "dns", "refused"), span(50, 60, check="dns")]
    assert verdicts({"ping": ping, "dns": dns}) == (
        span(0, 20, check="ping"),
        span(20, 40, DOWN, "ping", "timeout"),
        span(40, 50, DOWN, "dns", "refused"),
        span(50, 60, check="ping"),
    )


def test_a_check_that_was_never_measured_leaves_an_asset_unknown_but_not_up() -> None:
    assert verdicts({"ping": [span(0, 20), span(20, 30, DOWN)], "dns": []}) == (span(20, 30, DOWN),)
    assert verdicts({}) == alternatives({}) == ()


def test_one_member_of_a_group_that_works_is_enough_though_nothing_is_known_of_the_other() -> None:
    found = alternatives({"fibre": [span(0, 20), span(20, 40, DOWN)], "lte": []})
    assert found == (span(0, 20),)


def test_the_error_budget_is_the_time_that_may_fail_less_the_time_that_did() -> None:
    found = budget(seconds(up=897, down=3, unknown=100), 0.99)
    assert found == Budget(timedelta(seconds=10), timedelta(seconds=3), timedelta(seconds=100), pytest.approx(1 / 3))
    assert found.left == timedelta(seconds=7)


def test_a_budget_that_is_used_up_is_less_than_nothing() -> None:
    assert budget(seconds(up=90, down=10), 0.95).left == timedelta(seconds=-5)
    assert budget(seconds(up=90, down=10), 0.95).burn == pytest.approx(2)


def test_where_nothing_is_known_or_allowed_there_is_no_burn_rate() -> None:
    assert budget(seconds(unknown=60), 0.995).burn is None
    assert budget(seconds(up=60), 1.0).burn is None


def test_the_budget_of_a_month_is_exact() -> None:
    month = Availability(timedelta(days=30))
    assert budget(month, 0.995).allowed == timedelta(hours=3, minutes=36)


def test_time_that_runs_backwards_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot end"):
        over([], -1)
