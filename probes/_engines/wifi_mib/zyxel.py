"""Reads ZYXEL-ES-WIRELESS of Zyxel's controllers (NXC) and access points (NWA)."""

from probes._engines.wifi import Radio, View
from probes._engines.wifi_mib.reader import SYS_NAME, Cells, Mib, band_of, channel, itself, radio_name, total

_WIRELESS = "1.3.6.1.4.1.890.1.15.3"
_POINTS_ONLINE, _STATIONS = f"{_WIRELESS}.3.1.1.0", f"{_WIRELESS}.3.1.4.0"
_OWN_STATIONS, _RADIO_STATIONS, _CHANNEL = f"{_WIRELESS}.5.15.0", f"{_WIRELESS}.5.1.1.2", f"{_WIRELESS}.5.1.1.6"


def read_controller(cells: Cells) -> View:
    """The view of a controller: two numbers."""
    online = cells.total(_POINTS_ONLINE)
    return View(listed=False, named=False, online=online, clients=cells.total(_STATIONS))


def read_point(cells: Cells) -> View:
    """The view of one access point: its radios."""
    by_radio, known = cells.counts(_RADIO_STATIONS), cells.total(_OWN_STATIONS)
    clients = total(by_radio.values()) if known is None else known
    tuned = {index: channel(value) for index, value in cells.columns[_CHANNEL].items()}
    return View(
        access_points=itself(cells.name(SYS_NAME), clients),
        radios=tuple(
            Radio(radio_name("", index, band_of(number)), band_of(number), number, clients=by_radio.get(index))
            for index, number in tuned.items()
        ),
        listed=False,
        clients=clients,
        named=False,
    )


_OBJECTS = ("1.3.6.1.4.1.890",)

MIBS = (
    Mib("zyxel", _OBJECTS, (_POINTS_ONLINE, _STATIONS), (), read_controller),
    Mib("zyxel", _OBJECTS, (SYS_NAME, _OWN_STATIONS), (_RADIO_STATIONS, _CHANNEL), read_point),
)
