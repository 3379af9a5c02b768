"""Rates from two readings of a counter: right where they can be told, unknown everywhere else."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes._engines.snmp.counters import Counter, rate, restarted, uptime_seconds

HOUR = 3600 * 100  # hundredths of a second
WRAP = 2**32


def counter(value: int, at: float, **more: Any) -> Counter:
    """A 32-bit counter of a device that was switched on an hour before our clock's 0, unless told otherwise."""
    return Counter(**{"bits": 32, "uptime": HOUR + int(at * 100), **more, "value": value, "at": at})


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param(counter(100, 0), counter(700, 60), 10.0, id="grew"),
        pytest.param(counter(100, 0), counter(100, 60), 0.0, id="stood still"),
        pytest.param(counter(WRAP - 100, 0), counter(500, 60), 10.0, id="32 bits wrapped"),
        pytest.param(counter(2**64 - 100, 0, bits=64), counter(500, 60, bits=64), 10.0, id="64 bits wrapped"),
        pytest.param(counter(10**12, 0, bits=64), counter(500, 60, bits=64), None, id="64 bits were cleared"),
        pytest.param(counter(100, 0), counter(700, 0), None, id="no time passed"),
        pytest.param(counter(100, 60), counter(700, 0), None, id="in the wrong order"),
        pytest.param(counter(100, 0), counter(700, 60, bits=64), None, id="another width"),
        pytest.param(counter(100, 0), counter(WRAP, 60), None, id="more than fits"),
        pytest.param(counter(-1, 0), counter(700, 60), None, id="negative"),
        pytest.param(counter(100, 0), counter(700, 60, uptime=2000), None, id="the device restarted"),
        pytest.param(counter(100, 0, uptime=100), counter(700, 3600, uptime=200), None, id="restarted when young"),
        pytest.param(counter(100, 0, uptime=WRAP - 3000), counter(700, 60, uptime=3000), 10.0, id="sysUpTime wrapped"),
        pytest.param(
            counter(700, 0, uptime=WRAP - 3000), counter(50, 60, uptime=500), (WRAP - 650) / 60, id="both wrapped"
        ),
        pytest.param(counter(100, 0, boots=3), counter(700, 60, boots=4), None, id="the SNMP engine restarted"),
        pytest.param(counter(100, 0, boots=3), counter(700, 60, boots=3), 10.0, id="the SNMP engine ran on"),
        pytest.param(counter(100, 0, boots=3), counter(700, 60), 10.0, id="the device stopped to tell its boots"),
        pytest.param(
            counter(100, 0, discontinuity=0), counter(700, 60, discontinuity=HOUR), None, id="this counter restarted"
        ),
        pytest.param(counter(100, 0, uptime=None), counter(700, 60, uptime=None), 10.0, id="no sysUpTime, grew"),
        pytest.param(counter(700, 0, uptime=None), counter(100, 60, uptime=None), None, id="no sysUpTime, went back"),
        pytest.param(counter(100, 0, uptime=HOUR), counter(700, 60, uptime=HOUR + 4500), 10.0, id="a cached sysUpTime"),
    ],
)
def test_a_rate_is_told_or_unknown(before: Counter, after: Counter, expected: float | None) -> None:
    assert rate(before, after) == expected


def test_a_cleared_counter_is_told_from_a_wrap_by_what_the_link_can_carry() -> None:
    cleared = counter(10**6, 0), counter(100, 60)
    assert rate(*cleared) == pytest.approx((WRAP - 10**6 + 100) / 60)
    assert rate(*cleared, fastest=12_500_000) is None


def test_32_bits_that_may_have_wrapped_twice_are_unknown() -> None:
    readings = counter(100, 0), counter(700, 60)
    assert rate(*readings, fastest=125_000_000) is None
    assert rate(*readings, fastest=12_500_000) == 10
    wide = counter(100, 0, bits=64), counter(700, 60, bits=64)
    assert rate(*wide, fastest=125_000_000) == 10


@given(
    start=st.integers(0, 2**64 - 1),
    growth=st.integers(0, 2**32 - 1),
    bits=st.sampled_from([32, 64]),
    elapsed=st.floats(1, 86_400),
    uptime=st.integers(0, WRAP - 1),
)
def test_growth_comes_back_whatever_wraps(start: int, growth: int, bits: Any, elapsed: float, uptime: int) -> None:
    width = 2**bits
    before = Counter(start % width, bits, 0.0, uptime)
    after = Counter((start + growth) % width, bits, elapsed, (uptime + round(elapsed * 100)) % WRAP)
    assert rate(before, after) == pytest.approx(growth / elapsed)


@given(
    values=st.tuples(*[st.integers(-(2**65), 2**65)] * 2),
    at=st.tuples(*[st.floats(-1e9, 1e9)] * 2),
    uptimes=st.tuples(*[st.none() | st.integers(-(2**33), 2**33)] * 2),
    fastest=st.none() | st.floats(0, 1e12),
)
def test_a_rate_is_never_negative_nor_faster_than_what_is_real(
    values: tuple[int, int], at: tuple[float, float], uptimes: tuple[int | None, int | None], fastest: float | None
) -> None:
    before, after = (Counter(value, 64, when, up) for value, when, up in zip(values, at, uptimes, strict=True))
    found = rate(before, after, fastest)
    assert found is None or (found >= 0 and (fastest is None or found <= fastest * 1.000001))


@given(up=st.integers(400 * 100, WRAP // 2), elapsed=st.floats(1, 3600), since=st.floats(0, 1))
def test_a_device_that_started_anew_in_between_is_noticed(up: int, elapsed: float, since: float) -> None:
    assert restarted(Counter(5, 32, 0.0, up), Counter(9, 32, elapsed, int(since * elapsed * 100)))


@pytest.mark.parametrize(
    ("ticks", "engine_time", "seconds"),
    [
        (8_640_000, None, 86_400.0),
        (8_640_000, 86_400, 86_400.0),
        (8_640_000, 86_400 + 42_949_673, 43_036_072.96),
        (8_640_000, 86_400 + 3 * 42_949_673, 128_935_418.88),
        (8_640_000, 100, 86_400.0),
        (8_640_000, 86_400 + 21_474_836, 86_400.0),
    ],
)
def test_the_time_that_a_device_is_up_goes_on_after_497_days(
    ticks: int, engine_time: int | None, seconds: float
) -> None:
    assert uptime_seconds(ticks, engine_time) == pytest.approx(seconds)
