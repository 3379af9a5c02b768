"""The conditions of Gatus' endpoints as settings and rules of ours."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from monitor.config.document import printable
from monitor.config.values import format_duration
from monitor.migrate.draft import Unportable
from monitor.migrate.patterns import glob
from monitor.migrate.settings import seconds

_OPERATOR = re.compile("==|!=|<=|>=|<|>")
_FUNCTION = re.compile(r"(len|has)\((.*)\)", re.DOTALL)
_BODY = re.compile(r"\[BODY\](?:\.?(.*))", re.DOTALL)
_PATH = re.compile(r"([\w-]+|\[\d+\])(\.[\w-]+|\[\d+\])*")
_LONGEST = 2_000  # characters of a condition
_STATUSES = range(100, 600)
_ANYTHING = r"[\s\S]*"
_COMPARED: Mapping[str, Callable[[int, int], bool]] = {
    "==": int.__eq__,
    "!=": int.__ne__,
    "<": int.__lt__,
    "<=": int.__le__,
    ">": int.__gt__,
    ">=": int.__ge__,
}
_FIRST_WARNING = 14 * 86_400.0
_LAST_WARNING = 3 * 86_400.0
_REASONS = {
    "[DOMAIN_EXPIRATION]": "no kind watches how long a domain is registered",
    "[IP]": "`internet.dns` with `answer_matches` watches which address a name has",
    "[CONTEXT]": "values are not passed from one check to the next",
}


class Condition(NamedTuple):
    """A condition taken apart."""

    left: str
    operator: str
    right: str

    @property
    def wanted(self) -> bool:
        """Whether what stands on the right should be there. Raises Unportable when more or less is asked for."""
        if self.operator not in ("==", "!="):
            raise Unportable("texts are compared for being equal, not for being more or less")
        return self.operator == "=="


@dataclass(slots=True)
class Expected:
    """What the conditions of one endpoint come to; `slowest` in seconds, `remaining` of a certificate too.

    `statuses` is None as long as none is excluded.
    """

    statuses: set[int] | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    slowest: float | None = None
    remaining: float | None = None
    changes: list[str] = field(default_factory=list)

    def rules(self) -> dict[str, Any]:
        """The changes to the rules about certificates."""
        if self.remaining is None:
            return {}
        limit = {"below": self.remaining}
        early = {"certificate-expires": limit} if self.remaining > _LAST_WARNING else {}
        # A limit within three days is what the critical rule is for; the one two weeks ahead stays.
        return early or {"certificate-expires-now": limit}


def condition(text: str) -> Condition:
    """A condition taken apart. Raises Unportable."""
    found = _OPERATOR.search(text)
    if found is None or len(text) > _LONGEST:
        raise Unportable("it is no condition")
    return Condition(text[: found.start()].strip(), found[0], text[found.end() :].strip())


def note(kind: str, text: str, expected: Expected) -> None:
    """Add one condition of an endpoint of that kind to what is expected. Raises Unportable with the reason."""
    given = condition(text)
    name = given.left.partition("]")[0] + "]"
    if name in _REASONS or "[CONTEXT]" in text:
        raise Unportable(_REASONS.get(name, _REASONS["[CONTEXT]"]))
    if name == "[STATUS]":
        _status(kind, given, expected)
    elif name == "[RESPONSE_TIME]":
        _time(given, expected)
    elif name == "[CONNECTED]":
        _connected(given)
    elif name == "[CERTIFICATE_EXPIRATION]":
        _certificate(kind, given, expected)
    elif name == "[DNS_RCODE]":
        _rcode(kind, given, expected)
    elif kind == "internet.dns" and given.left == "[BODY]":
        _record(given, expected)
    elif kind == "internet.http":
        _body(given, expected)
    else:
        raise Unportable(f"an answer's text is not looked at by `{kind}`")


def ranges(statuses: set[int]) -> list[int | str]:
    """Statuses as numbers and ranges, in order."""
    found: list[tuple[int, int]] = []
    for status in sorted(statuses):
        if found and found[-1][1] == status - 1:
            found[-1] = found[-1][0], status
        else:
            found.append((status, status))
    return [first if first == last else f"{first}-{last}" for first, last in found]


def _status(kind: str, given: Condition, expected: Expected) -> None:
    if kind != "internet.http":
        raise Unportable("only web pages have a status")
    before = expected.statuses if expected.statuses is not None else set(_STATUSES)
    after = before & _statuses(given)
    if not after:
        raise Unportable("no status fits it and the conditions before it")
    expected.statuses = after


def _statuses(given: Condition) -> set[int]:
    """The statuses that fit a condition."""
    values = _values(given.right)
    if any(value.pattern for value in values) or len(values) > 1:
        wanted = re.compile("|".join(value.regex for value in values))
        return {status for status in _STATUSES if bool(wanted.fullmatch(str(status))) == given.wanted}
    if not re.fullmatch(r"\d{3}", given.right):
        raise Unportable("a status has three digits")
    compare = _COMPARED[given.operator]
    return {status for status in _STATUSES if compare(status, int(given.right))}


def _time(given: Condition, expected: Expected) -> None:
    number = re.fullmatch(r"(\d{1,9})(ms|s|m)?", given.right)
    if given.operator not in ("<", "<=") or number is None:
        raise Unportable("only an upper limit can be set")
    limit = seconds(given.right) if number[2] else int(number[1]) / 1000
    expected.slowest = min(limit, expected.slowest or limit)


def _connected(given: Condition) -> None:
    if (given.operator, given.right) not in (("==", "true"), ("!=", "false")):
        raise Unportable("only `wifi.segmentation` watches that something does not answer")


def _certificate(kind: str, given: Condition, expected: Expected) -> None:
    if kind not in ("internet.http", "internet.tls"):
        raise Unportable("only https and tls endpoints have certificates")
    if given.operator not in (">", ">="):
        raise Unportable("only a lower limit can be set")
    limit = seconds(given.right)
    expected.remaining = max(limit, expected.remaining or 0)
    words = f"`certificate-expires` warns {format_duration(limit)} before, by itself; the endpoint stays up"
    expected.changes.append(words)


def _rcode(kind: str, given: Condition, expected: Expected) -> None:
    if kind != "internet.dns" or not given.wanted:
        raise Unportable("`internet.dns` takes a list of response codes that are right")
    expected.settings["rcodes"] = [value.text for value in _values(given.right)]


def _record(given: Condition, expected: Expected) -> None:
    pattern = rf"\s(?:{'|'.join(value.regex for value in _values(given.right))})\.?$"
    key = "answer_matches" if given.wanted else "answer_not_matches"
    if given.wanted and key in expected.settings:
        raise Unportable("a second one: it would be enough if a record matched one of them")
    expected.settings.setdefault(key, []).append(pattern)


def _body(given: Condition, expected: Expected) -> None:
    if found := _FUNCTION.fullmatch(given.left):
        path = _path(found[2])
        return _length(path, given, expected) if found[1] == "len" else _presence(path, given, expected)
    if given.left == "[BODY]":
        return _text(given, expected)
    pattern = "|".join(value.regex for value in _values(given.right))
    return _json(expected, given.wanted, _path(given.left), f"(?:{pattern})" if "|" in pattern else pattern)


def _text(given: Condition, expected: Expected) -> None:
    """A condition on the whole body."""
    patterns = [value.regex for value in _values(given.right)]
    key = "body_matches" if given.wanted else "body_not_matches"
    expected.settings.setdefault(key, []).append(rf"(?s:\A\s*(?:{'|'.join(patterns)})\s*\Z)")


def _presence(path: str, given: Condition, expected: Expected) -> None:
    if given.right not in ("true", "false"):
        raise Unportable("`has` is true or false")
    _json(expected, given.wanted == (given.right == "true"), path, _ANYTHING)


def _length(path: str, given: Condition, expected: Expected) -> None:
    """The number of a list's entries, by which of them exist."""
    if (
        not re.fullmatch(r"\d{1,5}", given.right)
        or given.operator == "!="
        or (given.operator, given.right) == ("<", "0")
    ):
        raise Unportable("a length is compared with a number")
    number = int(given.right)
    least = {"==": number, ">": number + 1, ">=": number}.get(given.operator, 0)
    most = {"==": number, "<": number - 1, "<=": number}.get(given.operator)
    if least:
        _json(expected, True, f"{path}[{least - 1}]", _ANYTHING)
    if most is not None and most >= 0:
        _json(expected, False, f"{path}[{most}]", _ANYTHING)
    expected.changes.append("`len` counts the entries of a list; of a text it would not count the characters")


