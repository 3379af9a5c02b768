"""Overrides come back as they were made, until they have ended."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from alerting.oncall import Override
from monitor.config.model import Retention
from monitor.store import Store, overrides, retention

NOW = datetime(2026, 3, 2, 9, 0, 0, 123456, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MADE = Override("01B", "it", "ben", NOW - HOUR, NOW + HOUR, "Ana \u202e", NOW - 2 * HOUR)


async def test_overrides_of_now_and_later_and_of_the_last_month_come_back_the_first_to_begin_first(
    store: Store,
) -> None:
    later = replace(MADE, id="01A", starts=NOW + HOUR, ends=NOW + 2 * HOUR)
    over = replace(MADE, id="01C", starts=NOW - 40 * DAY, ends=NOW - 31 * DAY)
    async with store.begin() as conn:
        for one in (later, MADE, over):
            await overrides.save(conn, one)
    async with store.connect() as conn:
        assert await overrides.current(conn, NOW) == (MADE, later)
        assert await overrides.current(conn, NOW - HOUR) == (over, MADE, later)
        assert await overrides.current(conn, MADE.ends + 31 * DAY) == (later,)


async def test_an_override_is_deleted_once(store: Store) -> None:
    async with store.begin() as conn:
        await overrides.save(conn, MADE)
        assert await overrides.delete(conn, "01B")
        assert not await overrides.delete(conn, "01B")
        assert await overrides.current(conn, NOW) == ()


async def test_what_ended_long_ago_is_forgotten(store: Store) -> None:
    async with store.begin() as conn:
        await overrides.save(conn, MADE)
        assert await retention.prune(conn, NOW + timedelta(days=9), Retention(incidents=10)) == 0
        assert await retention.prune(conn, NOW + timedelta(days=11), Retention(incidents=10)) == 1
        assert await overrides.current(conn, NOW) == ()
