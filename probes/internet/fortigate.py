"""Asks a FortiGate by SNMP how the lines of its SD-WAN are, as its performance SLAs and link monitors measure them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from probes import Measured, Probe
from probes._engines import gateways
from probes._engines.gateways import GatewayParams, Look, figure, of_looks, ratio
from probes._engines.snmp.agent import REASONS, Column, SnmpParams, agent_of, words_of
from probes._engines.snmp.values import integer

_SDWAN = "1.3.6.1.4.1.12356.101.4.9.2.1"  # fgVWLHealthCheckLinkTable: a row for each pair of line and SLA
_MONITORS = "1.3.6.1.4.1.12356.101.4.8.2.1"  # fgLinkMonitorTable, of those that have no SD-WAN

_SDWAN_COLUMNS = tuple(f"{_SDWAN}.{column}" for column in (14, 4, 5, 6, 9))
_MONITOR_COLUMNS = tuple(f"{_MONITORS}.{column}" for column in (2, 3, 4, 5, 8))
"""Of both: name of the line, state, latency and jitter in milliseconds, loss in percent; the latter three as texts."""

_ALIVE: Mapping[int | None, bool] = {0: True, 1: False}
_MOST_ROWS = 1000


class FortigateParams(GatewayParams, SnmpParams):
    """Which FortiGate to ask by SNMP, and which lines it must have."""


class Fortigate(Probe[FortigateParams]):
    """Whether the lines of a FortiGate work."""

    Params = FortigateParams
    metrics = gateways.METRICS
    reasons: ClassVar = {**REASONS, **gateways.REASONS}
    rules = gateways.RULES
    per_target = 1

    async def measure(self, timeout: float) -> Measured:
        """Read the table of SLAs, or that of link monitors where there is none."""
        agent = await agent_of(self.engines, self.params, timeout)
        looks: list[Look] = []
        for columns in (_SDWAN_COLUMNS, _MONITOR_COLUMNS):
            looks = looks or list(read(await agent.columns(*columns, most=_MOST_ROWS)))
        if not looks:
            agent.lacks("performance SLA and link monitor (FORTINET-FORTIGATE-MIB)")
        return gateways.judged(tuple(of_looks(looks)), self.params, self.engines.memory, self.check)


def read(columns: Sequence[Column]) -> Iterator[Look]:
    """What each SLA or monitor found, in a table's columns."""
    names, states, latencies, jitters, losses = columns
    for index, state in states.items():
        yield Look(
            words_of(names, index),
            _ALIVE.get(integer(state)),
            latency=figure(words_of(latencies, index), 1000),
            jitter=figure(words_of(jitters, index), 1000),
            loss=ratio(words_of(losses, index)),
        )
