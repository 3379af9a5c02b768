"""Sends a burst of ICMP echoes to a host: loss, round trip times and jitter."""

import math
import statistics
import time
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, ClassVar

from pydantic import Field, IPvAnyAddress

from probes import DefaultRule, Failed, Histogram, Measured, Metric, Params, Probe, Sample, Unmeasured
from probes._engines.icmp.burst import ROUND_TRIPS, Echo
from probes._engines.icmp.messages import TOKEN
from probes._engines.resolve import Family, Host, Interface, Resolved, resolve
from probes._engines.trace import in_words, trace

_MARGIN = 0.02  # seconds kept back of the timeout, so that the verdict is ours and not the caller's cancellation
_PATIENCE = 0.05  # seconds that each reply must at least be given


class PingParams(Params):
    """What to ping, and how."""

    host: Annotated[Host, Field(description="host name or address to ping")]
    family: Annotated[Family, Field(description="IP version: auto takes what the machine itself would use")] = "auto"
    count: Annotated[int, Field(ge=1, le=1000, description="echoes per run")] = 5
    gap: Annotated[float, Field(ge=0.01, le=60, description="seconds between two echoes")] = 0.2
    size: Annotated[int, Field(ge=TOKEN, le=65_000, description="payload of an echo in bytes")] = 56
    source: Annotated[IPvAnyAddress | None, Field(description="address of this machine to send from")] = None
    interface: Annotated[Interface | None, Field(description="interface of this machine to send by, e.g. wan2")] = None
    ttl: Annotated[int | None, Field(ge=1, le=255, description="hop limit of an echo")] = None
    dscp: Annotated[int | None, Field(ge=0, le=63, description="DSCP mark of an echo, e.g. 46 for voice")] = None
    dont_fragment: Annotated[
        bool, Field(description="whether an echo larger than the path's MTU fails instead of being fragmented")
    ] = False

    @property
    def target(self) -> str:
        """The host."""
        return self.host


class Ping(Probe[PingParams]):
    """Whether a host answers ICMP echoes, and how well the way to it works."""

    Params = PingParams
    metrics = (
        Metric("probe_icmp_packets_sent", "Echoes that left this machine"),
        Metric("probe_icmp_packets_received", "Echoes answered in time"),
        Metric("probe_icmp_loss_ratio", "Share of the echoes sent that were not answered in time", "ratio"),
        Metric(
            "probe_icmp_rtt_seconds",
            "Round trip time of the answered echoes",
            "seconds",
            "stat",
            ("min", "median", "p95", "max", "stddev"),
        ),
        Metric("probe_icmp_jitter_seconds", "Mean difference between successive round trip times", "seconds"),
        Metric("probe_icmp_duplicates", "Replies that came more than once"),
        Metric("probe_icmp_late_replies", "Echoes answered too late to count"),
        Metric("probe_icmp_reply_hop_limit", "Hop limit (IPv4: TTL) that the newest reply arrived with"),
        Metric(
            "probe_icmp_duration_seconds",
            "Time of each phase: name lookup, until the first echo left, median round trip",
            "seconds",
            "phase",
            ("resolve", "setup", "rtt"),
            unreached=0,
        ),
        Metric("probe_dns_lookup_time_seconds", "Time of the name lookup", "seconds", unreached=0),
        Metric("probe_ip_protocol", "IP version that was used, 4 or 6", unreached=0),
    )
    reasons: ClassVar = {
        "no_reply": "no echo was answered",
        "unreachable": "a router or the host says that it can't be reached",
        "ttl_exceeded": "echoes used up their hop limit on the way: a routing loop, or the ttl setting is too low",
        "too_big": "echoes are larger than the path takes, and were not fragmented",
        "unresolved": "the host name has no address",
    }
    rules = (
        DefaultRule(
            "loss",
            "probe_icmp_loss_ratio",
            "loses more than 10 % of its packets",
            above=0.10,
            clear=0.02,
            times=2,
            window=3,
        ),
        DefaultRule(
            "slow",
            "probe_icmp_rtt_seconds",
            "takes more than 250 ms per round trip",
            part="median",
            above=0.25,
            clear=0.2,
            times=4,
            window=5,
        ),
    )
    histograms = (
        Histogram(
            "deskwatch_ping_round_trip_seconds",
            "Median round trip time of each run, of all checks of the kind.",
            "probe_icmp_rtt_seconds",
            ROUND_TRIPS,
            part="median",
            by_check=False,
        ),
    )
    latency = ("probe_icmp_rtt_seconds", "median")

    async def measure(self, timeout: float) -> Measured:
        """Send the burst and judge it: DOWN when no echo at all was answered."""
        params = self.params
        began = time.monotonic()
        found = await resolve(params.host, params.family, timeout, params.source)
        patience = timeout - (time.monotonic() - began) - (params.count - 1) * params.gap - _MARGIN
        if patience < _PATIENCE:
            raise Unmeasured(
                "monitor_error",
                f"{params.count} echoes {params.gap:g} s apart do not fit into the timeout of {timeout:g} s: "
                "raise timeout, or lower count or gap",
            )
        echoes = await self.engines.icmp.burst(
            found.address,
            params.count,
            params.gap,
            patience,
            size=params.size,
            source=str(params.source or ""),
            interface=params.interface or "",
            ttl=params.ttl,
            dscp=params.dscp,
            dont_fragment=params.dont_fragment,
        )
        return verdict(params.host, found, echoes, patience)

    async def evidence(self, timeout: float) -> str:
        """The path towards the host: how far echoes get."""
        params = self.params
        found = await resolve(params.host, params.family, timeout / 2, params.source)
        source, interface = str(params.source or ""), params.interface or ""
        hops = await trace(self.engines.icmp, found.address, timeout / 2, source=source, interface=interface)
        return f"path to {_name(params.host, found)}: {in_words(hops)}"


