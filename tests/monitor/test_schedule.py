"""The schedule: even, jittered within its bounds, free of drift and the same after every restart."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.schedule import due, next_due, phase

IDS = st.text(min_size=1, max_size=60)
INTERVALS = st.floats(min_value=1, max_value=86_400)
TIMES = st.floats(min_value=0, max_value=4e9)
CYCLES = st.integers(min_value=0, max_value=10**9)
GRAIN = 1e-5
"""What rounding of epoch seconds may add to a difference of two of them, in seconds."""


@given(IDS, INTERVALS)
def test_a_phase_lies_within_the_cycle(check: str, interval: float) -> None:
    assert 0 <= phase(check, interval) < interval


@given(IDS, INTERVALS, CYCLES)
def test_a_run_is_late_in_its_slot_by_less_than_a_twentieth_of_the_interval(
    check: str, interval: float, cycle: int
) -> None:
    slot = cycle * interval + phase(check, interval)
    grain = max(GRAIN, slot * 1e-15)
    assert -grain <= due(check, interval, cycle) - slot <= 0.05 * interval + grain


@given(IDS, INTERVALS, TIMES)
def test_successive_runs_are_within_a_twentieth_of_an_interval_apart(check: str, interval: float, after: float) -> None:
    first = next_due(check, interval, after)
    second = next_due(check, interval, first)
    assert 0.95 * interval - GRAIN <= second - first <= 1.05 * interval + GRAIN


@given(IDS, INTERVALS, TIMES)
def test_the_next_run_is_strictly_later_and_the_first_of_its_kind(check: str, interval: float, after: float) -> None:
    at = next_due(check, interval, after)
    cycle = round((at - phase(check, interval)) / interval - 0.025)
    assert after < at <= after + 1.05 * interval + GRAIN
    assert at == due(check, interval, cycle)
    assert due(check, interval, cycle - 1) <= after


def test_a_thousand_runs_later_no_error_has_added_up() -> None:
    at = first = next_due("doors/panel", 0.7, 1.75e9)
    for _ in range(1000):
        at = next_due("doors/panel", 0.7, at)
    assert at - first == pytest.approx(700, abs=0.05 * 0.7 + GRAIN)


@pytest.mark.parametrize("name", ["room-{}/ping", "ap{:04d}/echo", "{}"])
def test_a_thousand_checks_of_one_interval_spread_evenly(name: str) -> None:
    buckets = [0] * 20
    for number in range(1000):
        buckets[int(phase(name.format(number), 60) // 3)] += 1
    chi_square = sum((count - 50) ** 2 / 50 for count in buckets)
    assert chi_square < 43.8, "0.1 % of truly even spreads are worse (19 degrees of freedom)"
    assert max(buckets) <= 80


def test_the_jitter_of_one_check_differs_from_cycle_to_cycle_and_is_evenly_spread() -> None:
    interval, check = 60.0, "booking/login page"
    late = [due(check, interval, cycle) - cycle * interval - phase(check, interval) for cycle in range(1000)]
    assert sum(late) / len(late) == pytest.approx(0.025 * interval, rel=0.1)
    assert len({round(one, 6) for one in late}) > 990


def test_another_process_computes_the_same_times() -> None:
    code = "from monitor.schedule import next_due; print(repr(next_due('wifi/members', 30.0, 1.75e9)))"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert float(printed) == next_due("wifi/members", 30.0, 1.75e9)
