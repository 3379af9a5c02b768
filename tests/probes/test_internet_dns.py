"""internet.dns against dnsmasq, and against resolvers that answer rubbish."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import dns.flags
import dns.message
import dns.rdatatype
import dns.rrset
import pytest
import uvloop
from peers import netns, sockets
from peers.dnsmasq import HERE, serving_names
from peers.ports import free_port
from pydantic import ValidationError

from probes import Failed, Measured, Sample, Unmeasured
from probes._engines import Engines
from probes.internet.dns import Dns, DnsParams

Answers = Callable[[dns.message.Message], list[bytes]]


async def probe(port: int, timeout: float = 60, **settings: object) -> Measured:
    params = DnsParams.model_validate({"query_name": "door.example", "resolver": HERE, "port": port, **settings})
    return await Dns(params, Engines()).measure(timeout)


async def down(port: int, timeout: float = 60, **settings: object) -> Failed:
    """How the probe fails."""
    with pytest.raises(Failed) as failed:
        await probe(port, timeout, **settings)
    assert failed.value.reason in {*Dns.reasons, "timeout"}
    return failed.value


def value(samples: tuple[Sample, ...], metric: str) -> float | None:
    return next((sample.value for sample in samples if sample.metric == metric), None)


def parts(samples: tuple[Sample, ...]) -> list[str]:
    return [sample.part for sample in samples if sample.metric == "probe_dns_duration_seconds"]


@pytest.fixture(scope="module")
def dnsmasq() -> Iterator[int]:
    """A real server that knows door.example; yields its port."""
    many = [f"--host-record=many.example,10.1.{i // 250}.{1 + i % 250}" for i in range(200)]
    known = [
        "--local=/example/",
        "--host-record=door.example,10.0.0.7,fd00::7,300",
        "--txt-record=door.example,hello",
        "--mx-host=door.example,mail.example,10",
    ]
    with serving_names(*known, *many) as port:
        yield port


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        for wire in self._answers(dns.message.from_wire(data)):
            self._transport.sendto(wire, address)


@asynccontextmanager
async def resolver(udp: Answers, tcp: Answers | None = None) -> AsyncIterator[int]:
    """A server that answers each question with those messages; yields its port."""
    port = free_port()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Udp(udp), local_addr=(HERE, port))

    async def treat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        (length,) = struct.unpack("!H", await reader.readexactly(2))
        for wire in tcp(dns.message.from_wire(await reader.readexactly(length))) if tcp else ():
            writer.write(wire)
        writer.close()

    server = await asyncio.start_server(treat, HERE, port)
    try:
        yield port
    finally:
        server.close()
        transport.close()


def right(query: dns.message.Message, address: str = "10.0.0.7") -> dns.message.Message:
    response = dns.message.make_response(query)
    response.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "A", address))
    return response


def with_length(wire: bytes) -> bytes:
    return struct.pack("!H", len(wire)) + wire


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_known_name_is_up(dnsmasq: int, transport: str) -> None:
    found = await probe(dnsmasq, transport=transport, answer_matches=[r"^door\.example\. \d+ IN A 10\.0\.0\.7$"])
    assert parts(found.samples) == ["resolve", "connect", "request"]
    assert value(found.samples, "probe_dns_answer_rrs") == 1
    assert value(found.samples, "probe_dns_authority_rrs") == 0
    assert value(found.samples, "probe_dns_query_succeeded") == 1
    assert value(found.samples, "probe_ip_protocol") == 4
    assert f"127.0.0.1:{dnsmasq} answered NOERROR with 1 records in " in found.detail


@pytest.mark.parametrize(("type", "data"), [("AAAA", "fd00::7"), ("MX", r"10 mail\.example\."), ("txt", "hello")])
async def test_any_type_can_be_asked_for(dnsmasq: int, type: str, data: str) -> None:
    assert await probe(dnsmasq, query_type=type, answer_matches=[f"IN {type.upper()} .*{data}"])


async def test_the_serial_number_of_a_zone_is_measured() -> None:
    def soa(query: dns.message.Message) -> list[bytes]:
        response = dns.message.make_response(query)
        data = "ns.example. admin.example. 2026112201 1 2 3 4"
        response.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "SOA", data))
        return [response.to_wire()]

    async with resolver(soa) as port:
        assert value((await probe(port, query_type="SOA")).samples, "probe_dns_serial") == 2026112201


async def test_an_unknown_name_is_down_unless_that_is_right(dnsmasq: int) -> None:
    failed = await down(dnsmasq, query_name="nosuch.example")
    assert failed.reason == "wrong_rcode"
    assert "nosuch.example A is NXDOMAIN, not NOERROR" in failed.detail
    assert value(failed.samples, "probe_dns_query_succeeded") == 1
    assert await probe(dnsmasq, query_name="nosuch.example", rcodes=["nxdomain"])


async def test_answers_are_held_against_the_patterns(dnsmasq: int) -> None:
    failed = await down(dnsmasq, answer_matches=["10.0.0.8", "10.0.0.9"])
    assert failed.reason == "unexpected_answer"
    assert "none of 1 records matches '10.0.0.8 or 10.0.0.9', the first is 'door.example. " in failed.detail
    failed = await down(dnsmasq, answer_not_matches=[r"10\.0\."])
    assert failed.reason == "unexpected_answer"
    assert await probe(dnsmasq, answer_matches=["nothing", "10.0.0.7"], answer_not_matches=["10.0.0.8"])


async def test_too_few_records_are_down(dnsmasq: int) -> None:
    failed = await down(dnsmasq, query_type="CAA")
    assert (failed.reason, "has 0 records, not 1" in failed.detail) == ("unexpected_answer", True)
    assert await probe(dnsmasq, query_type="CAA", min_answers=0)


async def test_a_truncated_answer_is_asked_for_again_by_tcp(dnsmasq: int) -> None:
    found = await probe(dnsmasq, query_name="many.example", min_answers=100)
    assert (value(found.samples, "probe_dns_answer_rrs") or 0) > 100
    assert parts(found.samples) == ["resolve", "connect", "request"]


async def test_without_recursion_the_question_says_so() -> None:
    asked = []

    def answers(query: dns.message.Message) -> list[bytes]:
        asked.append(bool(query.flags & dns.flags.RD))
        return [right(query).to_wire()]

    async with resolver(answers) as port:
        await probe(port)
        await probe(port, recursion=False)
    assert asked == [True, False]


def another_id(query: dns.message.Message) -> bytes:
    wire = right(query).to_wire()
    return struct.pack("!H", query.id ^ 1) + wire[2:]


def another_question(query: dns.message.Message) -> bytes:
    other = dns.message.make_query("other.example", "A", id=query.id)
    return right(other).to_wire()


WRONG: dict[str, tuple[Callable[[dns.message.Message], bytes], str]] = {
    "garbage": (lambda query: b"\xff" * 40, "the id of another question"),
    "too short": (lambda query: b"x", "1 bytes are too short for DNS"),
    "cut off": (lambda query: right(query).to_wire()[:-3], "the answer is not DNS"),
    "another id": (another_id, "the id of another question"),
    "another question": (another_question, "the answer is to another question"),
    "the question itself": (lambda query: query.to_wire(), "the answer is to another question"),
}


@pytest.mark.parametrize("wrong", WRONG)
async def test_rubbish_is_malformed_but_a_later_answer_counts(wrong: str) -> None:
    make, words = WRONG[wrong]
    async with resolver(lambda query: [make(query)], lambda query: [with_length(make(query))]) as port:
        failed = await down(port, 2)
        assert (failed.reason, words in failed.detail) == ("malformed", True)
        assert value(failed.samples, "probe_dns_query_succeeded") == 0
        failed = await down(port, transport="tcp")
        assert (failed.reason, words in failed.detail) == ("malformed", True)
    async with resolver(lambda query: [make(query), right(query).to_wire()]) as port:
        assert await probe(port)


async def test_an_answer_from_another_address_is_no_answer() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as server, socket.socket(type=socket.SOCK_DGRAM) as other:
        server.bind((HERE, 0))
        other.bind(("127.0.0.2", 0))

        def answer() -> None:
            wire, client = server.recvfrom(512)
            other.sendto(right(dns.message.from_wire(wire)).to_wire(), client)

        asyncio.get_running_loop().add_reader(server, answer)
        try:
            failed = await down(server.getsockname()[1], 0.3)
        finally:
            asyncio.get_running_loop().remove_reader(server)
    assert failed.reason == "timeout"


async def test_silence_is_a_timeout() -> None:
    async with resolver(lambda query: []) as port:
        failed = await down(port, 2)
        assert failed.reason == "timeout"
        assert "no answer to door.example A within 2 s" in failed.detail
        assert parts(failed.samples) == ["resolve", "connect"]
        assert (await down(port, transport="tcp")).reason == "closed"


async def test_a_port_without_a_server_is_refused() -> None:
    port = free_port()
    assert (await down(port)).reason == "refused"
    assert (await down(port, transport="tcp")).reason == "refused"


async def test_a_cancelled_question_leaves_nothing_open() -> None:
    before = sockets.opened()
    asked = asyncio.Event()

    def answers(query: dns.message.Message) -> list[bytes]:
        asked.set()
        return []

    async with resolver(answers) as port:
        listening = sockets.opened()
        task = asyncio.create_task(probe(port))
        await asyncio.wait_for(asked.wait(), 60)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not sockets.opened() - listening
    async with asyncio.timeout(60):
        while sockets.opened() - before:
            await asyncio.sleep(0)


def test_uvloop_asks_the_same_questions(dnsmasq: int) -> None:
    async def work() -> None:
        assert await probe(dnsmasq)
        assert await probe(dnsmasq, query_name="many.example", min_answers=100)
        async with resolver(lambda query: []) as port:
            assert (await down(port, 0.2)).reason == "timeout"

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work())


def test_our_own_network_says_nothing_about_the_server() -> None:
    with netns.namespaces() as (namespace,):
        with pytest.raises(Unmeasured, match=r"no_network: .*Network is unreachable"):
            namespace.run(lambda: probe(53, resolver="192.0.2.1"))
        with pytest.raises(Unmeasured, match=r"cannot send from 192\.0\.2\.7"):
            namespace.run(lambda: probe(53, source="192.0.2.7"))


def test_the_first_server_of_this_machine_is_asked_when_none_is_named() -> None:
    """In a namespace, so that nothing leaves: the attempt fails, and names whom it was for."""
    listed = [
        line.split()[1] for line in Path("/etc/resolv.conf").read_text().splitlines() if line[:10] == "nameserver"
    ]
    if not listed:
        pytest.skip("this machine has no name server")
    with netns.namespaces() as (namespace,), pytest.raises((Unmeasured, Failed), match=listed[0]):
        namespace.run(lambda: probe(53, resolver=None))


@pytest.mark.parametrize(
    "wrong",
    [{"query_name": "a..b"}, {"query_type": "NOPE"}, {"rcodes": ["FINE"]}, {"rcodes": []}, {"answer_matches": ["("]}],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        DnsParams.model_validate({"query_name": "door.example", **wrong})
