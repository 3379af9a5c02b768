"""How reliable an asset was is told by the checks that decide, over the hours that count."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from peers import past

from alerting.gates import Stretch
from alerting.rules import Severity
from incidents.availability import Availability, Span
from incidents.incident import Incident, Stage
from monitor.config import Config
from monitor.reports import availability, memo, standings
from monitor.reports.document import Figures, Mark, Paragraph, Table
from monitor.reports.facts import Facts
from probes import Status

START = datetime(2026, 7, 5, 22, 0, tzinfo=UTC)  # Monday in Lisbon
HOUR = timedelta(hours=1)
DAY = 24 * HOUR
LENGTH = 2 * DAY

SITE = """\
site: {id: harbour, name: Harbour, timezone: Europe/Berlin, capacity: 40, opening_hours: {mon-fri: "08:00-18:00"}}
uplinks:
  - {id: fibre, name: Fibre, checks: [{kind: internet.ping, host: 127.0.0.1}]}
  - {id: lte, name: LTE, people: 0, checks: [{kind: internet.ping, host: 127.0.0.2}]}
  - id: dsl
    name: DSL
    rules: {down: {severity: info}, loss: off, slow: off}
    checks: [{kind: internet.ping, host: 127.0.0.3}]
rooms:
  - id: cedar
    name: Cedar
    people: 10
    depends_on: [{any_of: [fibre, lte]}, {any_of: [fibre, dsl]}, fibre]
    checks:
      - {kind: internet.tcp, name: screen, host: 127.0.0.1, port: 80}
      - {kind: rooms.readiness, name: ready}
  - {id: oak, name: Oak, checks: []}
maintenance:
  - {id: cable, name: New cable, assets: fibre, days: tue, at: "16:00", lasts: 4h}
