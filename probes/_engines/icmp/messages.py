"""ICMP echo messages, to bytes and back: requests, replies, and the errors that quote a request."""

import socket
import struct
from typing import NamedTuple

TOKEN = 8
"""Bytes of a payload that are random and decide whose reply it is. An echo carries at least these."""

_HEADER = struct.Struct("!BBHHH")
_ID_SEQUENCE_TOKEN = struct.Struct(f"!HH{TOKEN}s")
_EXTENDED_ERROR = struct.Struct("@IBBBBII")
_FROM_ICMP = (2, 3)  # SO_EE_ORIGIN_ICMP, SO_EE_ORIGIN_ICMP6

_REQUEST = {4: 8, 6: 128}
_REPLY = {4: 0, 6: 129}
_ERRORS = {
    (4, 3): "unreachable",
    (4, 11): "ttl_exceeded",
    (4, 12): "unreachable",
    (6, 1): "unreachable",
    (6, 2): "too_big",
    (6, 3): "ttl_exceeded",
    (6, 4): "unreachable",
}
_TOO_BIG = ((4, 3, 4), (6, 2, 0))
_WORDS = {
    (4, 3, 0): "network unreachable",
    (4, 3, 1): "host unreachable",
    (4, 3, 2): "protocol unreachable",
    (4, 3, 3): "port unreachable",
    (4, 3, 9): "network prohibited",
    (4, 3, 10): "host prohibited",
    (4, 3, 13): "administratively prohibited",
    (4, 11, 0): "TTL exceeded on the way",
    (4, 11, 1): "fragments missing",
    (6, 1, 0): "no route to destination",
    (6, 1, 1): "administratively prohibited",
    (6, 1, 3): "address unreachable",
    (6, 1, 4): "port unreachable",
    (6, 1, 5): "source address refused",
    (6, 1, 6): "route rejected",
    (6, 3, 0): "hop limit exceeded on the way",
    (6, 3, 1): "fragments missing",
}


class Refusal(NamedTuple):
    """An ICMP error about an echo request to `target`; `payload` is as much of it as the sender quoted."""

    id: int
    sequence: int
    payload: bytes
    target: str
    reason: str
    words: str


def family(version: int) -> socket.AddressFamily:
    """The address family of IP version 4 or 6."""
    return socket.AF_INET if version == 4 else socket.AF_INET6


def types_about_echoes(version: int) -> tuple[int, ...]:
    """The ICMP types that `reply` and `refused` understand."""
    return (_REPLY[version], *(kind for of, kind in _ERRORS if of == version))


def checksum(message: bytes) -> int:
    """The Internet checksum (RFC 1071): a ones' complement sum is the number modulo 65,535."""
    return 0xFFFF - int.from_bytes(message + bytes(len(message) % 2), "big") % 0xFFFF


def request(version: int, id: int, sequence: int, payload: bytes) -> bytes:
    """An echo request. Over IPv6 the kernel fills in the checksum, which covers addresses that only it knows."""
    kind = _REQUEST[version]
    if version == 6:
        return _HEADER.pack(kind, 0, 0, id, sequence) + payload
    # What `checksum` says of the whole, without putting it together twice.
    words = (kind << 8) + id + sequence + (int.from_bytes(payload, "big") << len(payload) % 2 * 8)
    return _HEADER.pack(kind, 0, 0xFFFF - words % 0xFFFF, id, sequence) + payload


def unwrap(packet: bytes) -> tuple[int, bytes] | None:
    """The TTL and the ICMP message of an IPv4 packet, None if it is none."""
    if len(packet) < 20 or packet[0] >> 4 != 4 or packet[9] != socket.IPPROTO_ICMP:
        return None
    length = (packet[0] & 0x0F) * 4
    return (packet[8], packet[length:]) if length >= 20 else None


def ip_header(packet: bytes) -> tuple[int, int]:
    """Length and TTL of the header of an IPv4 packet. The kernel hands out none that has less than a whole one."""
    return (packet[0] & 0x0F) * 4, packet[8]


