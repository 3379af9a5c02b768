"""Reads what monitoring plugins write: words for people, and performance data behind a bar."""

import math
import re
from collections.abc import Iterator
from typing import NamedTuple

MOST_VALUES = 50
"""Values that are taken from one run of a plugin: each is a series of its own in what Deskwatch exposes."""
LONGEST_LABEL = 100
"""Characters of a label."""

# Possessive where a label could be cut in several ways: a hostile plugin shall not make us try them all.
_VALUE = re.compile(
    r"(?:'(?P<quoted>(?:[^']|'')*+)'|(?P<plain>[^\s='][^\s=]*+))"
    r"=(?P<number>[-+]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][-+]?\d+)?)(?P<unit>[^\s;]*)"
)
_REST = re.compile(r"\S*\s*")

# Plugins that count in kilobytes count 1,024 bytes, as check_disk does.
_UNITS = {
    "s": ("seconds", 1.0),
    "ms": ("seconds", 1e-3),
    "us": ("seconds", 1e-6),
    "µs": ("seconds", 1e-6),
    "ns": ("seconds", 1e-9),
    "%": ("ratio", 1e-2),
    "b": ("bytes", 1.0),
    "kb": ("bytes", 2.0**10),
    "mb": ("bytes", 2.0**20),
    "gb": ("bytes", 2.0**30),
    "tb": ("bytes", 2.0**40),
    "pb": ("bytes", 2.0**50),
    "c": ("total", 1.0),
}


class Value(NamedTuple):
    """One figure in base units; `unit` is "seconds", "ratio", "bytes", "total" for a counter, or "value"."""

    label: str
    number: float
    unit: str


class Output(NamedTuple):
    """What a plugin said: its first line, and its figures, each label and unit once."""

    words: str
    values: tuple[Value, ...] = ()


def parse(text: str) -> Output:
    """The output of a plugin. What is no performance data is left out, and so is what was not known to it (U)."""
    first, _, rest = text.partition("\n")
    words, _, figures = first.partition("|")
    further = rest.partition("|")[2]  # after lines for people, more may follow, on as many lines as it takes
    found: dict[tuple[str, str], Value] = {}
    for value in _values(f"{figures} {further}"):
        found.setdefault((value.label, value.unit), value)
        if len(found) == MOST_VALUES:
            break
    return Output(words.strip(), tuple(found.values()))


def _values(figures: str) -> Iterator[Value]:
    at = len(figures) - len(figures.lstrip())
    while at < len(figures):
        found = _VALUE.match(figures, at)
        if found and (value := _value(found)):
            yield value
        rest = _REST.match(figures, found.end() if found else at)
        at = rest.end() if rest else len(figures)


def _value(found: re.Match[str]) -> Value | None:
    """The value that was found, None if it is no number in the end."""
    unit, factor = _UNITS.get(_folded(found["unit"]), ("value", 1.0))
    number = float(found["number"].replace(",", ".")) * factor
    label = _label(found["plain"] or (found["quoted"] or "").replace("''", "'"))
    return Value(label, number, unit) if label and math.isfinite(number) else None


def _folded(unit: str) -> str:
    """The unit as the table has it: bytes are written in every case and with or without the i of 1,024."""
    small = unit.lower().replace("ib", "b")
    return small if small.endswith("b") else unit


def _label(written: str) -> str:
    return "".join(one if one.isprintable() else "\ufffd" for one in written[:LONGEST_LABEL].strip())
