"""Reads GRANDSTREAM-GWN-PRODUCTS-AP-MIB, with which the master of a cluster tells of its access points."""

from probes._engines.snmp.values import text
from probes._engines.wifi import AccessPoint, Radio, Ssid, View
from probes._engines.wifi_mib.reader import Cells, Mib, band_of, channel, text_at_end

_GWN = "1.3.6.1.4.1.42397.1.1"
_STATUS, _RADIO, _CHANNEL, _SSID = f"{_GWN}.2.7.1.2", f"{_GWN}.3.1.1.2", f"{_GWN}.3.1.1.4", f"{_GWN}.3.2.1.2"
_MESH = "GWN-MESH-"


def read(cells: Cells) -> View:
    """The view of the master: all access points by hardware address, its own networks and radios, no devices."""
    states = {index: text(value) or "" for index, value in cells.columns[_STATUS].items()}
    names = cells.names(_RADIO)
    tuned = {index: channel(value) for index, value in cells.columns[_CHANNEL].items()}
    return View(
        ssids=tuple(
            Ssid(name, radios=1) for name in cells.names(_SSID).values() if name and not name.startswith(_MESH)
        ),
        access_points=tuple(
            AccessPoint(text_at_end(index), state == "online", "" if state in ("online", "offline") else state)
            for index, state in states.items()
        ),
        radios=tuple(
            Radio(names.get(index) or f"radio {index}", band_of(number), number) for index, number in tuned.items()
        ),
        listed=bool(states),
    )


MIBS = (Mib("grandstream", (), (), (_STATUS, _RADIO, _CHANNEL, _SSID), read),)
