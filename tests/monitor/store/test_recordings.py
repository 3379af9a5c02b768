"""Recordings are stored in pieces, put together by the hour, and forgotten in time."""

import logging
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from monitor.config.model import Retention
from monitor.recording import HOUR, Recording
from monitor.store import Store, recordings, retention
from monitor.store.tables import recordings as table
from probes import Reading, Sample, Status

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def piece(check: str, start: float, *minutes: float) -> Recording:
    """A recording that begins so many minutes after NOW, with readings so many minutes later."""
    one = Recording(check, NOW + start * MINUTE)
    for minute in (0, *minutes):
        at = NOW + (start + minute) * MINUTE
        one.add(Reading(check, at, 0.5, Status.UP, "ok", "", (Sample("loss", minute / 7),)), at)
    return one


async def measured(store: Store, check: str) -> list[float]:
    """The minutes after NOW at which something was measured, row by row."""
    async with store.connect() as conn:
        rows = await recordings.between(conn, check, NOW - HOUR, NOW + 9 * HOUR)
    return [(one.reading.at - NOW) / MINUTE for row in rows for one in row.recording().readings()]


async def test_recordings_come_back_in_order_where_they_begin_within_the_time(store: Store) -> None:
    async with store.begin() as conn:
        await recordings.save(conn, [piece("a", 65), piece("a", 0, 1), piece("b", 0), piece("a", 5, 2)])
    async with store.connect() as conn:
        assert [row.start for row in await recordings.between(conn, "a", NOW, NOW + HOUR)] == [NOW, NOW + 5 * MINUTE]
        assert [row.check for row in await recordings.between(conn, "b", NOW, NOW + HOUR)] == ["b"]
        assert await recordings.between(conn, "c", NOW, NOW + HOUR) == ()
    assert await measured(store, "a") == [0, 1, 5, 7, 65]


async def test_saving_the_same_again_changes_nothing(store: Store) -> None:
    for _ in range(2):
        async with store.begin() as conn:
            await recordings.save(conn, [piece("a", 0, 1)])
            await recordings.save(conn, [])
    assert await measured(store, "a") == [0, 1]


async def test_the_pieces_of_an_hour_become_one_row(store: Store) -> None:
    async with store.begin() as conn:
        await recordings.save(conn, [piece("a", 0, 1), piece("a", 5), piece("a", 59), piece("a", 60), piece("b", 3)])
        assert await recordings.in_pieces(conn, NOW) == ("a",)
        await recordings.join(conn, ("a", "b"), NOW)
        assert await recordings.in_pieces(conn, NOW) == ()
        assert [row.start for row in await recordings.between(conn, "a", NOW, NOW + 2 * HOUR)] == [NOW, NOW + HOUR]
    assert await measured(store, "a") == [0, 1, 5, 59, 60]
    assert await measured(store, "b") == [3]


async def test_a_damaged_row_stays_as_it_is_and_is_named(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    async with store.begin() as conn:
        await recordings.save(conn, [piece("a", 0), piece("a", 5), piece("a", 9)])
        await conn.execute(update(table).where(table.c.start == NOW + 5 * MINUTE).values(data=b"damaged"))
        await recordings.join(conn, ("a",), NOW)
        rows = await recordings.between(conn, "a", NOW, NOW + HOUR)
    assert [row.data == b"damaged" for row in rows] == [False, True]
    assert [len(rows[0].recording())] == [2]
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "recording of a from 2026-03-02 09:05 UTC" in str(vars(caplog.records[0])["problem"])


async def test_thousands_of_recordings_fit_one_call(store: Store) -> None:
    many = [piece(f"check {number}", minute) for number in range(600) for minute in (0, 5)]
    async with store.begin() as conn:
        await recordings.save(conn, many)
        checks = await recordings.in_pieces(conn, NOW)
        await recordings.join(conn, checks, NOW)
        assert (len(checks), await recordings.in_pieces(conn, NOW)) == (600, ())


async def test_old_recordings_are_forgotten(store: Store) -> None:
    async with store.begin() as conn:
        await recordings.save(conn, [piece("a", 0), piece("a", 60)])
        assert await retention.prune(conn, NOW + timedelta(days=3, minutes=30), Retention(recordings=3)) == 1
    assert await measured(store, "a") == [60]
