"""How SNMP agents tell of Wi-Fi: what a MIB has to be asked, and small steps to read what came back."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from probes._engines.snmp.agent import Column
from probes._engines.snmp.values import Value, index_octets, index_text, number, text
from probes._engines.wifi import AccessPoint, Band, Ssid, View

SYS_NAME = "1.3.6.1.2.1.1.5.0"

_LARGEST_COUNT = 10**6  # devices send 4294967295 and the like for a number that they do not have
_MOST_PERCENT = 100
_CHANNEL = re.compile(rb"\d{1,3}")


class Cells(NamedTuple):
    """What an agent answered: instances, and columns by their object; what it does not have is not there."""

    instances: Mapping[str, Value | None]
    columns: Mapping[str, Column]

    def total(self, oid: str) -> int | None:
        """An instance that counts something."""
        return count(self.instances.get(oid))

    def name(self, oid: str) -> str:
        """An instance that is a text, "" if there is none."""
        return text(self.instances.get(oid)) or ""

    def names(self, oid: str) -> dict[str, str]:
        """A column of texts, by index."""
        return {index: text(value) or "" for index, value in self.columns[oid].items()}

    def at(self, oid: str, index: str) -> int | None:
        """A cell that counts something."""
        return count(self.columns[oid].get(index))

    def counts(self, oid: str) -> dict[str, int | None]:
        """A column that counts something, by index."""
        return {index: count(value) for index, value in self.columns[oid].items()}


class Mib(NamedTuple):
    """What one MIB of a vendor has to be asked, and how it is read.

    `objects` are the beginnings of sysObjectID by which its devices are known; those without any are tried where
    nothing else fits, as they give the number of their chip's maker or of Net-SNMP.
    """

    vendor: str
    objects: tuple[str, ...]
    instances: tuple[str, ...]
    columns: tuple[str, ...]
    read: Callable[[Cells], View]


def count(value: Value | None) -> int | None:
    """A count, also where it is sent as text; None for what can't be one."""
    known = number(value)
    return int(known) if known is not None and 0 <= known < _LARGEST_COUNT else None


def share(value: Value | None) -> float | None:
    """A percentage as a ratio."""
    known = number(value)
    return known / 100 if known is not None and 0 <= known <= _MOST_PERCENT else None


def switch(value: Value | None, on: int = 1) -> bool | None:
    """Whether it has the value that means on; None if it is not told."""
    known = number(value)
    return None if known is None else known == on


def total(counts: Iterable[int | None]) -> int | None:
    """The sum of what is known, None if nothing is."""
    known = [each for each in counts if each is not None]
    return sum(known) if known else None


def channel(value: Value | None) -> int | None:
    """A channel: a number, or text that begins with one ("149E", "36+"). 0 is a radio that is off."""
    if isinstance(value, bytes):
        found = _CHANNEL.match(value)
        return int(found[0]) or None if found else None
    return value if isinstance(value, int) and 0 < value < 256 else None


def channel_at(megahertz: int | None) -> int | None:
    """The channel whose middle is at that frequency."""
    if megahertz is None:
        return None
    if megahertz == 2484:
        return 14
    for least, most, zero in ((2412, 2472, 2407), (5160, 5885, 5000), (5955, 7115, 5950)):
        if least <= megahertz <= most:
            return (megahertz - zero) // 5
    return None


def band_of(number: int | None) -> Band:
    """The band that a channel's number means; those of 6 GHz look like others and are not told from these."""
    if number is None:
        return ""
    return "2.4" if number <= 14 else "5" if 32 <= number <= 177 else ""


def radio_name(point: str, number: str, band: Band = "") -> str:
    """What to call a radio of an access point, which is "" if there is but one: by its band, or else by its number."""
    return (f"{point} {band} GHz" if band else f"{point} radio {number}").strip()


def itself(name: str, clients: int | None) -> tuple[AccessPoint, ...]:
    """An access point that answers for itself alone."""
    return (AccessPoint(name or "access point", online=True, clients=clients),)


def networks(names: Mapping[str, str], clients: Mapping[str, int | None]) -> tuple[Ssid, ...]:
    """Networks by index, and how many devices are on each."""
    return tuple(Ssid(name, clients=clients.get(index)) for index, name in names.items() if name)


def networks_of(devices: Iterable[str]) -> tuple[Ssid, ...]:
    """Networks where each device tells the name of its own."""
    return tuple(Ssid(name, clients=1) for name in devices if name)


def networks_by_name(clients: Mapping[str, int | None]) -> tuple[Ssid, ...]:
    """Networks whose names are the index: a length and as many characters."""
    found = [(index_text(index) or "", number) for index, number in clients.items()]
    return tuple(Ssid(name, clients=number) for name, number in found if name)


def text_at_end(index: str) -> str:
    """The text that an index ends with, as a length and as many characters; the index itself if it does not."""
    content = index_octets(index) or b""
    for start, length in enumerate(content):
        if length and length == len(content) - start - 1:
            return text(content[start + 1 :]) or index
    return index


def tells(view: View) -> bool:
    """Whether a view says anything of Wi-Fi: who has none of the objects tells nothing."""
    listed = view.listed and view.access_points
    return bool(view.ssids or view.radios or listed) or view.online is not None or view.clients is not None
