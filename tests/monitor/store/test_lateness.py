"""Which messages lie about although they could have been sent."""

from datetime import UTC, datetime, timedelta

from alerting.channels import Key, NoticeKind, Notification
from alerting.rules import Severity
from monitor.store import Store, lateness, outbox

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


async def queue(store: Store, destination: str, severity: Severity, at: datetime) -> None:
    key = Key("01A", destination, NoticeKind.FIRING, 0)
    async with store.begin() as conn:
        await outbox.enqueue(conn, Notification(key, severity, "The fibre is down", "…"), "01B", at)


async def late(store: Store, *failing: str) -> float:
    async with store.connect() as conn:
        return await lateness.of_messages(conn, failing, NOW)


async def test_a_message_that_nobody_sends_is_late_unless_its_destination_fails(store: Store) -> None:
    assert await late(store) == 0
    await queue(store, "ana", Severity.CRITICAL, NOW - 2 * MINUTE)
    assert await late(store) == 120
    assert await late(store, "ana") == 0


async def test_below_critical_a_message_may_wait_for_the_budget(store: Store) -> None:
    await queue(store, "chat", Severity.WARNING, NOW - 4 * MINUTE)
    assert await late(store) == 0
    await queue(store, "mail", Severity.WARNING, NOW - 7 * MINUTE)
    assert await late(store) == 120


async def test_a_message_that_is_being_sent_is_late_after_its_lease(store: Store) -> None:
    await queue(store, "ana", Severity.CRITICAL, NOW - 10 * MINUTE)
    async with store.begin() as conn:
        (row,) = await outbox.waiting(conn, "ana")
        await outbox.lease(conn, "ana", [row.id], NOW - MINUTE)
    assert await late(store) == 60


async def test_a_message_for_later_is_not_late(store: Store) -> None:
    await queue(store, "ana", Severity.CRITICAL, NOW + MINUTE)
    assert await late(store) == 0
