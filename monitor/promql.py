"""Takes a PromQL comparison with a number apart: what is compared, and with which limit."""

import math
import re
from collections.abc import Iterator
from typing import NamedTuple

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_PRODUCT = re.compile(rf"\s*{_NUMBER}(?:\s*[*/]\s*{_NUMBER})*\s*")
_FACTOR = re.compile(rf"([*/]?)\s*({_NUMBER})")
_TOKEN = re.compile(
    r"""(?P<comment>\#[^\n]*)
    |(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)
    |(?P<open>[(\[{]) |(?P<close>[)\]}])
    |(?P<word>[a-zA-Z_:][a-zA-Z0-9_:]*)
    |(?P<operator>>=|<=|==|!=|=~|!~|>|<)
    |(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_MIRRORED = {">": "<", "<": ">", ">=": "<=", "<=": ">="}


class Comparison(NamedTuple):
    """A query whose value is held against a limit: it is wrong above it, or below it if `above` is False."""

    query: str
    above: bool
    limit: float


class _Token(NamedTuple):
    kind: str
    text: str
    depth: int


def bare(expression: str) -> str:
    """An expression without comments, and on one line as far as its texts allow."""
    texts = ("" if token.kind == "comment" else token.text for token in _tokens(expression))
    return re.sub(r"\s*\n\s*", " ", "".join(texts)).strip()


def comparison(expression: str) -> Comparison | None:
    """What an expression compares with a number; None if it is anything else than one such comparison.

    Rules fire beyond a limit and not at it, so for `>=` and `<=` the limit is the next number on its other side.
    """
    tokens = list(_tokens(_unwrapped(bare(expression))))
    places = [index for index, token in enumerate(tokens) if token.kind == "operator" and token.depth == 0]
    words = {token.text.lower() for token in tokens if token.kind == "word" and token.depth == 0}
    if len(places) != 1 or words & {"and", "or", "unless", "bool"}:
        return None
    left, operator, right = _joined(tokens[: places[0]]), tokens[places[0]].text, _joined(tokens[places[0] + 1 :])
    if _PRODUCT.fullmatch(left) and operator in _MIRRORED:
        left, operator, right = right, _MIRRORED[operator], left
    if not left or operator not in _MIRRORED or not _PRODUCT.fullmatch(right) or _PRODUCT.fullmatch(left):
        return None
    above = operator.startswith(">")
    limit = _product(right)
    if operator.endswith("="):
        limit = math.nextafter(limit, -math.inf if above else math.inf)
    return Comparison(left, above, limit) if math.isfinite(limit) else None


def _tokens(expression: str) -> Iterator[_Token]:
    """The expression's tokens; those of a bracket have the depth outside of it."""
    depth = 0
    for match in _TOKEN.finditer(expression):
        kind = match.lastgroup or "other"
        depth -= kind == "close"
        yield _Token(kind, match.group(), depth)
        depth += kind == "open"


def _joined(tokens: list[_Token]) -> str:
    return "".join(token.text for token in tokens).strip()


def _unwrapped(expression: str) -> str:
    """The expression without brackets around the whole of it."""
    while expression.startswith("("):
        tokens = list(_tokens(expression))
        ends = [index for index, token in enumerate(tokens) if token.kind == "close" and token.depth == 0]
        if not ends or ends[0] != len(tokens) - 1:
            break
        expression = _joined(tokens[1:-1])
    return expression


def _product(text: str) -> float:
    value = math.nan
    for operator, number in _FACTOR.findall(text):
        factor = float(number)
        match operator:
            case "*":
                value *= factor
            case "/":
                value = value / factor if factor else math.inf
            case _:
                value = factor
    return value
