"""Retries: when a message is tried again."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.channels import Outcome
from alerting.retry import next_attempt

NOW = datetime(2026, 8, 3, 8, 0, tzinfo=UTC)
MIDDLE = 0.5


@pytest.mark.parametrize(
    ("attempts", "seconds"),
    [(0, 5), (1, 5), (2, 10), (3, 20), (4, 40), (7, 320), (8, 600), (9, 600), (10_000, 600)],
)
def test_the_delay_doubles_from_five_seconds_to_ten_minutes(attempts: int, seconds: float) -> None:
    assert next_attempt(attempts, NOW, NOW, MIDDLE, Outcome.RETRY) == NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize(("jitter", "seconds"), [(0.0, 8.0), (0.25, 9.0), (0.5, 10.0)])
def test_jitter_moves_the_attempt_by_a_fifth_at_most(jitter: float, seconds: float) -> None:
    assert next_attempt(2, NOW, NOW, jitter, Outcome.AMBIGUOUS) == NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize("outcome", [Outcome.ACCEPTED, Outcome.DEAD])
def test_a_final_outcome_is_not_tried_again(outcome: Outcome) -> None:
    assert next_attempt(1, NOW, NOW, MIDDLE, outcome) is None


def test_a_message_is_given_up_a_day_after_it_was_created() -> None:
    day = timedelta(hours=24)
    assert next_attempt(150, NOW - day + timedelta(seconds=1), NOW, MIDDLE, Outcome.RETRY) is not None
    assert next_attempt(150, NOW - day, NOW, MIDDLE, Outcome.RETRY) is None


@given(st.integers(0, 10**6), st.floats(0, 1, exclude_max=True), st.timedeltas(timedelta(0), timedelta(hours=23)))
def test_the_next_attempt_is_between_four_seconds_and_twelve_minutes_away(
    attempts: int, jitter: float, age: timedelta
) -> None:
    due = next_attempt(attempts, NOW - age, NOW, jitter, Outcome.RETRY)
    assert due is not None
    assert timedelta(seconds=4) <= due - NOW <= timedelta(minutes=12)
