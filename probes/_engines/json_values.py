"""Reads single values of vendors' JSON, where the same number comes as 3, "3" and 3.0, and what is missing as null."""

import math
from typing import Any

from probes._engines.displays import printable

_LONGEST_ADDRESS = 254


def number(value: Any) -> float | None:
    """A finite number, also one that is written as a text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        read = float(value)
    except (ValueError, OverflowError):
        return None
    return read if math.isfinite(read) else None


def count(value: Any) -> int | None:
    """A whole number from 0, None for anything else."""
    read = number(value)
    return int(read) if read is not None and 0 <= read < 1e15 else None


def share(percent: Any) -> float | None:
    """A ratio from 0 to 1 of a number of percent, None for what is none. Sums of rounded shares may exceed 100."""
    read = number(percent)
    return min(read / 100, 1.0) if read is not None and read >= 0 else None


def words(value: Any) -> str:
    """A text, printable and bounded, "" for anything else."""
    return printable(value) if isinstance(value, str) else ""


def text_of(value: Any) -> str:
    """A text or a whole number as a text, printable, as long as an e-mail address can be (RFC 5321); else ""."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return printable(str(value), _LONGEST_ADDRESS)
