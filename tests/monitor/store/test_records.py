"""Spans and rollups are stored in bulk, grow in place, and are forgotten in time."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from alerting.channels import Delivery, Key, NoticeKind, Notification, Outcome
from alerting.rules import Episode, Phase, Severity, State
from incidents.availability import Span
from incidents.lifecycle import Entry, Incident, Stage, Told
from monitor.config.model import Retention
from monitor.history import Batch, History
from monitor.store import Store, episodes, incidents, outbox, retention, rollups, sessions, spans
from monitor.store.tables import deliveries
from probes import Reading, Status

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
KEPT = Retention(spans=10, five_minutes=2, hours=4, days=6, incidents=20)


def span(check: str, start: int, end: int, status: Status = Status.UP) -> Span:
    """A span from and to hours after NOW."""
    return Span(check, NOW + start * HOUR, NOW + end * HOUR, status, "ok")


def batch(*latencies: float, at: datetime = NOW, check: str = "c") -> Batch:
    history = History()
    for took in latencies:
        history.add(Reading(check, at, took, Status.UP, "ok", ""), at, 10, 1, ("", ""))
    return history.take()


async def test_spans_come_back_by_check_in_order_where_they_reach_into_the_time(store: Store) -> None:
    one = [span("a", 0, 1), span("a", 1, 2, Status.DOWN), span("a", 2, 3, Status.UNKNOWN)]
    other = [span("b", 0, 9)]
    async with store.begin() as conn:
        await spans.save(conn, [*reversed(one), *other])
    async with store.connect() as conn:
        assert await spans.between(conn, NOW, NOW + 9 * HOUR) == {"a": tuple(one), "b": tuple(other)}
        assert await spans.between(conn, NOW + HOUR, NOW + 2 * HOUR, ["a"]) == {"a": (one[1],)}
        assert await spans.between(conn, NOW + HOUR, NOW + 2 * HOUR, []) == {}
        assert await spans.latest(conn) == {"a": one[2], "b": other[0]}
        assert await spans.newest(conn, "a", 2) == (one[2], one[1])
        assert await spans.newest(conn, "c", 2) == ()


async def test_a_span_grows_in_place(store: Store) -> None:
    async with store.begin() as conn:
        await spans.save(conn, [span("a", 0, 1)])
        await spans.save(conn, [])
        await spans.save(conn, [span("a", 0, 2), span("a", 2, 3)])
        assert await spans.between(conn, NOW, NOW + 9 * HOUR) == {"a": (span("a", 0, 2), span("a", 2, 3))}


async def test_thousands_of_spans_and_rollups_fit_one_call(store: Store) -> None:
    many = [span(f"check {n}", 0, 1) for n in range(2500)]
    latencies = [rollup for n in range(900) for rollup in batch(0.1, check=f"check {n}").rollups]
    async with store.begin() as conn:
        for _ in range(2):
            await spans.save(conn, many)
            await rollups.save(conn, latencies)
        assert len(await spans.latest(conn)) == 2500
        (found,) = await rollups.between(conn, "check 899", 300, NOW, NOW + HOUR)
    assert found.count == 2


async def test_rollups_add_up_in_the_store(store: Store) -> None:
    async with store.begin() as conn:
        await rollups.save(conn, batch(0.1, 0.2).rollups)
        await rollups.save(conn, batch(0.1, 7.0).rollups)
        await rollups.save(conn, batch(0.1, at=NOW + HOUR).rollups)
    whole = {one.step: one for one in batch(0.1, 0.2, 0.1, 7.0).rollups}
    async with store.connect() as conn:
        for step in (300, 3600):
            (found,) = await rollups.between(conn, "c", step, NOW, NOW + HOUR)
            assert found._replace(total=0) == whole[step]._replace(total=0)
            assert found.total == pytest.approx(7.4)
        (day,) = await rollups.between(conn, "c", 86400, NOW - DAY, NOW + DAY)
        assert day.count == 5
        assert await rollups.between(conn, "other", 300, NOW, NOW + HOUR) == ()


async def test_the_same_place_twice_in_one_call_is_added_up(store: Store) -> None:
    async with store.begin() as conn:
        await rollups.save(conn, [*batch(0.1).rollups, *batch(0.2).rollups])
        (found,) = await rollups.between(conn, "c", 300, NOW, NOW + HOUR)
    assert found.count == 2


async def test_old_spans_rollups_and_sessions_are_forgotten_each_in_its_time(store: Store) -> None:
    long, recent = span("a", -24 * 30, -24 * 9), span("a", -24 * 9, 0)
    async with store.begin() as conn:
        await spans.save(conn, [span("a", -24 * 40, -24 * 30), long, recent])
        for days in (1, 3, 5, 7):
            await rollups.save(conn, batch(0.1, at=NOW - days * DAY).rollups)
        await sessions.create(conn, sessions.Session(b"old", "Ann", NOW - DAY, NOW - DAY, NOW))
        await sessions.create(conn, sessions.Session(b"new", "Ann", NOW - HOUR, NOW - HOUR, NOW + DAY))
        # one span, five-minute rollups of 3, 5 and 7 days, hours of 5 and 7, a day of 7, one session
        assert await retention.prune(conn, NOW, KEPT) == 1 + 3 + 2 + 1 + 1
        assert await retention.prune(conn, NOW, KEPT) == 0
        assert await spans.between(conn, NOW - 50 * DAY, NOW) == {"a": (long, recent)}
        left = [len(await rollups.between(conn, "c", step, NOW - 9 * DAY, NOW)) for step in (300, 3600, 86400)]
        assert left == [1, 2, 3]
        assert await sessions.find(conn, b"new", NOW) is not None


async def test_an_incident_is_forgotten_with_all_that_belongs_to_it_but_only_once_it_is_over(store: Store) -> None:
    old = NOW - 30 * DAY
    over = Incident(
        "01A", "door", "The door is down", Severity.WARNING, old, Stage.RESOLVED, resolved=old,
        told=(Told("chat", "e1"),), timeline=(Entry(old, "Ann", "Done."),),
    )  # fmt: skip
    live = replace(over, id="01B", stage=Stage.OPEN, resolved=None)
    async with store.begin() as conn:
        for one, episode in ((over, "e1"), (live, "e2")):
            closed = Episode(episode, "c", "down", Severity.WARNING, Phase.RESOLVED, old, old, closed=old)
            key = Key(episode, "chat", NoticeKind.FIRING, 0)
            await incidents.save(conn, one)
            await episodes.save(conn, closed, one.id)
            await outbox.enqueue(conn, Notification(key, Severity.WARNING, "t", "b"), one.id, old)
            await outbox.record(conn, key, Delivery(Outcome.ACCEPTED, "ok"), old, None)
        open_one = Episode("e3", "c", "down", Severity.INFO, Phase.FIRING, old, old)
        await episodes.save_state(conn, "c", "down", State((True,), open_one))
        assert await retention.prune(conn, NOW, KEPT) == 3
        assert await incidents.page(conn) == (live,)
        assert {one.id for one in await episodes.recent(conn, "c")} == {"e2", "e3"}
        assert [message.incident for message in await outbox.recent(conn)] == ["01B"]
        assert await conn.scalar(select(func.count()).select_from(deliveries)) == 1


async def test_one_call_deletes_a_bounded_number_oldest_first(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "ROWS", 2)
    old = [span("a", -24 * days, -24 * days + 1) for days in (50, 40, 30)]
    async with store.begin() as conn:
        await spans.save(conn, old[::-1])
        assert await retention.prune(conn, NOW, KEPT) == 2
        assert await spans.between(conn, NOW - 99 * DAY, NOW) == {"a": (old[2],)}
        assert await retention.prune(conn, NOW, KEPT) == 1
