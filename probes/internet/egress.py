"""Finds out from which public address we leave, and so which uplink carries the traffic of the building now."""

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Address, ip_address
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, IPvAnyAddress

from probes import DefaultRule, Failed, Measured, Metric, Params, Probe, Sample, Unmeasured
from probes._engines.excerpt import excerpt
from probes._engines.http.exchange import Request, Via
from probes._engines.lookup import ask, first_nameserver
from probes._engines.resolve import Host
from probes._engines.uplinks import Uplink

Address = IPvAnyAddress

MOST_ADDRESSES = 8
"""Addresses of a line that are remembered: one that comes back is not new."""

_MARGIN = 0.05  # seconds kept back of the timeout, so that the verdict is ours and not the caller's cancellation
_MOST_BODY = 16 * 1024
_MOST_NETWORKS = 5
_FOR_ASN = 0.3  # share of the time that is kept for the lookup of the network's number
_CARRIER_GRADE = IPv4Network("100.64.0.0/10")  # RFC 6598

_NEW = 3600.0  # seconds

_CARRIES = "deskwatch_egress_uplink"
_ON_BACKUP = "deskwatch_egress_on_backup"
_ASN = "deskwatch_egress_asn"
_EXPECTED = "deskwatch_egress_address_expected"
_AGE = "deskwatch_egress_address_age_seconds"
_CHANGES = "deskwatch_egress_address_changes_total"
_NAT = "deskwatch_egress_carrier_grade_nat"
_FAILOVERS = "deskwatch_egress_failovers_total"
_FAILOVER, _FAILBACK = "deskwatch_egress_failover_seconds", "deskwatch_egress_failback_seconds"


def _url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or not url.isascii() or not url.isprintable():
        raise ValueError("an endpoint begins with https:// and a host name")
    _ = parts.port  # raises ValueError when it is none
    return url


class EgressParams(Params):
    """Whom to ask for our address, and what is known of the uplinks."""

    echo: Annotated[
        tuple[Annotated[str, AfterValidator(_url), Field(max_length=2000)], ...],
        Field(
            min_length=1,
            max_length=5,
            description="endpoints that say which address asks them, as text or in JSON, in turn until one answers",
        ),
    ] = ("https://checkip.amazonaws.com/", "https://icanhazip.com/")
    family: Annotated[
        Literal["ipv4", "ipv6"], Field(description="IP version to look at; the other one may leave by another line")
    ] = "ipv4"
    asn_zone: Annotated[
        Host | None, Field(description="DNS zone that knows the network of IPv4 addresses; none to look nothing up")
    ] = "origin.asn.cymru.com"
    asn_zone6: Annotated[Host | None, Field(description="the same for IPv6 addresses")] = "origin6.asn.cymru.com"
    resolver: Annotated[
        IPvAnyAddress | None, Field(description="DNS server to ask for it; this machine's first if not set")
    ] = None
    dns_port: Annotated[int, Field(ge=1, le=65_535, description="port of the DNS server")] = 53
    uplinks: Annotated[
        Mapping[str, Uplink], Field(max_length=20, description="what is known of each line, by its id")
    ] = {}

    @property
    def target(self) -> str:
        """The first endpoint."""
        return self.echo[0]

    @classmethod
    def of_target(cls, target: str) -> dict[str, object]:
        """An endpoint; without a scheme it is https."""
        return {"echo": [target if "://" in target else f"https://{target}"]}


