"""Two incidents that are one: everybody hears once, nothing is counted twice, and nothing that lasts is forgotten."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from alerting.channels import Key, NoticeKind
from alerting.oncall import Reached
from alerting.routes import Route
from alerting.rules import Episode, Phase, Severity, Why, close
from incidents.impact import Basis, Impact
from incidents.incident import Call, Incident, Stage
from incidents.lifecycle import costed, opened, step
from incidents.merging import merge, obstacle

START = datetime(2026, 8, 3, 8, tzinfo=UTC)


def at(minute: int) -> datetime:
    return START + timedelta(minutes=minute)


def episode(id: str, minute: int, severity: Severity = Severity.WARNING) -> Episode:
    return Episode(id, f"{id}/http", "down", severity, Phase.FIRING, at(minute), at(minute), fired=at(minute))


def incident(id: str, minute: int, *to: str, severity: Severity = Severity.WARNING) -> Incident:
    calls = [Call(Route(one, repeat=0), (Reached(one, one),)) for one in to]
    return opened(f"i-{id}", id, f"{id} is down", episode(id, minute, severity), "503", calls).incident


def ended(one: Incident, minute: int) -> Incident:
    (id,) = one.firing
    over = step(one, close(episode(id, 0), Why.RECOVERED, at(minute)), "back", ()).incident
    return costed(over, Impact(600, 20, 200, Basis.CAPACITY))


def test_the_one_ends_quietly_and_the_other_tells_of_both() -> None:
    gone, kept = merge(
        incident("wifi", 0, "team", severity=Severity.CRITICAL), incident("portal", 5, "team"), "Ana", at(9)
    )
    assert gone.notices == (Key("wifi", "team", NoticeKind.RESOLVED, 0),)
    assert (gone.incident.stage, gone.incident.merged_into) == (Stage.REVIEWED, "i-portal")
    assert (gone.incident.member_minutes, gone.incident.firing, gone.incident.unwritten) == (0, frozenset(), ())
    assert kept.notices == ()
    assert (kept.incident.opened, kept.incident.severity) == (at(0), Severity.CRITICAL)
    assert kept.incident.firing == {"wifi", "portal"}
    assert [one.destination for one in kept.incident.told] == ["team"]


def test_who_was_told_only_of_the_one_hears_of_the_end_of_the_other_by_a_message_of_its_own() -> None:
    gone, kept = merge(incident("wifi", 0, "ben"), incident("portal", 5, "team"), "Ana", at(9))
    change = step(kept.incident, close(episode("wifi", 0), Why.RECOVERED, at(20)), "back", ())
    assert change.incident.stage is Stage.OPEN, "the portal is still down"
    change = step(change.incident, close(episode("portal", 5), Why.RECOVERED, at(30)), "back", ())
    assert [key.destination for key in change.notices] == ["team", "ben"]
    assert not set(change.notices) & set(gone.notices)


def test_what_is_over_is_merged_without_a_word_and_counted_again() -> None:
    one, other = ended(incident("wifi", 0, "ben"), 10), ended(incident("portal", 5, "team"), 30)
    gone, kept = merge(one, other, "Ana", at(60))
    assert (gone.notices, kept.notices) == ((), ())
    assert (kept.incident.opened, kept.incident.resolved, kept.incident.uncosted) == (at(0), at(30), True)
    _, into = merge(other, one, "Ana", at(60))
    assert (into.incident.opened, into.incident.resolved) == (at(0), at(30))


def test_what_is_over_is_merged_into_what_lasts_and_not_the_other_way_round() -> None:
    over, live = ended(incident("wifi", 0, "ben"), 10), incident("portal", 5, "team")
    assert merge(over, live, "Ana", at(60)).kept.incident.opened == at(0)
    assert "merge i-wifi into i-portal" in obstacle(live, over)
    refused = merge(live, over, "Ana", at(60))
    assert (refused.gone.incident, refused.kept.incident) == (live, over)


@pytest.mark.parametrize(("merged", "words"), [(False, "into itself"), (True, "merged into i-x already")])
def test_nothing_is_merged_into_itself_or_twice(merged: bool, words: str) -> None:
    one = incident("wifi", 0)
    other = replace(incident("portal", 5), merged_into="i-x") if merged else one
    assert words in obstacle(one, other)
    assert merge(one, other, "Ana", at(9)).gone.incident == one
