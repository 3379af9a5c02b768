"""Readings become contiguous spans with honest gaps, and latencies that add up."""

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.availability import Span
from monitor import history
from monitor.history import Batch, History, Rollup
from probes import Reading, Sample, Status

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
UP, DOWN, UNKNOWN = Status.UP, Status.DOWN, Status.UNKNOWN
INTERVAL, TIMEOUT = 10.0, 2.0
TOOK = ("", "")


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def add(
    to: History,
    seconds: float,
    status: Status = UP,
    reason: str = "ok",
    *,
    since: float | None = None,
    took: float = 0.1,
    check: str = "c",
) -> None:
    reading = Reading(check, at(seconds), took, status, reason, "")
    to.add(reading, at(seconds if since is None else since), INTERVAL, TIMEOUT, TOOK)


def span(start: float, end: float, status: Status = UP, reason: str = "ok") -> Span:
    return Span("c", at(start), at(end), status, reason)


def rollups(batch: Batch, step: int) -> list[Rollup]:
    return [rollup for rollup in batch.rollups if rollup.step == step]


def of(*latencies: float) -> Rollup:
    """All latencies in one rollup."""
    book = History()
    for took in latencies:
        add(book, 0, took=took)
    return rollups(book.take(), 300)[0]


def test_readings_in_time_make_one_span_up_to_the_last_of_them() -> None:
    book = History()
    for seconds in (0, 10, 20, 30):
        add(book, seconds)
    assert book.take().spans == (span(0, 30),)


def test_a_span_grows_from_batch_to_batch_and_an_idle_check_is_in_none() -> None:
    book = History()
    add(book, 0)
    assert book.take().spans == (span(0, 0),)
    assert book.take() == Batch()
    add(book, 10)
    assert book.take().spans == (span(0, 10),)


def test_a_new_status_or_reason_begins_a_span_where_the_trouble_began() -> None:
    book = History()
    add(book, 0)
    add(book, 13, DOWN, "timeout", since=10)
    add(book, 20, DOWN, "refused")
    add(book, 30, UNKNOWN, "overloaded")
    assert book.take().spans == (
        span(0, 10),
        span(10, 20, DOWN, "timeout"),
        span(20, 30, DOWN, "refused"),
        span(30, 30, UNKNOWN, "overloaded"),
    )


@pytest.mark.parametrize(("seconds", "spans"), [(17, (span(0, 17),)), (17.1, (span(0, 10), span(17.1, 17.1)))])
def test_a_late_reading_leaves_a_gap_after_the_interval_that_the_last_one_vouched_for(
    seconds: float, spans: tuple[Span, ...]
) -> None:
    book = History()
    add(book, 0)
    add(book, seconds)
    assert book.take().spans == spans


def test_a_confirmed_failure_is_late_only_if_its_first_attempt_was() -> None:
    book = History()
    add(book, 0)
    add(book, 40, DOWN, "timeout", since=12)
    assert book.take().spans == (span(0, 12), span(12, 40, DOWN, "timeout"))


def test_a_failure_cannot_begin_before_the_last_good_reading() -> None:
    book = History()
    add(book, 0)
    add(book, 10)
    add(book, 11, DOWN, "timeout", since=4)
    assert book.take().spans == (span(0, 10), span(10, 11, DOWN, "timeout"))


def test_a_failure_that_began_long_ago_goes_on() -> None:
    book = History()
    for seconds in range(0, 100, 10):
        add(book, seconds, DOWN, "timeout", since=0)
    assert book.take().spans == (span(0, 90, DOWN, "timeout"),)


def test_a_clock_set_back_a_little_changes_nothing_and_far_back_begins_anew() -> None:
    book = History()
    add(book, 0)
    add(book, 10)
    add(book, 5)
    assert book.take().spans == (span(0, 10),)
    add(book, -3600)
    add(book, -3590)
    assert book.take().spans == (span(0, 10), span(-3600, -3590))


def test_a_quick_restart_goes_on_with_the_stored_span_and_a_slow_one_leaves_the_gap() -> None:
    quick, slow = History({"c": span(-60, 0)}), History({"c": span(-60, 0)})
    add(quick, 15)
    add(slow, 100)
    assert quick.take().spans == (span(-60, 15),)
    assert slow.take().spans == (span(-60, 0), span(100, 100))


