"""Writes the one question that we ask printers by IPP, and reads its answer (RFC 8010)."""

import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from probes._base import Failed

CONTENT_TYPE = "application/ipp"
MOST_ATTRIBUTES = 2000
"""Attributes and further values of one answer that are read."""

Value = int | str | None
"""A value of an attribute; None for those of kinds that we do not read."""

_VERSION = b"\x01\x01"  # every printer has to understand it, newer ones as well (RFC 8011, 4.1.8)
_GET_PRINTER_ATTRIBUTES = 0x000B
_OPERATION, _END, _PRINTER = 0x01, 0x03, 0x04  # delimiters of groups; all below 0x10 are
_FIRST_VALUE = 0x10
_INTEGER, _BOOLEAN, _ENUM = 0x21, 0x22, 0x23
_KEYWORD, _URI, _CHARSET, _LANGUAGE = 0x44, 0x45, 0x47, 0x48
_WITH_LANGUAGE = (0x35, 0x36)  # a language before the text or name, each with its length
_TEXTS = range(0x41, 0x4A)


class Answer(NamedTuple):
    """What a printer answered: the status code of IPP, and the attributes of the printer by name."""

    status: int
    attributes: Mapping[str, tuple[Value, ...]]


def question(printer: str, wanted: Sequence[str], number: int = 1) -> bytes:
    """Get-Printer-Attributes for the printer with this URI, "ipp://host/path"."""
    first, *further = wanted
    return b"".join(
        (
            _VERSION,
            struct.pack(">HI", _GET_PRINTER_ATTRIBUTES, number),
            bytes((_OPERATION,)),
            _attribute(_CHARSET, "attributes-charset", "utf-8"),
            _attribute(_LANGUAGE, "attributes-natural-language", "en"),
            _attribute(_URI, "printer-uri", printer),
            _attribute(_KEYWORD, "requested-attributes", first),
            *(_attribute(_KEYWORD, "", each) for each in further),
            bytes((_END,)),
        )
    )


def _attribute(tag: int, name: str, value: str) -> bytes:
    """One value of an attribute; the second and later ones have no name."""
    encoded, given = name.encode(), value.encode()
    return b"".join((bytes((tag,)), struct.pack(">H", len(encoded)), encoded, struct.pack(">H", len(given)), given))


def answer(octets: bytes) -> Answer:
    """What is in an answer. Raises Failed "malformed" for what is none."""
    if len(octets) < 9 or not 1 <= octets[0] <= 2:
        raise Failed("malformed", "the answer is not one of IPP")
    found: dict[str, list[Value]] = {}
    for group, name, value in _values(octets):
        if group == _PRINTER:
            found.setdefault(name, []).append(value)
    return Answer(struct.unpack_from(">H", octets, 2)[0], {name: tuple(values) for name, values in found.items()})


def _values(octets: bytes) -> Iterator[tuple[int, str, Value]]:
    """Group, name and value of all that there is up to the end."""
    at, group, name = 8, 0, ""
    for _ in range(MOST_ATTRIBUTES):
        tag, at = _octet(octets, at)
        if tag == _END:
            return
        if tag < _FIRST_VALUE:
            group, name = tag, ""
            continue
        given, at = _field(octets, at)
        name = given.decode("utf-8", "replace") or name
        raw, at = _field(octets, at)
        yield group, name, _value(tag, raw)
    raise Failed("malformed", f"the answer has more than {MOST_ATTRIBUTES} attributes")


def _octet(octets: bytes, at: int) -> tuple[int, int]:
    if at >= len(octets):
        raise Failed("malformed", "the answer of IPP breaks off")
    return octets[at], at + 1


def _field(octets: bytes, at: int) -> tuple[bytes, int]:
    """The octets that follow their length, and where they end."""
    if at + 2 > len(octets):
        raise Failed("malformed", "the answer of IPP breaks off")
    end = at + 2 + int(struct.unpack_from(">H", octets, at)[0])
    if end > len(octets):
        raise Failed("malformed", "the answer of IPP breaks off")
    return octets[at + 2 : end], end


def _value(tag: int, raw: bytes) -> Value:
    if tag in (_INTEGER, _ENUM) and len(raw) == 4:
        return int(struct.unpack(">i", raw)[0])
    if tag == _BOOLEAN and len(raw) == 1:
        return raw[0]
    if tag in _TEXTS:
        return raw.decode("utf-8", "replace")
    if tag in _WITH_LANGUAGE:
        _, after = _field(raw, 0)
        return _field(raw, after)[0].decode("utf-8", "replace")
    return None
