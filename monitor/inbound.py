"""Takes alerts of other programs in: each becomes an episode, which ends when they say so or fall silent."""

import asyncio
import logging
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from ulid import ULID

from alerting.inbound import OUTSIDE, Alert, Batch, expire, hear
from alerting.rules import Episode, Phase, State
from language import speaking
from monitor.ledger import Key
from monitor.metrics import Vitals
from monitor.outside import turn
from monitor.pipeline import Pipeline
from monitor.store import StoreError

log = logging.getLogger(__name__)

MOST = 2000
"""Episodes from outside that can be open at the same time."""
TICK = 1.0
"""Seconds between two looks at which sources have fallen silent."""


class Inbound:
    """Turns alerts into episodes. Those that are open are known to the pipeline, so they outlive a restart."""

    def __init__(self, pipeline: Pipeline, vitals: Vitals) -> None:
        self._pipeline = pipeline
        self._received = vitals.alerts_received
        self._listening = datetime.now(UTC)
        self._deciding = asyncio.Lock()

    async def take(self, batch: Batch, patience: timedelta) -> int:
        """Note alerts, in one transaction; how many of them were left out as there is no room for more.

        `patience` is how long one holds that does not say when it ends. Raises StoreError: then none is noted, and
        their sender should send them again.
        """
        async with self._deciding:
            now, heard = datetime.now(UTC), _Heard(self._open())
            site = self._pipeline.desk.known.config.site.id
            for alert in batch.alerts:
                if not alert.comes_from(site):
                    heard.take(alert, now, patience)
            try:
                await self._report(heard.turned, heard.states())
            except StoreError:
                self._listening = now
                raise
        self._received.labels("refused").inc(len(batch.problems))
        self._received.labels("left_out").inc(heard.left_out)
        self._received.labels("taken").inc(len(batch.alerts) - heard.left_out)
        return heard.left_out

    async def run(self) -> None:
        """End what nobody confirms any more, until cancelled."""
        while True:
            await asyncio.sleep(TICK)
            try:
                await self.expire(datetime.now(UTC))
            except StoreError:
                log.exception("cannot end alerts whose source is silent, will try again")

    async def expire(self, now: datetime) -> None:
        """End what should have been confirmed by now. Raises StoreError."""
        async with self._deciding:
            found = [expire(episode, now, self._listening) for episode in self._open().values()]
            ended = [episode for episode in found if episode is not None]
            if ended:
                await self._report(ended, {(one.check, one.rule): State() for one in ended})

    async def _report(self, turned: Iterable[Episode], states: dict[Key, State]) -> None:
        config = self._pipeline.desk.known.config
        with speaking(config.site.language):  # not in that of the program which has sent them
            turns = [turn(config, episode) for episode in turned]
        await self._pipeline.report(turns, states)

    def _open(self) -> dict[Key, Episode]:
        states = self._pipeline.states.items()
        return {key: one.episode for key, one in states if key[0].startswith(OUTSIDE) and one.episode is not None}


class _Heard:
    """What the alerts of one message do to the episodes that are open, in order."""

    def __init__(self, episodes: dict[Key, Episode]) -> None:
        self._open = episodes
        self._touched: set[Key] = set()
        self.turned: list[Episode] = []
        self.left_out = 0

    def take(self, alert: Alert, now: datetime, patience: timedelta) -> None:
        key = (alert.check, alert.name)
        before = self._open.get(key)
        after = hear(before, alert, now, patience, lambda: str(ULID()))
        if after is None:
            return
        if before is None and len(self._open) >= MOST:
            self.left_out += 1
            return
        self._touched.add(key)
        if after.phase is Phase.RESOLVED:
            del self._open[key]
        else:
            self._open[key] = after
        if before is None or after.phase is Phase.RESOLVED:
            self.turned.append(after)

    def states(self) -> dict[Key, State]:
        """What is to be remembered now of every check that was heard of."""
        return {key: State(episode=self._open.get(key)) for key in self._touched}
