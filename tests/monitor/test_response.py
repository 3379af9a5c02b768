"""What follows from turns of rules and from time: who is told, who waits, who is next. All on a virtual clock."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count

import pytest

from alerting.channels import NoticeKind
from alerting.gates import Matcher, Silence
from alerting.oncall import Override
from alerting.rules import Episode, Phase, Severity, Why, close, severity_at
from alerting.verdicts import Verdict
from incidents import lifecycle
from incidents.incident import Incident, Stage
from incidents.lifecycle import SETTLE
from monitor.config import load
from monitor.config.model import Config
from monitor.response import Known, Response, Turn, involved

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)  # Lisbon is on UTC in winter

SITE = """\
site:
  {id: harbour, name: Harbour Street, timezone: Europe/Lisbon, opening_hours: {mon-fri: "09:00-18:00"}, capacity: 60}
uplinks:
  - {id: fibre, name: Fibre, depends_on: [], checks: [{kind: internet.ping, host: 127.0.0.1}]}
  - {id: cable, name: Cable, checks: [{kind: internet.ping, host: 127.0.0.2}]}
wifi:
  - {id: switch, name: Switch, depends_on: [fibre], checks: [{kind: internet.ping, host: 127.0.0.3}]}
  - {id: access-point, name: Access point, depends_on: [switch], checks: [{kind: internet.ping, host: 127.0.0.4}]}
booking:
  - {id: portal, name: Booking portal, people: 40, checks: [{kind: internet.tcp, host: 127.0.0.1, port: 80}]}
equipment:
  - {id: printer, name: Printer, tags: [floor-2], checks: [{kind: internet.tcp, host: 127.0.0.1, port: 81}]}
people:
  - {id: ana, name: Ana Lopes, to: "${env:CHAT}"}
  - {id: ben, name: Ben Sousa, to: "${env:CHAT}"}
on_call:
  - {id: it, people: [ana, ben], rotate: weekly, starts: 2026-03-02 09:00, fallback: [chat]}
routes:
  - {id: chat, to: "${env:CHAT}", repeat: 1h, quiet: {hours: {mon-sun: "22:00-07:30"}, loud: critical}}
  - {id: pager, severities: [critical], repeat: never, steps: [{to: it}, {after: 10m, to: [ben, chat]}]}
maintenance:
  - {id: patches, name: Router patches, assets: [fibre], days: tue, at: "12:00", lasts: 1h}
