"""Looks for patterns in what a peer sent, without letting a slow pattern hold up all other checks."""

import re
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema

from probes._base import Unmeasured

PATIENCE = 0.25
"""Seconds of processor time that judging one answer may take."""


def compilable(pattern: str) -> str:
    """The pattern itself. Raises ValueError, with the place, when it is no regular expression."""
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is not a regular expression: {error}") from None
    return pattern


Regex = Annotated[str, AfterValidator(compilable), WithJsonSchema({"type": "string", "format": "regex"})]
"""A setting that holds a regular expression in Python's notation."""


class _TooSlow(Exception):  # noqa: N818 - never leaves this module
    pass


@contextmanager
def limited() -> Iterator[None]:
    """Interrupt what is inside after PATIENCE.

    A thread would not help: `re` keeps the interpreter lock for a whole match. It does look for signals, though, and a
    timer of processor time raises one exactly when a match runs away. Signals reach the main thread only, where the
    service's event loop runs; in any other thread there is no limit. Raises Unmeasured when time is up.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGVTALRM, _give_up)
    try:
        signal.setitimer(signal.ITIMER_VIRTUAL, PATIENCE)
        yield
    except _TooSlow:
        raise Unmeasured(
            "overloaded", f"the patterns needed more than {PATIENCE} s of processor time; write simpler ones"
        ) from None
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _give_up(_signal: int, _frame: FrameType | None) -> None:
    raise _TooSlow