def test_a_batch_that_could_not_be_stored_comes_again_with_what_is_new() -> None:
    book, calm = History(), History()
    for one in (book, calm):
        add(one, 0)
        add(one, 10, DOWN, "timeout")
    book.restore(book.take())
    for one in (book, calm):
        add(one, 20, DOWN, "timeout")
        add(one, 30)
    assert book.take() == calm.take()


@pytest.mark.parametrize("restored", [True, False])
def test_latencies_are_counted_once_whether_or_not_a_batch_came_back(restored: bool) -> None:
    book = History()
    add(book, 0, took=0.2)
    first = book.take()
    if restored:
        book.restore(first)
    add(book, 10, took=0.4)
    (found,) = rollups(book.take(), 300)
    assert found.count == (2 if restored else 1)
    assert found.total == pytest.approx(0.6 if restored else 0.4)


def test_what_waits_for_the_store_is_bounded_and_the_oldest_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "PENDING", 100)
    book = History()
    for n in range(500):
        add(book, n * 300)
    batch = book.take()
    assert len(batch.spans) <= 102
    assert len(rollups(batch, 300)) <= 101
    assert batch.spans[-1].start == at(499 * 300)


def test_a_running_service_takes_the_latencies_of_five_minutes_once_they_are_over() -> None:
    book = History()
    add(book, 0)
    add(book, 299)
    add(book, 301)
    assert rollups(book.take(at(299)), 300) == []
    (over,) = rollups(book.take(at(300)), 300)
    assert (over.start, over.count) == (at(0), 2)
    (rest,) = rollups(book.take(), 300)
    assert (rest.start, rest.count) == (at(300), 1)


def test_many_latencies_are_taken_in_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "PORTION", 2)
    book = History()
    for n in range(5):
        add(book, 0, check=str(n))
    assert [len(rollups(book.take(at(300)), 300)) for _ in range(4)] == [2, 2, 1, 0]


def test_latency_is_rolled_up_by_five_minutes_hours_and_days_of_utc() -> None:
    book = History()
    for seconds in (299, 301, 3599, 3601, 15 * 3600 + 1):
        add(book, seconds)
    batch = book.take()
    starts = {step: [(one.start, one.count) for one in rollups(batch, step)] for step in history.STEPS}
    assert starts == {
        300: [(at(0), 1), (at(300), 1), (at(3300), 1), (at(3600), 1), (at(15 * 3600), 1)],
        3600: [(at(0), 3), (at(3600), 1), (at(15 * 3600), 1)],
        86400: [(at(-9 * 3600), 4), (at(15 * 3600), 1)],
    }


def test_latency_is_the_named_metric_and_only_of_readings_that_are_up() -> None:
    book = History()
    samples = (Sample("rtt", 9.0, "worst"), Sample("rtt", 0.02, "mean"))
    for status, values in ((UP, samples), (DOWN, samples), (UNKNOWN, samples), (UP, ())):
        book.add(Reading("c", at(0), 5.0, status, "", "", values), at(0), INTERVAL, TIMEOUT, ("rtt", "mean"))
    (found,) = rollups(book.take(), 300)
    assert (found.count, found.total, found.least, found.most) == (1, 0.02, 0.02, 0.02)


@pytest.mark.parametrize("took", [math.nan, math.inf, -1.0])
def test_a_latency_that_cannot_be_is_left_out(took: float) -> None:
    book = History()
    add(book, 0, took=took)
    assert book.take().rollups == ()


@given(st.lists(st.floats(1e-6, 1e5), min_size=1, max_size=200), st.floats(0, 1))
def test_a_quantile_is_within_five_percent_of_the_exact_one(latencies: list[float], q: float) -> None:
    exact = sorted(latencies)[max(1, math.ceil(q * len(latencies))) - 1]
    assert of(*latencies).quantile(q) == pytest.approx(exact, rel=0.05 + 1e-9)


@given(st.lists(st.floats(0, 1e7), min_size=1), st.lists(st.floats(0, 1e7), min_size=1))
def test_the_sum_of_two_rollups_is_the_rollup_of_both(some: list[float], others: list[float]) -> None:
    joined, whole = of(*some).plus(of(*others)), of(*some, *others)
    assert joined._replace(total=0) == whole._replace(total=0)
    assert joined.total == pytest.approx(whole.total)


def test_no_latency_at_all_is_a_latency_of_zero() -> None:
    assert of(0.0).quantile(0.5) == 0
