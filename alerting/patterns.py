"""Regular expressions that cannot run away: people type them into a silence, and every message is held against them.

Python's own try all ways in which a pattern may fit, twice as many with each letter if somebody writes `(a+)+b`, and
nothing else runs meanwhile. RE2 needs a time that grows with the text and no faster.
"""

from functools import lru_cache
from typing import Any

from language import N_, gettext

LONGEST_PATTERN = 200
"""Characters of a pattern."""

_MEMORY = 1 << 20
"""Bytes that a pattern may need; `((a{100}){100})` needs more."""


@lru_cache(maxsize=500)
def compiled(pattern: str) -> Any:
    """The pattern, ready to be held against texts. Raises ValueError with the remedy."""
    import re2  # not before somebody writes a pattern: most never do

    if len(pattern) > LONGEST_PATTERN:
        words = N_("the pattern has {number} characters; {most} are the most")
        raise ValueError(gettext(words, number=len(pattern), most=LONGEST_PATTERN))
    options = re2.Options()
    options.max_mem, options.log_errors = _MEMORY, False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        why = error.args[0].decode(errors="replace") if isinstance(error.args[0], bytes) else str(error)
        raise ValueError(
            gettext(
                "the pattern {pattern} cannot be used ({why}); correct it, or write `=` and one value",
                pattern=repr(pattern),
                why=why,
            )
        ) from None


def fits(pattern: str, text: str) -> bool:
    """Whether the whole text fits the pattern."""
    return compiled(pattern).fullmatch(text) is not None
