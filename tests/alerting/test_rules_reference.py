"""Rules agree with their definition, worked out anew from the whole history at every reading."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count, takewhile
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from alerting.rules import Phase, Rule, Severity, State, step
from probes import Reading, Sample, Status

START = datetime(2026, 8, 3, 8, 0, tzinfo=UTC)
RULE = Rule("uplink/ping", "loss", "loses packets", Severity.WARNING, metric="loss_ratio", above=0.5, flaps=0)


class Seen(NamedTuple):
    """After a reading: the phase of the open episode, None without one, and since when it has been open."""

    phase: Phase | None
    opened: datetime | None = None


def by_definition(rule: Rule, history: list[Reading]) -> list[Seen]:
    """What the rule's definition says after each reading, from lists of everything that was."""
    seen: list[Seen] = []
    told: list[tuple[datetime, bool, bool]] = []  # when, was the reading bad, was the condition true
    for one in history:
        last = seen[-1] if seen else Seen(None)
        value = one.value(rule.metric)
        if one.status is Status.UNKNOWN or value is None:
            seen.append(last)
            continue
        firing = last.phase in (Phase.FIRING, Phase.RECOVERING)
        bad = _beyond(rule, value, rule.clear if firing and rule.clear is not None else None)
        verdicts = [*(verdict for _, verdict, _ in told), bad][-rule.window :]
        told.append((one.at, bad, verdicts.count(True) >= rule.times))
        phase, opened = _phase(rule, told, last)
        if phase is Phase.RESOLVED:
            told, phase, opened = [], None, None
        seen.append(Seen(phase, opened))
    return seen


def _beyond(rule: Rule, value: float, clear: float | None) -> bool:
    if rule.above is not None:
        return value > (rule.above if clear is None else clear)
    assert rule.below is not None
    return value < (rule.below if clear is None else clear)


def _phase(rule: Rule, told: list[tuple[datetime, bool, bool]], last: Seen) -> tuple[Phase | None, datetime | None]:
    now, _, true = told[-1]
    run = list(takewhile(lambda one: one[2] is true, reversed(told)))
    lasted = (now - run[-1][0]).total_seconds()
    if last.phase in (Phase.FIRING, Phase.RECOVERING):
        over = Phase.RESOLVED if lasted >= rule.keep else Phase.RECOVERING
        return (Phase.FIRING if true else over), last.opened
    if not true:
        return None, None
    return (Phase.FIRING if lasted >= rule.hold else Phase.PENDING), run[-1][0]


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    window = draw(st.integers(1, 5))
    above = draw(st.booleans())
    return replace(
        RULE,
        above=0.5 if above else None,
        below=None if above else 0.5,
        clear=draw(st.sampled_from([None, 0.3 if above else 0.7])),
        hold=draw(st.sampled_from([0.0, 10.0, 35.0])),
        keep=draw(st.sampled_from([0.0, 10.0, 35.0])),
        times=draw(st.integers(1, window)),
        window=window,
    )


@st.composite
def histories(draw: st.DrawFn) -> list[Reading]:
    """A reading every ten seconds or so: UNKNOWN, without the metric, or with a value round the limits."""
    found, at = [], 0.0
    for gap, value in draw(
        st.lists(
            st.tuples(st.sampled_from([9, 10, 11, 60]), st.sampled_from([None, -1, 0.2, 0.4, 0.6, 0.8])), max_size=40
        )
    ):
        at += gap
        status = Status.UNKNOWN if value == -1 else Status.UP
        samples = () if value is None else (Sample("loss_ratio", value),)
        found.append(Reading("uplink/ping", START + timedelta(seconds=at), 0.1, status, "ok", "", samples))
    return found


@given(rules(), histories())
@settings(max_examples=150)
def test_hold_keep_n_of_m_and_hysteresis_are_what_they_are_defined_to_be(rule: Rule, history: list[Reading]) -> None:
    ids, state, found = count(), State(), []
    for one in history:
        state = step(rule, state, one, one.at, lambda: str(next(ids))).state
        found.append(Seen(state.episode.phase, state.episode.opened) if state.episode else Seen(None))
    assert found == by_definition(rule, history)
