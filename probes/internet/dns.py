"""Asks one DNS server one question, and judges the answer."""

import asyncio
import re
import secrets
import socket
import struct
from typing import Annotated, ClassVar, Literal

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.resolver
from pydantic import AfterValidator, Field, IPvAnyAddress

from probes import DefaultRule, Failed, Measured, Metric, Params, Probe, Sample, Unmeasured
from probes._engines import Engines
from probes._engines.connect import REASONS, connect, network_failure, open_socket
from probes._engines.excerpt import excerpt
from probes._engines.matching import Regex, limited
from probes._engines.phases import Phases
from probes._engines.resolve import Family, Host, Resolved, resolve

_LONGEST_RECORD = 1000
_MOST_RECORDS = 200
_HEADER = 12


def _name(text: str) -> str:
    try:
        dns.name.from_text(text)
    except (dns.exception.DNSException, UnicodeError) as error:
        raise ValueError(f"{text!r} is not a DNS name: {error}") from None
    return text


def _type(text: str) -> str:
    try:
        return dns.rdatatype.to_text(dns.rdatatype.from_text(text))
    except (dns.exception.DNSException, ValueError):
        raise ValueError(f"{text!r} is not a DNS record type, such as A, AAAA, MX or SOA") from None


def _rcode(text: str) -> str:
    try:
        return dns.rcode.to_text(dns.rcode.from_text(text))
    except (dns.exception.DNSException, ValueError):
        raise ValueError(f"{text!r} is not a DNS response code, such as NOERROR or NXDOMAIN") from None


class DnsParams(Params):
    """Whom to ask, what, and which answers are right."""

    query_name: Annotated[str, AfterValidator(_name), Field(max_length=253, description="name to ask for")]
    query_type: Annotated[
        str, AfterValidator(_type), Field(description="record type to ask for, e.g. A, AAAA, MX, SOA")
    ] = "A"
    resolver: Annotated[
        Host | None, Field(description="server to ask, name or address; this machine's first if not set")
    ] = None
    port: Annotated[int, Field(ge=1, le=65_535, description="port of the server")] = 53
    family: Annotated[Family, Field(description="IP version, for a server given by name")] = "auto"
    transport: Annotated[
        Literal["udp", "tcp"], Field(description="how to ask first; a truncated answer is asked for again by tcp")
    ] = "udp"
    recursion: Annotated[bool, Field(description="ask the server to find the answer elsewhere if it has to")] = True
    rcodes: Annotated[
        tuple[Annotated[str, AfterValidator(_rcode)], ...],
        Field(min_length=1, description="response codes that are right"),
    ] = ("NOERROR",)
    min_answers: Annotated[
        int, Field(ge=0, le=_MOST_RECORDS, description="records that a NOERROR answer has at least")
    ] = 1
    answer_matches: Annotated[
        tuple[Regex, ...],
        Field(max_length=20, description="patterns, of which one must match a record: NAME TTL CLASS TYPE DATA"),
    ] = ()
    answer_not_matches: Annotated[
        tuple[Regex, ...], Field(max_length=20, description="patterns, none of which may match any record")
    ] = ()
    source: Annotated[IPvAnyAddress | None, Field(description="address of this machine to ask from")] = None

    @property
    def target(self) -> str:
        """The server that is asked."""
        return f"{self.resolver or 'system resolver'}:{self.port}"

    @classmethod
    def of_target(cls, target: str) -> dict[str, object]:
        """The server, as blackbox_exporter has it; the name comes from the other settings."""
        return {"resolver": target}


class Malformed(Exception):  # noqa: N818 - read as a sentence, like Failed
    """Bytes that came back are no answer to the question; the text says why."""


