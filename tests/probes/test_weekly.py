"""Hours of the week as people write them in a setting of a check."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes._engines.weekly import holds, parse, since

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = datetime(2026, 11, 16, tzinfo=BERLIN)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """A time of the week that begins on Monday, 16 November 2026, in Berlin."""
    return MONDAY + timedelta(days=day, hours=hour, minutes=minute)


@pytest.mark.parametrize(
    ("text", "when", "inside"),
    [
        ("mon-fri 08:00-20:00", at(0, 8), True),
        ("mon-fri 08:00-20:00", at(0, 7, 59), False),
        ("mon-fri 08:00-20:00", at(4, 20), False),
        ("mon-fri 08:00-20:00, sat 10:00-14:00", at(5, 13, 59), True),
        ("sat-mon 9:00-10:00", at(6, 9, 30), True),
        ("sat-mon 9:00-10:00", at(0, 9, 30), True),
        ("sat-mon 9:00-10:00", at(1, 9, 30), False),
        ("08:00-20:00", at(6, 12), True),
        ("fri 22:00-06:00", at(5, 5), True),
        ("fri 22:00-06:00", at(4, 5), False),
        ("sun 22:00-06:00", at(0, 5), True),
        ("00:00-24:00", at(3, 23, 59), True),
        ("always", at(3, 3), True),
        ("never", at(3, 3), False),
    ],
)
def test_a_time_lies_within_what_is_written_or_not(text: str, when: datetime, inside: bool) -> None:
    assert holds(parse(text), BERLIN, when) is inside
    assert holds(parse(text), BERLIN, when.astimezone(UTC)) is inside


def test_it_is_known_since_when_a_stretch_lasts() -> None:
    assert since(parse("mon 08:00-12:00, mon 12:00-20:00"), BERLIN, at(0, 13)) == 5 * 3600
    assert since(parse("sun 22:00-06:00"), BERLIN, at(0, 1)) == 3 * 3600
    assert since(parse("mon 08:00-12:00"), BERLIN, at(1, 9)) is None


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "write them like"),
        ("mon-fri", "write them like"),
        ("mo-fr 08:00-20:00", "write them like"),
        ("mon-fry 08:00-20:00", "names no days"),
        ("08:00-08:00", "begins when it ends"),
        ("24:00-08:00", "begins when it ends"),
        ("08:00-25:00", "no time of day"),
        ("08:60-09:00", "no time of day"),
        ("mon 08:00-09:00,", "write them like"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_remedy(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse(text)


@given(st.text(alphabet="montuefrisa-:, 0123456789", max_size=30))
def test_any_text_is_understood_or_refused(text: str) -> None:
    try:
        stretches = parse(text)
    except ValueError:
        return
    assert all(0 <= begin < end <= 8 * 24 * 60 for begin, end in stretches)
