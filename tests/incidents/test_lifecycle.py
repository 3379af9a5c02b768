"""The life of an incident: who is told what, how often, and that everybody who heard of it hears of the end."""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from alerting.channels import Key, NoticeKind
from alerting.gates import Gate, Hold
from alerting.oncall import Reached
from alerting.routes import Route, Step
from alerting.rules import Episode, Phase, Severity, Why, close
from alerting.verdicts import Verdict
from incidents.impact import Basis, Impact
from incidents.incident import US, Call, Change, Entry, EntryKind, Incident, Origin, Stage, deadlines
from incidents.lifecycle import (
    OPENED,
    REOPENED,
    RESOLVED,
    RETURNED,
    SETTLE,
    UNWATCHED,
    Report,
    acknowledge,
    act,
    costed,
    dismiss,
    done,
    lapse,
    not_me,
    note,
    opened,
    recheck,
    reported,
    returned,
    review,
    settle,
    step,
    worsen,
)
from incidents.review import Action, Category, Detection, Review
from incidents.telling import RETRY, climb, release, remind

START = datetime(2026, 8, 3, 8, 0, tzinfo=UTC)
TEAM = Route("team", repeat=600)
PHONE = Route("phone", repeat=0)
MAIL = Route("mail", repeat=3600)


PAGER = Route("pager", repeat=0, steps=(Step(0, ("ana",)), Step(600, ("ben",)), Step(300, ("chief",))))
SILENCE = Hold(Gate.SILENCE, "s1", None, "silenced by Ana")


def call(route: Route, *to: str, hold: Hold | None = None) -> Call:
    """A route whose step leads to these destinations, to the one of its own name unless said."""
    return Call(route, () if hold else tuple(Reached(one, one.title()) for one in to or (route.id,)), hold)


def minutes(count: float) -> datetime:
    return START + timedelta(minutes=count)


def episode(id: str = "e1", severity: Severity = Severity.WARNING, at: datetime = START) -> Episode:
    """One that began to fire a minute after it opened."""
    fired = at + timedelta(minutes=1)
    return Episode(id, "booking/http", "down", severity, Phase.FIRING, opened=at, last_true=fired, fired=fired)


def new(*routes: Route, severity: Severity = Severity.WARNING) -> Change:
    calls = [call(route) for route in routes]
    return opened("i1", "booking", "Booking system: does not answer", episode(severity=severity), "503", calls)


def end(incident: Incident, *episodes: Episode, at: datetime, why: Why = Why.RECOVERED) -> Change:
    change = Change(incident)
    for one in episodes:
        change = step(change.incident, close(one, why, at), "back", ())
    return change


def test_an_incident_opens_with_a_message_to_every_route_and_two_lines() -> None:
    incident, notices, *_ = new(TEAM, PHONE)
    assert notices == (Key("e1", "team", NoticeKind.FIRING, 0), Key("e1", "phone", NoticeKind.FIRING, 0))
    assert incident.stage is Stage.OPEN
    assert incident.opened == START
    assert incident.timeline == (
        Entry(START, US, "503", EntryKind.TURN),
        Entry(minutes(1), US, OPENED, EntryKind.STEP),
    )
    assert [(one.destination, one.repeat_at) for one in incident.told] == [("team", minutes(11)), ("phone", None)]


def test_the_last_episode_to_end_resolves_it_and_tells_everybody_who_was_told() -> None:
    incident = new(TEAM, PHONE).incident
    second = episode("e2", at=minutes(2))
    incident, notices, *_ = step(incident, second, "also slow", [call(MAIL)])
    assert notices == ()  # not worse: written down, told to nobody

    incident, notices, *_ = end(incident, episode(), at=minutes(5))
    assert (incident.stage, notices) == (Stage.OPEN, ())

    incident, notices, *_ = end(incident, second, at=minutes(9))
    assert (incident.stage, incident.resolved) == (Stage.RESOLVED, minutes(9))
    assert notices == (Key("e1", "team", NoticeKind.RESOLVED, 0), Key("e1", "phone", NoticeKind.RESOLVED, 0))
    assert [entry.text for entry in incident.timeline] == ["503", OPENED, "also slow", "back", "back", RESOLVED]


