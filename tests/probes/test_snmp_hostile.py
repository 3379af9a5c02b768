"""Agents that break the rules: what was read is kept, what is wrong gets its name, and nothing goes on forever."""

import asyncio
import random
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from peers.snmp_agent import END, NULL, Request, snmp_agent
from peers.snmpd import snmpd
from pydantic import SecretStr
from pysnmp.proto.api import v2c

from probes import Failed
from probes._engines.snmp.engine import Credentials, Device, Library, Pace, SnmpEngine
from probes._engines.snmp.messages import Reply, read, request, write
from probes._engines.snmp.session import Malformed
from probes._engines.snmp.usm import DISCOVERY, Authority, Seal
from probes._engines.snmp.values import (
    LONGEST_TEXT,
    Value,
    comes_after,
    index_text,
    integer,
    mac,
    number,
    octets,
    order,
    parse_oid,
    set_bits,
    text,
)

COLUMN = "1.3.6.1.4.1.9999.1"
ONE = "1.3.6.1.2.1.1.1.0"
TOO_BIG, GENERAL_ERROR = 1, 5
OID = st.lists(st.integers(0, 11), min_size=1, max_size=4).map(lambda arcs: ".".join(map(str, [1, 3, *arcs])))


@pytest.fixture(params=["gufo", "pysnmp"])
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[SnmpEngine]:
    library: Library = request.param
    if library == "gufo":
        pytest.importorskip("gufo.snmp", exc_type=ImportError)
    made = SnmpEngine(library)
    yield made
    made.close()


def device(port: int, version: str = "2c") -> Device:
    return Device("127.0.0.1", port, Credentials(version=version, community=SecretStr("public")))


async def get(engine: SnmpEngine, port: int, *oids: str, timeout: float = 60) -> dict[str, Value | None]:
    return await engine.get(device(port), oids or (ONE,), timeout)


class Table:
    """A well-behaved column of numbers, for agents to spoil."""

    def __init__(self, length: int) -> None:
        self.rows: list[tuple[str, Any]] = [(f"{COLUMN}.{index}", index) for index in range(1, length + 1)]

    def following(self, asked: Request) -> list[tuple[str, Any]]:
        """What comes after, as many as asked; then an object of another table, then the end."""
        beyond = [*self.rows, ("1.3.6.1.4.1.9999.2.1", 1), ("1.3.6.1.4.1.9999.2.1", END)]
        after = [row for row in beyond if order(row[0]) > order(asked.oids[0])]
        return after[: asked.size]


def column(length: int) -> dict[str, Value]:
    return {str(index): index for index in range(1, length + 1)}


class TestAnswersThatAreNotOurs:
    async def test_another_requests_number_is_ignored(self, engine: SnmpEngine) -> None:
        async with snmp_agent(lambda asked: [asked.answer([(ONE, 1)], number=77), asked.answer([(ONE, 2)])]) as port:
            assert await get(engine, port) == {ONE: 2}

    async def test_only_another_requests_number_is_no_answer(self, engine: SnmpEngine) -> None:
        async with snmp_agent(lambda asked: [asked.answer([(ONE, 1)], number=77)]) as port:
            with pytest.raises(Failed, match="no_answer"):
                await get(engine, port, timeout=0.3)

    @pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.2"])
    async def test_another_port_and_another_address_are_ignored(self, engine: SnmpEngine, address: str) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind((address, 0))
            answered = asyncio.Event()

            def from_elsewhere(asked: Request) -> Sequence[bytes]:
                answered.set()
                other.sendto(asked.answer([(ONE, 1)]), asked.asker)
                return []

            async with snmp_agent(from_elsewhere) as port:
                with pytest.raises(Failed, match="no_answer"):
                    await get(engine, port, timeout=1)
        assert answered.is_set()

    async def test_a_request_sent_back_is_ignored(self, engine: SnmpEngine) -> None:
        async with snmp_agent(lambda asked: [write("2c", "public", v2c.apiMessage.get_pdu(asked.message))]) as port:
            with pytest.raises(Failed) as caught:
                await get(engine, port, timeout=0.4)
        assert caught.value.reason in {"no_answer", "malformed"}

    async def test_instances_that_were_not_asked_for_are_ignored(self, engine: SnmpEngine) -> None:
        async with snmp_agent(lambda asked: [asked.answer([("1.3.6.1.2.1.1.9.0", 1), (ONE, 2)])]) as port:
            assert await get(engine, port) == {ONE: 2}


