"""What an answer means, and when to try again."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.remote_write.outcome import FIRST, LONGEST, PATIENCE, Answer, Failed, judged, pause, retry_after

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.mark.parametrize("status", [200, 202, 204])
def test_any_success_is_one(status: int) -> None:
    assert judged(status, {}, "", NOW) == Answer()


@pytest.mark.parametrize(("status", "failed"), [(500, Failed.SERVER), (503, Failed.SERVER), (429, Failed.THROTTLED)])
def test_a_receiver_in_trouble_is_tried_again_when_it_wants(status: int, failed: Failed) -> None:
    answer = judged(status, {"Retry-After": "7"}, "busy", NOW)
    assert answer == Answer(failed, words=f"it answered {status}: busy", wait=7)


@pytest.mark.parametrize("status", [400, 401, 404, 413, 302])
def test_what_was_refused_is_not_sent_again(status: int) -> None:
    answer = judged(status, {"Retry-After": "7"}, "no", NOW)
    assert (answer.refused, answer.failed) == (True, None)


def test_a_redirect_says_what_to_do() -> None:
    assert judged(308, {}, "", NOW).words == "it answered 308; write the address it leads to"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        ("Mon, 02 Mar 2026 09:00:30 GMT", 30),
        ("Mon, 02 Mar 2026 08:00:00 GMT", 0),
        ("99999999999999", PATIENCE),
        ("Mon, 02 Mar 2099 09:00:30 GMT", PATIENCE),
        ("", 0),
        ("soon", 0),
        ("-5", 0),
        ("1.5", 0),
        ("²", 0),
    ],
)
def test_how_long_to_wait_is_read_in_both_ways(header: str, seconds: float) -> None:
    assert retry_after(header, NOW) == seconds


@given(st.text())
def test_no_header_breaks_it(header: str) -> None:
    assert 0 <= retry_after(header, NOW) <= PATIENCE


@given(st.integers(1, 10_000), st.floats(0, PATIENCE), st.floats(0, 1, exclude_max=True))
def test_pauses_grow_to_a_bound_and_never_fall_short_of_what_was_asked(
    attempts: int, wait: float, jitter: float
) -> None:
    found = pause(attempts, wait, jitter)
    assert max(wait, FIRST / 2) <= found <= max(wait, LONGEST) + LONGEST / 2
    assert pause(attempts + 1, wait, jitter) >= found


def test_jitter_spreads_pauses_over_half_of_their_length() -> None:
    assert (pause(4, 0, 0), pause(4, 0, 0.5)) == (4, 6)
