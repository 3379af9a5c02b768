"""The outbox: every message from the moment it is decided until a provider has it, or never will."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, FromClause, Row, Select, bindparam, case, exists, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from alerting.bundling import Sent, Waiting
from alerting.channels import BEGINNINGS, Delivery, Key, NoticeKind, Notification, Outcome
from alerting.rules import Severity
from incidents.chronicle import Heard
from language import gettext
from monitor.store import dialects
from monitor.store.tables import MessageState, episodes, incidents, messages
from monitor.store.tables import deliveries as _deliveries

__all__ = [
    "Message",
    "MessageState",
    "Queued",
    "Script",
    "abandon",
    "backlog",
    "begun",
    "cancel",
    "deliveries",
    "enqueue",
    "enqueue_all",
    "expire",
    "finished",
    "is_known",
    "lease",
    "of_incident",
    "recent",
    "record",
    "recover",
    "scripts",
    "sent",
    "told",
    "waiting",
]

_WAITING = (MessageState.QUEUED, MessageState.RETRY)
_HEARD = (MessageState.ACCEPTED, MessageState.MERGED)
_UNCOUNTED = (NoticeKind.TEST, NoticeKind.DRILL, NoticeKind.ALARM, NoticeKind.REPORT)


class Message(NamedTuple):
    """A notification and how far it is.

    `incident` is "" for a message that is about none. `attempts` counts those that began, the present one included.
    `due` is when it may be tried, `words` what the provider said last. `repeated`: it may have been delivered before,
    because an attempt was cut off or its outcome is not known. `merged_into` is the message that carries, or carried,
    what this one says.
    """

    id: int
    notification: Notification
    incident: str
    created: datetime
    state: MessageState
    attempts: int
    due: datetime
    words: str
    finished: datetime | None
    repeated: bool
    merged_into: int | None


class Script(NamedTuple):
    """The words of a waiting message, and those of its incident for a message that tells of many.

    `what` is the incident's title, or the message's own if it is about none; it lasted from `since` until `until`,
    which is None while it lasts.
    """

    notification: Notification
    what: str
    since: datetime
    until: datetime | None


class Finished(NamedTuple):
    """A message about an incident that needs no further attempt, and what became of it."""

    incident: str
    heard: Heard


class Queued(NamedTuple):
    """A message to be put into the outbox: about an incident, "" for none, and not to be sent before `due`."""

    notification: Notification
    incident: str
    due: datetime | None = None


async def enqueue(
    conn: AsyncConnection, notification: Notification, incident: str, now: datetime, due: datetime | None = None
) -> None:
    """Put a message into the outbox, due at once, or as if it was created at `due` if that is later.

    The same key a second time changes nothing.
    """
    await enqueue_all(conn, [Queued(notification, incident, due)], now)


async def enqueue_all(conn: AsyncConnection, queued: Sequence[Queued], now: datetime) -> None:
    """The same for many messages, in one statement."""
    if queued:
        fresh = dialects.insert(conn, messages).on_conflict_do_nothing(index_elements=Key._fields)
        await conn.execute(fresh, [_fresh(one, max(now, one.due or now)) for one in queued])


async def waiting(conn: AsyncConnection, destination: str) -> tuple[Waiting, ...]:
    """Everything that waits for a destination, due or not, without its words; () while it has a lease."""
    one, other = messages.alias(), messages.alias()
    heard = (
        select(func.max(case((other.c.state.in_(_HEARD), 1), else_=0)))
        .where(_same_story(other, one), other.c.kind.in_(BEGINNINGS), other.c.finished.is_not(None))
        .scalar_subquery()
    )
    query = select(
        one.c.id,
        case((one.c.incident != "", one.c.incident), else_=one.c.episode).label("story"),
        one.c.episode,
        one.c.kind,
        one.c.sequence,
        one.c.severity,
        one.c.created,
        one.c.due,
        one.c.attempts,
        one.c.repeated,
        case((one.c.kind == NoticeKind.RESOLVED, heard)).label("heard"),
    ).where(
        one.c.destination == destination, one.c.finished.is_(None), one.c.state.in_(_WAITING), ~_leased(destination)
    )
    rows = await conn.execute(query.order_by(one.c.id))
    return tuple(Waiting._make((*most, None if last is None else bool(last))) for *most, last in rows)


async def told(conn: AsyncConnection, start: datetime, end: datetime) -> dict[tuple[str, str], int]:
    """How many messages about each rule, by check and rule, people got in a stretch of time, alone or with others."""
    query = (
        select(episodes.c.check, episodes.c.rule, func.count())
        .join(messages, messages.c.episode == episodes.c.id)
        .where(messages.c.finished >= start, messages.c.finished < end, messages.c.state.in_(_HEARD))
        .group_by(episodes.c.check, episodes.c.rule)
    )
    return {(check, rule): found for check, rule, found in await conn.execute(query)}


async def sent(conn: AsyncConnection, destination: str, since: datetime) -> tuple[Sent, ...]:
    """What the destination has had since then, in no order; what goes alone does not count."""
    query = select(messages.c.finished, messages.c.severity).where(
        messages.c.finished > since,
        messages.c.destination == destination,
        messages.c.state == MessageState.ACCEPTED,
        messages.c.kind.not_in(_UNCOUNTED),
    )
    return tuple(Sent(row.finished, row.severity is Severity.CRITICAL) for row in await conn.execute(query))


async def begun(conn: AsyncConnection, start: datetime, end: datetime) -> tuple[int, int]:
    """How many messages that something began were queued within a time, and about how many incidents; `end` is not in
    it."""
    query = select(func.count(), func.count(messages.c.incident.distinct())).where(
        messages.c.kind == NoticeKind.FIRING, messages.c.created >= start, messages.c.created < end
    )
    row = (await conn.execute(query)).one()
    return row[0], row[1]


async def scripts(conn: AsyncConnection, ids: Collection[int]) -> dict[int, Script]:
    """The words of some messages, by id."""
    about = messages.outerjoin(incidents, incidents.c.id == messages.c.incident)
    subject = (incidents.c.title.label("what"), incidents.c.opened, incidents.c.resolved)
    rows = await conn.execute(select(messages, *subject).select_from(about).where(messages.c.id.in_(ids)))
    return {
        row.id: Script(_notification(row), row.what or row.title, row.opened or row.created, row.resolved)
        for row in rows
    }


async def lease(conn: AsyncConnection, destination: str, ids: Sequence[int], until: datetime) -> bool:
    """Take waiting messages to be sent as one: the first is LEASED until then, the others MERGED into it.

    False, and nothing changed, if the destination has another lease or the first of them waits no more.
    """
    carrier, *others = ids
    taken = update(messages).where(messages.c.id == carrier, _is_waiting(), ~_leased(destination))
    attempts = messages.c.attempts + 1
    values = {"state": MessageState.LEASED, "leased_until": until, "attempts": attempts, "merged_into": None}
    if (await conn.execute(taken.values(values))).rowcount == 0:
        return False
    if others:
        joins = update(messages).where(messages.c.id == bindparam("row"), _is_waiting())
        values = {"state": MessageState.MERGED, "merged_into": carrier, "attempts": attempts}
        await conn.execute(joins.values(values), [{"row": id} for id in others])
    return True


async def record(
    conn: AsyncConnection, key: Key, delivery: Delivery, now: datetime, due: datetime | None
) -> tuple[Message, ...]:
    """Write down an attempt and what follows from it, for the message and all that are merged into it.

    RETRY and AMBIGUOUS let all of them wait until `due`, each for itself; without it they are DEAD. Returns those that
    now are. A destination that took something is up: whatever waits for a retry there is due at once. An attempt that
    comes back after its message was finished changes it only by having been accepted. Raises LookupError for a key that
    is not in the outbox.
    """
    row = (await conn.execute(select(messages).where(_is(key)))).one_or_none()
    if row is None:
        raise LookupError(f"the outbox has no message {key}; it may have been deleted by retention")
    attempt = {"message": row.id, "at": now, "outcome": delivery.outcome, "words": delivery.words}
    await conn.execute(insert(_deliveries), attempt)
    if delivery.outcome is Outcome.ACCEPTED:
        await _accept(conn, row, delivery.words, now)
        return ()
    if row.finished is not None:
        return ()
    if delivery.outcome is Outcome.AMBIGUOUS:
        await conn.execute(update(messages).where(_carried(row.id)).values({"repeated": True}))
    if delivery.outcome is Outcome.DEAD or due is None:
        return await _end(conn, _carried(row.id), delivery.words, now)
    values = {"state": MessageState.RETRY, "due": due, "words": delivery.words, "leased_until": None}
    await conn.execute(update(messages).where(_carried(row.id)).values({**values, "merged_into": None}))
    return ()


async def cancel(conn: AsyncConnection, ids: Collection[int], words: str, now: datetime) -> None:
    """Take waiting messages back: nobody needs them."""
    values = {"state": MessageState.CANCELLED, "finished": now, "words": words}
    await conn.execute(update(messages).where(messages.c.id.in_(ids), _is_waiting()).values(values))


async def recover(conn: AsyncConnection, until: datetime) -> int:
    """Make messages whose lease ends by `until` due at once, marked as possibly delivered; returns how many."""
    other = messages.alias()
    carriers = select(other.c.id).where(other.c.state == MessageState.LEASED, other.c.leased_until <= until)
    lost = {"state": MessageState.RETRY, "leased_until": None, "merged_into": None, "repeated": True}
    again = update(messages).where(messages.c.finished.is_(None)).values({**lost, "due": messages.c.created})
    # In this order: once a message has no lease it cannot be told what it carried.
    carried = (await conn.execute(again.where(messages.c.merged_into.in_(carriers)))).rowcount
    return carried + (await conn.execute(again.where(messages.c.id.in_(carriers)))).rowcount


async def deliveries(conn: AsyncConnection, ids: Collection[int]) -> dict[int, tuple[tuple[datetime, Delivery], ...]]:
    """All recorded attempts at each of some messages, oldest first; those that were merged have none of their own."""
    query = select(_deliveries).where(_deliveries.c.message.in_(ids)).order_by(_deliveries.c.id)
    found: dict[int, tuple[tuple[datetime, Delivery], ...]] = dict.fromkeys(ids, ())
    for row in await conn.execute(query):
        found[row.message] += ((row.at, Delivery(row.outcome, row.words)),)
    return found


async def recent(conn: AsyncConnection, limit: int = 20) -> tuple[Message, ...]:
    """The newest messages, newest first."""
    return await _load(conn, select(messages).order_by(messages.c.id.desc()).limit(limit))


async def of_incident(conn: AsyncConnection, incident: str) -> tuple[Message, ...]:
    """All messages of an incident, oldest first."""
    return await _load(conn, select(messages).where(messages.c.incident == incident).order_by(messages.c.id))


async def finished(conn: AsyncConnection, since: datetime, until: datetime) -> tuple[Finished, ...]:
    """The messages about incidents that arrived or were given up after `since`, up to `until`, in that order.

    Reminders that arrived are left out.
    """
    ended = (messages.c.finished > since) & (messages.c.finished <= until) & (messages.c.incident != "")
    reminder = (messages.c.kind == NoticeKind.REPEAT) & messages.c.state.in_(_HEARD)
    query = select(messages).where(ended, messages.c.state.in_((*_HEARD, MessageState.DEAD)), ~reminder)
    return tuple(
        Finished(row.incident, Heard(row.destination, row.kind, row.state in _HEARD, row.finished, row.words))
        for row in await conn.execute(query.order_by(messages.c.finished, messages.c.id))
    )


async def is_known(conn: AsyncConnection, episode: str, since: datetime) -> bool:
    """Whether there is a message of that episode, to whomever, that was created after `since`."""
    found = exists().where(messages.c.episode == episode, messages.c.created > since)
    return bool(await conn.scalar(select(found)))


async def backlog(conn: AsyncConnection) -> dict[str, tuple[int, datetime]]:
    """For each destination with unfinished messages: how many, and when the oldest was created."""
    query = select(messages.c.destination, func.count().label("waiting"), func.min(messages.c.created).label("oldest"))
    rows = await conn.execute(query.where(messages.c.finished.is_(None)).group_by(messages.c.destination))
    return {row.destination: (row.waiting, row.oldest) for row in rows}


async def expire(conn: AsyncConnection, destination: str, stale: datetime, now: datetime) -> tuple[Message, ...]:
    """Give up what waits for a destination and was created by `stale`; returns it."""
    old = (messages.c.destination == destination) & (messages.c.created <= stale) & _is_waiting()
    return await _end(conn, old, messages.c.words, now)


async def abandon(conn: AsyncConnection, keep: Collection[str], now: datetime) -> tuple[Message, ...]:
    """Give up all unfinished messages to destinations other than those to `keep`; returns them."""
    words = gettext("The destination is no longer configured.")
    return await _end(conn, messages.c.destination.not_in(keep), words, now)


async def _accept(conn: AsyncConnection, row: Row[Any], words: str, now: datetime) -> None:
    """The provider has the message, and with it everything that it carried."""
    carrier = {"state": MessageState.ACCEPTED, "leased_until": None, "words": words, "finished": now}
    await conn.execute(update(messages).where(messages.c.id == row.id).values(carrier))
    merged = update(messages).where(messages.c.merged_into == row.id)
    await conn.execute(merged.values({"state": MessageState.MERGED, "words": "", "finished": now}))
    held = (messages.c.destination == row.destination, messages.c.finished.is_(None), messages.c.due > now)
    await conn.execute(update(messages).where(*held, messages.c.state == MessageState.RETRY).values({"due": now}))


async def _end(
    conn: AsyncConnection, which: ColumnElement[bool], words: str | ColumnElement[str], now: datetime
) -> tuple[Message, ...]:
    ended = update(messages).where(messages.c.finished.is_(None), which)
    values = {"state": MessageState.DEAD, "leased_until": None, "finished": now, "words": words}
    return tuple(_message(row) for row in await conn.execute(ended.values(values).returning(messages)))


def _carried(carrier: int) -> ColumnElement[bool]:
    """A message that is being sent, and everything that is sent with it."""
    sent = (messages.c.id == carrier) | (messages.c.merged_into == carrier)
    return messages.c.finished.is_(None) & sent


def _is_waiting() -> ColumnElement[bool]:
    state = messages.c.state  # not `in_`, which takes no list of parameters
    return messages.c.finished.is_(None) & ((state == MessageState.QUEUED) | (state == MessageState.RETRY))


def _leased(destination: str) -> ColumnElement[bool]:
    """Whether something is being sent to a destination."""
    other = messages.alias()
    return exists().where(other.c.destination == destination, other.c.state == MessageState.LEASED)


def _same_story(other: FromClause, one: FromClause) -> ColumnElement[bool]:
    """To one destination about one incident, through whichever of its episodes."""
    return (other.c.incident == one.c.incident) & (other.c.destination == one.c.destination) & (one.c.incident != "")


def _is(key: Key) -> ColumnElement[bool]:
    return (
        (messages.c.episode == key.episode)
        & (messages.c.destination == key.destination)
        & (messages.c.kind == key.kind)
        & (messages.c.sequence == key.sequence)
    )


async def _load(conn: AsyncConnection, query: Select[*tuple[Any, ...]]) -> tuple[Message, ...]:
    return tuple(_message(row) for row in await conn.execute(query))


def _notification(row: Row[*tuple[Any, ...]]) -> Notification:
    return Notification(Key(row.episode, row.destination, row.kind, row.sequence), row.severity, row.title, row.body)


def _fresh(queued: Queued, at: datetime) -> dict[str, Any]:
    notification = queued.notification
    return {
        **notification.key._asdict(),
        "severity": notification.severity,
        "title": notification.title,
        "body": notification.body,
        "incident": queued.incident,
        "created": at,
        "state": MessageState.QUEUED,
        "attempts": 0,
        "due": at,
        "words": "",
        "repeated": False,
    }


def _message(row: Row[*tuple[Any, ...]]) -> Message:
    return Message(
        id=row.id,
        notification=_notification(row),
        incident=row.incident,
        created=row.created,
        state=row.state,
        attempts=row.attempts,
        due=row.due,
        words=row.words,
        finished=row.finished,
        repeated=row.repeated,
        merged_into=row.merged_into,
    )
