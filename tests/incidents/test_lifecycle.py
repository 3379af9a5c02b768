"""The life of an incident: who is told what, how often, and that everybody who heard of it hears of the end."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from alerting.channels import Key, NoticeKind
from alerting.routes import Route
from alerting.rules import Episode, Phase, Severity, Why, close
from incidents.lifecycle import (
    OPENED,
    RESOLVED,
    UNWATCHED,
    US,
    Change,
    Incident,
    Stage,
    acknowledge,
    note,
    opened,
    remind,
    review,
    step,
)

START = datetime(2026, 8, 3, 8, 0, tzinfo=UTC)
TEAM = Route("team", repeat=600)
PHONE = Route("phone", repeat=0)
MAIL = Route("mail", repeat=3600)


def minutes(count: float) -> datetime:
    return START + timedelta(minutes=count)


def episode(id: str = "e1", severity: Severity = Severity.WARNING, at: datetime = START) -> Episode:
    """One that began to fire a minute after it opened."""
    fired = at + timedelta(minutes=1)
    return Episode(id, "booking/http", "down", severity, Phase.FIRING, opened=at, last_true=fired, fired=fired)


def new(*routes: Route, severity: Severity = Severity.WARNING) -> Change:
    return opened("i1", "booking", "Booking system: does not answer", episode(severity=severity), "503", routes)


def end(incident: Incident, *episodes: Episode, at: datetime, why: Why = Why.RECOVERED) -> Change:
    change = Change(incident)
    for one in episodes:
        change = step(change.incident, close(one, why, at), "back", ())
    return change


def test_an_incident_opens_with_a_message_to_every_route_and_two_lines() -> None:
    incident, notices = new(TEAM, PHONE)
    assert notices == (Key("e1", "team", NoticeKind.FIRING, 0), Key("e1", "phone", NoticeKind.FIRING, 0))
    assert incident.stage is Stage.OPEN
    assert incident.opened == START
    assert incident.timeline == ((START, US, "503"), (minutes(1), US, OPENED))
    assert [(one.destination, one.repeat_at) for one in incident.told] == [("team", minutes(11)), ("phone", None)]


def test_the_last_episode_to_end_resolves_it_and_tells_everybody_who_was_told() -> None:
    incident = new(TEAM, PHONE).incident
    second = episode("e2", at=minutes(2))
    incident, notices = step(incident, second, "also slow", (MAIL,))
    assert notices == ()  # not worse: written down, told to nobody

    incident, notices = end(incident, episode(), at=minutes(5))
    assert (incident.stage, notices) == (Stage.OPEN, ())

    incident, notices = end(incident, second, at=minutes(9))
    assert (incident.stage, incident.resolved) == (Stage.RESOLVED, minutes(9))
    assert notices == (Key("e1", "team", NoticeKind.RESOLVED, 0), Key("e1", "phone", NoticeKind.RESOLVED, 0))
    assert [entry.text for entry in incident.timeline] == ["503", OPENED, "also slow", "back", "back", RESOLVED]


def test_a_worse_episode_raises_the_severity_and_is_told_also_to_new_routes() -> None:
    incident, notices = step(new(TEAM).incident, episode("e2", Severity.CRITICAL, minutes(3)), "down", (TEAM, PHONE))
    assert incident.severity is Severity.CRITICAL
    assert notices == (Key("e2", "team", NoticeKind.FIRING, 0), Key("e2", "phone", NoticeKind.FIRING, 0))
    assert [(one.destination, one.episode) for one in incident.told] == [("team", "e2"), ("phone", "e2")]


def test_those_who_heard_only_of_the_milder_trouble_hear_of_the_end_too() -> None:
    worse = episode("e2", Severity.CRITICAL, minutes(3))
    incident = step(new(TEAM).incident, worse, "down", (PHONE,)).incident
    assert end(incident, episode(), worse, at=minutes(9)).notices == (
        Key("e1", "team", NoticeKind.RESOLVED, 0),
        Key("e2", "phone", NoticeKind.RESOLVED, 0),
    )


def test_an_episode_that_fires_again_while_it_recovers_is_no_news() -> None:
    change = new(TEAM)
    assert step(change.incident, episode(), "503", (TEAM,)) == Change(change.incident)


@pytest.mark.parametrize("phase", [Phase.PENDING, Phase.RECOVERING])
def test_only_firing_and_resolved_episodes_count(phase: Phase) -> None:
    incident = new(TEAM).incident
    assert step(incident, replace(episode("e2"), phase=phase), "perhaps", (TEAM,)) == Change(incident)


def test_the_end_of_an_episode_that_is_not_its_own_changes_nothing() -> None:
    incident = new(TEAM).incident
    assert end(incident, episode("other"), at=minutes(5)) == Change(incident)


def test_an_incident_that_is_over_takes_in_no_episode() -> None:
    over = end(new(TEAM).incident, episode(), at=minutes(5)).incident
    assert step(over, episode("e2", Severity.CRITICAL), "down", (TEAM,)) == Change(over)


def test_a_deleted_rule_closes_the_incident_and_says_so() -> None:
    incident, notices = end(new(TEAM).incident, episode(), at=minutes(5), why=Why.RULE_DELETED)
    assert incident.timeline[-1].text == UNWATCHED
    assert [key.kind for key in notices] == [NoticeKind.RESOLVED]


def test_a_reminder_repeats_at_its_interval_with_a_new_number_each_time() -> None:
    incident = new(TEAM, PHONE).incident
    assert remind(incident, minutes(10)) == Change(incident)
    incident, first = remind(incident, minutes(12))
    assert first == (Key("e1", "team", NoticeKind.REPEAT, 1),)
    assert remind(incident, minutes(21)).notices == ()
    assert remind(incident, minutes(22)).notices == (Key("e1", "team", NoticeKind.REPEAT, 2),)


def test_an_acknowledgement_says_who_and_stops_the_reminders() -> None:
    incident = acknowledge(new(TEAM).incident, "Ana", minutes(4)).incident
    assert (incident.stage, incident.acknowledged, incident.acknowledged_by) == (Stage.ACKNOWLEDGED, minutes(4), "Ana")
    assert incident.timeline[-1] == (minutes(4), "Ana", "Acknowledged by Ana.")
    assert remind(incident, minutes(600)) == Change(incident)


def test_only_the_first_acknowledgement_counts() -> None:
    incident = acknowledge(new(TEAM).incident, "Ana", minutes(4)).incident
    assert acknowledge(incident, "Bo", minutes(5)) == Change(incident)
    over = end(incident, episode(), at=minutes(6)).incident
    assert acknowledge(over, "Bo", minutes(7)) == Change(over)


def test_a_note_can_be_added_at_any_stage() -> None:
    over = end(new(TEAM).incident, episode(), at=minutes(6)).incident
    written, notices = note(over, "Called the provider.", "Ana", minutes(7))
    assert written.timeline == (*over.timeline, (minutes(7), "Ana", "Called the provider."))
    assert (written.stage, notices) == (Stage.RESOLVED, ())


def test_a_review_counts_when_the_incident_is_over_and_the_review_complete() -> None:
    incident = new(TEAM, severity=Severity.CRITICAL).incident
    assert review(incident, "restarted", "old firmware", "Ana", minutes(2)).incident.stage is Stage.OPEN
    over = end(incident, episode(), at=minutes(6)).incident
    half = review(over, "restarted", "", "Ana", minutes(7)).incident
    assert (half.stage, half.resolution) == (Stage.RESOLVED, "restarted")
    whole = review(half, "restarted", "old firmware", "Ana", minutes(8)).incident
    assert (whole.stage, whole.timeline[-1].text) == (Stage.REVIEWED, "Review written by Ana.")
    assert review(whole, "restarted", "", "Ana", minutes(9)).incident.stage is Stage.RESOLVED


def test_a_review_that_changes_nothing_is_not_written_down() -> None:
    over = end(new(TEAM).incident, episode(), at=minutes(6)).incident
    assert review(over, "", "", "Ana", minutes(7)) == Change(over)


def test_an_incident_reviewed_before_its_end_is_reviewed_with_it() -> None:
    incident = review(new(TEAM).incident, "restarted", "", "Ana", minutes(2)).incident
    assert end(incident, episode(), at=minutes(6)).incident.stage is Stage.REVIEWED


@dataclass
class Ledger:
    """What was sent of one incident, and what it looked like before the last step."""

    sent: list[Key] = field(default_factory=list)
    timeline: tuple[object, ...] = ()

    def destinations(self, kind: NoticeKind) -> list[str]:
        return [key.destination for key in self.sent if key.kind is kind]


severities = st.sampled_from([Severity.WARNING, Severity.CRITICAL])
audiences = st.lists(st.sampled_from([TEAM, PHONE, MAIL]), unique=True)


class Life(RuleBasedStateMachine):
    """Whatever happens to an incident, in whatever order."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.ledger = Ledger()
        self.episodes: list[Episode] = []

    @initialize(severity=severities, routes=audiences)
    def begin(self, severity: Severity, routes: list[Route]) -> None:
        self.episodes.append(episode("e1", severity))
        self.incident, notices = opened("i1", "booking", "title", self.episodes[0], "503", routes)
        self.ledger.sent.extend(notices)

    def apply(self, change: Change) -> None:
        before, self.incident = self.incident, change.incident
        assert self.incident.timeline[: len(before.timeline)] == before.timeline
        if not before.stage.live:
            assert change.notices == ()
        if before.stage is not Stage.OPEN:
            assert [key for key in change.notices if key.kind is NoticeKind.REPEAT] == []
        self.ledger.sent.extend(change.notices)

    @rule(minutes=st.integers(1, 200))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)
        self.apply(remind(self.incident, self.now))

    @rule(severity=severities, routes=audiences)
    def another_fires(self, severity: Severity, routes: list[Route]) -> None:
        self.episodes.append(episode(f"e{len(self.episodes) + 1}", severity, self.now))
        self.apply(step(self.incident, self.episodes[-1], "worse", routes))

    @rule(data=st.data(), routes=audiences)
    def one_fires_again(self, data: st.DataObject, routes: list[Route]) -> None:
        self.apply(step(self.incident, data.draw(st.sampled_from(self.episodes)), "again", routes))

    @rule(data=st.data(), why=st.sampled_from(Why))
    def one_ends(self, data: st.DataObject, why: Why) -> None:
        one = data.draw(st.sampled_from(self.episodes))
        self.apply(step(self.incident, close(one, why, self.now), "back", ()))

    @rule()
    def somebody_acknowledges(self) -> None:
        self.apply(acknowledge(self.incident, "Ana", self.now))

    @rule(resolution=st.sampled_from(["", "restarted"]), root_cause=st.sampled_from(["", "firmware"]))
    def somebody_reviews(self, resolution: str, root_cause: str) -> None:
        self.apply(review(self.incident, resolution, root_cause, "Ana", self.now))

    @precondition(lambda self: self.incident.stage.live)
    @rule()
    def all_end(self) -> None:
        for one in self.episodes:
            self.apply(step(self.incident, close(one, Why.RECOVERED, self.now), "back", ()))
        assert not self.incident.stage.live

    @invariant()
    def everybody_who_was_told_hears_of_the_end_exactly_once(self) -> None:
        told = set(self.ledger.destinations(NoticeKind.FIRING))
        ended = self.ledger.destinations(NoticeKind.RESOLVED)
        assert sorted(ended) == ([] if self.incident.stage.live else sorted(told))

    @invariant()
    def no_message_has_the_key_of_another(self) -> None:
        assert len(self.ledger.sent) == len(set(self.ledger.sent))

    @invariant()
    def the_end_is_told_through_an_episode_whose_beginning_was(self) -> None:
        began = {(key.episode, key.destination) for key in self.ledger.sent if key.kind is NoticeKind.FIRING}
        assert {(key.episode, key.destination) for key in self.ledger.sent} <= began

    @invariant()
    def it_is_over_when_and_only_when_nothing_fires(self) -> None:
        assert self.incident.stage.live == bool(self.incident.firing)
        assert self.incident.stage.live == (self.incident.resolved is None)


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=300, stateful_step_count=12, deadline=None)


@given(st.lists(st.integers(1, 100), max_size=20))
def test_reminders_of_a_destination_are_never_closer_than_its_interval(steps: list[int]) -> None:
    incident, now = new(TEAM).incident, minutes(1)
    times = [now]
    for gap in steps:
        now += timedelta(minutes=gap)
        incident, notices = remind(incident, now)
        times.extend(now for _ in notices)
    assert all(later - earlier >= timedelta(seconds=TEAM.repeat) for earlier, later in pairwise(times))
