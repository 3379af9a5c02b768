"""The Wi-Fi: three access points of Aruba Instant, of which one speaks for all, and two networks."""

import math
from datetime import datetime, tzinfo

from monitor.demo.peers.snmp import Oid, Rows, SnmpAgent, column, system

MEMBERS, OPERATIONS = "Harbour Members", "Harbour Operations"
ACCESS_POINTS = ("ap-ground-floor", "ap-first-floor", "ap-second-floor")

_LOST = "ap-second-floor"
_MODEL: Oid = (1, 3, 6, 1, 4, 1, 14823, 1, 2, 111)
_INSTANT: Oid = (1, 3, 6, 1, 4, 1, 14823, 2, 3, 3, 1)
_NETWORKS, _MEMBERS_OF_THE_CLUSTER, _RADIOS = (*_INSTANT, 1, 7, 1), (*_INSTANT, 2, 1, 1), (*_INSTANT, 2, 2, 1)
_ON, _OFF = 0, 1  # aiSSIDStatus
_UP = 1
_CHANNELS = ((36, 6), (52, 1), (100, 11))  # of each access point: at 5 GHz, at 2.4 GHz
_MOST_DEVICES, _FEWEST_DEVICES, _FIXED_DEVICES = 56, 2, 9


class WifiController(SnmpAgent):
    """A controller whose members' devices come and go with the time of day in `zone`.

    Moods: lost has an access point less on its list, "members off" has switched the members' network off.
    """

    def __init__(self, address: str, community: str, zone: tzinfo) -> None:
        super().__init__(address, community)
        self._zone = zone

    def rows(self) -> Rows:
        """Networks, access points and radios, as AI-AP-MIB has them."""
        off = self.mood == "members off"
        present = 0 if off else devices(datetime.now(self._zone))
        points = [name for name in ACCESS_POINTS if self.mood != "lost" or name != _LOST]
        return {
            **system("ArubaOS (MODEL: 515)", _MODEL, "harbour-wifi"),
            **column((*_NETWORKS, 2), {(0,): MEMBERS, (1,): OPERATIONS}),
            **column((*_NETWORKS, 3), {(0,): _OFF if off else _ON, (1,): _ON}),
            **column((*_NETWORKS, 4), {(0,): present, (1,): _FIXED_DEVICES}),
            **column((*_MEMBERS_OF_THE_CLUSTER, 2), {_hardware(name): name for name in points}),
            **column((*_MEMBERS_OF_THE_CLUSTER, 11), {_hardware(name): _UP for name in points}),
            **_radios(points, present + _FIXED_DEVICES),
        }


def devices(at: datetime) -> int:
    """How many members' devices there are at a local time: few by night, most at half past two."""
    hour = at.hour + at.minute / 60
    return _FEWEST_DEVICES + round(_MOST_DEVICES * math.exp(-(((hour - 14.5) / 4.5) ** 2)))


def _radios(points: list[str], total: int) -> Rows:
    """Two radios of each access point, and how all devices are spread over them."""
    radios = [(point, number) for point in points for number in (0, 1)]
    rows: dict[Oid, int] = {}
    for place, (point, number) in enumerate(radios):
        on_it = len(range(place, total, len(radios)))
        cells = {4: _CHANNELS[ACCESS_POINTS.index(point)][number], 8: 12 + 2 * on_it, 20: _UP, 21: on_it}
        rows |= {(*_RADIOS, item, *_hardware(point), number): value for item, value in cells.items()}
    return rows


def _hardware(point: str) -> Oid:
    """An access point's hardware address, by which tables are indexed."""
    return (2, 0, 94, 16, 0, 1 + ACCESS_POINTS.index(point))
