"""Reads the answer of a DNS server as far as it has to be: most checks need to know what came, not what it says."""

import struct
from typing import NamedTuple

import dns.message
import dns.rcode

_HEADER = 12
_LONGEST_NAME = 255
_QUESTION_TAIL = 4  # bytes: type and class
_RECORD_HEAD = struct.Struct("!HHIH")

_QR, _TC, _OPCODE, _RCODE = 0x8000, 0x0200, 0x7800, 0x000F
_MAY_OMIT_QUESTION = (1, 2, 4, 5)  # FORMERR, SERVFAIL, NOTIMP, REFUSED: who did not understand may not repeat it
_OPT, _TSIG = 41, 250
_LENGTHS = {1: 4, 28: 16}  # of an A and of an AAAA record


class Malformed(Exception):  # noqa: N818 - read as a sentence, like Failed
    """Bytes that came back are no answer to the question; the text says why."""


class Reply(NamedTuple):
    """An answer: its code, whether it was cut off, and the types of the records in its three sections.

    What concerns the exchange itself (EDNS, TSIG) is not among the additional records. `message` is all of it where
    that was asked for.
    """

    rcode: int
    truncated: bool
    answer: tuple[int, ...] = ()
    authority: tuple[int, ...] = ()
    additional: tuple[int, ...] = ()
    message: dns.message.Message | None = None

    @property
    def code(self) -> str:
        """Its code as people write it: NOERROR, NXDOMAIN."""
        return dns.rcode.to_text(dns.rcode.Rcode.make(self.rcode))


def parse(wire: bytes, asked: bytes, *, whole: bool = False) -> Reply:
    """The answer in `wire` to the question in `asked`, the bytes of a query with one question.

    A truncated answer comes back without its records. Raises Malformed, saying why, when the bytes are no answer to it.
    """
    if len(wire) < _HEADER:
        raise Malformed(f"{len(wire)} bytes are too short for DNS")
    _, flags, questions, *counts = struct.unpack_from("!6H", wire)
    if wire[:2] != asked[:2]:
        raise Malformed("the answer carries the id of another question")
    if not flags & _QR or (flags ^ (asked[2] << 8)) & _OPCODE:
        raise Malformed("the answer is to another question")
    rcode = flags & _RCODE
    if flags & _TC:
        return Reply(rcode, True)
    try:
        at = _past_questions(wire, asked, questions, rcode)
        sections = [list[int](), list[int](), list[int]()]
        for section, count in zip(sections, counts, strict=True):
            for _ in range(count):
                at, kind, extended = _past_record(wire, at)
                rcode |= extended
                if kind not in (_OPT, _TSIG):
                    section.append(kind)
    except (IndexError, struct.error):
        raise Malformed("the answer is not DNS: it ends too early") from None
    if at != len(wire):
        raise Malformed("the answer is not DNS: something follows its end")
    answer, authority, additional = map(tuple, sections)
    return Reply(rcode, False, answer, authority, additional, _whole(wire) if whole else None)


def _past_questions(wire: bytes, asked: bytes, count: int, rcode: int) -> int:
    """Where the records begin. Raises Malformed when the question is not the one that was asked."""
    if count == 0 and rcode in _MAY_OMIT_QUESTION:
        return _HEADER
    end = _past_name(wire, _HEADER) + _QUESTION_TAIL
    mine = asked[_HEADER : _past_name(asked, _HEADER) + _QUESTION_TAIL]
    theirs = wire[_HEADER:end]
    same = theirs[:-_QUESTION_TAIL].lower() == mine[:-_QUESTION_TAIL].lower()
    if count != 1 or not same or theirs[-_QUESTION_TAIL:] != mine[-_QUESTION_TAIL:]:
        raise Malformed("the answer is to another question")
    return end


def _past_record(wire: bytes, at: int) -> tuple[int, int, int]:
    """Where the record ends, its type, and what it adds to the answer's code."""
    at = _past_name(wire, at)
    kind, _, ttl, length = _RECORD_HEAD.unpack_from(wire, at)
    end = at + _RECORD_HEAD.size + length
    if end > len(wire):
        raise IndexError
    if _LENGTHS.get(kind, length) != length:
        raise Malformed(f"the answer is not DNS: an address of {length} bytes")
    return end, kind, (ttl >> 24) << 4 if kind == _OPT else 0


def _past_name(wire: bytes, at: int) -> int:
    """Where the name that begins there ends: at its root, or after a pointer to an earlier one."""
    begin = at
    while (length := wire[at]) != 0:
        if length >= 0xC0:
            if ((length & 0x3F) << 8 | wire[at + 1]) >= begin:
                raise Malformed("the answer is not DNS: a name points forward")
            return at + 2
        if length > 0x3F or at - begin > _LONGEST_NAME:
            raise Malformed("the answer is not DNS: a name is too long")
        at += length + 1
    return at + 1


def _whole(wire: bytes) -> dns.message.Message:
    try:
        # A set for each record: to gather those of one name and type would be half of the work, and nobody needs it.
        return dns.message.from_wire(wire, one_rr_per_rrset=True)
    except Exception as error:  # dnspython lets a few other errors through for records that nobody writes
        raise Malformed(f"the answer is not DNS ({type(error).__name__})") from error
