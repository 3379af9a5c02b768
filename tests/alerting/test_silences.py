"""Silences as people write them: conditions, and which silences may not begin."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from alerting.gates import Matcher, Silence, Subject
from alerting.rules import Severity
from alerting.silences import objection, parse_matcher

NOW = datetime(2026, 7, 13, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SUBJECTS = tuple(
    Subject("harbour", section, asset, f"{asset}/ping", "internet.ping", rule, Severity.CRITICAL, tags)
    for section, asset, tags in (
        ("equipment", "printer", frozenset({"floor-2"})),
        ("uplinks", "fibre", frozenset[str]()),
    )
    for rule in ("down", "loss")
)


def silence(*conditions: str, **changes: object) -> Silence:
    matchers = tuple(parse_matcher(one) for one in conditions)
    return replace(Silence("S1", matchers, NOW, NOW + HOUR, "Ana", "new drum", NOW), **changes)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("asset=printer", Matcher("asset", "=", "printer")),
        (" asset = printer ", Matcher("asset", "=", "printer")),
        ('check=~"printer/.*"', Matcher("check", "=~", "printer/.*")),
        ("rule!=down", Matcher("rule", "!=", "down")),
        ("tag!~floor-.*", Matcher("tag", "!~", "floor-.*")),
        ("tag=", Matcher("tag", "=", "")),
        ("kind=a=b", Matcher("kind", "=", "a=b")),
    ],
)
def test_a_condition_is_a_label_an_operator_and_a_value(text: str, expected: Matcher) -> None:
    assert parse_matcher(text) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "'' is no condition; write a label"),
        ("printer", "'printer' is no condition"),
        ("asset>3", "is no condition"),
        ("assets=printer", "unknown label; did you mean `asset`?"),
        ("alertname=x", "unknown label; there are site, section, asset, check, kind, rule, severity, tag"),
        ("asset=~(", "the pattern '(' cannot be used"),
        ("asset=" + "x" * 201, "200 characters at most"),
        ("asset=a\x00b", "a value has only characters that can be seen"),
    ],
)
def test_what_is_no_condition_is_said_with_the_remedy(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        parse_matcher(text)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "conditions",
    [("asset=printer",), ("rule=loss",), ("section=~up.*", "rule!=down"), ("tag=floor-2",), ("asset=lamp",)],
)
def test_a_silence_that_names_something_may_begin(conditions: tuple[str, ...]) -> None:
    assert objection(silence(*conditions), SUBJECTS, NOW) == ""


@pytest.mark.parametrize(
    ("conditions", "said"),
    [
        ((), "no condition"),
        (("asset=~.*",), "names less than the whole site"),
        (("site=harbour",), "names less than the whole site"),
        (("site=harbour", "severity=critical"), "names less than the whole site"),
        (("asset!=door",), "names less than the whole site"),
        (("asset!~x.*", "rule!=noise"), "names less than the whole site"),
        (("asset=~.*", "asset!=fibre"), "names less than the whole site"),
        (("kind=~internet[.].*",), "names less than the whole site"),
        (tuple("asset=printer" for _ in range(11)), "10 are the most"),
    ],
)
def test_a_silence_over_everything_or_nearly_so_is_refused(conditions: tuple[str, ...], said: str) -> None:
    assert said in objection(silence(*conditions), SUBJECTS, NOW)


def test_where_nothing_is_watched_nothing_can_be_silenced() -> None:
    assert objection(silence("asset=printer"), (), NOW) != ""


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"ends": NOW}, "over before it begins"),
        ({"starts": NOW - HOUR}, "begins in the past"),
        ({"starts": NOW + 2 * HOUR}, "over before it begins"),
        ({"ends": NOW + timedelta(days=91)}, "within 90 days"),
        ({"author": " "}, "no author"),
        ({"comment": ""}, "no comment"),
        ({"comment": "x" * 301}, "300 characters are the most"),
        ({"author": "x" * 101}, "100 characters are the most"),
    ],
)
def test_a_silence_has_an_end_an_author_and_a_comment(changes: dict[str, object], said: str) -> None:
    assert said in objection(silence("asset=printer", **changes), SUBJECTS, NOW)


@pytest.mark.parametrize(
    ("lasts", "before"),
    [
        (timedelta(hours=24), None),
        (timedelta(hours=30), timedelta(hours=3)),
        (timedelta(days=5), timedelta(hours=12)),
        (timedelta(days=60), timedelta(days=1)),
    ],
)
def test_a_long_silence_reminds_before_it_ends(lasts: timedelta, before: timedelta | None) -> None:
    one = silence("asset=printer", ends=NOW + lasts)
    assert one.reminds == (None if before is None else one.ends - before)
