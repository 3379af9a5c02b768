"""Fills a line for some seconds: how fast it is, whether that was promised, and how long answers take meanwhile."""

import asyncio
import math
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, IPvAnyAddress, model_validator

from probes import Failed, Measured, Params, Probe, Unmeasured
from probes._engines.http import exchange
from probes._engines.http.engine import HttpEngine
from probes._engines.http.exchange import Request, Trust, Via
from probes._engines.http.flow import Tally
from probes._engines.resolve import Family, Interface, resolve
from probes._engines.transfer import gates, servers, streams
from probes._engines.transfer.findings import (
    DIRECTIONS,
    LATENCY,
    METRICS,
    RULES,
    Direction,
    Found,
    samples,
    sentence,
)
from probes._engines.transfer.gates import CheckId, InUse, Spending
from probes._engines.transfer.iperf3 import PORT, Iperf3
from probes._engines.transfer.iperf3 import REASONS as IPERF3_REASONS
from probes._engines.transfer.latency import CALM, IDLE, Pulse, Round
from probes._engines.transfer.servers import Endpoints
from probes._engines.transfer.speedtest import Speedtest
from probes._engines.transfer.streams import Pace
from probes._engines.trust import CaFile, TlsVerify
from probes._engines.uplinks import Contract

_MARGIN = 0.2  # seconds kept back of the timeout, so that the verdict is ours and not the caller's cancellation
_MANNERS = 1.0  # seconds for connecting and finding out about the server
_FOREIGN = 10.0  # seconds that another program needs beyond its transfer, each time


def _url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https", "iperf3") or not parts.hostname:
        raise ValueError("write an address like https://speed.example.net/, or iperf3://speed.example.net:5201")
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("write the URL as browsers send it: xn--… for the host, %20 for a space")
    if parts.username is not None:
        raise ValueError("a speed test has no user and password; leave them out of the URL")
    _ = parts.port  # raises ValueError when it is none
    return url


def _or_nothing(url: str) -> str:
    return _url(url) if url else url


Url = Annotated[str, AfterValidator(_or_nothing), Field(max_length=2000)]


class ThroughputParams(Params):
    """Which server to measure against, for how long, and when not."""

    server: Annotated[
        Literal["librespeed", "http", "responsiveness", "iperf3", "speedtest_mini"],
        Field(description="type of the server; http is any web server with a large file"),
    ] = "librespeed"
    url: Annotated[
        str,
        AfterValidator(_url),
        Field(
            max_length=2000,
            description="address of the server; for http the file to download, for iperf3 as in"
            " iperf3://speed.example.net:5201",
        ),
    ]
    upload_url: Annotated[Url, Field(description="where http uploads to, by POST; without it, http only downloads")] = (
        ""
    )
    latency_url: Annotated[
        Url, Field(description="what is asked for to measure latency; if not set, what the type of server has for it")
    ] = ""
    down: Annotated[int, Field(ge=0, le=32, description="streams that download at once; 0 leaves it out")] = 6
    up: Annotated[int, Field(ge=0, le=32, description="streams that upload at once; 0 leaves it out")] = 3
    upload_size: Annotated[
        int, Field(ge=100_000, le=2**30, description="bytes of one upload, which the server must take")
    ] = 20 * 2**20
    grace: Annotated[
        float, Field(ge=0.1, le=30, description="seconds of each direction that do not count: streams find their speed")
    ] = 2.0
    length: Annotated[float, Field(ge=0.5, le=60, description="seconds of each direction that count")] = 8.0
    budget: Annotated[
        int, Field(ge=1_000_000, le=10**12, description="most bytes of one run; half of them for each direction")
    ] = 1_000_000_000
    day_budget: Annotated[
        int, Field(ge=1_000_000, le=10**13, description="most bytes within 24 hours; then it waits")
    ] = 10_000_000_000
    on_metered: Annotated[bool, Field(description="whether to measure where the contract says that bytes cost")] = False
    busy: Annotated[
        tuple[CheckId, ...],
        Field(max_length=20, description="checks of equipment.interfaces: it waits while one sees a busy line"),
    ] = ()
    busy_share: Annotated[
        float, Field(gt=0, le=1, description="share of an interface's speed above which the line is busy")
    ] = 0.3
    not_while: Annotated[
        tuple[InUse, ...], Field(max_length=50, description="checks that say when somebody needs the line: it waits")
    ] = ()
    contract: Annotated[Contract, Field(description="what was promised; taken over from the uplink")] = Contract()
    family: Annotated[Family, Field(description="IP version: auto takes what the machine itself would use")] = "auto"
    source: Annotated[IPvAnyAddress | None, Field(description="address of this machine to connect from")] = None
    interface: Annotated[Interface | None, Field(description="interface of this machine to use, e.g. wan2")] = None
    tls_verify: TlsVerify = True
    ca_file: CaFile = ""
    program: Annotated[
        str,
        Field(
            max_length=1000,
            description="program to run: iperf3, or for speedtest_mini a Python that has speedtest-cli; if not set,"
            " iperf3 as found in the usual folders, and Deskwatch's own Python",
        ),
    ] = ""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.server == "iperf3") != self.url.startswith("iperf3:"):
            raise ValueError("iperf3://host:port goes with server: iperf3, http:// and https:// with the others")
        if self.upload_url and self.server != "http":
            raise ValueError(f"upload_url is for http; {self.server} knows where to upload")
        if not self.directions:
            raise ValueError("nothing would be measured; set down, or up (for http with upload_url)")
        if self.day_budget < self.budget:
            raise ValueError("day_budget is smaller than budget: not a single run fits; raise one or lower the other")
        return self

    @model_validator(mode="after")
    def _within_what_speedtest_can(self) -> Self:
        if self.server == "speedtest_mini" and self.interface and not self.source:
            raise ValueError("speedtest-cli cannot be bound to an interface; give the source address")
        if self.server == "speedtest_mini" and not self.tls_verify:
            raise ValueError("speedtest-cli always verifies certificates; give ca_file")
        return self

    @property
    def directions(self) -> tuple[Direction, ...]:
        """What is measured, in this order."""
        up = self.up if self.server != "http" or self.upload_url else 0
        return tuple(one for one, streams in zip(DIRECTIONS, (self.down, up), strict=True) if streams)

    @property
    def foreign(self) -> bool:
        """Whether another program measures."""
        return self.server in ("iperf3", "speedtest_mini")

    @property
    def needs(self) -> float:
        """Seconds that a run may take."""
        each = math.ceil(self.grace) + math.ceil(self.length) + _FOREIGN if self.foreign else self.grace + self.length
        return IDLE + CALM + _MANNERS + len(self.directions) * each

    @property
    def target(self) -> str:
        """The address of the server."""
        return self.url

    @classmethod
    def of_target(cls, target: str) -> dict[str, object]:
        """The address; without a scheme it is https."""
        return {"url": target if "://" in target else f"https://{target}"}


