"""What an SNMP agent's values are to us, and how to read the odd ways in which devices send them."""

import re
from collections.abc import Iterable

Value = int | bytes | str
"""A value without its ASN.1 name: every kind of integer, counter, gauge and time is an int; octets and opaque are
bytes; an object identifier and an IPv4 address are their dotted text. Which of them it is, and how wide a counter is,
the MIB says of the column that was asked for. A NULL and the exceptions (noSuchObject, noSuchInstance, endOfMibView)
are no value: None, or no row."""

LONGEST_TEXT = 1024
"""The most characters that `text` returns."""

_OID = re.compile(r"[012](\.(0|[1-9][0-9]{0,9}))+")
_LONGEST_OID = 128  # sub-identifiers, RFC 3416 section 4.1
_LARGEST_ARC = 2**32 - 1
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_NUMBER_AND_UNIT = re.compile(r"([+-]?\d{1,30}(?:\.\d{1,30})?)\s*(?:%|°?[A-Za-z]*)", re.ASCII)


def parse_oid(dotted: str) -> tuple[int, ...]:
    """The sub-identifiers of an object identifier.

    Raises ValueError when it is not one in dotted text without a leading dot.
    """
    arcs = order(dotted) if _OID.fullmatch(dotted) else ()
    if not 2 <= len(arcs) <= _LONGEST_OID or max(arcs) > _LARGEST_ARC or (arcs[0] < 2 and arcs[1] > 39):
        raise ValueError(f"{dotted!r} is not an object identifier; write it as 1.3.6.1.2.1.1.3.0")
    return arcs


def order(dotted: str) -> tuple[int, ...]:
    """The sort key of an object identifier: agents answer in the order of the numbers, not of the text."""
    return tuple(map(int, dotted.split(".")))


def comes_after(one: str, other: str) -> bool:
    """Whether an object identifier comes after another. Rows of one column, which is nearly all, cost little."""
    column, _, row = one.rpartition(".")
    other_column, _, other_row = other.rpartition(".")
    return int(row) > int(other_row) if column == other_column else order(one) > order(other)


def integer(value: Value | None) -> int | None:
    """The value if it is of an integer type: devices send an empty string or NULL where they have no number."""
    return value if isinstance(value, int) else None


def octets(value: Value | None) -> bytes | None:
    """The value if it is an octet string."""
    return value if isinstance(value, bytes) else None


def text(value: Value | None) -> str | None:
    """The value as text for people: without the NULs and blanks that devices pad it with, without control characters
    but tabs and line ends, at most LONGEST_TEXT long.

    Octets that are not UTF-8 are read as Latin-1, which is what older firmware sends.
    """
    if value is None:
        return None
    if not isinstance(value, bytes):
        return str(value)
    start = value[: 4 * LONGEST_TEXT]
    try:
        found = start.decode()
    except UnicodeDecodeError as error:
        cut = len(start) < len(value) and error.start >= len(start) - 3
        found = start[: error.start].decode() if cut else start.decode("latin-1")
    return _CONTROL.sub("", found).strip()[:LONGEST_TEXT]


def number(value: Value | None) -> float | None:
    """The value as a number, also where a device sends it as text, with or without one word for its unit.

    "55.652" and "15 PERCENT" are numbers; "Not Enabled", "1 of 3", an empty string and NULL are None.
    """
    if isinstance(value, int):
        return float(value)
    found = _NUMBER_AND_UNIT.fullmatch(text(value) or "")
    return float(found[1]) if found else None


def set_bits(value: Value | None) -> tuple[int, ...]:
    """The positions of the set bits of a BITS value, bit 0 first: the highest bit of the first octet.

    Devices send as many octets as they like, none included.
    """
    content = octets(value) or b""
    return tuple(8 * i + bit for i, octet in enumerate(content) for bit in range(8) if octet & 0x80 >> bit)


def index_octets(index: str) -> bytes | None:
    """The octets that the sub-identifiers of an index stand for, None when one is larger than an octet."""
    arcs = [int(arc) for arc in index.split(".")]
    return bytes(arcs) if all(arc < 256 for arc in arcs) else None


def index_text(index: str) -> str | None:
    """The name in an index that is a length and as many characters, None when it is not."""
    content = index_octets(index)
    if content is None or content[0] != len(content) - 1:
        return None
    return text(content[1:])


def mac(address: Iterable[int]) -> str:
    """A hardware address as text: "00:1a:2b:3c:4d:5e"."""
    return ":".join(f"{octet:02x}" for octet in address)
