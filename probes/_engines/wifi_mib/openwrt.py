"""Reads what OpenWrt's and Asuswrt's agents are commonly extended with (NET-SNMP-EXTEND-MIB): lines of text."""

import re
from collections.abc import Mapping

from probes._engines.snmp.values import index_text
from probes._engines.wifi import Radio, View
from probes._engines.wifi_mib.reader import SYS_NAME, Cells, Mib, band_of, channel_at, itself, total

_LINE = "1.3.6.1.4.1.8072.1.3.2.3.1.1"
_ALL = "clients-wlan"
_OF_RADIO = re.compile(r"clients-(wlan\d{1,2})")


def read(cells: Cells) -> View:
    """The view of one device: its radios, by the names of their extensions."""
    lines = {index_text(index) or "": number for index, number in cells.counts(_LINE).items()}
    radios = [_radio(found[1], lines) for name in lines if (found := _OF_RADIO.fullmatch(name))]
    known = lines.get(_ALL)
    clients = total(radio.clients for radio in radios) if known is None else known
    return View(
        access_points=itself(cells.name(SYS_NAME), clients),
        radios=tuple(radios),
        listed=False,
        clients=clients,
        named=False,
    )


def _radio(name: str, lines: Mapping[str, int | None]) -> Radio:
    tuned = channel_at(lines.get(f"frequency-{name}"))
    return Radio(name, band_of(tuned), tuned, clients=lines.get(f"clients-{name}"))


MIBS = (Mib("openwrt", (), (SYS_NAME,), (_LINE,), read),)