class Dns(Probe[DnsParams]):
    """Whether a DNS server answers a question, correctly and soon."""

    Params = DnsParams
    metrics = (
        Metric(
            "probe_dns_duration_seconds",
            "Time of each phase: the server's own name, the connection, the answer",
            "seconds",
            "phase",
            ("resolve", "connect", "request"),
        ),
        Metric("probe_dns_answer_rrs", "Records in the answer section"),
        Metric("probe_dns_authority_rrs", "Records in the authority section"),
        Metric("probe_dns_additional_rrs", "Records in the additional section"),
        Metric("probe_dns_query_succeeded", "1 if a well-formed answer to the question came, else 0"),
        Metric("probe_dns_serial", "Serial number of the zone, when asked for its SOA"),
        Metric("probe_dns_lookup_time_seconds", "Time of the lookup of the server's own name", "seconds"),
        Metric("probe_ip_protocol", "IP version that was used, 4 or 6"),
    )
    reasons: ClassVar = {
        **REASONS,
        "malformed": "what came back is no answer to the question",
        "wrong_rcode": "the server answered with a response code that is not accepted",
        "unexpected_answer": "the answer has too few records, or not those expected",
    }
    rules = (
        DefaultRule(
            "slow",
            "probe_dns_duration_seconds",
            "takes more than half a second to answer DNS questions",
            part="request",
            above=0.5,
            clear=0.3,
            times=3,
            window=5,
        ),
    )
    latency = ("probe_dns_duration_seconds", "request")

    def __init__(self, params: DnsParams, engines: Engines) -> None:
        super().__init__(params, engines)
        self._query = dns.message.make_query(params.query_name, params.query_type)
        if not params.recursion:
            self._query.flags &= ~dns.flags.RD
        self._wire = self._query.to_wire()

    async def measure(self, timeout: float) -> Measured:
        """Ask once, by TCP again if the answer was truncated, and judge what came."""
        params, phases = self.params, Phases("probe_dns_duration_seconds", "resolve")
        host = params.resolver or _first_nameserver()
        found = await resolve(host, params.family, timeout, params.source)
        phases.note(*found.samples)
        question = _Question(params, *self._numbered(), found, phases)
        try:
            async with asyncio.timeout(timeout - phases.elapsed):
                response = await question.ask()
        except TimeoutError:
            raise question.unanswered(timeout) from None
        except EOFError:
            raise question.failed("closed", "closed the connection before it answered") from None
        except Malformed as error:
            raise question.failed("malformed", str(error)) from None
        except OSError as error:
            raise network_failure(error, question.server, phases.samples) from error
        took = phases.end()
        phases.note(*_counts(response))
        _judge(params, response, question.server, phases.samples)
        code = dns.rcode.to_text(response.rcode())
        detail = f"{question.server} answered {code} with {_count(response)} records in {1000 * took:.3g} ms"
        return Measured(detail, phases.samples)

    def _numbered(self) -> tuple[dns.message.Message, bytes]:
        """The query and its bytes, with a new random id: all else is the same in every run."""
        self._query.id = secrets.randbits(16)
        return self._query, struct.pack("!H", self._query.id) + self._wire[2:]


class _Question:
    """One question to one server, and what came back that was no answer to it."""

    def __init__(
        self, params: DnsParams, query: dns.message.Message, wire: bytes, found: Resolved, phases: Phases
    ) -> None:
        self.server = f"[{found.address}]:{params.port}" if found.version == 6 else f"{found.address}:{params.port}"
        self._params = params
        self._found = found
        self._phases = phases
        self._query = query
        self._wire = wire
        self._about = f"{params.query_name} {params.query_type}"
        self._wrong = ""

    async def ask(self) -> dns.message.Message:
        """The answer. Raises OSError, EOFError, and Malformed for what came over TCP."""
        self._phases.begin("connect")
        if self._params.transport == "udp":
            response = await self._ask_by_udp()
            if not response.flags & dns.flags.TC:
                return response
        return await self._ask_by_tcp()

    async def _ask_by_udp(self) -> dns.message.Message:
        """The first datagram that answers the question, or is truncated: anybody can send the others."""
        loop = asyncio.get_running_loop()
        with self._open(socket.SOCK_DGRAM) as opened:
            await connect(opened, self._found, self._params.port)
            self._phases.begin("request")
            await loop.sock_sendall(opened, self._wire)
            while True:
                wire = await loop.sock_recv(opened, 65_535)
                try:
                    return parse(self._query, wire)
                except Malformed as error:
                    self._wrong = str(error)

    async def _ask_by_tcp(self) -> dns.message.Message:
        loop = asyncio.get_running_loop()
        with self._open(socket.SOCK_STREAM) as opened:
            await connect(opened, self._found, self._params.port)
            if self._phases.current == "connect":
                self._phases.begin("request")
            await loop.sock_sendall(opened, struct.pack("!H", len(self._wire)) + self._wire)
            (length,) = struct.unpack("!H", await _receive(opened, 2))
            return parse(self._query, await _receive(opened, length))

    def _open(self, kind: socket.SocketKind) -> socket.socket:
        return open_socket(kind, self._found.version, str(self._params.source or ""))

    def unanswered(self, timeout: float) -> Failed:
        """What it means that the time was up."""
        if self._wrong:
            return self.failed("malformed", f"{self._wrong}; nothing better came within {timeout:g} s")
        missing = "connection" if self._phases.current == "connect" else f"answer to {self._about}"
        return self.failed("timeout", f"no {missing} within {timeout:g} s")

    def failed(self, reason: str, detail: str) -> Failed:
        """A failure of the server."""
        samples = (*self._phases.samples, Sample("probe_dns_query_succeeded", 0))
        return Failed(reason, f"{self.server}: {detail}", samples)