def test_a_worse_episode_raises_the_severity_and_is_told_also_to_new_routes() -> None:
    incident, notices, *_ = step(
        new(TEAM).incident, episode("e2", Severity.CRITICAL, minutes(3)), "down", [call(TEAM), call(PHONE)]
    )
    assert incident.severity is Severity.CRITICAL
    assert notices == (Key("e2", "team", NoticeKind.FIRING, 0), Key("e2", "phone", NoticeKind.FIRING, 0))
    assert [(one.destination, one.episode) for one in incident.told] == [("team", "e2"), ("phone", "e2")]


def test_those_who_heard_only_of_the_milder_trouble_hear_of_the_end_too() -> None:
    worse = episode("e2", Severity.CRITICAL, minutes(3))
    incident = step(new(TEAM).incident, worse, "down", [call(PHONE)]).incident
    assert end(incident, episode(), worse, at=minutes(9)).notices == (
        Key("e1", "team", NoticeKind.RESOLVED, 0),
        Key("e2", "phone", NoticeKind.RESOLVED, 0),
    )


def test_an_episode_that_fires_again_while_it_recovers_is_no_news() -> None:
    change = new(TEAM)
    assert step(change.incident, episode(), "503", [call(TEAM)]) == Change(change.incident)


@pytest.mark.parametrize("phase", [Phase.PENDING, Phase.RECOVERING])
def test_only_firing_and_resolved_episodes_count(phase: Phase) -> None:
    incident = new(TEAM).incident
    assert step(incident, replace(episode("e2"), phase=phase), "perhaps", [call(TEAM)]) == Change(incident)


def test_the_end_of_an_episode_that_is_not_its_own_changes_nothing() -> None:
    incident = new(TEAM).incident
    assert end(incident, episode("other"), at=minutes(5)) == Change(incident)


def test_an_incident_that_is_over_takes_in_no_episode() -> None:
    over = end(new(TEAM).incident, episode(), at=minutes(5)).incident
    assert step(over, episode("e2", Severity.CRITICAL), "down", [call(TEAM)]) == Change(over)


def test_a_deleted_rule_closes_the_incident_and_says_so() -> None:
    incident, notices, *_ = end(new(TEAM).incident, episode(), at=minutes(5), why=Why.RULE_DELETED)
    assert incident.timeline[-1].text == UNWATCHED
    assert [key.kind for key in notices] == [NoticeKind.RESOLVED]


def test_a_reminder_repeats_at_its_interval_with_a_new_number_each_time() -> None:
    incident = new(TEAM, PHONE).incident
    assert remind(incident, {}, minutes(10)) == Change(incident)
    incident, first, *_ = remind(incident, {}, minutes(12))
    assert first == (Key("e1", "team", NoticeKind.REPEAT, 1),)
    assert remind(incident, {}, minutes(21)).notices == ()
    assert remind(incident, {}, minutes(22)).notices == (Key("e1", "team", NoticeKind.REPEAT, 2),)


def test_an_acknowledgement_says_who_and_stops_the_reminders() -> None:
    incident = acknowledge(new(TEAM).incident, "Ana", minutes(4)).incident
    assert (incident.stage, incident.acknowledged, incident.acknowledged_by) == (Stage.ACKNOWLEDGED, minutes(4), "Ana")
    assert incident.timeline[-1] == Entry(minutes(4), "Ana", "Acknowledged by Ana.", EntryKind.STEP)
    assert remind(incident, {}, minutes(600)) == Change(incident)


