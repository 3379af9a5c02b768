"""Other people's text in files that programs open: for a spreadsheet it is no formula, for Markdown no markup."""

import csv
import io
import re
from collections.abc import Iterable, Sequence

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_MARKUP = re.compile(r"([\\`*_\[\]<>|#~&])")


def as_csv(rows: Iterable[Sequence[object]]) -> str:
    """Rows as CSV, in which no spreadsheet takes a name for a formula. Numbers stay numbers, None is an empty cell."""
    written = io.StringIO(newline="")
    lines = csv.writer(written)
    lines.writerows([harmless(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
    return written.getvalue()


def harmless(cell: str) -> str:
    """A cell that a spreadsheet shows as it is: what begins like a formula gets a sign in front (OWASP)."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def visible(text: str) -> str:
    """The text with every character made visible that controls, hides or turns around others, but for line ends."""
    return "".join(one if one.isprintable() or one == "\n" else "\N{REPLACEMENT CHARACTER}" for one in text)


def unmarked(text: str) -> str:
    """Text of Markdown in which nothing is markup or hidden, on one line."""
    line = " ".join(text.split())
    return _MARKUP.sub(r"\\\1", line if line.isprintable() else visible(line))
