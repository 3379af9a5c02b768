"""Takes down what checks measure, and hands it over in pieces to be written."""

import logging
import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice

from monitor.recording import HOUR, VALUES, Recording, hour_of
from probes import Reading

log = logging.getLogger(__name__)

EVERY = 300
"""Seconds after which what was recorded of a check is due to be written; a crash loses about that much at most."""

PORTION = 250
"""How many recordings one batch carries at most while the service runs."""

PENDING = 200_000
"""How many readings wait for a store that cannot be written; the oldest give way."""


class Recorder:
    """The newest readings of every check, until they are written."""

    def __init__(self) -> None:
        self._growing: dict[str, _Piece] = {}
        self._over: deque[Recording] = deque()
        self._waiting = 0
        self._cut: set[str] = set()

    def add(self, reading: Reading, since: datetime) -> None:
        """Take in a reading, and when its condition began."""
        piece = self._growing.get(reading.check)
        if piece is None or not piece.recording.start <= reading.at < piece.end:
            if piece is not None:  # a new hour, or a clock that was set back
                self._keep(piece.recording)
            piece = self._growing[reading.check] = _Piece(reading)
        piece.recording.add(reading, since)

    def take(self, now: datetime | None = None) -> tuple[Recording, ...]:
        """What is to be written: with `now` at most PORTION of what is due, else all."""
        for check in tuple(self._growing) if now is None else tuple(islice(self._due(now), PORTION)):
            self._keep(self._growing.pop(check).recording)
        most = len(self._over) if now is None else min(PORTION, len(self._over))
        taken = tuple(self._over.popleft() for _ in range(most))
        self._waiting -= sum(len(one) for one in taken)
        self._say_cut(taken)
        return taken

    def restore(self, taken: Sequence[Recording]) -> None:
        """Take back what could not be stored."""
        self._over.extendleft(reversed(taken))
        self._waiting += sum(len(one) for one in taken)
        self._bound()

    def _due(self, now: datetime) -> Iterator[str]:
        """The checks whose time has come, or would come too late because a clock was set back."""
        too_late = now + timedelta(seconds=EVERY)
        return (check for check, piece in self._growing.items() if not now < piece.due <= too_late)

    def _keep(self, one: Recording) -> None:
        self._over.append(one)
        self._waiting += len(one)
        self._bound()

    def _bound(self) -> None:
        while self._waiting > PENDING:
            self._waiting -= len(self._over.popleft())

    def _say_cut(self, taken: Iterable[Recording]) -> None:
        for check in {one.check for one in taken if one.cut} - self._cut:
            self._cut.add(check)
            log.warning("of its values only the first are recorded", extra={"check": check, "kept": VALUES})


class _Piece:
    """What was recorded of a check since it was last written. When it is due differs from check to check."""

    __slots__ = ("due", "end", "recording")

    def __init__(self, reading: Reading) -> None:
        at = reading.at
        self.recording = Recording(reading.check, at)
        self.end = hour_of(at) + HOUR
        turn, second = zlib.crc32(reading.check.encode()) % EVERY, int(at.timestamp())
        self.due = at + timedelta(seconds=(turn - second) % EVERY)