def test_only_the_first_acknowledgement_counts() -> None:
    incident = acknowledge(new(TEAM).incident, "Ana", minutes(4)).incident
    assert acknowledge(incident, "Bo", minutes(5)) == Change(incident)
    over = end(incident, episode(), at=minutes(6)).incident
    assert acknowledge(over, "Bo", minutes(7)) == Change(over)


def test_a_note_can_be_added_at_any_stage() -> None:
    over = end(new(TEAM).incident, episode(), at=minutes(6)).incident
    written, notices, *_ = note(over, "Called the provider.", "Ana", minutes(7))
    assert written.timeline == (*over.timeline, Entry(minutes(7), "Ana", "Called the provider."))
    assert (written.stage, notices) == (Stage.RESOLVED, ())


def test_a_review_counts_when_the_incident_is_over_and_the_review_complete() -> None:
    incident = new(TEAM, severity=Severity.CRITICAL).incident
    complete = Review("restarted", "old firmware", category=Category.VENDOR, detection=Detection.US)
    assert review(incident, complete, "Ana", minutes(2)).incident.stage is Stage.OPEN
    over = costed(end(incident, episode(), at=minutes(6)).incident, Impact(300, 20, 100, Basis.CAPACITY))
    half = review(over, Review("restarted"), "Ana", minutes(7)).incident
    assert (half.stage, half.resolution) == (Stage.RESOLVED, "restarted")
    whole = review(half, complete, "Ana", minutes(8)).incident
    assert (whole.stage, whole.timeline[-1].text) == (Stage.REVIEWED, "Review written by Ana.")
    assert review(whole, Review("restarted"), "Ana", minutes(9)).incident.stage is Stage.RESOLVED


def test_an_incident_is_as_far_as_its_review_when_it_is_known_what_it_cost() -> None:
    incident = review(new(TEAM).incident, Review("restarted"), "Ana", minutes(2)).incident
    over = end(incident, episode(), at=minutes(6)).incident
    assert costed(over, Impact(0, 20, 0, Basis.CAPACITY)).stage is Stage.REVIEWED
    assert costed(over, Impact(3600, 20, 1200, Basis.CAPACITY)).stage is Stage.RESOLVED


def test_after_a_critical_incident_something_has_to_be_done_about_it() -> None:
    over = costed(end(new(TEAM).incident, episode(), at=minutes(6)).incident, Impact(3600, 20, 1200, Basis.CAPACITY))
    written = Review("restarted", "firmware", category=Category.VENDOR, factors="none", detection=Detection.US)
    waits = review(over, written, "Ana", minutes(8)).incident
    assert (waits.stage, waits.unwritten) == (Stage.RESOLVED, ("actions",))
    todo = Action("a1", "i1", "Buy a spare", "ana", date(2026, 8, 9), minutes(9), "Ben")
    listed = act(waits, todo).incident
    assert (listed.stage, listed.actions) == (Stage.REVIEWED, (todo,))
    assert act(listed, todo) == Change(listed)
    (finished,) = done(listed, "a1", "Ana", minutes(20)).incident.actions
    assert (finished.done, finished.done_by) == (minutes(20), "Ana")


def test_a_fault_that_is_back_goes_on_with_its_incident_and_everybody_who_was_told_hears_so() -> None:
    change = opened("i1", "door", "Door", episode(), "503", [call(PAGER, "ana"), call(TEAM)])
    climbed = climb(change.incident, {"pager": call(PAGER, "ben")}, minutes(12)).incident
    over = costed(end(climbed, episode(), at=minutes(15)).incident, Impact(900, 20, 300, Basis.CAPACITY))
    again = returned(over, episode("e2", Severity.CRITICAL, minutes(18)), "503", [call(PAGER, "ana"), call(TEAM)])
    incident = again.incident
    assert (incident.stage, incident.reopened, incident.resolved) == (Stage.OPEN, 1, None)
    assert (incident.severity, incident.member_minutes) == (Severity.CRITICAL, None)
    assert incident.timeline[-2] == Entry(minutes(19), US, RETURNED, EntryKind.STEP)
    assert [(key.destination, key.episode, key.kind) for key in again.notices] == [
        ("ana", "e2", NoticeKind.FIRING),
        ("team", "e2", NoticeKind.FIRING),
        ("ben", "e1", NoticeKind.REPEAT),
    ]
    assert [one.step for one in incident.ladders] == [0], "nobody has it, so the steps begin anew"
    end_keys = end(incident, episode("e2", at=minutes(18)), at=minutes(30)).notices
    assert [key.destination for key in end_keys] == ["ana", "team", "ben"]
    assert not set(end_keys) & set(end(climbed, episode(), at=minutes(15)).notices)


