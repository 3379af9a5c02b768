"""Readings become recordings and come back as they were; the damaged ones say so."""

import math
from array import array
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.recorder import Recorder
from monitor.recording import MalformedError, Recording, Stored, hour_of
from probes import Reading, Sample, Status

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

numbers = st.floats(allow_nan=True, allow_infinity=True)
names = st.sampled_from(["probe_icmp_loss_ratio", "probe_icmp_rtt_seconds", "ünits"])
samples = st.lists(st.builds(Sample, names, numbers, st.sampled_from(["", "min", "max"])), max_size=6).map(tuple)
times = st.integers(-300_000_000_000_000, 8_000_000_000_000_000).map(lambda at: START + timedelta(microseconds=at))
gaps = st.timedeltas(timedelta(minutes=-90), timedelta(minutes=90)) | st.timedeltas(timedelta(0), timedelta(minutes=1))


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[Reading, datetime]]:
    """Readings of one check, with gaps and clocks that are set back, each with when its condition began."""
    at, found = draw(times), []
    for gap in draw(st.lists(gaps, max_size=25)):
        at += gap
        status = draw(st.sampled_from(Status))
        took = draw(st.floats(0, 600, width=32))
        one = Reading("fibre/ping", at, took, status, draw(st.sampled_from(["ok", "refused"])), "", draw(samples))
        found.append((one, at - draw(st.timedeltas(timedelta(0), timedelta(seconds=9)))))
    return found


def stored(one: Recording) -> Stored:
    return Stored(one.check, one.start, one.encoded())


def same(one: Reading, other: Reading) -> bool:
    """Equal to the last bit, also where a value is no number."""

    def values(reading: Reading) -> bytes:
        return array("d", [sample.value for sample in reading.samples]).tobytes()

    def rest(reading: Reading) -> tuple[object, ...]:
        pairs = [(sample.metric, sample.part) for sample in reading.samples]
        return reading.check, reading.at, reading.took, reading.status, reading.reason, pairs

    return rest(one) == rest(other) and values(one) == values(other)


def reading(seconds: float, *found: Sample, status: Status = Status.UP, check: str = "c") -> Reading:
    return Reading(check, START + timedelta(seconds=seconds), 0.5, status, "ok", "fine", found)


def recorded(*readings: Reading) -> Recording:
    one = Recording(readings[0].check, readings[0].at)
    for each in readings:
        one.add(each, each.at)
    return one


@given(history=histories())
@settings(max_examples=60, deadline=None)
def test_whatever_is_recorded_comes_back_in_order(history: list[tuple[Reading, datetime]]) -> None:
    recorder = Recorder()
    for one, since in history:
        recorder.add(one, since)
    pieces = [stored(one).recording() for one in recorder.take()]
    back = [found for piece in pieces for found in piece.readings()]
    assert len(back) == len(history)
    assert all(same(found.reading, one) for found, (one, _) in zip(back, history, strict=True))
    assert [found.since for found in back] == [since for _, since in history]
    for piece in pieces:
        assert hour_of(piece.start) == hour_of(max(found.reading.at for found in piece.readings()))


@given(history=histories())
@settings(max_examples=40, deadline=None)
def test_the_summary_says_what_a_recording_holds(history: list[tuple[Reading, datetime]]) -> None:
    recorder = Recorder()
    for one, since in history:
        recorder.add(one, since)
    for piece in recorder.take():
        summary, back = stored(piece).summary(), [found.reading for found in piece.readings()]
        assert {form.status for form in summary.forms} == {one.status for one in back}
        values = [((one.metric, one.part), one.value) for each in back for one in each.samples]
        for pair, (least, most) in summary.ranges.items():
            known = [value for other, value in values if other == pair and not math.isnan(value)]
            assert (not known and math.isnan(least)) or (least, most) == (min(known), max(known))
        assert summary.ranges.keys() == {pair for pair, _ in values}
        assert summary.holes == any(math.isnan(value) for _, value in values)


@given(history=histories(), cut=st.integers(0, 25))
@settings(max_examples=40, deadline=None)
def test_pieces_of_an_hour_together_are_what_one_piece_would_have_been(
    history: list[tuple[Reading, datetime]], cut: int
) -> None:
    inside = sorted((one for one, _ in history if hour_of(one.at) == hour_of(history[0][0].at)), key=lambda one: one.at)
    first, second = inside[:cut], inside[cut:]
    if not first or not second:
        return
    joined = stored(recorded(*first)).recording()
    joined.extend(stored(recorded(*second)).recording())
    assert joined.encoded() == recorded(*inside).encoded()


@given(place=st.integers(0), bit=st.integers(0, 7))
def test_a_flipped_bit_is_found_and_named(place: int, bit: int) -> None:
    data = bytearray(recorded(*(reading(n, Sample("loss", n / 7)) for n in range(9))).encoded())
    data[place % len(data)] ^= 1 << bit
    for look in (Stored.summary, Stored.recording):
        with pytest.raises(MalformedError, match="the recording of c from 2026-03-02 09:00 UTC is damaged"):
            look(Stored("c", START, bytes(data)))


@pytest.mark.parametrize("data", [b"", b"short", bytes(100)])
def test_bytes_that_are_no_recording_are_refused(data: bytes) -> None:
    with pytest.raises(MalformedError, match="damaged"):
        Stored("c", START, data).recording()


def test_values_of_some_metrics_come_as_columns_with_their_times() -> None:
    one = recorded(
        reading(0, Sample("rtt", 1.0, "min"), Sample("loss", 0.0)),
        reading(10, status=Status.DOWN),
        reading(20, Sample("rtt", 2.0, "min"), Sample("loss", 0.5)),
    )
    ((pair, at, values),) = one.columns({"rtt"})
    assert (pair, list(at), list(values)) == (("rtt", "min"), [0, 20_000_000], [1.0, 2.0])
    assert [found.reading.samples for found in one.readings({"loss"})] == [
        (Sample("loss", 0.0),),
        (),
        (Sample("loss", 0.5),),
    ]
