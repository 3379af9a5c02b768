"""A printer that speaks IPP, octet by octet as RFC 8010 lays them out."""

import asyncio
import struct
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Any, NamedTuple

from peers.json_api import request_of
from peers.tcp import http, serving

INTEGER, BOOLEAN, ENUM, NAME, KEYWORD = 0x21, 0x22, 0x23, 0x42, 0x44
NAME_WITH_LANGUAGE = 0x36
NO_VALUE = 0x13
BEGIN_COLLECTION, END_COLLECTION, MEMBER = 0x34, 0x37, 0x4A


class Set(NamedTuple):
    """The values of an attribute, all with this tag."""

    tag: int
    values: tuple[Any, ...]


def attribute(name: str, given: Set) -> bytes:
    """An attribute: the second and later values have an empty name (RFC 8010, 3.1.5)."""
    parts = [_value(given.tag, "" if number else name, value) for number, value in enumerate(given.values)]
    return b"".join(parts)


def _value(tag: int, name: str, value: Any) -> bytes:
    raw = _raw(tag, value)
    return struct.pack(">BH", tag, len(name)) + name.encode() + struct.pack(">H", len(raw)) + raw


def _raw(tag: int, value: Any) -> bytes:
    if tag in (INTEGER, ENUM):
        return struct.pack(">i", value)
    if tag == BOOLEAN:
        return struct.pack(">B", value)
    if tag == NAME_WITH_LANGUAGE:
        words = value.encode()
        return struct.pack(">H", 2) + b"en" + struct.pack(">H", len(words)) + words
    return value if isinstance(value, bytes) else str(value).encode()


def message(attributes: Mapping[str, Set], status: int = 0, version: bytes = b"\x01\x01") -> bytes:
    """An answer to our request number 1, with these attributes of the printer."""
    charset = struct.pack(">BH", 0x47, 18) + b"attributes-charset" + struct.pack(">H", 5) + b"utf-8"
    language = struct.pack(">BH", 0x48, 27) + b"attributes-natural-language" + struct.pack(">H", 2) + b"en"
    printer = b"".join(attribute(name, given) for name, given in attributes.items())
    return version + struct.pack(">HI", status, 1) + b"\x01" + charset + language + b"\x04" + printer + b"\x03"


READY = {
    "printer-state": Set(ENUM, (3,)),
    "printer-state-reasons": Set(KEYWORD, ("none",)),
    "printer-is-accepting-jobs": Set(BOOLEAN, (1,)),
    "queued-job-count": Set(INTEGER, (0,)),
    "marker-names": Set(NAME, ("Black Toner", "Cyan Toner", "Waste Toner Box")),
    "marker-types": Set(KEYWORD, ("toner", "toner", "waste-toner")),
    "marker-levels": Set(INTEGER, (80, 8, 25)),
    "printer-impressions-completed": Set(INTEGER, (12345,)),
}


def asked_for(body: bytes) -> dict[str, list[str]]:
    """The operation attributes of a Get-Printer-Attributes request; anything else is an error of this test."""
    version, operation, number, group = struct.unpack_from(">2sHIB", body)
    assert (version, operation, number, group) == (b"\x01\x01", 0x000B, 1, 0x01)
    found: dict[str, list[str]] = {}
    at, name = 9, ""
    while body[at] != 0x03:
        (length,) = struct.unpack_from(">H", body, at + 1)
        name = body[at + 3 : at + 3 + length].decode() or name
        at += 3 + length
        (length,) = struct.unpack_from(">H", body, at)
        found.setdefault(name, []).append(body[at + 2 : at + 2 + length].decode())
        at += 2 + length
    assert at == len(body) - 1
    return found


@dataclass
class Printer:
    """What it tells of itself: all that it is asked for and has. `refusal` is a status of HTTP instead."""

    attributes: dict[str, Set] = field(default_factory=lambda: dict(READY))
    status: int = 0
    refusal: str = ""
    asked: list[dict[str, list[str]]] = field(default_factory=list)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        request = await request_of(reader)
        assert (request.method, request.headers["content-type"]) == ("POST", "application/ipp")
        wanted = asked_for(request.body)
        self.asked.append(wanted)
        kept = {name: given for name, given in self.attributes.items() if name in wanted["requested-attributes"]}
        answer = http(message(kept, self.status), headers="Content-Type: application/ipp\r\n")
        writer.write(http(status=self.refusal) if self.refusal else answer)
        await writer.drain()


@asynccontextmanager
async def printing(printer: Printer, tls: SSLContext | None = None) -> AsyncIterator[int]:
    """Serve as this printer; yields the port."""
    async with serving(printer.talk, tls=tls) as port:
        yield port
