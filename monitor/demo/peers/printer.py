"""The printer, as Printer-MIB (RFC 3805) and Host Resources MIB show it."""

from monitor.demo.peers.snmp import Oid, Rows, SnmpAgent, column, system

_HOST: Oid = (1, 3, 6, 1, 2, 1, 25, 3)
_PRINTER: Oid = (1, 3, 6, 1, 2, 1, 43)
_SUPPLIES, _TRAYS, _ALERTS = (*_PRINTER, 11, 1, 1), (*_PRINTER, 8, 2, 1), (*_PRINTER, 18, 1, 1)
_MODEL: Oid = (*_PRINTER, 1)
_RUNNING, _WARNING = 2, 3  # hrDeviceStatus
_IDLE, _OTHER = 3, 1  # hrPrinterStatus
_ERRORS = {"toner low": b"\x20", "jam": b"\x04"}  # hrPrinterDetectedErrorState: lowToner, jammed
_CONSUMED, _TONER = 3, 3  # prtMarkerSuppliesClass, prtMarkerSuppliesType
_CRITICAL = 3  # prtAlertSeverityLevel
_LEVELS = {"Black toner": 64, "Cyan toner": 48, "Magenta toner": 71, "Yellow toner": 55}


class Printer(SnmpAgent):
    """A printer that is idle. Moods: "toner low" is nearly out of black, jam has a sheet stuck in it."""

    def rows(self) -> Rows:
        """State, supplies, trays, alerts and the pages of its life."""
        levels = {**_LEVELS, "Black toner": 6} if self.mood == "toner low" else _LEVELS
        jammed = self.mood == "jam"
        return {
            **system("Harbour Print C400", _MODEL, "printer-ground-floor"),
            (*_HOST, 2, 1, 5, 1): _WARNING if self.mood in _ERRORS else _RUNNING,
            (*_HOST, 5, 1, 1, 1): _OTHER if jammed else _IDLE,
            (*_HOST, 5, 1, 2, 1): _ERRORS.get(self.mood, b"\0"),
            (*_PRINTER, 10, 2, 1, 4, 1, 1): 48_211,
            **_supplies(levels),
            **column((*_TRAYS, 9), {(1, 1): 500, (1, 2): 500}),
            **column((*_TRAYS, 10), {(1, 1): 350, (1, 2): 480}),
            **column((*_TRAYS, 13), {(1, 1): "Tray 1", (1, 2): "Tray 2"}),
            **(column((*_ALERTS, 2), {(1, 1): _CRITICAL}) if jammed else {}),
            **(column((*_ALERTS, 8), {(1, 1): "Paper jam in the duplex unit"}) if jammed else {}),
        }


def _supplies(levels: dict[str, int]) -> Rows:
    """The cartridges by how much is left of them, in percent."""
    rows: dict[Oid, int | str] = {}
    for number, (name, level) in enumerate(levels.items(), 1):
        cells: dict[int, int | str] = {4: _CONSUMED, 5: _TONER, 6: name, 8: 100, 9: level}
        rows |= {(*_SUPPLIES, item, 1, number): value for item, value in cells.items()}
    return rows
