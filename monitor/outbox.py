"""Deliver queued messages: one worker per destination, so that a hanging provider delays nobody else."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from alerting.channels import Channel, Key, NoticeKind, Notification, Outcome
from alerting.health import Health
from alerting.rules import Severity
from monitor.config.model import Config
from monitor.metrics import Vitals
from monitor.sender import LEASE, Sender, raise_alarms
from monitor.store import Store, StoreError, health, outbox

log = logging.getLogger(__name__)

POLL = 2.0
"""Seconds between two looks at the queue when nothing was announced."""
GATHER = 0.03
"""Seconds that the first message of several waits for those that are queued in the same moment."""


class Outbox:
    """Sends what the store has queued, in order for each destination, at least once, until it is accepted or dead.

    `turned` is called when something about a message has changed.
    """

    def __init__(self, store: Store, vitals: Vitals, turned: Callable[[], None]) -> None:
        self._store = store
        self._vitals = vitals
        self._turned = turned
        self._config: Config | None = None
        self._healths: dict[str, Health] = {}
        self._channels: dict[str, Channel] = {}
        self._woken: dict[str, asyncio.Event] = {}
        self._adopted = asyncio.Event()

    @property
    def healths(self) -> Mapping[str, Health]:
        """How well each destination can be reached."""
        return {destination: self._healths.get(destination, Health()) for destination in self._channels}

    def adopt(self, channels: dict[str, Channel], config: Config) -> None:
        """Send through these channels from now on. A message that is being sent is sent to its end."""
        self.wake()
        self._channels = channels
        self._config = config
        self._woken = {destination: asyncio.Event() for destination in channels}
        self._vitals.reach(self.healths)
        self._adopted.set()

    def wake(self) -> None:
        """Look at the queue now."""
        for event in self._woken.values():
            event.set()

    async def alarm(self, title: str, body: str) -> None:
        """Tell every destination at once, without the store: for when the store is what is broken."""
        keys = {destination: Key("monitor", destination, NoticeKind.ALARM, 0) for destination in self._channels}
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
            await outbox.recover(conn, _now() + LEASE)
            self._healths.update(await health.health(conn))
        async with asyncio.TaskGroup() as group:
            while True:
                await self._adopted.wait()
                self._adopted.clear()
                config, channels = self._require(), self._channels
                self._vitals.reach(self.healths)
                await self._abandon(config, channels)
                for destination, channel in channels.items():
                    sender = Sender(self._store, config, destination, channel, self._healths, _now)
                    group.create_task(self._deliver(destination, sender), name=f"deliver to {destination}")

    async def _abandon(self, config: Config, channels: Mapping[str, Channel]) -> None:
        now = _now()
        async with self._store.begin() as conn:
            dead = await outbox.abandon(conn, set(channels), now)
            await raise_alarms(conn, config, dead, self._healths, now)

    async def _deliver(self, destination: str, sender: Sender) -> None:
        """Send what is due for one destination, until its channel is replaced."""
        woken = self._woken[destination]
        try:
            while self._woken.get(destination) is woken:
                woken.clear()
                try:
                    if await self._send_next(destination, sender):
                        continue
                except StoreError:
                    log.exception("cannot read the outbox, will try again", extra={"destination": destination})
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(POLL):
                        await woken.wait()
                        await asyncio.sleep(GATHER)
        finally:
            sender.close()

    async def _send_next(self, destination: str, sender: Sender) -> bool:
        """Send what is due next; whether there was something."""
        outcome = await sender.send_next()
        if outcome is None:
            return False
        self._vitals.messages.labels(destination, outcome).inc()
        self._vitals.reach(self.healths)
        self._turned()
        if outcome is Outcome.DEAD:
            # An alarm may have been queued for somebody else. One about what has waited for minutes is found in time,
            # and where many fail at once each would have all others look at the queue.
            self.wake()
        return True

    def _require(self) -> Config:
        if self._config is None:
            raise RuntimeError("no configuration was adopted")
        return self._config


def _now() -> datetime:
    return datetime.now(UTC)
