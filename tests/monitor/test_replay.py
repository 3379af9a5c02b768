"""Rules over recordings turn as they would have over the readings, though most recordings are never unpacked."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerting.against import Against
from alerting.rules import Episode, NoData, Phase, Rule, Severity, State, step
from monitor.recorder import Recorder
from monitor.recording import Recording, Stored
from monitor.replay import replay
from monitor.usual import Past, WallHour
from probes import Reading, Sample, Status

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
WEEK = timedelta(weeks=1)
ZONE = ZoneInfo("Europe/Lisbon")
DOWN = Rule("c", "down", "is down", Severity.CRITICAL, status=Status.DOWN)
LOSS = Rule("c", "loss", "loses packets", Severity.WARNING, metric="loss", above=0.2)

# Few values, at and around the limits, so that rules come to a decision often.
values = st.sampled_from([0.0, 0.1, 0.2, 0.3, 1.0, -1.0, math.nan, math.inf, -math.inf])
samples = st.lists(
    st.builds(Sample, st.sampled_from(["loss", "other"]), values, st.sampled_from(["", "a"])), max_size=3
).map(tuple)
statuses = st.sampled_from([Status.UP] * 6 + [Status.DOWN, Status.UNKNOWN])
limits = st.sampled_from([0.1, 0.2, 0.5, 1.0])


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    """Any rule."""
    base = replace(
        DOWN,
        hold=draw(st.sampled_from([0, 300])),
        keep=draw(st.sampled_from([0, 900])),
        window=draw(st.integers(1, 3)),
        times=draw(st.integers(1, 2)),
        flaps=draw(st.sampled_from([0, 2])),
    )
    if draw(st.booleans()):
        return replace(base, status=draw(st.sampled_from([Status.DOWN, Status.UNKNOWN])))
    side = draw(st.sampled_from(["above", "below"]))
    return replace(
        base,
        status=None,
        metric=draw(st.sampled_from(["loss", "other", "nothing"])),
        part=draw(st.sampled_from(["", "a"])),
        against=draw(st.sampled_from(Against)),
        no_data=draw(st.sampled_from(NoData)),
        **{side: draw(limits)},
    )


@st.composite
def histories(draw: st.DrawFn) -> list[Reading]:
    """Hours of readings; most of them are dull, as they are."""
    at, found = START, []
    for _ in range(draw(st.integers(1, 8))):
        dull = draw(st.booleans())
        for _ in range(draw(st.integers(1, 6))):
            at += draw(st.sampled_from([-3, 1, 7, 20, 90])) * MINUTE
            status, measured = (Status.UP, (Sample("loss", 0.1),)) if dull else (draw(statuses), draw(samples))
            found.append(Reading("c", at, 0.5, status, "ok", "", measured))
    return found


def stored(readings: list[Reading]) -> list[Stored]:
    recorder = Recorder()
    found: list[Recording] = []
    for one in readings:
        recorder.add(one, one.at)
        found += recorder.take(one.at)
    found += recorder.take()
    return [Stored(one.check, one.start, one.encoded()) for one in found]


@cache
def past(*known: float) -> Past:
    """A usual value for each hour that a history can have."""
    one = Past(["loss", "other"], ZONE)
    for week in (1, 2) if known else ():
        for hour in range(-3, 80):
            piece = Recording("c", START - week * WEEK + 60 * hour * MINUTE)
            value = known[hour % len(known)]
            piece.add(Reading("c", piece.start, 0.1, Status.UP, "ok", "", (Sample("loss", value),)), piece.start)
            one.add(piece)
    return one


def turns(rules: list[Rule], found: list[Stored], known: Past) -> list[tuple[Rule, Episode]]:
    loaded = [(one, one.summary()) for one in found]
    return [(one.rule, one.episode) for one in replay(rules, loaded, known)]


def brute(rules: list[Rule], found: list[Stored], known: Past) -> list[tuple[Rule, Episode]]:
    """Every rule over every reading."""
    states = [State() for _ in rules]
    numbers = [count(1) for _ in rules]
    turned = []
    for one, since in (each for piece in found for each in piece.recording().readings()):
        for place, rule in enumerate(rules):
            usual = known.usual(WallHour.of(one.at, ZONE))
            new = step(
                rule,
                states[place],
                one,
                since,
                lambda rule=rule, place=place: f"c/{rule.id}/{next(numbers[place])}",  # type: ignore[misc]
                lambda metric, part, usual=usual: usual.get((metric, part)),  # type: ignore[misc]
            )
            states[place] = new.state
            if new.turned is not None:
                turned.append((rule, new.turned))
    return turned


@given(history=histories(), rules=st.lists(rules(), min_size=1, max_size=4), known=st.lists(limits, max_size=2))
@settings(max_examples=80, deadline=None)
def test_what_is_not_unpacked_changes_nothing(history: list[Reading], rules: list[Rule], known: list[float]) -> None:
    rules = [replace(rule, id=str(number)) for number, rule in enumerate(rules)]
    found = stored(history)
    assert turns(rules, found, past(*known)) == brute(rules, found, past(*known))


def reading(minute: float, loss: float, status: Status = Status.UP) -> Reading:
    return Reading("c", START + minute * MINUTE, 2.0, status, "ok", "", (Sample("loss", loss),))


@pytest.mark.parametrize(
    ("rule", "unpacked"),
    [
        (DOWN, 2),  # it was down at the end of an hour, and is seen to be up in the next one
        (LOSS, 1),
        (replace(LOSS, metric="other"), 0),
        (replace(LOSS, above=0.4), 0),
        (replace(LOSS, above=0.05), 3),
        (replace(LOSS, above=None, below=0.1), 0),
        (replace(LOSS, against=Against.USUAL, above=2), 1),
        (replace(LOSS, against=Against.RATE, above=100), 3),
        (replace(LOSS, no_data=NoData.RAISE, metric="other", above=9), 3),
    ],
)
def test_only_recordings_in_which_a_rule_could_find_something_are_unpacked(
    rule: Rule, unpacked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = stored(
        [reading(0, 0.1), reading(60, 0.4), reading(61, 0.1), reading(62, 0.1, Status.DOWN), reading(120, 0.1)]
    )
    looked = []
    whole = Stored.recording
    monkeypatch.setattr(Stored, "recording", lambda self: looked.append(self) or whole(self))
    turns([rule], found, past(0.1))
    begins = {one.start.hour for one in looked}
    assert len(begins) == unpacked


def test_an_episode_goes_on_over_recordings_until_it_is_over() -> None:
    rule = replace(LOSS, hold=3600)
    found = stored([reading(minute, loss) for minute, loss in ((0, 0.5), (59, 0.5), (61, 0.5), (150, 0.5), (200, 0.0))])
    assert [one.phase for _, one in turns([rule], found, past())] == [Phase.PENDING, Phase.FIRING, Phase.RESOLVED]


def test_a_turn_happens_when_the_run_had_ended_and_never_before_the_turn_before() -> None:
    found = stored([reading(30, 0.5), reading(20, 0.0)])
    found.sort(key=lambda one: -one.start.minute)  # as it happened, before a clock was set back
    loaded = [(one, one.summary()) for one in found]
    ended = START + 30 * MINUTE + timedelta(seconds=2)
    assert [one.at for one in replay([LOSS], loaded, past())] == [ended, ended]
