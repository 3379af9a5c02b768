"""Silences as people write them: their conditions, what they would hold back, and why one may not begin."""

import difflib
import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from alerting.gates import Matcher, Silence, Subject, matches
from alerting.patterns import LONGEST_PATTERN, compiled
from language import N_, gettext

LABELS = ("site", "section", "asset", "check", "kind", "rule", "severity", "tag")
"""What a condition can look at."""

MOST_MATCHERS = 10
LONGEST_AUTHOR = 100
LONGEST_COMMENT = 300
LONGEST_SILENCE = timedelta(days=90)
"""How far ahead a silence can end."""

_TOO_MUCH = N_(
    "no condition names less than the whole site; add one like `asset=printer`, or plan `maintenance` of all"
)
_SIGNED = (
    (
        N_("the silence has no author; say who wants it and why, for those who wonder about the quiet"),
        N_("the author is too long; {most} characters are the most"),
        LONGEST_AUTHOR,
    ),
    (
        N_("the silence has no comment; say who wants it and why, for those who wonder about the quiet"),
        N_("the comment is too long; {most} characters are the most"),
        LONGEST_COMMENT,
    ),
)
"""What is said of a silence without author or comment, and of one whose is too long, and how long that may be."""
_MATCHER = re.compile(r"\s*(\w+)\s*(=~|!~|!=|=)\s*(.*?)\s*", re.DOTALL)


def parse_matcher(text: str) -> Matcher:
    """The condition of "asset=printer" or `check=~"room-.*"`. Raises ValueError with the text and the remedy."""
    found, shown = _MATCHER.fullmatch(text), repr(text[:80])
    if found is None:
        words = N_("{text} is no condition; write a label, =, !=, =~ or !~, and a value, like `asset=printer`")
        raise ValueError(gettext(words, text=shown))
    label, op, value = found.groups()
    if label not in LABELS:
        close = difflib.get_close_matches(label.lower(), LABELS, n=1)
        words = N_("{text} has an unknown label; there are {labels}")
        if close:
            words = N_("{text} has an unknown label; did you mean `{label}`?")
        raise ValueError(gettext(words, text=shown, labels=", ".join(LABELS), label="".join(close)))
    if len(value) >= 2 and value[0] == value[-1] == '"':
        value = value[1:-1]
    if len(value) > LONGEST_PATTERN:
        words = N_("{text} is too long; a value has {most} characters at most")
        raise ValueError(gettext(words, text=shown, most=LONGEST_PATTERN))
    if not value.isprintable():
        words = N_("{text} holds something invisible; a value has only characters that can be seen")
        raise ValueError(gettext(words, text=shown))
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
        return gettext("the silence begins in the past; leave out when it begins, and it begins now")
    if silence.ends <= silence.starts:
        return gettext("the silence is over before it begins; give an end that is after its begin")
    if silence.ends - now > LONGEST_SILENCE:
        words = N_("the silence ends too late; it must end within {most} days, or be planned as `maintenance`")
        return gettext(words, most=LONGEST_SILENCE.days)
    return ""


def _unsigned(silence: Silence) -> str:
    for text, (lacks, too_long, most) in zip((silence.author, silence.comment), _SIGNED, strict=True):
        if not text.strip():
            return gettext(lacks)
        if len(text) > most:
            return gettext(too_long, most=most)
    return ""


def _boundless(silence: Silence, subjects: tuple[Subject, ...]) -> str:
    if not silence.matchers:
        return gettext(
            "the silence has no condition and would hold everything back; name something, like `asset=printer`"
        )
    if len(silence.matchers) > MOST_MATCHERS:
        words = N_("the silence has too many conditions; {most} are the most, `asset=~a|b` is one for several")
        return gettext(words, most=MOST_MATCHERS)
    if not any(_narrows(matcher, subjects) for matcher in silence.matchers):
        return gettext(_TOO_MUCH)
    return ""


def _narrows(matcher: Matcher, subjects: tuple[Subject, ...]) -> bool:
    """Whether it names something, and not what every subject has: nothing then covers them all."""
    return matcher.op in ("=", "=~") and not all(matches(matcher, subject) for subject in subjects)
