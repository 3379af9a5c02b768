"""The record of one incident as a document."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr

from alerting.hours import OpeningHours
from alerting.rules import Severity
from incidents.impact import Basis, Correction, Impact
from incidents.incident import Entry, EntryKind, Incident, Stage
from incidents.review import Category, Detection
from monitor.config.model import Config, Server, Site, Storage
from monitor.reports import rendering
from monitor.reports.document import Kind, Mark, from_json, to_json
from monitor.reports.incident import document, reckoning, written

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SITE = Site("harbour", "Harbour Hall", OpeningHours(ZoneInfo("Europe/Berlin"), ((),) * 7), 120)
CONFIG = Config(SITE, (), (), {}, Server(), Storage(SecretStr("sqlite://")))
LIVE = Incident("01", "lift", "Lift is stuck", Severity.CRITICAL, NOON)
OVER = replace(
    LIVE,
    stage=Stage.RESOLVED,
    resolved=NOON + timedelta(hours=2),
    member_minutes=9000.0,
    cost=Impact(7200, 120, 14400, Basis.CAPACITY),
    corrected=Correction(9000, "Half of them had gone", "Ana", NOON + timedelta(hours=3)),
    timeline=(Entry(NOON, "Deskwatch", "Stuck.", EntryKind.TURN, NOON + timedelta(minutes=4)),),
    category=Category.HARDWARE,
    detection=Detection.MEMBER,
)


@pytest.mark.parametrize(
    ("incident", "mark", "words"),
    [
        (LIVE, Mark.BAD, "It has lasted for 3 h and is still there, nobody has it."),
        (OVER, Mark.WATCH, "It lasted 2 h. It cost 9,000 member-minutes."),
        (replace(OVER, member_minutes=None), Mark.WATCH, "What it cost is being worked out"),
        (replace(OVER, stage=Stage.REVIEWED, merged_into="02"), Mark.GOOD, "one with another incident, 02"),
    ],
)
def test_it_says_in_a_sentence_how_far_the_incident_is(incident: Incident, mark: Mark, words: str) -> None:
    made = document(incident, CONFIG, (), (), NOON + timedelta(hours=3))
    assert (made.kind, made.mark) == (Kind.INCIDENT, mark)
    assert words in made.summary


def test_it_says_how_the_cost_was_worked_out_and_who_knew_better() -> None:
    text = rendering.markdown(document(OVER, CONFIG, (), (), NOON))
    assert "2 h of opening time x 120 people: everybody whom it serves" in text
    assert "Corrected by Ana on 2026-03-02 16:00:00: Half of them had gone" in text
    assert "14,400 member-minutes" in text


def test_a_corrected_time_stands_beside_the_one_that_was_noted_first() -> None:
    assert "| 2026-03-02 13:00:00 | Deskwatch | State | Stuck. | 2026-03-02 13:04:00 |" in rendering.markdown(
        document(OVER, CONFIG, (), (), NOON)
    )


def test_what_people_wrote_is_in_words() -> None:
    assert dict(written(OVER)) == {"Kind of cause": "hardware", "Who noticed it first": "a member"}


def test_few_people_are_counted_to_the_tenth() -> None:
    assert reckoning(Impact(60, 2.5, 2.5, Basis.CLIENTS)).startswith("1 min of opening time x 2.5 people")


def test_it_survives_json() -> None:
    made = document(OVER, CONFIG, (), (), NOON)
    assert from_json(to_json(made)) == made
