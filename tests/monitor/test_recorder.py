"""What is measured is handed over in time, in portions, and not lost while the store cannot be written."""

import logging
from datetime import UTC, datetime, timedelta

import pytest

from monitor import recorder
from monitor.recorder import EVERY, Recorder
from monitor.recording import HOUR, VALUES, Stored
from probes import Reading, Sample, Status

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def reading(seconds: float, *found: Sample, check: str = "c") -> Reading:
    return Reading(check, START + timedelta(seconds=seconds), 0.5, Status.UP, "ok", "fine", found)


def test_of_a_reading_with_too_many_values_the_first_are_kept_and_that_is_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    book = Recorder()
    many = tuple(Sample("octets", float(n), str(n)) for n in range(VALUES + 1))
    for seconds in (0, 4000):
        book.add(reading(seconds, *many), START)
        (one,) = book.take()
        assert Stored(one.check, one.start, one.encoded()).summary().cut
        assert [found.reading.samples for found in one.readings()] == [many[:-1]]
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_checks_are_due_within_five_minutes_and_not_all_at_once() -> None:
    book = Recorder()
    for number in range(300):
        book.add(reading(0, check=f"check {number}"), START)
    taken = [len(book.take(START + timedelta(seconds=second))) for second in range(0, EVERY + 5, 5)]
    assert sum(taken) == 300
    assert max(taken) < 20


def test_a_batch_is_a_portion_unless_it_is_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "PORTION", 10)
    book = Recorder()
    for number in range(25):
        book.add(reading(0, check=f"check {number}"), START)
    later = START + HOUR
    assert [len(book.take(later)) for _ in range(2)] == [10, 10]
    assert len(book.take()) == 5
    assert book.take() == ()


def test_a_clock_that_is_set_back_delays_nothing() -> None:
    book = Recorder()
    book.add(reading(86_400), START)
    assert len(book.take(START)) == 1


def test_what_could_not_be_stored_is_tried_again_and_the_oldest_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "PENDING", 3)
    book = Recorder()
    for hour in range(3):
        book.add(reading(3600 * hour), START)
        book.restore(book.take())
    book.add(reading(3600 * 3), START)
    assert [one.start for one in book.take()] == [START + hour * HOUR for hour in (1, 2, 3)]