class TestAnswersThatAreLost:
    async def test_are_asked_for_again(self, engine: SnmpEngine) -> None:
        heard: list[Request] = []

        def after_the_second(asked: Request) -> Sequence[bytes]:
            heard.append(asked)
            return [asked.answer([(ONE, 1)])] if len(heard) > 2 else []

        async with snmp_agent(after_the_second) as port:
            assert await get(engine, port, timeout=8) == {ONE: 1}

    async def test_in_the_middle_of_a_walk_are_not_silence(self, engine: SnmpEngine) -> None:
        table = Table(100)

        def until_twenty(asked: Request) -> Sequence[bytes]:
            return [asked.answer(table.following(asked))] if order(asked.oids[0])[-1] < 20 else []

        async with snmp_agent(until_twenty) as port:
            with pytest.raises(Failed, match="timeout") as caught:
                await engine.walk(device(port), COLUMN, timeout=2)
        assert caught.value.reason == "timeout"


@pytest.mark.parametrize(
    "garbage",
    [
        b"hello",
        b"\x30\x84\xff\xff\xff\xff",
        bytes.fromhex("301c02010104067075626c6963a20f020100020100020100300430003000"),
        b"\x30\x80" * 500,
        bytes(1400),
    ],
    ids=["text", "a huge length", "empty bindings", "nested", "zeros"],
)
async def test_garbage_is_called_malformed(engine: SnmpEngine, garbage: bytes) -> None:
    async with snmp_agent(lambda asked: [garbage]) as port:
        with pytest.raises(Failed) as caught:
            await get(engine, port)
        assert caught.value.reason == "malformed"
        with pytest.raises(Failed) as caught:
            await engine.walk(device(port), COLUMN, timeout=60)
        assert caught.value.reason == "malformed"


async def test_a_message_cut_off_anywhere_is_malformed(engine: SnmpEngine) -> None:
    cut = 0
    async with snmp_agent(lambda asked: [asked.answer([(ONE, b"some text")])[:cut]]) as port:
        for cut in range(1, 50, 3):  # noqa: B007 - the agent reads it
            with pytest.raises(Failed) as caught:
                await get(engine, port)
            assert caught.value.reason == "malformed"


async def test_whatever_octets_come_back_end_in_values_or_a_reason(engine: SnmpEngine) -> None:
    chance = random.Random(7)

    def spoilt(asked: Request) -> Sequence[bytes]:
        answer = bytearray(
            asked.answer([(ONE, b"text"), (f"{COLUMN}.1", 5), (f"{COLUMN}.2", v2c.IpAddress("1.2.3.4"))])
        )
        for _ in range(chance.randint(1, 4)):
            answer[chance.randrange(len(answer))] = chance.randrange(256)
        return [bytes(answer)]

    async with snmp_agent(spoilt) as port:
        for _ in range(60):
            try:
                found = await get(engine, port, timeout=0.02)
            except Failed as failed:
                assert failed.reason in {"malformed", "no_answer", "timeout", "agent_error"}
            else:
                assert list(found) == [ONE]


