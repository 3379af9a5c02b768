"""Silences in the store: which are on, which have ended, and of which somebody must be reminded."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from alerting.gates import Matcher, Silence
from monitor.store import Store, silences

NOW = datetime(2026, 7, 13, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DRUM = Silence(
    id="01A",
    matchers=(Matcher("asset", "=", "printer"), Matcher("check", "!~", "printer/.*é")),
    starts=NOW - HOUR,
    ends=NOW + HOUR,
    author="Ana",
    comment="new drum",
    created=NOW - HOUR,
)
COMING = replace(DRUM, id="01B", starts=NOW + HOUR, ends=NOW + 3 * HOUR, created=NOW)
ENDED = replace(DRUM, id="019", starts=NOW - 3 * HOUR, ends=NOW, created=NOW - 3 * HOUR)


async def save(store: Store, *given: Silence) -> None:
    async with store.begin() as conn:
        for one in given:
            await silences.save(conn, one)


async def test_a_silence_comes_back_as_it_was(store: Store) -> None:
    await save(store, DRUM)
    async with store.connect() as conn:
        assert await silences.get(conn, "01A") == DRUM
        assert await silences.get(conn, "01Z") is None


async def test_what_has_not_ended_comes_in_the_order_of_its_end_and_everything_the_newest_first(store: Store) -> None:
    await save(store, COMING, ENDED, DRUM)
    async with store.connect() as conn:
        assert await silences.active(conn, NOW) == (DRUM, COMING)
        assert await silences.page(conn) == (COMING, DRUM, ENDED)
        assert await silences.page(conn, 1) == (COMING,)
        assert await silences.page(conn, 1, before=COMING.id) == (DRUM,)


async def test_ending_a_silence_keeps_it_with_its_end_now(store: Store) -> None:
    await save(store, COMING, ENDED, DRUM)
    async with store.begin() as conn:
        assert [await silences.expire(conn, id, NOW) for id in ("01A", "01B", "019", "01Z")] == [
            True,
            True,
            False,
            False,
        ]
        assert await silences.active(conn, NOW) == ()
        assert await silences.get(conn, "01A") == replace(DRUM, ends=NOW)
        assert await silences.get(conn, "01B") == replace(COMING, starts=NOW, ends=NOW)
        assert not await silences.expire(conn, "01A", NOW + HOUR)
        assert await silences.get(conn, "019") == ENDED


async def test_of_a_long_silence_somebody_is_reminded_once_before_it_ends(store: Store) -> None:
    long = replace(DRUM, id="01D", starts=NOW - 40 * HOUR, ends=NOW + HOUR)
    early = replace(DRUM, id="01E", starts=NOW - 40 * HOUR, ends=NOW + 40 * HOUR)
    await save(store, DRUM, ENDED, long, early)
    async with store.begin() as conn:
        assert await silences.due_for_reminder(conn, NOW) == (long,)
        await silences.reminded(conn, long.id, NOW)
        assert await silences.due_for_reminder(conn, NOW) == ()
        assert await silences.due_for_reminder(conn, NOW + 39 * HOUR) == (early,)
        assert await silences.due_for_reminder(conn, NOW + 40 * HOUR) == ()
