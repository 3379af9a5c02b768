"""Reads the MIBs of Cambium's access points: cnPilot for rooms, ePMP for links between houses."""

from probes._engines.wifi import Radio, View
from probes._engines.wifi_mib.reader import SYS_NAME, Cells, Mib, band_of, channel_at, itself, networks

_CNPILOT = "1.3.6.1.4.1.17713.22.1"
_DEVICES, _SSID, _SSID_CLIENTS = f"{_CNPILOT}.1.1.14.0", f"{_CNPILOT}.4.1.2", f"{_CNPILOT}.4.1.7"
_EPMP_DEVICES, _EPMP_FREQUENCY = "1.3.6.1.4.1.17713.21.1.2.10.0", "1.3.6.1.4.1.17713.21.1.2.1.0"


def read_cnpilot(cells: Cells) -> View:
    """The view of one access point."""
    clients = cells.total(_DEVICES)
    return View(
        ssids=networks(cells.names(_SSID), cells.counts(_SSID_CLIENTS)),
        access_points=itself(cells.name(SYS_NAME), clients),
        listed=False,
        clients=clients,
    )


def read_epmp(cells: Cells) -> View:
    """The view of one end of a link: the devices are the other ends."""
    clients, tuned = cells.total(_EPMP_DEVICES), channel_at(cells.total(_EPMP_FREQUENCY))
    return View(
        access_points=itself(cells.name(SYS_NAME), clients),
        radios=(Radio("radio", band_of(tuned), tuned, clients=clients),) if tuned else (),
        listed=False,
        clients=clients,
        named=False,
    )


MIBS = (
    Mib("cambium", ("1.3.6.1.4.1.17713.22",), (SYS_NAME, _DEVICES), (_SSID, _SSID_CLIENTS), read_cnpilot),
    Mib("cambium", ("1.3.6.1.4.1.17713.21",), (SYS_NAME, _EPMP_DEVICES, _EPMP_FREQUENCY), (), read_epmp),
)