def verdict(host: str, found: Resolved, echoes: Sequence[Echo], patience: float) -> Measured:
    """What a burst says about its host; each reply was awaited for `patience` seconds.

    Raises Failed when no echo was answered, Unmeasured when none left because this machine was too busy.
    """
    sent = [echo for echo in echoes if echo.queued is not None]
    if not sent:
        raise _none_left(host, found, echoes)
    rtts = [echo.rtt for echo in sent if echo.rtt is not None]
    samples = _samples(found, sent, rtts)
    if not rtts:
        raise _no_reply(_name(host, found), sent, patience, samples)
    share = f"{len(rtts)} of {len(sent)} echoes answered"
    return Measured(f"{_name(host, found)}: {share}, median round trip {_ms(statistics.median(rtts))}", samples)


def _samples(found: Resolved, sent: Sequence[Echo], rtts: Sequence[float]) -> tuple[Sample, ...]:
    always = (
        Sample("probe_icmp_packets_sent", len(sent)),
        Sample("probe_icmp_packets_received", len(rtts)),
        Sample("probe_icmp_loss_ratio", 1 - len(rtts) / len(sent)),
        Sample("probe_icmp_duplicates", sum(echo.duplicates for echo in sent)),
        Sample("probe_icmp_late_replies", sum(echo.late for echo in sent)),
        Sample("probe_icmp_duration_seconds", found.took, "resolve"),
        Sample("probe_icmp_duration_seconds", sent[0].queued or 0.0, "setup"),
        *found.samples,
    )
    return always + _timings(rtts) + _hop_limit(sent)


def _timings(rtts: Sequence[float]) -> tuple[Sample, ...]:
    if not rtts:
        return ()
    ordered = sorted(rtts)
    median = statistics.median(ordered)
    stats = {
        "min": ordered[0],
        "median": median,
        "p95": ordered[-(-95 * len(ordered) // 100) - 1],
        "max": ordered[-1],
        "stddev": _deviation(ordered),
    }
    jitter = [abs(after - before) for before, after in pairwise(rtts)]
    return (
        *(Sample("probe_icmp_rtt_seconds", value, stat) for stat, value in stats.items()),
        *([Sample("probe_icmp_jitter_seconds", statistics.fmean(jitter))] if jitter else []),
        Sample("probe_icmp_duration_seconds", median, "rtt"),
    )


def _deviation(values: Sequence[float]) -> float:
    """The standard deviation. `statistics.pstdev` reckons in fractions, which costs more than the echo itself."""
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / len(values))


def _hop_limit(sent: Sequence[Echo]) -> tuple[Sample, ...]:
    limits = [echo.hop_limit for echo in sent if echo.hop_limit is not None]
    return (Sample("probe_icmp_reply_hop_limit", limits[-1]),) if limits else ()


def _none_left(host: str, found: Resolved, echoes: Sequence[Echo]) -> Failed | Unmeasured:
    samples = (Sample("probe_icmp_packets_sent", 0), Sample("probe_icmp_packets_received", 0), *found.samples)
    return _trouble(_name(host, found), echoes, samples) or Unmeasured(
        "overloaded", f"the kernel took none of {len(echoes)} echoes to {host}"
    )


def _trouble(name: str, echoes: Sequence[Echo], samples: tuple[Sample, ...]) -> Failed | None:
    """What the newest error about an echo says, None if there was none."""
    trouble = next((echo.trouble for echo in reversed(echoes) if echo.trouble is not None), None)
    if trouble is None:
        return None
    by = f", says {trouble.by}" if trouble.by else ""
    return Failed(trouble.reason, f"{name}: {trouble.words}{by}", samples)


def _no_reply(name: str, sent: Sequence[Echo], patience: float, samples: tuple[Sample, ...]) -> Failed:
    trouble = _trouble(name, sent, samples)
    if trouble is not None:
        return trouble
    late = sum(echo.late for echo in sent)
    too_late = f"; {late} came too late" if late else ""
    detail = f"{name}: none of {len(sent)} echoes was answered within {patience:.3g} s each{too_late}"
    return Failed("no_reply", detail, samples)


def _name(host: str, found: Resolved) -> str:
    return host if host == found.address else f"{host} ({found.address})"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.3g} ms"
