"""What people write for durations, hours, addresses and names."""

from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.hours import ALWAYS
from monitor.config.values import (
    format_duration,
    parse_date,
    parse_day_range,
    parse_days,
    parse_duration,
    parse_id,
    parse_listen,
    parse_stretches,
    parse_zone,
    week_of,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("500ms", 0.5), ("30s", 30), ("5m", 300), ("1h", 3600), ("2d", 172_800), ("1h30m", 5400), ("0.5s", 0.5), (90, 90)],
)
def test_a_duration_is_a_number_with_a_unit_or_seconds(text: object, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "5", "5 m", "-1s", "5min", True, None, [], -1, "400d", 10**12, float("nan")])
def test_anything_else_is_no_duration(text: object) -> None:
    with pytest.raises(ValueError, match="must be a duration"):
        parse_duration(text)


def test_a_duration_outside_its_bounds_names_them() -> None:
    with pytest.raises(ValueError, match="from `1s` to `1h30m`"):
        parse_duration("2h", least=1, most=5400)


@given(st.integers(min_value=0, max_value=366 * 86_400_000))
def test_every_duration_survives_being_written_and_read(milliseconds: int) -> None:
    assert parse_duration(format_duration(milliseconds / 1000)) == milliseconds / 1000


@given(st.text())
def test_any_text_is_a_duration_or_a_value_error(text: str) -> None:
    try:
        assert parse_duration(text) >= 0
    except ValueError as error:
        assert "must be a duration" in str(error)


@pytest.mark.parametrize(
    ("key", "days"),
    [("mon", (0,)), ("mon-fri", (0, 1, 2, 3, 4)), ("sat-mon", (5, 6, 0)), ("sun-sun", (6,))],
)
def test_days_are_named_or_given_as_a_range(key: str, days: tuple[int, ...]) -> None:
    assert parse_day_range(key) == days


@pytest.mark.parametrize("key", ["", "monday", "mon-", "-fri", "mon-fri-sat", "Mon"])
def test_other_words_are_no_days(key: str) -> None:
    with pytest.raises(ValueError, match="must be a day like `mon`"):
        parse_day_range(key)


def test_hours_are_ordered_and_may_end_at_midnight() -> None:
    assert parse_stretches(["18:00-24:00", "8:00 - 12:30"]) == (
        (time(8), time(12, 30)),
        (time(18), time.max),
    )


def test_a_day_is_closed_or_open_around_the_clock() -> None:
    assert parse_stretches("closed") == ()
    assert parse_stretches("24h") == ALWAYS


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("8-20", "must be hours like"),
        ("25:00-26:00", "must be hours like"),
        (8, "must be hours like"),
        (["08:00-12:00", None], "must be hours like"),
        ("18:00-02:00", "ends before it begins"),
        ("08:00-08:00", "ends before it begins"),
        (["08:00-12:00", "11:59-14:00"], "overlap at 11:59"),
    ],
)
def test_impossible_hours_are_refused(value: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_stretches(value)


def test_a_day_that_is_not_named_is_closed() -> None:
    week = week_of({"mon-tue": ALWAYS, "sun": ()})
    assert week == (ALWAYS, ALWAYS, (), (), (), (), ())


@pytest.mark.parametrize(
    ("text", "address"),
    [("127.0.0.1:8470", ("127.0.0.1", 8470)), ("[::1]:80", ("::1", 80)), ("localhost:1", ("localhost", 1))],
)
def test_an_address_has_a_host_and_a_port(text: str, address: tuple[str, int]) -> None:
    assert parse_listen(text) == address


@pytest.mark.parametrize("text", ["", "8470", ":8470", "::1:80", "a:0", "a:65536", "a:b", "[a]:80", "[::1]"])
def test_an_address_without_either_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be an address and a port"):
        parse_listen(text)


@pytest.mark.parametrize(("text", "hint"), [("The Hub!", "like `the-hub`"), ("a_b", "like `a-b`"), ("ä", "63$")])
def test_a_bad_id_is_answered_with_a_good_one(text: str, hint: str) -> None:
    with pytest.raises(ValueError, match=hint):
        parse_id(text)


@pytest.mark.parametrize("zone", ["", "Europe/Berln", "../etc/passwd", "/etc/localtime", "a\0b", "x" * 5000])
def test_a_zone_that_does_not_exist_is_refused(zone: str) -> None:
    with pytest.raises(ValueError, match="must be a time zone"):
        parse_zone(zone)


@pytest.mark.parametrize("value", [400, "400", "0d", "1h", "", None, "-1d"])
def test_retention_is_said_in_days(value: object) -> None:
    assert parse_days("400d") == 400
    with pytest.raises(ValueError, match="like `400d`"):
        parse_days(value)


@pytest.mark.parametrize("value", [5, "25.12.2026", "2026-02-30", None])
def test_a_holiday_is_a_date(value: object) -> None:
    with pytest.raises(ValueError, match="must be a date"):
        parse_date(value)
