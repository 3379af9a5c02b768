"""What daily, weekly and monthly memos say, word by word where it matters."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from peers.past import (
    START,
    config_in,
    eventful,
    facts,
    flickers,
    incident,
    late_action,
    local,
    reported,
    series,
)

from incidents.incident import Stage
from incidents.messages import Text
from monitor.config import Config
from monitor.reports import daily, monthly, record, signals, use, weekly
from monitor.reports.document import Bars, Document, Figure, Figures, Mark, Section, Table
from monitor.reports.facts import Facts
from monitor.reports.rendering import message
from monitor.reports.signals import Month
from monitor.store.figures import Pushed

WEEK = """\
Things worked 99.73 % of the open hours, at or above the target 99.50 %. 2 things need you.
1. Order a second line
   It was due on Fri 14 Nov.
   What to do: Do it, or give it a new date.
   Ana Lopes
2. 1 incident without a finished review
   Among them: Boardroom: no sound.
   What to do: Open each incident and write down what was done and why it happened: it may return."""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.setenv("DESKWATCH_TEST_ANA", "json://127.0.0.1/")
    return config_in(tmp_path)


def before(config: Config) -> Facts:
    return facts(config, START - timedelta(days=7), START)


def part(document: Document, title: str) -> Section:
    return next(section for section in document.sections if section.title == title)


def figure(document: Document, name: str) -> Figure:
    blocks = [block for section in document.sections for block in section.blocks if isinstance(block, Figures)]
    return next(one for block in blocks for one in block.figures if one.name == name)


def table(section: Section, name: str) -> Table:
    return next(block for block in section.blocks if isinstance(block, Table) and block.name.startswith(name))


def test_a_week_is_told_in_a_message(config: Config) -> None:
    (memo,) = weekly.documents(eventful(config), before(config))
    assert message(memo, "") == Text("Week 46: 10 Nov to 16 Nov 2025 (Harbour Street)", WEEK)
    assert memo.mark is Mark.WATCH


def test_a_week_in_which_nothing_happened_needs_nobody(config: Config) -> None:
    (memo,) = weekly.documents(facts(config), before(config))
    assert memo.summary == "Things worked 100 % of the open hours, at or above the target 99.50 %. Nothing needs you."
    assert memo.mark is Mark.GOOD
    assert [section.title for section in memo.sections] == ["In short", "Incidents", "Reliability"]


def test_figures_are_beside_those_of_the_week_before(config: Config) -> None:
    (memo,) = weekly.documents(eventful(config), replace(before(config), incidents=()))
    assert figure(memo, "Incidents").text == "2"
    assert figure(memo, "Incidents").trend == "0 before"
    assert figure(memo, "Member-minutes lost").text == "2,040"
    assert figure(memo, "Member-minutes lost").mark is Mark.BAD
    assert figure(memo, "Until somebody had it").text == "4 min"
    assert figure(memo, "Until it worked again").text == "25 min"


def test_incidents_are_told_by_cause_and_by_cost(config: Config) -> None:
    (memo,) = weekly.documents(eventful(config), before(config))
    found = part(memo, "Incidents")
    assert table(found, "By cause").rows == (("internet provider", 1, 1800), ("not said yet", 1, 240))
    assert table(found, "All incidents").rows == (
        (
            "Fibre line is down",
            "Tue 11 Nov, 09:00",
            "30 min",
            1800,
            "internet provider",
            "The provider replaced a card.",
        ),
        ("Boardroom: no sound", "Thu 13 Nov, 10:00", "20 min", 240, "not said yet", "-"),
    )


def test_what_is_merged_into_another_incident_is_counted_once(config: Config) -> None:
    twice = replace(eventful(config), incidents=(incident(), incident(id="03", merged_into="01OUTAGE")))
    assert len(record.own(twice)) == 1
    assert record.lost(twice) == 1800


def test_a_fault_that_lasts_comes_first(config: Config) -> None:
    live = incident(stage=Stage.OPEN, resolved=None, member_minutes=None, acknowledged_by="", resolution="")
    (memo,) = weekly.documents(facts(config, incidents=(live, reported())), before(config))
    assert [item.title for item in memo.items] == ["Fibre line is down", "1 incident without a finished review"]
    assert memo.items[0].holder == "Nobody has it yet."
    assert memo.items[0].link == "/incidents/01OUTAGE"


def test_a_noisy_rule_is_named_with_what_may_help(config: Config) -> None:
    (memo,) = weekly.documents(eventful(config), before(config))
    assert table(part(memo, "Alert noise"), "").rows == (
        ("door/tcp", "down", 12, 6, "6 of 6 were over within 5 minutes: let it wait longer, with `for`"),
    )


@pytest.mark.parametrize(
    ("episodes", "words"),
    [
        (flickers(2), ""),
        (flickers(3), "3 of 3 were over within 5 minutes: let it wait longer, with `for`"),
        (tuple(replace(one, closed=None, turns=4) for one in flickers(2)), "it comes and goes"),
        (tuple(replace(one, closed=None) for one in flickers(6)), "it fires this often for a reason"),
    ],
)
def test_the_advice_fits_what_the_rule_did(episodes: tuple, words: str) -> None:
    assert record.advice(episodes).startswith(words)
    assert bool(record.advice(episodes)) == bool(words)


def test_actions_are_told_with_how_late_they_are(config: Config) -> None:
    done = replace_action(done=local("2025-11-13 12:00"))
    (memo,) = weekly.documents(facts(config, actions=(late_action(), done)), before(config))
    found = part(memo, "Actions")
    assert table(found, "").rows == (("Order a second line", "Ana Lopes", "2025-11-14", "3 d late"),)
    assert found.blocks[-1].text == "Done in this time: 1."  # type: ignore[union-attr]


def replace_action(**changes: object):  # type: ignore[no-untyped-def]
    return late_action()._replace(id="A2", **changes)


def test_people_rooms_and_lines_are_told_where_they_were_measured(config: Config) -> None:
    (memo,) = weekly.documents(eventful(config), before(config))
    used = part(memo, "How the space was used")
    bars = next(block for block in used.blocks if isinstance(block, Bars))
    assert [(bar.label, bar.text) for bar in bars.bars] == [(f"{hour:02}", "42") for hour in range(8, 20)]
    assert table(used, "Rooms").rows == (("Boardroom", "25 %", "-"),)
    assert table(part(memo, "Internet"), "Throughput").rows == (
        ("Fibre line", "down", "350 Mbit/s", "350 Mbit/s", "500 Mbit/s", "70 %"),
        ("Fibre line", "up", "99 Mbit/s", "99 Mbit/s", "100 Mbit/s", "99 %"),
    )


def test_a_site_without_wifi_counts_and_bookings_has_no_such_part(config: Config) -> None:
    assert use.section(facts(config)) is None
    assert use.lines(facts(config)) is None
    assert use.peak(facts(config)) is None
    assert use.bookings(facts(config)) is None


def test_a_day_says_who_was_there_and_what_is_broken(config: Config) -> None:
    start, end = local("2025-11-11"), local("2025-11-11 18:00")
    live = incident(stage=Stage.ACKNOWLEDGED, resolved=None, member_minutes=None)
    known = facts(config, start, end, incidents=(live,), series=series(start, 1), told={("fibre/ping", "down"): 2})
    (memo,) = daily.documents(replace(known, made=end), facts(config, start - timedelta(days=1), start))
    assert memo.title == "Tuesday, 11 November"
    assert memo.summary == "One thing is broken. 1 incident began today."
    assert figure(memo, "Devices on the Wi-Fi at most").note == "70 % of the capacity of 60"
    assert figure(memo, "Messages about faults").text == "2"
    assert memo.items[0].holder == "Ana Lopes has it"


def test_a_month_reads_its_figures_together(config: Config) -> None:
    start, end = local("2025-11-01"), local("2025-12-01")
    known = replace(eventful(config), start=start, end=end, made=end, series=series(start, 30))
    (memo,) = monthly.documents(known, facts(config, local("2025-10-01"), start))
    assert memo.title == "November 2025"
    assert figure(memo, "Faults reported per member").text == "0.02"
    assert figure(memo, "Members who use the app").text == "43 %"
    assert figure(memo, "Members who use the app").mark is Mark.BAD
    words = [block.text for block in part(memo, "What this means").blocks]  # type: ignore[union-attr]
    assert [text.partition(":")[0] for text in words] == [
        "It works",
        "Only 43 % of the members use the app",
        "Fibre line gave 70 % of what its contract promises",
    ]


def test_figures_that_nobody_told_are_left_out_and_not_zero(config: Config) -> None:
    start, end = local("2025-11-01"), local("2025-12-01")
    (memo,) = monthly.documents(facts(config, start, end), facts(config, local("2025-10-01"), start))
    assert "The business" not in [section.title for section in memo.sections]
    names = [one.name for block in memo.sections[0].blocks if isinstance(block, Figures) for one in block.figures]
    assert "Members who use the app" not in names
    told = (Pushed("revenue", date(2025, 11, 1), 41_250.0, "books", start),)
    (memo,) = monthly.documents(facts(config, start, end, figures=told), facts(config, local("2025-10-01"), start))
    assert figure(memo, "Revenue").text == "41,250"


@pytest.mark.parametrize(
    ("month", "said"),
    [
        (Month(0.999, 0.01, 0.8, 0.5, 0.3), ["It works"]),
        (Month(0.99, 0.01, 0.8, 0.5, 0.3), []),
        (Month(0.999, 0.01, 0.3, None, None), ["It works", "Only 30 %"]),
        (Month(0.999, 0.5, 0.8, None, None), ["Members use it and report many faults"]),
        (Month(0.999, 0.5, 0.3, None, None), ["Only 30 %"]),
        (Month(None, None, None, 0.41, 0.40), ["No more is done without staff"]),
        (Month(None, None, None, 0.99, 0.99), []),
        (Month(None, None, None, None, None), []),
    ],
)
def test_the_patterns_of_a_month_are_said_in_words(config: Config, month: Month, said: list[str]) -> None:
    found = signals.read(month, config.reports.targets)
    assert len(found) == len(said)
    assert all(one.text.startswith(words) for one, words in zip(found, said, strict=True))


def test_time_without_deskwatch_is_said_to_be_unknown(config: Config) -> None:
    silent = {id: (some[0]._replace(end=START + timedelta(days=6)),) for id, some in facts(config).spans.items()}
    (memo,) = weekly.documents(facts(config, spans=silent), before(config))
    words = str(part(memo, "Reliability"))
    assert "Deskwatch itself was not at work for 1 d (once)" in words
