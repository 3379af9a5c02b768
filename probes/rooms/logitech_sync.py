"""Asks Logitech Sync how the rooms of an organization are: which of their devices are online and healthy."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar

from pydantic import Field

from probes import Failed, Measured, Metric, Probe, Sample, Unmeasured
from probes._engines import Engines, room_clouds, room_systems
from probes._engines.api import MARGIN, Api, rows
from probes._engines.cloud import Address, host_of
from probes._engines.http.exchange import Trust
from probes._engines.json_values import count, number, words
from probes._engines.room_clouds import MOST_ROOMS, Room, RoomsParams, View

PAGE = 100
"""Rooms of a page."""

_PROJECTION = ",".join(
    f"place.{what}" for what in ("info", "occupancy", "device", "device.info", "device.status", "device.sensors")
)
_CO2 = "deskwatch_room_co2_ratio"
_PERIPHERALS = {
    "camera": "cameras",
    "micPod": "microphone pods",
    "micPodHub": "microphone hubs",
    "speaker": "speakers",
    "tableHub": "table hubs",
    "displayHub": "display hubs",
}
_COUNTED = {"cameras": "camera", "microphones": "micPod"}  # as every room system has them

Row = Mapping[str, Any]


class LogitechSyncParams(RoomsParams):
    """Which organization to ask, and what we show to be let in."""

    organization: Annotated[
        str, Field(pattern=r"^[0-9A-Za-z_-]{1,100}$", description="Org ID, from Settings, Sync Cloud API in the portal")
    ]
    certificate_file: Annotated[
        str, Field(min_length=1, max_length=1000, description="path of the certificate.pem made there")
    ]
    key_file: Annotated[
        str,
        Field(min_length=1, max_length=1000, description="path of the privateKey.pem made there, for our eyes only"),
    ]
    url: Annotated[Address, Field(description="address of the API, as the portal shows it")] = (
        "https://api.sync.logitech.com/v1"
    )

    @property
    def target(self) -> str:
        """The organization."""
        return f"{host_of(self.url)} {self.organization}"

    @classmethod
    def of_target(cls, target: str) -> dict[str, object]:
        """The id of an organization."""
        return {"organization": target}


class LogitechSync(Probe[LogitechSyncParams]):
    """Whether meetings can be held in the rooms that Logitech Sync looks after.

    That the portal does not answer says nothing about a room: the reading is UNKNOWN then.
    """

    Params = LogitechSyncParams
    metrics = (
        *room_clouds.METRICS,
        room_systems.CONNECTED,
        room_systems.PEOPLE,
        room_systems.PRESENCE,
        room_systems.TEMPERATURE,
        Metric(_CO2, "Carbon dioxide in the room's air: 0.001 is 1,000 ppm", "ratio"),
    )
    reasons: ClassVar = room_clouds.REASONS
    rules = room_clouds.RULES
    says = "has a room whose Logitech equipment cannot be used"
    per_target = 1
    on_demand = False  # who may ask for one reading may not use any key of this machine

    def __init__(self, params: LogitechSyncParams, engines: Engines) -> None:
        super().__init__(params, engines)
        self._api = Api(
            engines.http,
            f"{params.url}/org/{params.organization}",
            "Logitech Sync",
            "`organization`, `certificate_file` and `key_file`",
            trust=Trust(ca_file=params.ca_file, certificate_file=params.certificate_file, key_file=params.key_file),
        )

    async def measure(self, timeout: float) -> Measured:
        """Read the list of rooms with their devices."""
        try:
            view = View(tuple(map(room, await self._rooms(time.monotonic() + timeout - MARGIN))))
        except Failed as failed:
            raise _silent(failed) from None
        return room_clouds.judged(view, self.params, self.engines.memory, self.check)

    async def _rooms(self, deadline: float) -> tuple[Row, ...]:
        found: list[Row] = []
        page: dict[str, str | int] = {"rooms": "true", "limit": PAGE, "projection": _PROJECTION}
        while len(found) < MOST_ROOMS:
            document = await self._api.get("/place", deadline, **page)
            found += rows(document, "places")
            after = document.get("continuation")
            if not after or not isinstance(after, str):
                return tuple(place for place in found if words(place.get("type")).lower() in ("", "room"))
            page = {**page, "continuation": after}
        raise Unmeasured("no_source", f"the organization has more than {MOST_ROOMS} rooms: too many to read")


def _silent(failed: Failed) -> Unmeasured:
    silent = room_clouds.silent("Logitech Sync", failed)
    if failed.reason not in ("reset", "tls_failed"):
        return silent
    return Unmeasured(silent.reason, f"{silent.detail}; a certificate that is withdrawn or expired is refused so, too")


def room(place: Row) -> Room:
    """A room by its row."""
    devices = _devices(place)
    told = [status for row in devices if _matters(row) and (status := _word(row, "status"))]
    return Room(
        name=words(place.get("name")),
        online=any(status in ("online", "inuse") for status in told) if told else None,
        in_use="inuse" in told if told else None,
        faults=tuple(_faults(devices)),
        warnings=tuple(_warnings(devices)),
        figures=tuple(_figures(place, devices)),
    )


def _devices(place: Row) -> list[Row]:
    told = place.get("devices")
    return [row for row in told if isinstance(row, Mapping)] if isinstance(told, list) else []


def _matters(row: Row) -> bool:
    """Whether a meeting needs it. What Sync calls generic is whatever is plugged into the computer: a keyboard."""
    return _word(row, "type") != "generic"


def _word(row: Row, name: str) -> str:
    return words(row.get(name)).replace(" ", "").lower()


def _faults(devices: Sequence[Row]) -> Iterator[str]:
    for row in devices:
        if _matters(row) and _word(row, "status") == "offline":
            yield f"{_called(row)} is offline"
        elif _matters(row) and _word(row, "healthStatus") == "error":
            yield f"{_called(row)} reports an error"


def _warnings(devices: Sequence[Row]) -> Iterator[str]:
    for row in devices:
        health, offline = _word(row, "healthStatus"), _word(row, "status") == "offline"
        if not _matters(row) and (offline or health == "error"):
            yield f"{_called(row)} {'is offline' if offline else 'reports an error'}"
        elif health == "warning":
            yield f"{_called(row)} reports a warning"
        for part, plural in _PERIPHERALS.items():
            actual, expected = _counts(row, part)
            if actual is not None and expected is not None and actual < expected:
                yield f"{_called(row)} has {actual} of {expected} {plural}"


def _called(row: Row) -> str:
    return words(row.get("name")) or words(row.get("type")) or "a device"


def _counts(row: Row, part: str) -> tuple[int | None, int | None]:
    """How many of a peripheral there are and should be, None for what is not told."""
    counts = _inner(row, "peripherals", part, "count")
    return count(_inner(counts, "actual")), count(_inner(counts, "expected"))


def _inner(row: Any, *path: str) -> Any:
    for step in path:
        row = row.get(step) if isinstance(row, Mapping) else None
    return row


def _figures(place: Row, devices: Sequence[Row]) -> Iterator[Sample]:
    if (people := count(place.get("occupancy"))) is not None:
        yield Sample(room_systems.PEOPLE.name, people)
    for name, part in _COUNTED.items():
        found = [actual for row in devices if (actual := _counts(row, part)[0]) is not None]
        if found:
            yield Sample(room_systems.CONNECTED.name, sum(found), name)
    sensors = next((told for row in devices if isinstance(told := row.get("sensors"), Mapping)), {})
    celsius, ppm, presence = (number(sensors.get(name)) for name in ("temperature", "co2", "presence"))
    if celsius is not None and -50 <= celsius <= 100:
        yield Sample(room_systems.TEMPERATURE.name, celsius)
    if ppm is not None and 0 < ppm < 1e6:
        yield Sample(_CO2, ppm / 1e6)
    if presence is not None:
        yield Sample(room_systems.PRESENCE.name, int(presence > 0))
