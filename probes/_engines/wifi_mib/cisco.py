"""Reads AIRESPACE-WIRELESS-MIB, which Cisco's controllers have: AireOS, Catalyst 9800, Business Wireless."""

from probes._engines.wifi import AccessPoint, Radio, Ssid, View
from probes._engines.wifi_mib.radius import counted
from probes._engines.wifi_mib.reader import Cells, Mib, band_of, channel, count, radio_name, share, switch, total

_TREE = "1.3.6.1.4.1.14179.2"
_SSID, _ADMIN, _STATIONS = f"{_TREE}.1.1.1.2", f"{_TREE}.1.1.1.6", f"{_TREE}.1.1.1.38"
_POINT, _STATE = f"{_TREE}.2.1.1.3", f"{_TREE}.2.1.1.6"
_CHANNEL, _RADIO_STATE, _USERS = f"{_TREE}.2.2.1.4", f"{_TREE}.2.2.1.12", f"{_TREE}.2.2.1.15"
_BUSY = f"{_TREE}.2.13.1.3"
_SERVER, _PORT, _REQUESTS, _TIMEOUTS = f"{_TREE}.5.1.1.2", f"{_TREE}.5.1.1.3", f"{_TREE}.5.3.1.7", f"{_TREE}.5.3.1.15"
_JOINED, _JOINED_LWAPP = "1.3.6.1.4.1.9.9.618.1.8.4.0", "1.3.6.1.4.1.9.9.513.1.3.35.0"
_STATES = {1: "", 2: "leaving", 3: "loading its software"}
_RADIO_UP = 2


def read(cells: Cells) -> View:
    """The view of a controller. It lists the access points that have joined it: the others have vanished."""
    users = cells.counts(_USERS)
    names = cells.names(_POINT)
    points = [_point(cells, index, name or index, users) for index, name in names.items()]
    ssids = [
        Ssid(name, switch(cells.columns[_ADMIN].get(index)), cells.at(_STATIONS, index))
        for index, name in cells.names(_SSID).items()
        if name
    ]
    joined = cells.total(_JOINED) if cells.total(_JOINED) is not None else cells.total(_JOINED_LWAPP)
    known = total(ssid.clients for ssid in ssids)
    return View(
        ssids=tuple(ssids),
        access_points=tuple(points),
        radios=tuple(_radio(cells, index, names) for index in cells.columns[_RADIO_STATE]),
        radius=counted(cells, _REQUESTS, _TIMEOUTS, _SERVER, _PORT),
        listed=bool(names) or joined in (0, None),
        online=joined,
        clients=total(users.values()) if known is None else known,
    )


def _point(cells: Cells, index: str, name: str, users: dict[str, int | None]) -> AccessPoint:
    """An access point that does not say how it is, is at least there."""
    state = count(cells.columns[_STATE].get(index))
    clients = total(number for radio, number in users.items() if radio.rpartition(".")[0] == index)
    return AccessPoint(name, state in (None, 1), _STATES.get(state or 1, f"state {state}"), clients)


def _radio(cells: Cells, index: str, names: dict[str, str]) -> Radio:
    point, _, slot = index.rpartition(".")
    tuned = channel(cells.columns[_CHANNEL].get(index))
    return Radio(
        radio_name(names.get(point) or point, slot, band_of(tuned)),
        band_of(tuned),
        tuned,
        share(cells.columns[_BUSY].get(index)),
        cells.at(_USERS, index),
        switch(cells.columns[_RADIO_STATE].get(index), _RADIO_UP),
    )


MIBS = (
    Mib(
        "cisco",
        ("1.3.6.1.4.1.9", "1.3.6.1.4.1.14179"),
        (_JOINED, _JOINED_LWAPP),
        (
            *(_SSID, _ADMIN, _STATIONS, _POINT, _STATE, _CHANNEL, _RADIO_STATE, _USERS, _BUSY),
            *(_SERVER, _PORT, _REQUESTS, _TIMEOUTS),
        ),
        read,
    ),
)
