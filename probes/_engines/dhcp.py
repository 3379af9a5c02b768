"""DHCP messages (RFC 2131), to bytes and back: the question for an address, and the offers that answer it."""

import struct
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address
from typing import NamedTuple

SERVER_PORT, CLIENT_PORT = 67, 68

MOST = 4096
"""Bytes of a message that are read; a server sends 576, unless it was told that more would do."""

RESOLVERS = "resolvers"
"""The key under which a check remembers the resolvers that it was offered, as text."""

# op, htype, hlen, hops, xid, secs, flags, ciaddr, yiaddr, siaddr, giaddr, chaddr, (sname, file,) the magic cookie
_HEADER = struct.Struct("!BBBBIHH4s4s4s4s16s192x4s")
_REQUEST, _REPLY = 1, 2
_ETHERNET = 1
_COOKIE = bytes((99, 130, 83, 99))
_BROADCAST = 0x8000
_NOWHERE = bytes(4)

_DISCOVER, _OFFER = 1, 2
_PAD, _END = 0, 255
_ROUTER, _RESOLVERS, _NAME, _LEASE, _TYPE, _SERVER, _WISHES, _CLIENT, _PORTAL = 3, 6, 12, 51, 53, 54, 55, 61, 114
_SUBNET_MASK = 1
_WANTED = bytes((_SUBNET_MASK, _ROUTER, _RESOLVERS, _LEASE, _SERVER, _PORTAL))
_MOST_ADDRESSES = 8
_LONGEST_URL = 200


class Offer(NamedTuple):
    """An address that a server offers, and what would go with it.

    `lease` is in seconds, None if it is not told; `portal` is where the captive portal's API is (RFC 8910), "" if
    there is none.
    """

    address: IPv4Address
    server: IPv4Address
    lease: int | None = None
    routers: tuple[IPv4Address, ...] = ()
    resolvers: tuple[IPv4Address, ...] = ()
    portal: str = ""


def discover(xid: int, mac: bytes, relay: IPv4Address | None = None) -> bytes:
    """The question for an address in the name of a MAC.

    It is answered by broadcast; with a relay to that address, from whose network the address then is.
    """
    gateway = relay.packed if relay else _NOWHERE
    head = _HEADER.pack(
        _REQUEST, _ETHERNET, len(mac), 1 if relay else 0, xid, 0, 0 if relay else _BROADCAST,
        _NOWHERE, _NOWHERE, _NOWHERE, gateway, mac, _COOKIE,
    )  # fmt: skip
    options = {
        _TYPE: bytes((_DISCOVER,)),
        _CLIENT: bytes((_ETHERNET,)) + mac,
        _NAME: b"deskwatch",
        _WISHES: _WANTED,
    }
    return head + b"".join(bytes((code, len(value))) + value for code, value in options.items()) + bytes((_END,))


def offer(message: bytes, xid: int, mac: bytes) -> Offer | None:
    """What a message offers to that MAC in answer to that question, None if it is anything else.

    Options that stand in the fields for names (option 52) are not looked for: no server needs them for so few.
    """
    if len(message) < _HEADER.size:
        return None
    op, _, length, _, id, _, _, _, address, _, _, to, cookie = _HEADER.unpack_from(message)
    if (op, length, id, to[: len(mac)], cookie) != (_REPLY, len(mac), xid, mac, _COOKIE):
        return None
    options = dict(_options(message[_HEADER.size :]))
    server = _addresses(options, _SERVER)
    if options.get(_TYPE) != bytes((_OFFER,)) or not server or address == _NOWHERE:
        return None
    lease = options.get(_LEASE, b"")
    return Offer(
        IPv4Address(address),
        server[0],
        int.from_bytes(lease, "big") if len(lease) == 4 else None,
        _addresses(options, _ROUTER),
        _addresses(options, _RESOLVERS),
        _text(options.get(_PORTAL, b"")),
    )


def _options(rest: bytes) -> Iterator[tuple[int, bytes]]:
    """The options, up to their end or to where they break off."""
    at = 0
    while at < len(rest) and rest[at] != _END:
        if rest[at] == _PAD:
            at += 1
            continue
        value = rest[at + 2 : at + 2 + rest[at + 1]] if at + 1 < len(rest) else b""
        if at + 1 >= len(rest) or len(value) != rest[at + 1]:
            return
        yield rest[at], value
        at += 2 + len(value)


def _addresses(options: Mapping[int, bytes], code: int) -> tuple[IPv4Address, ...]:
    """The addresses in an option, the first few."""
    value = options.get(code, b"")
    whole = range(0, len(value) - 3, 4)
    return tuple(IPv4Address(value[at : at + 4]) for at in whole[:_MOST_ADDRESSES])


def _text(value: bytes) -> str:
    return "".join(char if char.isprintable() else "\ufffd" for char in value[:_LONGEST_URL].decode(errors="replace"))