def test_who_a_gate_keeps_from_hearing_that_it_is_back_waits_for_the_gate() -> None:
    over = end(new(TEAM).incident, episode(), at=minutes(5)).incident
    again = returned(over, episode("e2", at=minutes(7)), "503", [call(TEAM, hold=SILENCE)])
    assert (again.notices, [one.route for one in again.incident.waiting]) == ((), ["team"])
    assert release(again.incident, [call(TEAM)], minutes(9)).notices == (Key("e2", "team", NoticeKind.FIRING, 0),)


def test_what_a_member_reports_lasts_until_a_person_says_that_it_is_fixed() -> None:
    said = Report("r1", "printer", "The printer eats paper", "Ana", minutes(0), by_member=True, people=7)
    incident, notices, *_ = reported(said, minutes(9), [call(TEAM)])
    assert notices == (Key("r1", "team", NoticeKind.FIRING, 0),)
    assert (incident.opened, incident.origin, incident.detection) == (minutes(0), Origin.REPORTED, Detection.MEMBER)
    joined = step(incident, episode("e1", at=minutes(10)), "no answer", []).incident
    measured_well = end(joined, episode("e1", at=minutes(10)), at=minutes(20))
    assert (measured_well.incident.stage, measured_well.notices) == (Stage.OPEN, ())
    fixed = dismiss(measured_well.incident, "Ana", minutes(30), minutes(45))
    assert (fixed.incident.stage, fixed.incident.rechecked) == (Stage.RESOLVED, None)
    assert fixed.notices == (Key("r1", "team", NoticeKind.RESOLVED, 0),)
    assert "missing_check" in fixed.incident.unwritten


def test_a_review_that_changes_nothing_is_not_written_down() -> None:
    over = end(new(TEAM).incident, episode(), at=minutes(6)).incident
    assert review(over, Review(), "Ana", minutes(7)) == Change(over)


def test_an_incident_reviewed_before_its_end_is_reviewed_with_it() -> None:
    incident = review(new(TEAM).incident, Review("restarted"), "Ana", minutes(2)).incident
    assert end(incident, episode(), at=minutes(6)).incident.stage is Stage.REVIEWED


def test_an_acknowledgement_runs_out_and_everybody_told_hears_that_it_still_lasts() -> None:
    incident = acknowledge(new(TEAM, PHONE).incident, "Ana", minutes(4), minutes(64)).incident
    assert lapse(incident, minutes(63)) == Change(incident)
    again = lapse(incident, minutes(64))
    assert again.incident.stage is Stage.OPEN
    assert again.incident.timeline[-1].text == "Ana had it, but it still lasts: open again."
    assert again.notices == (Key("e1", "team", NoticeKind.REPEAT, 1), Key("e1", "phone", NoticeKind.REPEAT, 1))


def test_who_already_has_it_can_keep_it_for_longer_and_only_for_longer() -> None:
    incident = acknowledge(new(TEAM).incident, "Ana", minutes(4), minutes(64)).incident
    assert acknowledge(incident, "Ana", minutes(5), minutes(34)) == Change(incident)
    longer = acknowledge(incident, "Ana", minutes(60), minutes(120)).incident
    assert (longer.acknowledged, longer.acknowledged_until) == (minutes(4), minutes(120))


