"""Reads MERAKI-CLOUD-CONTROLLER-MIB, with which Meraki's dashboard tells of an organisation's devices."""

from probes._engines.wifi import AccessPoint, View
from probes._engines.wifi_mib.reader import Cells, Mib, count, total

_DEVICE = "1.3.6.1.4.1.29671.1.1.4.1"
_NAME, _STATUS, _CLIENTS, _PRODUCT = f"{_DEVICE}.2", f"{_DEVICE}.3", f"{_DEVICE}.5", f"{_DEVICE}.9"
_WIRELESS = ("MR", "CW")  # the list has switches and firewalls as well
_STATES = {None: "dormant", 0: ""}


def read(cells: Cells) -> View:
    """The view of all sites of an organisation: its access points, but no networks."""
    products, names = cells.names(_PRODUCT), cells.names(_NAME)
    points = [
        _point(names.get(index) or index, count(value), cells.at(_CLIENTS, index))
        for index, value in cells.columns[_STATUS].items()
        if products.get(index, "MR").startswith(_WIRELESS)
    ]
    return View(access_points=tuple(points), clients=total(point.clients for point in points), named=False)


def _point(name: str, status: int | None, clients: int | None) -> AccessPoint:
    """Of a device that is dormant, the dashboard sends an empty text instead of a number."""
    return AccessPoint(name, status == 1, _STATES.get(status, ""), clients)


MIBS = (Mib("meraki", ("1.3.6.1.4.1.29671.1",), (), (_NAME, _STATUS, _CLIENTS, _PRODUCT), read),)
