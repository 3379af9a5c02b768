"""RADIUS messages (RFC 2865, 5997), to bytes and back; each is signed, and no answer counts that is not (RFC 3579)."""

import hashlib
import hmac
import struct
from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import NamedTuple

MOST = 4096
"""Bytes of a message, the most that the protocol has."""

LONGEST_PASSWORD = 128
"""Bytes of a password that fit into a request."""

_HEADER = struct.Struct("!BBH16s")
_DIGEST = 16

USER_NAME, _USER_PASSWORD, REPLY_MESSAGE, NAS_IDENTIFIER, _MESSAGE_AUTHENTICATOR = 1, 2, 18, 32, 80

Attribute = tuple[int, bytes]


class Code(IntEnum):
    """What a message is."""

    ACCESS_REQUEST = 1
    ACCESS_ACCEPT = 2
    ACCESS_REJECT = 3
    ACCESS_CHALLENGE = 11
    STATUS_SERVER = 12


class Malformed(Exception):  # noqa: N818 - read as a sentence, like Failed
    """Bytes that came back are no answer to the request; the text says why."""


class Forged(Exception):  # noqa: N818
    """An answer is not signed with our secret."""


class Unsigned(Exception):  # noqa: N818
    """An answer to a log-in lacks the attribute that protects it: who stands on the way may have altered it
    (CVE-2024-3596)."""


class Request(NamedTuple):
    """A request: its `authenticator` is random, and its `id` tells it from others of the same socket."""

    code: Code
    id: int
    authenticator: bytes
    attributes: Sequence[Attribute]


class Answer(NamedTuple):
    """What a server says: `code` may be one that `Code` does not have."""

    code: int
    attributes: tuple[Attribute, ...]


def password(clear: bytes, authenticator: bytes, secret: bytes) -> Attribute:
    """The attribute for a password of PAP (RFC 2865, 5.2), which MD5 hides behind the secret."""
    padded = clear.ljust(max(_DIGEST, -(-len(clear) // _DIGEST) * _DIGEST), b"\0")
    hidden, last = b"", authenticator
    for at in range(0, len(padded), _DIGEST):
        mask = hashlib.md5(secret + last, usedforsecurity=False).digest()
        last = bytes(a ^ b for a, b in zip(padded[at : at + _DIGEST], mask, strict=True))
        hidden += last
    return _USER_PASSWORD, hidden


def packed(request: Request, secret: bytes) -> bytes:
    """The bytes of a request. Its signature comes first, where nothing can be put before it."""
    rest = b"".join(bytes((kind, 2 + len(value))) + value for kind, value in request.attributes)
    length = _HEADER.size + 2 + _DIGEST + len(rest)
    head = _HEADER.pack(request.code, request.id, length, request.authenticator)
    head += bytes((_MESSAGE_AUTHENTICATOR, 2 + _DIGEST))
    return head + _signature(secret, head + bytes(_DIGEST) + rest) + rest


def answer(message: bytes, request: Request, secret: bytes) -> Answer:
    """What a message says in answer to a request.

    Raises Malformed when it is none, Forged when its signature is wrong, Unsigned when it has only the old one.
    """
    if len(message) < _HEADER.size:
        raise Malformed(f"{len(message)} bytes are too short for RADIUS")
    code, id, length, authenticator = _HEADER.unpack_from(message)
    if not _HEADER.size <= length <= len(message):
        raise Malformed(f"the answer says that it has {length} bytes, and it has {len(message)}")
    if id != request.id:
        raise Malformed("the answer carries the id of another request")
    body = message[_HEADER.size : length]
    head = _HEADER.pack(code, id, length, request.authenticator)
    expected = hashlib.md5(head + body + secret, usedforsecurity=False).digest()
    if not hmac.compare_digest(expected, authenticator):
        raise Forged
    attributes = tuple(_attributes(body))
    signatures = [value for kind, value in attributes if kind == _MESSAGE_AUTHENTICATOR]
    if signatures:
        _verify(signatures, head, body, secret)
    elif request.code != Code.STATUS_SERVER:  # that lets nobody in, and few servers sign it
        raise Unsigned
    return Answer(code, attributes)


def _verify(signatures: Sequence[bytes], head: bytes, body: bytes, secret: bytes) -> None:
    """Raises Forged unless the one signature is right, which covers the attributes with itself left blank."""
    at = 0
    while body[at] != _MESSAGE_AUTHENTICATOR:
        at += body[at + 1]
    blank = body[: at + 2] + bytes(_DIGEST) + body[at + 2 + _DIGEST :]
    if len(signatures) > 1 or not hmac.compare_digest(_signature(secret, head + blank), signatures[0]):
        raise Forged


def _attributes(body: bytes) -> Iterator[Attribute]:
    """The attributes in their order. Raises Malformed when they do not fill the body."""
    at = 0
    while at < len(body):
        length = body[at + 1] if at + 1 < len(body) else 0
        if length < 2 or at + length > len(body):
            raise Malformed("the attributes of the answer break off")
        yield body[at], body[at + 2 : at + length]
        at += length


def _signature(secret: bytes, message: bytes) -> bytes:
    return hmac.new(secret, message, hashlib.md5).digest()
