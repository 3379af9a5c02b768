"""What the buttons of a link do to an incident."""

from datetime import UTC, datetime, timedelta

import pytest

from alerting.rules import Severity
from incidents.answers import LATER, Action, Answer, is_taken, offered, take
from incidents.lifecycle import Entry, EntryKind, Incident, Stage, Told, acknowledge

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
OPEN = Incident(
    "01B",
    "fibre",
    "The fibre is down",
    Severity.CRITICAL,
    NOW - HOUR,
    firing=frozenset({"01A"}),
    told=(Told("ana", "01A"),),
    timeline=(Entry(NOW - HOUR, "Deskwatch", "Incident opened."),),
)
BENS = acknowledge(OPEN, "Ben Sousa", NOW - HOUR / 2, NOW + HOUR).incident
ANAS = acknowledge(OPEN, "Ana Lopes", NOW - HOUR / 2, NOW + HOUR).incident
OVER = take(OPEN, Answer(Action.RESOLVE, "Ben Sousa", "ben", NOW), NOW, 4 * 3600, 900).incident


def answered(incident: Incident, action: Action, now: datetime = NOW) -> Incident:
    return take(incident, Answer(action, "Ana Lopes", "ana", NOW), now, 4 * 3600, 900).incident


def test_who_takes_it_has_it_for_as_long_as_configured() -> None:
    found = answered(OPEN, Action.ACKNOWLEDGE)
    assert (found.stage, found.acknowledged_by) == (Stage.ACKNOWLEDGED, "Ana Lopes")
    assert found.acknowledged_until == NOW + 4 * HOUR
    assert found.timeline[-1] == Entry(
        NOW, "Ana Lopes", "Acknowledged by Ana Lopes, by the link sent to ana.", EntryKind.STEP
    )


def test_who_wants_to_be_reminded_has_it_for_an_hour() -> None:
    found = answered(OPEN, Action.SNOOZE)
    assert found.acknowledged_until == NOW + LATER == NOW + HOUR
    assert found.timeline[-1].text == "Acknowledged by Ana Lopes, to be reminded in an hour, by the link sent to ana."


def test_who_cannot_take_it_passes_it_on() -> None:
    found = answered(OPEN, Action.ESCALATE)
    assert found.stage is Stage.OPEN
    assert found.timeline[-1].text.endswith("passed on, by the link sent to ana.")


def test_what_somebody_calls_fixed_is_over_and_looked_at_again() -> None:
    found = answered(OPEN, Action.RESOLVE)
    assert not found.stage.live
    assert found.rechecked == NOW + timedelta(minutes=15)


@pytest.mark.parametrize("action", [one for one in Action if one is not Action.CONFIRM])
def test_an_answer_is_taken_in_once(action: Action) -> None:
    once = answered(OPEN, action)
    assert is_taken(once, Answer(action, "Ana Lopes", "ana", NOW))
    twice = take(once, Answer(action, "Ana Lopes", "ana", NOW), NOW + HOUR, 4 * 3600, 900)
    assert twice.incident is once
    assert twice.notices == ()


def test_an_answer_whose_first_try_failed_holds_from_now() -> None:
    found = answered(OPEN, Action.ACKNOWLEDGE, NOW + 5 * HOUR)
    assert found.acknowledged_until == NOW + 9 * HOUR


@pytest.mark.parametrize(
    ("incident", "expected"),
    [
        (OPEN, ("acknowledge", "snooze", "escalate", "resolve")),
        (BENS, ("resolve",)),
        (ANAS, ("escalate", "resolve")),
        (OVER, ()),
    ],
)
def test_only_answers_that_make_sense_are_offered_and_taken(incident: Incident, expected: tuple[str, ...]) -> None:
    assert offered(incident, "Ana Lopes") == expected
    for action in Action:
        if action not in expected:
            assert answered(incident, action) is incident
