"""Flapping: a rule that fires again and again says so once, stays quiet, and ends when it is calm."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerting.rules import Phase, Rule, Severity, State, Step, Why, is_flapping, step
from probes import Reading, Status

START = datetime(2026, 8, 3, 8, 0, tzinfo=UTC)
RULE = Rule("door/tcp", "down", "does not answer", Severity.CRITICAL, status=Status.DOWN, flaps=3, calm=600)
DAY = 86_400

Turn = tuple[int, Phase, bool]


def reading(second: float, bad: bool) -> Reading:
    status = Status.DOWN if bad else Status.UP
    return Reading("door/tcp", START + timedelta(seconds=second), 0.1, status, "timeout" if bad else "ok", "")


def every(seconds: float, letters: str, start: float = 0) -> list[Reading]:
    """A reading every so many seconds: D is bad, U is good."""
    return [reading(start + at * seconds, letter == "D") for at, letter in enumerate(letters)]


def walk(rule: Rule, readings: Iterable[Reading], state: State = State()) -> list[Step]:  # noqa: B008
    ids, steps = count(1), []
    for one in readings:
        steps.append(step(rule, state, one, one.at, lambda: f"episode-{next(ids)}"))
        state = steps[-1].state
    return steps


def turns(rule: Rule, readings: Sequence[Reading]) -> list[Turn]:
    """Every turn: at which second, to which phase, and whether the rule is flapping."""
    return [
        (round((one.at - START).total_seconds()), result.turned.phase, is_flapping(rule, result.turned))
        for one, result in zip(readings, walk(rule, readings), strict=True)
        if result.turned is not None
    ]


FIRED_TWICE = [
    (0, Phase.FIRING, False),
    (60, Phase.RESOLVED, False),
    (120, Phase.FIRING, False),
    (180, Phase.RESOLVED, False),
]


def test_a_rule_that_fires_too_often_is_flapping_and_does_not_turn_until_it_has_been_calm() -> None:
    readings = every(60, "DUDUD" + "UDUDU" + "U" * 10)
    assert turns(RULE, readings) == [*FIRED_TWICE, (240, Phase.FIRING, True), (1140, Phase.RESOLVED, True)]


def test_the_episode_counts_how_often_it_came_back() -> None:
    steps = walk(RULE, every(60, "DUDUD" + "UDUDU" + "U" * 10))
    assert [one.state.episode.turns for one in steps[4:10] if one.state.episode] == [3, 3, 4, 4, 5, 5]
    assert steps[-1].turned is not None
    assert (steps[-1].turned.turns, steps[-1].turned.why) == (5, Why.RECOVERED)


def test_after_the_calm_counting_starts_anew() -> None:
    steps = walk(RULE, every(60, "DUDUD" + "U" * 11))
    assert steps[-1].state == State()
    after = walk(RULE, every(60, "DU", start=DAY), steps[-1].state)
    assert [one.turned and one.turned.phase for one in after] == [Phase.FIRING, Phase.RESOLVED]


def test_firing_now_and_then_is_no_flapping() -> None:
    assert not any(flapping for _, _, flapping in turns(RULE, every(150, "DUDUDUDU")))
    assert any(flapping for _, _, flapping in turns(RULE, every(149, "DUDUD")))


def test_flapping_can_be_switched_off() -> None:
    never = replace(RULE, flaps=0)
    assert len(turns(never, every(20, "DU" * 50))) == 100
    assert walk(never, every(20, "DU" * 50))[-1].state == State()


def test_switching_it_off_while_it_flaps_lets_the_episode_end() -> None:
    flapping = walk(RULE, every(60, "DUDUD"))[-1].state
    (over,) = walk(replace(RULE, flaps=0), every(60, "U", start=300), flapping)
    assert over.turned is not None
    assert over.turned.phase is Phase.RESOLVED


def test_coming_back_before_the_end_counts_as_firing_again() -> None:
    bouncing = turns(replace(RULE, keep=300), every(60, "DUDUD" + "UDUD"))
    assert bouncing == [
        (0, Phase.FIRING, False),
        (60, Phase.RECOVERING, False),
        (120, Phase.FIRING, False),
        (180, Phase.RECOVERING, False),
        (240, Phase.FIRING, True),
    ]


def test_what_a_rule_waits_by_itself_is_not_counted() -> None:
    patient = replace(RULE, hold=300, keep=300)
    again = every(60, ("D" * 6 + "U" * 6) * 3)  # fires every twelve minutes, as fast as it can
    assert [second for second, phase, flapping in turns(patient, again) if flapping] == [1740]


def test_a_rule_that_waits_longer_than_the_calm_waits_as_long_when_it_flaps() -> None:
    patient = replace(RULE, keep=1200)
    assert turns(patient, every(60, "DUDUD" + "U" * 30))[-1] == (300 + 1200, Phase.RESOLVED, True)


def test_bouncing_every_20_seconds_for_a_day_turns_six_times_and_ends_by_itself() -> None:
    bouncing = every(20, "DU" * (DAY // 40))
    calm = every(20, "U" * 31, start=DAY)
    assert [(phase, flapping) for _, phase, flapping in turns(RULE, [*bouncing, *calm])] == [
        *((phase, flapping) for _, phase, flapping in FIRED_TWICE),
        (Phase.FIRING, True),
        (Phase.RESOLVED, True),
    ]


@pytest.mark.parametrize("at", range(14))
def test_a_state_is_all_that_flapping_needs(at: int) -> None:
    readings = every(60, "DUDUD" + "UDUU" + "U" * 12)
    whole = walk(RULE, readings)
    rest = walk(RULE, readings[at:], whole[at - 1].state if at else State())
    assert [one.turned and one.turned.phase for one in rest] == [one.turned and one.turned.phase for one in whole[at:]]


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    window = draw(st.integers(1, 3))
    return replace(
        RULE,
        hold=draw(st.sampled_from([0.0, 30.0])),
        keep=draw(st.sampled_from([0.0, 45.0, 900.0])),
        times=draw(st.integers(1, window)),
        window=window,
        flaps=draw(st.integers(2, 5)),
        calm=draw(st.sampled_from([60.0, 300.0, 600.0])),
    )


@st.composite
def bounces(draw: st.DrawFn) -> list[Reading]:
    """Good and bad in any order, as a check that runs every few seconds would see it."""
    interval = draw(st.sampled_from([1, 20, 60]))
    pattern = draw(st.text("UD", min_size=1, max_size=60))
    return every(interval, pattern * draw(st.integers(1, 4)))


@given(rules(), bounces())
@settings(max_examples=60)
def test_in_any_stretch_as_long_as_the_calm_the_turns_are_bounded(rule: Rule, readings: list[Reading]) -> None:
    steps = [(one.at, result.turned) for one, result in zip(readings, walk(rule, readings), strict=True)]
    fired = {turned.id for _, turned in steps if turned is not None and turned.fired is not None}
    stamps = [at for at, turned in steps if turned is not None and turned.id in fired]
    for at in stamps:
        assert sum(at <= other < at + timedelta(seconds=rule.calm) for other in stamps) <= 4 * rule.flaps + 3


@given(rules(), bounces())
@settings(max_examples=60)
def test_whatever_came_before_calm_ends_it(rule: Rule, readings: list[Reading]) -> None:
    last = (readings[-1].at - START).total_seconds()
    wait = max(rule.keep, rule.calm) + 1
    calm = [*every(1, "U" * rule.window, start=last + 1), reading(last + rule.window + wait, bad=False)]
    assert walk(rule, [*readings, *calm])[-1].state.episode is None
