"""What checks measured, in compact pieces of an hour at most: enough to judge it again by other rules."""

import json
import math
import struct
import sys
import zlib
from array import array
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from probes import Reading, Sample, Status

HOUR = timedelta(hours=1)
"""What one recording covers at most: none goes beyond the end of an hour of UTC."""

VALUES = 64
"""How many values of a reading are kept, the first of them."""

Pair = tuple[str, str]
"""A metric and its part."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

_VERSION = 1
_CUT, _NAN, _DEFLATED = 1, 2, 4
_HEAD = struct.Struct("<IBBII")  # checksum of the rest, version, flags, readings, length of the directory
_CHECKSUM = 4
_SMALL = 4096
"""Bytes up to which compressing costs more than it spares."""


def hour_of(at: datetime) -> datetime:
    """The beginning of the hour of UTC that an instant lies in."""
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


class MalformedError(ValueError):
    """Bytes that are no recording. The message names check and hour."""

    def __init__(self, check: str, start: datetime, why: str) -> None:
        super().__init__(f"the recording of {check} from {start:%Y-%m-%d %H:%M} UTC is damaged: {why}; it is left out")


class Form(NamedTuple):
    """What readings have in common that differ only in time and values: status, reason, and what they hold."""

    status: Status
    reason: str
    pairs: tuple[Pair, ...]


class Summary(NamedTuple):
    """What is known of a recording without looking at single readings.

    `ranges` holds the least and the greatest value by metric and part, what is no number left out. `cut`: some readings
    had more values than are kept. `holes`: some values are no number.
    """

    forms: tuple[Form, ...]
    ranges: Mapping[Pair, tuple[float, float]]
    cut: bool
    holes: bool


class Recorded(NamedTuple):
    """A reading, without its sentence, and when its condition began."""

    reading: Reading
    since: datetime


class Stored(NamedTuple):
    """A recording as the store has it; `start` is its first reading."""

    check: str
    start: datetime
    data: bytes

    def summary(self) -> Summary:
        """What can be told without unpacking. Raises MalformedError."""
        flags, _, directory, rest = _opened(self)
        forms, pairs = _forms(directory)
        size = 16 * len(pairs)
        bounds = iter(_unpacked("d", rest[:size]))
        ranges = dict(zip(pairs, zip(bounds, bounds, strict=True), strict=True))
        return Summary(forms, ranges, cut=bool(flags & _CUT), holes=bool(flags & _NAN))

    def recording(self) -> "Recording":
        """All of it. Raises MalformedError."""
        return Recording.of(self)


class Recording:
    """What one check measured from `start` to the end of the hour at most, in the order in which it came; it grows.

    Values are kept as they are, times to the microsecond, the length of a run as a single-precision number.
    """

    __slots__ = (
        "_current",
        "_forms",
        "_lags",
        "_shape",
        "_took",
        "_values",
        "_which",
        "check",
        "cut",
        "start",
        "times",
    )

    def __init__(self, check: str, start: datetime) -> None:
        self.check = check
        self.start = start
        self.cut = False
        self.times = array("I")
        self._lags = array("q")
        self._took = array("f")
        self._which = array("H")
        self._forms: dict[tuple[Status, str, tuple[Pair, ...]], int] = {}
        self._values: list[array[float]] = []
        self._shape: tuple[object, ...] = ()
        self._current = 0

    @property
    def _each(self) -> "tuple[array[Any], ...]":
        """The columns that have an entry for each reading."""
        return self.times, self._lags, self._took, self._which

    def __len__(self) -> int:
        return len(self.times)

    @classmethod
    def of(cls, stored: Stored) -> "Recording":
        """What the store has. Raises MalformedError."""
        flags, count, directory, rest = _opened(stored)
        forms, pairs = _forms(directory)
        new = cls(stored.check, stored.start)
        new.cut = bool(flags & _CUT)
        new._forms = {form: index for index, form in enumerate(forms)}
        try:
            body = rest[16 * len(pairs) :]
            new._fill(count, forms, zlib.decompress(body) if flags & _DEFLATED else body)
        except (zlib.error, ValueError, IndexError) as error:
            raise MalformedError(stored.check, stored.start, str(error)) from error
        return new

    def add(self, reading: Reading, since: datetime) -> None:
        """Take in a reading that was begun at `start` or later in that hour, and when its condition began."""
        samples = reading.samples
        if len(samples) > VALUES:
            samples, self.cut = samples[:VALUES], True
        metrics, values, parts = zip(*samples, strict=True) if samples else ((), (), ())
        shape = (reading.status, reading.reason, metrics, parts)
        if shape != self._shape:  # to look it up would cost more than all the rest, and it hardly ever changes
            form = _form(reading.status, reading.reason, tuple(zip(metrics, parts, strict=True)))
            self._shape, self._current = shape, self._index(form)
        at = reading.at
        self.times.append((at - self.start) // _MICROSECOND)
        self._lags.append(0 if since is at else (at - since) // _MICROSECOND)
        self._took.append(reading.took)
        self._which.append(self._current)
        self._values[self._current].extend(values)

    def extend(self, later: "Recording") -> None:
        """Take in another recording of the same hour that does not begin before this one."""
        shift = (later.start - self.start) // _MICROSECOND
        places = [self._index(Form(*form)) for form in later._forms]
        for place, values in zip(places, later._values, strict=True):
            self._values[place].extend(values)
        self.times.extend(array("I", [time + shift for time in later.times]))
        self._lags.extend(later._lags)
        self._took.extend(later._took)
        self._which.extend(array("H", [places[index] for index in later._which]))
        self.cut |= later.cut

    def readings(self, metrics: Collection[str] | None = None) -> Iterator[Recorded]:
        """All readings in order, with the samples of these metrics; of all if None."""
        rows = [_Rows(Form(*form), self._values[index], metrics) for form, index in self._forms.items()]
        for time, lag, took, index in zip(self.times, self._lags, self._took, self._which, strict=True):
            row = rows[index]
            at = self.start + timedelta(microseconds=time)
            since = at - timedelta(microseconds=lag) if lag else at
            yield Recorded(Reading(self.check, at, took, row.status, row.reason, "", row.next()), since)

    def columns(self, metrics: Collection[str]) -> Iterator[tuple[Pair, Collection[int], Collection[float]]]:
        """The values of these metrics, each with the microseconds since `start` at which they were measured."""
        for form, index in self._forms.items():
            pairs = form[2]
            wanted = [place for place, (metric, _) in enumerate(pairs) if metric in metrics]
            if wanted:
                times = [time for time, which in zip(self.times, self._which, strict=True) if which == index]
                for place in wanted:
                    yield pairs[place], times, self._values[index][place :: len(pairs)]

    def encoded(self) -> bytes:
        """The bytes that the store keeps: checksum and summary first, then the rest, compressed if it is much."""
        columns, ranges, holes = self._spread()
        directory = _directory(tuple(self._forms))
        body = b"".join([_planes(one.tobytes(), one.itemsize) for one in map(_little, (*self._each, columns))])
        flags = _CUT * self.cut | _NAN * holes
        if len(body) > _SMALL:
            body, flags = zlib.compress(body, 1), flags | _DEFLATED
        rest = _HEAD.pack(0, _VERSION, flags, len(self), len(directory))[_CHECKSUM:]
        rest += directory + _little(ranges).tobytes() + body
        return zlib.crc32(rest).to_bytes(_CHECKSUM, "little") + rest

    def _spread(self) -> "tuple[array[float], array[float], bool]":
        """All values column by column, the least and the greatest of each pair, and whether some are no number."""
        columns, bounds, holes = array("d"), dict[Pair, tuple[float, float]](), False
        for form, values in zip(self._forms, self._values, strict=True):
            width = len(form[2])
            for place, pair in enumerate(form[2]):
                column = values[place::width]
                columns.extend(column)
                total = sum(column)
                known = column if total == total else [value for value in column if value == value]
                holes |= len(known) < len(column)
                bounds[pair] = _wider(bounds.get(pair), known)
        return columns, array("d", [bound for both in bounds.values() for bound in both]), holes

    def _fill(self, count: int, forms: tuple[Form, ...], body: bytes) -> None:
        """Take in the unpacked columns. Raises ValueError or IndexError if they are too short."""
        place = 0
        for column in self._each:
            end = place + count * column.itemsize
            column.extend(_unpacked(column.typecode, _rows(body[place:end], column.itemsize)))
            place = end
        values, often, first = _unpacked("d", _rows(body[place:], 8)), Counter(self._which), 0
        for index, form in enumerate(forms):
            height, width = often[index], len(form.pairs)
            rows = array("d", bytes(8 * height * width))
            for column_number in range(width):
                rows[column_number::width] = values[first : first + height]
                first += height
            self._values.append(rows)

    def _index(self, form: Form) -> int:
        """The number of a form."""
        index = self._forms.setdefault(form, len(self._forms))
        if index == len(self._values):
            self._values.append(array("d"))
        return index


class _Rows:
    """The rows of one form, one after the other."""

    __slots__ = ("_at", "_kept", "_values", "_width", "reason", "status")

    def __init__(self, form: Form, values: "array[float]", metrics: Collection[str] | None) -> None:
        self.status = form.status
        self.reason = form.reason
        self._values = values
        self._width = len(form.pairs)
        self._at = 0
        self._kept = [
            (place, metric, part)
            for place, (metric, part) in enumerate(form.pairs)
            if metrics is None or metric in metrics
        ]

    def next(self) -> tuple[Sample, ...]:
        at, values = self._at, self._values
        self._at += self._width
        return tuple([Sample(metric, values[at + place], part) for place, metric, part in self._kept])


def _opened(stored: Stored) -> tuple[int, int, bytes, bytes]:
    """Flags, how many readings, the directory, and what follows it. Raises MalformedError."""
    data = stored.data
    if len(data) < _HEAD.size or zlib.crc32(memoryview(data)[_CHECKSUM:]) != int.from_bytes(data[:_CHECKSUM], "little"):
        raise MalformedError(stored.check, stored.start, "its checksum is wrong")
    _, version, flags, count, length = _HEAD.unpack_from(data)
    if version != _VERSION:
        raise MalformedError(stored.check, stored.start, f"its format {version} is not known to this version")
    end = _HEAD.size + length
    return flags, count, data[_HEAD.size : end], data[end:]


@lru_cache(maxsize=4096)  # the hours of a check have the same directory, and reading it costs most
def _forms(directory: bytes) -> tuple[tuple[Form, ...], tuple[Pair, ...]]:
    """The forms of a recording, and all of their pairs, each once."""
    found = json.loads(directory)
    forms = tuple(
        Form(Status(status), reason, tuple((metric, part) for metric, part in pairs)) for status, reason, pairs in found
    )
    return forms, tuple(dict.fromkeys(pair for form in forms for pair in form.pairs))


@lru_cache(maxsize=4096)  # checks of a kind share them: by themselves they would take more room than the values
def _form(status: Status, reason: str, pairs: tuple[Pair, ...]) -> Form:
    return Form(status, reason, pairs)


@lru_cache(maxsize=4096)
def _directory(forms: tuple[tuple[Status, str, tuple[Pair, ...]], ...]) -> bytes:
    """What `_forms` reads."""
    return json.dumps(forms, separators=(",", ":")).encode()


def _wider(bounds: tuple[float, float] | None, known: Sequence[float]) -> tuple[float, float]:
    """The bounds with these values taken in; not a number where there are none."""
    if not known:
        return bounds or (math.nan, math.nan)
    if bounds is None or math.isnan(bounds[0]):
        return min(known), max(known)
    return min(bounds[0], *known), max(bounds[1], *known)


def _little(values: "array[Any]") -> "array[Any]":
    """The same in the byte order that is stored."""
    if sys.byteorder == "little":
        return values
    swapped = values[:]
    swapped.byteswap()
    return swapped


def _unpacked(typecode: str, raw: bytes) -> "array[Any]":
    values = array(typecode)
    values.frombytes(raw)
    return _little(values)


def _planes(raw: bytes, width: int) -> bytes:
    """All first bytes, all second bytes and so on: those that hardly change stand together and can be compressed."""
    return b"".join([raw[number::width] for number in range(width)])


def _rows(planes: bytes, width: int) -> bytes:
    """What `_planes` was made of."""
    raw, height = bytearray(len(planes)), len(planes) // width
    for number in range(width):
        raw[number::width] = planes[number * height : (number + 1) * height]
    return bytes(raw)
