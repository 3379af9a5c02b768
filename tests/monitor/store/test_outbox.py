"""The outbox loses nothing, repeats only what it says it may, and keeps the order that people need."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from alerting.bundling import Sent
from alerting.channels import Delivery, Key, NoticeKind, Notification, Outcome
from alerting.health import Health
from alerting.rules import Severity
from incidents.incident import Incident
from monitor.store import Store, health, incidents, outbox
from monitor.store.outbox import Message, MessageState, Script
from monitor.store.tables import link_uses

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LEASE = timedelta(minutes=1)
LATER = NOW + timedelta(minutes=10)
ACCEPTED = Delivery(Outcome.ACCEPTED, "250 ok")
RETRY = Delivery(Outcome.RETRY, "429 slow down")
AMBIGUOUS = Delivery(Outcome.AMBIGUOUS, "connection lost after the body")
DEAD = Delivery(Outcome.DEAD, "404 no such channel")
FIRING, RESOLVED = NoticeKind.FIRING, NoticeKind.RESOLVED


def key(episode: str, kind: NoticeKind = FIRING, destination: str = "chat", sequence: int = 0) -> Key:
    return Key(episode, destination, kind, sequence)


async def put(conn: AsyncConnection, *keys: Key, now: datetime = NOW) -> None:
    for one in keys:
        notification = Notification(one, Severity.CRITICAL, f"{one.kind}", "body")
        await outbox.enqueue(conn, notification, f"of-{one.episode}", now)


async def next_key(conn: AsyncConnection, destination: str = "chat", now: datetime = NOW) -> Key | None:
    """Lease the oldest message that is due, as it is."""
    due = [row.id for row in await outbox.waiting(conn, destination) if row.due <= now]
    if not due or not await outbox.lease(conn, destination, due[:1], now + LEASE):
        return None
    return next(one.notification.key for one in await outbox.recent(conn, 100) if one.id == due[0])


async def lease_all(conn: AsyncConnection, *keys: Key, now: datetime = NOW) -> None:
    """Lease messages to be sent as one, the first of them with its words."""
    ids = [(await the(conn, one)).id for one in keys]
    assert await outbox.lease(conn, keys[0].destination, ids, now + LEASE)


async def the(conn: AsyncConnection, one: Key) -> Message:
    return next(message for message in await outbox.recent(conn, 100) if message.notification.key == one)


async def test_a_message_goes_from_queued_through_leased_to_accepted(store: Store) -> None:
    async with store.begin() as conn:
        await put(conn, key("e"))
        queued = await the(conn, key("e"))
        await next_key(conn)
        leased = await the(conn, key("e"))
        assert await outbox.record(conn, key("e"), ACCEPTED, LATER, None) == ()
        accepted = await the(conn, key("e"))
    notification = Notification(key("e"), Severity.CRITICAL, "firing", "body")
    assert queued == Message(
        1, notification, "of-e", NOW, MessageState.QUEUED, 0, NOW, "", finished=None, repeated=False, merged_into=None
    )
    assert leased == queued._replace(state=MessageState.LEASED, attempts=1)
    assert accepted == leased._replace(state=MessageState.ACCEPTED, words="250 ok", finished=LATER)


async def test_the_same_key_is_one_message(store: Store) -> None:
    async with store.begin() as conn:
        await put(conn, key("e"))
        first = await the(conn, key("e"))
        await put(conn, key("e"), now=LATER)
        assert await outbox.recent(conn) == (first,)


async def test_a_message_for_later_waits_as_if_it_was_created_then(store: Store) -> None:
    async with store.begin() as conn:
        await outbox.enqueue(conn, Notification(key("e"), Severity.INFO, "t", "b"), "of-e", NOW, LATER)
        await outbox.enqueue(conn, Notification(key("f"), Severity.INFO, "t", "b"), "of-f", LATER, NOW)
        assert [(row.created, row.due) for row in await outbox.waiting(conn, "chat")] == [(LATER, LATER)] * 2


async def test_what_waits_is_told_by_story_and_whether_the_beginning_was_heard(store: Store) -> None:
    async with store.begin() as conn:
        await put(conn, key("a"), key("b"), key("c"), key("a", RESOLVED), key("b", RESOLVED), key("d", RESOLVED))
        await put(conn, key("a", RESOLVED, "mail"))
        for outcome in (ACCEPTED, DEAD):
            await outbox.record(conn, await next_key(conn) or pytest.fail("nothing due"), outcome, NOW, None)
        waiting = await outbox.waiting(conn, "chat")
        (elsewhere,) = await outbox.waiting(conn, "mail")
    assert [(row.story, row.kind, row.heard) for row in waiting] == [
        ("of-c", FIRING, None),
        ("of-a", RESOLVED, True),
        ("of-b", RESOLVED, False),
        ("of-d", RESOLVED, None),
    ]
    assert elsewhere.heard is None


async def test_a_destination_has_one_lease(store: Store) -> None:
    async with store.begin() as conn:
        await put(conn, key("b"), key("a"), key("a", destination="mail"))
        a = (await the(conn, key("a"))).id
        assert await next_key(conn) == key("b")
        assert await outbox.waiting(conn, "chat") == ()
        assert not await outbox.lease(conn, "chat", [a], LATER)
        assert await next_key(conn, "mail") == key("a", destination="mail")
        await outbox.record(conn, key("b"), ACCEPTED, NOW, None)
        assert await next_key(conn) == key("a")


async def test_what_is_finished_cannot_be_leased(store: Store) -> None:
    async with store.begin() as conn:
        await put(conn, key("a"), key("b"))
        ids = [row.id for row in await outbox.waiting(conn, "chat")]
        await outbox.cancel(conn, ids[:1], "not needed", LATER)
        assert not await outbox.lease(conn, "chat", ids[:1], LATER)
        cancelled = await the(conn, key("a"))
    assert (cancelled.state, cancelled.finished, cancelled.words) == (MessageState.CANCELLED, LATER, "not needed")


async def test_merged_messages_are_finished_with_the_one_that_carries_them(store: Store) -> None:
    async with store.begin() as conn:
        await put(conn, key("a"), key("b"), key("c"))
        await lease_all(conn, key("b"), key("a"))
        carrier, carried = await the(conn, key("b")), await the(conn, key("a"))
        assert (carried.state, carried.merged_into, carried.finished) == (MessageState.MERGED, carrier.id, None)
        await outbox.record(conn, key("b"), ACCEPTED, LATER, None)
        ends = [((one := await the(conn, key(name))).state, one.finished) for name in "abc"]
    assert ends == [(MessageState.MERGED, LATER), (MessageState.ACCEPTED, LATER), (MessageState.QUEUED, None)]


async def test_merged_messages_die_with_the_one_that_carries_them(store: Store) -> None:
    async with store.begin() as conn:
        await put(conn, key("a"), key("b"))
        await lease_all(conn, key("b"), key("a"))
        dead = await outbox.record(conn, key("b"), DEAD, LATER, None)
    assert {(one.notification.key.episode, one.state, one.words) for one in dead} == {
        ("a", MessageState.DEAD, DEAD.words),
        ("b", MessageState.DEAD, DEAD.words),
    }


async def test_a_refused_bundle_waits_as_single_messages(store: Store) -> None:
    async with store.begin() as conn:
        await put(conn, key("a"), key("b"))
        await lease_all(conn, key("b"), key("a"))
        assert await outbox.record(conn, key("b"), AMBIGUOUS, NOW, LATER) == ()
        waiting = await outbox.waiting(conn, "chat")
        assert [(row.story, row.due, row.repeated, row.attempts) for row in waiting] == [
            ("of-a", LATER, True, 1),
            ("of-b", LATER, True, 1),
        ]


async def test_what_has_waited_for_too_long_is_given_up_with_the_last_words(store: Store) -> None:
    async with store.begin() as conn:
        await put(conn, key("old"), key("old", destination="mail"), now=NOW - LEASE)
        await put(conn, key("new"))
        await lease_all(conn, key("new"), key("old"))
        await outbox.record(conn, key("new"), RETRY, NOW, LATER)
        dead = await outbox.expire(conn, "chat", NOW - LEASE, NOW)
        assert [(one.notification.key, one.state, one.words) for one in dead] == [
            (key("old"), MessageState.DEAD, RETRY.words)
        ]
        await lease_all(conn, key("new"))
        await outbox.record(conn, key("new"), ACCEPTED, LATER, None)
        assert (await the(conn, key("old"))).state is MessageState.DEAD


async def test_a_destination_that_takes_something_gets_at_once_what_waits_for_a_retry(store: Store) -> None:
    async with store.begin() as conn:
        await put(conn, key("e"), key("f"))
        await put(conn, key("g"), now=LATER)
        await next_key(conn)
        await outbox.record(conn, key("e"), RETRY, NOW, LATER)
        assert await next_key(conn) == key("f")
        await outbox.record(conn, key("f"), ACCEPTED, NOW, None)
        assert [(row.story, row.due) for row in await outbox.waiting(conn, "chat")] == [("of-e", NOW), ("of-g", LATER)]


async def test_a_lease_that_ran_out_is_tried_again_and_all_of_it_is_marked_as_possibly_delivered(store: Store) -> None:
    async with store.begin() as conn:
        await put(conn, key("e"), key("f"), key("g"))
        await lease_all(conn, key("e"), key("f"))
        assert await outbox.recover(conn, NOW + LEASE / 2) == 0
        assert await next_key(conn) is None
        assert await outbox.recover(conn, NOW + LEASE) == 2
        waiting = await outbox.waiting(conn, "chat")
    assert [(row.story, row.repeated, row.attempts) for row in waiting] == [
        ("of-e", True, 1),
        ("of-f", True, 1),
        ("of-g", False, 0),
    ]


async def test_an_unknown_outcome_is_tried_again_and_marked_as_possibly_delivered(store: Store) -> None:
    async with store.begin() as conn:
        await put(conn, key("e"))
        await next_key(conn)
        await outbox.record(conn, key("e"), AMBIGUOUS, NOW, LATER)
        waiting = await the(conn, key("e"))
        await next_key(conn, now=LATER)
        dead = await outbox.record(conn, key("e"), RETRY, LATER, None)
        attempts = await outbox.deliveries(conn, [waiting.id])
    assert (waiting.state, waiting.due, waiting.repeated) == (MessageState.RETRY, LATER, True)
    assert [(one.state, one.finished, one.repeated) for one in dead] == [(MessageState.DEAD, LATER, True)]
    assert attempts == {waiting.id: ((NOW, AMBIGUOUS), (LATER, RETRY))}


@pytest.mark.parametrize(
    ("late", "state"), [(ACCEPTED, MessageState.ACCEPTED), (RETRY, MessageState.DEAD), (DEAD, MessageState.DEAD)]
)
async def test_an_attempt_that_comes_back_late_changes_a_finished_message_only_by_success(
    store: Store, late: Delivery, state: MessageState
) -> None:
    async with store.begin() as conn:
        await put(conn, key("e"))
        await next_key(conn)
        assert len(await outbox.abandon(conn, [], NOW)) == 1
        assert await outbox.record(conn, key("e"), late, LATER, LATER) == ()
        message = await the(conn, key("e"))
        assert message.state is state
        assert await outbox.deliveries(conn, [message.id]) == {message.id: ((LATER, late),)}


async def test_messages_to_destinations_that_are_gone_are_given_up(store: Store) -> None:
    async with store.begin() as conn:
        await put(conn, key("e"), key("e", destination="mail"), key("f", destination="mail"))
        assert await outbox.backlog(conn) == {"chat": (1, NOW), "mail": (2, NOW)}
        given_up = await outbox.abandon(conn, {"chat", "pager"}, LATER)
        assert await outbox.backlog(conn) == {"chat": (1, NOW)}
    assert {one.notification.key.episode for one in given_up} == {"e", "f"}
    assert {(one.state, one.finished) for one in given_up} == {(MessageState.DEAD, LATER)}
    assert given_up[0].words == "The destination is no longer configured."


async def test_an_incident_shows_its_messages(store: Store) -> None:
    async with store.begin() as conn:
        await put(conn, key("e"), key("f"), key("e", RESOLVED))
        shown = await outbox.of_incident(conn, "of-e")
        newest = await outbox.recent(conn, 1)
    assert [message.notification.key for message in shown] == [key("e"), key("e", RESOLVED)]
    assert newest == shown[-1:]


async def test_what_was_sent_counts_for_the_budget_but_not_tests_failures_and_what_others_got(store: Store) -> None:
    async with store.begin() as conn:
        keys = [key("a"), key("b"), key("c", NoticeKind.TEST), key("d", destination="mail"), key("e")]
        await put(conn, *keys)
        for one, outcome in zip(keys, (ACCEPTED, DEAD, ACCEPTED, ACCEPTED, ACCEPTED), strict=True):
            await outbox.record(conn, one, outcome, NOW if one == key("a") else LATER, None)
        assert await outbox.sent(conn, "chat", NOW - LEASE) == (Sent(NOW, True), Sent(LATER, True))
        assert await outbox.sent(conn, "chat", NOW) == (Sent(LATER, True),)


async def test_the_words_of_a_message_come_with_those_of_its_incident(store: Store) -> None:
    incident = Incident("of-e", "door", "The door is open", Severity.WARNING, NOW - LEASE, resolved=LATER)
    async with store.begin() as conn:
        await incidents.save(conn, incident)
        await put(conn, key("e"), key("f"))
        ids = [row.id for row in await outbox.waiting(conn, "chat")]
        found = await outbox.scripts(conn, ids)
    of_e, of_f = (Notification(key(one), Severity.CRITICAL, "firing", "body") for one in "ef")
    assert found == {
        ids[0]: Script(of_e, "The door is open", NOW - LEASE, LATER),
        ids[1]: Script(of_f, "firing", NOW, None),
    }


async def test_the_health_of_every_destination_is_told_by_its_attempts(store: Store) -> None:
    async with store.begin() as conn:
        assert await health.health(conn) == {}
        await put(conn, key("a"), key("b"), key("c"), key("a", destination="mail"), key("a", destination="pager"))
        for number, outcome in enumerate((RETRY, ACCEPTED, RETRY, DEAD)):
            await outbox.record(conn, key("abcc"[number]), outcome, NOW + number * LEASE, LATER)
        await outbox.record(conn, key("a", destination="mail"), ACCEPTED, LATER, None)
        found = await health.health(conn)
    assert found == {
        "chat": Health(accepted=NOW + LEASE, failing=NOW + 2 * LEASE, words=DEAD.words),
        "mail": Health(accepted=LATER),
    }


async def test_a_destination_is_confirmed_by_the_newest_link_that_somebody_used(store: Store) -> None:
    async with store.begin() as conn:
        rows = [(b"1", "chat", NOW), (b"2", "chat", LATER), (b"3", "mail", NOW)]
        values = [
            {"digest": digest, "action": "ack", "who": "", "destination": to, "at": at} for digest, to, at in rows
        ]
        await conn.execute(insert(link_uses), values)
        assert await health.confirmed(conn) == {"chat": LATER, "mail": NOW}


async def test_recording_an_unknown_message_names_it(store: Store) -> None:
    with pytest.raises(LookupError, match="no message e/chat/firing/0"):
        async with store.begin() as conn:
            await outbox.record(conn, key("e"), ACCEPTED, NOW, None)
