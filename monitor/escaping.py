"""Other people's text in files: no formula for a spreadsheet, no markup for Markdown, no order for a terminal."""

import csv
import io
import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from monitor.web.words import plain

_FORMULA = ("=", "+", "-", "@")
_MARKUP = re.compile(r"([\\`*_\[\]<>|#~&])")


def as_csv(rows: Iterable[Sequence[object]]) -> str:
    """Rows as CSV, in which no spreadsheet takes a name for a formula. Numbers stay numbers, None is an empty cell."""
    written = io.StringIO(newline="")
    lines = csv.writer(written)
    lines.writerows([harmless(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
    return written.getvalue()


def harmless(cell: str) -> str:
    """A cell that a spreadsheet shows as it is: what begins like a formula gets a sign in front (OWASP)."""
    shown = visible(cell)
    return f"'{shown}" if shown.lstrip().startswith(_FORMULA) else shown


def as_json(value: object) -> str:
    """JSON for programs, in which no text obeys or hides anything where a program shows it."""
    return json.dumps(legible(value), indent=2, ensure_ascii=False)


def legible(value: Any) -> Any:
    """What JSON holds, with every text in it as pages show it."""
    match value:
        case str():
            return plain(value)
        case list() | tuple():
            return [legible(one) for one in value]
        case dict():
            return {legible(name): legible(one) for name, one in value.items()}
        case _:
            return value


def visible(text: str) -> str:
    """The text with every character made visible that controls, hides or turns around others, but for line ends."""
    return "".join(one if one.isprintable() or one == "\n" else "\N{REPLACEMENT CHARACTER}" for one in text)


def unmarked(text: str) -> str:
    """Text of Markdown in which nothing is markup or hidden, on one line."""
    line = " ".join(text.split())
    return _MARKUP.sub(r"\\\1", line if line.isprintable() else visible(line))
