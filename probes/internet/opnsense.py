"""Asks an OPNsense firewall how the gateways are that it watches: one for each line to the internet."""

from collections.abc import Iterator, Mapping
from time import monotonic
from typing import Annotated, Any, ClassVar

from pydantic import Field

from probes import Measured, Probe
from probes._engines import Engines, api, gateways
from probes._engines.devices import DeviceParams
from probes._engines.gateways import GatewayParams, Line, State, figure, ratio
from probes._engines.http.exchange import Trust, origin
from probes._engines.json_values import words
from probes._engines.trust import CaFile, TlsVerify
from probes._secrets import Secret

_STATES: Mapping[str, State] = {
    "none": "active",  # nothing to complain of
    "loss": "active",
    "delay": "active",
    "delay+loss": "active",
    "down": "down",
    "force_down": "disabled",
}


class OpnsenseParams(GatewayParams, DeviceParams):
    """Which firewall to ask, how it lets us in, and which lines it must have."""

    port: Annotated[int, Field(ge=1, le=65_535, description="TCP port of its web interface")] = 443
    key: Annotated[Secret, Field(description="key of a user with the privilege `Status: Gateways`")]
    secret: Annotated[Secret, Field(description="the secret that belongs to the key")]
    tls_verify: TlsVerify = True
    ca_file: CaFile = ""


class Opnsense(Probe[OpnsenseParams]):
    """Whether the lines of an OPNsense firewall work."""

    Params = OpnsenseParams
    metrics = gateways.METRICS
    reasons: ClassVar = {**api.REASONS, **gateways.REASONS}
    rules = gateways.RULES
    per_target = 1

    def __init__(self, params: OpnsenseParams, engines: Engines) -> None:
        super().__init__(params, engines)
        self._api = api.Api(
            engines.http,
            origin(params.host, params.port),
            "the firewall",
            "`key` and `secret`, and the privileges of their user",
            private=api.basic(params.key.get_secret_value(), params.secret.get_secret_value()),
            trust=Trust(params.tls_verify, params.ca_file),
        )

    async def measure(self, timeout: float) -> Measured:
        """Get the status of all gateways at once."""
        status = await self._api.get("/api/routes/gateway/status", monotonic() + timeout - api.MARGIN)
        return gateways.judged(tuple(read(status)), self.params, self.engines.memory, self.check)


def read(status: Any) -> Iterator[Line]:
    """The lines in a status; "~" is what a gateway that is not watched has for figures. Raises Failed if it is none."""
    for row in api.rows(status, "items"):
        status = words(row.get("status"))
        yield Line(
            words(row.get("name")),
            _STATES.get(status, "unknown"),
            loss=ratio(row.get("loss")),
            latency=figure(row.get("delay"), 1000),
            jitter=figure(row.get("stddev"), 1000),
            word="" if status == "none" else (words(row.get("status_translated")) or status).lower(),
        )