def test_nobody_answers_and_the_steps_are_told_one_after_the_other() -> None:
    change = opened("i1", "door", "Door", episode(), "503", [call(PAGER, "ana")])
    assert [key.destination for key in change.notices] == ["ana"]
    incident, told = change.incident, []
    for minute in range(1, 40):
        ladder = incident.ladders[0]
        calls = {} if ladder.step == 2 else {"pager": call(PAGER, ("ben", "chief")[ladder.step])}
        incident, notices, rulings, _ = climb(incident, calls, minutes(minute))
        told += [(minute, key.destination, key.kind) for key in notices]
        assert [one.verdict for one in rulings] == [Verdict.ESCALATED] * len(notices)
    assert told == [(11, "ben", NoticeKind.FIRING), (16, "chief", NoticeKind.FIRING)]
    assert incident.timeline[-1].text == "Nobody has answered yet: told Chief."


def test_a_step_that_leads_to_nobody_goes_on_to_the_next_at_once() -> None:
    change = opened("i1", "door", "Door", episode(), "503", [Call(PAGER)])
    assert [one.verdict for one in change.rulings] == [Verdict.NOBODY]
    later = climb(change.incident, {"pager": call(PAGER, "ben")}, minutes(1))
    assert [key.destination for key in later.notices] == ["ben"]


def test_an_acknowledgement_stops_the_steps_and_passing_it_on_goes_on_at_once() -> None:
    incident = opened("i1", "door", "Door", episode(), "503", [call(PAGER, "ana")]).incident
    change = acknowledge(incident, "Ana", minutes(2), minutes(200))
    assert [one.verdict for one in change.rulings] == [Verdict.STOPPED]
    assert climb(change.incident, {"pager": call(PAGER, "ben")}, minutes(30)).notices == ()
    passed = not_me(change.incident, "Ana", minutes(31)).incident
    assert passed.stage is Stage.OPEN
    assert [key.destination for key in climb(passed, {"pager": call(PAGER, "ben")}, minutes(31)).notices] == ["ben"]


def test_passing_on_what_has_no_further_step_tells_everybody_again() -> None:
    assert not_me(new(TEAM).incident, "Ana", minutes(3)).notices == (Key("e1", "team", NoticeKind.REPEAT, 1),)


def test_a_step_waits_for_its_gate() -> None:
    incident = opened("i1", "door", "Door", episode(), "503", [call(PAGER, "ana")]).incident
    change = climb(incident, {"pager": call(PAGER, hold=SILENCE)}, minutes(20))
    assert (change.notices, change.rulings[0].verdict) == ((), Verdict.QUIETED)
    assert change.incident.ladders[0].next_at == minutes(20) + RETRY
    quiet = climb(incident, {"pager": call(PAGER, hold=SILENCE._replace(until=minutes(90)))}, minutes(20))
    assert quiet.incident.ladders[0].next_at == minutes(90)


def test_a_gate_holds_the_first_message_back_and_lets_it_out_when_it_opens() -> None:
    change = opened("i1", "door", "Door", episode(), "503", [call(TEAM, hold=SILENCE), call(MAIL)])
    assert [key.destination for key in change.notices] == ["mail"]
    assert [(one.route, one.verdict) for one in change.rulings] == [("team", Verdict.HELD), ("mail", Verdict.TOLD)]
    still = release(change.incident, [call(TEAM, hold=SILENCE)], minutes(5))
    assert (still.notices, still.rulings, still.incident) == ((), (), change.incident)
    out = release(change.incident, [call(TEAM)], minutes(9))
    assert out.notices == (Key("e1", "team", NoticeKind.FIRING, 0),)
    assert (out.rulings[0].verdict, out.incident.waiting) == (Verdict.RELEASED, ())


