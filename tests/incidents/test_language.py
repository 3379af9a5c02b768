"""Whatever an incident says, it says in the language that is spoken: nothing of it is left in English."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from peers.marked import Marked, english
from peers.marked import marked as marked

from alerting.against import Against
from alerting.channels import NoticeKind
from alerting.gates import Maintenance, Matcher, QuietHours, Scope, Silence, Subject, Window, hold
from alerting.hours import OpeningHours
from alerting.oncall import Contact, Directory, Person, Reached, Schedule, reached
from alerting.routes import Route, Step
from alerting.rules import Episode, Phase, Rule, Severity, Why, close
from alerting.silences import objection
from incidents import answers, bundles, chronicle, corrections, lifecycle, merging, messages, telling
from incidents.answers import Answer
from incidents.corrections import Times
from incidents.impact import Basis, Impact
from incidents.incident import Call, Change, Incident
from incidents.review import Action, Review
from language import speaking
from probes import Status

pytestmark = pytest.mark.usefixtures("marked")

ZONE = ZoneInfo("Europe/Lisbon")
NOW = datetime(2026, 8, 3, 7, 55, tzinfo=UTC)
HOUR = timedelta(hours=1)
DOWN = Rule("α/β", "γ", "is down", Severity.CRITICAL, status=Status.DOWN)
LOSS = Rule("α/β", "γ", "is down", Severity.WARNING, metric="loss_ratio", above=0.1)
FACTS = messages.Facts("Θύρα", "doors", 7, "Κλειστά.", "", "Λιμάνι", ZONE, "", opens=NOW + HOUR, link="Σ")
ROUTE = Route("ρ", steps=(Step(0, ("α",)), Step(60, ("β",)), Step(60, ())))


def episode(rule: Rule = DOWN, **changes: object) -> Episode:
    begun = Episode("ε", rule.check, rule.id, rule.severity, Phase.FIRING, NOW, NOW, fired=NOW, detail="Σφάλμα 503")
    return replace(begun, **changes)  # type: ignore[arg-type]


def incident(**changes: object) -> Incident:
    told = (Reached("Άνα", "Άνα"),)
    says = messages.says("Θύρα", DOWN, episode())
    title = messages.title("Θύρα", DOWN)
    opened = lifecycle.opened("Ω", "θ", title, episode(), says, (Call(ROUTE, told),)).incident
    return replace(opened, **changes)  # type: ignore[arg-type]


def over(why: Why = Why.RECOVERED) -> Incident:
    end = close(episode(), why, NOW + HOUR)
    return lifecycle.step(incident(), end, messages.says("Θύρα", DOWN, end), ()).incident


def reported(by_member: bool = False) -> Incident:
    report = lifecycle.Report("Π", "", "Κρύο", "Άνα", NOW, by_member)
    return lifecycle.reported(report, NOW).incident


def texts() -> Iterator[messages.Text]:
    """Every kind of message about an incident."""
    worse = messages.says("Θύρα", LOSS, episode(LOSS, value=0.4))
    grown = lifecycle.note(incident(), worse, lifecycle.US, NOW).incident
    for one in (grown, incident(severity=Severity.WARNING), incident(reopened=1, acknowledged_by="Άνα")):
        yield messages.firing(one, FACTS, NOW + HOUR)
        yield messages.repeat(one, FACTS, NOW + HOUR)
    yield messages.firing(incident(severity=Severity.WARNING, reopened=2), replace(FACTS, people=1), NOW)
    for minutes in (None, 0.0, 1234.5):
        for ended in (over(), over(Why.RULE_DELETED), over(Why.SOURCE_SILENT)):
            cost = Impact(3600, 7, minutes or 0, Basis.CAPACITY)
            ended = replace(ended, member_minutes=minutes, cost=cost)
            yield messages.resolved(ended, FACTS, NOW + HOUR)
            yield messages.missed(ended, FACTS, NOW + HOUR)
    for live in (incident(), reported()):
        yield messages.resolved(lifecycle.dismiss(live, "Άνα", NOW, NOW + HOUR).incident, FACTS, NOW)
    yield messages.resolved(merging.merge(incident(), incident(id="Ψ"), "Άνα", NOW).gone.incident, FACTS, NOW)


def lines() -> Iterator[str]:
    """What the timeline says of every turn that an incident can take."""
    mine = lifecycle.acknowledge(incident(), "Άνα", NOW, NOW + HOUR).incident
    rules = (
        (LOSS, {"value": 0.4}),
        (replace(LOSS, above=None, below=0.2), {"value": None}),
        (replace(LOSS, against=Against.USUAL), {"value": 0.4}),
        (replace(LOSS, against=Against.RATE, above=None, below=-0.1), {"value": 0.4}),
        (replace(DOWN, flaps=2, calm=600), {"turns": 5}),
    )
    yield from (messages.says("Θύρα", rule, episode(rule, **more)) for rule, more in rules)
    yield messages.says("Θύρα", DOWN, close(episode(turns=3), Why.RECOVERED, NOW + HOUR))
    changes: Iterable[Change] = (
        lifecycle.acknowledge(mine, "Άνα", NOW, NOW + 2 * HOUR),
        lifecycle.lapse(mine, NOW + HOUR),
        lifecycle.not_me(incident(), "Άνα", NOW),
        lifecycle.recheck(lifecycle.dismiss(incident(), "Άνα", NOW, NOW).incident, NOW + HOUR),
        lifecycle.returned(over(), episode(), "Σφάλμα", ()),
        lifecycle.settle(incident(settles=NOW), NOW),
        lifecycle.review(over(), Review("Έγινε"), "Άνα", NOW),
        lifecycle.postpone(
            lifecycle.act(over(), Action("α", "Ω", "Κλειδί", "Άνα", NOW.date(), NOW, "Άνα")).incident,
            "α",
            (NOW + 24 * HOUR).date(),
            "Άνα",
            NOW,
        ),
        corrections.correct(over(), 1, NOW - HOUR, "Άνα", NOW, ZONE),
        corrections.correct_times(over(), Times(NOW - HOUR, NOW + HOUR / 2), "Άνα", NOW + HOUR, ZONE),
        corrections.correct_impact(over(), 1234, "Λίγοι", "Άνα", NOW),
        telling.climb(incident(), {"ρ": Call(ROUTE, (Reached("Βία", "Βία"),))}, NOW + HOUR),
        *merging.merge(over(), incident(id="Ψ"), "Άνα", NOW),
        *(
            answers.take(incident(), Answer(one, "Άνα", "ά", NOW), NOW, 60, 60)
            for one in answers.Action
            if one is not answers.Action.CONFIRM
        ),
    )
    heard = [
        chronicle.Heard("Άνα", kind, accepted, NOW)
        for kind in (NoticeKind.FIRING, NoticeKind.RESOLVED)
        for accepted in (True, False)
    ]
    told = chronicle.still(chronicle.heard(incident(), heard), "Σφάλμα 504", NOW + HOUR)
    found = [change.incident for change in changes]
    for one in (*found, told, reported(), reported(by_member=True), over(Why.RULE_DELETED), over(Why.SOURCE_SILENT)):
        yield from (entry.text for entry in one.timeline)


def reasons() -> Iterator[str]:
    """Why somebody was told or not, and why something cannot be done."""
    subject = Subject("σ", "τ", "θ", "α/β", "κ", "γ", Severity.WARNING)
    work = Maintenance("μ", "Έργα", Scope(), ZONE, (Window(NOW, NOW + HOUR),))
    silence = Silence("ζ", (Matcher("asset", "=", "θ"),), NOW, NOW + HOUR, "Άνα", "Έργα", NOW)
    night = QuietHours(OpeningHours(ZONE, (((time(0), time(10)),),) * 7))
    always = QuietHours(OpeningHours(ZONE))
    for works, silences, quiet in (([work], [], None), ([], [silence], None), ([], [], night), ([], [], always)):
        held = hold(subject, silences, works, quiet, NOW, ZONE)
        assert held is not None
        yield held.words
        waiting = lifecycle.opened("Ω", "θ", "Θ", episode(), "Σ", (Call(ROUTE, hold=held),))
        ended = lifecycle.dismiss(waiting.incident, "Άνα", NOW, NOW)
        released = telling.release(waiting.incident, [Call(ROUTE, (Reached("Άνα", "Άνα"),))], NOW)
        yield from (ruling.words for change in (waiting, ended, released) for ruling in change.rulings)
    yield from (one.words for one in telling.grouped(incident(), "ε", (Call(ROUTE),)))
    yield from (one.words for one in telling.climb(incident(), {"ρ": Call(ROUTE)}, NOW + HOUR).rulings)
    yield from (one.words for one in lifecycle.acknowledge(incident(), "Άνα", NOW).rulings)
    people = {"ά": Person("ά", "Άνα", (Contact("ά", frozenset(Severity)),))}
    directory = Directory(people, {"β": Schedule("β", ZONE, None, (), ("ά",))}, frozenset({"ά"}))
    yield from (one.words for one in reached(("ά", "β"), directory, (), Severity.WARNING, NOW))
    yield merging.obstacle(incident(), incident())
    yield merging.obstacle(incident(), replace(over(), id="Ψ"))
    yield merging.obstacle(incident(id="Ψ"), incident(merged_into="Χ"))
    later = Times(opened=NOW + 3 * HOUR)
    yield corrections.obstacle(incident(), later, NOW)
    yield corrections.obstacle(incident(), Times(resolved=NOW), NOW)
    yield corrections.obstacle(over(), Times(opened=NOW + 2 * HOUR), NOW + 4 * HOUR)
    yield objection(replace(silence, starts=NOW - HOUR), (), NOW).replace("`asset=printer`", "")
    yield objection(replace(silence, ends=NOW), (), NOW)
    yield objection(replace(silence, author=""), (), NOW)
    yield objection(replace(silence, comment="ω" * 301), (), NOW)


def several() -> Iterator[str]:
    """Messages that tell of many things, that come late, or whose beginning was lost."""
    for url in ("", "Υ"):
        place = bundles.Place("Λιμάνι", ZONE, url)
        things = [bundles.Thing("Θύρα", NOW, None), bundles.Thing("Θύρα", NOW, NOW + HOUR)]
        for total in (2, 30):
            for severity in (Severity.WARNING, Severity.CRITICAL):
                yield from bundles.needs_attention(severity, things, total, place)
            yield from bundles.works_again(things, total, place)
        yield from bundles.began_and_ended(messages.Text("Α", "Β"), NOW, messages.Text("Γ", "Δ"), place)
    for tried, held in ((True, False), (False, True), (False, False)):
        yield bundles.lateness(HOUR, "Άνα", tried=tried, held=held)
    yield from bundles.noted(messages.Text("Α", "Β"), "", repeated=True)


@pytest.mark.parametrize(
    "all_of", [lambda: (part for text in texts() for part in text), lines, reasons, several], ids=range(4)
)
def test_nothing_is_left_in_english(all_of: Callable[[], Iterator[str]]) -> None:
    with speaking("de"):
        said = list(all_of())
    assert all(said)
    assert {one: words for one in said if (words := english(one))} == {}
    assert any("¤" in one for one in said)


def test_what_is_closed_is_known_to_be_whatever_the_language_of_its_last_line() -> None:
    with speaking("de"):
        gone = over(Why.RULE_DELETED)
        assert gone.timeline[-1].text != lifecycle.UNWATCHED
        assert messages.resolved(gone, FACTS, NOW).title.startswith("¤¤¤¤¤¤:")
        english = replace(gone, timeline=(*gone.timeline[:-1], gone.timeline[-1]._replace(text=lifecycle.UNWATCHED)))
        assert messages.resolved(english, FACTS, NOW) == messages.resolved(gone, FACTS, NOW)


def test_that_it_was_opened_is_no_news_in_any_language() -> None:
    with speaking("de"):
        told = messages.firing(incident(), FACTS, NOW).body
    assert Marked().gettext(lifecycle.OPENED).rstrip(".") not in told


def test_what_still_lasts_is_said_once_in_any_language() -> None:
    with speaking("de"):
        once = chronicle.still(incident(), "Σφάλμα 504", NOW + HOUR)
        assert len(once.timeline) == len(incident().timeline) + 1
        assert chronicle.still(once, "Σφάλμα 504", NOW + 7 * HOUR) is once
