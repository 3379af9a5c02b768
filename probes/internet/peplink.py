"""Asks a Peplink or Pepwave router by SNMP how its lines to the internet are, mobile ones with their signal."""

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from probes import Measured, Probe
from probes._engines import gateways
from probes._engines.gateways import MOST, GatewayParams, Line, State
from probes._engines.snmp.agent import REASONS, Column, SnmpParams, agent_of, words_of
from probes._engines.snmp.values import integer

_WAN = "1.3.6.1.4.1.23695.2.1.2.1"
_COLUMNS = (f"{_WAN}.2", f"{_WAN}.3", f"{_WAN}.4", f"{_WAN}.5")
"""Of wanTable in PEPLINK-WAN: name, state, result of the health check (which older firmware lacks), signal."""

_STATES: Mapping[int, tuple[State, str]] = {
    1: ("disabled", "disabled"),
    2: ("down", "disconnected"),
    3: ("active", ""),
    4: ("down", "connecting"),
    6: ("down", "health check fails"),
    7: ("disabled", "disconnected by hand"),
    8: ("standby", ""),
}
_CONNECTED, _UNHEALTHY = 3, 0


class PeplinkParams(GatewayParams, SnmpParams):
    """Which router to ask by SNMP, and which lines it must have."""


class Peplink(Probe[PeplinkParams]):
    """Whether the lines of a Peplink router work."""

    Params = PeplinkParams
    metrics = gateways.METRICS
    reasons: ClassVar = {**REASONS, **gateways.REASONS}
    rules = gateways.RULES
    per_target = 1

    async def measure(self, timeout: float) -> Measured:
        """Read the table of lines."""
        agent = await agent_of(self.engines, self.params, timeout)
        columns = await agent.columns(*_COLUMNS, most=MOST)
        if not columns[1]:
            agent.lacks("table of lines (PEPLINK-WAN)")
        return gateways.judged(tuple(read(columns)), self.params, self.engines.memory, self.check)


def read(columns: Sequence[Column]) -> Iterator[Line]:
    """The lines in the table's columns."""
    names, states, healths, signals = columns
    for index, cell in states.items():
        state, word = _STATES.get(integer(cell) or 0, ("unknown", f"state {cell!r:.20}"))
        if integer(cell) == _CONNECTED and integer(healths.get(index)) == _UNHEALTHY:
            state, word = "down", "connected, but its health check fails"
        signal = integer(signals.get(index))
        measured = float(signal) if signal is not None and -200 < signal < 0 else None  # -9999 and 0: it has none
        yield Line(words_of(names, index), state, carries=state == "active", signal=measured, word=word)
