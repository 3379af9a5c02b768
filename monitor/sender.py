"""One destination's turn: what goes out next, and what becomes of it."""

import asyncio
import logging
import random
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from alerting.bundling import WINDOW, Plan, Story, Waiting, plan
from alerting.channels import BEGINNINGS, Channel, Delivery, NoticeKind, Notification, Outcome
from alerting.health import Health
from alerting.retry import GIVE_UP, next_attempt
from alerting.rules import Severity
from incidents import bundles
from incidents.bundles import Place, Thing
from incidents.messages import Text
from language import gettext
from monitor import notices
from monitor.config.model import Config
from monitor.store import Store, StoreError, outbox, overrides
from monitor.store.outbox import Message, Script

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
"""How long a message is ours to send; a send ends well before, so a lease that ran out means that we were killed."""
RETRY = 2.0
"""Seconds to wait for a store that does not take the outcome of a message."""
PATIENCE = timedelta(minutes=5)
"""How long a critical message may be under way before others are told that it does not get through."""
ALARM_EVERY = timedelta(hours=1)
"""How often others are told of a destination that cannot be reached."""

_NO_ALARM = (NoticeKind.ALARM, NoticeKind.TEST)


class Sender:
    """Sends what waits for one destination through its channel; `healths` is shared by the senders of all."""

    def __init__(
        self,
        store: Store,
        config: Config,
        destination: str,
        channel: Channel,
        healths: dict[str, Health],
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._config = config
        self._destination = destination
        self._channel = channel
        self._healths = healths
        self._clock = clock
        self._since = clock()
        self._rests_until = self._since
        site = config.site
        self._place = Place(site.name, site.hours.zone, config.server.url)

    async def send_next(self) -> Outcome | None:
        """Send what is due first, as one message; what became of it, None if nothing is due. Raises StoreError."""
        now = self._clock()
        if now < self._rests_until:
            return None
        found = await self._plan(now)
        if found.void:
            async with self._store.begin() as conn:
                await outbox.cancel(conn, found.void, gettext("the beginning was never delivered"), now)
        if not found.send:
            return None
        ids = _ids(found.send)
        async with self._store.begin() as conn:
            scripts = await outbox.scripts(conn, _needed(found.send))
            if not await outbox.lease(conn, self._destination, ids, now + LEASE):
                return None
        delivery = await self._channel.send(self._written(found.send, scripts, now))
        await self._finish(found.send, scripts[ids[0]].notification, delivery)
        return delivery.outcome

    def close(self) -> None:
        """Let go of the channel."""
        self._channel.close()

    async def _plan(self, now: datetime) -> Plan:
        async with self._store.connect() as conn:
            waiting = await outbox.waiting(conn, self._destination)
            if not waiting:
                return Plan()
            sent = await outbox.sent(conn, self._destination, now - WINDOW)
        return plan(waiting, sent, self._config.alerting.budget, now)

    def _written(self, stories: Sequence[Story], scripts: dict[int, Script], now: datetime) -> Notification:
        """The message that tells the stories, with what people must know about its delivery."""
        rows = [row for story in stories for row in story.rows]
        created = min(row.created for row in rows)
        tried = any(row.attempts for row in rows)
        late = bundles.lateness(now - created, self._destination, tried=tried, held=created >= self._since)
        text = bundles.noted(_told(stories, scripts, self._place), late, any(row.repeated for row in rows))
        notification = scripts[stories[0].says.id].notification
        return Notification(notification.key, stories[0].says.severity, text.title, text.body)

    async def _finish(self, stories: Sequence[Story], carrier: Notification, delivery: Delivery) -> None:
        now = self._clock()
        self._rests_until = now + timedelta(seconds=delivery.wait)
        health = self._healths.get(self._destination, Health())
        self._healths[self._destination] = health.after(delivery, now)
        rows = [row for story in stories for row in story.rows]
        due = None
        if delivery.outcome in (Outcome.RETRY, Outcome.AMBIGUOUS):
            # As soon as the least tried of them wants it: a new message is also a new look at the provider.
            attempts, newest = min(row.attempts for row in rows) + 1, max(row.created for row in rows)
            due = next_attempt(attempts, newest, now, random.random(), delivery.outcome)  # noqa: S311
            due = None if due is None else max(due, self._rests_until)
        waits = due is not None and any(_is_pressing(row, now) for row in rows)
        while True:
            try:
                async with self._store.begin() as conn:
                    await self._record(conn, carrier, delivery, now, due)
                    if waits:
                        about = (carrier.title,), delivery.words
                        await _raise_alarm(conn, self._config, self._destination, *about, self._healths, now)
                return
            except StoreError:  # as often as it takes: sending again would be a repeat
                log.exception("cannot record a delivery, will try again")
                await asyncio.sleep(RETRY)

    async def _record(
        self, conn: AsyncConnection, carrier: Notification, delivery: Delivery, now: datetime, due: datetime | None
    ) -> None:
        """Write the outcome, and the alarms about what it ends."""
        dead = await outbox.record(conn, carrier.key, delivery, now, due)
        if delivery.outcome is not Outcome.ACCEPTED:
            dead += await outbox.expire(conn, self._destination, now - GIVE_UP, now)
        await raise_alarms(conn, self._config, dead, self._healths, now)


async def raise_alarms(
    conn: AsyncConnection, config: Config, dead: Sequence[Message], healths: Mapping[str, Health], now: datetime
) -> None:
    """Tell others of messages that will reach nobody, once an hour for each destination that did not take them.

    Nothing is told of the death of an alarm itself, which would go round for ever, nor of a test that somebody watches.
    """
    for destination in {message.notification.key.destination for message in dead}:
        lost = [one for one in dead if one.notification.key.destination == destination]
        log.error(
            "messages were not delivered and are given up",
            extra={"destination": destination, "messages": len(lost), "words": lost[0].words},
        )
        about = [one for one in lost if one.notification.key.kind not in _NO_ALARM]
        if about:
            titles = [one.notification.title for one in sorted(about, key=_importance)]
            await _raise_alarm(conn, config, destination, titles, about[0].words, healths, now)


async def _raise_alarm(
    conn: AsyncConnection,
    config: Config,
    dead: str,
    titles: Sequence[str],
    words: str,
    healths: Mapping[str, Health],
    now: datetime,
) -> None:
    if await outbox.is_known(conn, notices.unreached_episode(dead), now - ALARM_EVERY):
        return
    failing = {id for id, health in healths.items() if health.failing is not None}
    to = notices.hearers(config, dead, failing, await overrides.current(conn, now), now)
    for notification in notices.unreached(config, dead, titles, words, to, now):
        await outbox.enqueue(conn, notification, "", now)


def _told(stories: Sequence[Story], scripts: dict[int, Script], place: Place) -> Text:
    """The words for one story, or a line for each of several."""
    first = stories[0]
    if len(stories) == 1:
        text = _text(scripts[first.says.id])
        if first.began is None:
            return text
        return bundles.began_and_ended(_text(scripts[first.began.id]), first.began.created, text, place)
    named = [scripts[story.says.id] for story in stories[: bundles.LINES]]
    things = [Thing(one.what, one.since, one.until) for one in named]
    if first.is_over:
        return bundles.works_again(things, len(stories), place)
    return bundles.needs_attention(first.says.severity, things, len(stories), place)


def _text(script: Script) -> Text:
    return Text(script.notification.title, script.notification.body)


def _ids(stories: Sequence[Story]) -> list[int]:
    """Everything that the message tells: first the one whose words it has, or that stands for a bundle."""
    carrier = stories[0].says.id
    return [carrier, *(row.id for story in stories for row in story.rows if row.id != carrier)]


def _needed(stories: Sequence[Story]) -> list[int]:
    """The messages whose words are needed."""
    if len(stories) == 1:
        return [row.id for row in (stories[0].says, stories[0].began) if row is not None]
    return [story.says.id for story in stories[: bundles.LINES]]


def _is_pressing(row: Waiting, now: datetime) -> bool:
    """Whether somebody else must hear of it although it is still tried."""
    return row.severity is Severity.CRITICAL and row.kind in BEGINNINGS and now - row.created >= PATIENCE


def _importance(message: Message) -> tuple[int, int]:
    return -message.notification.severity.rank, message.id
