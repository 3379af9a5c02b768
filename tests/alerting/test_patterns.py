"""Patterns: held against a whole text, in bounded time and memory."""

import re

import pytest

from alerting.patterns import LONGEST_PATTERN, compiled, fits


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("", "", True),
        ("", "a", False),
        ("room-.*", "room-elbe", True),
        ("room-.*", "old-room-elbe", False),
        ("room", "room-elbe", False),
        ("(room|hall)-[0-9]{1,2}", "hall-12", True),
        ("room|hall", "hall", True),
        (r"internet\.\w+", "internet.ping", True),
        (r"internet\.\w+", "internet-ping", False),
        ("caf.", "café", True),
    ],
)
def test_a_pattern_fits_a_whole_text(pattern: str, text: str, expected: bool) -> None:
    assert fits(pattern, text) is expected


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("*a", "the pattern '*a' cannot be used (no argument for repetition operator: *)"),
        ("(a", "the pattern '(a' cannot be used (missing ): (a)"),
        ("(?=a)b", "cannot be used"),
        ("((((a{100}){100}){100}){10})", "cannot be used"),
        ("a" * (LONGEST_PATTERN + 1), "200 are the most"),
    ],
)
def test_what_is_no_pattern_is_said_with_the_remedy(pattern: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        compiled(pattern)


@pytest.mark.parametrize("pattern", ["((a*)*)*b", "(a|a)" * 39 + "b", "(.*)+(.*)+(.*)+(.*)+x", ".*" * 99 + "x"])
def test_no_pattern_runs_away(pattern: str) -> None:
    assert not fits(pattern, "a" * 127)