class Egress(Probe[EgressParams]):
    """Which uplink carries the traffic of the building now, by the public address that it leaves from."""

    Params = EgressParams
    metrics = (
        Metric(_CARRIES, "1 for the uplink that carries traffic now, 0 for the others", "", "uplink"),
        Metric(_ON_BACKUP, "1 if a backup carries traffic, 0 if a primary uplink does"),
        Metric(_ASN, "Number of the autonomous system that the public address belongs to"),
        Metric(_EXPECTED, "1 if the public address is one that an uplink declares, else 0"),
        Metric(
            _AGE, "Time since a line with declared addresses was last seen to get one that was new there", "seconds"
        ),
        Metric(_CHANGES, "Times that a line was seen with another public address than before"),
        Metric(_NAT, "1 if the line is behind the provider's own NAT, so that nobody can connect in, else 0"),
        Metric(_FAILOVERS, "Times that a backup was seen to take over"),
        Metric(_FAILOVER, "Longest that the newest failover can have taken", "seconds"),
        Metric(_FAILBACK, "Longest that the newest return to a primary uplink can have taken", "seconds"),
    )
    reasons: ClassVar = {"no_way_out": "none of the endpoints can be reached: nothing leaves the building"}
    rules = (
        DefaultRule("backup", _ON_BACKUP, "runs on the backup line: the next failure cuts everybody off", above=0),
        DefaultRule(
            "address",
            _EXPECTED,
            "leaves from a public address that no uplink declares: whoever lets us in by address may refuse",
            below=1,
            hold=60,
        ),
        DefaultRule(
            "new-address",
            _AGE,
            "got a new public address within the last hour: look at what lets us in by address",
            below=_NEW,
        ),
    )

    async def measure(self, timeout: float) -> Measured:
        """Ask for our address, look up whose it is, and compare with the uplinks."""
        available = timeout - _MARGIN
        deadline = time.monotonic() + available * (1 - _FOR_ASN)
        address = await self._address(deadline)
        asns = await self._networks(address, available * _FOR_ASN)
        now = datetime.now(UTC).timestamp()
        seen = seen_from(address, asns, self.params.uplinks)
        past = Past.of(self.engines.memory.recall(self.check)).after(seen, now, self.params.uplinks)
        self.engines.memory.keep(self.check, past.kept)
        uplinks = self.params.uplinks
        return Measured(in_words(seen, past, now, uplinks), tuple(samples(seen, past, now, uplinks)))

    async def _address(self, deadline: float) -> Address:
        """The address that an endpoint says we come from; the first that says one.

        Raises Failed when none can be reached, Unmeasured when none has an address to say.
        """
        troubles: list[Failed | Unmeasured] = []
        for left, url in zip(range(len(self.params.echo), 0, -1), self.params.echo, strict=True):
            try:
                return await self._echo(url, (deadline - time.monotonic()) / left)
            except (Failed, Unmeasured) as trouble:
                troubles.append(trouble)
        words = "; ".join(trouble.detail for trouble in troubles)
        ours = next((trouble for trouble in troubles if isinstance(trouble, Unmeasured)), None)
        if ours is not None:
            raise Unmeasured(ours.reason, words)
        raise Failed("no_way_out", words)

    async def _echo(self, url: str, timeout: float) -> Address:
        """The address that one endpoint says. Raises Failed or Unmeasured, like `_address`."""
        try:
            request = Request(url, most_body=_MOST_BODY, via=Via(family=self.params.family))
            response = await self.engines.http.fetch(request, timeout)
        except Failed as failed:
            raise Failed("no_way_out", f"{url}: {failed.detail}") from failed
        except Unmeasured as unmeasured:
            raise Unmeasured(unmeasured.reason, f"{url}: {unmeasured.detail}") from unmeasured
        address = said(response.body) if response.status == 200 else None
        if address is None:
            words = excerpt(response.body[:200].decode(errors="replace"), 60)
            answers = f"{url} answers with status {response.status} and no address, but {words}"
            raise Unmeasured("no_source", answers)
        return address

    async def _networks(self, address: Address, timeout: float) -> tuple[int, ...]:
        """The networks that announce the address, none if that cannot be found out."""
        params = self.params
        zone = params.asn_zone6 if isinstance(address, IPv6Address) else params.asn_zone
        if zone is None:
            return ()
        with suppress(Unmeasured):
            server = str(params.resolver or first_nameserver())
            answer = await ask(server, params.dns_port, origin_name(address, zone), "TXT", timeout, Via())
            return networks(answer.records)
        return ()


