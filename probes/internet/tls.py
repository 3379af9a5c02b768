"""Agrees on TLS with a server and tells for how long, and for whom, its certificates are good."""

import time
from datetime import UTC, datetime
from typing import Annotated, ClassVar, Literal

from pydantic import Field, IPvAnyAddress

from probes import Failed, Measured, Metric, Params, Probe, Sample
from probes._engines import Engines, certificates
from probes._engines.certificates import Certificate
from probes._engines.http import exchange
from probes._engines.resolve import Family, Host, Interface
from probes._engines.trust import CaFile, TlsVerify

_MARGIN = 0.02  # seconds kept back of the timeout, so that the verdict is ours and not the caller's cancellation

_CONNECTION = ("refused", "unreachable", "unresolved", "reset")
_ABOUT_TLS = {"tls_failed", "certificate_expired", "certificate_wrong_name", "certificate_untrusted"}


class TlsParams(Params):
    """Which server, and how good its TLS must be."""

    host: Annotated[Host, Field(description="host name or address to connect to")]
    port: Annotated[int, Field(ge=1, le=65_535, description="TCP port on which TLS begins at once")] = 443
    server_name: Annotated[
        Host | None, Field(description="name asked for and expected in the certificate; host if not set")
    ] = None
    family: Annotated[Family, Field(description="IP version: auto takes what the machine itself would use")] = "auto"
    minimum: Annotated[Literal["TLSv1.2", "TLSv1.3"], Field(description="oldest acceptable protocol")] = "TLSv1.2"
    tls_verify: TlsVerify = True
    ca_file: CaFile = ""
    source: Annotated[IPvAnyAddress | None, Field(description="address of this machine to connect from")] = None
    interface: Annotated[Interface | None, Field(description="interface of this machine to use, e.g. wan2")] = None

    @property
    def target(self) -> str:
        """The host and port."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @classmethod
    def of_target(cls, target: str) -> dict[str, object]:
        """`host`, `host:port`, `[address]:port`."""
        host, colon, port = target.rpartition(":")
        if not colon or (":" in host and not host.endswith("]")):
            return {"host": target.strip("[]")}
        return {"host": host.strip("[]"), "port": port}


class Tls(Probe[TlsParams]):
    """Whether a server's TLS and certificates are good, and for how long."""

    Params = TlsParams
    metrics = (
        *certificates.METRICS,
        Metric("probe_tls_version_info", "The TLS version agreed on, as a label of the value 1", "", "version"),
        Metric("probe_tls_cipher_info", "The cipher agreed on, as a label of the value 1", "", "cipher"),
        Metric(
            "deskwatch_tls_duration_seconds",
            "Time of each phase of the connection",
            "seconds",
            "phase",
            ("resolve", "connect", "tls"),
        ),
    )
    reasons: ClassVar = {
        **{
            word: exchange.REASONS[word]
            for word in ("refused", "unreachable", "unresolved", "reset", *sorted(_ABOUT_TLS))
        },
        "protocol_too_old": "the server offers only protocols older than the minimum",
    }
    rules = certificates.RULES
    latency = ("deskwatch_tls_duration_seconds", "tls")

    def __init__(self, params: TlsParams, engines: Engines) -> None:
        super().__init__(params, engines)
        certificates.prepare()

    async def measure(self, timeout: float) -> Measured:
        """Connect once; if TLS is not good enough, once more without demands, to see what is wrong."""
        deadline = time.monotonic() + timeout - _MARGIN
        try:
            hop = await self._handshake(exchange.Trust(True, self.params.ca_file, self.params.minimum), deadline)
        except exchange.FetchFailed as failure:
            if failure.reason not in _ABOUT_TLS:
                raise
            hop = await self._look(failure, deadline)
            failed = self._judge(failure, hop)
            if failed is not None:
                raise failed from failure
        chain = certificates.chain(hop.chain)
        return Measured(f"{hop.protocol}, {_validity(chain)}", _samples(hop, chain))

    async def _handshake(self, trust: exchange.Trust, deadline: float) -> exchange.Hop:
        params = self.params
        via = exchange.Via(params.family, str(params.source or ""), params.interface or "", params.host)
        name = params.server_name or params.host
        return await self.engines.http.handshake(name, params.port, via, trust, deadline - time.monotonic())

    async def _look(self, failure: exchange.FetchFailed, deadline: float) -> exchange.Hop:
        """What the server shows to a client that accepts everything; what it showed before if that fails, too."""
        try:
            return await self._handshake(exchange.Trust(verify=False), deadline)
        except Failed:
            return failure.hops[-1]

    def _judge(self, failure: exchange.FetchFailed, hop: exchange.Hop) -> Failed | None:
        """What a failed handshake means in the light of what the server showed, None if it is acceptable."""
        chain = certificates.chain(hop.chain)
        samples = _samples(hop, chain)
        if hop.protocol and hop.protocol < self.params.minimum:
            detail = f"the server offers {hop.protocol} at most, {self.params.minimum} is the least acceptable"
            return Failed("protocol_too_old", detail, samples)
        if not self.params.tls_verify and failure.reason != "tls_failed":
            return None
        detail = f"{failure.detail}; {_validity(chain)}" if chain else failure.detail
        return Failed(failure.reason, detail, samples)


def _samples(hop: exchange.Hop, chain: tuple[Certificate, ...]) -> tuple[Sample, ...]:
    samples = [
        Sample("deskwatch_tls_duration_seconds", took, phase)
        for phase, took in hop.phases._asdict().items()
        if phase in ("resolve", "connect", "tls")
    ]
    if hop.protocol:
        samples.append(Sample("probe_tls_version_info", 1, hop.protocol.replace("TLSv", "TLS ")))
        samples.append(Sample("probe_tls_cipher_info", 1, hop.cipher))
    return (*samples, *certificates.expiry(chain, datetime.now(UTC)))


def _validity(chain: tuple[Certificate, ...]) -> str:
    if not chain:
        return "no certificate was shown"
    leaf = chain[0]
    names = ", ".join(leaf.names[:3]) or leaf.subject
    return f"certificate for {names}, valid until {leaf.not_after:%Y-%m-%d %H:%M} UTC"
