"""Reads the MIBs of Ruckus: SmartZone and its forerunner SCG, ZoneDirector, and Unleashed."""

from probes._engines.snmp.values import text
from probes._engines.wifi import AccessPoint, View
from probes._engines.wifi_mib.reader import Cells, Mib, count, networks, total

_RUCKUS = "1.3.6.1.4.1.25053.1"
_NODE_POINTS = f"{_RUCKUS}.8.1.1.1.1.1.1.19"
_OBJECTS = ("1.3.6.1.4.1.25053",)
_CONNECTED = 1
_STATES = {0: "", 2: "waits for approval", 3: "loading its software", 4: "being set up"}


def _system(branch: int) -> tuple[str, str, str]:
    """Access points, devices and registered access points in the system's figures of a branch."""
    stats = f"{_RUCKUS}.{branch}.1.1.1.15"
    return f"{stats}.1.0", f"{stats}.2.0", f"{stats}.15.0"


def _zone(branch: int) -> Mib:
    """SmartZone (4) and SCG (3): the same tables in two branches."""
    points, devices, _ = _system(branch)
    wlan, point = f"{_RUCKUS}.{branch}.2.1.1.1.2.1", f"{_RUCKUS}.{branch}.2.1.1.2.2.1"
    ssid, clients, name, state = f"{wlan}.1", f"{wlan}.12", f"{point}.5", f"{point}.16"

    def read(cells: Cells) -> View:
        states = cells.columns[state]
        found = [
            AccessPoint(given or index, word == "Connect", "" if word in ("Connect", "Disconnect") else word)
            for index, given in cells.names(name).items()
            if (word := text(states.get(index)) or "")
        ]
        connected = total(cells.counts(_NODE_POINTS).values())
        return View(
            ssids=networks(cells.names(ssid), cells.counts(clients)),
            access_points=tuple(found),
            listed=bool(found),
            online=cells.total(points) if connected is None else connected,
            total=cells.total(points),
            clients=cells.total(devices),
        )

    return Mib("ruckus", _OBJECTS, (points, devices), (ssid, clients, name, state, _NODE_POINTS), read)


def _director() -> Mib:
    """ZoneDirector; where it shows no list, the number of those registered says how many there should be."""
    points, devices, registered = _system(2)
    wlan, point = f"{_RUCKUS}.2.2.1.1.1.1.1", f"{_RUCKUS}.2.2.1.1.2.1.1"
    ssid, clients, name, state, users = f"{wlan}.1", f"{wlan}.12", f"{point}.2", f"{point}.3", f"{point}.15"

    def read(cells: Cells) -> View:
        names = cells.names(name)
        found = [
            _point(names.get(index) or index, count(value), cells.at(users, index))
            for index, value in cells.columns[state].items()
        ]
        return View(
            ssids=networks(cells.names(ssid), cells.counts(clients)),
            access_points=tuple(found),
            listed=bool(found),
            online=cells.total(points),
            total=cells.total(registered),
            clients=cells.total(devices),
        )

    return Mib("ruckus", _OBJECTS, (points, devices, registered), (ssid, clients, name, state, users), read)


def _point(name: str, state: int | None, clients: int | None) -> AccessPoint:
    return AccessPoint(name, state == _CONNECTED, _STATES.get(state or 0, ""), clients)


def _unleashed() -> Mib:
    """Unleashed counts, and names nothing."""
    points, devices, _ = _system(15)

    def read(cells: Cells) -> View:
        return View(listed=False, named=False, online=cells.total(points), clients=cells.total(devices))

    return Mib("ruckus", _OBJECTS, (points, devices), (), read)


MIBS = (_zone(4), _director(), _unleashed(), _zone(3))
