"""Reads the few figures of makers whose MIBs tell little: Meru, TP-Link Omada, Alcatel-Lucent Stellar."""

from probes._engines.wifi import View
from probes._engines.wifi_mib.reader import SYS_NAME, Cells, Mib, itself, networks_of

_MERU = "1.3.6.1.4.1.15983.1.1.3.1.13"
_MERU_POINTS, _MERU_STATIONS = f"{_MERU}.9.0", f"{_MERU}.11.0"
_OMADA_CLIENTS = "1.3.6.1.4.1.11863.10.1.1.1.0"
_STELLAR_DEVICE = "1.3.6.1.4.1.6486.802.1.1.2.1.2.12.1.4.1.1.4"


def read_meru(cells: Cells) -> View:
    """The view of a controller: two numbers."""
    return View(listed=False, named=False, online=cells.total(_MERU_POINTS), clients=cells.total(_MERU_STATIONS))


def read_omada(cells: Cells) -> View:
    """The view of one access point: a number."""
    clients = cells.total(_OMADA_CLIENTS)
    return View(access_points=itself(cells.name(SYS_NAME), clients), listed=False, clients=clients, named=False)


def read_stellar(cells: Cells) -> View:
    """The view of one access point: the network of each device. One without devices does not show."""
    devices = networks_of(cells.names(_STELLAR_DEVICE).values())
    return View(
        ssids=devices,
        access_points=itself(cells.name(SYS_NAME), len(devices)),
        listed=False,
        clients=len(devices),
        named=False,
    )


MIBS = (
    Mib("meru", ("1.3.6.1.4.1.15983",), (_MERU_POINTS, _MERU_STATIONS), (), read_meru),
    Mib("omada", ("1.3.6.1.4.1.11863",), (SYS_NAME, _OMADA_CLIENTS), (), read_omada),
    Mib("alcatel", ("1.3.6.1.4.1.6486",), (SYS_NAME,), (_STELLAR_DEVICE,), read_stellar),
)
