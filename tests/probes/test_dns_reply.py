"""Answers of DNS servers, read only as far as needed: as dnspython reads them, wherever both have an opinion."""

import struct

import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes._engines.dns_reply import Malformed, Reply, parse
from probes.internet.dns import records

QUERY = dns.message.make_query("door.example", "A", id=7, use_edns=0)
ASKED = QUERY.to_wire()
RECORDS = (
    ("door.example", "A", "192.0.2.7"),
    ("door.example", "AAAA", "2001:db8::7"),
    ("www.door.example", "CNAME", "door.example."),
    ("door.example", "TXT", '"a" "b"'),
    ("example", "SOA", "ns.example. who.example. 7 1 2 3 4"),
    ("door.example", "MX", "10 mail.door.example."),
)
some_records = st.lists(st.sampled_from(RECORDS), max_size=5)


def answer(*sections: list[tuple[str, str, str]], rcode: dns.rcode.Rcode = dns.rcode.NOERROR) -> dns.message.Message:
    made = dns.message.make_response(QUERY)
    made.set_rcode(rcode)
    for section, found in zip((made.answer, made.authority, made.additional), sections, strict=False):
        section += [dns.rrset.from_text(f"{name}.", 60, "IN", kind, data) for name, kind, data in found]
    return made


def types(section: list[dns.rrset.RRset]) -> tuple[int, ...]:
    return tuple(int(rrset.rdtype) for rrset in section for _ in rrset)


@given(some_records, some_records, some_records, st.sampled_from([0, 2, 3, 5, 16, 23]))
def test_it_finds_what_dnspython_finds(
    one: list[tuple[str, str, str]], two: list[tuple[str, str, str]], three: list[tuple[str, str, str]], rcode: int
) -> None:
    wire = answer(one, two, three, rcode=dns.rcode.Rcode.make(rcode)).to_wire()
    theirs = dns.message.from_wire(wire, one_rr_per_rrset=True)
    for whole in (False, True):
        mine = parse(wire, ASKED, whole=whole)
        assert mine.rcode == theirs.rcode() == rcode
        assert (mine.answer, mine.authority) == (types(theirs.answer), types(theirs.authority))
        assert mine.additional == types(theirs.additional)
        assert (mine.message is not None) is whole


@given(some_records, st.integers(0, 400), st.binary(min_size=1, max_size=4))
def test_what_it_refuses_of_a_damaged_answer_dnspython_refuses_too(
    found: list[tuple[str, str, str]], at: int, damage: bytes
) -> None:
    wire = bytearray(answer(found, found).to_wire())
    wire[at : at + len(damage)] = damage
    try:
        parse(bytes(wire), ASKED)
    except Malformed:
        with pytest.raises((Exception, AssertionError)):
            theirs = dns.message.from_wire(bytes(wire))
            assert QUERY.is_response(theirs) and not theirs.flags & dns.flags.TC


@given(st.binary(max_size=300))
def test_no_bytes_break_it(rest: bytes) -> None:
    head = struct.pack("!HHHHHH", 7, 0x8180, 1, 3, 1, 1) + ASKED[12:30]
    for wire in (rest, head + rest, head[:12] + rest):
        try:
            reply = parse(wire, ASKED, whole=True)
        except Malformed as error:
            assert str(error)
        else:
            lines = records(reply.message) if reply.message is not None else ()
            assert all(len(line) <= 1000 for line in lines)


def test_a_truncated_answer_comes_without_records() -> None:
    made = answer(list(RECORDS))
    made.flags |= dns.flags.TC
    assert parse(made.to_wire()[:40], ASKED) == Reply(0, True)


def test_the_case_of_a_name_does_not_matter_and_its_type_does() -> None:
    wire = answer([]).to_wire()
    shouted = wire.replace(b"door", b"dOOr")
    assert parse(shouted, ASKED).rcode == 0
    assert dns.name.from_text("door.example").to_wire() in ASKED
    other = dns.message.make_query("door.example", 97, id=7).to_wire()
    with pytest.raises(Malformed, match="another question"):
        parse(dns.message.make_response(dns.message.make_query("door.example", 65, id=7)).to_wire(), other)


@pytest.mark.parametrize("rcode", [dns.rcode.SERVFAIL, dns.rcode.REFUSED, dns.rcode.FORMERR, dns.rcode.NOTIMP])
def test_who_did_not_understand_need_not_repeat_the_question(rcode: dns.rcode.Rcode) -> None:
    made = answer([], rcode=rcode)
    made.question = []
    assert parse(made.to_wire(), ASKED).rcode == rcode


@pytest.mark.parametrize(
    ("wire", "words"),
    [
        (b"\x00\x07\x81", "3 bytes are too short"),
        (b"\x00\x08" + answer([]).to_wire()[2:], "id of another question"),
        (ASKED, "another question"),
        (answer([], rcode=dns.rcode.NOERROR).to_wire() + b"!", "something follows its end"),
        (answer(list(RECORDS)).to_wire()[:-3], "ends too early"),
        (struct.pack("!6H", 7, 0x8180, 1, 0, 0, 0) + b"\xc0\xff" + ASKED[26:30], "points forward"),
        (
            struct.pack("!6H", 7, 0x8180, 1, 1, 0, 0)
            + ASKED[12:30]
            + b"\x00\x00\x01\x00\x01"
            + bytes(4)
            + b"\x00\x02ab",
            "of 2 bytes",
        ),
    ],
)
def test_what_is_no_answer_says_why(wire: bytes, words: str) -> None:
    with pytest.raises(Malformed, match=words):
        parse(wire, ASKED)


def test_an_answer_of_another_opcode_is_none() -> None:
    made = answer([])
    made.set_opcode(dns.opcode.NOTIFY)
    with pytest.raises(Malformed, match="another question"):
        parse(made.to_wire(), ASKED)
