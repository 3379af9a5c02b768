"""Reads MIKROTIK-MIB, with which RouterOS tells of the wireless interfaces of its older driver."""

from probes._engines.wifi import Radio, View
from probes._engines.wifi_mib.reader import (
    SYS_NAME,
    Cells,
    Mib,
    band_of,
    channel_at,
    itself,
    networks,
    total,
)

_INTERFACE = "1.3.6.1.4.1.14988.1.1.1.3.1"
_SSID, _CLIENTS, _FREQUENCY = f"{_INTERFACE}.4", f"{_INTERFACE}.6", f"{_INTERFACE}.7"
_NAME = "1.3.6.1.4.1.14988.1.1.14.1.1.2"


def read(cells: Cells) -> View:
    """The view of one device. Interfaces that share the radio of another have the frequency 0."""
    ssids, names = networks(cells.names(_SSID), cells.counts(_CLIENTS)), cells.names(_NAME)
    tuned = {index: channel_at(megahertz) for index, megahertz in cells.counts(_FREQUENCY).items() if megahertz}
    clients = total(ssid.clients for ssid in ssids)
    return View(
        ssids=ssids,
        access_points=itself(cells.name(SYS_NAME), clients),
        radios=tuple(
            Radio(names.get(index) or f"radio {index}", band_of(channel), channel) for index, channel in tuned.items()
        ),
        listed=False,
        clients=clients,
    )


MIBS = (Mib("mikrotik", ("1.3.6.1.4.1.14988",), (SYS_NAME,), (_SSID, _CLIENTS, _FREQUENCY, _NAME), read),)