class Throughput(Probe[ThroughputParams]):
    """How much a line carries in each direction, measured against its contract, and how latency suffers from it."""

    Params = ThroughputParams
    metrics = METRICS
    reasons: ClassVar = {
        **exchange.REASONS,
        **streams.REASONS,
        **servers.REASONS,
        **IPERF3_REASONS,
    }
    rules = RULES
    latency = LATENCY
    says = "fails its speed test"
    on_demand = False  # it fills lines, and starts programs
    dear = True
    concurrency = 1  # two at once would measure each other
    per_target = 1

    async def measure(self, timeout: float) -> Measured:
        """Measure the idle line, then fill it in one direction after the other."""
        now, memory, contract = datetime.now(UTC), self.engines.memory, self.params.contract
        spending = Spending.of(memory.recall(self.check), now)
        self._hold_back(timeout, spending, now)
        budget = min(self.params.budget, spending.left(self.params.day_budget))
        tally, found = Tally(), Found()
        try:
            await self._fill(timeout, budget, tally, found)
        except Failed as failure:
            raise Failed(failure.reason, failure.detail, samples(found, tally, contract)) from failure
        finally:
            memory.keep(self.check, spending.after(now, tally.total).memory)
        return Measured(sentence(found, contract) + self._unheard(now), samples(found, tally, contract))

    async def _fill(self, timeout: float, budget: int, tally: Tally, found: Found) -> None:
        engine = HttpEngine()  # its own: connections that are used again belong to this run, and end with it
        try:
            async with asyncio.timeout(timeout - _MARGIN):
                await _Run(self.params, engine, budget, tally, found).run()
        except TimeoutError:
            raise Failed("timeout", f"not done within {timeout:g} s") from None
        finally:
            engine.close()

    def _hold_back(self, timeout: float, spending: Spending, now: datetime) -> None:
        """Raise Unmeasured when the line cannot be filled within the timeout, or must not be filled now."""
        params, latest = self.params, self.engines.latest
        if timeout < params.needs:
            words = f"a run takes up to {params.needs:.3g} s; give the check `timeout: {math.ceil(params.needs) + 5}s`"
            raise Unmeasured("no_source", words)
        if params.contract.metered and not params.on_metered:
            words = "every byte costs on this line; on_metered: true measures all the same"
        elif not spending.left(params.day_budget):
            words = f"the {params.day_budget / 1e9:.3g} GB of 24 hours are used up"
        else:
            busy = gates.busy(latest, params.busy, params.busy_share, now)
            words = busy or gates.in_use(latest, params.not_while, now)
        if words:
            raise Unmeasured("waiting", f"not measured: {words}")

    def _unheard(self, now: datetime) -> str:
        """What people should know of the checks that could have held it back."""
        asked = (*self.params.busy, *(use.check for use in self.params.not_while))
        silent = gates.unheard(self.engines.latest, asked, now)
        return f"; nothing was heard of {', '.join(silent)} lately" if silent else ""


