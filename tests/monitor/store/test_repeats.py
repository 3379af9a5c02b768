"""Answers that are given again: found by who asked and for a day, and not too many of them."""

from datetime import UTC, datetime, timedelta

import pytest

from monitor.config.model import Retention
from monitor.store import Store, repeats, retention

NOW = datetime(2026, 11, 1, 9, tzinfo=UTC)
ANSWER = repeats.Answer(b"asked", 201, '{"title": "Paper\u202e"}', "/api/v1/incidents/1", '"abc"')


async def test_an_answer_is_found_as_it_was_given(store: Store) -> None:
    async with store.begin() as conn:
        await repeats.keep(conn, b"digest", ANSWER, NOW)
        assert await repeats.find(conn, b"digest", NOW) == ANSWER
        assert await repeats.find(conn, b"other", NOW) is None
        assert await repeats.find(conn, b"digest", NOW + timedelta(seconds=1)) is None, "too old"
        await repeats.keep(conn, b"digest", ANSWER._replace(status=200), NOW)
        assert (await repeats.find(conn, b"digest", NOW)).status == 200


async def test_the_oldest_go_when_there_are_too_many(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeats, "MOST", 2)
    async with store.begin() as conn:
        for number in range(4):
            await repeats.keep(conn, bytes([number]), ANSWER, NOW + timedelta(seconds=number))
        kept = [number for number in range(4) if await repeats.find(conn, bytes([number]), NOW) is not None]
    assert kept == [2, 3]


async def test_those_of_yesterday_are_forgotten(store: Store) -> None:
    async with store.begin() as conn:
        await repeats.keep(conn, b"old", ANSWER, NOW - timedelta(days=1, seconds=1))
        await repeats.keep(conn, b"new", ANSWER, NOW)
        assert await retention.prune(conn, NOW, Retention()) == 1
        assert await repeats.find(conn, b"old", NOW - timedelta(days=3)) is None
