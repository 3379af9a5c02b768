"""Holds what a line can carry against the people who are on the Wi-Fi now."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, NamedTuple

from pydantic import Field

from probes import DefaultRule, Measured, Metric, Params, Probe, Reading, Sample, Status, Unmeasured
from probes._engines.latest import is_fresh
from probes._engines.transfer.gates import CheckId
from probes._engines.uplinks import Contract, Rate

_PEOPLE = "deskwatch_headroom_people"
_EACH = "deskwatch_headroom_bits_per_second_per_person"
_RATIO = "deskwatch_headroom_ratio"
_MEASURED = "deskwatch_throughput_bits_per_second"
_SSID_CLIENTS = "deskwatch_wifi_ssid_clients"
_CLIENTS = "deskwatch_wifi_clients"

_NEED: Any = "25 Mbit/s"  # is read as all rates are, and shown as it is written
_RECENT = 900.0  # seconds for which a count of devices says who is there now


class HeadroomParams(Params):
    """What the line carries, who shares it, and what each of them needs."""

    throughput: Annotated[
        CheckId | None,
        Field(description="check of internet.throughput whose download counts, like fibre/throughput; else contract"),
    ] = None
    max_age: Annotated[
        float, Field(ge=60, le=2_678_400, description="seconds after which that download is too old to count")
    ] = 172_800.0
    contract: Annotated[Contract, Field(description="what was promised; taken over from the uplink")] = Contract()
    clients: Annotated[
        tuple[CheckId, ...],
        Field(
            min_length=1,
            max_length=50,
            description="checks that count the devices on the Wi-Fi, one for each controller: two of the same would"
            " count everybody twice",
        ),
    ]
    ssids: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=32)], ...],
        Field(max_length=50, description="networks whose devices count; all of them if not set"),
    ] = ()
    per_person: Annotated[
        Rate, Field(validate_default=True, description="download that each person needs, like `25 Mbit/s`")
    ] = _NEED
    devices_per_person: Annotated[float, Field(ge=1, le=10, description="devices that one person has on the Wi-Fi")] = (
        2.0
    )

    @property
    def target(self) -> str:
        """The checks that count devices."""
        return ", ".join(self.clients)


class Capacity(NamedTuple):
    """Bit/s towards us, and where that is known from."""

    rate: float
    known: str


class Headroom(Probe[HeadroomParams]):
    """How much of the line there is for each person on the Wi-Fi, held against what a person needs."""

    Params = HeadroomParams
    metrics = (
        Metric(_PEOPLE, "People on the Wi-Fi, counted by their devices"),
        Metric(_EACH, "Download that each of them has, if all use the line at once", "bits_per_second"),
        Metric(_RATIO, "That as a share of what a person needs", "ratio"),
    )
    reasons: ClassVar[dict[str, str]] = {}
    rules = (
        DefaultRule(
            "crowded-line", _RATIO, "has less for each person on the Wi-Fi than a person needs", below=1, hold=900
        ),
        DefaultRule(
            "overcrowded-line",
            _RATIO,
            "has less than a quarter of what a person needs for each person on the Wi-Fi",
            severity="critical",
            below=0.25,
            hold=900,
        ),
    )
    on_demand = False  # it knows only what other checks have measured

    async def measure(self, timeout: float) -> Measured:
        """Put together what other checks have measured. Raises Unmeasured when something is not known."""
        now = datetime.now(UTC)
        capacity, devices = self._capacity(now), self._devices(now)
        return judged(capacity, devices, self.params)

    def _capacity(self, now: datetime) -> Capacity:
        """The newest good measurement, which is remembered: what came after may have been skipped, or have failed."""
        params, memory = self.params, self.engines.memory
        if params.throughput is not None:
            reading = self.engines.latest.of(params.throughput)
            if found := _downloaded(reading):
                memory.keep(self.check, found)
            measured = _remembered(found or memory.recall(self.check), params, now)
            if measured is not None:
                return measured
        if params.contract.down is not None:
            return Capacity(params.contract.down, "by its contract")
        raise Unmeasured("no_source", _unknown_capacity(params))

    def _devices(self, now: datetime) -> int:
        return sum(self._devices_of(check, now) for check in self.params.clients)

    def _devices_of(self, check: str, now: datetime) -> int:
        reading = self.engines.latest.of(check)
        found = counted(reading, self.params.ssids) if reading and is_fresh(reading, now, _RECENT) else None
        if found is None:
            words = f"{check} has not told how many devices are on the Wi-Fi for {_RECENT / 60:g} minutes"
            raise Unmeasured("no_source", f"{words}; correct clients, or look at that check")
        return found


def counted(reading: Reading, ssids: tuple[str, ...]) -> int | None:
    """The devices that a Wi-Fi check counts on these networks, on all without any; None if it does not say."""
    by_network = {one.part: one.value for one in reading.samples if one.metric == _SSID_CLIENTS}
    if ssids:
        mine = [by_network[ssid] for ssid in ssids if ssid in by_network]
        return int(sum(mine)) if mine else None
    whole = reading.value(_CLIENTS)
    if whole is None and by_network:
        whole = sum(by_network.values())
    return None if whole is None else int(whole)


def judged(capacity: Capacity, devices: int, params: HeadroomParams) -> Measured:
    """What there is for each person, in figures and words; with nobody there, one person is reckoned with."""
    people = math.ceil(devices / params.devices_per_person)
    each = capacity.rate / max(people, 1)
    ratio = each / params.per_person
    there = f"{people} {'person' if people == 1 else 'people'} ({devices} {'device' if devices == 1 else 'devices'})"
    words = f"{each / 1e6:.3g} Mbit/s for each of {there}" if people else "nobody is on the Wi-Fi"
    short = f"; {params.per_person / 1e6:.3g} Mbit/s are needed" if ratio < 1 else ""
    detail = f"{words}{short}; the line has {capacity.rate / 1e6:.4g} Mbit/s {capacity.known}"
    return Measured(detail, (Sample(_PEOPLE, people), Sample(_EACH, each), Sample(_RATIO, ratio)))


def _downloaded(reading: Reading | None) -> dict[str, Any]:
    """What to remember of a measurement, nothing if it is not a good one."""
    rate = reading.value(_MEASURED, "down") if reading is not None and reading.status is Status.UP else None
    return {"at": reading.at.isoformat(), "rate": rate} if reading is not None and rate else {}


def _remembered(memory: Mapping[str, Any], params: HeadroomParams, now: datetime) -> Capacity | None:
    """The measurement that is remembered, None if there is none or it is too old."""
    if not memory:
        return None
    at = datetime.fromisoformat(memory["at"])
    if (now - at).total_seconds() > params.max_age:
        return None
    return Capacity(float(memory["rate"]), f"as measured on {at:%d %B, %H:%M} UTC")


def _unknown_capacity(params: HeadroomParams) -> str:
    measured = f"{params.throughput} has measured no download lately" if params.throughput else "no check measures it"
    return f"what the line carries is not known: {measured}, and the uplink has no contract with `down`"
