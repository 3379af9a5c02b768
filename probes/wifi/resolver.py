"""Asks the name server that members get for a few names, as their devices do, and for one that nobody has."""

import asyncio
import secrets
import statistics
import time
from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar, NamedTuple, Self

import dns.name
import dns.rcode
import dns.rdatatype
from dns.exception import DNSException
from pydantic import AfterValidator, Field, IPvAnyAddress, model_validator

from probes import DefaultRule, Failed, Measured, Metric, Params, Probe, Sample, Unmeasured
from probes._engines.connect import REASONS
from probes._engines.dhcp import RESOLVERS
from probes._engines.dns_exchange import Query, Question, Server
from probes._engines.phases import Phases
from probes._engines.resolve import Family, Host, Interface, Resolved, resolve

_MARGIN = 0.05  # seconds kept back of the timeout, so that the verdict is ours and not the caller's cancellation

_SECONDS = "deskwatch_resolver_answer_seconds"
_RESOLVED = "deskwatch_resolver_resolved"
_MEDIAN = "deskwatch_resolver_median_seconds"


def _name(text: str) -> str:
    try:
        dns.name.from_text(text)
    except (DNSException, UnicodeError) as error:
        raise ValueError(f"{text!r} is not a DNS name: {error}") from None
    return text


Name = Annotated[str, AfterValidator(_name), Field(min_length=1, max_length=253)]


class ResolverParams(Params):
    """Which name server, and what it has to know."""

    resolver: Annotated[Host | None, Field(description="name server that members get, name or address")] = None
    dhcp: Annotated[
        str | None,
        Field(
            max_length=200,
            pattern=r"^[^\s/]+/[^\s/]+$",
            description="instead: the wifi.dhcp check, as asset/check, in whose newest offer it is the first",
        ),
    ] = None
    names: Annotated[
        tuple[Name, ...],
        Field(min_length=1, max_length=10, description="public names, of which most must have an address"),
    ] = ("www.google.com", "www.microsoft.com", "www.apple.com")
    local: Annotated[
        Name | None, Field(description="name that only this house knows, e.g. printer.space.example; it must be known")
    ] = None
    nobody: Annotated[
        bool, Field(description="ask for a random name below .com as well, which must not have an address")
    ] = True
    port: Annotated[int, Field(ge=1, le=65_535, description="port of the name server")] = 53
    family: Annotated[Family, Field(description="IP version, for a name server given by name")] = "auto"
    source: Annotated[IPvAnyAddress | None, Field(description="address of this machine in the members' network")] = None
    interface: Annotated[Interface | None, Field(description="interface of this machine in the members' network")] = (
        None
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.resolver is None) == (self.dhcp is None):
            raise ValueError("say whom to ask: either `resolver`, or `dhcp` with a check that is offered one")
        if len({*self.names, self.local}) <= len(self.names):
            raise ValueError("a name is there twice")
        return self

    @property
    def target(self) -> str:
        """The name server, or what names it."""
        return f"{self.resolver or self.dhcp}:{self.port}"

    @classmethod
    def of_target(cls, target: str) -> dict[str, object]:
        """The name server."""
        return {"resolver": target}


class Heard(NamedTuple):
    """What came back to the question for a name: code and number of addresses, or how it failed."""

    code: str = ""
    addresses: int = 0
    took: float = 0
    failed: Failed | None = None

    @property
    def words(self) -> str:
        """What is wrong with it."""
        if self.failed is not None:
            return self.failed.detail.partition(": ")[2] or self.failed.detail
        return self.code if self.code != "NOERROR" else "no address"


