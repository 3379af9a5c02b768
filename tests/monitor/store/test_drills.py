"""What is known of the newest drill."""

from datetime import UTC, datetime, timedelta

from alerting.channels import Key, NoticeKind, Notification
from alerting.rules import Severity
from monitor.store import Store, drills, outbox
from monitor.store.drills import Drilled

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
WEEK = timedelta(days=7)


async def queue(store: Store, episode: str, destination: str, kind: NoticeKind, at: datetime) -> None:
    notification = Notification(Key(episode, destination, kind, 0), Severity.CRITICAL, "Drill", "…")
    async with store.begin() as conn:
        await outbox.enqueue(conn, notification, "", at)


async def newest(store: Store) -> Drilled | None:
    async with store.connect() as conn:
        return await drills.newest(conn)


async def test_the_newest_drill_is_known_with_whom_it_asked_and_whether_it_was_judged(store: Store) -> None:
    assert await newest(store) is None
    await queue(store, "drill/2026-02-23", "ana", NoticeKind.DRILL, NOW - WEEK)
    await queue(store, "drill/2026-02-23", "chat", NoticeKind.ALARM, NOW - WEEK)
    await queue(store, "drill/2026-03-02", "ana", NoticeKind.DRILL, NOW)
    await queue(store, "drill/2026-03-02", "ben", NoticeKind.DRILL, NOW + timedelta(seconds=1))
    await queue(store, "unreached/ana", "chat", NoticeKind.ALARM, NOW)
    expected = Drilled("drill/2026-03-02", NOW, frozenset({"ana", "ben"}), False)
    assert await newest(store) == expected
    await queue(store, "drill/2026-03-02", "chat", NoticeKind.ALARM, NOW)
    assert await newest(store) == expected._replace(is_alarmed=True)