def test_who_was_held_back_to_the_end_hears_of_neither() -> None:
    held = opened("i1", "door", "Door", episode(), "503", [call(TEAM, hold=SILENCE), call(MAIL)]).incident
    over = end(held, episode(), at=minutes(5))
    assert over.notices == (Key("e1", "mail", NoticeKind.RESOLVED, 0),)
    assert [(one.route, one.verdict) for one in over.rulings] == [("team", Verdict.MISSED)]


def test_a_gate_that_closes_later_stops_repeats_and_never_the_end() -> None:
    incident = new(TEAM).incident
    change = remind(incident, {"team": SILENCE}, minutes(12))
    assert (change.notices, change.rulings[0].verdict) == ((), Verdict.QUIETED)
    assert end(change.incident, episode(), at=minutes(15)).notices == (Key("e1", "team", NoticeKind.RESOLVED, 0),)


def test_two_routes_to_one_destination_are_one_message() -> None:
    change = opened("i1", "door", "Door", episode(), "503", [call(TEAM), call(PHONE, "team")])
    assert [key.destination for key in change.notices] == ["team"]


def test_what_matters_more_now_is_an_update_for_those_who_know_and_news_for_the_others() -> None:
    incident = new(TEAM).incident
    calls = [call(TEAM), call(PHONE)]
    change = worsen(incident, "e1", Severity.CRITICAL, "The space opens soon.", calls, minutes(60))
    assert change.incident.severity is Severity.CRITICAL
    assert change.notices == (Key("e1", "team", NoticeKind.UPDATE, 1), Key("e1", "phone", NoticeKind.FIRING, 0))


def test_who_is_told_because_it_got_worse_waits_no_more() -> None:
    held = opened("i1", "door", "Door", episode(), "503", [call(TEAM, hold=SILENCE)]).incident
    worse = worsen(held, "e1", Severity.CRITICAL, "The space opens soon.", [call(TEAM)], minutes(60)).incident
    assert worse.waiting == ()
    assert release(worse, [call(TEAM)], minutes(61)).notices == ()


def test_a_person_ends_it_and_it_opens_again_if_it_is_still_measured_as_bad() -> None:
    ended = dismiss(new(TEAM).incident, "Ana", minutes(5), minutes(20))
    assert (ended.incident.stage, ended.incident.resolved) == (Stage.RESOLVED, minutes(5))
    assert ended.notices == (Key("e1", "team", NoticeKind.RESOLVED, 0),)
    assert recheck(ended.incident, minutes(19)) == Change(ended.incident)
    again = recheck(ended.incident, minutes(20))
    assert (again.incident.stage, again.incident.resolved) == (Stage.OPEN, None)
    assert again.incident.timeline[-1] == Entry(minutes(20), US, REOPENED, EntryKind.STEP)
    assert again.notices == (Key("e1", "team", NoticeKind.REPEAT, 1),)
    assert end(again.incident, episode(), at=minutes(30)).notices == (Key("e1", "team", NoticeKind.RESOLVED, 1),)


def test_a_person_ends_it_and_is_right() -> None:
    ended = dismiss(new(TEAM).incident, "Ana", minutes(5), minutes(20)).incident
    fine = end(ended, episode(), at=minutes(7))
    assert (fine.notices, fine.incident.resolved, fine.incident.watched) == ((), minutes(5), False)


def test_what_outlives_its_cause_is_left_for_an_incident_of_its_own() -> None:
    incident = step(new(TEAM).incident, episode("child", at=minutes(2)), "too", [call(TEAM)], joins=True).incident
    waiting, notices, *_ = end(incident, episode(), at=minutes(10))
    assert (waiting.stage, notices) == (Stage.OPEN, ())
    assert settle(waiting, minutes(10)) == Change(waiting)
    change = settle(waiting, minutes(10) + SETTLE)
    assert change.left == {"child"}
    assert (change.incident.stage, change.incident.resolved) == (Stage.RESOLVED, minutes(10))
    assert change.notices == (Key("e1", "team", NoticeKind.RESOLVED, 0),)