"""


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    path = tmp_path_factory.mktemp("site") / "site.yaml"
    path.write_text(SITE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHAT", "json://127.0.0.1:9/")
        return load(path)


class Desk:
    """A site whose plans are carried out at once: `told` holds (time of day, kind, destination) of every message."""

    def __init__(self, config: Config) -> None:
        self.known = Known(config)
        self.told: list[tuple[str, str, str]] = []
        self.verdicts: list[tuple[str, Verdict]] = []
        self.log: dict[str, Incident] = {}
        self._ids = (f"{number:026d}" for number in count(1))
        self._open: dict[tuple[str, str], Turn] = {}

    def down(self, check: str, at: datetime, rule: str = "down") -> None:
        found = next(one for one in self.known.config.checks if one.id == check)
        how = next(one for one in found.rules if one.id == rule)
        asset = self.known.config.asset(found.asset)
        assert asset is not None
        site = self.known.config.site.hours
        severity = severity_at(how, site.counts_as_open(at, self.known.config.alerting.lead))
        episode = Episode(next(self._ids), check, rule, severity, Phase.FIRING, at, at, fired=at, detail="no answer")
        self._open[check, rule] = Turn(asset, how, episode, found.kind)
        self._take(self._open[check, rule], at)

    def up(self, check: str, at: datetime, rule: str = "down") -> None:
        turn = self._open.pop((check, rule))
        self._take(turn._replace(episode=close(turn.episode, Why.RECOVERED, at)), at)

    def pass_time(self, start: datetime, end: datetime, step: timedelta = timedelta(minutes=1)) -> None:
        while start <= end:
            opens = self._counts_as_open(start) and not self._counts_as_open(start - step)
            plan = Response(self.known, start, self._ids.__next__)
            plan.tick(gates_changed=False, opens=opens)
            self._carry_out(plan, start)
            start += step

    def regate(self, at: datetime, *silences: Silence, overrides: Sequence[Override] = ()) -> None:
        self.known = replace(self.known, silences=silences, overrides=tuple(overrides))
        plan = Response(self.known, at, self._ids.__next__)
        plan.tick(gates_changed=True, opens=False)
        self._carry_out(plan, at)

    def decide(self, change: "partial[lifecycle.Change]", at: datetime) -> None:
        (incident,) = (one for one in self.log.values() if one.watched)
        plan = Response(self.known, at, self._ids.__next__)
        plan.decide(incident, change)
        self._carry_out(plan, at)

    def titles(self, live: bool = True) -> list[str]:
        return [one.title for one in self.log.values() if one.stage.live is live]

    def _counts_as_open(self, at: datetime) -> bool:
        return self.known.config.site.hours.counts_as_open(at, self.known.config.alerting.lead)

    def _take(self, turn: Turn, at: datetime) -> None:
        plan = Response(self.known, at, self._ids.__next__)
        plan.take(turn)
        self._carry_out(plan, at)

    def _carry_out(self, plan: Response, at: datetime) -> None:
        self.log |= plan.incidents
        kept = {id: one for id, one in {**self.known.incidents, **plan.incidents}.items() if one.watched}
        self.known = replace(self.known, incidents=kept, firing=plan.firing)
        self.told += [(f"{due or at:%a %H:%M}", str(key.kind), key.destination) for key, _, due in plan.notices]
        self.verdicts += [(one.route, one.verdict) for one in plan.decisions]


def on(day: int, clock: str) -> datetime:
    """A time in the week that begins on Monday, 2 March 2026: day 0 is that Monday."""
    hours, minutes = (int(part) for part in clock.split(":"))
    return MONDAY + timedelta(days=day, hours=hours, minutes=minutes)


def silence(*matchers: Matcher, until: datetime) -> Silence:
    return Silence("s1", matchers, on(0, "00:00"), until, "Ana", "new switch", on(0, "00:00"))


PRINTER = Matcher("asset", "=", "printer")


def test_in_opening_hours_everybody_who_wants_to_is_told_at_once_and_on_call_is_paged(config: Config) -> None:
    desk = Desk(config)
    desk.down("printer/tcp", on(0, "10:00"))
    assert desk.told == [("Mon 10:00", "firing", "chat"), ("Mon 10:00", "firing", "ana")]
    assert desk.verdicts == [("chat", Verdict.TOLD), ("pager", Verdict.TOLD)]


def test_nobody_answers_and_the_next_step_is_told(config: Config) -> None:
    desk = Desk(config)
    desk.down("printer/tcp", on(0, "10:00"))
    desk.pass_time(on(0, "10:01"), on(0, "10:30"))
    assert desk.told[2:] == [("Mon 10:10", "firing", "ben"), ("Mon 10:10", "update", "chat")]
    (incident,) = desk.log.values()
    assert incident.timeline[-1].text == "Nobody has answered yet: told Ben Sousa, chat."


def test_who_stands_in_is_paged_also_when_the_hand_off_comes_in_the_middle(config: Config) -> None:
    desk = Desk(config)
    stands_in = Override("o1", "it", "ben", on(0, "09:00"), on(0, "12:00"), "Ana", on(0, "00:00"))
    desk.regate(on(0, "09:00"), overrides=[stands_in])
    desk.down("printer/tcp", on(0, "11:59"))
    assert ("Mon 11:59", "firing", "ben") in desk.told
    desk.up("printer/tcp", on(0, "12:05"))
    assert ("Mon 12:05", "resolved", "ben") in desk.told
    assert not [one for one in desk.told if one[2] == "ana"]


def test_before_the_rotation_begins_the_fallback_hears_that_nobody_is_on_call(config: Config) -> None:
    desk = Desk(config)
    desk.down("printer/tcp", on(-3, "10:00"))
    (incident,) = desk.log.values()
    assert [one.destination for one in incident.told] == ["chat"]
    assert desk.told == [("Fri 10:00", "firing", "chat")]


def test_a_silence_holds_everything_back_and_what_still_fires_is_told_when_it_ends(config: Config) -> None:
    desk = Desk(config)
    desk.regate(on(0, "10:00"), silence(PRINTER, until=on(0, "11:00")))
    desk.down("printer/tcp", on(0, "10:05"))
    desk.pass_time(on(0, "10:06"), on(0, "10:59"))
    assert desk.told == []
    desk.pass_time(on(0, "11:00"), on(0, "11:01"))
    assert desk.told == [("Mon 11:00", "firing", "chat"), ("Mon 11:00", "firing", "ana")]
    assert desk.verdicts[:2] == [("chat", Verdict.HELD), ("pager", Verdict.HELD)]
    assert desk.verdicts[2:] == [("chat", Verdict.RELEASED), ("pager", Verdict.RELEASED)]


def test_a_silence_that_is_lifted_early_lets_out_at_once(config: Config) -> None:
    desk = Desk(config)
    desk.regate(on(0, "10:00"), silence(PRINTER, until=on(0, "20:00")))
    desk.down("printer/tcp", on(0, "10:05"))
    desk.regate(on(0, "10:20"))
    assert {one[0] for one in desk.told} == {"Mon 10:20"}


def test_a_silence_after_the_page_stops_the_steps_and_not_the_end(config: Config) -> None:
    desk = Desk(config)
    desk.down("printer/tcp", on(0, "10:00"))
    desk.regate(on(0, "10:05"), silence(PRINTER, until=on(0, "20:00")))
    desk.pass_time(on(0, "10:06"), on(0, "12:00"))
    desk.up("printer/tcp", on(0, "12:00"))
    assert desk.told[2:] == [("Mon 12:00", "resolved", "chat"), ("Mon 12:00", "resolved", "ana")]


def test_what_was_silent_from_beginning_to_end_is_not_told_at_all(config: Config) -> None:
    desk = Desk(config)
    desk.regate(on(0, "10:00"), silence(PRINTER, until=on(0, "20:00")))
    desk.down("printer/tcp", on(0, "10:05"))
    desk.up("printer/tcp", on(0, "10:30"))
    assert desk.told == []
    assert desk.verdicts[-2:] == [("chat", Verdict.MISSED), ("pager", Verdict.MISSED)]


def test_planned_work_is_quiet_and_what_is_still_broken_after_it_pages(config: Config) -> None:
    desk = Desk(config)
    desk.down("fibre/ping", on(1, "12:10"))
    desk.pass_time(on(1, "12:11"), on(1, "13:02"))
    assert desk.told == [("Tue 13:00", "firing", "chat"), ("Tue 13:00", "firing", "ana")]


def test_at_night_a_fault_waits_for_the_morning_and_pages_before_the_space_opens(config: Config) -> None:
    desk = Desk(config)
    desk.down("printer/tcp", on(1, "03:00"))
    desk.pass_time(on(1, "03:01"), on(1, "08:30"))
    assert desk.told == [
        ("Tue 07:30", "firing", "chat"),
        ("Tue 08:00", "update", "chat"),
        ("Tue 08:00", "firing", "ana"),
        ("Tue 08:10", "firing", "ben"),
        ("Tue 08:10", "update", "chat"),
    ]
    (incident,) = desk.log.values()
    assert incident.severity is Severity.CRITICAL


def test_a_fault_that_is_gone_before_the_quiet_hours_end_wakes_nobody_and_is_told_with_the_morning(
    config: Config,
) -> None:
    desk = Desk(config)
    desk.down("printer/tcp", on(1, "03:00"))
    desk.up("printer/tcp", on(1, "05:00"))
    desk.pass_time(on(1, "05:01"), on(1, "10:00"))
    assert desk.told == [("Tue 07:30", "missed", "chat")]


def test_what_depends_on_a_dead_uplink_is_one_incident_and_one_page(config: Config) -> None:
    desk = Desk(config)
    for check in ("fibre/ping", "switch/ping", "access-point/ping"):
        desk.down(check, on(0, "10:00"))
    assert desk.titles() == ["Fibre is down"]
    assert desk.told == [("Mon 10:00", "firing", "chat"), ("Mon 10:00", "firing", "ana")]
    assert desk.verdicts.count(("pager", Verdict.GROUPED)) == 2


def test_what_is_still_dead_after_its_cause_is_back_pages_by_itself_and_its_own_children_with_it(
    config: Config,
) -> None:
    desk = Desk(config)
    for check in ("fibre/ping", "access-point/ping", "switch/ping"):
        desk.down(check, on(0, "10:00"))
    desk.decide(partial(lifecycle.acknowledge, who="Ana", now=on(0, "10:01")), on(0, "10:01"))
    desk.up("fibre/ping", on(0, "10:20"))
    desk.pass_time(on(0, "10:21"), on(0, "10:20") + SETTLE + timedelta(minutes=1))
    assert desk.titles(live=False) == ["Fibre is down"]
    assert desk.titles() == ["Switch is down"]
    assert [one[1:] for one in desk.told[2:]] == [
        ("resolved", "chat"),
        ("resolved", "ana"),
        ("firing", "chat"),
        ("firing", "ana"),
    ]
    (fibre,) = (one for one in desk.log.values() if one.asset == "fibre")
    assert fibre.resolved == on(0, "10:20")


def test_what_comes_back_with_its_cause_is_no_news(config: Config) -> None:
    desk = Desk(config)
    for check in ("fibre/ping", "switch/ping"):
        desk.down(check, on(0, "10:00"))
    for check in ("fibre/ping", "switch/ping"):
        desk.up(check, on(0, "10:20"))
    desk.pass_time(on(0, "10:21"), on(0, "10:30"))
    assert [one[1] for one in desk.told[2:]] == ["resolved", "resolved"]


def test_the_booking_system_is_explained_only_by_the_loss_of_all_uplinks(config: Config) -> None:
    desk = Desk(config)
    desk.down("fibre/ping", on(0, "10:00"))
    desk.down("portal/tcp", on(0, "10:01"))
    assert desk.titles() == ["Fibre is down", "Booking portal is down"]
    both = Desk(config)
    for check in ("fibre/ping", "cable/ping", "portal/tcp"):
        both.down(check, on(0, "10:00"))
    assert both.titles() == ["Fibre is down", "Cable is down"]


def test_a_dead_parent_that_is_no_longer_slow_still_explains(config: Config) -> None:
    desk = Desk(config)
    desk.down("fibre/ping", on(0, "10:00"))
    desk.down("fibre/ping", on(0, "10:00"), rule="loss")
    desk.up("fibre/ping", on(0, "10:01"), rule="loss")
    desk.down("switch/ping", on(0, "10:01"))
    assert desk.titles() == ["Fibre is down"]


def test_a_parent_that_is_only_slow_explains_nothing(config: Config) -> None:
    desk = Desk(config)
    desk.down("fibre/ping", on(0, "10:00"), rule="loss")
    desk.down("switch/ping", on(0, "10:01"))
    assert len(desk.titles()) == 2


def test_an_acknowledgement_lapses_and_pages_again_if_the_fault_lasts(config: Config) -> None:
    desk = Desk(config)
    desk.down("printer/tcp", on(0, "10:00"))
    has_it = partial(lifecycle.acknowledge, who="Ana", now=on(0, "10:01"), until=on(0, "11:01"))
    desk.decide(has_it, on(0, "10:01"))
    desk.pass_time(on(0, "10:02"), on(0, "11:05"))
    assert [one[:2] for one in desk.told[2:6]] == [
        ("Mon 11:01", "repeat"),
        ("Mon 11:01", "repeat"),
        ("Mon 11:01", "firing"),
        ("Mon 11:01", "update"),
    ]


def test_somebody_says_it_is_fixed_and_it_is_not(config: Config) -> None:
    desk = Desk(config)
    desk.down("printer/tcp", on(0, "10:00"))
    fixed = partial(lifecycle.dismiss, who="Ana", now=on(0, "10:05"), recheck=on(0, "10:20"))
    desk.decide(fixed, on(0, "10:05"))
    desk.pass_time(on(0, "10:06"), on(0, "10:25"))
    assert [one[:2] for one in desk.told[2:]] == [
        ("Mon 10:05", "resolved"),
        ("Mon 10:05", "resolved"),
        ("Mon 10:20", "repeat"),
        ("Mon 10:20", "repeat"),
    ]
    desk.up("printer/tcp", on(0, "10:30"))
    (incident,) = desk.log.values()
    assert incident.stage is Stage.RESOLVED
    assert (incident.resolved, incident.member_minutes) == (on(0, "10:30"), None)
    assert [one[1] for one in desk.told[6:]] == [str(NoticeKind.RESOLVED)] * 2


def test_a_fault_of_an_asset_with_an_open_incident_joins_it(config: Config) -> None:
    desk = Desk(config)
    desk.down("fibre/ping", on(0, "10:00"), rule="loss")
    desk.down("fibre/ping", on(0, "10:05"))
    assert desk.titles() == ["Fibre loses more than 10 % of its packets"]
    assert desk.told[-1] == ("Mon 10:05", "firing", "ana")


def test_the_checks_of_live_incidents_are_known_with_their_incident(config: Config) -> None:
    desk = Desk(config)
    assert involved(desk.known) == {}
    desk.down("fibre/ping", on(0, "10:00"))
    (incident,) = desk.known.incidents
    assert involved(desk.known) == {"fibre/ping": incident}
    desk.up("fibre/ping", on(0, "10:05"))
    assert involved(desk.known) == {}
