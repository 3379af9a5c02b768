"""Keeps what checks remember across restarts."""

import asyncio
import logging

from monitor.config.model import Config
from monitor.store import Store, StoreError, memories
from probes._engines.memory import Memory

log = logging.getLogger(__name__)

EVERY = 5.0
"""Seconds between two times that what checks remember is written."""


class Memories:
    """Moves what checks remember between the engines and the store."""

    def __init__(self, store: Store, memory: Memory) -> None:
        self._store = store
        self._memory = memory
        self._restored = False

    async def adopt(self, config: Config) -> None:
        """Bring back what the checks of this configuration remembered, once; forget the others. Raises StoreError."""
        async with self._store.begin() as conn:
            await memories.keep_only(conn, [check.id for check in config.checks])
            if not self._restored:
                self._memory.restore(await memories.everything(conn))
        self._restored = True

    async def run(self) -> None:
        """Write what has changed, until cancelled, and once more then."""
        try:
            while True:
                await asyncio.sleep(EVERY)
                await self._save()
        finally:
            await self._save()

    async def _save(self) -> None:
        changed = self._memory.take_changed()
        if not changed:
            return
        try:
            async with self._store.begin() as conn:
                await memories.save(conn, changed)
        except StoreError as error:
            for check in changed:
                self._memory.mark(check)
            log.warning("what checks remember cannot be kept now", extra={"error": str(error)})