class _Run:
    """One run against a server: what is measured goes to `found`, what is moved to `tally`, as it happens."""

    def __init__(self, params: ThroughputParams, engine: HttpEngine, budget: int, tally: Tally, found: Found) -> None:
        self._params, self._engine, self._tally, self._found = params, engine, tally, found
        self._allowance = budget // len(params.directions)
        via = Via(params.family, str(params.source or ""), params.interface or "")
        # HTTP/1.1: over HTTP/2 all streams would share one connection, and its congestion window.
        trust = Trust(params.tls_verify, params.ca_file)
        self._request = Request("", redirects=0, version="1.1", via=via, trust=trust)

    async def run(self) -> None:
        """Measure all that is asked for. Raises Failed when the server fails."""
        endpoints = await self._endpoints()
        idle = self._pulse(endpoints, self._found.idle)
        if endpoints.small:
            await idle.rest()
        for number, direction in enumerate(self._params.directions):
            if number and endpoints.small:
                await idle.calm()
            await self._direction(direction, endpoints)

    async def _direction(self, direction: Direction, endpoints: Endpoints) -> None:
        if not endpoints.small:
            await self._fill(direction, endpoints)
            return
        rounds = self._found.busy.setdefault(direction, [])
        async with self._pulse(endpoints, rounds).beating(self._params.grace):
            await self._fill(direction, endpoints)

    def _pulse(self, endpoints: Endpoints, rounds: list[Round]) -> Pulse:
        return Pulse(self._engine, replace(self._request, url=endpoints.small, method=endpoints.method), rounds)

    async def _endpoints(self) -> Endpoints:
        params = self._params
        match params.server:
            case "librespeed":
                found = await servers.librespeed(params.url, self._fetch)
            case "responsiveness":
                found = await servers.responsiveness(params.url, self._fetch)
            case "http":
                found = Endpoints(params.url, params.upload_url, params.url, "HEAD")
            case "speedtest_mini":
                found = Endpoints(small=f"{params.url.rstrip('/')}/speedtest/latency.txt")
            case "iperf3":
                found = Endpoints()
        return found._replace(small=params.latency_url, method="GET") if params.latency_url else found

    async def _fetch(self, url: str) -> exchange.Response:
        return await self._engine.fetch(replace(self._request, url=url), self._params.needs)

    def _pace(self, direction: Direction) -> Pace:
        params = self._params
        streams = params.down if direction == "down" else params.up
        return Pace(streams, params.grace, params.length, self._allowance)

    async def _fill(self, direction: Direction, endpoints: Endpoints) -> None:
        pace = self._pace(direction)
        if self._params.foreign:
            self._found.rates[direction] = await self._fill_by_another(direction, pace)
            return
        down = direction == "down"
        request = replace(self._request, url=endpoints.down if down else endpoints.up)
        size = 0 if down else self._params.upload_size
        self._found.rates[direction] = await streams.fill(self._engine, request, size, pace, self._tally)

    async def _fill_by_another(self, direction: Direction, pace: Pace) -> float:
        """What another program finds. One that fails or is ended does not say what it moved: it counts by its time."""
        began, moved = time.monotonic(), None
        try:
            if self._params.server == "iperf3":
                rate, moved = await (await self._iperf3()).fill(direction, pace)
            else:
                rate, moved = await self._speedtest().fill(direction, pace)
            return rate
        finally:
            share = min((time.monotonic() - began) / (pace.grace + pace.length), 1)
            self._count(direction, int(share * pace.allowance) if moved is None else moved)

    def _count(self, direction: Direction, moved: int) -> None:
        if direction == "down":
            self._tally.received += moved
        else:
            self._tally.sent += moved

    async def _iperf3(self) -> Iperf3:
        params, parts = self._params, urlsplit(self._params.url)
        to = await resolve(parts.hostname or "", params.family, _FOREIGN, params.source)
        source = str(params.source or "")
        return Iperf3(params.program or "iperf3", to, parts.port or PORT, source, params.interface or "")

    def _speedtest(self) -> Speedtest:
        params = self._params
        interpreter = params.program or sys.executable
        return Speedtest(interpreter, params.url, str(params.source or ""), params.ca_file)
