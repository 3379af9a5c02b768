"""Deliver queued messages: one worker per destination, so that a hanging provider delays nobody else."""

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from pydantic import SecretStr

from alerting.apprise import AppriseChannel
from alerting.channels import Channel, Delivery, Key, NoticeKind, Notification, Outcome
from alerting.retry import next_attempt
from alerting.rules import Severity
from incidents import messages
from monitor.metrics import Vitals
from monitor.store import Store, StoreError, outbox
from monitor.store.outbox import Message

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
"""How long a message is ours to send; a send ends well before, so a lease that ran out means that we were killed."""
POLL = 2.0
"""Seconds between two looks at the queue when nothing was announced."""


async def open_channels(destinations: Mapping[str, SecretStr]) -> dict[str, Channel]:
    """A channel for each destination. Raises ValueError, naming the destination, for a URL that means nothing."""
    return {id: await AppriseChannel.open(id, url) for id, url in destinations.items()}


class Outbox:
    """Sends what the store has queued, in order for each destination, at least once, until it is accepted or dead."""

    def __init__(self, store: Store, vitals: Vitals, turned: Callable[[], None]) -> None:
        self._store = store
        self._vitals = vitals
        self._turned = turned
        self._channels: dict[str, Channel] = {}
        self._woken: dict[str, asyncio.Event] = {}
        self._adopted = asyncio.Event()

    def adopt(self, channels: dict[str, Channel]) -> None:
        """Send through these channels from now on. A message that is being sent is sent to its end."""
        self.wake()
        self._channels = channels
        self._woken = {destination: asyncio.Event() for destination in channels}
        self._adopted.set()

    def wake(self) -> None:
        """Look at the queue now."""
        for event in self._woken.values():
            event.set()

    async def alarm(self, title: str, body: str) -> None:
        """Tell every destination at once, without the store: for when the store is what is broken."""
        keys = {destination: Key("monitor", destination, NoticeKind.FIRING, 0) for destination in self._channels}
        sends = [
            channel.send(Notification(keys[destination], Severity.CRITICAL, title, body))
            for destination, channel in self._channels.items()
        ]
        for destination, delivery in zip(keys, await asyncio.gather(*sends), strict=True):
            log.warning("alarm sent past the outbox", extra={"destination": destination, "outcome": delivery.outcome})

    async def run(self) -> None:
        """Deliver until cancelled."""
        async with self._store.begin() as conn:
            # Only this process sends: whatever is leased now was leased by one that is dead.
            await outbox.recover(conn, datetime.now(UTC) + LEASE)
        async with asyncio.TaskGroup() as group:
            while True:
                await self._adopted.wait()
                self._adopted.clear()
                await self._abandon()
                for destination, channel in self._channels.items():
                    group.create_task(self._deliver(destination, channel), name=f"deliver to {destination}")

    async def _abandon(self) -> None:
        async with self._store.begin() as conn:
            await outbox.abandon(conn, set(self._channels), datetime.now(UTC))

    async def _deliver(self, destination: str, channel: Channel) -> None:
        """Send what is due for one destination, until its channel is replaced."""
        woken = self._woken[destination]
        try:
            while self._channels.get(destination) is channel:
                woken.clear()
                try:
                    while await self._deliver_next(destination, channel):
                        self._turned()
                except StoreError:
                    log.exception("cannot read the outbox, will try again", extra={"destination": destination})
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(POLL):
                        await woken.wait()
        finally:
            channel.close()

    async def _deliver_next(self, destination: str, channel: Channel) -> bool:
        """Send the oldest message that is due; whether there was one."""
        async with self._store.begin() as conn:
            now = datetime.now(UTC)
            message = await outbox.lease(conn, destination, now, now + LEASE)
        if message is None:
            return False
        delivery = await channel.send(_marked(message))
        self._vitals.messages.labels(destination, delivery.outcome).inc()
        now = datetime.now(UTC)
        due = None
        if delivery.outcome in (Outcome.RETRY, Outcome.AMBIGUOUS):
            due = next_attempt(message.attempts, message.created, now, random.random(), delivery.outcome)  # noqa: S311
        await self._record(message, delivery, now, due)
        return True

    async def _record(self, message: Message, delivery: Delivery, now: datetime, due: datetime | None) -> None:
        """Write the outcome, however long the store refuses: sending again would be a repeat."""
        if due is None and delivery.outcome is not Outcome.ACCEPTED:
            log.error(
                "message was not delivered and is given up",
                extra={"destination": message.notification.key.destination, "words": delivery.words},
            )
        while True:
            try:
                async with self._store.begin() as conn:
                    await outbox.record(conn, message.notification.key, delivery, now, due)
                return
            except StoreError:
                log.exception("cannot record a delivery, will try again")
                await asyncio.sleep(POLL)


def _marked(message: Message) -> Notification:
    """The notification, with a word of warning if it may have been delivered before."""
    notification = message.notification
    if not message.repeated:
        return notification
    return replace(notification, body=f"{notification.body}\n\n{messages.MAY_REPEAT}")