def said(body: bytes) -> Address | None:
    """The address in an endpoint's answer, None if there is none.

    It is plain text, or JSON with `ip` or, as LibreSpeed has it, `processedString`: "192.0.2.1 - Fibre One".
    """
    text = body.decode(errors="replace").strip()
    with suppress(ValueError, RecursionError):
        document = json.loads(text)
        if isinstance(document, dict):
            text = str(document.get("ip") or document.get("processedString") or "")
    with suppress(ValueError):
        return ip_address(text.split(" ", 1)[0])
    return None


def origin_name(address: Address, zone: str) -> str:
    """The name below which a zone tells of an address: its numbers, the last one first."""
    pieces = address.reverse_pointer.split(".")[:-2]  # without in-addr.arpa, ip6.arpa
    return ".".join((*pieces, zone))


def networks(records: Iterable[str]) -> tuple[int, ...]:
    """Numbers of the autonomous systems in TXT records such as "64500 64501 | 198.51.100.0/24 | PT | ripencc"."""
    for record in records:
        words = record.strip('"').partition("|")[0].split()
        found = [int(word) for word in words if word.isascii() and word.isdigit() and len(word) <= 10]
        if found:
            return tuple(found[:_MOST_NETWORKS])
    return ()


@dataclass(frozen=True, slots=True)
class Seen:
    """What one run saw: the public address, the networks that announce it, the uplink that has it.

    `uplink` is "" if that cannot be told. `expected` is whether an uplink declares the address, None if none declares
    addresses or networks. `nat` is whether the line is behind the NAT of its provider.
    """

    address: Address
    asns: tuple[int, ...]
    uplink: str = ""
    expected: bool | None = None
    nat: bool = False


def seen_from(address: Address, asns: tuple[int, ...], uplinks: Mapping[str, Uplink]) -> Seen:
    """The uplink that an address belongs to: the one that declares it, else the only one of that network."""
    by_prefix = [id for id, uplink in uplinks.items() if _is_within(address, uplink)]
    by_asn = [id for id, uplink in uplinks.items() if set(uplink.asn) & set(asns)]
    found = by_prefix or by_asn
    id = found[0] if len(found) == 1 else ""
    declared = any(uplink.prefix or uplink.asn for uplink in uplinks.values())
    expected = bool(by_prefix) or any(not uplinks[one].prefix for one in by_asn)
    return Seen(address, asns, id, expected if declared else None, _is_behind_nat(address, uplinks.get(id)))


def _is_within(address: Address, uplink: Uplink) -> bool:
    return any(address in prefix for prefix in uplink.prefix)


def _is_behind_nat(address: Address, uplink: Uplink | None) -> bool:
    """Whether the line has an address that providers give to customers behind their own NAT."""
    ours = (uplink.source, uplink.gateway) if uplink is not None else ()
    return any(one is not None and one in _CARRIER_GRADE for one in (address, *ours))


@dataclass(frozen=True, slots=True)
class Past:
    """What is remembered of the runs before: the uplink that carried traffic and when it was last seen to.

    Times are seconds of Unix time, `failover` and `failback` lengths in seconds, None if there was none. `addresses`
    are those seen of each uplink, the newest last; `changed` is when it last got one that was never seen before.
    """

    uplink: str = ""
    seen: float = 0
    failovers: int = 0
    failover: float | None = None
    failback: float | None = None
    changes: int = 0
    addresses: Mapping[str, list[str]] = field(default_factory=dict)
    changed: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> "Past":
        """What was kept, maybe by another version of Deskwatch."""
        return cls(**{one.name: kept[one.name] for one in fields(cls) if one.name in kept})

    @property
    def kept(self) -> dict[str, Any]:
        """It as JSON."""
        return asdict(self)

    def after(self, seen: Seen, now: float, uplinks: Mapping[str, Uplink]) -> "Past":
        """What is remembered after one more run. A run that could tell no uplink changes nothing."""
        if not seen.uplink:
            return self
        return self._moved(seen.uplink, now, uplinks)._addressed(seen.uplink, str(seen.address), now)

    def _moved(self, to: str, now: float, uplinks: Mapping[str, Uplink]) -> "Past":
        """With the uplink that carries traffic now. That primary uplinks share it is no failover."""
        moved, took = replace(self, uplink=to, seen=now), max(0.0, now - self.seen)
        before = uplinks.get(self.uplink)
        if before is None or before.role == uplinks[to].role:
            return moved
        if uplinks[to].role == "backup":
            return replace(moved, failover=took, failovers=self.failovers + 1)
        return replace(moved, failback=took)

    def _addressed(self, id: str, address: str, now: float) -> "Past":
        """With the address that the uplink has now."""
        known = self.addresses.get(id, [])
        if address in known[-1:]:
            return self
        addresses = [*(one for one in known if one != address), address][-MOST_ADDRESSES:]
        past = replace(self, addresses={**self.addresses, id: addresses})
        if not known:
            return past
        changed = self.changed if address in known else {**self.changed, id: now}
        return replace(past, changes=self.changes + 1, changed=changed)