def test_what_comes_back_with_its_cause_is_over_with_it() -> None:
    child = episode("child", at=minutes(2))
    incident = step(new(TEAM).incident, child, "too", [call(TEAM)], joins=True).incident
    change = end(incident, episode(), child, at=minutes(10))
    assert (change.incident.stage, change.left) == (Stage.RESOLVED, frozenset())
    assert [key.kind for key in change.notices] == [NoticeKind.RESOLVED]


def test_a_cause_that_returns_keeps_what_depends_on_it() -> None:
    child = episode("child", at=minutes(2))
    incident = step(new(TEAM).incident, child, "too", [call(TEAM)], joins=True).incident
    incident = end(incident, episode(), at=minutes(10)).incident
    back = step(incident, episode("e3", at=minutes(10)), "down again", [call(TEAM)]).incident
    assert settle(back, minutes(60)) == Change(back)


@dataclass
class Ledger:
    """What was sent of one incident."""

    sent: list[Key] = field(default_factory=list)

    def to(self, destination: str) -> list[NoticeKind]:
        return [key.kind for key in self.sent if key.destination == destination]


severities = st.sampled_from([Severity.WARNING, Severity.CRITICAL])
holds = st.sampled_from([None, None, SILENCE, SILENCE._replace(by="s2")])
audiences = st.lists(
    st.builds(lambda route, hold: call(route, hold=hold), st.sampled_from([TEAM, PHONE, MAIL, PAGER]), holds),
    unique_by=lambda one: one.route.id,
).map(tuple)


