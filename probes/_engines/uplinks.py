"""What is known of a line to the internet before anything is measured: its contract, its role, where it leaves."""

import re
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    IPvAnyAddress,
    WithJsonSchema,
)
from pydantic_core import CoreSchema

from probes._engines.resolve import Interface

T = TypeVar("T")

RATE_PATTERN = r"^[0-9]+(\.[0-9]+)? ?[kMG]?bit/s$"

_RATE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([kMG]?)bit/s")
_FACTORS = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9}


def parse_rate(value: object) -> object:
    """Bits per second of "500 Mbit/s". Raises ValueError with the remedy."""
    if isinstance(value, float):
        return value  # was read before
    found = _RATE.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ValueError("must be a rate with its unit, like `500 Mbit/s` or `1 Gbit/s`")
    return float(found[1]) * _FACTORS[found[2]]


def parse_network(value: object) -> object:
    """The network of "198.51.100.0/29". Raises ValueError with the remedy."""
    if not isinstance(value, str):
        return value  # was read before
    try:
        network = ip_network(value, strict=False)
    except ValueError:
        raise ValueError("must be a network, like `198.51.100.0/29`, or one address") from None
    if network.network_address != ip_address(value.partition("/")[0]):
        raise ValueError(f"is an address within the network `{network}`; write that")
    return network


def _one_is_a_list(value: object) -> object:
    return [value] if isinstance(value, (str, int)) else value


class _OrOne:
    """Tells the JSON Schema that the only entry of a list may stand by itself."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        schema = handler(core)
        return {"anyOf": [schema["items"], schema]}


Rate = Annotated[
    float, BeforeValidator(parse_rate), Field(gt=0), WithJsonSchema({"type": "string", "pattern": RATE_PATTERN})
]
"""Bits per second, written with a unit."""

Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(parse_network)]
Asn = Annotated[int, Field(ge=1, le=4_294_967_295)]
_OneOrMore = Annotated[tuple[T, ...], Field(max_length=20), BeforeValidator(_one_is_a_list), _OrOne()]


class _Fact(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Credit(_Fact):
    """What the provider pays back for a month in which the line worked too little."""

    below: Annotated[float, Field(gt=0, le=1)] = Field(description="Share of the month below which it is due.")
    share: Annotated[float, Field(gt=0, le=1)] = Field(description="Share of the month's fee that is paid back.")


class Contract(_Fact):
    """What the provider has promised, as far as it has; rates in bits per second."""

    down: Rate | None = Field(None, description="Rate towards us, like `500 Mbit/s`.")
    up: Rate | None = Field(None, description="Rate from us, like `100 Mbit/s`.")
    latency: Annotated[float, Field(gt=0, le=10)] | None = Field(
        None, description="Round trip time in seconds that is promised at most."
    )
    availability: Annotated[float, Field(gt=0, le=1)] | None = Field(
        None, description="Share of the time that it has to work, like 0.995."
    )
    metered: bool = Field(False, description="Whether every byte costs: nothing large is sent over it then.")
    fee: Annotated[float, Field(gt=0)] | None = Field(None, description="What a month of it costs.")
    currency: str = Field("", max_length=10, description="In which currency, like EUR.")
    credits: Annotated[tuple[Credit, ...], Field(max_length=20)] = Field(
        (), description="What is paid back by availability, like [{below: 0.995, share: 0.1}]; the largest that fits."
    )
    shortest: Annotated[float, Field(ge=0, le=86_400)] = Field(
        0, description="Seconds that an outage must last to count by the contract."
    )


class Uplink(_Fact):
    """One line: who provides it, what was promised, and how traffic that takes it can be told."""

    provider: str = Field("", max_length=100, description="Who provides the line.")
    role: Literal["primary", "backup"] = Field("primary", description="Whether it carries traffic, or stands by.")
    interface: Interface | None = Field(
        None, description="Interface of this machine that leads to it, like wan2. Its checks leave by it."
    )
    source: IPvAnyAddress | None = Field(
        None, description="Address of this machine whose traffic takes it. Its checks leave from it."
    )
    gateway: IPvAnyAddress | None = Field(None, description="Our own router on this line, as this machine reaches it.")
    prefix: _OneOrMore[Network] = Field(
        (), description="Public addresses that its traffic comes from, like 198.51.100.0/29."
    )
    asn: _OneOrMore[Asn] = Field((), description="Numbers of the autonomous systems that its traffic comes from.")
    contract: Contract = Field(Contract(), description="What the provider has promised.")

    @property
    def settings(self) -> Mapping[str, Any]:
        """What every check of the line may take from it, by the name of the setting; what is not said is left out."""
        said = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: value for name, value in said.items() if value not in (None, (), "")}
