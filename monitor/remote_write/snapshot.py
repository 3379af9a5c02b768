"""All series at one time, as requests of bounded size; what was there before and is no more has ended."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import NamedTuple

from monitor.exposition import Gathering, pairs
from monitor.remote_write import wire

LARGEST = 256 * 1024
"""Bytes of a request before it is packed, but for its last series: about a thousand series."""
PORTION = 500
"""Series that end in one portion."""


class Request(NamedTuple):
    """What is sent at once: packed, and how many samples are in it."""

    body: bytes
    samples: int


class Known:
    """The series that the receiver has, each by its name and rendered labels, with the labels as they are sent.

    `labels` are added to all series; one that a series has itself stays.
    """

    def __init__(self, labels: Mapping[str, str]) -> None:
        self._labels = labels
        self._seen: dict[tuple[str, str], bytes] = {}
        self._unseen: dict[tuple[str, str], bytes] = {}

    def __len__(self) -> int:
        return len(self._seen) + len(self._unseen)

    def begin(self) -> None:
        """No series has been seen yet."""
        if self._unseen:  # the snapshot before was not finished
            self._seen = {**self._unseen, **self._seen}
        self._unseen, self._seen = self._seen, {}

    def see(self, name: str, labels: str) -> bytes | None:
        """The labels of a series that is there now, as they are sent; None if it was seen already."""
        key = (name, labels)
        if key in self._seen:
            return None
        found = self._unseen.pop(key, None)
        if found is None:
            found = wire.labels({**self._labels, **dict(pairs(labels)), "__name__": name})
        self._seen[key] = found
        return found

    def forget(self, most: int) -> list[bytes]:
        """The labels of series that were not seen, at most so many, which are known no more."""
        return [self._unseen.pop(key) for key in tuple(islice(self._unseen, most))]


class Snapshot(Gathering):
    """Series as they come, at one time: Unix time in milliseconds."""

    def __init__(self, known: Known, at: int) -> None:
        self._known = known
        self._timestamp = wire.timestamp(at)
        self._parts: list[bytes] = []
        self._size = 0
        self._requests: list[Request] = []
        known.begin()

    def add(self, name: str, help: str, labels: str, value: float) -> None:
        """One series; of two that are the same the first counts, as a receiver would refuse the whole request."""
        encoded = self._known.see(name, labels)
        if encoded is not None:
            self._append(encoded, wire.double(value))

    def end(self) -> Iterator[None]:
        """Say of the series that were not added that they have ended; yields after each portion of them."""
        while ended := self._known.forget(PORTION):
            for labels in ended:
                self._append(labels, wire.STALE)
            yield

    def requests(self) -> tuple[Request, ...]:
        """All that was added."""
        self._cut()
        return tuple(self._requests)

    def _append(self, labels: bytes, value: bytes) -> None:
        part = wire.series(labels, value, self._timestamp)
        self._parts.append(part)
        self._size += len(part)
        if self._size >= LARGEST:
            self._cut()

    def _cut(self) -> None:
        if self._parts:
            self._requests.append(Request(wire.packed(b"".join(self._parts)), len(self._parts)))
        self._parts, self._size = [], 0