class TestWalksThatGoWrong:
    async def test_rows_that_go_back_end_the_walk_with_what_was_read(self, engine: SnmpEngine) -> None:
        def in_circles(asked: Request) -> Sequence[bytes]:
            return [asked.answer([(f"{COLUMN}.{1 + step % 3}", step) for step in range(asked.size)])]

        async with snmp_agent(in_circles) as port:
            walk = (await engine.walk(device(port), COLUMN, timeout=60))[COLUMN]
        assert (walk.rows, walk.stopped) == ({"1": 0, "2": 1, "3": 2}, "order")

    async def test_the_same_row_again_and_again_ends_the_walk(self, engine: SnmpEngine) -> None:
        async with snmp_agent(lambda asked: [asked.answer([(f"{COLUMN}.1", 1)])]) as port:
            walk = (await engine.walk(device(port), COLUMN, timeout=60))[COLUMN]
        assert (walk.rows, walk.stopped) == ({"1": 1}, "order")

    async def test_a_table_without_end_is_read_up_to_the_limit(self, engine: SnmpEngine) -> None:
        def endless(asked: Request) -> Sequence[bytes]:
            last = order(asked.oids[0])[-1] if asked.oids[0] != COLUMN else 0
            return [asked.answer([(f"{COLUMN}.{last + step}", step) for step in range(1, asked.size + 1)])]

        async with snmp_agent(endless) as port:
            walk = (await engine.walk(device(port), COLUMN, timeout=30, most=500))[COLUMN]
        assert (len(walk.rows), walk.stopped) == (500, "limit")

    async def test_a_table_of_huge_values_is_read_up_to_the_limit(self, engine: SnmpEngine) -> None:
        def huge(asked: Request) -> Sequence[bytes]:
            last = order(asked.oids[0])[-1] if asked.oids[0] != COLUMN else 0
            return [asked.answer([(f"{COLUMN}.{last + 1}", bytes(50_000))])]

        async with snmp_agent(huge) as port:
            walk = (await engine.walk(device(port), COLUMN, timeout=30))[COLUMN]
        assert walk.stopped == "limit"
        assert len(walk.rows) == (4 << 20) // 50_000

    async def test_answers_that_are_cut_short_are_continued(self, engine: SnmpEngine) -> None:
        table = Table(50)
        async with snmp_agent(lambda asked: [asked.answer(table.following(asked)[:3])]) as port:
            walk = (await engine.walk(device(port), COLUMN, timeout=60))[COLUMN]
        assert (walk.rows, walk.stopped) == (column(50), "")

    @pytest.mark.parametrize("status", [TOO_BIG, GENERAL_ERROR])
    async def test_a_device_that_refuses_large_answers_is_asked_for_small_ones(
        self, engine: SnmpEngine, status: int
    ) -> None:
        table = Table(50)

        def small_only(asked: Request) -> Sequence[bytes]:
            return [asked.refusal(status) if asked.size > 5 else asked.answer(table.following(asked))]

        async with snmp_agent(small_only) as port:
            walk = (await engine.walk(device(port), COLUMN, timeout=60))[COLUMN]
            assert engine._known[device(port)].pace == Pace(4, 4, 1)
        assert (walk.rows, walk.stopped) == (column(50), "")

    async def test_a_device_that_drops_large_questions_is_asked_small_ones(self, engine: SnmpEngine) -> None:
        table = Table(20)

        def deaf_to_large(asked: Request) -> Sequence[bytes]:
            return [] if asked.size > 8 else [asked.answer(table.following(asked))]

        async with snmp_agent(deaf_to_large) as port:
            walk = (await engine.walk(device(port), COLUMN, timeout=8))[COLUMN]
        assert walk.rows == column(20)

    async def test_a_device_that_was_off_for_a_while_is_asked_as_much_as_before(self, engine: SnmpEngine) -> None:
        table, off = Table(20), True
        async with snmp_agent(lambda asked: [] if off else [asked.answer(table.following(asked))]) as port:
            with pytest.raises(Failed, match="no_answer"):
                await engine.walk(device(port), COLUMN, timeout=0.2)
            assert engine._known[device(port)].pace == Pace()
            off = False
            assert (await engine.walk(device(port), COLUMN, timeout=60))[COLUMN].rows == column(20)

    async def test_rows_of_another_table_end_the_walk(self, engine: SnmpEngine) -> None:
        async with snmp_agent(lambda asked: [asked.answer([("1.3.6.1.4.1.9999.10.1", 1)])]) as port:
            assert (await engine.walk(device(port), COLUMN, timeout=60))[COLUMN] == ({}, "")

    async def test_rows_that_are_null_are_left_out(self, engine: SnmpEngine) -> None:
        table = Table(60)
        table.rows = [(oid, NULL if 20 < value <= 59 else value) for oid, value in table.rows]
        async with snmp_agent(lambda asked: [asked.answer(table.following(asked))]) as port:
            walk = (await engine.walk(device(port), COLUMN, timeout=60))[COLUMN]
        assert (walk.rows, walk.stopped) == (column(20) | {"60": 60}, "")

    async def test_an_error_on_a_single_row_is_told(self, engine: SnmpEngine) -> None:
        async with snmp_agent(lambda asked: [asked.refusal(GENERAL_ERROR)]) as port:
            with pytest.raises(Failed, match=r"agent_error.*genErr"):
                await engine.walk(device(port), COLUMN, timeout=60)


