"""The few packets of MQTT 3.1.1 that a subscriber needs, as bytes and back."""

import asyncio
from enum import IntEnum
from typing import NamedTuple

MOST_KEPT = 32 * 1024
"""Bytes of a packet that are kept; what comes after them is skipped."""

KEEP_ALIVE = 60
"""Seconds after which the broker gives up a client that says nothing."""

_SKIPPED_AT_ONCE = 64 * 1024
_CLEAN, _PASSWORD, _USERNAME = 0x02, 0x40, 0x80
_REFUSED = 0x80


class Kind(IntEnum):
    """What a packet is: the upper half of its first byte."""

    CONNECT = 1
    CONNACK = 2
    PUBLISH = 3
    SUBSCRIBE = 8
    SUBACK = 9
    PINGREQ = 12
    PINGRESP = 13


class Packet(NamedTuple):
    """A packet as it came: `cut` when it was larger than what is kept of one."""

    kind: int
    flags: int
    body: bytes
    cut: bool = False


class Publication(NamedTuple):
    """A message: `retained` when the broker had kept it from before we subscribed."""

    topic: str
    payload: bytes
    retained: bool


class Malformed(Exception):  # noqa: N818 - read as a sentence, like Failed
    """What answers does not speak MQTT."""


def connect(client: str, username: str, password: str | None) -> bytes:
    """The greeting of a client that wants nothing kept for it when it is gone."""
    flags, fields = _CLEAN, [client]
    if username:
        flags, fields = flags | _USERNAME, [*fields, username]
        if password is not None:
            flags, fields = flags | _PASSWORD, [*fields, password]
    head = _text("MQTT") + bytes((4, flags)) + KEEP_ALIVE.to_bytes(2, "big")
    return _packet(Kind.CONNECT, 0, head + b"".join(_text(field) for field in fields))


def subscribe(number: int, topic: str) -> bytes:
    """The wish to hear what is published there from now on, each message at most once."""
    return _packet(Kind.SUBSCRIBE, 2, number.to_bytes(2, "big") + _text(topic) + b"\0")


def ping() -> bytes:
    """The question whether the broker is there."""
    return _packet(Kind.PINGREQ, 0, b"")


async def read(reader: asyncio.StreamReader) -> Packet:
    """The next packet. Raises asyncio.IncompleteReadError at the end of the connection, Malformed."""
    first = (await reader.readexactly(1))[0]
    length = await _length(reader)
    body = await reader.readexactly(min(length, MOST_KEPT))
    rest = length - len(body)
    while rest:
        rest -= len(await reader.readexactly(min(rest, _SKIPPED_AT_ONCE)))
    return Packet(first >> 4, first & 0x0F, body, length > MOST_KEPT)


def connected(packet: Packet) -> int:
    """What the broker answers to the greeting: 0 for welcome, else the number of its objection. Raises Malformed."""
    if packet.kind != Kind.CONNACK or len(packet.body) != 2:
        raise Malformed("the answer is not one of MQTT")
    return packet.body[1]


def subscribed(packet: Packet) -> tuple[int, bool]:
    """Which wish the broker answers, and whether it grants it. Raises Malformed."""
    if len(packet.body) != 3:
        raise Malformed("the answer to a subscription has a wrong length")
    return int.from_bytes(packet.body[:2], "big"), packet.body[2] != _REFUSED


def published(packet: Packet) -> Publication:
    """The message in a packet. Raises Malformed."""
    size = int.from_bytes(packet.body[:2], "big")
    begin = 2 + size + (2 if packet.flags & 0x06 else 0)
    if len(packet.body) < begin or len(packet.body) < 2:
        raise Malformed("a message is shorter than its topic")
    topic = packet.body[2 : 2 + size].decode(errors="replace")
    return Publication(topic, packet.body[begin:], bool(packet.flags & 0x01))


def _packet(kind: Kind, flags: int, body: bytes) -> bytes:
    length, rest = bytearray(), len(body)
    while True:
        rest, seven = divmod(rest, 0x80)
        length.append(seven | (0x80 if rest else 0))
        if not rest:
            return bytes((kind << 4 | flags,)) + bytes(length) + body


async def _length(reader: asyncio.StreamReader) -> int:
    """Seven bits in each byte, the lowest first, in four bytes at most."""
    length = 0
    for shift in (0, 7, 14, 21):
        byte = (await reader.readexactly(1))[0]
        length |= (byte & 0x7F) << shift
        if byte < 0x80:
            return length
    raise Malformed("a packet without a length")


def _text(text: str) -> bytes:
    """A text with its length before it; the bounds of the settings keep it below 64 KiB."""
    encoded = text.encode(errors="surrogateescape")  # a password of an environment variable may not be UTF-8
    return len(encoded).to_bytes(2, "big") + encoded
