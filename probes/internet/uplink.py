"""Looks at one line to the internet over its own interface, and says whose fault it is when nothing comes back."""

import time
from collections import deque
from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from itertools import pairwise
from statistics import fmean
from typing import Annotated, Any, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, IPvAnyAddress, model_validator

from probes import DefaultRule, Failed, Histogram, Measured, Metric, Params, Probe, Sample, Unmeasured
from probes._engines import Engines
from probes._engines.http.exchange import Via
from probes._engines.icmp.burst import ROUND_TRIPS
from probes._engines.line import Destination, Echoes, Findings, Plan, leaving, look
from probes._engines.resolve import Interface, ip_version
from probes._engines.trace import in_words, trace
from probes._engines.uplinks import Contract

RECENT = 300.0
"""Seconds of which recent loss tells."""

ENOUGH = 100
"""Echoes of which recent loss tells at least, however long ago the oldest was sent."""

_MARGIN = 0.05  # seconds kept back of the timeout, so that the verdict is ours and not the caller's cancellation
_PATIENCE = 0.05  # seconds that each reply must at least be given

_LOSS = "deskwatch_uplink_loss_ratio"
_RECENT_LOSS = "deskwatch_uplink_recent_loss_ratio"
_RTT = "deskwatch_uplink_rtt_seconds"
_JITTER = "deskwatch_uplink_jitter_seconds"
_TARGET = "deskwatch_uplink_target_up"
_GATEWAY = "deskwatch_uplink_gateway_up"
_GATEWAY_RTT = "deskwatch_uplink_gateway_rtt_seconds"
_TCP, _DNS, _HTTP = (f"deskwatch_uplink_{what}_seconds" for what in ("tcp", "dns", "http"))
_CONTRACT = "deskwatch_uplink_contract_bits_per_second"
_CONTRACT_RTT = "deskwatch_uplink_contract_rtt_seconds"
_OF_CONTRACT = "deskwatch_uplink_rtt_of_contract_ratio"


def _url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or not url.isascii() or not url.isprintable():
        raise ValueError("a page begins with https:// and a host name")
    if ip_version(parts.hostname):
        raise ValueError(f"{parts.hostname} is an address; give a page by its name, so that names are tested as well")
    _ = parts.port  # raises ValueError when it is none
    return url


PageUrl = Annotated[str, AfterValidator(_url), Field(max_length=2000)]
Port = Annotated[int, Field(ge=1, le=65_535)]


class UplinkParams(Params):
    """Which line, and whom to ask over it."""

    interface: Annotated[Interface | None, Field(description="interface of this machine that leads to the line")] = None
    source: Annotated[IPvAnyAddress | None, Field(description="address of this machine whose traffic takes it")] = None
    gateway: Annotated[IPvAnyAddress | None, Field(description="our own router on this line, asked apart")] = None
    provider: Annotated[str, Field(max_length=100, description="who provides the line, named when it fails")] = ""
    role: Annotated[Literal["primary", "backup"], Field(description="whether it carries traffic or stands by")] = (
        "primary"
    )
    contract: Annotated[Contract, Field(description="what the provider has promised")] = Contract()
    targets: Annotated[
        tuple[IPvAnyAddress, ...],
        Field(min_length=3, max_length=10, description="addresses in two networks or more that answer echoes and TCP"),
    ] = tuple(map(ip_address, ("1.1.1.1", "8.8.8.8", "9.9.9.9")))
    tcp_port: Annotated[Port, Field(description="port of the targets to connect to")] = 443
    resolvers: Annotated[
        tuple[IPvAnyAddress, ...],
        Field(min_length=1, max_length=5, description="DNS servers, by address; one that answers is enough"),
    ] = tuple(map(ip_address, ("1.1.1.1", "8.8.8.8")))
    dns_port: Annotated[Port, Field(description="port of the DNS servers")] = 53
    urls: Annotated[
        tuple[PageUrl, ...],
        Field(min_length=1, max_length=5, description="small pages in two networks; one that comes is enough"),
    ] = ("https://www.gstatic.com/generate_204", "https://www.cloudflare.com/cdn-cgi/trace")
    count: Annotated[int, Field(ge=1, le=100, description="echoes to each address per run")] = 5
    gap: Annotated[float, Field(ge=0.01, le=10, description="seconds between two echoes to an address")] = 0.2

    @model_validator(mode="after")
    def _one_ip_version(self) -> Self:
        named = {"source": [self.source], "gateway": [self.gateway], "resolvers": self.resolvers}
        version = self.targets[0].version
        for name, addresses in (*named.items(), ("targets", self.targets)):
            strange = next((one for one in addresses if one is not None and one.version != version), None)
            if strange is not None:
                raise ValueError(
                    f"{strange} of {name} is IPv{strange.version}, but the first target {self.targets[0]} is "
                    f"IPv{version}; one check looks at one of them: make a second check for the other"
                )
        return self

    @property
    def target(self) -> str:
        """The line, by what leads to it."""
        return self.interface or str(self.source or "") or "whatever line carries traffic"

    @classmethod
    def of_target(cls, target: str) -> dict[str, object]:
        """An interface, or an address of this machine."""
        return {"source" if ip_version(target) else "interface": target}

    @property
    def who(self) -> str:
        """The line in words."""
        return f"{self.provider} (provider)" if self.provider else "the line"