def parse(query: dns.message.Message, wire: bytes) -> dns.message.Message:
    """The answer to a query.

    A truncated answer comes back without its records. Raises Malformed, saying why, when the bytes are
    no answer to the query.
    """
    if len(wire) < _HEADER:
        raise Malformed(f"{len(wire)} bytes are too short for DNS")
    id, flags = struct.unpack_from("!HH", wire)
    if id != query.id:
        raise Malformed("the answer carries the id of another question")
    if flags & dns.flags.QR and flags & dns.flags.TC:
        truncated = dns.message.make_response(query)
        truncated.flags |= dns.flags.TC
        return truncated
    try:
        # A set for each record: to gather those of one name and type would be half of the work, and nobody needs it.
        response = dns.message.from_wire(wire, one_rr_per_rrset=True)
    except Exception as error:  # dnspython lets a few other errors through for records that nobody writes
        raise Malformed(f"the answer is not DNS ({type(error).__name__})") from error
    if not query.is_response(response):
        raise Malformed("the answer is to another question")
    return response


def records(response: dns.message.Message) -> tuple[str, ...]:
    """The records of the answer section as "NAME TTL CLASS TYPE DATA", bounded in number and length."""
    return tuple(
        f"{rrset.name} {rrset.ttl} {dns.rdataclass.to_text(rrset.rdclass)} {dns.rdatatype.to_text(rrset.rdtype)} "
        f"{record.to_text()}"[:_LONGEST_RECORD]
        for rrset in response.answer
        for record in rrset
    )[:_MOST_RECORDS]


def _count(response: dns.message.Message) -> int:
    """How many records the answer section has."""
    return sum(map(len, response.answer))


def _judge(params: DnsParams, response: dns.message.Message, server: str, samples: tuple[Sample, ...]) -> None:
    """Raises Failed when the answer is not one of those asked for."""
    code = dns.rcode.to_text(response.rcode())
    about = f"{server}: {params.query_name} {params.query_type}"
    if code not in params.rcodes:
        raise Failed("wrong_rcode", f"{about} is {code}, not {' or '.join(params.rcodes)}", samples)
    count = _count(response)
    if code == "NOERROR" and count < params.min_answers:
        raise Failed("unexpected_answer", f"{about} has {count} records, not {params.min_answers}", samples)
    if not (params.answer_matches or params.answer_not_matches):
        return
    with limited():
        wrong = _mismatch(params, records(response))
    if wrong:
        raise Failed("unexpected_answer", f"{about}: {wrong}", samples)


def _mismatch(params: DnsParams, lines: tuple[str, ...]) -> str:
    """What is wrong with the records, "" if nothing."""
    for pattern in params.answer_not_matches:
        for line in lines:
            if re.search(pattern, line):
                return f"{excerpt(line)} matches {excerpt(pattern)}"
    wanted = params.answer_matches
    if wanted and not any(re.search(pattern, line) for pattern in wanted for line in lines):
        first = f", the first is {excerpt(lines[0])}" if lines else ""
        return f"none of {len(lines)} records matches {excerpt(' or '.join(wanted))}{first}"
    return ""


def _counts(response: dns.message.Message) -> tuple[Sample, ...]:
    sections = {"answer": response.answer, "authority": response.authority, "additional": response.additional}
    serials = [
        Sample("probe_dns_serial", record.serial)
        for rrset in response.answer
        if rrset.rdtype == dns.rdatatype.SOA
        for record in rrset
    ]
    return (
        *(Sample(f"probe_dns_{name}_rrs", sum(map(len, section))) for name, section in sections.items()),
        *serials[:1],
        Sample("probe_dns_query_succeeded", 1),
    )


async def _receive(opened: socket.socket, length: int) -> bytes:
    """Exactly that many bytes. Raises EOFError when the peer closes before."""
    data = b""
    while len(data) < length:
        part = await asyncio.get_running_loop().sock_recv(opened, length - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def _first_nameserver() -> str:
    """The server that this machine asks first; read anew each time, because DHCP changes it."""
    try:
        return str(dns.resolver.Resolver().nameservers[0])
    except (dns.exception.DNSException, OSError, IndexError) as error:
        raise Unmeasured("no_network", "this machine has no DNS server in /etc/resolv.conf") from error
