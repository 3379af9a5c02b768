"""A report as a message, Markdown, CSV, JSON and a page."""

import csv
import io
import json
from dataclasses import replace

import pytest
from peers.reports import report

from monitor.reports.document import Document, Item, Items, Paragraph, Section, Table, from_json, to_json
from monitor.reports.rendering import MOST_ITEMS, body, markdown, message, page, period, sheet

HOSTILE = '<script>alert(1)</script> =HYPERLINK("x") \u202e\x1b[31m\x00|*_`[x](http://evil)'


def hostile() -> Document:
    item = Item("k", HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, "/incidents/1")
    table = Table((HOSTILE,), (("=1+1",), (HOSTILE,)), HOSTILE)
    section = Section(HOSTILE, (Paragraph(HOSTILE), Items((item,)), table))
    return report(section, title=HOSTILE, summary=HOSTILE)


def test_a_report_survives_being_stored() -> None:
    assert from_json(json.loads(json.dumps(to_json(report())))) == report()


def test_the_time_it_is_about_is_told_on_the_sites_clock() -> None:
    assert period(report()) == "14 Jul 2026, 00:00 to 21 Jul 2026, 00:00, made 21 Jul 2026, 08:00"


def test_a_message_says_what_needs_somebody_and_what_to_do() -> None:
    told = message(report(), "https://desk.example.org/reports/1")
    assert told.title == "Week 47 (Harbour Street)"
    assert told.body.splitlines() == [
        "One thing needs you.",
        "1. Boardroom projector does not answer",
        "   12 people",
        "   What to do: Switch it on at the wall.",
        "   Ana has it",
        "   Tell members: The Boardroom has no picture today; the Library is free.",
        "2. Restore test is due on Fri 4 Dec",
        "https://desk.example.org/reports/1",
    ]


def test_a_message_of_a_report_in_which_nothing_needs_anybody_has_its_figures() -> None:
    calm = replace(report(), sections=report().sections[:1], summary="All well.")
    assert message(calm, "").body.splitlines() == [
        "All well.",
        "Availability: 99.82 % (target 99.5 %, up from 99.1 %)",
        "App adoption: not known",
    ]


def test_a_message_names_a_dozen_things_and_counts_the_rest() -> None:
    many = report(Section("", (Items(tuple(Item(str(n), f"Thing {n}") for n in range(15))),)))
    lines = message(many, "").body.splitlines()
    assert len(lines) == 1 + MOST_ITEMS + 1
    assert lines[-1] == "and 3 more"


def test_markdown_has_every_block() -> None:
    text = markdown(report())
    assert text.startswith("# Week 47: Harbour Street\n")
    for line in (
        "| Availability | 99.82 % | target 99.5 % | up from 99.1 % | good | measured 97 % of the time |",
        "* **Boardroom projector does not answer** 12 people",
        "  * What to do: Switch it on at the wall.",
        "| Fibre line | 3 | 0.9971 |",
        "| Front door | 0 | - |",
        "| 09 | not measured |  |",
    ):
        assert line in text.splitlines()


def test_csv_has_numbers_as_numbers_and_what_is_unknown_as_nothing() -> None:
    rows = list(csv.reader(io.StringIO(sheet(report()))))
    assert ["", "Availability", "0.9982", "ratio", "99.82 %", "target 99.5 %", "up from 99.1 %", "good",
            "measured 97 % of the time"] in rows  # fmt: skip
    assert ["", "App adoption", "", "", "not known", "", "", "unknown", "nobody has told it"] in rows
    assert ["", "Front door", "0", ""] in rows
    assert ["", "09", "", "not measured"] in rows


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        *((one, f"'{one}") for one in ("=1+1", "+cmd|x", "-2", "@SUM(A1)", " =1", "\n=1")),
        *((f"{one}=1", "\N{REPLACEMENT CHARACTER}=1") for one in "\t\r"),
    ],
)
def test_no_cell_of_a_spreadsheet_is_a_formula(text: str, cell: str) -> None:
    rows = list(csv.reader(io.StringIO(sheet(report(Section("", (Table(("a",), ((text,),)),)))))))
    assert ["", cell] in rows


def test_nothing_hostile_gets_through() -> None:
    shown = page(hostile())
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown
    assert not {"\u202e", "\x1b", "\x00"} & set(shown)
    told = message(hostile(), "")
    assert not {"\u202e", "\x1b", "\x00"} & set(told.title + told.body)
    written = markdown(hostile())
    assert not {"\u202e", "\x1b", "\x00"} & set(written)
    assert "<script>" not in written
    assert "[x](" not in written
    assert not any(cell.startswith("=") for row in csv.reader(io.StringIO(sheet(hostile()))) for cell in row)


def test_a_page_of_its_own_needs_nothing_else() -> None:
    shown = page(report())
    assert "http" not in shown.replace("https://desk.example.org", "").split("<main>")[0].replace("xhtml", "")
    assert "<script" not in shown
    assert str(body(report())) in shown


def test_a_chart_draws_what_was_not_measured_as_unknown() -> None:
    shown = str(body(report()))
    assert shown.count("<rect") == 3
    assert '<rect class="bar-unknown"' in shown
    assert "<title>09: not measured</title>" in shown
    assert 'class="limit"' in shown
