"""Tries, from the members' network, to reach what members must not reach, and proves that it could if it were open."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Annotated, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, IPvAnyAddress, model_validator

from probes import Failed, Measured, Metric, Params, Probe, Sample, Unmeasured
from probes._engines.reach import Door, Found, Protocol, Way, knock
from probes._engines.resolve import Interface

_MARGIN = 0.1  # seconds kept back of the timeout, so that the verdict is ours and not the caller's cancellation

_REACHABLE = "deskwatch_segmentation_reachable"
_CONTROL = "deskwatch_segmentation_control_seconds"


class Target(BaseModel):
    """A port of a machine."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: Annotated[
        str, Field(min_length=1, max_length=60, description="what people call it, e.g. the door controller")
    ]
    host: Annotated[IPvAnyAddress, Field(description="its address")]
    protocol: Annotated[Protocol, Field(description="how it is tried; icmp is an echo, as ping sends it")] = "tcp"
    port: Annotated[int | None, Field(ge=1, le=65_535, description="its port, by tcp and udp")] = None
    payload: Annotated[
        str,
        Field(
            max_length=2000,
            pattern=r"^([0-9a-fA-F]{2})*$",
            description="what is sent to a UDP port, in hexadecimal: something that its service answers",
        ),
    ] = ""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.port is None) != (self.protocol == "icmp"):
            raise ValueError("tcp and udp need a port, and icmp has none")
        if self.payload and self.protocol != "udp":
            raise ValueError("only udp sends a payload")
        return self

    @property
    def door(self) -> Door:
        """What is knocked at."""
        return Door(str(self.host), self.protocol, self.port or 0, bytes.fromhex(self.payload) or b"\0")

    @property
    def label(self) -> str:
        """What tells it from the others of a check."""
        return f"{self.name} {self.protocol}{f'/{self.port}' if self.port else ''}"


class SegmentationParams(Params):
    """Where members are, what they must not reach, and what they can."""

    targets: Annotated[
        tuple[Target, ...], Field(min_length=1, max_length=50, description="what must not answer from here")
    ]
    control: Annotated[
        Target,
        Field(description="what must answer from here, behind the same router: else silence would prove nothing"),
    ]
    interface: Annotated[
        Interface | None, Field(description="interface of this machine in the members' network, e.g. members0")
    ] = None
    source: Annotated[
        IPvAnyAddress | None, Field(description="address of this machine in the members' network; or as well")
    ] = None
    role: Annotated[
        Literal["members", "operations", "guest"], Field(description="whose network it is: goes into messages")
    ] = "members"
    refusal_counts: Annotated[
        bool,
        Field(
            description="whether a refused connection counts as reached; set it to false if your firewall refuses in "
            "the name of what it protects (reject with TCP reset)"
        ),
    ] = True

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.interface is None and self.source is None:
            raise ValueError("say where members are: the interface, and perhaps the source, of this machine there")
        labels = [target.label for target in self.targets]
        if len(set(labels)) < len(labels):
            raise ValueError("two targets have the same name and port")
        return self

    @property
    def target(self) -> str:
        """Where it is tried from."""
        return self.interface or str(self.source)


class Segmentation(Probe[SegmentationParams]):
    """Whether the members' network is kept apart from what runs the house."""

    Params = SegmentationParams
    metrics = (
        Metric(_REACHABLE, "1 if what must not answer does, else 0", "", "target"),
        Metric(_CONTROL, "Time in which the control answered, which must", "seconds"),
    )
    reasons: ClassVar = {
        "reachable": "something can be reached from the members' network that must not be: a hole in the firewall",
    }
    latency = (_CONTROL, "")
    on_demand = False

    async def measure(self, timeout: float) -> Measured:
        """Knock at everything at once, and judge what came back together."""
        params = self.params
        way = Way(str(params.source or ""), params.interface or "")
        patience, engine = timeout - _MARGIN, self.engines.icmp
        doors = [target.door for target in (params.control, *params.targets)]
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(knock(door, way, engine, patience)) for door in doors]
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from failed
        control, *found = (task.result() for task in tasks)
        return judged(params, control, found)


def judged(params: SegmentationParams, control: Found, found: Sequence[Found]) -> Measured:
    """What came back from the control, and from each target in their order.

    Raises Failed when a target is reached, Unmeasured when nothing is proven.
    """
    pairs = tuple(zip(params.targets, found, strict=True))
    samples = tuple(_samples(params, control, pairs))
    reached = [(target, one) for target, one in pairs if _is_reached(params, one)]
    if reached:
        said = "; ".join(f"{target.name} ({target.door} {one.words})" for target, one in reached[:3])
        more = f"; and {len(reached) - 3} more" if len(reached) > 3 else ""
        raise Failed("reachable", f"{_WHO[params.role]} can reach {said}{more}: {_HOLE}", samples)
    for target, one in pairs:
        if one.lost:
            detail = f"{target.name} ({target.door}) {one.words}"
            raise Unmeasured("no_network", f"{detail}; packets to it must leave by the router of that network")
    if not control.opened:
        detail = f"the control {params.control.name} ({params.control.door}) {control.words}"
        raise Unmeasured("no_network", f"{detail}: that nothing else answers either proves nothing")
    count = "the one target" if len(pairs) == 1 else f"any of the {len(pairs)} targets"
    answer = f"{params.control.name}, the control, answered in {1000 * control.took:.3g} ms"
    return Measured(f"{_WHO[params.role]} cannot reach {count}; {answer}", samples)


_WHO = {"members": "members", "operations": "devices of the house", "guest": "guests"}
_HOLE = "the firewall between the two networks has a hole"


def _is_reached(params: SegmentationParams, found: Found) -> bool:
    return found.opened or (found.refused and params.refusal_counts)


def _samples(params: SegmentationParams, control: Found, pairs: Sequence[tuple[Target, Found]]) -> Iterator[Sample]:
    for target, one in pairs:
        yield Sample(_REACHABLE, int(_is_reached(params, one)), target.label)
    if control.opened:
        yield Sample(_CONTROL, control.took)