class Uplink(Probe[UplinkParams]):
    """Whether one line to the internet works, whatever line carries the traffic of the building at the moment."""

    Params = UplinkParams
    metrics = (
        Metric(_LOSS, "Share of this run's echoes that were lost, of those to destinations that answer", "ratio"),
        Metric(_RECENT_LOSS, "The same over the last five minutes, and over 100 echoes or more", "ratio"),
        Metric(_RTT, "Round trip time to the nearest destination", "seconds", "stat", ("min", "median", "p95", "max")),
        Metric(_JITTER, "Mean difference between successive round trip times to the nearest destination", "seconds"),
        Metric(_TARGET, "1 if the destination answered an echo or a connection over this line, else 0", "", "target"),
        Metric(_GATEWAY, "1 if our own router on this line shows that it works, else 0"),
        Metric(_GATEWAY_RTT, "Median round trip time to our own router", "seconds"),
        Metric(_TCP, "Time of the fastest TCP connection to a destination", "seconds"),
        Metric(_DNS, "Time of the fastest answer to a DNS question", "seconds"),
        Metric(_HTTP, "Time of the fastest page, from the connection to its end", "seconds"),
        Metric(_CONTRACT, "Rate that the contract promises", "bits_per_second", "direction", ("down", "up")),
        Metric(_CONTRACT_RTT, "Round trip time that the contract promises at most", "seconds"),
        Metric(_OF_CONTRACT, "Median round trip time as a share of what the contract promises at most", "ratio"),
    )
    reasons: ClassVar = {
        "gateway_down": "our own router on this line does not answer, and nothing beyond it does",
        "line_down": "nothing beyond our own router answers: it is the provider's line",
        "dns_failed": "packets pass, but none of the DNS servers gives an address for a name",
        "blocked": "packets pass and names are found, but no page comes: the provider holds traffic back",
    }
    rules = (
        DefaultRule(
            "loss",
            _RECENT_LOSS,
            "loses more than 2 % of its packets: calls stutter",
            above=0.02,
            clear=0.01,
            hold=300,
            times=2,
            window=2,
        ),
        DefaultRule(
            "heavy-loss",
            _RECENT_LOSS,
            "loses more than 10 % of its packets: hardly usable",
            severity="critical",
            closed="warning",
            above=0.10,
            clear=0.05,
            hold=60,
            times=2,
            window=2,
        ),
        DefaultRule(
            "latency",
            _OF_CONTRACT,
            "takes longer for a round trip than its contract allows",
            above=1,
            clear=0.9,
            hold=300,
        ),
        DefaultRule(
            "slow",
            _RTT,
            "takes three times as long for a round trip as usual",
            part="median",
            against="usual",
            least_usual=0.005,
            above=3,
            clear=2,
            hold=300,
        ),
    )
    histograms = (
        Histogram(
            "deskwatch_uplink_round_trip_seconds",
            "Median round trip time of each run to the nearest destination.",
            _RTT,
            ROUND_TRIPS,
            part="median",
        ),
    )
    latency = (_RTT, "median")
    per_target = 1

    def __init__(self, params: UplinkParams, engines: Engines) -> None:
        super().__init__(params, engines)
        self._recent = RecentLoss()

    async def measure(self, timeout: float) -> Measured:
        """Ask everything over the line at once, and judge it."""
        params, available = self.params, timeout - _MARGIN
        if available - (params.count - 1) * params.gap < _PATIENCE:
            raise Unmeasured(
                "monitor_error",
                f"{params.count} echoes {params.gap:g} s apart do not fit into the timeout of {timeout:g} s: "
                "raise timeout, or lower count or gap",
            )
        findings = await look(self.engines, _plan(params), available)
        return verdict(params, findings, self._recent.after(findings, time.monotonic()))

    async def evidence(self, timeout: float) -> str:
        """The path over the line: how far echoes get."""
        plan = _plan(self.params)
        target = plan.targets[0]
        via = leaving(plan.via, ip_version(target))
        hops = await trace(self.engines.icmp, target, timeout / 2, source=via.source, interface=via.interface)
        return f"path to {target} over {self.params.who}: {in_words(hops)}"