class TestGetsThatGoWrong:
    async def test_too_big_an_answer_is_asked_for_in_parts(self, engine: SnmpEngine) -> None:
        asked_for = [f"{COLUMN}.{index}" for index in range(20)]

        def three_at_most(asked: Request) -> Sequence[bytes]:
            return [asked.refusal(TOO_BIG) if len(asked.oids) > 3 else asked.answer((oid, 1) for oid in asked.oids)]

        async with snmp_agent(three_at_most) as port:
            assert await get(engine, port, *asked_for) == dict.fromkeys(asked_for, 1)

    async def test_too_big_a_value_is_told(self, engine: SnmpEngine) -> None:
        async with snmp_agent(lambda asked: [asked.refusal(TOO_BIG)]) as port:
            with pytest.raises(Failed, match=r"agent_error.*tooBig"):
                await get(engine, port)

    @pytest.mark.parametrize(("status", "name"), [(5, "genErr"), (16, "authorizationError"), (99, "99")])
    async def test_an_error_is_told_by_its_name(self, engine: SnmpEngine, status: int, name: str) -> None:
        async with snmp_agent(lambda asked: [asked.refusal(status, 1)]) as port:
            with pytest.raises(Failed, match=rf"agent_error.*{name}"):
                await get(engine, port)

    async def test_version_1_loses_only_what_does_not_exist(self, engine: SnmpEngine) -> None:
        wanted = [f"{COLUMN}.{index}" for index in range(1, 7)]

        def even_only(asked: Request) -> Sequence[bytes]:
            for position, oid in enumerate(asked.oids, 1):
                if order(oid)[-1] % 2:
                    return [asked.refusal(2, position)]
            return [asked.answer((oid, b"even") for oid in asked.oids)]

        async with snmp_agent(even_only) as port:
            found = await engine.get(device(port, "1"), wanted, 60)
        assert list(found.values()) == [None, b"even"] * 3


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    users = "sysName truthful\ncreateUser signer SHA-256 passphrase-a\nrouser signer auth\n"
    with snmpd(tmp_path_factory.mktemp("snmpd"), users) as port:
        yield port


SIGNER = Credentials(
    version="3", user="signer", authentication="SHA-256", authentication_passphrase=SecretStr("passphrase-a")
)


class _Between(asyncio.DatagramProtocol):
    """Somebody on the way who changes what the device says."""

    def __init__(self, port: int) -> None:
        self._device = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._device.connect(("127.0.0.1", port))
        self._device.settimeout(60)
        self.forged = 0

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        self._device.close()

    def datagram_received(self, data: bytes, address: Any) -> None:
        self._device.send(data)
        answer = self._device.recv(65_536)
        self.forged += b"truthful" in answer
        self._transport.sendto(answer.replace(b"truthful", b"a liar! "), address)


