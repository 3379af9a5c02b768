"""Rules over readings: when an episode opens, fires, recovers and ends."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.rules import (
    Episode,
    Lack,
    NoData,
    Phase,
    Rule,
    Severity,
    State,
    Step,
    Why,
    close,
    matters,
    severity_at,
    step,
)
from probes import Reading, Sample, Status

START = datetime(2026, 8, 3, 8, 0, tzinfo=UTC)
DOWN = Rule("booking/http", "down", "does not answer", Severity.CRITICAL, status=Status.DOWN)
LOSS = Rule("uplink-a/ping", "loss", "loses packets", Severity.WARNING, metric="loss_ratio", above=0.1)


def reading(second: float, status: Status = Status.UP, **values: float) -> Reading:
    reason = "ok" if status is Status.UP else "timeout"
    samples = tuple(Sample(metric, value) for metric, value in values.items())
    return Reading(
        "booking/http", START + timedelta(seconds=second), 0.1, status, reason, f"{status} at {second}", samples
    )


def walk(rule: Rule, readings: Sequence[Reading], state: State = State()) -> list[Step]:  # noqa: B008
    """Every step of a rule over readings in order."""
    ids, steps = count(1), []
    for one in readings:
        steps.append(step(rule, state, one, one.at, lambda: f"episode-{next(ids)}"))
        state = steps[-1].state
    return steps


def phases(rule: Rule, readings: Sequence[Reading]) -> list[Phase | None]:
    """The phase that each reading turned an episode to, None where nothing turned."""
    return [one.turned.phase if one.turned else None for one in walk(rule, readings)]


def losses(*values: float | None) -> list[Reading]:
    """A reading every ten seconds with these ratios, None for one that lacks the metric."""
    return [
        reading(10 * at) if value is None else reading(10 * at, loss_ratio=value) for at, value in enumerate(values)
    ]


def statuses(letters: str) -> list[Reading]:
    """A reading every ten seconds: U is up, D down, ? unknown."""
    meaning = {"U": Status.UP, "D": Status.DOWN, "?": Status.UNKNOWN}
    return [reading(10 * at, meaning[letter]) for at, letter in enumerate(letters)]


def test_a_rule_without_hold_fires_with_the_first_bad_reading_and_resolves_with_the_first_good_one() -> None:
    assert phases(DOWN, statuses("UDDU")) == [None, Phase.FIRING, None, Phase.RESOLVED]


def test_an_episode_says_when_it_began_what_it_last_saw_and_why_it_closed() -> None:
    episode = walk(DOWN, statuses("UDDU"))[-1].turned
    assert episode == Episode(
        id="episode-1",
        check="booking/http",
        rule="down",
        severity=Severity.CRITICAL,
        phase=Phase.RESOLVED,
        opened=START + timedelta(seconds=10),
        fired=START + timedelta(seconds=10),
        last_true=START + timedelta(seconds=20),
        closed=START + timedelta(seconds=30),
        why=Why.RECOVERED,
        reason="timeout",
        detail="down at 20",
    )


def test_a_confirmed_failure_opens_at_its_first_attempt() -> None:
    since = START - timedelta(seconds=4)
    turned = step(replace(DOWN, hold=3), State(), reading(0, Status.DOWN), since, lambda: "episode").turned
    assert turned is not None
    assert (turned.phase, turned.opened, turned.fired) == (Phase.FIRING, since, START)


def test_a_clock_that_is_set_back_ends_no_episode_before_it_began() -> None:
    later = START + timedelta(seconds=4)
    opened = step(DOWN, State(), reading(0, Status.DOWN), later, lambda: "episode").turned
    assert opened is not None
    assert (opened.opened, opened.fired) == (START, START)
    rule = replace(DOWN, hold=10, times=1, window=2)
    ended = walk(rule, [reading(0, Status.DOWN), reading(10), reading(5)])[-1].turned
    assert ended is not None
    assert ended.fired == ended.closed == START + timedelta(seconds=10)


def test_a_hold_keeps_an_episode_pending_until_it_has_lasted() -> None:
    assert phases(replace(DOWN, hold=20), statuses("DDDU")) == [Phase.PENDING, None, Phase.FIRING, Phase.RESOLVED]


def test_an_episode_that_ends_within_its_hold_never_fires() -> None:
    steps = walk(replace(DOWN, hold=60), statuses("DDU"))
    assert steps[-1].turned is not None
    assert (steps[-1].turned.phase, steps[-1].turned.fired) == (Phase.RESOLVED, None)
    assert steps[-1].state.episode is None


def test_keep_holds_an_episode_open_until_it_has_been_good_for_long_enough() -> None:
    assert phases(replace(DOWN, keep=20), statuses("DUDUUUU")) == [
        Phase.FIRING,
        Phase.RECOVERING,
        Phase.FIRING,
        Phase.RECOVERING,
        None,
        Phase.RESOLVED,
        None,
    ]


def test_a_value_between_clear_and_limit_neither_raises_nor_clears() -> None:
    rule = replace(LOSS, clear=0.05)
    assert phases(rule, losses(0.07, 0.2, 0.07, 0.05, 0.07)) == [None, Phase.FIRING, None, Phase.RESOLVED, None]


def test_a_lower_limit_raises_below_and_clears_at_the_clear_value() -> None:
    rule = replace(LOSS, metric="down_bits_per_second", above=None, below=25.0, clear=30.0)
    readings = [reading(at, down_bits_per_second=value) for at, value in enumerate([25, 24, 29, 30])]
    assert phases(rule, readings) == [None, Phase.FIRING, None, Phase.RESOLVED]


def test_three_of_five_needs_three_bad_readings_among_the_last_five() -> None:
    rule = replace(DOWN, times=3, window=5)
    assert phases(rule, statuses("DUDUUUD")) == [None] * 7
    assert phases(rule, statuses("DUDUD")) == [*[None] * 4, Phase.FIRING]
    assert phases(rule, statuses("DDDUUU")) == [None, None, Phase.FIRING, None, None, Phase.RESOLVED]


def test_readings_held_against_clear_are_no_evidence_for_a_new_episode() -> None:
    rule = replace(LOSS, clear=0.05, times=2, window=3)
    values = losses(0.2, 0.2, 0.0, 0.07, 0.0, 0.2)  # 0.07 was bad only because it had not cleared yet
    assert phases(rule, values) == [None, Phase.FIRING, None, None, Phase.RESOLVED, None]


def test_of_several_parts_the_worst_counts_unless_one_is_named() -> None:
    parts = (Sample("loss_ratio", 0.0, "gateway"), Sample("loss_ratio", 0.4, "internet"))
    one = replace(reading(0), samples=parts)
    turned = walk(LOSS, [one])[0].turned
    assert turned is not None
    assert turned.value == 0.4
    assert walk(replace(LOSS, part="gateway"), [one])[0].turned is None


@pytest.mark.parametrize(
    ("no_data", "expected"),
    [
        (NoData.KEEP, [Phase.FIRING, None, None]),
        (NoData.CLEAR, [Phase.FIRING, Phase.RESOLVED, None]),
        (NoData.RAISE, [Phase.FIRING, None, None]),
    ],
)
def test_a_missing_metric_means_what_the_rule_says(no_data: NoData, expected: list[Phase | None]) -> None:
    assert phases(replace(LOSS, no_data=no_data), losses(0.2, None, None)) == expected


def test_a_missing_metric_opens_an_episode_if_the_rule_asks_for_it() -> None:
    assert phases(replace(LOSS, no_data=NoData.RAISE), losses(None)) == [Phase.FIRING]


def test_a_value_that_is_no_number_is_a_missing_one() -> None:
    assert phases(LOSS, losses(0.2, float("nan"), 0.0)) == [Phase.FIRING, None, Phase.RESOLVED]


def test_an_end_that_only_silence_speaks_for_says_so() -> None:
    rule = replace(LOSS, no_data=NoData.CLEAR)
    ends = [one.turned.why for one in walk(rule, losses(0.2, 0.0, 0.2, None)) if one.turned and one.turned.why]
    assert ends == [Why.RECOVERED, Why.SOURCE_SILENT]


def lacks(rule: Rule, readings: Sequence[Reading]) -> list[tuple[Lack, float | None] | None]:
    """What the open episode lacks after each reading, and since which second; None without an episode."""
    episodes = [one.state.episode for one in walk(rule, readings)]
    return [
        one and (one.lack, None if one.lack_since is None else (one.lack_since - START).total_seconds())
        for one in episodes
    ]


def test_readings_that_tell_nothing_mark_the_open_episode_until_one_tells_something() -> None:
    nothing = (Lack.NOTHING, None)
    assert lacks(DOWN, statuses("D??DU")) == [nothing, (Lack.ERROR, 10), (Lack.ERROR, 10), nothing, None]
    assert lacks(LOSS, losses(0.2, None, 0.3)) == [nothing, (Lack.NO_DATA, 10), nothing]


def test_a_silence_of_another_kind_goes_on_from_when_it_began() -> None:
    history = [*losses(0.2, None), reading(20, Status.UNKNOWN)]
    assert lacks(LOSS, history)[1:] == [(Lack.NO_DATA, 10), (Lack.ERROR, 10)]


def test_silence_is_neither_a_turn_nor_an_episode_of_its_own() -> None:
    assert phases(DOWN, statuses("??D??DU??")) == [None, None, Phase.FIRING, *[None] * 3, Phase.RESOLVED, None, None]


def test_a_missing_metric_that_raises_marks_the_rules_own_episode() -> None:
    rule = replace(LOSS, no_data=NoData.RAISE)
    steps = walk(rule, losses(None, 0.2, 0.0))
    assert lacks(rule, losses(None, 0.2, 0.0)) == [(Lack.NO_DATA, 0), (Lack.NOTHING, None), None]
    assert {one.turned.id for one in steps if one.turned} == {"episode-1"}


def test_a_change_matters_if_it_outlives_the_newest_value() -> None:
    before, same, silent = (one.state for one in walk(replace(DOWN, window=3), statuses("DD?"))[:3])
    assert matters(State(), before)
    assert matters(same, silent)
    bad, still_bad = (one.state for one in walk(DOWN, statuses("DD")))
    assert not matters(bad, still_bad)


def test_while_the_site_is_closed_another_severity_may_hold() -> None:
    milder = replace(DOWN, closed=Severity.WARNING)
    assert [severity_at(milder, is_open) for is_open in (True, False)] == [Severity.CRITICAL, Severity.WARNING]
    assert severity_at(DOWN, is_open=False) is Severity.CRITICAL


def test_a_rule_about_unknown_readings_fires_on_them() -> None:
    assert phases(replace(DOWN, status=Status.UNKNOWN), statuses("U??D")) == [None, Phase.FIRING, None, Phase.RESOLVED]


def test_what_is_only_awaited_is_no_fault_of_the_monitor() -> None:
    blind = replace(DOWN, status=Status.UNKNOWN)
    unknown, awaited = reading(0, Status.UNKNOWN), replace(reading(10, Status.UNKNOWN), reason="waiting")
    assert phases(blind, [awaited, unknown, awaited]) == [None, Phase.FIRING, Phase.RESOLVED]


def test_a_rule_without_a_condition_is_refused() -> None:
    with pytest.raises(ValueError, match="neither status, above nor below"):
        walk(replace(LOSS, above=None), losses(0.2))


def test_an_episode_can_be_closed_for_another_reason_than_a_reading() -> None:
    fired = walk(DOWN, statuses("D"))[0].turned
    assert fired is not None
    now = START + timedelta(hours=1)
    ended = close(fired, Why.RULE_DELETED, now)
    assert (ended.phase, ended.closed, ended.why) == (Phase.RESOLVED, now, Why.RULE_DELETED)


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    """Any rule about being down or about loss."""
    window = draw(st.integers(1, 5))
    common = {
        "hold": draw(st.sampled_from([0.0, 10.0, 35.0])),
        "keep": draw(st.sampled_from([0.0, 10.0, 35.0])),
        "times": draw(st.integers(1, window)),
        "window": window,
        "flaps": draw(st.sampled_from([0, 2, 4])),
        "calm": draw(st.sampled_from([30.0, 600.0])),
    }
    if draw(st.booleans()):
        return replace(DOWN, **common)
    return replace(LOSS, **common, clear=draw(st.sampled_from([None, 0.05])), no_data=draw(st.sampled_from(NoData)))


@st.composite
def histories(draw: st.DrawFn, shortest: float = 0.1) -> list[Reading]:
    """Readings in order of time unless the shortest gap is negative: of any status, with and without the metric."""
    gaps = draw(st.lists(st.floats(shortest, 60), max_size=40))
    at, found = 0.0, []
    for gap in gaps:
        at += gap
        value = draw(st.sampled_from([None, 0.0, 0.05, 0.07, 0.1, 0.2, 1.0, float("nan")]))
        status = draw(st.sampled_from(Status))
        found.append(reading(at, status) if value is None else reading(at, status, loss_ratio=value))
    return found


@given(rules(), histories())
def test_there_is_never_more_than_one_open_episode_and_none_returns(rule: Rule, history: list[Reading]) -> None:
    current, over = None, set[str]()
    for one in walk(rule, history):
        for episode in (one.state.episode, one.turned):
            if episode is not None:
                assert episode.id not in over
                assert current in (None, episode.id)
                current = episode.id
        if one.turned is not None and one.turned.phase is Phase.RESOLVED:
            over.add(one.turned.id)
            current = None
            assert one.state.episode is None
        else:
            assert one.turned in (None, one.state.episode)


@given(rules(), histories())
def test_an_episode_fires_only_after_its_hold_and_resolves_only_after_its_keep(
    rule: Rule, history: list[Reading]
) -> None:
    recovering = None
    for one in walk(rule, history):
        if one.state.episode is not None and one.state.episode.phase is Phase.RECOVERING:
            recovering = one.state.episode.deadline
        episode = one.turned
        if episode is None:
            continue
        if episode.phase is Phase.FIRING and episode.fired is not None:
            assert episode.fired - episode.opened >= timedelta(seconds=rule.hold)
        if episode.phase is Phase.RESOLVED and episode.fired is not None and rule.keep:
            assert recovering is not None
            assert episode.closed is not None
            assert episode.closed >= recovering


@given(rules(), histories(shortest=-60))
def test_stamps_of_an_episode_are_in_order_even_if_a_clock_is_set_back(rule: Rule, history: list[Reading]) -> None:
    newest: dict[str, datetime] = {}
    for one in walk(rule, history):
        episode = one.turned or one.state.episode
        if episode is not None:
            stamps = [episode.opened, episode.fired, episode.closed]
            known = [stamp for stamp in stamps if stamp is not None]
            assert known == sorted(known)
            assert episode.opened <= episode.last_true <= (episode.closed or episode.last_true)
            assert newest.get(episode.id, episode.opened) <= episode.last_true
            newest[episode.id] = episode.last_true


@given(rules(), histories())
def test_an_episode_ends_for_a_reason_and_lacks_something_since_a_time(rule: Rule, history: list[Reading]) -> None:
    for one in walk(rule, history):
        for episode in (one.turned, one.state.episode):
            if episode is not None:
                over = episode.phase is Phase.RESOLVED
                assert over == (episode.why is not None) == (episode.closed is not None)
                assert bool(episode.lack) == (episode.lack_since is not None)


@given(rules(), histories())
def test_a_rule_that_sees_nothing_bad_never_has_an_episode(rule: Rule, history: list[Reading]) -> None:
    good = [replace(one, status=Status.UP, samples=(Sample("loss_ratio", 0.05),)) for one in history]
    assert all(one == Step(State()) for one in walk(rule, good))


@given(rules(), histories(), st.integers(0, 40))
def test_an_unknown_reading_changes_nothing_but_what_is_lacking(rule: Rule, history: list[Reading], at: int) -> None:
    state = walk(rule, history[:at])[-1].state if history[:at] else State()
    later = START + timedelta(days=1)
    unknown = replace(reading(0, Status.UNKNOWN, loss_ratio=1.0), at=later)
    after = step(rule, state, unknown, later, lambda: "new")
    assert after.turned is None
    episode = state.episode and replace(state.episode, lack=Lack.ERROR, lack_since=state.episode.lack_since or later)
    assert after.state == state._replace(episode=episode)


@given(rules(), histories())
def test_an_episode_opens_only_when_enough_of_the_last_readings_were_beyond_the_limit(
    rule: Rule, history: list[Reading]
) -> None:
    plain = replace(rule, clear=None)
    verdicts: list[bool] = []
    open_before = False
    for one, result in zip(history, walk(rule, history), strict=True):
        alone = walk(replace(plain, hold=0, times=1, window=1), [one])[0]
        silent = one.status is Status.UNKNOWN or (
            rule.metric != "" and rule.no_data is NoData.KEEP and walk(rule, [one])[0].state == State()
        )
        if not silent:
            verdicts.append(alone.turned is not None)
        if result.turned is not None and not open_before:
            assert sum(verdicts[-rule.window :]) >= rule.times
        open_before = result.state.episode is not None


@given(rules(), histories(), st.integers(0, 40))
def test_nothing_but_the_state_carries_over_from_reading_to_reading(
    rule: Rule, history: list[Reading], at: int
) -> None:
    whole = walk(rule, history)
    before, after = history[:at], history[at:]
    state = walk(rule, before)[-1].state if before else State()
    restored = State(state.recent, replace(state.episode) if state.episode else None, state.fired)

    def shape(steps: list[Step]) -> list[object]:
        return [(one.state.recent, one.state.fired, one.turned and replace(one.turned, id="")) for one in steps]

    assert shape(walk(rule, after, restored)) == shape(whole[len(before) :])


def test_severities_are_ranked_and_info_tells_nobody() -> None:
    assert [one.rank for one in (Severity.INFO, Severity.WARNING, Severity.CRITICAL)] == [0, 1, 2]
    assert [one.pages for one in (Severity.INFO, Severity.WARNING, Severity.CRITICAL)] == [False, True, True]
