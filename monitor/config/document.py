"""One file as plain data that knows where each of its entries stands."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

LONGEST = 80
"""Characters of a value or key that are shown."""


class Marked(NamedTuple):
    """Where something stands in its file, both from 1."""

    line: int
    column: int


class MarkedDict(dict[str, Any]):
    """A mapping that knows where its keys stand."""

    __slots__ = ("marks",)

    def __init__(self) -> None:
        super().__init__()
        self.marks: dict[str, Marked] = {}


class MarkedList(list[Any]):
    """A list that knows where its entries stand."""

    __slots__ = ("marks",)

    def __init__(self) -> None:
        super().__init__()
        self.marks: list[Marked] = []


@dataclass(frozen=True, slots=True)
class Document:
    """One file as plain data: mappings, lists, text, numbers, true, false and None."""

    file: Path
    data: MarkedDict


class Place(NamedTuple):
    """An entry of a document, as the keys and indexes that lead to it."""

    document: Document
    path: tuple[str | int, ...] = ()

    def at(self, *steps: str | int) -> "Place":
        """The place further down."""
        return Place(self.document, (*self.path, *steps))

    @property
    def value(self) -> Any:
        """What stands there, None if nothing does."""
        value: Any = self.document.data
        for step in self.path:
            if not _leads(value, step):
                return None
            value = value[step]
        return value

    @property
    def entries(self) -> tuple["Place", ...]:
        """The places of what a list holds; () of anything else."""
        return tuple(self.at(index) for index in range(len(self.value))) if isinstance(self.value, MarkedList) else ()

    @property
    def exists(self) -> bool:
        """Whether anything stands there."""
        return not self.path or _leads(Place(self.document, self.path[:-1]).value, self.path[-1])

    def mark(self) -> Marked:
        """Where the entry begins; of one that is missing, where what should hold it begins."""
        value: Any = self.document.data
        mark = Marked(1, 1)
        for step in self.path:
            if not _leads(value, step):
                break
            mark = value.marks[step]
            value = value[step]
        return mark

    @property
    def spot(self) -> str:
        """The file and line, as a message names another place."""
        return f"{self.document.file}:{self.mark().line}"

    def __str__(self) -> str:
        return where(self.path)


def where(path: Iterable[str | int]) -> str:
    """A path as people write it: `doors[0].checks[1].interval`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            name = printable(step)
            text += f"[{name}]" if "." in name else f".{name}" if text else name
    return text


def printable(text: str, longest: int = LONGEST) -> str:
    """The text on one line, without control characters, bounded."""
    clean = "".join(char if char.isprintable() else "·" for char in text[: longest + 1])
    return clean if len(clean) <= longest else clean[: longest - 1] + "…"


def _leads(value: Any, step: str | int) -> bool:
    if isinstance(value, MarkedDict):
        return step in value
    return isinstance(value, MarkedList) and isinstance(step, int) and step < len(value)
