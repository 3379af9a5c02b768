"""Which expressions are a query and a limit."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.promql import Comparison, bare, comparison


@pytest.mark.parametrize(
    ("expression", "query", "above", "limit"),
    [
        ("up > 1", "up", True, 1),
        ("rate(x[5m]) < 0.05", "rate(x[5m])", False, 0.05),
        ("(a / b) * 100 > 24 * 3600", "(a / b) * 100", True, 86400),
        ("(a / on(instance) group_left b > -1.5e3)", "a / on(instance) group_left b", True, -1500),
        ("((a) > 5)", "(a)", True, 5),
        ("10 > x", "x", False, 10),
        ("0.5 < x", "x", True, 0.5),
        ('x{name="a > b", re=~"c|d"} > 3', 'x{name="a > b", re=~"c|d"}', True, 3),
        ("x{a!='}'} > 3 # or 4 < 5", "x{a!='}'}", True, 3),
        ("x # the first\n  > 3", "x", True, 3),
        ("sum by (band) (x) > 7 / 2", "sum by (band) (x)", True, 3.5),
        ("max_over_time((x > bool 5)[5m:1m]) > 0", "max_over_time((x > bool 5)[5m:1m])", True, 0),
    ],
)
def test_a_comparison_with_a_number_is_taken_apart(expression: str, query: str, above: bool, limit: float) -> None:
    assert comparison(expression) == Comparison(query, above, limit)


def test_what_fires_at_the_limit_itself_fires_just_beyond_the_number_before_it() -> None:
    least, most = comparison("x >= 80"), comparison("x <= 0")
    assert least is not None
    assert most is not None
    assert least.limit < 80 == math.nextafter(least.limit, math.inf)
    assert most.limit > 0 == math.nextafter(most.limit, -math.inf)


@pytest.mark.parametrize(
    "expression",
    [
        "up == 0", "up != 1", "absent(up)", "a > 5 and b > 3", "a > 5 or b", "a > 5 unless on(x) b", "a > b",
        "a > bool 5", "a > 5 > 3", "1 < 2", "a > 10 - 5", "a > 5 / 0", "a > Inf", "> 5", "a >", "(a > 5", "", "a) > 5",
        "a > 5 AND b",
    ],
)  # fmt: skip
def test_anything_else_is_left_whole(expression: str) -> None:
    assert comparison(expression) is None


def test_comments_go_and_texts_stay() -> None:
    assert bare('sum(x)   # why\n  / sum(y{a="#"}) # done') == 'sum(x) / sum(y{a="#"})'


@given(st.text(alphabet="ab>=<!()[]{}\"'`# 15.*/-e\nandor\\", max_size=30))
def test_any_text_is_taken_apart_or_not(expression: str) -> None:
    found = comparison(expression)
    assert found is None or math.isfinite(found.limit)
