"""Figures and times as people read them."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from alerting.hours import OpeningHours
from monitor.web import words

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
WEEKDAYS = OpeningHours(BERLIN, (((time(8), time(20)),),) * 5 + ((),) * 2, frozenset({date(2026, 3, 3)}))


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "less than a minute"),
        (59, "less than a minute"),
        (60, "1 min"),
        (3599, "59 min"),
        (3600, "1 h"),
        (11_100, "3 h 5 min"),
        (86_400, "1 day"),
        (190_000, "2 days 4 h"),
    ],
)
def test_a_stretch_of_time_is_said_roughly(seconds: float, said: str) -> None:
    assert words.length(timedelta(seconds=seconds)) == said


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (MONDAY - timedelta(minutes=5), "10:25"),
        (MONDAY - timedelta(days=1), "Sun 10:30"),
        (MONDAY - timedelta(days=9), "21 Feb 10:30"),
        (MONDAY - timedelta(days=90), "2 Dec 2025 10:30"),
    ],
)
def test_a_time_is_said_in_the_sites_zone_as_far_back_as_needed(at: datetime, said: str) -> None:
    assert words.clock(at, MONDAY, BERLIN) == said


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (0.0123, "seconds", "12.3 ms"),
        (0.00005, "seconds", "50 µs"),
        (90, "seconds", "1.5 min"),
        (2_592_000, "seconds", "30 days"),
        (0, "seconds", "0 s"),
        (0.995, "ratio", "99.5 %"),
        (1, "ratio", "100 %"),
        (93_400_000, "bits_per_second", "93.4 Mbit/s"),
        (1536, "bytes", "1.54 kB"),
        (42, "", "42"),
        (21.5, "celsius", "21.5 celsius"),
        (1_234_567, "", "1,234,567"),
        (float("nan"), "seconds", "not a number"),
    ],
)
def test_a_value_is_said_in_the_unit_that_suits_it(value: float, unit: str, said: str) -> None:
    assert words.amount(value, unit) == said


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (MONDAY, "Open until 20:00"),
        (MONDAY + timedelta(hours=12), "Closed, opens Wed 08:00"),
        (MONDAY - timedelta(hours=4), "Closed, opens 08:00"),
    ],
)
def test_opening_says_until_or_from_when(now: datetime, said: str) -> None:
    assert words.opening(WEEKDAYS, now) == said


def test_opening_knows_those_who_never_close_and_those_who_never_open() -> None:
    assert words.opening(OpeningHours(BERLIN), MONDAY) == "Always open"
    assert words.opening(OpeningHours(BERLIN, ((),) * 7), MONDAY) == "Closed all week"


@pytest.mark.parametrize("sign", ["\x00", "\x1b", "\x7f", "\x9b", "\u202e", "\u2066", "\u200f", "\ud800"])
def test_control_characters_and_direction_marks_become_visible(sign: str) -> None:
    assert words.plain(f"a{sign}b") == "a\N{REPLACEMENT CHARACTER}b"


def test_letters_of_any_script_stay() -> None:
    assert words.plain("Zoë, 会議室, غرفة\n👩‍💻 café") == "Zoë, 会議室, غرفة\n👩‍💻 café"
