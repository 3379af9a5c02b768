"""Reads HUAWEI-WLAN-AP-MIB and HUAWEI-WLAN-VAP-MIB of Huawei's access controllers."""

from probes._engines.wifi import AccessPoint, View
from probes._engines.wifi_mib.reader import Cells, Mib, count, networks_by_name, total

_WLAN = "1.3.6.1.4.1.2011.6.139"
_JOINED = f"{_WLAN}.12.1.2.1.0"
_NAME, _STATE = f"{_WLAN}.13.3.3.1.4", f"{_WLAN}.13.3.3.1.6"
_CLIENTS_2_4, _CLIENTS_5 = f"{_WLAN}.17.1.2.1.2", f"{_WLAN}.17.1.2.1.3"
_WORKING = (8, 9, 11)  # normal, committing, and standby: of a controller that stands by for another
_STATES = {
    1: "idle",
    2: "not yet accepted",
    3: "of another type",
    5: "being set up",
    6: "set-up failed",
    7: "loading its software",
    10: "set-up failed",
    12: "other software than the controller's",
    13: "name is taken",
    14: "invalid",
    15: "other country code",
}


def read(cells: Cells) -> View:
    """The view of a controller; it counts devices by network and band."""
    names = cells.names(_NAME)
    points = [_point(names.get(index) or index, count(value)) for index, value in cells.columns[_STATE].items()]
    ssids = (*networks_by_name(cells.counts(_CLIENTS_2_4)), *networks_by_name(cells.counts(_CLIENTS_5)))
    return View(
        ssids=ssids,
        access_points=tuple(points),
        listed=bool(points),
        online=cells.total(_JOINED),
        clients=total(ssid.clients for ssid in ssids),
    )


def _point(name: str, state: int | None) -> AccessPoint:
    return AccessPoint(name, state in _WORKING, _STATES.get(state or 0, ""))


MIBS = (Mib("huawei", ("1.3.6.1.4.1.2011",), (_JOINED,), (_NAME, _STATE, _CLIENTS_2_4, _CLIENTS_5), read),)
