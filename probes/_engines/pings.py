"""Signs of life that jobs send to us: the newest of each, by the digest of its key."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum


class Ping(StrEnum):
    """What a job can say: that it begins, and how it ended."""

    START = "start"
    SUCCESS = "success"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Beat:
    """What is known of a job.

    `ended` is when it last said how it had ended, None if it never did; `failed` whether badly, `code` the exit status
    if it gave one, `took` the seconds since its start if it had said that. `started` is when it began if it has not
    ended since.
    """

    ended: datetime | None = None
    failed: bool = False
    code: int | None = None
    took: float | None = None
    started: datetime | None = None

    def after(self, ping: Ping, code: int | None, at: datetime) -> "Beat":
        """What is known after one more ping."""
        if ping is Ping.START:
            return replace(self, started=at)
        took = (at - self.started).total_seconds() if self.started is not None else None
        return Beat(at, ping is Ping.FAIL, code, took)


class Pings:
    """The newest sign of life of each job, kept in memory for the probes that look."""

    def __init__(self) -> None:
        self._beats: dict[bytes, Beat] = {}

    def restore(self, beats: Mapping[bytes, Beat]) -> None:
        """Begin with what was known before a restart."""
        self._beats = dict(beats)

    def take(self, key: bytes, ping: Ping, code: int | None, at: datetime) -> Beat:
        """Note a ping of the job with the key of that digest; what is known of it then."""
        self._beats[key] = beat = self.of(key).after(ping, code, at)
        return beat

    def of(self, key: bytes) -> Beat:
        """What is known of the job with the key of that digest; an empty beat if nothing is."""
        return self._beats.get(key, Beat())

    def close(self) -> None:
        """Forget everything."""
        self._beats.clear()


def digest(key: str) -> bytes:
    """What stands for a key in memory and in the database."""
    return hashlib.sha256(key.encode(errors="replace")).digest()
