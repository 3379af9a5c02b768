"""A file of evidence in which no line can be changed, left out or added later without its end telling.

Each line is a JSON object {"n", "previous", "record"}, n counting from 0. `previous` is the SHA-256, in hexadecimal, of
the line before it (of the line alone, as UTF-8 without its line end); for the first that of whatever it follows, or "".
The last record is {"type": "end", "lines": N}. The SHA-256 of the last line is the fingerprint of the whole: whoever
was told it when the file was made knows that the file is the same today. Without that it only shows that nobody
changed a part of it by accident.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

LONGEST = 1_000_000
"""Characters of one line."""
END = "end"


class ChainError(ValueError):
    """The file is not as it was made. The message names the line."""


class Checked(NamedTuple):
    """What a good file says: its fingerprint, that of the one it follows ("" for none), its records without the end."""

    fingerprint: str
    follows: str
    records: tuple[Mapping[str, Any], ...]


def chained(records: Iterable[Mapping[str, Any]], follows: str = "") -> Iterator[str]:
    """The lines of a file, without line ends; `follows` is the fingerprint of the file before it."""
    previous, count = follows, 0
    for record in records:
        line = _line(count, previous, record)
        previous, count = fingerprint(line), count + 1
        yield line
    yield _line(count, previous, {"type": END, "lines": count})


def fingerprint(line: str) -> str:
    """What the next line holds of this one; of the last line, what stands for the file."""
    return hashlib.sha256(line.encode()).hexdigest()


def checked(lines: Iterable[str]) -> Checked:
    """What a file says, if every line follows from the one before and the end is there. Raises ChainError."""
    records: list[Mapping[str, Any]] = []
    previous, follows, ended = "", "", False
    for number, line in enumerate(lines):
        if ended:
            raise ChainError(f"line {number + 1} comes after the end: it was added later")
        document = _read(line, number)
        if number == 0:
            follows = previous = document["previous"]
        if document["n"] != number or document["previous"] != previous:
            raise ChainError(f"line {number + 1} does not follow from the line before: one of the two was changed")
        ended = document["record"].get("type") == END
        if ended and document["record"].get("lines") != number:
            raise ChainError(f"the end speaks of {document['record'].get('lines')} lines, and there are {number}")
        records.append(document["record"])
        previous = fingerprint(line)
    if not ended:
        raise ChainError("the end is missing: the file was cut off")
    return Checked(previous, follows, tuple(records[:-1]))


def recounted(records: Iterable[Mapping[str, Any]]) -> Mapping[str, tuple[float, float]]:
    """By line: the seconds down that the file's summary claims, and those that its own outages add up to."""
    claimed, counted = dict[str, float](), dict[str, timedelta]()
    for record in records:
        line = str(record.get("line"))
        if record.get("type") == "line":
            claimed[line] = float(record["down_seconds"])
        elif record.get("type") == "outage":
            length = datetime.fromisoformat(record["end"]) - datetime.fromisoformat(record["start"])
            counted[line] = counted.get(line, timedelta()) + length
    return {line: (down, counted.get(line, timedelta()).total_seconds()) for line, down in claimed.items()}


def _line(number: int, previous: str, record: Mapping[str, Any]) -> str:
    document = {"n": number, "previous": previous, "record": record}
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _read(line: str, number: int) -> Any:
    try:
        document = json.loads(line) if len(line) <= LONGEST else None
    except (ValueError, RecursionError):
        document = None
    if not _is_line(document):
        raise ChainError(f"line {number + 1} is none of a file of evidence")
    return document


def _is_line(document: object) -> bool:
    return (
        isinstance(document, dict)
        and isinstance(document.get("record"), dict)
        and isinstance(document.get("previous"), str)
        and isinstance(document.get("n"), int)
    )
