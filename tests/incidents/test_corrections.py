"""Corrections: people know better, and the record keeps what it said before."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from alerting.rules import Severity
from incidents.corrections import Times, correct, correct_impact, correct_times, obstacle
from incidents.impact import Basis, Impact
from incidents.incident import Change, Entry, EntryKind, Incident, Stage

LISBON = ZoneInfo("Europe/Lisbon")
START = datetime(2026, 8, 3, 8, tzinfo=UTC)
OVER = Incident(
    "i1",
    "door",
    "Door is down",
    Severity.WARNING,
    START,
    Stage.RESOLVED,
    timeline=(Entry(START, "Deskwatch", "Door: no answer", EntryKind.TURN), Entry(START, "Ana", "Went there.")),
    resolved=START + timedelta(hours=1),
    member_minutes=1200,
    cost=Impact(3600, 20, 1200, Basis.CAPACITY),
)
NOW = START + timedelta(hours=3)


def at(minute: int) -> datetime:
    return START + timedelta(minutes=minute)


def test_a_line_keeps_its_first_time_however_often_it_is_corrected() -> None:
    once = correct(OVER, 2, at(10), "Ana", NOW, LISBON).incident
    assert once.timeline[1] == Entry(at(10), "Ana", "Went there.", EntryKind.NOTE, START)
    assert once.timeline[2].text == "Ana corrected the time of line 2: Mon 3 Aug, 09:10 instead of Mon 3 Aug, 09:00."
    twice = correct(once, 2, at(20), "Ben", NOW, LISBON).incident
    assert (twice.timeline[1].at, twice.timeline[1].noted) == (at(20), START)
    assert [one.number for one in twice.lines] == [1, 2, 3, 4]
    assert [one.number for one in correct(OVER, 1, at(30), "Ana", NOW, LISBON).incident.lines] == [2, 1, 3]


@pytest.mark.parametrize(("line", "minute"), [(0, 10), (3, 10), (2, 600), (2, 0)])
def test_a_line_that_does_not_exist_or_a_time_to_come_changes_nothing(line: int, minute: int) -> None:
    assert correct(OVER, line, at(minute), "Ana", NOW, LISBON) == Change(OVER)


def test_other_times_are_written_down_and_the_cost_is_worked_out_again() -> None:
    changed = correct_times(OVER, Times(at(-30), at(45)), "Ana", NOW, LISBON).incident
    assert (changed.opened, changed.resolved, changed.uncosted) == (at(-30), at(45), True)
    assert [entry.text for entry in changed.timeline[2:]] == [
        "Ana corrected the beginning: Mon 3 Aug, 08:30 instead of Mon 3 Aug, 09:00.",
        "Ana corrected the end: Mon 3 Aug, 09:45 instead of Mon 3 Aug, 10:00.",
    ]
    assert correct_times(OVER, Times(START, OVER.resolved), "Ana", NOW, LISBON) == Change(OVER)


@pytest.mark.parametrize(
    ("incident", "times", "words"),
    [
        (OVER, Times(opened=at(60)), "over before it began"),
        (OVER, Times(resolved=at(600)), "still to come"),
        (replace(OVER, resolved=None, stage=Stage.OPEN), Times(resolved=at(5)), "not over yet"),
        (replace(OVER, merged_into="i2"), Times(opened=at(-5)), "correct that one"),
    ],
)
def test_impossible_times_change_nothing(incident: Incident, times: Times, words: str) -> None:
    assert words in obstacle(incident, times, NOW)
    assert correct_times(incident, times, "Ana", NOW, LISBON) == Change(incident)


def test_what_it_really_cost_counts_and_what_was_computed_stays_beside_it() -> None:
    changed = correct_impact(OVER, 300, "Only five were there.", "Ana", NOW).incident
    assert (changed.member_minutes, changed.cost) == (300, OVER.cost)
    assert changed.corrected == (300, "Only five were there.", "Ana", NOW)
    assert changed.timeline[-1].text == "Ana says that it cost 300 member-minutes: Only five were there."


@pytest.mark.parametrize(("minutes", "reason"), [(300, " "), (-1, "less than nothing")])
def test_a_figure_without_a_reason_changes_nothing(minutes: float, reason: str) -> None:
    assert correct_impact(OVER, minutes, reason, "Ana", NOW) == Change(OVER)
