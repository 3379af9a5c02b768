"""Remote write 1.0 on the wire: the four protobuf messages of a request, and its compression.

message WriteRequest { repeated TimeSeries timeseries = 1; }
message TimeSeries { repeated Label labels = 1; repeated Sample samples = 2; }
message Label { string name = 1; string value = 2; }
message Sample { double value = 1; int64 timestamp = 2; }
"""

import struct
from collections.abc import Mapping
from functools import lru_cache

import cramjam

HEADERS = {
    "Content-Encoding": "snappy",
    "Content-Type": "application/x-protobuf",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}

STALE = bytes.fromhex("020000000000f07f")
"""The one NaN, as little-endian bytes, that says that a series has ended: 0x7ff0000000000002."""

# A field's tag is its number, shifted by three, and its wire type: 0 varint, 1 eight bytes, 2 with its length.
_FIRST, _SECOND = b"\x0a", b"\x12"
_VALUE, _TIMESTAMP = b"\x09", b"\x10"


def labels(pairs: Mapping[str, str]) -> bytes:
    """A series' labels in the order that receivers demand; an empty one means the same as none and is left out."""
    return b"".join(_label(name, value) for name, value in sorted(pairs.items()) if value)


def timestamp(milliseconds: int) -> bytes:
    """The time of samples, Unix time."""
    return _TIMESTAMP + varint(milliseconds)


def series(labels: bytes, value: bytes, timestamp: bytes) -> bytes:
    """A series with one sample; `value` is a double, little-endian."""
    return _field(_FIRST, labels + _field(_SECOND, _VALUE + value + timestamp))


def double(value: float) -> bytes:
    """A value as samples have it."""
    return struct.pack("<d", value)


def packed(request: bytes) -> bytes:
    """A request in snappy's block format, which is what receivers read; not the framed one."""
    return bytes(cramjam.snappy.compress_raw(request))


@lru_cache(maxsize=4096)  # lengths are the same few numbers for all series
def varint(number: int) -> bytes:
    """A number from 0 on, seven bits to a byte, the lowest first."""
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*found, number))


@lru_cache(maxsize=4096)  # of the labels of a series few are its own
def _label(name: str, value: str) -> bytes:
    return _field(_FIRST, _field(_FIRST, name.encode()) + _field(_SECOND, value.encode(errors="replace")))


def _field(tag: bytes, content: bytes) -> bytes:
    return tag + varint(len(content)) + content