def _plan(params: UplinkParams) -> Plan:
    return Plan(
        via=Via(source=str(params.source or ""), interface=params.interface or ""),
        gateway=str(params.gateway or ""),
        targets=tuple(map(str, params.targets)),
        resolvers=tuple(map(str, params.resolvers)),
        urls=params.urls,
        tcp_port=params.tcp_port,
        dns_port=params.dns_port,
        count=params.count,
        gap=params.gap,
    )


class RecentLoss:
    """Echoes sent and answered in the last runs, as far as they tell of loss.

    Runs in which the line carried nothing are left out, with the one before and the one after, in which it may have
    broken or come back: that is an outage, and it would go on to look like loss for minutes after its end.
    """

    def __init__(self) -> None:
        self._runs: deque[tuple[float, int, int]] = deque()
        self._broken = False

    def after(self, findings: Findings, now: float) -> float | None:
        """The loss after one more run, None as long as fewer than `ENOUGH` echoes were sent."""
        sent, answered = _counted(_answering(findings.destinations))
        if not findings.carries:
            self._break_off()
        elif self._broken:
            self._broken = False
        elif sent:
            self._runs.append((now, sent, answered))
        return self._ratio(now - RECENT)

    def _break_off(self) -> None:
        """The line is dead: the last run before may have seen it die."""
        if not self._broken and self._runs:
            self._runs.pop()
        self._broken = True

    def _ratio(self, oldest: float) -> float | None:
        """The loss over the runs since then, and as many before it as it takes to have enough."""
        total = sum(run[1] for run in self._runs)
        while self._runs and self._runs[0][0] < oldest and total - self._runs[0][1] >= ENOUGH:
            total -= self._runs.popleft()[1]
        return 1 - sum(run[2] for run in self._runs) / total if total >= ENOUGH else None


def verdict(params: UplinkParams, findings: Findings, recent: float | None) -> Measured:
    """What one run says about the line; `recent` is the loss over the last runs.

    Raises Failed when nobody could work over it, Unmeasured when this machine was too busy to send.
    """
    if not any(one.echoes.sent for one in findings.destinations):
        raise Unmeasured("overloaded", f"the kernel took none of the echoes for {params.who}")
    samples = (*_samples(findings), *_of_contract(params.contract, findings))
    if recent is not None:
        samples += (Sample(_RECENT_LOSS, recent),)
    if not findings.carries:
        raise _dead(params, findings, samples)
    troubles = tuple(dict.fromkeys(answer.trouble for answer in findings.lookups if answer.trouble))
    if not any(answer.records for answer in findings.lookups):
        detail = f"packets pass over {params.who}, but no name is found: {', '.join(troubles)}"
        raise Failed("dns_failed", detail + _consequence(params), samples)
    if all(page.took is None for page in findings.pages) and _conclusive(findings):
        words = "; ".join(f"{page.url}: {page.trouble}" for page in findings.pages)
        detail = f"packets pass over {params.who} and names are found, but no page comes: {words}"
        raise Failed("blocked", detail + _consequence(params), samples)
    return Measured("; ".join((*_remarks(findings, troubles), _summary(params, findings))), samples)


def _conclusive(findings: Findings) -> bool:
    """Whether pages that do not come are the line's fault: one page alone may be its server's."""
    return len(findings.pages) > 1 or all(one.connected is None for one in findings.destinations)


def _dead(params: UplinkParams, findings: Findings, samples: tuple[Sample, ...]) -> Failed:
    """The failure of a line over which nothing came back."""
    if not findings.router:
        known = "whether our router works is not known: set `gateway` to its address"
        detail = f"nothing beyond this machine answers over {params.who}; {known}"
        return Failed("line_down", detail + _consequence(params), samples)
    if not findings.gateway_answers:
        detail = (
            f"our router {findings.router} does not answer, and nothing beyond it does: "
            f"look at its power and cables before you call {params.provider or 'the provider'}"
        )
        return Failed("gateway_down", detail + _consequence(params), samples)
    names = ", ".join(one.address for one in findings.destinations)
    detail = f"{params.who} carries nothing: our router {findings.router} answers, but none of {names} beyond it does"
    return Failed("line_down", detail + _consequence(params), samples)


