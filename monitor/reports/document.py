"""What a report says, apart from how it looks: the same document becomes a page, a message, Markdown, CSV and JSON."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from language import DEFAULT

Cell = str | int | float | None
"""What stands in a table: text (times as the site's clock has them), a number, or nothing where nobody knows."""


class Kind(StrEnum):
    """What sort of report it is."""

    MORNING = "morning"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    ISP = "isp"
    INCIDENT = "incident"


class Mark(StrEnum):
    """What a reader should make of something."""

    GOOD = "good"
    BAD = "bad"
    WATCH = "watch"
    NEUTRAL = "neutral"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A few sentences."""

    text: str
    mark: Mark = Mark.NEUTRAL
    type: Literal["paragraph"] = "paragraph"


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure. `text` is the value as people read it, `value` the same for programs, in the base unit `unit`.

    `value` is None where it is not known; then `text` says so. `target` and `trend` are words, "" if there is none.
    """

    name: str
    text: str
    value: float | None = None
    unit: str = ""
    target: str = ""
    trend: str = ""
    note: str = ""
    mark: Mark = Mark.NEUTRAL


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures side by side."""

    figures: tuple[Figure, ...]
    type: Literal["figures"] = "figures"


@dataclass(frozen=True, slots=True)
class Item:
    """Something that needs somebody: what is the matter, whom it hits, what to do, who has it, what to tell members.

    `key` is the same from one report to the next as long as it is the same matter. `link` is the path of a page.
    """

    key: str
    title: str
    hits: str = ""
    todo: str = ""
    holder: str = ""
    tell: str = ""
    link: str = ""
    mark: Mark = Mark.BAD


@dataclass(frozen=True, slots=True)
class Items:
    """What needs somebody, what matters most first."""

    items: tuple[Item, ...]
    type: Literal["items"] = "items"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under the names of their columns; every row has a cell for each."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    name: str = ""
    type: Literal["table"] = "table"


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a chart; `value` is None where nothing was measured, `text` the value as people read it."""

    label: str
    value: float | None
    text: str
    mark: Mark = Mark.NEUTRAL


@dataclass(frozen=True, slots=True)
class Bars:
    """A bar chart; `limit` is a value worth a line across all bars, like a target."""

    name: str
    bars: tuple[Bar, ...]
    limit: float | None = None
    type: Literal["bars"] = "bars"


Block = Annotated[Paragraph | Figures | Items | Table | Bars, Field(discriminator="type")]


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a report under its own heading."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A report about the time from `start` to `end`.

    `zone` is the IANA name of the zone in which its times are shown; `summary` says everything in a sentence or two.
    `language` is the code of the one that it is written in.
    """

    kind: Kind
    title: str
    site: str
    zone: str
    start: datetime
    end: datetime
    made: datetime
    summary: str
    mark: Mark
    sections: tuple[Section, ...]
    language: str = DEFAULT

    @property
    def items(self) -> tuple[Item, ...]:
        """Everything in it that needs somebody."""
        blocks = (block for section in self.sections for block in section.blocks)
        return tuple(item for block in blocks if isinstance(block, Items) for item in block.items)


def columns(said: str) -> tuple[str, ...]:
    """The names of a table's columns, which are one message with bars in between: a word alone could mean anything."""
    return tuple(name.strip() for name in said.split("|"))


def to_json(document: Document) -> dict[str, Any]:
    """The document as JSON has it."""
    found: dict[str, Any] = _ADAPTER.dump_python(document, mode="json")
    return found


def from_json(value: object) -> Document:
    """The document that `to_json` wrote. Raises pydantic.ValidationError for anything else."""
    return _ADAPTER.validate_python(value)


_ADAPTER: TypeAdapter[Document] = TypeAdapter(Document)
