"""A report in other shapes: a message, Markdown, CSV for a spreadsheet, and a page that prints well."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from incidents.messages import Text, plain
from monitor.escaping import as_csv, unmarked, visible
from monitor.reports.document import Bars, Block, Cell, Document, Figures, Item, Items, Mark, Paragraph, Section, Table

MOST_ITEMS = 12
"""How many things that need somebody a message names; the page has all."""

WORDS = {Mark.GOOD: "good", Mark.BAD: "needs attention", Mark.WATCH: "watch", Mark.UNKNOWN: "not known"}
"""What a mark is called where there is no colour."""


def message(document: Document, url: str) -> Text:
    """The report as a message: what it comes to, what needs somebody, and where the rest is.

    `url` is the address of its page, "" if there is none.
    """
    items = document.items
    lines = [plain(document.summary)] if document.summary else []
    lines += [line for number, item in enumerate(items[:MOST_ITEMS], 1) for line in _told(number, item)]
    if len(items) > MOST_ITEMS:
        lines.append(f"and {len(items) - MOST_ITEMS} more")
    if not items:
        lines += [_figure_line(one) for one in _figures(document)]
    return Text(f"{plain(document.title)} ({plain(document.site)})", "\n".join([*lines, *([url] if url else [])]))


def markdown(document: Document) -> str:
    """The report as a page of Markdown."""
    lines = [
        f"# {unmarked(document.title)}: {unmarked(document.site)}",
        "",
        period(document),
        "",
        unmarked(document.summary),
    ]
    for section in document.sections:
        lines += ["", f"## {unmarked(section.title)}"]
        for block in section.blocks:
            lines += ["", *_markdown(block)]
    return "\n".join([*lines, ""])


def sheet(document: Document) -> str:
    """Everything of the report that is a figure or a row, as CSV: each table under its name and its columns."""
    return as_csv(list(_rows(document)))


def body(document: Document) -> Markup:
    """The report's inside as HTML, for a page that has the style sheet."""
    template = _templates().get_template("body.html")
    return Markup(template.render(_shown(document)))  # noqa: S704 - rendered by the template, escaped there


def page(document: Document) -> str:
    """The report as a page of its own that needs nothing else, for mail, archives and paper."""
    return _templates().get_template("page.html").render(_shown(document), body=body(document))


def period(document: Document) -> str:
    """What time the report is about and when it was made, on the site's clock."""
    zone = ZoneInfo(document.zone)
    return f"{_local(document.start, zone)} to {_local(document.end, zone)}, made {_local(document.made, zone)}"


def _told(number: int, item: Item) -> Iterator[str]:
    """An item in a message: what, then what to do about it."""
    yield f"{number}. {plain(item.title)}"
    for what, text in (("", item.hits), ("What to do: ", item.todo), ("", item.holder), ("Tell members: ", item.tell)):
        if text:
            yield f"   {what}{plain(text)}"


def _figures(document: Document) -> Sequence[Any]:
    blocks = (block for section in document.sections for block in section.blocks)
    return [one for block in blocks if isinstance(block, Figures) for one in block.figures][:MOST_ITEMS]


def _figure_line(figure: Any) -> str:
    more = ", ".join(one for one in (figure.target, figure.trend) if one)
    return f"{plain(figure.name)}: {plain(figure.text)}{f' ({plain(more)})' if more else ''}"


def _markdown(block: Block) -> Iterator[str]:
    match block:
        case Paragraph():
            yield unmarked(block.text)
        case Figures():
            yield from _grid(("", "", "target", "trend", "", ""), [_figure_row(one) for one in block.figures])
        case Items():
            for item in block.items:
                yield f"* **{unmarked(item.title)}** {unmarked(item.hits)}".rstrip()
                yield from (f"  * {line}" for line in _advice(item))
        case Table():
            yield from [f"**{unmarked(block.name)}**", ""] if block.name else []
            yield from _grid(block.columns, block.rows)
        case Bars():
            yield from [f"**{unmarked(block.name)}**", ""]
            yield from _grid(("", "", ""), [(bar.label, bar.text, WORDS.get(bar.mark, "")) for bar in block.bars])


def _advice(item: Item) -> Iterator[str]:
    for what, text in (("What to do", item.todo), ("Who has it", item.holder), ("Tell members", item.tell)):
        if text:
            yield f"{what}: {unmarked(text)}"


def _grid(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> Iterator[str]:
    yield f"| {' | '.join(unmarked(one) for one in columns)} |"
    yield f"|{' --- |' * len(columns)}"
    for row in rows:
        yield f"| {' | '.join(unmarked(shown(cell)) for cell in row)} |"


def _figure_row(one: Any) -> tuple[str, ...]:
    return (one.name, one.text, one.target, one.trend, WORDS.get(one.mark, ""), one.note)


def _rows(document: Document) -> Iterator[Sequence[Cell]]:
    yield ("report", document.title, document.site, period(document))
    for section in document.sections:
        for block in section.blocks:
            yield from _block_rows(section, block)


def _block_rows(section: Section, block: Block) -> Iterator[Sequence[Cell]]:
    match block:
        case Figures():
            yield (section.title, "figure", "value", "unit", "as text", "target", "trend", "mark", "note")
            for one in block.figures:
                row = (one.name, one.value, one.unit, one.text, one.target, one.trend, str(one.mark), one.note)
                yield ("", *row)
        case Items():
            yield (section.title, "what", "whom it hits", "what to do", "who has it", "tell members")
            yield from (("", one.title, one.hits, one.todo, one.holder, one.tell) for one in block.items)
        case Table():
            yield (block.name or section.title, *block.columns)
            yield from (("", *row) for row in block.rows)
        case Bars():
            yield (block.name, "", "value", "as text")
            yield from (("", bar.label, bar.value, bar.text) for bar in block.bars)
        case Paragraph():
            yield (section.title, block.text)


def shown(cell: Cell) -> str:
    """A cell as people read it; nothing where nobody knows."""
    if cell is None:
        return "-"
    if isinstance(cell, float):
        return f"{cell:,.6g}"
    return f"{cell:,}" if isinstance(cell, int) else cell


def _local(at: datetime, zone: ZoneInfo) -> str:
    wall = at.astimezone(zone)
    return f"{wall.day} {wall:%b %Y, %H:%M}"


def _shown(document: Document) -> dict[str, Any]:
    return {"document": document, "period": period(document), "WORDS": WORDS, "shown": shown, "tallest": _tallest}


def _tallest(bars: Bars) -> float:
    """What the full height of a chart stands for; more than 0."""
    return max([one.value or 0 for one in bars.bars] + [bars.limit or 0, 1e-9])


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        finalize=_finalize,
    )


def _finalize(value: Any) -> Any:
    """The last stop of everything that is put into a page: no character that hides or turns around others."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value