def reply(version: int, packet: bytes, start: int) -> tuple[int, int, bytes] | None:
    """Id, sequence number and token of the echo reply that starts there, None if it is something else or has no token.

    A plain tuple, like `ip_header`: every reply of a sweep passes here, and to name what it says would double the time.
    """
    if len(packet) < start + _HEADER.size + TOKEN or packet[start] != _REPLY[version]:
        return None
    return _ID_SEQUENCE_TOKEN.unpack_from(packet, start + 4)


def refused(version: int, message: bytes) -> Refusal | None:
    """What an ICMP message says went wrong with an echo, None if it says nothing of the kind."""
    if len(message) < _HEADER.size:
        return None
    kind, code, _, number, sequence = _HEADER.unpack_from(message)
    if (version, kind) not in _ERRORS:
        return None
    mtu = sequence if version == 4 else number << 16 | sequence  # RFC 1191, RFC 4443
    quoted = _unwrap_quoted(version, message[_HEADER.size :])
    return refusal(version, kind, code, *quoted, mtu) if quoted else None


def too_big(mtu: int, whose: str = "an") -> str:
    """That a packet is larger than that MTU, in words; routers older than RFC 1191 don't tell it and say 0."""
    return f"packet too big for {whose} MTU of {mtu} bytes" if mtu else "packet too big for the path"


def refusal(version: int, kind: int, code: int, target: str, quoted: bytes, mtu: int) -> Refusal | None:
    """What an ICMP error of that type and code says about the request to `target` that it quotes."""
    reason = _ERRORS.get((version, kind))
    if reason is None or len(quoted) < _HEADER.size or quoted[0] != _REQUEST[version]:
        return None
    _, _, _, number, sequence = _HEADER.unpack_from(quoted)
    words = _WORDS.get((version, kind, code), f"ICMP type {kind} code {code}")
    if (version, kind, code) in _TOO_BIG:
        reason, words = "too_big", too_big(mtu)
    return Refusal(number, sequence, quoted[_HEADER.size :], target, reason, words)


def _unwrap_quoted(version: int, packet: bytes) -> tuple[str, bytes] | None:
    """The destination and the ICMP message of the packet that an error quotes."""
    if version == 4:
        inner = unwrap(packet)
        return (socket.inet_ntop(socket.AF_INET, packet[16:20]), inner[1]) if inner else None
    if len(packet) < 40 or packet[0] >> 4 != 6 or packet[6] != socket.IPPROTO_ICMPV6:
        return None
    return socket.inet_ntop(socket.AF_INET6, packet[24:40]), packet[40:]


def queued_refusal(version: int, error: bytes, target: str, quoted: bytes) -> tuple[Refusal, str] | None:
    """What an entry of a socket's error queue (`sock_extended_err` and a sockaddr) says, and who sent it."""
    if len(error) < _EXTENDED_ERROR.size:
        return None
    _, origin, kind, code, _, mtu, _ = _EXTENDED_ERROR.unpack_from(error)
    found = refusal(version, kind, code, target, quoted, mtu) if origin in _FROM_ICMP else None
    return (found, _offender(version, error[_EXTENDED_ERROR.size :])) if found else None


def queued_sender(version: int, error: bytes) -> str:
    """Who sent the ICMP error that an entry of a socket's error queue is about, "" if it was none."""
    if len(error) < _EXTENDED_ERROR.size or _EXTENDED_ERROR.unpack_from(error)[1] not in _FROM_ICMP:
        return ""
    return _offender(version, error[_EXTENDED_ERROR.size :])


def _offender(version: int, sockaddr: bytes) -> str:
    """The address in a sockaddr_in or sockaddr_in6, "" if there is none."""
    start, length = (4, 4) if version == 4 else (8, 16)
    address = sockaddr[start : start + length]
    return socket.inet_ntop(family(version), address) if len(address) == length else ""
