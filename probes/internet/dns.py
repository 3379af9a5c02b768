"""Asks one DNS server one question, and judges the answer."""

import re
from typing import Annotated, ClassVar, Literal

import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.resolver
from pydantic import AfterValidator, Field, IPvAnyAddress

from probes import DefaultRule, Failed, Measured, Metric, Params, Probe, Sample
from probes._engines import Engines
from probes._engines.connect import REASONS
from probes._engines.dns_exchange import Query, Question, Server
from probes._engines.dns_reply import Reply
from probes._engines.excerpt import excerpt
from probes._engines.lookup import first_nameserver
from probes._engines.matching import Regex, limited
from probes._engines.phases import Phases
from probes._engines.resolve import Family, Host, resolve

_LONGEST_RECORD = 1000
_MOST_RECORDS = 200


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
        """The server, as blackbox_exporter has it: `host`, `host:port`, `[address]:port`. The name comes from the other
        settings."""
        host, colon, port = target.rpartition(":")
        if not colon or (":" in host and not host.endswith("]")):
            return {"resolver": target.strip("[]")}
        return {"resolver": host.strip("[]"), "port": port}


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
            unreached=0,
        ),
        Metric("probe_dns_answer_rrs", "Records in the answer section", unreached=0),
        Metric("probe_dns_authority_rrs", "Records in the authority section", unreached=0),
        Metric("probe_dns_additional_rrs", "Records in the additional section", unreached=0),
        Metric("probe_dns_query_succeeded", "1 if a well-formed answer to the question came, else 0", unreached=0),
        Metric("probe_dns_serial", "Serial number of the zone, when asked for its SOA"),
        Metric("probe_dns_lookup_time_seconds", "Time of the lookup of the server's own name", "seconds", unreached=0),
        Metric("probe_ip_protocol", "IP version that was used, 4 or 6", unreached=0),
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
        whole = bool(params.answer_matches or params.answer_not_matches or params.query_type == "SOA")
        self._query = Query(params.query_name, params.query_type, recursion=params.recursion, whole=whole)

    async def measure(self, timeout: float) -> Measured:
        """Ask once, by TCP again if the answer was truncated, and judge what came."""
        params, phases = self.params, Phases("probe_dns_duration_seconds", "resolve")
        host = params.resolver or first_nameserver()
        found = await resolve(host, params.family, timeout, params.source)
        phases.note(*found.samples)
        server = Server(found, params.port, str(params.source or ""))
        question = Question(server, self._query, phases)
        try:
            response = await question.ask(timeout - phases.elapsed, tcp=params.transport == "tcp")
        except Failed as failed:
            samples = (*failed.samples, Sample("probe_dns_query_succeeded", 0))
            raise Failed(failed.reason, failed.detail, samples) from failed
        took = phases.end()
        phases.note(*_counts(response))
        _judge(params, response, str(server), phases.samples)
        detail = f"{server} answered {response.code} with {len(response.answer)} records in {1000 * took:.3g} ms"
        return Measured(detail, phases.samples)


def records(response: dns.message.Message) -> tuple[str, ...]:
    """The records of the answer section as "NAME TTL CLASS TYPE DATA", bounded in number and length."""
    return tuple(
        f"{rrset.name} {rrset.ttl} {dns.rdataclass.to_text(rrset.rdclass)} {dns.rdatatype.to_text(rrset.rdtype)} "
        f"{record.to_text()}"[:_LONGEST_RECORD]
        for rrset in response.answer
        for record in rrset
    )[:_MOST_RECORDS]


def _judge(params: DnsParams, response: Reply, server: str, samples: tuple[Sample, ...]) -> None:
    """Raises Failed when the answer is not one of those asked for."""
    code = response.code
    about = f"{server}: {params.query_name} {params.query_type}"
    if code not in params.rcodes:
        raise Failed("wrong_rcode", f"{about} is {code}, not {' or '.join(params.rcodes)}", samples)
    count = len(response.answer)
    if code == "NOERROR" and count < params.min_answers:
        raise Failed("unexpected_answer", f"{about} has {count} records, not {params.min_answers}", samples)
    if response.message is None or not (params.answer_matches or params.answer_not_matches):
        return
    with limited():
        wrong = _mismatch(params, records(response.message))
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


def _counts(response: Reply) -> tuple[Sample, ...]:
    answer = () if response.message is None else response.message.answer
    serials = [
        Sample("probe_dns_serial", record.serial)
        for rrset in answer
        if rrset.rdtype == dns.rdatatype.SOA
        for record in rrset
    ]
    return (
        Sample("probe_dns_answer_rrs", len(response.answer)),
        Sample("probe_dns_authority_rrs", len(response.authority)),
        Sample("probe_dns_additional_rrs", len(response.additional)),
        *serials[:1],
        Sample("probe_dns_query_succeeded", 1),
    )
