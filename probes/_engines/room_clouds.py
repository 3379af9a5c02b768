"""Meeting rooms as the cloud of their room systems' maker shows them, in one set of terms, and what is wrong there."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Annotated, NamedTuple

from pydantic import Field

from probes._base import DefaultRule, Failed, Measured, Metric, Params, Sample, Unmeasured
from probes._engines import room_systems
from probes._engines.doors import labels
from probes._engines.inventory import Inventory
from probes._engines.memory import Memory
from probes._engines.trust import CaFile

MOST_ROOMS = 500
"""Rooms of one organization that are looked at."""

Name = Annotated[str, Field(min_length=1, max_length=64)]


class RoomsParams(Params):
    """Which rooms are looked at."""

    rooms: Annotated[
        tuple[Name, ...],
        Field(
            max_length=MOST_ROOMS,
            description="names of the rooms that this check is about, as the cloud has them; if not set, all that it "
            "lists, and those that it listed for an hour within the last 14 days",
        ),
    ] = ()
    ca_file: CaFile = ""


class Room(NamedTuple):
    """A room; None is what the cloud does not tell.

    `faults` are what keeps a meeting from being held, `warnings` what wants attention, both in words. `figures` are
    what is measured in the room, as every room system has it.
    """

    name: str
    online: bool | None = None
    maintenance: bool = False
    in_use: bool | None = None
    faults: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    figures: tuple[Sample, ...] = ()


class View(NamedTuple):
    """All rooms that a cloud lists; `remarks` say what it would not tell."""

    rooms: tuple[Room, ...]
    remarks: tuple[str, ...] = ()


_ONLINE = "deskwatch_room_system_online"
_IN_USE = "deskwatch_room_system_in_use"
_FAULTS = "deskwatch_room_system_faults"
_WARNINGS = "deskwatch_room_system_warnings"
_MAINTENANCE = "deskwatch_room_system_maintenance"
_MISSING = "deskwatch_room_systems_missing"

METRICS = (
    Metric(_ONLINE, "1 if the room's system is online, 0 if it is offline or has vanished", "", "room"),
    Metric(_IN_USE, "1 while the room's system is in use, else 0", "", "room"),
    Metric(_FAULTS, "How many of the room's devices keep a meeting from being held", "", "room"),
    Metric(_WARNINGS, "How much of the room's equipment wants attention", "", "room"),
    Metric(_MAINTENANCE, "1 while the room is marked as being worked on, else 0", "", "room"),
    Metric(_MISSING, "Rooms that should be on the cloud's list and are not"),
    room_systems.IN_USE,
)
"""What every kind that asks such a cloud measures."""

REASONS = {
    "room_offline": "the system of a room is offline: the cloud cannot reach it",
    "room_missing": "a room is not on the cloud's list any more",
    "fault": "a device that a meeting needs is offline, or reports an error",
}
"""The reasons for which a room is down."""

RULES = (
    DefaultRule(
        "attention",
        _WARNINGS,
        "has equipment that wants attention; its check says which",
        above=0,
        hold=300,
    ),
    DefaultRule(
        "maintenance-long",
        _MAINTENANCE,
        "has been marked as being worked on for a day; while it is, nobody hears of its failures",
        severity="info",
        above=0,
        hold=86_400,
    ),
)
"""What every such kind proposes."""


def silent(cloud: str, failed: Failed) -> Unmeasured:
    """The reading that a failure of a cloud stands for: the rooms work without it."""
    return Unmeasured("no_source", f"nothing is known about the rooms, {cloud} does not answer: {failed.detail}")


def judged(view: View, params: RoomsParams, memory: Memory, check: str) -> Measured:
    """What a view means for the rooms of the settings; remembers which there were.

    Raises Failed when one of them cannot be used, Unmeasured when no room is listed.
    """
    if not view.rooms:
        raise Unmeasured("no_source", "the cloud lists no room; may this account see the rooms?")
    called = labels(room.name for room in view.rooms)
    inventory = Inventory.of(memory.recall(check))
    memory.keep(check, inventory.after(called, datetime.now(UTC)).memory)
    missing = inventory.missing(called, params.rooms)
    every = [room._replace(name=name) for room, name in zip(view.rooms, called, strict=True)]
    rooms = [room for room in every if not params.rooms or room.name in params.rooms]
    samples = tuple(_samples(rooms, missing, single=len(params.rooms) == 1))
    sentence = "; ".join((*_remarks(rooms, missing), *view.remarks))
    if objection := _objection(rooms, missing):
        others = [] if rooms or not params.rooms else called
        known = f" (it has {_few(others)})" if others else ""
        raise Failed(objection[0], f"{objection[1]}{known}; {sentence}", samples)
    return Measured(sentence, samples)


def _objection(rooms: Sequence[Room], missing: Sequence[str]) -> tuple[str, str] | None:
    """Reason and words, None if all rooms can be used."""
    offline = [room.name for room in rooms if _is(room, online=False)]
    if offline:
        return "room_offline", f"offline: {_few(offline)}"
    if missing:
        return "room_missing", f"not on the cloud's list: {_few(missing)}"
    faults = [f"{room.name}: {', '.join(room.faults[:3])}" for room in rooms if _faults(room)]
    return ("fault", _few(faults)) if faults else None


def _is(room: Room, *, online: bool) -> bool:
    return room.online is online and not room.maintenance


def _faults(room: Room) -> int:
    """How many faults of a room count: those of one that is offline or worked on are no news."""
    return 0 if room.maintenance or room.online is False else len(room.faults)


def _warnings(room: Room) -> int:
    return 0 if room.maintenance or room.online is False else len(room.warnings)


def _samples(rooms: Sequence[Room], missing: Sequence[str], *, single: bool) -> Iterator[Sample]:
    """The figures of the rooms; what is measured in a room has no label, so that it is there for a single one only."""
    for room in rooms:
        yield Sample(_MAINTENANCE, int(room.maintenance), room.name)
        if room.online is not None and not room.maintenance:
            yield Sample(_ONLINE, int(room.online), room.name)
        if room.in_use is not None:
            yield Sample(_IN_USE, int(room.in_use), room.name)
        yield Sample(_FAULTS, _faults(room), room.name)
        yield Sample(_WARNINGS, _warnings(room), room.name)
        if single:
            yield from room.figures
            yield from () if room.in_use is None else (Sample(room_systems.IN_USE.name, int(room.in_use)),)
    yield from (Sample(_ONLINE, 0, name) for name in missing)
    yield Sample(_MISSING, len(missing))


def _remarks(rooms: Sequence[Room], missing: Sequence[str]) -> Iterator[str]:
    """What a community manager should know."""
    told = [room.online for room in rooms if room.online is not None and not room.maintenance]
    total = len(told) + len(missing)
    if total:
        yield f"{sum(told)} of {total} {'room is' if total == 1 else 'rooms are'} online"
    noted = {
        "in use": [room.name for room in rooms if room.in_use],
        "being worked on": [room.name for room in rooms if room.maintenance],
        "not told whether online": [room.name for room in rooms if room.online is None and not room.maintenance],
        "wants attention": [f"{room.name} ({', '.join(room.warnings[:3])})" for room in rooms if _warnings(room)],
    }
    yield from (f"{what}: {_few(names)}" for what, names in noted.items() if names)


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{', '.join(names[:3])}{more}"
