"""The dossier of a provider: outages, figures against the contract, the credit, and the chain of evidence."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from peers.past import DOWN, END, START, config_in, eventful, facts, local, spans

from alerting.gates import Maintenance, Scope, Window
from monitor.config import Config
from monitor.reports import isp, standings
from monitor.reports.chain import ChainError, chained, checked, fingerprint, recounted
from monitor.reports.document import Document, Figure, Figures, Mark, Table
from monitor.reports.facts import Facts
from monitor.reports.outages import Due, due, outages
from monitor.reports.series import Hour
from probes._engines.uplinks import Contract

MONTH = (local("2025-11-01"), local("2025-12-01"))


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.setenv("DESKWATCH_TEST_ANA", "json://127.0.0.1/")
    return config_in(tmp_path)


def dossier(known: Facts) -> Document:
    (found,) = isp.documents(known, facts(known.config, START - timedelta(days=7), START))
    return found


def figure(document: Document, name: str) -> Figure:
    blocks = [block for section in document.sections for block in section.blocks if isinstance(block, Figures)]
    return next(one for block in blocks for one in block.figures if one.name == name)


def outages_of(known: Facts):  # type: ignore[no-untyped-def]
    line = next(asset for asset in known.config.assets if asset.id == "fibre")
    standing = next(one for one in standings.of_assets(known) if one.assets == ("fibre",))
    return outages(known, line, standing)


def test_an_outage_is_told_with_its_evidence_and_what_is_due(config: Config) -> None:
    found = dossier(eventful(config))
    assert found.title == "FibreCo: November 2025"
    assert found.summary == (
        "Fibre line: one outage, 30 min together. A credit of 12.00 EUR (10 % of the fee) is due by the contract."
    )
    assert found.mark is Mark.BAD
    table = next(block for block in found.sections[0].blocks if isinstance(block, Table))
    assert table.rows == (
        (
            "Tue 11 Nov, 09:00:00",
            "Tue 11 Nov, 09:30:00",
            "30 min",
            "30 min",
            "30 min",
            "lost; The path ends at 192.0.2.1.",
            "01OUTAGE",
        ),
    )


def test_it_says_by_what_it_was_measured(config: Config) -> None:
    table = dossier(facts(config)).sections[-1].blocks[0]
    assert isinstance(table, Table)
    assert table.rows == (("Fibre line", "internet.ping", "every 30 s", "counts when seen 2 more times, 1 s apart"),)


def test_figures_stand_beside_what_was_promised(config: Config) -> None:
    found = dossier(eventful(config))
    always = figure(found, "Availability around the clock")
    assert (always.text, always.target, always.mark) == ("99.70 %", "promised 99.90 %", Mark.BAD)
    assert figure(found, "Packets lost").text == "1.00 %"
    assert figure(found, "Round trip, median").target == "promised 20 ms"
    assert "of 1,000 readings" in figure(found, "Round trip, median").note


def test_a_line_without_an_outage_owes_nothing(config: Config) -> None:
    found = dossier(facts(config))
    assert (found.summary, found.mark) == ("Fibre line: no outage.", Mark.GOOD)
    assert figure(found, "Credit that is due").text == "none"


def test_planned_work_and_short_outages_do_not_count_but_are_shown(config: Config) -> None:
    blink = (local("2025-11-12 10:00"), local("2025-11-12 10:00:40"))
    known = facts(config, spans=spans(START, END, (DOWN, blink)))
    assert [one.counted for one in outages_of(known)] == [timedelta(minutes=30), timedelta()]
    work = Maintenance(
        "w", "work", Scope(assets=frozenset({"fibre"})), config.site.hours.zone,
        (Window(DOWN[0] - timedelta(hours=1), DOWN[0] + timedelta(minutes=20)),),
    )  # fmt: skip
    planned = replace(known, config=replace(config, maintenances=(work,)))
    assert [one.counted for one in outages_of(planned)] == [timedelta(minutes=10), timedelta()]


def test_what_goes_on_without_a_gap_is_one_outage(config: Config) -> None:
    middle = DOWN[0] + timedelta(minutes=10)
    known = facts(config, spans=spans(START, END, ((DOWN[0], middle), (middle, DOWN[1]))))
    assert [(one.start, one.end) for one in outages_of(known)] == [DOWN]


def test_an_outage_is_cut_to_the_month(config: Config) -> None:
    known = facts(config, spans=spans(START - timedelta(days=1), END, ((START - timedelta(hours=2), DOWN[1]),)))
    assert [one.start for one in outages_of(known)] == [START]


@pytest.mark.parametrize(
    ("down", "expected"),
    [
        (timedelta(), Due(1.0, 0.0, 0.0)),
        (timedelta(seconds=2592), Due(0.999, 0.0, 0.0)),  # exactly at the limit: not below it
        (timedelta(minutes=44), Due(1 - 44 / 43200, 0.1, 12.0)),
        (timedelta(hours=8), Due(1 - 8 / 720, 0.25, 30.0)),
    ],
)
def test_the_largest_credit_whose_limit_was_missed_is_due(config: Config, down: timedelta, expected: Due) -> None:
    known = facts(config, *MONTH, spans=spans(*MONTH, ((DOWN[0], DOWN[0] + down),) if down else ()))
    line = next(asset for asset in config.assets if asset.uplink is not None)
    assert line.uplink is not None
    found = due(outages_of(known), line.uplink.contract, *MONTH)
    assert (found.share, found.amount) == (expected.share, expected.amount)
    assert found.availability == pytest.approx(expected.availability)


def test_a_contract_without_a_fee_gives_a_share_and_no_amount() -> None:
    assert due((), Contract(), *MONTH) == Due(1.0, 0.0, None)


def test_time_of_which_nothing_is_known_speaks_for_the_provider(config: Config) -> None:
    known = facts(config, *MONTH, spans={})
    line = next(asset for asset in config.assets if asset.uplink is not None)
    assert line.uplink is not None
    assert due(outages_of(known), line.uplink.contract, *MONTH).availability == 1


def test_failovers_are_counted_from_a_counter_that_may_begin_anew(config: Config) -> None:
    values = [3, 3, 4, 0, 1, 2]
    hours = tuple(Hour(START + timedelta(hours=n), one, one, one, 10) for n, one in enumerate(values))
    slow = (Hour(START, 34, 34, 34, 1),)
    known = facts(config, series={("x", isp.FAILOVERS, ""): hours, ("x", isp.FAILOVER, ""): slow})
    words = str(dossier(known).sections)
    assert "Traffic moved to another line 3 times. The slowest took at most 34 s." in words


RECORDS = [
    {"type": "line", "line": "fibre", "down_seconds": 1800.0},
    {"type": "outage", "line": "fibre", "start": "2025-11-11T09:00:00+00:00", "end": "2025-11-11T09:30:00+00:00"},
    {"type": "reading", "line": "fibre", "status": "down", "values": [["a", "", 1.5]]},
]


def test_a_chain_that_nobody_touched_is_whole() -> None:
    lines = list(chained(RECORDS, follows="abc"))
    found = checked(lines)
    assert (found.follows, found.records) == ("abc", tuple(RECORDS))
    assert found.fingerprint == fingerprint(lines[-1])
    assert recounted(found.records) == {"fibre": (1800.0, 1800.0)}


def test_the_same_records_have_the_same_fingerprint() -> None:
    assert list(chained(RECORDS)) == list(chained([dict(reversed(one.items())) for one in RECORDS]))


@given(st.integers(0, 3), st.integers(0, 2000), st.characters(codec="ascii"))
def test_no_character_of_a_chain_can_be_changed_unnoticed(line: int, place: int, other: str) -> None:
    lines = list(chained(RECORDS))
    before = lines[line]
    changed = before[: place % len(before)] + other + before[place % len(before) + 1 :]
    told = fingerprint(lines[-1])
    lines[line] = changed
    try:
        found = checked(lines).fingerprint
    except ChainError:
        return
    assert changed == before or found != told


@pytest.mark.parametrize(
    ("spoilt", "words"),
    [
        (lambda lines: lines[:-1], "the end is missing"),
        (lambda lines: [], "the end is missing"),
        (lambda lines: lines[1:], "line 1 does not follow"),
        (lambda lines: [*lines[:1], *lines[2:]], "line 2 does not follow"),
        (lambda lines: [*lines, lines[-1]], "line 5 comes after the end"),
        (lambda lines: [lines[0], "{", *lines[2:]], "line 2 is none of a file of evidence"),
        (lambda lines: [lines[0], "[" * 5000, *lines[2:]], "line 2 is none of a file of evidence"),
        (lambda lines: [lines[0].replace("1800.0", "18000.0"), *lines[1:]], "line 2 does not follow"),
    ],
)
def test_a_chain_that_was_changed_says_where(spoilt, words: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ChainError, match=words):
        checked(spoilt(list(chained(RECORDS))))


def test_a_forged_sum_is_found_though_its_chain_was_made_anew() -> None:
    forged = [{**RECORDS[0], "down_seconds": 18_000.0}, *RECORDS[1:]]
    found = checked(list(chained(forged)))
    assert recounted(found.records) == {"fibre": (18_000.0, 1800.0)}
    assert found.fingerprint != checked(list(chained(RECORDS))).fingerprint
