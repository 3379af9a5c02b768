"""The outbox loses nothing, repeats only what it says it may, and keeps the order that people need."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from alerting.channels import Delivery, Key, NoticeKind, Notification, Outcome
from alerting.rules import Severity
from monitor.store import Store, outbox
from monitor.store.outbox import Message, MessageState

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LEASE = timedelta(minutes=1)
LATER = NOW + timedelta(minutes=10)
ACCEPTED = Delivery(Outcome.ACCEPTED, "250 ok")
RETRY = Delivery(Outcome.RETRY, "429 slow down")
AMBIGUOUS = Delivery(Outcome.AMBIGUOUS, "connection lost after the body")
DEAD = Delivery(Outcome.DEAD, "404 no such channel")
FIRING, REPEAT, RESOLVED = NoticeKind.FIRING, NoticeKind.REPEAT, NoticeKind.RESOLVED


def key(episode: str, kind: NoticeKind = FIRING, destination: str = "chat", sequence: int = 0) -> Key:
    return Key(episode, destination, kind, sequence)


async def put(conn: AsyncConnection, *keys: Key, now: datetime = NOW) -> None:
    for one in keys:
        await outbox.enqueue(
            conn, Notification(one, Severity.CRITICAL, f"{one.kind}", "body"), f"of-{one.episode}", now
        )


async def next_key(conn: AsyncConnection, destination: str = "chat", now: datetime = NOW) -> Key | None:
    message = await outbox.lease(conn, destination, now, now + LEASE)
    return None if message is None else message.notification.key


async def the(conn: AsyncConnection, one: Key) -> Message:
    return next(message for message in await outbox.recent(conn, 100) if message.notification.key == one)


async def test_a_message_goes_from_queued_through_leased_to_accepted(store: Store) -> None:
    async with store.begin() as conn:
        await put(conn, key("e"))
        queued = await the(conn, key("e"))
        leased = await outbox.lease(conn, "chat", NOW, NOW + LEASE)
        await outbox.record(conn, key("e"), ACCEPTED, LATER, None)
        accepted = await the(conn, key("e"))
    notification = Notification(key("e"), Severity.CRITICAL, "firing", "body")
    assert queued == Message(notification, "of-e", NOW, MessageState.QUEUED, 0, NOW, "", None, False)
    assert leased == queued._replace(state=MessageState.LEASED, attempts=1)
    assert accepted == leased._replace(state=MessageState.ACCEPTED, words="250 ok", finished=LATER)


async def test_the_same_key_is_one_message(store: Store) -> None:
    async with store.begin() as conn:
        await put(conn, key("e"))
        first = await the(conn, key("e"))
        await put(conn, key("e"), now=LATER)
        assert await outbox.recent(conn) == (first,)


async def test_a_destination_has_one_lease_and_its_messages_go_in_the_order_of_creation(store: Store) -> None:
    async with store.begin() as conn:
        await put(conn, key("b"), key("a"), key("c"), key("a", destination="mail"))
        assert await next_key(conn) == key("b")
        assert await next_key(conn) is None
        assert await next_key(conn, "mail") == key("a", destination="mail")
        await outbox.record(conn, key("b"), ACCEPTED, NOW, None)
        assert await next_key(conn) == key("a")
        await outbox.record(conn, key("a"), DEAD, NOW, None)
        assert await next_key(conn) == key("c")


async def test_a_message_that_waits_for_its_retry_holds_up_its_own_episode_only(store: Store) -> None:
    async with store.begin() as conn:
        await put(conn, key("e"), key("e", REPEAT, sequence=1), key("e", RESOLVED), key("f"))
        assert await next_key(conn) == key("e")
        await outbox.record(conn, key("e"), RETRY, NOW, LATER)
        assert await next_key(conn) == key("f")
        await outbox.record(conn, key("f"), ACCEPTED, NOW, None)
        assert await next_key(conn) is None
        for expected in (key("e"), key("e", REPEAT, sequence=1), key("e", RESOLVED)):
            assert await next_key(conn, now=LATER) == expected
            await outbox.record(conn, expected, ACCEPTED, LATER, None)
        assert await outbox.backlog(conn) == {}


async def test_resolved_waits_for_firing_also_when_it_was_queued_first(store: Store) -> None:
    async with store.begin() as conn:
        await put(conn, key("e", RESOLVED), key("e"))
        assert await next_key(conn) == key("e")
        await outbox.record(conn, key("e"), ACCEPTED, NOW, None)
        assert await next_key(conn) == key("e", RESOLVED)


async def test_resolved_is_cancelled_for_those_who_never_heard_of_the_fault(store: Store) -> None:
    async with store.begin() as conn:
        await put(conn, key("e"), key("e", RESOLVED), key("e", destination="mail"))
        await next_key(conn)
        await outbox.record(conn, key("e"), DEAD, NOW, None)
        assert await next_key(conn, now=LATER) is None
        cancelled = await the(conn, key("e", RESOLVED))
        other = await the(conn, key("e", destination="mail"))
    assert (cancelled.state, cancelled.finished) == (MessageState.CANCELLED, LATER)
    assert other.state is MessageState.QUEUED


async def test_resolved_goes_out_to_those_who_heard_of_the_fault_through_a_repeat(store: Store) -> None:
    async with store.begin() as conn:
        await put(conn, key("e"), key("e", REPEAT, sequence=1), key("e", RESOLVED))
        for outcome in (DEAD, ACCEPTED):
            await outbox.record(conn, await next_key(conn) or pytest.fail("nothing due"), outcome, NOW, None)
        assert await next_key(conn) == key("e", RESOLVED)


async def test_a_lease_that_ran_out_is_tried_again_and_marked_as_possibly_delivered(store: Store) -> None:
    async with store.begin() as conn:
        await put(conn, key("e"), key("f"))
        await next_key(conn)
        assert await outbox.recover(conn, NOW + LEASE / 2) == 0
        assert await next_key(conn) is None
        assert await outbox.recover(conn, NOW + LEASE) == 1
        again = await outbox.lease(conn, "chat", NOW + LEASE, NOW + 2 * LEASE)
    assert again is not None
    assert (again.notification.key, again.repeated, again.attempts) == (key("e"), True, 2)


async def test_an_unknown_outcome_is_tried_again_and_marked_as_possibly_delivered(store: Store) -> None:
    async with store.begin() as conn:
        await put(conn, key("e"))
        await next_key(conn)
        await outbox.record(conn, key("e"), AMBIGUOUS, NOW, LATER)
        waiting = await the(conn, key("e"))
        await next_key(conn, now=LATER)
        await outbox.record(conn, key("e"), RETRY, LATER, None)
        dead = await the(conn, key("e"))
        attempts = await outbox.deliveries(conn, key("e"))
    assert (waiting.state, waiting.due, waiting.repeated) == (MessageState.RETRY, LATER, True)
    assert (dead.state, dead.finished, dead.repeated) == (MessageState.DEAD, LATER, True)
    assert attempts == ((NOW, AMBIGUOUS), (LATER, RETRY))


@pytest.mark.parametrize(
    ("late", "state"), [(ACCEPTED, MessageState.ACCEPTED), (RETRY, MessageState.DEAD), (DEAD, MessageState.DEAD)]
)
async def test_an_attempt_that_comes_back_late_changes_a_finished_message_only_by_success(
    store: Store, late: Delivery, state: MessageState
) -> None:
    async with store.begin() as conn:
        await put(conn, key("e"))
        await next_key(conn)
        assert await outbox.abandon(conn, [], NOW) == 1
        await outbox.record(conn, key("e"), late, LATER, LATER)
        assert (await the(conn, key("e"))).state is state
        assert await outbox.deliveries(conn, key("e")) == ((LATER, late),)


async def test_messages_to_destinations_that_are_gone_are_given_up(store: Store) -> None:
    async with store.begin() as conn:
        await put(conn, key("e"), key("e", destination="mail"), key("f", destination="mail"))
        assert await outbox.backlog(conn) == {"chat": (1, NOW), "mail": (2, NOW)}
        assert await outbox.abandon(conn, {"chat", "pager"}, LATER) == 2
        assert await outbox.backlog(conn) == {"chat": (1, NOW)}
        given_up = await the(conn, key("f", destination="mail"))
    assert (given_up.state, given_up.finished) == (MessageState.DEAD, LATER)
    assert given_up.words == "the destination is no longer configured"


async def test_an_incident_shows_its_messages(store: Store) -> None:
    async with store.begin() as conn:
        await put(conn, key("e"), key("f"), key("e", RESOLVED))
        shown = await outbox.of_incident(conn, "of-e")
        newest = await outbox.recent(conn, 1)
    assert [message.notification.key for message in shown] == [key("e"), key("e", RESOLVED)]
    assert newest == shown[-1:]


async def test_recording_an_unknown_message_names_it(store: Store) -> None:
    with pytest.raises(LookupError, match="no message e/chat/firing/0"):
        async with store.begin() as conn:
            await outbox.record(conn, key("e"), ACCEPTED, NOW, None)