"""


def at(hours: float) -> datetime:
    return START + hours * HOUR


def span(check: str, start: float, end: float, status: Status = Status.UP) -> Span:
    return Span(check, at(start), at(end), status, "ok")


def facts_of(config: Config, spans: Mapping[str, tuple[Span, ...]], *incidents: Incident) -> Facts:
    end = START + LENGTH
    return past.facts(config, START, end, made=end, spans=spans, incidents=incidents)


@pytest.fixture
def facts(config: Config) -> Facts:
    """Two days: the fibre fails for an hour in the night and two in the day, the second while people work on it."""
    fibre = (
        span("fibre/ping", 0, 4),
        span("fibre/ping", 4, 5, Status.DOWN),
        span("fibre/ping", 5, 12),
        span("fibre/ping", 12, 13, Status.DOWN),
        span("fibre/ping", 13, 41),
        span("fibre/ping", 41, 42, Status.DOWN),
        span("fibre/ping", 42, 48),
    )
    cedar = (span("cedar/ready", 0, 40), span("cedar/ready", 44, 48))
    screen = (span("cedar/screen", 0, 48, Status.DOWN),)
    return facts_of(config, {"fibre/ping": fibre, "cedar/ready": cedar, "cedar/screen": screen})


def hours(up: float = 0, down: float = 0, unknown: float = 0) -> Availability:
    return Availability(up * HOUR, down * HOUR, unknown * HOUR)


def test_a_check_that_speaks_for_the_others_of_its_asset_decides_alone(facts: Facts) -> None:
    found = {one.assets[0]: one for one in standings.of_assets(facts)}
    assert found["cedar"].always == hours(up=44, unknown=4)
    assert found["cedar"].open == hours(up=18, unknown=2)


def test_an_asset_of_which_nobody_is_told_anything_has_no_standing(facts: Facts) -> None:
    assert [one.assets[0] for one in standings.of_assets(facts)] == ["fibre", "lte", "cedar"]


def test_targets_are_about_open_hours_without_planned_work(facts: Facts) -> None:
    fibre = standings.of_assets(facts)[0]
    assert fibre.always == hours(up=45, down=3)
    assert fibre.open == hours(up=17, down=1)


def test_a_group_is_up_while_one_of_it_is_and_keeps_the_hours_in_which_not_all_are_worked_on(facts: Facts) -> None:
    (group,) = standings.of_groups(facts, standings.of_assets(facts))
    assert (group.name, group.assets, group.people) == ("Fibre or LTE", ("fibre", "lte"), 40)
    assert group.open == hours(up=18, unknown=2)  # what the other line did is not known


def test_the_site_is_the_mean_by_people_and_what_serves_nobody_counts_as_one(facts: Facts) -> None:
    found = standings.of_site(standings.of_assets(facts))
    assert found.up == (40 * 17 * HOUR + 0 * HOUR + 10 * 18 * HOUR) / 51
    assert found.down == 40 * HOUR / 51
    assert standings.of_site(()) == Availability()


def test_the_worst_are_those_that_missed_the_target_by_what_people_lost(facts: Facts) -> None:
    assets = standings.of_assets(facts)
    assert [one.name for one in standings.worst(assets, 0.995)] == ["Fibre"]
    assert standings.worst(assets, 0.9) == ()


def test_a_time_in_which_no_check_was_measured_is_a_blackout() -> None:
    spans = {"a": [span("a", 0, 3), span("a", 9, 20)], "b": [span("b", 2, 5, Status.UNKNOWN)], "c": []}
    assert standings.blackouts(spans, START, at(24)) == (Stretch(at(5), at(9)), Stretch(at(20), at(24)))
    assert standings.blackouts({}, START, at(1)) == (Stretch(START, at(1)),)


def test_the_figures_say_how_much_of_the_time_was_measured(facts: Facts) -> None:
    assets = standings.of_assets(facts)
    left, _ = availability.figures(facts, assets).figures
    uptime = memo.uptime(facts, assets, facts_of(facts.config, {}))
    assert (uptime.text, uptime.target, uptime.mark) == ("95.55 %", "target 99.50 %", Mark.BAD)
    assert uptime.note == "measured 95.7 % of the time"
    assert uptime.value == pytest.approx(860 / 900)
    assert (left.text, left.mark) == ("none: 42 min too much", Mark.BAD)
    assert left.note.startswith("47 min of 6 min used; ")


def test_how_long_it_went_well_in_between_is_said(facts: Facts) -> None:
    some = (
        Incident("1", "fibre", "Down", Severity.CRITICAL, at(4), Stage.RESOLVED, resolved=at(5)),
        Incident("2", "fibre", "Down", Severity.CRITICAL, at(12), Stage.RESOLVED, resolved=at(13)),
    )
    known = facts_of(facts.config, facts.spans, *some)
    assert availability.figures(known, ()).figures[-1].text == "23 h"


def test_nothing_measured_is_said_and_never_zero(config: Config) -> None:
    facts = facts_of(config, {})
    section = availability.section(facts, standings.of_assets(facts))
    (figures,) = [block for block in section.blocks if isinstance(block, Figures)]
    assert [(one.text, one.value) for one in figures.figures] == [("not measured", None), ("no incident began", None)]
    assert memo.uptime(facts, standings.of_assets(facts), facts).text == "not measured"
    (words,) = [block for block in section.blocks if isinstance(block, Paragraph)]
    assert "not at work for 2 d (once)" in words.text
    everything = [block for block in section.blocks if isinstance(block, Table)][-1]
    assert everything.rows[0] == ("Fibre", "not measured", "not measured", "never", "", "")


def test_a_gap_of_a_moment_is_not_worth_a_word(config: Config) -> None:
    spans = (span("fibre/ping", 0, 20), span("fibre/ping", 20.05, 48))
    assert not tuple(availability.unmeasured(facts_of(config, {"fibre/ping": spans})))


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (hours(up=100), "100 %; measured all the time"),
        (hours(up=99_999, down=1), "99.99 %; measured all the time"),
        (hours(up=9_982, down=18, unknown=309), "99.82 %; measured 97.0 % of the time"),
        (hours(up=99_999, unknown=1), "100 %; measured 99.9 % of the time"),
        (hours(down=3), "0.00 %; measured all the time"),
        (hours(unknown=3), "not measured; never measured"),
    ],
)
def test_shares_are_never_rounded_up(found: Availability, words: str) -> None:
    assert f"{availability.share(found)}; {availability.measured(found)}" == words
