"""Signs of life come back as they were."""

from datetime import UTC, datetime, timedelta

from monitor.store import Store, heartbeats
from probes._engines.pings import Beat

NOW = datetime(2026, 3, 2, 9, 0, 0, 123456, tzinfo=UTC)


async def test_the_newest_beat_of_each_job_is_kept(store: Store) -> None:
    first, then = Beat(started=NOW), Beat(NOW + timedelta(minutes=1), True, 3, 60.0)
    async with store.begin() as conn:
        assert await heartbeats.everything(conn) == {}
        await heartbeats.save(conn, b"one", first)
        await heartbeats.save(conn, b"two", first)
        await heartbeats.save(conn, b"one", then)
        assert await heartbeats.everything(conn) == {b"one": then, b"two": first}


async def test_jobs_that_are_gone_are_forgotten(store: Store) -> None:
    async with store.begin() as conn:
        for key in (b"one", b"two"):
            await heartbeats.save(conn, key, Beat(NOW))
        await heartbeats.keep_only(conn, {b"two"})
        assert list(await heartbeats.everything(conn)) == [b"two"]
        await heartbeats.keep_only(conn, set())
        assert await heartbeats.everything(conn) == {}
