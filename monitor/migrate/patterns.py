"""Regular expressions of Go's kind, as Python's."""

import re
import warnings

from monitor.config.document import printable
from monitor.migrate.draft import Unportable

_FLAGS = re.compile(r"\(\?([ims]+)\)(.*)", re.DOTALL)
_FOREIGN = re.compile(r"(?<!\\)(?:\\\\)*(\\[pPQECz]|\[\[:|\(\?[a-zA-Z]*U|\\x\{)")
"""Not what a backslash before makes a plain character of."""


def python(pattern: str) -> str:
    """The same in Python's notation, able to stand inside another one. Raises Unportable for what only RE2 knows."""
    if found := _FOREIGN.search(pattern):
        raise Unportable(f"the pattern `{printable(pattern)}` has `{found[1]}` in it, which Python does not know")
    if flags := _FLAGS.fullmatch(pattern):
        pattern = f"(?{flags[1]}:{flags[2]})"
    try:
        with warnings.catch_warnings(action="error", category=FutureWarning):
            re.compile(pattern)
    except (re.error, FutureWarning, RecursionError, OverflowError) as error:
        raise Unportable(f"the pattern `{printable(pattern)}` is none of Python's: {printable(str(error))}") from None
    return pattern


def lacks(pattern: str) -> str:
    """A pattern that is found in just those texts in which the other one is not. Raises Unportable as `python` does."""
    return rf"\A(?![\s\S]*(?:{python(pattern)}))"


def glob(pattern: str) -> str:
    """What is matched by a pattern in which * is any text, as a regular expression for the whole of it."""
    return ".*".join(re.escape(part) for part in re.split(r"\*+", pattern))
