"""What the receiver has not taken yet, on disk: one file for each snapshot, readable wherever a kill cuts it off.

A file holds records: whether it was sent (one byte, set in place), samples, length and CRC-32, then the packed request.
What does not fit its checksum ends the file. Its name says the time of the samples in it, and how many there are.
"""

import logging
import re
import struct
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from monitor.remote_write.outcome import Dropped
from monitor.remote_write.snapshot import Request

log = logging.getLogger(__name__)

_HEAD = struct.Struct(">BIII")
_NAME = re.compile(r"([0-9]{13})-([0-9]{1,9})\.requests")
_SENT = b"\x01"


class _File(NamedTuple):
    """One snapshot: its time in milliseconds, its samples, its bytes."""

    path: Path
    at: int
    samples: int
    size: int


class Record(NamedTuple):
    """A request that waits in a file, and where its head is."""

    file: Path
    offset: int
    request: Request


class Spool:
    """Requests in order, at most `limit` bytes of them and none older than `age` seconds; the oldest give way.

    `dropped` is told why samples were dropped, and how many. Everything blocks on the disk, may be called from any
    thread and raises OSError; what could not be deleted is not given out again all the same.
    """

    def __init__(self, folder: Path, limit: int, age: float, dropped: Callable[[Dropped, int], None]) -> None:
        self._folder = folder
        self._limit = limit
        self._age = age
        self._dropped = dropped
        self._lock = Lock()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._files = deque(sorted(_found(folder), key=lambda file: file.at))
        self._records: deque[Record] = deque()
        """What is left to be sent of the oldest file, once it was read."""
        self.size = sum(file.size for file in self._files)
        """Bytes that wait."""

    @property
    def newest(self) -> int:
        """The time of the newest samples that wait, Unix time in milliseconds; 0 if none do."""
        return self._files[-1].at if self._files else 0

    def add(self, at: int, requests: Sequence[Request]) -> None:
        """Keep the requests of a snapshot, which must be newer than those before."""
        content = b"".join(_written(request) for request in requests)
        samples = sum(request.samples for request in requests)
        file = _File(self._folder / f"{at:013d}-{samples}.requests", at, samples, len(content))
        with self._lock:
            self._make_room(at, file.size)
            if file.size > self._limit:
                self._dropped(Dropped.FULL, samples)
                return
            _write(file.path, content)
            self._files.append(file)
            self.size += file.size

    def first(self, now: int) -> Record | None:
        """The oldest request; None if none waits. `now` is Unix time in milliseconds."""
        with self._lock:
            self._make_room(now, 0)
            while self._files and not self._records:
                self._read(self._files[0])
                if not self._records:
                    self._delete()
            return self._records[0] if self._records else None

    def remove(self, record: Record) -> None:
        """A request is done with: it was taken, or never will be."""
        with self._lock:
            if not self._records or self._records[0] != record:
                return  # it gave way meanwhile
            self._records.popleft()
            if not self._records:
                self._delete()
                return
            with record.file.open("r+b") as file:
                file.seek(record.offset)
                file.write(_SENT)

    def _make_room(self, now: int, size: int) -> None:
        """Drop what is too old, and what is in the way of so many bytes."""
        while self._files and self._files[0].at < now - self._age * 1000:
            self._drop(Dropped.OLD)
        while self._files and self.size + size > self._limit:
            self._drop(Dropped.FULL)

    def _drop(self, why: Dropped) -> None:
        left = sum(one.request.samples for one in self._records) if self._records else self._files[0].samples
        self._dropped(why, left)
        self._delete()

    def _delete(self) -> None:
        """Delete the oldest file."""
        file = self._files.popleft()
        self.size -= file.size
        self._records.clear()
        file.path.unlink(missing_ok=True)

    def _read(self, file: _File) -> None:
        content = b""
        with suppress(OSError):
            content = file.path.read_bytes()
        records = tuple(_records(content))
        lost = file.samples - sum(request.samples for _, _, request in records)
        if lost > 0:
            self._dropped(Dropped.CORRUPT, lost)
            log.warning("a file of the spool is damaged", extra={"file": str(file.path), "samples": lost})
        self._records.extend(Record(file.path, offset, request) for sent, offset, request in records if not sent)


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError:
        with suppress(OSError):
            path.unlink(missing_ok=True)
        raise


def _found(folder: Path) -> Iterator[_File]:
    for path in folder.iterdir():
        name = _NAME.fullmatch(path.name)
        if name is not None:
            yield _File(path, int(name[1]), int(name[2]), path.stat().st_size)


def _written(request: Request) -> bytes:
    return _HEAD.pack(0, request.samples, len(request.body), _checksum(*request)) + request.body


def _records(content: bytes) -> Iterator[tuple[bool, int, Request]]:
    """Of each record that is whole whether it was sent, where it begins, and the request."""
    offset = 0
    while offset + _HEAD.size <= len(content):
        sent, samples, length, checksum = _HEAD.unpack_from(content, offset)
        begin = offset + _HEAD.size
        request = Request(content[begin : begin + length], samples)
        if len(request.body) != length or _checksum(*request) != checksum:
            return
        yield bool(sent), offset, request
        offset = begin + length


def _checksum(body: bytes, samples: int) -> int:
    return zlib.crc32(body, samples)