class Resolver(Probe[ResolverParams]):
    """Whether the name server that members get finds what they look for, soon, and invents nothing."""

    Params = ResolverParams
    metrics = (
        Metric(_RESOLVED, "1 if an address was found for the name, else 0", "", "name"),
        Metric(_SECONDS, "Time until the answer for the name", "seconds", "name"),
        Metric(_MEDIAN, "The median of these times", "seconds"),
    )
    reasons: ClassVar = {
        **REASONS,
        "malformed": "what came back is no answer to the question",
        "not_resolving": "the name server answers, and finds no address for most public names",
        "local_unknown": "the name server does not know the name of this house",
        "invented": "the name server gives an address for a name that nobody has: members are led elsewhere",
    }
    rules = (
        DefaultRule(
            "slow",
            _MEDIAN,
            "takes more than 200 ms to find a name, which makes every page slow",
            above=0.2,
            clear=0.1,
            times=3,
            window=5,
        ),
        DefaultRule(
            "name-lost",
            _RESOLVED,
            "does not find one of the names that are looked for",
            below=1,
            times=3,
            window=3,
        ),
    )
    latency = (_MEDIAN, "")

    async def measure(self, timeout: float) -> Measured:
        """Ask for all names at once, and judge the answers together."""
        params, began = self.params, time.monotonic()
        host = params.resolver or self._handed_out()
        found = await resolve(host, params.family, timeout, params.source)
        server = Server(found, params.port, str(params.source or ""), params.interface or "")
        nobody = f"{secrets.token_hex(10)}.com" if params.nobody else ""
        asked = [name for name in (*params.names, params.local, nobody) if name]
        left = timeout - (time.monotonic() - began) - _MARGIN
        heard = await asyncio.gather(*(_hear(server, name, left) for name in asked))
        return judged(params, found, dict(zip(asked, heard, strict=True)), nobody)

    def _handed_out(self) -> str:
        """The first name server of the newest offer."""
        check = self.params.dhcp or ""
        known = self.engines.memory.recall(check).get(RESOLVERS)
        if not known:
            detail = f"no offer with a name server is known of the check {check}; is it of kind wifi.dhcp, and UP?"
            raise Unmeasured("no_source", detail)
        return str(known[0])


async def _hear(server: Server, name: str, timeout: float) -> Heard:
    """What is answered for a name. Raises Unmeasured."""
    phases = Phases(_SECONDS, "connect")
    try:
        response = await Question(server, Query(name), phases).ask(timeout)
    except Failed as failed:
        return Heard(failed=failed)
    return Heard(response.code, response.answer.count(dns.rdatatype.A), phases.end())


def judged(params: ResolverParams, found: Resolved, heard: Mapping[str, Heard], nobody: str) -> Measured:
    """What was heard means; `nobody` is the name that nobody has. Raises Failed when members are not served."""
    known = {name: one for name, one in heard.items() if name != nobody}
    samples = tuple(_samples(known))
    failures = [one.failed for one in heard.values() if one.failed is not None]
    if len(failures) == len(heard):
        detail = failures[0].detail.replace(f" to {next(iter(heard))} A", "")
        raise Failed(failures[0].reason, f"the members' name server {detail}", samples)
    lost = [name for name, one in known.items() if not one.addresses]
    if objection := _objection(params, lost, known, bool(nobody and heard[nobody].addresses)):
        raise Failed(objection[0], f"the members' name server {found.address} {objection[1]}", samples)
    times = statistics.median(one.took for one in known.values() if one.failed is None)
    missing = f"; not found: {_listed(lost, known)}" if lost else ""
    share = f"{len(known) - len(lost)} of {len(known)} names found"
    return Measured(f"{share} by {found.address}, half of them within {1000 * times:.3g} ms{missing}", samples)


def _objection(
    params: ResolverParams, lost: list[str], known: Mapping[str, Heard], invented: bool
) -> tuple[str, str] | None:
    """Reason and words, None if members are served."""
    public = [name for name in lost if name != params.local]
    if len(public) * 2 > len(params.names):
        return (
            "not_resolving",
            f"does not find {len(public)} of {len(params.names)} public names: {_listed(public, known)}",
        )
    if params.local in lost:
        return "local_unknown", f"does not know this house's own {_listed([params.local or ''], known)}"
    if invented:
        return (
            "invented",
            "gives an address for a random name that nobody has, so mistyped names lead members elsewhere",
        )
    return None


def _samples(known: Mapping[str, Heard]) -> Iterator[Sample]:
    for name, one in known.items():
        yield Sample(_RESOLVED, int(one.addresses > 0), name)
        if one.failed is None:
            yield Sample(_SECONDS, one.took, name)
    times = [one.took for one in known.values() if one.failed is None]
    if times:
        yield Sample(_MEDIAN, statistics.median(times))


def _listed(names: list[str], known: Mapping[str, Heard]) -> str:
    return ", ".join(f"{name} ({known[name].words})" for name in names[:3])