def _json(expected: Expected, wanted: bool, path: str, pattern: str) -> None:
    known = expected.settings.setdefault("json_matches" if wanted else "json_not_matches", {})
    if path in known:
        raise Unportable("a second one about the same place; write `json_matches` by hand")
    known[path] = pattern


def _path(text: str) -> str:
    """The JSONPath of `[BODY].user.name`. Raises Unportable."""
    found = _BODY.fullmatch(text)
    if found is None or not _PATH.fullmatch(found[1]):
        raise Unportable(f"`{printable(text)}` is no path into the body")
    steps = re.findall(r"\[\d+\]|[\w-]+", found[1])
    return "$" + "".join(step if step.startswith("[") else _member(step) for step in steps)


def _member(name: str) -> str:
    return f".{name}" if re.fullmatch(r"[A-Za-z_]\w*", name) else f"['{name}']"


class _Value(NamedTuple):
    text: str
    pattern: bool

    @property
    def regex(self) -> str:
        """A regular expression for the whole of it."""
        return glob(self.text) if self.pattern else re.escape(self.text)


def _values(text: str) -> Sequence[_Value]:
    """What the right side allows: one text, `any(...)` of several, `pat(...)` with * for any text."""
    if "[BODY]" in text:
        raise Unportable("two parts of the body are not compared with each other")
    if found := re.fullmatch(r"any\((.*)\)", text, re.DOTALL):
        return [_Value(one.strip(), False) for one in found[1].split(",")]
    if found := re.fullmatch(r"pat\((.*)\)", text, re.DOTALL):
        return [_Value(found[1], True)]
    return [_Value(text, False)]
