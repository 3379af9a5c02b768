"""What a rule remembers survives a restart at any point, so that the rule decides as if there had been none."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerting.rules import NoData, Rule, Severity, State, Step, step
from monitor.store import Store, episodes
from probes import Reading, Sample, Status

START = datetime(2026, 8, 3, 8, 0, 0, 123456, tzinfo=UTC)
RULE = Rule("uplink/ping", "loss", "loses packets", Severity.WARNING, metric="loss_ratio", above=0.5, clear=0.3)


def walk(rule: Rule, readings: list[Reading], state: State) -> list[Step]:
    steps = []
    for one in readings:
        steps.append(step(rule, state, one, one.at, lambda at=one.at: str(at)))  # type: ignore[misc]
        state = steps[-1].state
    return steps


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    window = draw(st.integers(1, 4))
    return replace(
        RULE,
        hold=draw(st.sampled_from([0.0, 25.0])),
        keep=draw(st.sampled_from([0.0, 25.0])),
        times=draw(st.integers(1, window)),
        window=window,
        no_data=draw(st.sampled_from(NoData)),
        flaps=draw(st.sampled_from([0, 2, 4])),
        calm=draw(st.sampled_from([30.0, 300.0])),
    )


@st.composite
def histories(draw: st.DrawFn) -> list[Reading]:
    """A reading every ten seconds or so that bounces, lacks the metric or is UNKNOWN."""
    found, at = [], 0.0
    for gap, value in draw(
        st.lists(st.tuples(st.floats(5, 15), st.sampled_from([0.1, 0.4, 0.9, 0.9, None, -1])), min_size=2, max_size=40)
    ):
        at += gap
        status = Status.UNKNOWN if value == -1 else Status.UP
        samples = () if value is None else (Sample("loss_ratio", value),)
        found.append(Reading("uplink/ping", START + timedelta(seconds=at), 0.1, status, "ok", f"at {at}", samples))
    return found


@given(rules(), histories(), st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_after_a_restart_at_any_point_a_rule_decides_as_without(
    store: Store, rule: Rule, history: list[Reading], data: st.DataObject
) -> None:
    at = data.draw(st.integers(1, len(history) - 1))
    whole = walk(rule, history, State())
    async with store.begin() as conn:
        await episodes.save_state(conn, rule.check, rule.id, whole[at - 1].state)
        restored = (await episodes.states(conn)).get((rule.check, rule.id), State())
        await episodes.save_state(conn, rule.check, rule.id, State())
    assert restored == whole[at - 1].state
    assert walk(rule, history[at:], restored) == whole[at:]


async def test_when_a_rule_fired_lately_comes_back_and_the_previous_reading_does_not(store: Store) -> None:
    previous = Reading("uplink/ping", START, 0.1, Status.UP, "ok", "")
    fired = (START, START + timedelta(seconds=60, microseconds=1))
    async with store.begin() as conn:
        await episodes.save_state(conn, "uplink/ping", "loss", State(fired=fired, previous=previous))
        await episodes.save_state(conn, "uplink/ping", "rate", State(previous=previous))
        assert await episodes.states(conn) == {("uplink/ping", "loss"): State(fired=fired)}
