"""The UPS in the server cupboard, as UPS-MIB (RFC 1628) shows it."""

from monitor.demo.peers.snmp import Oid, Rows, SnmpAgent, system

_UPS: Oid = (1, 3, 6, 1, 2, 1, 33, 1)
_MODEL: Oid = (1, 3, 6, 1, 2, 1, 33)
_MAINS, _BATTERY = 3, 5  # upsOutputSource
_ALARM_ON_BATTERY: Oid = (*_UPS, 6, 3, 2)


class Ups(SnmpAgent):
    """A UPS on mains. Mood "on battery": the power has failed."""

    def rows(self) -> Rows:
        """Battery, input, output, alarms and the last self-test."""
        mains = self.mood != "on battery"
        rows = {
            **system("Harbour UPS 1500", _MODEL, "ups-cupboard"),
            (*_UPS, 2, 1, 0): 2,  # battery normal
            (*_UPS, 2, 3, 0): 42 if mains else 36,  # minutes
            (*_UPS, 2, 4, 0): 100 if mains else 91,  # percent
            (*_UPS, 2, 7, 0): 25,  # °C
            (*_UPS, 3, 3, 1, 3, 1): 231 if mains else 0,  # volts from the mains
            (*_UPS, 4, 1, 0): _MAINS if mains else _BATTERY,
            (*_UPS, 4, 4, 1, 5, 1): 34,  # percent load
            (*_UPS, 7, 3, 0): 1,  # the last self-test passed
        }
        return rows if mains else {**rows, (*_UPS, 6, 2, 1, 2, 1): _ALARM_ON_BATTERY}
