"""Reads UBNT-UniFi-MIB, with which a UniFi access point tells of itself."""

from probes._engines.snmp.values import text
from probes._engines.wifi import Band, Radio, Ssid, View
from probes._engines.wifi_mib.reader import SYS_NAME, Cells, Mib, channel, itself, share, total

_RADIO, _VAP = "1.3.6.1.4.1.41112.1.6.1.1.1", "1.3.6.1.4.1.41112.1.6.1.2.1"
_RADIO_KIND, _BUSY = f"{_RADIO}.3", f"{_RADIO}.6"
_CHANNEL, _ESSID, _STATIONS, _VAP_KIND, _UP = f"{_VAP}.4", f"{_VAP}.6", f"{_VAP}.8", f"{_VAP}.9", f"{_VAP}.22"
_MESH = "vwire-"
_BANDS: dict[str, Band] = {"ng": "2.4", "na": "5", "6e": "6"}


def read(cells: Cells) -> View:
    """The view of one access point; its links to others look like networks and are left out."""
    up = cells.columns[_UP]
    ssids = [
        Ssid(name, clients=cells.at(_STATIONS, index), radios=int(up.get(index, 1) == 1))
        for index, name in cells.names(_ESSID).items()
        if not name.startswith(_MESH)
    ]
    clients = total(cells.counts(_STATIONS).values())
    return View(
        ssids=tuple(ssids),
        access_points=itself(cells.name(SYS_NAME), clients),
        radios=tuple(_radios(cells)),
        listed=False,
        clients=clients,
    )


def _radios(cells: Cells) -> list[Radio]:
    kinds = cells.names(_VAP_KIND)
    channels = {kind: channel(cells.columns[_CHANNEL].get(index)) for index, kind in kinds.items()}
    return [
        Radio(
            f"{_BANDS[kind]} GHz" if kind in _BANDS else f"radio {kind}",
            _BANDS.get(kind, ""),
            channels.get(kind),
            share(cells.columns[_BUSY].get(index)),
        )
        for index, value in cells.columns[_RADIO_KIND].items()
        if (kind := text(value) or index)
    ]


MIBS = (
    Mib(
        "unifi",
        (),
        (SYS_NAME,),
        (_ESSID, _STATIONS, _RADIO_KIND, _BUSY, _VAP_KIND, _CHANNEL, _UP),
        read,
    ),
)
