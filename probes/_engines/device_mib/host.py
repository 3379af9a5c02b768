"""How HOST-RESOURCES-MIB tells of a device: processors, memory, storage and the state of its components."""

from collections.abc import Mapping
from typing import NamedTuple

from probes._engines.device_mib.tables import MOST, Figure, Found, plausible
from probes._engines.snmp.agent import Agent, Column, part_names, words_of
from probes._engines.snmp.values import Value, integer

COMPONENT_STATES: Mapping[int, str] = {1: "unknown", 2: "running", 3: "warning", 4: "testing", 5: "down"}
"""hrDeviceStatus."""

_HOST = "1.3.6.1.2.1.25"
_PROCESSORS, _COMPONENTS = f"{_HOST}.3.3.1.2", f"{_HOST}.3.2.1.5"
_SIZES, _STORAGE = f"{_HOST}.2.3.1.5", tuple(f"{_HOST}.2.3.1.{column}" for column in (3, 2, 4, 6))
_FILE_SYSTEMS = tuple(f"{_HOST}.3.8.1.{column}" for column in (7, 5))
_RAM, _FIXED_DISK = f"{_HOST}.2.1.2", f"{_HOST}.2.1.4"
_READ_ONLY = 2  # hrFSAccess

_MEMORY = ("physical memory", "main memory")
_AVAILABLE, _CACHES = "available memory", ("memory buffers", "cached memory")
_ALWAYS_FULL = ("/dev", "/proc", "/rom", "/run", "/snap", "/sys")


class Storage(NamedTuple):
    """One row of hrStorageTable; sizes in bytes, `filling` if it is a file system that work may fill."""

    name: str
    size: int
    used: int
    filling: bool
    memory: bool


async def host(agent: Agent) -> Found:
    """What the device tells of itself as a host; nothing where it has no such MIB."""
    loads, components, sizes = await agent.columns(_PROCESSORS, _COMPONENTS, _SIZES, most=MOST)
    known = [*processors(loads), *states(components)]
    if sizes:
        table = await agent.columns(*_STORAGE, most=MOST)
        places, access = await agent.columns(*_FILE_SYSTEMS, most=MOST)
        read_only = {str(place) for row, place in places.items() if access.get(row) == _READ_ONLY}
        known += figures(storages(read_only, sizes, *table))
    return Found(tuple(known))


def processors(loads: Column) -> list[Figure]:
    """The load of each processor, numbered from 1: their indexes are numbers of a device's own."""
    known = [plausible("processor", number / 100) for value in loads.values() if (number := integer(value)) is not None]
    return [Figure("processor", str(place), load) for place, load in enumerate(known, 1) if load is not None]


def states(components: Column) -> list[Figure]:
    """How many components are in each state."""
    known = [COMPONENT_STATES.get(integer(value) or 0) for value in components.values()]
    return [Figure("state", word, known.count(word)) for word in COMPONENT_STATES.values() if any(known)]


def storages(
    read_only: set[str], sizes: Column, names: Column, types: Column, units: Column, used: Column
) -> list[Storage]:
    """The rows that have a size. What is mounted read-only, or a list of devices, is full by nature."""
    found = list[Storage]()
    given = part_names({index: words_of(names, index) for index in sizes})
    for index, name in given.items():
        unit, size, taken = (_count(column.get(index)) for column in (units, sizes, used))
        if not unit or not size or taken is None:
            continue
        kind = types.get(index)
        filling = kind == _FIXED_DISK and index not in read_only and not name.startswith(_ALWAYS_FULL)
        found.append(Storage(name, size * unit, taken * unit, filling, kind == _RAM and name.lower() in _MEMORY))
    return found


def figures(rows: list[Storage]) -> list[Figure]:
    """Sizes and shares of storage, and of the memory that programs use."""
    found = list[Figure]()
    for row in rows:
        found += [Figure("storage_bytes", row.name, row.size), Figure("storage", row.name, row.used / row.size)]
        if row.filling:
            found.append(Figure("disk", row.name, row.used / row.size))
        if row.memory:
            found.append(Figure("memory", "", _without_caches(row, rows) / row.size))
    return found


def _without_caches(memory: Storage, rows: list[Storage]) -> int:
    """What is used and not just a cache: newer agents of Net-SNMP tell what is available, older ones the caches."""
    available = [row.size for row in rows if row.name.lower() == _AVAILABLE]
    if available and available[0] <= memory.size:
        return memory.size - available[0]
    caches = sum(row.used for row in rows if row.name.lower() in _CACHES)
    return memory.used - caches if caches <= memory.used else memory.used


def _count(value: Value | None) -> int | None:
    """Sizes of 2^31 units and more arrive as negative numbers of 32 bits."""
    known = integer(value)
    return known if known is None or known >= 0 else known + 2**32
