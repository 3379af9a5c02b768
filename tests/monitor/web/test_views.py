"""What the board says of every state that a check can be in."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import chain
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr

from alerting.hours import OpeningHours
from alerting.rules import Episode, Lack, Phase, Severity, State
from incidents.availability import Span
from incidents.lifecycle import Incident, Stage
from monitor.config.model import Asset, Config, Server, Site, Storage
from monitor.days import Days
from monitor.web import boards, views
from monitor.web.views import Strip, Verdict, World
from probes import Metric, Reading, Sample, Status

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
SITE = Site("harbour", "Harbour Hall", OpeningHours(ZoneInfo("UTC")), 100)


def world(*assets: Asset, **others: object) -> World:
    config = Config(SITE, assets, (), {}, Server(), Storage(SecretStr("sqlite:///x")))
    return replace(World(config, {}, {}, {}, (), (), (), (), NOW), **others)


def reading(asset: Asset, status: Status, ago: float = 0, detail: str = "…") -> dict[str, Reading]:
    check = asset.checks[0].id
    return {check: Reading(check, NOW - timedelta(seconds=ago), 0.1, status, "ok", detail)}


def firing(asset: Asset, severity: Severity, phase: Phase = Phase.FIRING) -> dict[tuple[str, str], State]:
    rule = asset.checks[0].rules[0]
    began = NOW - timedelta(minutes=5)
    episode = Episode("E", rule.check, rule.id, severity, phase, began, NOW, detail="4.2 s")
    return {(rule.check, rule.id): State((True,), episode)}


def incident(asset: str, stage: Stage = Stage.OPEN) -> Incident:
    return Incident(f"I-{asset}", asset, f"{asset} is down", Severity.CRITICAL, NOW - timedelta(minutes=9), stage)


@pytest.fixture
def door(make_asset: Callable[..., Asset]) -> Asset:
    return make_asset("door", "Street door", "doors")


@pytest.mark.parametrize(
    ("status", "verdict"),
    [(Status.UP, Verdict.WORKING), (Status.DOWN, Verdict.CHECKING), (Status.UNKNOWN, Verdict.UNKNOWN)],
)
def test_without_a_firing_rule_the_reading_decides(door: Asset, status: Status, verdict: Verdict) -> None:
    assert views.asset_view(door, world(door, latest=reading(door, status))).verdict is verdict


@pytest.mark.parametrize(
    ("severity", "status", "verdict"),
    [
        (Severity.CRITICAL, Status.DOWN, Verdict.DOWN),
        (Severity.CRITICAL, Status.UNKNOWN, Verdict.DOWN),
        (Severity.WARNING, Status.UP, Verdict.DEGRADED),
        (Severity.WARNING, Status.DOWN, Verdict.DOWN),
        (Severity.WARNING, Status.UNKNOWN, Verdict.DOWN),
        (Severity.INFO, Status.UP, Verdict.WORKING),
        (Severity.INFO, Status.DOWN, Verdict.DEGRADED),
    ],
)
@pytest.mark.parametrize("phase", [Phase.FIRING, Phase.RECOVERING])
def test_a_firing_rule_decides_by_its_severity_and_what_it_says(
    door: Asset, severity: Severity, status: Status, verdict: Verdict, phase: Phase
) -> None:
    seen = views.asset_view(door, world(door, latest=reading(door, status), episodes=firing(door, severity, phase)))
    assert seen.verdict is verdict


def test_a_pending_rule_decides_nothing_yet(door: Asset) -> None:
    pending = firing(door, Severity.CRITICAL, Phase.PENDING)
    seen = views.asset_view(door, world(door, latest=reading(door, Status.DOWN), episodes=pending))
    assert seen.verdict is Verdict.CHECKING


def test_a_fault_that_comes_and_goes_or_of_which_nothing_new_is_known_says_so(door: Asset) -> None:
    ((key, state),) = firing(door, Severity.CRITICAL).items()
    assert state.episode is not None
    unsure = replace(state.episode, detail="no answer", turns=3, lack=Lack.ERROR, lack_since=NOW)
    seen = world(door, episodes={key: State(episode=unsure)})
    found = views.check_view(door.checks[0], seen)
    assert found.finding.detail == "no answer. It comes and goes. It could not be measured since"


def test_an_old_reading_proves_nothing(door: Asset) -> None:
    assert views.asset_view(door, world(door, latest=reading(door, Status.UP, ago=465))).verdict is Verdict.WORKING
    assert views.asset_view(door, world(door, latest=reading(door, Status.UP, ago=475))).verdict is Verdict.UNKNOWN


def test_what_was_never_measured_is_not_known(door: Asset) -> None:
    assert views.asset_view(door, world(door)).verdict is Verdict.UNKNOWN
    assert views.asset_view(replace(door, checks=()), world(door)).verdict is Verdict.UNKNOWN


def test_an_asset_is_as_bad_as_its_worst_check(door: Asset) -> None:
    second = replace(door.checks[0], id="door/http", name="http")
    both = replace(door, checks=(*door.checks, second))
    seen = views.asset_view(both, world(both, latest=reading(door, Status.UP)))
    assert seen.verdict is Verdict.UNKNOWN
    assert [check.verdict for check in seen.checks] == [Verdict.WORKING, Verdict.UNKNOWN]


def headline(seen: World) -> tuple[str, Verdict]:
    board = boards.board(seen)
    return board.tally.headline, board.tally.tone


def test_the_headline_says_the_most_urgent_thing(door: Asset, make_asset: Callable[..., Asset]) -> None:
    wifi = make_asset("wifi", "Wi-Fi", "wifi")
    works = reading(door, Status.UP) | reading(wifi, Status.UP)
    held = incident("door", Stage.ACKNOWLEDGED)
    for seen, said in (
        (world(), ("Nothing is watched yet", Verdict.UNKNOWN)),
        (world(door), ("Taking a first look", Verdict.UNKNOWN)),
        (world(door, latest=reading(door, Status.UP, ago=999)), ("Nothing is known", Verdict.UNKNOWN)),
        (world(door, wifi, latest=works), ("All working", Verdict.WORKING)),
        (world(door, wifi, latest=reading(door, Status.UP)), ("1 thing not known", Verdict.UNKNOWN)),
        (world(door, wifi, latest=works | reading(door, Status.DOWN)), ("Checking 1 thing again", Verdict.CHECKING)),
        (world(door, wifi, latest=works, live=[held]), ("1 thing in hand", Verdict.DEGRADED)),
        (world(door, wifi, latest=works, live=[held, incident("wifi")]), ("1 thing needs you", Verdict.DOWN)),
        (world(door, wifi, live=[incident("door"), incident("wifi")]), ("2 things need you", Verdict.DOWN)),
    ):
        assert headline(seen) == said


def test_what_is_down_at_night_is_as_down_as_by_day(door: Asset) -> None:
    night = replace(incident("door"), severity=Severity.WARNING)
    fault = {"episodes": firing(door, Severity.WARNING), "latest": reading(door, Status.DOWN)}
    board = boards.board(world(door, live=[night], **fault))
    assert (board.tally.tone, board.cards[0].verdict, board.sections[0].assets[0].verdict) == (Verdict.DOWN,) * 3


def test_of_very_many_cards_the_worst_are_shown_and_all_are_counted() -> None:
    many = [replace(incident(str(number)), severity=Severity.WARNING) for number in range(boards.CARDS + 20)]
    board = boards.board(world(live=[*many, incident("worst")]))
    assert (len(board.cards), board.more) == (boards.CARDS, 21)
    assert board.cards[0].title == "worst is down"
    assert board.tally.headline == f"{boards.CARDS + 21} things need you"


def test_one_cause_is_one_card_that_names_what_else_it_hits(make_asset: Callable[..., Asset]) -> None:
    uplink = make_asset("fibre", "Fibre", "uplinks")
    wifi = make_asset("wifi", "Members Wi-Fi", "wifi", depends_on=(("fibre",),))
    door = make_asset("door", "Street door", "doors")
    faults = firing(uplink, Severity.CRITICAL) | firing(wifi, Severity.CRITICAL) | firing(door, Severity.WARNING)
    cards = boards.board(world(uplink, wifi, door, episodes=faults, live=[incident("fibre")])).cards
    assert [(card.asset, card.also) for card in cards] == [("fibre", ("Members Wi-Fi",)), ("door", ())]


def test_what_is_in_hand_comes_after_what_is_not(make_asset: Callable[..., Asset]) -> None:
    assets = [make_asset(id, id) for id in ("a", "b")]
    cards = boards.board(world(*assets, live=[incident("a", Stage.ACKNOWLEDGED), incident("b")])).cards
    assert [(card.asset, card.in_hand) for card in cards] == [("b", False), ("a", True)]


def test_an_incident_of_something_no_longer_watched_still_shows() -> None:
    (card,) = boards.board(world(live=[incident("gone")])).cards
    assert (card.title, card.asset) == ("gone is down", "")


def spans(check: str, *parts: tuple[float, float, Status]) -> tuple[Span, ...]:
    """Spans of one check, in hours before now."""
    return tuple(Span(check, NOW - timedelta(hours=a), NOW - timedelta(hours=b), status, "") for a, b, status in parts)


def strip(*checks: tuple[Span, ...]) -> Strip:
    days = Days(chain.from_iterable(checks)).by_check
    return views.strip(tuple(days), world(days=days))


def test_the_strip_draws_every_outage_and_every_gap() -> None:
    drawn = strip(spans("x", (30, 13, Status.UP), (12, 11.99, Status.DOWN), (11.99, 0, Status.UP)))
    assert (drawn.most, dict(drawn.paths)) == ("up", {"down": "M48 4h1", "unknown": "M44 4h4"})
    assert drawn.words == "Last 24 hours: outages in 1 quarter-hour, not known for about 1 h"


def test_the_strip_of_several_checks_is_the_worst_of_them() -> None:
    drawn = strip(spans("x", (24, 0, Status.UP)), spans("y", (8, 7, Status.DOWN), (2, 1, Status.DOWN)))
    assert (drawn.most, dict(drawn.paths)) == ("up", {"down": "M64 4h4m20 0h4"})


def test_the_strip_has_the_colour_of_most_of_the_day() -> None:
    drawn = strip(spans("x", (30, 2, Status.DOWN), (2, 0, Status.UP)))
    assert (drawn.most, dict(drawn.paths), drawn.whole) == ("down", {"up": "M88 4h8"}, False)
    assert strip(spans("x", (30, 0, Status.UP))) == Strip("up", (), 0, 0)


@pytest.mark.parametrize("history", [(), ((30, 0, Status.UNKNOWN),)])
def test_nothing_known_is_said_and_drawn_whether_we_looked_or_not(history: tuple[tuple[float, float, Status]]) -> None:
    assert strip(spans("x", *history)) == Strip("unknown", (), 0, 96)


@pytest.mark.parametrize(
    ("history", "hours"),
    [
        (((30, 3, Status.DOWN), (3, 2, Status.UP), (2, 0, Status.UP)), 3),
        (((30, 0, Status.UP),), None),
        ((), None),
    ],
)
def test_since_is_when_the_present_status_began(
    door: Asset, history: tuple[tuple[float, float, Status], ...], hours: float | None
) -> None:
    days = Days(spans("door/ping", *history)).by_check
    seen = views.asset_view(door, world(door, latest=reading(door, Status.UP), days=days))
    assert seen.since == (NOW - timedelta(hours=hours) if hours else None)


def test_values_say_what_they_mean_and_undeclared_ones_are_left_out() -> None:
    metrics = (Metric("rtt_seconds", "Round trip", "seconds", "phase"), Metric("cert_expiry", "Expires", "seconds"))
    samples = (Sample("rtt_seconds", 0.012, "connect"), Sample("cert_expiry", 1.8e9), Sample("secret", 1))
    one = Reading("x", NOW, 0.1, Status.UP, "ok", "", samples)
    assert views.values(one, metrics) == (
        ("Round trip", "connect", "12 ms", None),
        ("Expires", "", views.values(one, metrics)[1].text, datetime.fromtimestamp(1.8e9, UTC)),
    )


def test_the_cost_of_a_live_incident_is_counted_up_to_now(door: Asset) -> None:
    assert views.lost_minutes(incident("door"), world(door).config, NOW) == 9 * 80
    assert views.lost_minutes(replace(incident("door"), member_minutes=5), world(door).config, NOW) == 5