class Life(RuleBasedStateMachine):
    """Whatever happens to an incident, in whatever order."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.ledger = Ledger()
        self.episodes: list[Episode] = []

    @initialize(severity=severities, calls=audiences)
    def begin(self, severity: Severity, calls: tuple[Call, ...]) -> None:
        self.episodes.append(episode("e1", severity))
        change = opened("i1", "booking", "title", self.episodes[0], "503", calls)
        self.incident = change.incident
        self.ledger.sent.extend(change.notices)

    def apply(self, change: Change) -> None:
        before, self.incident = self.incident, change.incident
        assert self.incident.timeline[: len(before.timeline)] == before.timeline
        self.ledger.sent.extend(change.notices)
        assert all(one.verdict is not Verdict.TOLD or change.notices for one in change.rulings)

    @rule(minutes=st.integers(1, 200), hold=holds)
    def time_passes(self, minutes: int, hold: Hold | None) -> None:
        self.now += timedelta(minutes=minutes)
        self.apply(settle(self.incident, self.now))
        self.apply(lapse(self.incident, self.now))
        self.apply(recheck(self.incident, self.now))
        calls = {one.route: call(PAGER, "later", hold=hold) for one in self.incident.ladders if one.step < 2}
        self.apply(climb(self.incident, calls, self.now))
        self.apply(remind(self.incident, {"team": hold} if hold else {}, self.now))
        assert all(at > self.now for at in deadlines(self.incident))

    @rule(hold=holds)
    def gates_change(self, hold: Hold | None) -> None:
        routes = {route.id: route for route in (TEAM, PHONE, MAIL, PAGER)}
        calls = [call(routes[one.route], hold=hold) for one in self.incident.waiting]
        self.apply(release(self.incident, calls, self.now))
        assert hold is not None or not self.incident.waiting

    @rule(severity=severities, calls=audiences, joins=st.booleans())
    def another_fires(self, severity: Severity, calls: tuple[Call, ...], joins: bool) -> None:
        self.episodes.append(episode(f"e{len(self.episodes) + 1}", severity, self.now))
        self.apply(step(self.incident, self.episodes[-1], "worse", calls, joins=joins))

    @rule(data=st.data(), calls=audiences)
    def one_fires_again(self, data: st.DataObject, calls: tuple[Call, ...]) -> None:
        self.apply(step(self.incident, data.draw(st.sampled_from(self.episodes)), "again", calls))

    @rule(data=st.data(), why=st.sampled_from(Why))
    def one_ends(self, data: st.DataObject, why: Why) -> None:
        one = data.draw(st.sampled_from(self.episodes))
        self.apply(step(self.incident, close(one, why, self.now), "back", ()))

    @rule(minutes=st.integers(1, 300))
    def somebody_acknowledges(self, minutes: int) -> None:
        self.apply(acknowledge(self.incident, "Ana", self.now, self.now + timedelta(minutes=minutes)))

    @rule()
    def somebody_passes_it_on(self) -> None:
        self.apply(not_me(self.incident, "Ana", self.now))

    @rule()
    def somebody_says_it_is_fixed(self) -> None:
        self.apply(dismiss(self.incident, "Ana", self.now, self.now + timedelta(minutes=15)))

    @rule(resolution=st.sampled_from(["", "restarted"]), root_cause=st.sampled_from(["", "firmware"]))
    def somebody_reviews(self, resolution: str, root_cause: str) -> None:
        self.apply(review(self.incident, Review(resolution, root_cause), "Ana", self.now))

    @precondition(lambda self: self.incident.resolved is not None and not self.incident.firing)
    @rule(severity=severities, calls=audiences)
    def it_is_back(self, severity: Severity, calls: tuple[Call, ...]) -> None:
        self.episodes.append(episode(f"e{len(self.episodes) + 1}", severity, self.now))
        self.now += timedelta(minutes=1)
        self.apply(returned(self.incident, self.episodes[-1], "again", calls))

    @precondition(lambda self: self.incident.stage.live)
    @rule()
    def all_end(self) -> None:
        for one in self.episodes:
            self.apply(step(self.incident, close(one, Why.RECOVERED, self.now), "back", ()))
        assert not self.incident.stage.live

    @invariant()
    def the_end_is_told_to_exactly_those_who_heard_of_the_trouble(self) -> None:
        for destination in {key.destination for key in self.ledger.sent}:
            kinds = self.ledger.to(destination)
            assert kinds[0] is NoticeKind.FIRING
            assert (NoticeKind.RESOLVED, NoticeKind.RESOLVED) not in pairwise(kinds)
            knows = destination in {one.destination for one in self.incident.told}  # or waits to hear that it is back
            assert (kinds[-1] is NoticeKind.RESOLVED) == (not (self.incident.stage.live and knows))

    @invariant()
    def no_message_has_the_key_of_another(self) -> None:
        assert len(self.ledger.sent) == len(set(self.ledger.sent))

    @invariant()
    def the_end_is_told_through_an_episode_whose_beginning_was(self) -> None:
        began = {(key.episode, key.destination) for key in self.ledger.sent if key.kind is NoticeKind.FIRING}
        assert {(key.episode, key.destination) for key in self.ledger.sent} <= began

    @invariant()
    def it_is_live_only_while_something_fires(self) -> None:
        assert not self.incident.stage.live or self.incident.firing
        assert self.incident.joined <= self.incident.firing
        assert self.incident.stage.live == (self.incident.resolved is None)

    @invariant()
    def an_incident_that_is_over_waits_for_nobody(self) -> None:
        assert self.incident.stage.live or not (self.incident.waiting or self.incident.ladders)


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=300, stateful_step_count=12, deadline=None)


@given(st.lists(st.integers(1, 100), max_size=20))
def test_reminders_of_a_destination_are_never_closer_than_its_interval(steps: list[int]) -> None:
    incident, now = new(TEAM).incident, minutes(1)
    times = [now]
    for gap in steps:
        now += timedelta(minutes=gap)
        incident, notices, *_ = remind(incident, {}, now)
        times.extend(now for _ in notices)
    assert all(later - earlier >= timedelta(seconds=TEAM.repeat) for earlier, later in pairwise(times))