async def test_a_forged_version_3_answer_is_not_believed(engine: SnmpEngine, agent: int) -> None:
    loop = asyncio.get_running_loop()
    transport, between = await loop.create_datagram_endpoint(lambda: _Between(agent), local_addr=("127.0.0.1", 0))
    try:
        with pytest.raises(Failed, match="no_answer"):
            port = transport.get_extra_info("sockname")[1]
            await engine.get(Device("127.0.0.1", port, SIGNER), ["1.3.6.1.2.1.1.5.0"], 3)
    finally:
        transport.close()
    assert between.forged


ANSWER = write("2c", "public", request("get", 5, [ONE])).replace(b"\xa0", b"\xa2")
ENGINE_ID = b"\x80\x00\x1f\x88" + bytes(12)
SEAL = Seal(SIGNER, ENGINE_ID)


def signed_report() -> bytes:
    pdu = v2c.ReportPDU()
    v2c.apiPDU.set_defaults(pdu)
    return SEAL.write(9, Authority(ENGINE_ID, 1, 1, 0.0), pdu)


SIGNED = signed_report()


def spoilt(message: bytes) -> st.SearchStrategy[bytes]:
    """The message with some octets changed, left out or added."""
    change = st.tuples(st.integers(0, len(message)), st.integers(0, 4), st.binary(max_size=6))

    def apply(changes: list[tuple[int, int, bytes]]) -> bytes:
        found = message
        for at, drop, new in changes:
            found = found[:at] + new + found[at + drop :]
        return found

    return st.lists(change, max_size=6).map(apply)


class TestParsing:
    @given(data=st.binary(max_size=200) | spoilt(ANSWER))
    def test_any_octets_are_a_reply_or_nothing_or_malformed(self, data: bytes) -> None:
        try:
            found = read("2c", data)
        except Malformed:
            return
        assert found is None or isinstance(found, Reply)

    @given(data=st.binary(max_size=200) | spoilt(SIGNED))
    def test_any_octets_are_never_a_signed_message_that_was_not(self, data: bytes) -> None:
        try:
            opened = SEAL.read(data)
        except Malformed:
            return
        assert opened is None or not opened.proven or data == SIGNED

    def test_a_signature_is_found_although_the_engines_identity_is_full_of_zeros(self) -> None:
        opened = SEAL.read(SIGNED)
        assert opened is not None
        assert opened.proven

    def test_a_discovery_carries_no_name(self) -> None:
        assert b"signer" not in Seal(Credentials.model_construct(version="3"), b"").write(
            1, DISCOVERY, request("get", 1, ())
        )


def tlv(tag: int, content: bytes) -> bytes:
    """One BER element."""
    return bytes([tag, 0x82]) + len(content).to_bytes(2, "big") + content


def answer_with(value: bytes, number: int = 5) -> bytes:
    """A response about ONE to the request of that number, which gives the element as its value."""
    binding = tlv(0x30, tlv(0x30, tlv(6, b"\x2b\x06\x01\x02\x01\x01\x01\x00") + value))
    fields = tlv(2, number.to_bytes(4, "big")) + tlv(2, b"\0") + tlv(2, b"\0") + binding
    return tlv(0x30, tlv(2, b"\1") + tlv(4, b"public") + tlv(0xA2, fields))


