"""Reads RADIUS-AUTH-CLIENT-MIB (RFC 4668), the counters of whoever asks RADIUS servers, whatever its maker."""

from probes._engines.snmp.values import integer, text
from probes._engines.wifi import Radius
from probes._engines.wifi_mib.reader import Cells, count

_SERVER = "1.3.6.1.2.1.67.1.2.1.1.3.1"
_ADDRESS, _PORT, _REQUESTS, _TIMEOUTS = f"{_SERVER}.2", f"{_SERVER}.3", f"{_SERVER}.5", f"{_SERVER}.13"

COLUMNS = (_REQUESTS, _TIMEOUTS, _ADDRESS, _PORT)


def read(cells: Cells) -> tuple[Radius, ...]:
    """The servers whose requests are counted."""
    return counted(cells, _REQUESTS, _TIMEOUTS, _ADDRESS, _PORT)


def counted(cells: Cells, requests: str, timeouts: str, addresses: str, ports: str) -> tuple[Radius, ...]:
    """The servers of four columns that have the same index."""
    missed = {index: integer(value) for index, value in cells.columns[timeouts].items()}
    return tuple(
        Radius(_server(cells, index, addresses, ports), asked, missed[index] or 0)
        for index, asked in cells.columns[requests].items()
        if isinstance(asked, int) and missed.get(index) is not None
    )


def _server(cells: Cells, index: str, addresses: str, ports: str) -> str:
    address, port = text(cells.columns[addresses].get(index)), count(cells.columns[ports].get(index))
    return f"{address}:{port}" if address and port else address or f"server {index}"
