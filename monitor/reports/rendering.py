"""A report in other shapes: a message, Markdown, CSV for a spreadsheet, and a page that prints well.

What these add to it is in the language that it is written in, whoever asks; but CSV, which programs read, in English.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from incidents.messages import Text, plain
from language import DEFAULT, N_, figures, gettext, month, speaking
from monitor import texts
from monitor.escaping import as_csv, unmarked, visible
from monitor.reports.document import Bars, Block, Cell, Document, Figures, Item, Items, Mark, Paragraph, Section, Table

MOST_ITEMS = 12
"""How many things that need somebody a message names; the page has all."""

WORDS = {
    Mark.GOOD: N_("good"),
    Mark.BAD: N_("needs attention"),
    Mark.WATCH: N_("watch"),
    Mark.UNKNOWN: N_("not known"),
}
"""What a mark is called where there is no colour."""


def message(document: Document, url: str) -> Text:
    """The report as a message: what it comes to, what needs somebody, and where the rest is.

    `url` is the address of its page, "" if there is none.
    """
    with speaking(document.language):
        return Text(f"{plain(document.title)} ({plain(document.site)})", "\n".join(_message(document, url)))


def _message(document: Document, url: str) -> list[str]:
    items = document.items
    lines = [plain(document.summary)] if document.summary else []
    lines += [line for number, item in enumerate(items[:MOST_ITEMS], 1) for line in _told(number, item)]
    if len(items) > MOST_ITEMS:
        lines.append(gettext("and {number} more", number=len(items) - MOST_ITEMS))
    if not items:
        lines += [_figure_line(one) for one in _figures(document)]
    return [*lines, url] if url else lines


def markdown(document: Document) -> str:
    """The report as a page of Markdown."""
    with speaking(document.language):
        return "\n".join([*_page_of_markdown(document), ""])


def _page_of_markdown(document: Document) -> list[str]:
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
    return lines


def sheet(document: Document) -> str:
    """Everything of the report that is a figure or a row, as CSV: each table under its name and its columns."""
    with speaking(DEFAULT):
        return as_csv(list(_rows(document)))


def body(document: Document) -> Markup:
    """The report's inside as HTML, for a page that has the style sheet."""
    template = _templates().get_template("body.html")
    with speaking(document.language):
        return Markup(template.render(_shown(document)))  # noqa: S704 - rendered by the template, escaped there


def page(document: Document) -> str:
    """The report as a page of its own that needs nothing else, for mail, archives and paper."""
    template = _templates().get_template("page.html")
    with speaking(document.language):
        return template.render(_shown(document), body=body(document))


def period(document: Document) -> str:
    """What time the report is about and when it was made, on the site's clock."""
    zone = ZoneInfo(document.zone)
    start, end, made = (_local(at, zone) for at in (document.start, document.end, document.made))
    return gettext("{start} to {end}, made {made}", start=start, end=end, made=made)


def _told(number: int, item: Item) -> Iterator[str]:
    """An item in a message: what, then what to do about it."""
    yield f"{number}. {plain(item.title)}"
    todo = gettext("What to do: {text}", text=plain(item.todo)) if item.todo else ""
    tell = gettext("Tell members: {text}", text=plain(item.tell)) if item.tell else ""
    yield from (f"   {line}" for line in (plain(item.hits), todo, plain(item.holder), tell) if line)


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
            yield from _grid(
                ("", "", gettext("target"), gettext("trend"), "", ""), [_figure_row(one) for one in block.figures]
            )
        case Items():
            for item in block.items:
                yield f"* **{unmarked(item.title)}** {unmarked(item.hits)}".rstrip()
                yield from (f"  * {line}" for line in _advice(item))
        case Table():
            yield from [f"**{unmarked(block.name)}**", ""] if block.name else []
            yield from _grid(block.columns, block.rows)
        case Bars():
            yield from [f"**{unmarked(block.name)}**", ""]
            yield from _grid(("", "", ""), [(bar.label, bar.text, word(bar.mark)) for bar in block.bars])


def _advice(item: Item) -> Iterator[str]:
    if item.todo:
        yield gettext("What to do: {text}", text=unmarked(item.todo))
    if item.holder:
        yield gettext("Who has it: {text}", text=unmarked(item.holder))
    if item.tell:
        yield gettext("Tell members: {text}", text=unmarked(item.tell))


def _grid(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> Iterator[str]:
    yield f"| {' | '.join(unmarked(one) for one in columns)} |"
    yield f"|{' --- |' * len(columns)}"
    for row in rows:
        yield f"| {' | '.join(unmarked(shown(cell)) for cell in row)} |"


def _figure_row(one: Any) -> tuple[str, ...]:
    return (one.name, one.text, one.target, one.trend, word(one.mark), one.note)


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


def word(mark: Mark) -> str:
    """What a mark is called; "" for one that says nothing."""
    return gettext(WORDS.get(mark, ""))


def shown(cell: Cell) -> str:
    """A cell as people read it; nothing where nobody knows."""
    if cell is None:
        return "-"
    if isinstance(cell, float):
        return figures(f"{cell:,.6g}")
    return figures(f"{cell:,}") if isinstance(cell, int) else cell


def _local(at: datetime, zone: ZoneInfo) -> str:
    wall = at.astimezone(zone)
    return gettext(
        "{day} {month} {year}, {time}", day=wall.day, month=month(wall), year=wall.year, time=f"{wall:%H:%M}"
    )


def _shown(document: Document) -> dict[str, Any]:
    return {"document": document, "period": period(document), "word": word, "shown": shown, "tallest": _tallest}


def _tallest(bars: Bars) -> float:
    """What the full height of a chart stands for; more than 0."""
    return max([one.value or 0 for one in bars.bars] + [bars.limit or 0, 1e-9])


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        finalize=_finalize,
    )
    texts.speak(environment, _finalize)
    return environment


def _finalize(value: Any) -> Any:
    """The last stop of everything that is put into a page: no character that hides or turns around others."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value