class TestOddEncodings:
    @pytest.mark.parametrize(
        ("tag", "content", "expected"),
        [
            pytest.param(0x41, b"\xff\xff\xf0\x15", 4294963221, id="a counter that looks negative"),
            pytest.param(0x42, b"\xff" * 4, 2**32 - 1, id="a gauge that is minus one"),
            pytest.param(0x43, b"\x80\0\0\0", 2**31, id="a time that looks negative"),
            pytest.param(0x46, b"\xff" * 8, 2**64 - 1, id="a long counter that looks negative"),
            pytest.param(0x02, b"\xff", -1, id="minus one"),
            pytest.param(0x02, b"\x01\0\0\0\0", 2**32, id="an integer that is too long"),
            pytest.param(0x02, b"", 0, id="an integer of no octets"),
        ],
    )
    async def test_are_read_as_what_they_mean(
        self, engine: SnmpEngine, tag: int, content: bytes, expected: int
    ) -> None:
        def odd(asked: Request) -> Sequence[bytes]:
            number = int(v2c.apiPDU.get_request_id(v2c.apiMessage.get_pdu(asked.message)))
            return [answer_with(tlv(tag, content), number)]

        async with snmp_agent(odd) as port:
            assert await get(engine, port) == {ONE: expected}

    def test_of_absurd_lengths_are_malformed(self) -> None:
        with pytest.raises(Malformed):
            read("2c", b"0\x01\x02\x88\x80" + bytes(7))

    @pytest.mark.parametrize("element", [tlv(2, b"\x7f" * 4000), tlv(0x46, b"\x7f" * 40), tlv(0x40, b"\1\2\3")])
    def test_are_malformed_where_they_mean_nothing(self, element: bytes) -> None:
        with pytest.raises(Malformed):
            read("2c", answer_with(element))


class TestOddValues:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            (b"Switch 1\0\0", "Switch 1"),
            (b"  padded \r\n", "padded"),
            (b"two\r\nlines\x07", "two\nlines"),
            ("Zähler".encode(), "Zähler"),
            ("Zähler".encode("latin-1"), "Zähler"),
            (b"", ""),
            (b"x" * 9000, "x" * LONGEST_TEXT),
            (("x" + "€" * 2000).encode(), "x" + "€" * (LONGEST_TEXT - 1)),
            (42, "42"),
            ("10.0.0.1", "10.0.0.1"),
            (None, None),
        ],
    )
    def test_text_is_clean_and_bounded(self, value: Value | None, expected: str | None) -> None:
        assert text(value) == expected

    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            (-3, -3.0),
            (b"55.652\0", 55.652),
            (b"15 PERCENT", 15.0),
            (b"21.5 \xb0C", 21.5),
            (b"-4%", -4.0),
            (b"", None),
            (b"Not Enabled (NE)", None),
            (b"1 of 3", None),
            (b"1e400", None),
            (b"nan", None),
            (None, None),
        ],
    )
    def test_numbers_are_read_from_text(self, value: Value | None, expected: float | None) -> None:
        assert number(value) == expected

    @given(value=st.none() | st.integers() | st.binary(max_size=64) | st.text(max_size=64))
    def test_no_value_is_too_odd(self, value: Value | None) -> None:
        assert integer(value) is None or value == integer(value)
        assert octets(value) is None or value == octets(value)
        assert len(text(value) or "") <= LONGEST_TEXT
        number(value)
        set_bits(value)

    @pytest.mark.parametrize(
        ("value", "bits"), [(b"", ()), (b"\x80", (0,)), (b"\x01\x40", (7, 9)), (5, ()), (None, ())]
    )
    def test_bits_count_from_the_left(self, value: Value | None, bits: tuple[int, ...]) -> None:
        assert set_bits(value) == bits

    def test_names_and_addresses_are_read_from_an_index(self) -> None:
        assert index_text("4.71.97.115.116") == "Gast"
        assert index_text("5.71.97.115.116") is None
        assert index_text("1.300") is None
        assert mac((0, 26, 43, 60, 77, 94)) == "00:1a:2b:3c:4d:5e"

    @given(one=OID, other=OID)
    def test_one_object_identifier_comes_after_another_by_its_numbers(self, one: str, other: str) -> None:
        assert comes_after(one, other) == (order(one) > order(other))

    def test_object_identifiers_compare_by_number(self) -> None:
        assert parse_oid("1.3.6.1.10") > parse_oid("1.3.6.1.9")
        assert parse_oid("2.999.3") == (2, 999, 3)
