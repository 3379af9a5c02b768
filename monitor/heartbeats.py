"""Signs of life from outside: which keys count, and keeping what they say across restarts."""

import logging
from datetime import UTC, datetime
from typing import NamedTuple

from monitor.config.model import Config
from monitor.store import Store, StoreError, heartbeats
from probes._engines.pings import Ping, Pings, digest
from probes.passive.heartbeat import HeartbeatParams

log = logging.getLogger(__name__)


class Said(NamedTuple):
    """What a ping says: `code` is the exit status that it gave, None if it gave none."""

    ping: Ping
    code: int | None = None


class Heartbeats:
    """Hands the pings that reach the pages to the probes that wait for them, and to the store."""

    def __init__(self, store: Store, pings: Pings) -> None:
        self._store = store
        self._pings = pings
        self._keys: frozenset[bytes] | None = None

    async def adopt(self, config: Config) -> None:
        """Take the pings of this configuration's checks from now on. Raises StoreError."""
        keys = frozenset(
            digest(check.params.key.get_secret_value())
            for check in config.checks
            if isinstance(check.params, HeartbeatParams)
        )
        if self._keys is None:
            async with self._store.connect() as conn:
                self._pings.restore(await heartbeats.everything(conn))
        if keys != self._keys:
            async with self._store.begin() as conn:
                await heartbeats.keep_only(conn, keys)
        self._keys = keys

    def knows(self, key: str) -> bool:
        """Whether a check waits for pings with that key."""
        return digest(key) in (self._keys or ())

    async def take(self, key: str, said: Said) -> None:
        """Note a ping with a key that is known. It counts even if the store cannot keep it."""
        name = digest(key)
        beat = self._pings.take(name, said.ping, said.code, datetime.now(UTC))
        try:
            async with self._store.begin() as conn:
                await heartbeats.save(conn, name, beat)
        except StoreError as error:
            log.warning("a ping counts but cannot be kept", extra={"error": str(error)})


def said(words: str) -> Said | None:
    """What the end of a ping's address means: nothing, "start", "fail" or an exit status; None for anything else."""
    if words.isascii() and words.isdigit() and len(words) <= 3 and int(words) <= 255:
        return Said(Ping.FAIL if int(words) else Ping.SUCCESS, int(words))
    return {"": Said(Ping.SUCCESS), "start": Said(Ping.START), "fail": Said(Ping.FAIL)}.get(words)