def samples(seen: Seen, past: Past, now: float, uplinks: Mapping[str, Uplink]) -> Iterator[Sample]:
    """The figures of one run."""
    if seen.uplink:
        yield from (Sample(_CARRIES, int(id == seen.uplink), id) for id in uplinks)
        yield Sample(_ON_BACKUP, int(uplinks[seen.uplink].role == "backup"))
    if seen.asns:
        yield Sample(_ASN, seen.asns[0])
    if seen.expected is not None:
        yield Sample(_EXPECTED, int(seen.expected))
    if seen.expected and seen.uplink in past.changed and uplinks[seen.uplink].prefix:
        yield Sample(_AGE, max(0.0, now - past.changed[seen.uplink]))
    yield from (Sample(_CHANGES, past.changes), Sample(_NAT, int(seen.nat)), Sample(_FAILOVERS, past.failovers))
    lengths = {_FAILOVER: past.failover, _FAILBACK: past.failback}
    yield from (Sample(metric, length) for metric, length in lengths.items() if length is not None)


def in_words(seen: Seen, past: Past, now: float, uplinks: Mapping[str, Uplink]) -> str:
    """The sentence of one run: what is not as it should be comes first."""
    where = f"public address {seen.address}{f' of AS{seen.asns[0]}' if seen.asns else ''}"
    if not seen.uplink:
        unknown = f"{where} is not that of one uplink alone, so which one carries traffic is not known"
        return f"{unknown}: give each its `prefix` or `asn`" if uplinks else where
    remarks = [*_of_address(seen, past, now, uplinks[seen.uplink]), *_of_nat(seen)]
    return "; ".join((_carrier(seen, past, uplinks), where, *remarks))


def _carrier(seen: Seen, past: Past, uplinks: Mapping[str, Uplink]) -> str:
    """Which uplink carries traffic."""
    uplink = uplinks[seen.uplink]
    name = f"{seen.uplink} of {uplink.provider} (provider)" if uplink.provider else seen.uplink
    if uplink.role == "primary":
        return f"{name} carries traffic"
    took = "" if past.failover is None else f", which took over within {past.failover:.0f} s"
    return f"running on the backup: {name} carries traffic{took}"


def _of_address(seen: Seen, past: Past, now: float, uplink: Uplink) -> Iterator[str]:
    """What is strange about the address."""
    if not seen.expected:
        declared = ", ".join(map(str, uplink.prefix))
        yield f"that is outside {declared}, which the uplink declares: its address has changed"
        return
    changed = past.changed.get(seen.uplink)
    if changed is not None and uplink.prefix and now - changed < _NEW:
        yield f"a new address was seen here at {datetime.fromtimestamp(changed, UTC):%H:%M} UTC"


def _of_nat(seen: Seen) -> Iterator[str]:
    if seen.nat:
        yield f"behind the provider's own NAT ({_CARRIER_GRADE}): nobody can connect to us from outside"
