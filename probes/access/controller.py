"""Looks whether a door panel of any make answers, how long its certificate is good, and whether its clock is right."""

import asyncio
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from probes import Failed, Measured, Metric, Params, Probe, Sample, Unmeasured
from probes._engines import Engines, certificates, connect
from probes._engines.api import MARGIN
from probes._engines.door_answers import skew
from probes._engines.doors import CLOCK_RULE, PANEL, SKEW
from probes._engines.http import exchange
from probes._engines.http.exchange import FetchFailed, Hop, Request, Trust, Via, origin
from probes._engines.resolve import Host, resolve
from probes._engines.snmp import engine
from probes._engines.snmp.agent import SnmpParams, agent_of
from probes._engines.snmp.credentials import Credentials
from probes._engines.snmp.values import integer
from probes._engines.trust import CaFile, TlsVerify

MOST_PAGE = 256 * 1024
"""Bytes of the panel's page; what is in it does not matter."""

_DURATION = "deskwatch_door_panel_duration_seconds"
_UPTIME = "deskwatch_door_panel_uptime_seconds"
_SYS_UPTIME = "1.3.6.1.2.1.1.3.0"
_PORTS = {"http": 80, "https": 443, "tls": 443, "snmp": 161}


class ControllerParams(Params):
    """Where the panel is, and what it answers to."""

    host: Annotated[Host, Field(description="host name or address of the panel")]
    by: Annotated[
        Literal["tcp", "tls", "http", "https", "snmp"],
        Field(
            description="what it answers to: tcp makes a connection only, tls and https show its certificate, http and "
            "https its clock, snmp since when it runs"
        ),
    ] = "https"
    port: Annotated[
        int | None,
        Field(ge=1, le=65_535, description="port; 443 for https and tls, 80 for http, 161 for snmp if not set"),
    ] = None
    path: Annotated[
        str, Field(pattern=r"^/[!-~]*$", max_length=500, description="page that is asked for by http and https")
    ] = "/"
    tls_verify: TlsVerify = True
    ca_file: CaFile = ""
    snmp: Annotated[Credentials | None, Field(description="how to present ourselves, for snmp only")] = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.by == "tcp" and self.port is None:
            raise ValueError("tcp needs a port: there is none that all panels have")
        if (self.by == "snmp") != (self.snmp is not None):
            raise ValueError("`by: snmp` and `snmp` with a community or a user need each other")
        return self

    @property
    def reached_at(self) -> int:
        """The port that is asked."""
        return self.port or _PORTS[self.by]

    @property
    def target(self) -> str:
        """The host and port."""
        return origin(self.host, self.reached_at).removeprefix("https://")


class Controller(Probe[ControllerParams]):
    """Whether a door panel answers."""

    Params = ControllerParams
    metrics = (
        PANEL,
        Metric(_DURATION, "Time that the panel took to answer", "seconds"),
        Metric(_UPTIME, "Time since the panel was started", "seconds"),
        SKEW,
        *certificates.METRICS,
    )
    reasons: ClassVar = {
        **{word: meaning for word, meaning in exchange.REASONS.items() if word != "too_many_redirects"},
        **{word: engine.REASONS[word] for word in ("no_answer", "auth_failed", "agent_error")},
        "wrong_status": "the panel's web server answered with an error of its own",
    }
    rules = (CLOCK_RULE, *certificates.RULES)
    latency = (_DURATION, "")

    def __init__(self, params: ControllerParams, engines: Engines) -> None:
        super().__init__(params, engines)
        if params.by in ("tls", "https"):
            certificates.prepare()

    async def measure(self, timeout: float) -> Measured:
        """Ask once, in the way of the settings."""
        ways = {"tcp": self._by_tcp, "tls": self._by_tls, "snmp": self._by_snmp}
        way = ways.get(self.params.by, self._by_http)
        began = time.monotonic()
        try:
            found = await way(timeout - MARGIN)
        except Failed as failed:
            shown = _shown(failed.hops[-1]) if isinstance(failed, FetchFailed) else failed.samples
            raise Failed(failed.reason, failed.detail, (self._panel(0), *shown)) from failed
        took = time.monotonic() - began
        detail = f"the panel answers in {1000 * took:.3g} ms{found.detail}"
        return Measured(detail, (self._panel(1), Sample(_DURATION, took), *found.samples))

    def _panel(self, online: int) -> Sample:
        return Sample(PANEL.name, online, self.params.host)

    async def _by_tcp(self, timeout: float) -> Measured:
        params = self.params
        found = await resolve(params.host, "auto", timeout)
        with connect.open_socket(socket.SOCK_STREAM, found.version) as opened:
            try:
                async with asyncio.timeout(timeout - found.took):
                    await connect.connect(opened, found, params.reached_at)
            except TimeoutError:
                raise Failed("timeout", f"{params.target} does not take a connection within {timeout:.3g} s") from None
            except OSError as error:
                raise connect.network_failure(error, params.target) from error
        return Measured("")

    async def _by_tls(self, timeout: float) -> Measured:
        params = self.params
        via = Via(address=params.host)
        hop = await self.engines.http.handshake(params.host, params.reached_at, via, self._trust, timeout)
        return Measured(_validity(hop), tuple(_shown(hop)))

    async def _by_http(self, timeout: float) -> Measured:
        params = self.params
        base = f"{params.by}{origin(params.host, params.reached_at).removeprefix('https')}"
        request = Request(f"{base}{params.path}", redirects=0, most_body=MOST_PAGE, trust=self._trust)
        response = await self.engines.http.fetch(request, timeout)
        samples = list(_shown(response.final))
        ahead = skew(response.header("Date"), datetime.now(UTC))
        if ahead is not None:
            samples.append(Sample(SKEW.name, abs(ahead)))
        if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise Failed("wrong_status", f"the panel answers with status {response.status}", tuple(samples))
        return Measured(f"{_validity(response.final)}{_clock(ahead)}", tuple(samples))

    async def _by_snmp(self, timeout: float) -> Measured:
        params = self.params
        asked = {"host": params.host, "port": params.reached_at, **dict(params.snmp or ())}
        agent = await agent_of(self.engines, SnmpParams(**asked), timeout)
        ticks = integer((await agent.get(_SYS_UPTIME))[_SYS_UPTIME])
        if ticks is None:
            raise Unmeasured("no_source", f"{agent.whom} answers, but may not tell since when it runs")
        return Measured(f"; it was started {ticks / 360_000:.3g} h ago", (Sample(_UPTIME, ticks / 100),))

    @property
    def _trust(self) -> Trust:
        return Trust(self.params.tls_verify, self.params.ca_file)


def _shown(hop: Hop) -> Iterator[Sample]:
    yield from certificates.expiry(certificates.chain(hop.chain), datetime.now(UTC))


def _validity(hop: Hop) -> str:
    shown = certificates.chain(hop.chain)
    return f"; its certificate is valid until {shown[0].not_after:%Y-%m-%d %H:%M} UTC" if shown else ""


def _clock(ahead: float | None) -> str:
    """What is said of a clock that is wrong; a few seconds may be those of the answer's way."""
    if ahead is None or abs(ahead) < 5:
        return ""
    return f"; its clock is {abs(ahead):.0f} s {'fast' if ahead > 0 else 'slow'}"
