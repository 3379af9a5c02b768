"""Silences as people write them: their conditions, what they would hold back, and why one may not begin."""

import difflib
import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from alerting.gates import Matcher, Silence, Subject, matches
from alerting.patterns import LONGEST_PATTERN, compiled

LABELS = ("site", "section", "asset", "check", "kind", "rule", "severity", "tag")
"""What a condition can look at."""

MOST_MATCHERS = 10
LONGEST_AUTHOR = 100
LONGEST_COMMENT = 300
LONGEST_SILENCE = timedelta(days=90)
"""How far ahead a silence can end."""

_TOO_MUCH = "no condition names less than the whole site; add one like `asset=printer`, or plan `maintenance` of all"
_MATCHER = re.compile(r"\s*(\w+)\s*(=~|!~|!=|=)\s*(.*?)\s*", re.DOTALL)


def parse_matcher(text: str) -> Matcher:
    """The condition of "asset=printer" or `check=~"room-.*"`. Raises ValueError with the text and the remedy."""
    found, shown = _MATCHER.fullmatch(text), repr(text[:80])
    if found is None:
        raise ValueError(f"{shown} is no condition; write a label, =, !=, =~ or !~, and a value, like `asset=printer`")
    label, op, value = found.groups()
    if label not in LABELS:
        close = difflib.get_close_matches(label.lower(), LABELS, n=1)
        hint = f"did you mean `{close[0]}`?" if close else f"there are {', '.join(LABELS)}"
        raise ValueError(f"{shown} has an unknown label; {hint}")
    if len(value) >= 2 and value[0] == value[-1] == '"':
        value = value[1:-1]
    if len(value) > LONGEST_PATTERN:
        raise ValueError(f"{shown} is too long; a value has {LONGEST_PATTERN} characters at most")
    if not value.isprintable():
        raise ValueError(f"{shown} holds something invisible; a value has only characters that can be seen")
    if op in ("=~", "!~"):
        compiled(value)
    return Matcher(label, op, value)


def preview(silence: Silence, subjects: Iterable[Subject]) -> tuple[Subject, ...]:
    """Those of the subjects about which nothing would be sent while the silence is on, in order."""
    return tuple(subject for subject in subjects if silence.covers(subject))


def objection(silence: Silence, subjects: Iterable[Subject], now: datetime) -> str:
    """Why a silence must not begin, with the remedy; "" if it may. `subjects` are all that the site can have."""
    return _untimely(silence, now) or _unsigned(silence) or _boundless(silence, tuple(subjects))


def _untimely(silence: Silence, now: datetime) -> str:
    if silence.starts < now:
        return "the silence begins in the past; leave out when it begins, and it begins now"
    if silence.ends <= silence.starts:
        return "the silence is over before it begins; give an end that is after its begin"
    if silence.ends - now > LONGEST_SILENCE:
        return (
            f"the silence ends too late; it must end within {LONGEST_SILENCE.days} days, or be planned as `maintenance`"
        )
    return ""


def _unsigned(silence: Silence) -> str:
    for name, text, longest in (
        ("author", silence.author, LONGEST_AUTHOR),
        ("comment", silence.comment, LONGEST_COMMENT),
    ):
        if not text.strip():
            return f"the silence has no {name}; say who wants it and why, for those who wonder about the quiet"
        if len(text) > longest:
            return f"the {name} is too long; {longest} characters are the most"
    return ""


def _boundless(silence: Silence, subjects: tuple[Subject, ...]) -> str:
    if not silence.matchers:
        return "the silence has no condition and would hold everything back; name something, like `asset=printer`"
    if len(silence.matchers) > MOST_MATCHERS:
        return f"the silence has too many conditions; {MOST_MATCHERS} are the most, `asset=~a|b` is one for several"
    if not any(_narrows(matcher, subjects) for matcher in silence.matchers):
        return _TOO_MUCH
    return ""


def _narrows(matcher: Matcher, subjects: tuple[Subject, ...]) -> bool:
    """Whether it names something, and not what every subject has: nothing then covers them all."""
    return matcher.op in ("=", "=~") and not all(matches(matcher, subject) for subject in subjects)
