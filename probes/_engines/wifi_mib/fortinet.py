"""Reads FORTINET-FORTIGATE-MIB of a FortiGate as a controller, and FORTINET-FORTIAP-MIB of an access point."""

from probes._engines.wifi import AccessPoint, Radio, Ssid, View
from probes._engines.wifi_mib.reader import (
    SYS_NAME,
    Cells,
    Mib,
    band_of,
    channel,
    count,
    itself,
    networks,
    radio_name,
    text_at_end,
    total,
)

_GATE = "1.3.6.1.4.1.12356.101.14"
_MANAGED, _ONLINE, _GATE_STATIONS = f"{_GATE}.2.4.0", f"{_GATE}.2.5.0", f"{_GATE}.2.7.0"
_NETWORK, _NETWORK_CLIENTS = f"{_GATE}.3.1.1", f"{_GATE}.3.1.12"
_POINT, _STATE, _POINT_CLIENTS = f"{_GATE}.4.3.1.3", f"{_GATE}.4.4.1.7", f"{_GATE}.4.4.1.17"
_ON_LINE = (2, 4)  # onLine, and connectedImage: it works while it is given new software
_STATES = {3: "loading its software"}

_AP = "1.3.6.1.4.1.12356.120"
_STATIONS, _SSID, _SSID_CLIENTS, _CHANNEL = f"{_AP}.3.43.0", f"{_AP}.7.1.1.4", f"{_AP}.7.1.1.45", f"{_AP}.4.1.1.14"


def read_gate(cells: Cells) -> View:
    """The view of a FortiGate that manages access points; the index ends with the serial number of each."""
    names = cells.names(_POINT)
    points = [
        AccessPoint(
            names.get(index) or text_at_end(index),
            (state := count(value)) in _ON_LINE,
            _STATES.get(state or 0, ""),
            cells.at(_POINT_CLIENTS, index),
        )
        for index, value in cells.columns[_STATE].items()
    ]
    ssids = networks(cells.names(_NETWORK), cells.counts(_NETWORK_CLIENTS))
    return View(
        ssids=ssids,
        access_points=tuple(points),
        listed=bool(points),
        online=cells.total(_ONLINE),
        total=cells.total(_MANAGED),
        clients=cells.total(_GATE_STATIONS),
        named=bool(ssids),
    )


def read_point(cells: Cells) -> View:
    """The view of one access point; a radio without a channel is off, or only listens."""
    rows = cells.names(_SSID)
    channels = {index: channel(value) for index, value in cells.columns[_CHANNEL].items()}
    ssids = [Ssid(name, clients=cells.at(_SSID_CLIENTS, index), radios=1) for index, name in rows.items() if name]
    known = cells.total(_STATIONS)
    clients = total(ssid.clients for ssid in ssids) if known is None else known
    return View(
        ssids=tuple(ssids),
        access_points=itself(cells.name(SYS_NAME), clients),
        radios=tuple(
            Radio(radio_name("", index, band_of(tuned)), band_of(tuned), tuned)
            for index, tuned in channels.items()
            if tuned
        ),
        listed=False,
        clients=clients,
    )


MIBS = (
    Mib(
        "fortinet",
        ("1.3.6.1.4.1.12356.101",),
        (_MANAGED, _ONLINE, _GATE_STATIONS),
        (_NETWORK, _NETWORK_CLIENTS, _POINT, _STATE, _POINT_CLIENTS),
        read_gate,
    ),
    Mib(
        "fortinet",
        ("1.3.6.1.4.1.12356.120",),
        (SYS_NAME, _STATIONS),
        (_SSID, _SSID_CLIENTS, _CHANNEL),
        read_point,
    ),
)
