"""Reads WLSX-WLAN-MIB of Aruba's controllers and AI-AP-MIB of Aruba Instant."""

from probes._engines.snmp.values import integer
from probes._engines.wifi import AccessPoint, Radio, Ssid, View
from probes._engines.wifi_mib.reader import (
    Cells,
    Mib,
    band_of,
    channel,
    networks,
    networks_by_name,
    radio_name,
    share,
    switch,
    total,
)

_SWITCH, _WLAN = "1.3.6.1.4.1.14823.2.2.1.1.3", "1.3.6.1.4.1.14823.2.2.1.5.2.1"
_ACTIVE, _ASSOCIATED = f"{_SWITCH}.1.0", f"{_SWITCH}.2.0"
_POINT, _STATE = f"{_WLAN}.4.1.3", f"{_WLAN}.4.1.19"
_RADIO_CLIENTS, _RADIO_POINT = f"{_WLAN}.5.1.7", f"{_WLAN}.5.1.16"
_BSSID_NETWORK, _BSSID_CLIENTS, _NETWORK_CLIENTS = f"{_WLAN}.7.1.2", f"{_WLAN}.7.1.12", f"{_WLAN}.8.1.2"

_INSTANT = "1.3.6.1.4.1.14823.2.3.3.1"
_SSID, _SSID_STATE, _SSID_CLIENTS = f"{_INSTANT}.1.7.1.2", f"{_INSTANT}.1.7.1.3", f"{_INSTANT}.1.7.1.4"
_MEMBER, _MEMBER_STATE = f"{_INSTANT}.2.1.1.2", f"{_INSTANT}.2.1.1.11"
_CHANNEL, _BUSY = f"{_INSTANT}.2.2.1.4", f"{_INSTANT}.2.2.1.8"
_RADIO_STATE, _MEMBER_CLIENTS = f"{_INSTANT}.2.2.1.20", f"{_INSTANT}.2.2.1.21"
_ENABLED = 0  # aiSSIDStatus: enable(0), disable(1)


def read_controller(cells: Cells) -> View:
    """The view of a controller: its list has the access points that are down, its count of them has not."""
    points, clients = _points(cells, _POINT, _STATE), _by_point(cells)
    broadcast = cells.names(_BSSID_NETWORK)
    by_network = cells.counts(_NETWORK_CLIENTS)
    ssids = networks_by_name(by_network) if by_network else networks(broadcast, cells.counts(_BSSID_CLIENTS))
    known = cells.total(_ASSOCIATED)
    return View(
        ssids=(*ssids, *(Ssid(name, radios=1) for name in broadcast.values() if name)),
        access_points=tuple(point._replace(clients=clients.get(point.name)) for point in points),
        listed=bool(points) or not cells.total(_ACTIVE),
        online=cells.total(_ACTIVE),
        clients=known if known is not None else total(ssid.clients for ssid in ssids),
    )


def read_instant(cells: Cells) -> View:
    """The view of the virtual controller; only newer firmware counts devices."""
    names = cells.names(_SSID)
    ssids = [
        Ssid(name, switch(cells.columns[_SSID_STATE].get(index), _ENABLED), cells.at(_SSID_CLIENTS, index))
        for index, name in names.items()
        if name
    ]
    by_radio = cells.counts(_MEMBER_CLIENTS)
    known = total(ssid.clients for ssid in ssids)
    members = {index: total(_of(index, by_radio)) for index in cells.columns[_MEMBER]}
    points = zip(_points(cells, _MEMBER, _MEMBER_STATE), members.values(), strict=True)
    return View(
        ssids=tuple(ssids),
        access_points=tuple(point._replace(clients=clients) for point, clients in points),
        radios=tuple(_radio(cells, index) for index in cells.columns[_RADIO_STATE]),
        clients=total(by_radio.values()) if known is None else known,
    )


def _points(cells: Cells, names: str, states: str) -> list[AccessPoint]:
    return [
        AccessPoint(name or index, cells.columns[states].get(index, 1) == 1, "")
        for index, name in cells.names(names).items()
    ]


def _by_point(cells: Cells) -> dict[str, int | None]:
    """Devices by the name of the access point, which each radio's row says."""
    found: dict[str, list[int | None]] = {}
    for index, name in cells.names(_RADIO_POINT).items():
        found.setdefault(name, []).append(cells.at(_RADIO_CLIENTS, index))
    return {name: total(counts) for name, counts in found.items()}


def _of(point: str, radios: dict[str, int | None]) -> list[int | None]:
    return [number for index, number in radios.items() if index.rpartition(".")[0] == point]


def _radio(cells: Cells, index: str) -> Radio:
    point, _, number = index.rpartition(".")
    tuned = _channel(cells, index)
    return Radio(
        radio_name(cells.names(_MEMBER).get(point) or point, number, band_of(tuned)),
        band_of(tuned),
        tuned,
        share(cells.columns[_BUSY].get(index)),
        cells.at(_MEMBER_CLIENTS, index),
        switch(cells.columns[_RADIO_STATE].get(index)),
    )


def _channel(cells: Cells, index: str) -> int | None:
    """Older firmware adds 256 or more to the number of a channel that is wider than 20 MHz."""
    value = cells.columns[_CHANNEL].get(index)
    number = integer(value)
    return channel(value if number is None else number & 0xFF)


MIBS = (
    Mib(
        "aruba",
        ("1.3.6.1.4.1.14823.1.1",),
        (_ACTIVE, _ASSOCIATED),
        (_POINT, _STATE, _RADIO_CLIENTS, _RADIO_POINT, _BSSID_NETWORK, _BSSID_CLIENTS, _NETWORK_CLIENTS),
        read_controller,
    ),
    Mib(
        "aruba",
        ("1.3.6.1.4.1.14823.1.2",),
        (),
        (
            *(_SSID, _SSID_STATE, _SSID_CLIENTS, _MEMBER, _MEMBER_STATE),
            *(_CHANNEL, _BUSY, _RADIO_STATE, _MEMBER_CLIENTS),
        ),
        read_instant,
    ),
)
