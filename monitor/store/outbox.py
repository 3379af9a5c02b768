"""The outbox: every message from the moment it is decided until a provider has it, or never will."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, FromClause, Row, Select, case, exists, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from alerting.channels import Delivery, Key, NoticeKind, Notification, Outcome
from monitor.store import dialects
from monitor.store.tables import MessageState, messages
from monitor.store.tables import deliveries as _deliveries

__all__ = [
    "Message",
    "MessageState",
    "abandon",
    "backlog",
    "deliveries",
    "enqueue",
    "lease",
    "of_incident",
    "recent",
    "record",
    "recover",
]

_WAITING = (MessageState.QUEUED, MessageState.RETRY)
_UNHEARD = (MessageState.DEAD, MessageState.CANCELLED)
_FINAL = (MessageState.ACCEPTED, *_UNHEARD)
_BEGINNINGS = (NoticeKind.FIRING, NoticeKind.REPEAT)


class Message(NamedTuple):
    """A notification and how far it is.

    `incident` is "" for a test message. `attempts` counts those that began, the present one included. `due` is when
    it may be tried, `words` what the provider said last. `repeated`: it may have been delivered before, because an
    attempt was cut off or its outcome is not known.
    """

    notification: Notification
    incident: str
    created: datetime
    state: MessageState
    attempts: int
    due: datetime
    words: str
    finished: datetime | None
    repeated: bool


async def enqueue(conn: AsyncConnection, notification: Notification, incident: str, now: datetime) -> None:
    """Put a message into the outbox, due at once. The same key a second time changes nothing."""
    row = {
        **notification.key._asdict(),
        "severity": notification.severity,
        "title": notification.title,
        "body": notification.body,
        "incident": incident,
        "created": now,
        "state": MessageState.QUEUED,
        "attempts": 0,
        "due": now,
        "words": "",
        "repeated": False,
    }
    await conn.execute(dialects.insert(conn, messages).on_conflict_do_nothing(index_elements=Key._fields), row)


async def lease(conn: AsyncConnection, destination: str, now: datetime, until: datetime) -> Message | None:
    """The destination's oldest message that is due, now LEASED until `until`; None if there is none.

    None also while the destination has another lease. Messages of one incident wait for each other: firing, repeat,
    resolved. A resolved message to somebody who never heard of the incident is CANCELLED.
    """
    await _cancel_unheard(conn, destination, now)
    one, other = messages.alias(), messages.alias()
    chosen = (
        select(one.c.id)
        .where(one.c.destination == destination, one.c.finished.is_(None))
        .where(one.c.state.in_(_WAITING), one.c.due <= now)
        .where(~exists().where(other.c.destination == destination, other.c.state == MessageState.LEASED))
        .where(~exists().where(_same_story(other, one), other.c.finished.is_(None), _goes_first(other, one)))
        .order_by(one.c.id)
        .limit(1)
    )
    change = update(messages).where(messages.c.id == chosen.scalar_subquery())
    values = {"state": MessageState.LEASED, "leased_until": until, "attempts": messages.c.attempts + 1}
    row = (await conn.execute(change.values(values).returning(messages))).one_or_none()
    return None if row is None else _message(row)


async def record(conn: AsyncConnection, key: Key, delivery: Delivery, now: datetime, due: datetime | None) -> None:
    """Write down an attempt and what follows from it.

    RETRY and AMBIGUOUS wait until `due`; without it they are DEAD. An attempt that comes back after its message was
    finished changes it only by having been accepted. Raises LookupError for a key that is not in the outbox.
    """
    row = (await conn.execute(select(messages).where(_is(key)))).one_or_none()
    if row is None:
        raise LookupError(f"the outbox has no message {key}; it may have been deleted by retention")
    attempt = {"message": row.id, "at": now, "outcome": delivery.outcome, "words": delivery.words}
    await conn.execute(insert(_deliveries), attempt)
    if row.finished is None or delivery.outcome is Outcome.ACCEPTED:
        state = _next(delivery.outcome, due)
        values = {
            "state": state,
            "leased_until": None,
            "due": due or row.due,
            "words": delivery.words,
            "finished": now if state in _FINAL else None,
            "repeated": row.repeated or delivery.outcome is Outcome.AMBIGUOUS,
        }
        await conn.execute(update(messages).where(messages.c.id == row.id).values(values))


async def recover(conn: AsyncConnection, until: datetime) -> int:
    """Make messages whose lease ends by `until` due at once, marked as possibly delivered; returns how many."""
    lost = update(messages).where(messages.c.state == MessageState.LEASED, messages.c.leased_until <= until)
    values = {"state": MessageState.RETRY, "leased_until": None, "due": messages.c.created, "repeated": True}
    return (await conn.execute(lost.values(values))).rowcount


async def deliveries(conn: AsyncConnection, key: Key) -> tuple[tuple[datetime, Delivery], ...]:
    """All recorded attempts at a message, oldest first."""
    query = select(_deliveries).join(messages, messages.c.id == _deliveries.c.message).where(_is(key))
    rows = await conn.execute(query.order_by(_deliveries.c.id))
    return tuple((row.at, Delivery(row.outcome, row.words)) for row in rows)


async def recent(conn: AsyncConnection, limit: int = 20) -> tuple[Message, ...]:
    """The newest messages, newest first."""
    return await _load(conn, select(messages).order_by(messages.c.id.desc()).limit(limit))


async def of_incident(conn: AsyncConnection, incident: str) -> tuple[Message, ...]:
    """All messages of an incident, oldest first."""
    return await _load(conn, select(messages).where(messages.c.incident == incident).order_by(messages.c.id))


async def backlog(conn: AsyncConnection) -> dict[str, tuple[int, datetime]]:
    """For each destination with unfinished messages: how many, and when the oldest was created."""
    query = select(messages.c.destination, func.count().label("waiting"), func.min(messages.c.created).label("oldest"))
    rows = await conn.execute(query.where(messages.c.finished.is_(None)).group_by(messages.c.destination))
    return {row.destination: (row.waiting, row.oldest) for row in rows}


async def abandon(conn: AsyncConnection, keep: Collection[str], now: datetime) -> int:
    """Give up all unfinished messages to destinations other than those to `keep`; returns how many."""
    orphans = update(messages).where(messages.c.finished.is_(None), messages.c.destination.not_in(keep))
    words = "the destination is no longer configured"
    values = {"state": MessageState.DEAD, "leased_until": None, "finished": now, "words": words}
    return (await conn.execute(orphans.values(values))).rowcount


async def _cancel_unheard(conn: AsyncConnection, destination: str, now: datetime) -> None:
    """Cancel resolved messages of incidents of which no firing message and no repeat ever arrived."""
    other = messages.alias()
    unheard = other.c.state.in_(_UNHEARD)
    pointless = (
        update(messages)
        .where(messages.c.destination == destination, messages.c.finished.is_(None))
        .where(messages.c.kind == NoticeKind.RESOLVED, messages.c.state.in_(_WAITING))
        .where(exists().where(_same_story(other, messages), other.c.kind == NoticeKind.FIRING, unheard))
        .where(~exists().where(_same_story(other, messages), other.c.kind.in_(_BEGINNINGS), ~unheard))
    )
    values = {"state": MessageState.CANCELLED, "finished": now, "words": "the beginning was never delivered"}
    await conn.execute(pointless.values(values))


def _same_story(other: FromClause, one: FromClause) -> ColumnElement[bool]:
    """To one destination about one incident, through whichever of its episodes; test messages stand alone."""
    same = (other.c.incident == one.c.incident) & ((one.c.incident != "") | (other.c.episode == one.c.episode))
    return same & (other.c.destination == one.c.destination)


def _goes_first(other: FromClause, one: FromClause) -> ColumnElement[bool]:
    """Firing, then repeats, then resolved; among the same kind by creation."""
    return (_rank(other) < _rank(one)) | ((_rank(other) == _rank(one)) & (other.c.id < one.c.id))


def _rank(message: FromClause) -> ColumnElement[int]:
    return case((message.c.kind == NoticeKind.RESOLVED, 2), (message.c.kind == NoticeKind.REPEAT, 1), else_=0)


def _is(key: Key) -> ColumnElement[bool]:
    return (
        (messages.c.episode == key.episode)
        & (messages.c.destination == key.destination)
        & (messages.c.kind == key.kind)
        & (messages.c.sequence == key.sequence)
    )


def _next(outcome: Outcome, due: datetime | None) -> MessageState:
    match outcome:
        case Outcome.ACCEPTED:
            return MessageState.ACCEPTED
        case Outcome.RETRY | Outcome.AMBIGUOUS if due is not None:
            return MessageState.RETRY
    return MessageState.DEAD


async def _load(conn: AsyncConnection, query: Select[*tuple[Any, ...]]) -> tuple[Message, ...]:
    return tuple(_message(row) for row in await conn.execute(query))


def _message(row: Row[*tuple[Any, ...]]) -> Message:
    key = Key(row.episode, row.destination, row.kind, row.sequence)
    return Message(
        notification=Notification(key, row.severity, row.title, row.body),
        incident=row.incident,
        created=row.created,
        state=row.state,
        attempts=row.attempts,
        due=row.due,
        words=row.words,
        finished=row.finished,
        repeated=row.repeated,
    )