def _consequence(params: UplinkParams) -> str:
    """What it means that a backup fails, which nobody else notices."""
    return "; it is the backup: there is none until it works" if params.role == "backup" else ""


def _remarks(findings: Findings, troubles: Sequence[str]) -> Iterator[str]:
    """What is wrong although the line works."""
    dead = [one.address for one in findings.destinations if not one.answers]
    if len(dead) == 1 and len(dead) < len(findings.destinations):
        yield f"{dead[0]} alone does not answer: it is the destination, not the line"
    elif dead:
        yield f"{len(dead)} of {len(findings.destinations)} destinations do not answer: {', '.join(dead)}"
    if findings.router and not findings.gateway_answers:
        yield f"our router {findings.router} does not answer echoes, but carries traffic"
    yield from troubles
    for page in findings.pages:
        if page.took is None:
            yield f"{page.url} does not come: {page.trouble}"


def _summary(params: UplinkParams, findings: Findings) -> str:
    answering = _answering(findings.destinations)
    unbound = "" if params.interface or params.source else ", not bound to an interface or a source"
    if not answering:
        return f"{params.who} works{unbound}; no destination answers echoes, so loss is not known"
    sent, answered = _counted(answering)
    figures = f"{answered} of {sent} echoes to {len(answering)} destinations answered"
    return f"{params.who}{unbound}: {figures}, median round trip {1000 * _nearest(answering).median:.3g} ms"


def _answering(destinations: Sequence[Destination]) -> list[Destination]:
    """The destinations that answer echoes: silence of one that never does is no loss of the line."""
    return [one for one in destinations if one.echoes.rtts]


def _counted(answering: Sequence[Destination]) -> tuple[int, int]:
    """Echoes sent and answered."""
    return sum(one.echoes.sent for one in answering), sum(len(one.echoes.rtts) for one in answering)


def _samples(findings: Findings) -> Iterator[Sample]:
    """All figures but those of the contract."""
    yield from (Sample(_TARGET, int(one.answers), one.address) for one in findings.destinations)
    if findings.router:
        yield Sample(_GATEWAY, int(findings.gateway_answers))
        if findings.gateway.rtts:
            yield Sample(_GATEWAY_RTT, findings.gateway.median)
    yield from _of_echoes(_answering(findings.destinations), findings.carries)
    yield from _fastest(_TCP, (one.connected for one in findings.destinations))
    yield from _fastest(_DNS, (answer.took for answer in findings.lookups if answer.records))
    yield from _fastest(_HTTP, (page.took for page in findings.pages))


def _of_echoes(answering: Sequence[Destination], carries: bool) -> Iterator[Sample]:
    if not answering:
        if not carries:
            yield Sample(_LOSS, 1)
        return
    sent, answered = _counted(answering)
    yield Sample(_LOSS, 1 - answered / sent)
    nearest = _nearest(answering)
    ordered = sorted(nearest.rtts)
    yield Sample(_RTT, ordered[0], "min")
    yield Sample(_RTT, nearest.median, "median")
    yield Sample(_RTT, ordered[-(-95 * len(ordered) // 100) - 1], "p95")
    yield Sample(_RTT, ordered[-1], "max")
    if len(ordered) > 1:
        yield Sample(_JITTER, fmean(abs(after - before) for before, after in pairwise(nearest.rtts)))


def _nearest(answering: Sequence[Destination]) -> Echoes:
    """The echoes to the nearest destination: how far away the others are is no fault of the line."""
    return min((one.echoes for one in answering), key=lambda echoes: echoes.median)


def _fastest(metric: str, times: Iterator[float | None]) -> Iterator[Sample]:
    known = [time for time in times if time is not None]
    if known:
        yield Sample(metric, min(known))


def _of_contract(contract: Contract, findings: Findings) -> Iterator[Sample]:
    """What was promised, so that dashboards can draw it, and how the latency compares."""
    rates: dict[str, Any] = {"down": contract.down, "up": contract.up}
    yield from (Sample(_CONTRACT, rate, direction) for direction, rate in rates.items() if rate is not None)
    if contract.latency is None:
        return
    yield Sample(_CONTRACT_RTT, contract.latency)
    answering = _answering(findings.destinations)
    if answering:
        yield Sample(_OF_CONTRACT, _nearest(answering).median / contract.latency)
