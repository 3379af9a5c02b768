"""What has to be looked after beside the watching: the store, old history, and what goes wrong soon if nobody acts."""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from incidents.review import reminds
from language import gettext
from monitor import foresight
from monitor.config.model import Config
from monitor.notices import hearers
from monitor.outbox import Outbox
from monitor.recorder import EVERY
from monitor.recording import HOUR, hour_of
from monitor.store import Store, StoreError, actions, outbox, overrides, recordings, retention, silences
from monitor.store.batches import batches

log = logging.getLogger(__name__)

STORE_CHECK = 5.0
"""Seconds between two looks at whether the store can be written."""
STORE_CHECKS = 4
"""How many of them must fail in a row before people are told."""
FORESEE = 60.0
"""Seconds between two looks ahead."""
FORGET = 3600.0
"""Seconds between two times that old history is deleted."""
JOIN = 600.0
"""Seconds between two looks at whether an hour is over whose recordings can be put together."""
JOINED = 25
"""Of how many checks one transaction puts an hour together, so that writers need not wait for it."""
DAY_BEGINS = 9
"""The hour from which on people are reminded of what is not urgent."""
_UNJOINED = timedelta(days=2)
"""How far back a process that begins looks for hours that the one before left in pieces."""


class Upkeep:
    """Looks after a running service; every method that runs does so until cancelled."""

    def __init__(self, store: Store, sender: Outbox, config: Callable[[], Config]) -> None:
        self._store = store
        self._sender = sender
        self._config = config

    async def mind_the_store(self) -> None:
        """While nothing can be recorded no incident can be opened: say at least that, past the outbox, once."""
        failures = 0
        while True:
            await asyncio.sleep(STORE_CHECK)
            site = self._config().site.name
            try:
                await self._store.check_writable()
            except StoreError as error:
                failures += 1
                if failures == STORE_CHECKS:
                    words = gettext("Until this is mended no alert will reach you.")
                    title = gettext("Deskwatch at {site} cannot record anything", site=site)
                    await self._sender.alarm(title, f"{error}\n\n{words}")
            else:
                if failures >= STORE_CHECKS:
                    title = gettext("Deskwatch at {site} records again", site=site)
                    await self._sender.alarm(title, gettext("Alerts work again."))
                failures = 0

    async def forget(self) -> None:
        """Delete what is older than the retention, a bounded number of rows at a time."""
        while True:
            try:
                async with self._store.begin() as conn:
                    deleted = await retention.prune(conn, datetime.now(UTC), self._config().storage.retention)
            except StoreError:
                log.exception("cannot delete old history, will try again")
                deleted = 0
            await asyncio.sleep(1 if deleted else FORGET)

    async def join(self) -> None:
        """Put recordings together by the hour, when the last of them must have been written."""
        hour = hour_of(datetime.now(UTC) - _UNJOINED)
        while True:
            try:
                while hour + HOUR + timedelta(seconds=2 * EVERY) <= datetime.now(UTC):
                    await self.join_hour(hour)
                    hour += HOUR
            except StoreError:
                log.exception("cannot put recordings together, will try again")
            await asyncio.sleep(JOIN)

    async def join_hour(self, hour: datetime) -> None:
        """Put the recordings of the hour that begins then together. Raises StoreError."""
        async with self._store.connect() as conn:
            checks = await recordings.in_pieces(conn, hour)
        for some in batches(checks, JOINED):
            async with self._store.begin() as conn:
                await recordings.join(conn, some, hour)
            await asyncio.sleep(0.1)

    async def foresee(self) -> None:
        """Warn of hours in which nobody is on call, of silences that are about to end, and of actions that are due."""
        while True:
            try:
                await self.look_ahead(datetime.now(UTC))
            except StoreError:
                log.exception("cannot look ahead, will try again")
            await asyncio.sleep(FORESEE)

    async def look_ahead(self, now: datetime) -> None:
        """Queue the warnings that are due; one that was given already is not given again. Raises StoreError."""
        config = self._config()
        zone = config.site.hours.zone
        async with self._store.connect() as conn:
            standing, ending = await overrides.current(conn, now), await silences.due_for_reminder(conn, now)
            undone = await actions.undone(conn)
        failing = {id for id, health in self._sender.healths.items() if health.failing}
        to = hearers(config, "", failing, standing, now)
        due = list(foresight.gaps(config, standing, to, now))
        due += [one for silence in ending for one in foresight.ending(config, silence, to)]
        late = [one for one in undone if reminds(one, now.astimezone(zone).date(), zone)] if _is_day(now, zone) else []
        due += [one for action in late for one in foresight.reminder(config, action, standing, to, now)]
        if not due:
            return
        async with self._store.begin() as conn:
            for notification in due:
                await outbox.enqueue(conn, notification, "", now)
            for silence in ending:
                await silences.reminded(conn, silence.id, now)
            await actions.reminded(conn, [one.id for one in late], now)
        self._sender.wake()


def _is_day(now: datetime, zone: ZoneInfo) -> bool:
    return now.astimezone(zone).hour >= DAY_BEGINS
