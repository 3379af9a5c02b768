"""What is read for a stretch of time is what reaches into it, and nothing beside."""

from datetime import UTC, datetime, timedelta

import pytest

from alerting.channels import Delivery, Key, NoticeKind, Notification, Outcome
from alerting.rules import Episode, Phase, Severity
from incidents.incident import Incident, Stage
from monitor.store import Store, episodes, incidents, outbox

NOON = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def at(hour: float | None) -> datetime | None:
    return None if hour is None else NOON + hour * HOUR


def incident(opened: float, resolved: float | None) -> Incident:
    stage = Stage.OPEN if resolved is None else Stage.RESOLVED
    return Incident(
        f"{100 + opened:g}", "fibre", "Down", Severity.CRITICAL, NOON + opened * HOUR, stage, resolved=at(resolved)
    )


def episode(opened: float, closed: float | None, fired: bool = True, rule: str = "down") -> Episode:
    start = NOON + opened * HOUR
    return Episode(
        f"{rule}-{100 + opened:g}",
        "fibre/ping",
        rule,
        Severity.CRITICAL,
        Phase.FIRING if closed is None else Phase.RESOLVED,
        start,
        start,
        fired=start if fired else None,
        closed=at(closed),
    )


BEFORE, INTO, WITHIN, BEYOND, LASTING, AFTER = (-3, -1), (-2, 1), (1, 2), (3, 9), (-9, None), (4, 5)


async def test_incidents_that_reach_into_the_time_come_oldest_first(store: Store) -> None:
    some = {times: incident(*times) for times in (AFTER, WITHIN, BEFORE, INTO, BEYOND, LASTING)}
    async with store.begin() as conn:
        for one in some.values():
            await incidents.save(conn, one)
        found = await incidents.between(conn, NOON, NOON + 4 * HOUR)
    assert sorted(found, key=lambda one: one.opened) == [some[times] for times in (LASTING, INTO, WITHIN, BEYOND)]


async def test_episodes_that_fired_come_oldest_first(store: Store) -> None:
    some = {times: episode(*times) for times in (AFTER, WITHIN, BEFORE, INTO, BEYOND, LASTING)}
    async with store.begin() as conn:
        await episodes.save_all(conn, [(one, None) for one in some.values()])
        await episodes.save(conn, episode(2, 3, fired=False, rule="slow"))
        found = await episodes.between(conn, NOON, NOON + 4 * HOUR)
    assert found == tuple(some[times] for times in (LASTING, INTO, WITHIN, BEYOND))


@pytest.mark.parametrize(("outcome", "counted"), [(Outcome.ACCEPTED, 3), (Outcome.DEAD, 0)])
async def test_messages_that_people_got_are_counted_by_rule(store: Store, outcome: Outcome, counted: int) -> None:
    down, slow = episode(0, 3), episode(0, 3, rule="slow")
    keys = [
        Key(down.id, "chat", NoticeKind.FIRING, 0),
        Key(down.id, "chat", NoticeKind.RESOLVED, 0),
        Key(down.id, "mail", NoticeKind.FIRING, 0),
        Key(slow.id, "chat", NoticeKind.FIRING, 0),
        Key("of-no-episode", "chat", NoticeKind.TEST, 0),
    ]
    async with store.begin() as conn:
        await episodes.save_all(conn, [(down, None), (slow, None)])
        for number, key in enumerate(keys):
            now = NOON + number * HOUR
            await outbox.enqueue(conn, Notification(key, Severity.CRITICAL, "t", "b"), "", now)
            (waits,) = await outbox.waiting(conn, key.destination)
            assert await outbox.lease(conn, key.destination, [waits.id], now + HOUR)
            await outbox.record(conn, key, Delivery(outcome, ""), now, None)
        found = await outbox.told(conn, NOON, NOON + 3 * HOUR)
        later = await outbox.told(conn, NOON + 3 * HOUR, NOON + 9 * HOUR)
    assert found == ({("fibre/ping", "down"): counted} if counted else {})
    assert later == ({("fibre/ping", "slow"): 1} if counted else {})
