"""Reads HIPATH-WIRELESS-HWC-MIB of Extreme's controllers, and the MIBs of an access point of Aerohive."""

from probes._engines.wifi import AccessPoint, Radio, Ssid, View
from probes._engines.wifi_mib.reader import SYS_NAME, Cells, Mib, band_of, channel, itself, networks, networks_of

_HWC = "1.3.6.1.4.1.4329.15.3"
_POINTS, _ACTIVE, _DEVICES = f"{_HWC}.5.1.1.0", f"{_HWC}.5.2.1.0", f"{_HWC}.6.1.0"
_NETWORK, _NETWORK_CLIENTS = f"{_HWC}.3.4.4.1.4", f"{_HWC}.3.4.5.1.2"
_POINT, _POINT_CLIENTS = f"{_HWC}.5.1.2.1.2", f"{_HWC}.5.2.2.1.14"

_HIVE = "1.3.6.1.4.1.26928.1"
_CLIENTS, _INTERFACE = f"{_HIVE}.2.9.0", f"{_HIVE}.1.1.2.1.1.1.1"
_SSID, _DEVICE_SSID, _CHANNEL = f"{_HIVE}.1.1.2.1.1.1.2", f"{_HIVE}.1.1.2.1.2.1.10", f"{_HIVE}.1.1.2.1.5.1.1"


def read_controller(cells: Cells) -> View:
    """The view of a controller: it counts those that are active, and only when that is all is it known which."""
    points, active = cells.total(_POINTS), cells.total(_ACTIVE)
    all_active = points is not None and points == active
    listed = [
        AccessPoint(name or index, online=True, clients=cells.at(_POINT_CLIENTS, index))
        for index, name in cells.names(_POINT).items()
        if all_active
    ]
    return View(
        ssids=networks(cells.names(_NETWORK), cells.counts(_NETWORK_CLIENTS)),
        access_points=tuple(listed),
        listed=bool(listed),
        online=active,
        total=points,
        clients=cells.total(_DEVICES),
    )


def read_point(cells: Cells) -> View:
    """The view of one access point. Each device has a row with the name of its network: who has no row is not there."""
    devices = networks_of(cells.names(_DEVICE_SSID).values())
    clients = cells.total(_CLIENTS)
    none = 0 if devices or clients == 0 else None
    names = cells.names(_INTERFACE)
    ssids = [Ssid(name, clients=none, radios=1) for name in cells.names(_SSID).values() if name]
    tuned = {index: channel(value) for index, value in cells.columns[_CHANNEL].items()}
    return View(
        ssids=(*ssids, *devices),
        access_points=itself(cells.name(SYS_NAME), clients),
        radios=tuple(
            Radio(names.get(index) or f"radio {index}", band_of(number), number) for index, number in tuned.items()
        ),
        listed=False,
        clients=clients,
        named=bool(ssids),
    )


MIBS = (
    Mib(
        "extreme",
        ("1.3.6.1.4.1.4329",),
        (_POINTS, _ACTIVE, _DEVICES),
        (_NETWORK, _NETWORK_CLIENTS, _POINT, _POINT_CLIENTS),
        read_controller,
    ),
    Mib(
        "extreme",
        ("1.3.6.1.4.1.26928",),
        (SYS_NAME, _CLIENTS),
        (_INTERFACE, _SSID, _DEVICE_SSID, _CHANNEL),
        read_point,
    ),
)
