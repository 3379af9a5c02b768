"""Reports in another language: nothing is left unsaid in it, and what programs read stays as it is."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from peers.past import DOWN, END, START, config_in, eventful, facts, incident, reported
from peers.reports import report

import language
from alerting.channels import Key, NoticeKind, Notification
from alerting.rules import Severity
from catalogue import kept
from catalogue.files import forms
from incidents.impact import Basis, Correction, Impact
from incidents.incident import Stage
from language import speaking
from monitor.config import Config
from monitor.config.model import Drill
from monitor.dossier import exported
from monitor.reports import daily, isp, monthly, use, weekly
from monitor.reports.document import Bars, Block, Document, Figures, Items, Paragraph, Table, from_json, to_json
from monitor.reports.facts import Measured
from monitor.reports.figures import KNOWN
from monitor.reports.incident import document as record
from monitor.reports.listing import Counted, rows
from monitor.reports.morning import morning
from monitor.reports.needs import Seen
from monitor.reports.periods import Period
from monitor.reports.rendering import body, markdown, message, page, period, sheet
from monitor.reports.series import Hour
from monitor.store import Store
from monitor.store.figures import Pushed
from monitor.store.outbox import Message
from monitor.store.tables import MessageState
from probes import Reading, Sample, Status

BRACKETED = "xx"
"""A language in which every message is the English one in brackets."""
MONDAY = datetime(2025, 11, 17, 7, 30, tzinfo=UTC)
FIGURES = r"\d[\d.,:-]*|\b(s|ms|min|h|d|x|Mbit/s)\b|[\W_]"
DATA = (
    *("Fibre line", "Members' Wi-Fi", "Boardroom", "Front door", "no sound", "Harbour Street", "Ana Lopes", "FibreCo"),
    *("Order a second line", "The provider replaced a card.", "The path ends at 192.0.2.1.", "no answer", "The pager"),
    *("A card in the exchange failed.", "No second line.", "Half of them had gone", "is broken", "EUR", "black toner"),
    *("door/tcp", "fibre/ping", "internet.ping", "tcp", "ping", "01OUTAGE", "02REPORT", "Deskwatch", "lost", "is down"),
    *("ana/1", "down", "up"),
)
"""What is not said by Deskwatch: names, what people wrote, what probes found; `down` and `up` as in the contract."""


class Brackets:
    """The catalogue of that language."""

    def gettext(self, message: str) -> str:
        return f"⟦{message}⟧"

    def ngettext(self, one: str, many: str, number: int) -> str:
        return self.gettext(one if number == 1 else many)


@pytest.fixture(autouse=True)
def _bracketed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language, "_catalogue", lambda code: Brackets())


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.setenv("DESKWATCH_TEST_ANA", "json://127.0.0.1/")
    return config_in(tmp_path)


def said(document: Document) -> Iterator[str]:
    """Every text of a report that people read."""
    yield from (document.title, document.summary)
    for section in document.sections:
        yield section.title
        for block in section.blocks:
            yield from _block(block)


def _block(block: Block) -> Iterator[str]:
    match block:
        case Paragraph():
            yield block.text
        case Figures():
            for one in block.figures:
                yield from (one.name, one.text, one.target, one.trend, one.note)
        case Items():
            for item in block.items:
                yield from (item.title, item.hits, item.todo, item.holder, item.tell)
        case Table():
            yield from (block.name, " | ".join(block.columns))
            yield from (cell for row in block.rows for cell in row if isinstance(cell, str))
        case Bars():
            yield from (block.name, *(text for bar in block.bars for text in (bar.label, bar.text)))


def unmarked(text: str) -> str:
    """What stands outside of all brackets and is no figure, no unit and none of the data."""
    while (outside := re.sub("⟦[^⟦⟧]*⟧", "", text)) != text:
        text = outside
    for known in DATA:
        text = text.replace(known, "")
    return re.sub(FIGURES, "", text)


def left_in_english(document: Document) -> list[str]:
    return [text for text in said(document) if unmarked(text)]


def memos(config: Config) -> Iterator[Document]:
    """Each kind of memo, about a time with everything in it, and about one with nothing."""
    live = incident(id="03", stage=Stage.OPEN, resolved=None, acknowledged_by="")
    full, calm = eventful(config), facts(config)
    pushed = tuple(Pushed(name, date(2025, 11, 1), 0.4, "platform", START) for name in KNOWN)
    hours = tuple(Hour(START + timedelta(hours=9 + n), n * 1e6, n * 1e6, n * 1e6, 60) for n in (1, 2))
    measured = {("fibre/ping", name, ""): hours for name in (isp.FAILOVERS, isp.FAILOVER, use.HEADROOM, use.BOOKINGS)}
    full = replace(full, incidents=(*full.incidents, live), figures=pushed, series=full.series | measured)
    blind = facts(config, spans={})
    then = facts(config, START - timedelta(days=7), START, incidents=(reported(),))
    for made in (daily, weekly, monthly, isp):
        for known in (full, calm, blind):
            yield from made.documents(known, then)
    yield isp.sealed(isp.documents(full, then)[0], "0123")


def mornings(config: Config) -> Iterator[Document]:
    """Morning checks of a site that is well, and of one where nearly everything is the matter."""
    readings = {one.id: Reading(one.id, MONDAY, 0.1, Status.UP, "up", "answered", ()) for one in config.checks}
    well = Seen(config, MONDAY, MONDAY - timedelta(hours=10), MONDAY + timedelta(hours=1), readings)
    low = (
        Sample("deskwatch_printer_supply_ratio", 0.05, "black toner"),
        Sample("deskwatch_certificate_remaining_seconds", 8e5),
    )
    mixed = readings | {
        "door/tcp": Reading("door/tcp", MONDAY, 0.1, Status.DOWN, "refused", "no answer", ()),
        "members/tcp": replace(readings["members/tcp"], samples=low),
        "boardroom/tcp": replace(readings["boardroom/tcp"], at=MONDAY - timedelta(days=1)),
    }
    live = incident(stage=Stage.OPEN, resolved=None, acknowledged=None, acknowledged_by="")
    past = reported(opened=MONDAY - timedelta(hours=3), resolved=MONDAY - timedelta(hours=2))
    bad = replace(
        well,
        config=replace(config, drill=Drill(0, time(10))),
        readings=mixed,
        live=(live, replace(live, id="04", stage=Stage.ACKNOWLEDGED)),
        past=(past,) * 7,
        unreached={"ana/1": "no answer"},
        problems=("no answer",),
    )
    for seen in (
        well,
        bad,
        replace(well, readings={}),
        replace(bad, readings=readings, live=(), unreached={}, problems=()),
    ):
        yield from (morning(seen), morning(replace(seen, opens=None)))


def records(config: Config) -> Iterator[Document]:
    """Incidents that last, are over, and were corrected."""
    key = Key("E", "ana/1", NoticeKind.FIRING, 0)
    notice = Notification(key, Severity.CRITICAL, "is down", "is down")
    sent = (Message(1, notice, "01OUTAGE", START, MessageState.ACCEPTED, 1, START, "", END, False, None),)
    cost = Impact(1800, 60, 1800, Basis.CAPACITY, ("fibre",), 2)
    corrected = Correction(900, "Half of them had gone", "Ana Lopes", DOWN[1])
    over = incident(cost=cost, corrected=corrected, reopened=1, resolution="", reporter="Ana Lopes")
    live = incident(stage=Stage.OPEN, resolved=None, severity=Severity.WARNING)
    for one in (over, reported(), live, incident(merged_into="02REPORT"), incident(member_minutes=0)):
        yield record(one, config, sent, (), END)


@pytest.mark.parametrize("reports", [memos, mornings, records])
def test_every_sentence_of_a_report_is_translated(reports, config: Config) -> None:  # type: ignore[no-untyped-def]
    with speaking(BRACKETED):
        made = list(reports(config))
    assert {one.language for one in made} == {BRACKETED}
    assert [text for one in made for text in left_in_english(one)] == []
    assert all(left_in_english(one) for one in reports(config))


def test_what_a_shape_adds_is_in_the_language_of_the_report_whoever_asks() -> None:
    kept_as = replace(report(), language=BRACKETED)
    html, text = str(body(kept_as)), message(kept_as, "").body
    assert "<dt>⟦What to do⟧</dt>" in html
    assert "   ⟦What to do: Switch it on at the wall.⟧" in text.splitlines()
    assert "⟦target⟧" in markdown(kept_as)
    assert '<html lang="xx">' in page(kept_as)
    with speaking(BRACKETED):
        assert (str(body(kept_as)), message(kept_as, "").body) == (html, text)
        assert "<dt>What to do</dt>" in body(report())
        assert period(report()).startswith("⟦")


def test_a_report_from_before_there_were_languages_is_english() -> None:
    stored = to_json(replace(report(), language=BRACKETED))
    assert from_json(stored).language == BRACKETED
    del stored["language"]
    assert from_json(stored).language == "en"


def test_the_columns_of_a_sheet_and_its_numbers_are_the_same_in_every_language() -> None:
    with speaking("de"):
        assert sheet(replace(report(), language="de")) == sheet(report())


def test_a_listing_is_the_same_in_every_language(config: Config) -> None:
    full = eventful(config)
    measured = Measured(full.config, full.start, full.end, full.spans)
    english = rows(measured, Counted())
    with speaking(BRACKETED):
        assert rows(measured, Counted()) == english


async def test_evidence_is_the_same_in_every_language(config: Config, tmp_path: Path) -> None:
    store = await Store.open(f"sqlite:///{tmp_path}/state.db")
    try:
        async with store.connect() as conn:
            english = await exported(conn, config, Period(START, END), "FibreCo", END)
            with speaking(BRACKETED):
                assert await exported(conn, config, Period(START, END), "FibreCo", END) == english
    finally:
        await store.close()


@pytest.mark.parametrize("code", sorted(language.LANGUAGES.keys() - {language.DEFAULT}))
def test_a_table_has_as_many_columns_in_every_language(code: str) -> None:
    said_of = [(one.id, form) for one in kept(code) if isinstance(one.id, str) for form in forms(one) if form]
    assert [pair for pair in said_of if pair[0].count("|") != pair[1].count("|")] == []
