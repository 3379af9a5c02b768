"""What people write for durations, hours, addresses and names."""

from datetime import UTC, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.hours import ALWAYS
from monitor.config.values import (
    format_duration,
    is_web_address,
    parse_clock,
    parse_date,
    parse_day,
    parse_day_range,
    parse_days,
    parse_duration,
    parse_id,
    parse_listen,
    parse_moment,
    parse_nights,
    parse_nth,
    parse_stretches,
    parse_weekdays,
    parse_zone,
    week_of,
    week_of_nights,
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


def test_quiet_hours_may_end_on_the_next_day_also_on_a_sunday() -> None:
    week = week_of_nights({"sun": parse_nights("22:00-07:30")})
    assert week == (((time(0), time(7, 30)),), (), (), (), (), (), ((time(22), time.max),))


@pytest.mark.parametrize(
    ("hours", "monday"),
    [
        ({"mon": "12:00-13:00"}, ((time(12), time(13)),)),
        ({"mon": "22:00-00:00"}, ((time(22), time.max),)),
        ({"mon": "22:00-24:00"}, ((time(22), time.max),)),
        ({"mon": "24h", "sun": "20:00-06:00"}, ALWAYS),
        ({"mon": ["05:00-08:00", "08:00-09:00"], "sun": "20:00-06:00"}, ((time(0), time(9)),)),
        ({"mon": ["13:00-14:00", "12:00-12:30"]}, ((time(12), time(12, 30)), (time(13), time(14)))),
        ({"mon": "closed"}, ()),
    ],
)
def test_nights_and_days_that_overlap_are_joined(
    hours: dict[str, object], monday: tuple[tuple[time, time], ...]
) -> None:
    assert week_of_nights({day: parse_nights(said) for day, said in hours.items()})[0] == monday


@pytest.mark.parametrize("value", ["22", "22:00-22:00", ["22:00-07:00", 5], 22, None, "25:00-07:00"])
def test_other_quiet_hours_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"must be hours like|begins when it ends"):
        parse_nights(value)


def test_a_moment_is_on_the_clocks_of_the_site_unless_it_says_its_offset() -> None:
    assert parse_moment("2026-12-01 06:00") == datetime(2026, 12, 1, 6)  # noqa: DTZ001 - no zone is said
    assert parse_moment("2026-12-01T06:00:30") == datetime(2026, 12, 1, 6, 0, 30)  # noqa: DTZ001
    assert parse_moment("2026-12-01 06:00+01:00") == datetime(2026, 12, 1, 5, tzinfo=UTC)
    assert parse_moment("2026-12-01 06:00Z") == datetime(2026, 12, 1, 6, tzinfo=UTC)


@pytest.mark.parametrize("value", ["2026-12-01", "2026-13-01 06:00", "9999-12-31 23:59", "06:00", 20261201, None])
def test_other_moments_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match="must be a time like"):
        parse_moment(value)


@pytest.mark.parametrize("value", ["24:00", "7", "7:5", 7, None, "noon"])
def test_a_time_of_day_has_hours_and_minutes(value: object) -> None:
    assert parse_clock("07:30") == time(7, 30)
    with pytest.raises(ValueError, match="must be a time of day"):
        parse_clock(value)


@pytest.mark.parametrize(("value", "days"), [("tue", {1}), ("sat-mon", {5, 6, 0}), (["mon", "wed-thu"], {0, 2, 3})])
def test_weekdays_are_one_a_range_or_a_list(value: object, days: set[int]) -> None:
    assert parse_weekdays(value) == days


@pytest.mark.parametrize("value", [[], 1, [1], None, "monday", "mon,tue"])
def test_other_weekdays_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match="must be a day like"):
        parse_weekdays(value)
    with pytest.raises(ValueError, match="must be a day like"):
        parse_day(value)


@pytest.mark.parametrize(("value", "nth"), [(2, {2}), ("last", {-1}), ([1, 3, "last"], {1, 3, -1})])
def test_which_weekday_of_a_month_is_a_number_or_the_last(value: object, nth: set[int]) -> None:
    assert parse_nth(value) == nth


@pytest.mark.parametrize("value", [0, 6, -1, "2", True, [], None, [1, [2]]])
def test_no_other_weekday_of_a_month_exists(value: object) -> None:
    with pytest.raises(ValueError, match="must be a number from 1 to 5"):
        parse_nth(value)


def test_a_web_address_has_no_credentials_and_no_query() -> None:
    assert is_web_address("http://127.0.0.1:9093/am")
    assert not any(
        is_web_address(url) for url in ("ftp://a", "https://me:pw@a", "https://a?key=1", "a.example.org", "")
    )
