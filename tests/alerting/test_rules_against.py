"""What is held against a limit: how unusual a value is, and how fast it changes."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import accumulate, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerting.against import Against, Usual
from alerting.rules import Lack, NoData, Rule, Severity, State, Step, step
from probes import Reading, Sample, Status

START = datetime(2026, 8, 3, 8, 0, tzinfo=UTC)
SLOW = Rule("wifi/ap", "slow", "is slow", Severity.WARNING, metric="wait_seconds", against=Against.USUAL, above=3)
FILLING = Rule(
    "nas/disk", "filling", "fills up", Severity.WARNING, metric="used_ratio", against=Against.RATE, above=0.1
)
ERRORS = replace(FILLING, metric="errors_total", above=60)


def reading(minute: float, *samples: Sample, status: Status = Status.UP) -> Reading:
    return Reading("c", START + timedelta(minutes=minute), 0.1, status, "ok", "", samples)


def walk(rule: Rule, readings: Sequence[Reading], usual: Usual | None = None) -> list[Step]:
    state, steps = State(), []
    for one in readings:
        steps.append(step(rule, state, one, one.at, lambda: "episode", usual))
        state = steps[-1].state
    return steps


def fires(rule: Rule, readings: Sequence[Reading], usual: Usual | None = None) -> list[bool]:
    """Whether an episode is open after each reading."""
    return [one.state.episode is not None for one in walk(rule, readings, usual)]


def waits(*values: float) -> list[Reading]:
    return [reading(at, Sample("wait_seconds", value)) for at, value in enumerate(values)]


def used(*values: float, metric: str = "used_ratio") -> list[Reading]:
    """A reading every ten minutes."""
    return [reading(10 * at, Sample(metric, value)) for at, value in enumerate(values)]


def test_a_value_is_held_against_how_many_times_the_usual_it_is() -> None:
    assert fires(SLOW, waits(0.2, 0.6, 0.61), lambda metric, part: 0.2) == [False, False, True]


def test_a_lower_limit_is_a_part_of_the_usual() -> None:
    rule = replace(SLOW, above=None, below=0.5)
    assert fires(rule, waits(1.0, 0.5, 0.4), lambda metric, part: 1.0) == [False, False, True]


def test_where_less_is_usual_than_the_rule_wants_it_says_nothing() -> None:
    rule = replace(SLOW, above=None, below=0.5, least_usual=5)
    assert fires(rule, waits(0), lambda metric, part: 4.9) == [False]
    assert fires(rule, waits(0), lambda metric, part: 5) == [True]


def test_once_it_fires_a_multiple_is_held_against_clear() -> None:
    rule = replace(SLOW, clear=1.5)
    assert fires(rule, waits(0.8, 0.4, 0.3), lambda metric, part: 0.2) == [True, True, False]


def test_each_part_has_its_own_usual_value_and_the_most_unusual_one_counts() -> None:
    asked = []

    def usual(metric: str, part: str) -> float | None:
        asked.append((metric, part))
        return {"far": 1.0, "near": 0.01}.get(part)

    one = reading(0, *(Sample("wait_seconds", value, part) for part, value in [("far", 2), ("near", 0.05), ("new", 9)]))
    episode = walk(SLOW, [one], usual)[0].state.episode
    assert episode is not None
    assert episode.value == 0.05  # as measured, five times the usual
    assert asked == [("wait_seconds", "far"), ("wait_seconds", "near"), ("wait_seconds", "new")]


@pytest.mark.parametrize("known", [None, 0.0, -1.0, float("nan")])
@pytest.mark.parametrize("no_data", NoData)
def test_without_a_usual_value_the_rule_says_nothing(known: float | None, no_data: NoData) -> None:
    rule = replace(SLOW, no_data=no_data)
    assert fires(rule, waits(9), lambda metric, part: known) == [False]
    assert fires(rule, waits(9)) == [False]


def test_an_open_episode_waits_until_the_usual_value_is_known_again() -> None:
    usual = iter([0.1, None, 0.1])
    episodes = [one.state.episode for one in walk(SLOW, waits(1, 0, 1), lambda metric, part: next(usual))]
    assert [one and one.lack for one in episodes] == [Lack.NOTHING, Lack.NO_DATA, Lack.NOTHING]


def test_a_rate_is_the_change_per_hour_since_the_previous_reading() -> None:
    assert fires(FILLING, used(0.5, 0.516, 0.533, 0.54)) == [False, False, True, False]


def test_the_first_reading_has_no_rate() -> None:
    assert fires(FILLING, used(99)) == [False]


def test_what_falls_has_a_negative_rate() -> None:
    assert fires(replace(FILLING, above=None, below=-0.6), used(0.9, 0.81, 0.7)) == [False, False, True]


def test_a_counter_that_goes_backwards_says_nothing_and_goes_on_from_there() -> None:
    assert fires(ERRORS, used(1000, 0, 11, metric="errors_total")) == [False, False, True]
    falling = replace(ERRORS, above=None, below=-1)
    assert fires(falling, used(1000, 0, metric="errors_total")) == [False, False]


def test_readings_without_the_metric_are_passed_over() -> None:
    first, last = used(0.5, 0.53)
    between = [reading(3), reading(6, status=Status.UNKNOWN), reading(7, Sample("used_ratio", float("nan")))]
    assert fires(FILLING, [first, *between, last]) == [*[False] * 4, True]


def test_a_part_is_compared_with_itself_and_a_new_one_says_nothing() -> None:
    def both(minute: float, **parts: float) -> Reading:
        return reading(minute, *(Sample("used_ratio", value, part) for part, value in parts.items()))

    history = [both(0, a=0.1, b=0.9), both(10, a=0.1, b=0.9, c=0.99), both(20, a=0.2, b=0.9, c=0.99)]
    assert fires(FILLING, history) == [False, False, True]


def test_a_clock_that_was_set_back_costs_a_reading() -> None:
    later, earlier, after = reading(60, Sample("used_ratio", 0.9)), *used(0.5, 0.6)
    assert fires(FILLING, [later, earlier, earlier, after]) == [False, False, False, True]


@given(
    st.lists(st.tuples(st.integers(1, 600), st.integers(-1000, 1000)), max_size=20),
    st.integers(-1000, 1000).map(lambda whole: whole + 0.1234567),  # which no rate of whole numbers hits
)
@settings(max_examples=50)
def test_rates_agree_with_a_difference_by_hand(history: list[tuple[int, int]], limit: float) -> None:
    minutes = list(accumulate(gap for gap, _ in history))
    found = [(minute, value) for minute, (_, value) in zip(minutes, history, strict=True)]
    readings = [reading(minute, Sample("used_ratio", value)) for minute, value in found]
    by_hand = [60 * (value - before) / (minute - then) > limit for (then, before), (minute, value) in pairwise(found)]
    assert fires(replace(FILLING, above=limit, flaps=0), readings) == [False] * bool(found) + by_hand
