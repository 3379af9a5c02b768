"""Asks a UPS by SNMP whether it runs on its battery, for how long it would, and whether it needs somebody."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple

from probes import Measured, Probe
from probes._engines import ups
from probes._engines.snmp.agent import REASONS, Agent, Column, SnmpParams, agent_of
from probes._engines.snmp.values import Value, integer
from probes._engines.ups import Ups

Reader = Callable[[int], Any]
"""What a number of the MIB means, None when it means that the UPS does not know."""


def _times(factor: float) -> Reader:
    """A quantity; less than nothing is how devices say that they have none."""
    return lambda number: number * factor if number >= 0 else None


def _is(*numbers: int, unknown: tuple[int, ...] = ()) -> Reader:
    """Whether it is one of those."""
    return lambda number: None if number in unknown else number in numbers


def _celsius(factor: float = 1) -> Reader:
    """A temperature: batteries stand indoors, and 0 is what is sent for a sensor that is not there."""
    return lambda number: number * factor if 0 < number * factor < 100 else None


class Mib(NamedTuple):
    """How one MIB tells of a UPS: instances and columns with what they are to us.

    `shows` is the instance by which it is recognised. Of a column, the highest number counts; of power, the sum.
    """

    shows: str
    instances: tuple[tuple[str, str, Reader], ...]
    columns: tuple[tuple[str, str, Reader], ...] = ()
    alarms: str = ""


_UPS, _APC, _MGE, _XUPS, _CPS = (
    "1.3.6.1.2.1.33.1",
    "1.3.6.1.4.1.318.1.1.1",
    "1.3.6.1.4.1.705.1",
    "1.3.6.1.4.1.534.1",
    "1.3.6.1.4.1.3808.1.1.1",
)

MIBS: tuple[Mib, ...] = (
    Mib(  # UPS-MIB, RFC 1628
        f"{_UPS}.4.1.0",
        (
            (f"{_UPS}.4.1.0", "on_battery", _is(5)),
            (f"{_UPS}.4.1.0", "on_bypass", _is(4)),
            (f"{_UPS}.4.1.0", "output_off", _is(2)),
            (f"{_UPS}.2.1.0", "battery_low", _is(3, 4, unknown=(1,))),
            (f"{_UPS}.2.3.0", "runtime_seconds", _times(60)),
            (f"{_UPS}.2.4.0", "charge_ratio", _times(0.01)),
            (f"{_UPS}.2.7.0", "battery_celsius", _celsius()),
            (f"{_UPS}.7.3.0", "test_failed", _is(3)),
            (f"{_UPS}.2.2.0", "on_battery_seconds", _times(1)),
            (f"{_UPS}.2.5.0", "battery_volts", _times(0.1)),
            (f"{_UPS}.6.1.0", "alarms", _times(1)),
        ),
        (
            (f"{_UPS}.3.3.1.2", "input_hertz", _times(0.1)),
            (f"{_UPS}.3.3.1.3", "input_volts", _times(1)),
            (f"{_UPS}.4.4.1.2", "output_volts", _times(1)),
            (f"{_UPS}.4.4.1.4", "output_watts", _times(1)),
            (f"{_UPS}.4.4.1.5", "load_ratio", _times(0.01)),
        ),
        f"{_UPS}.6.2.1.2",
    ),
    Mib(  # PowerNet-MIB of APC; the later of two instances is the finer one
        f"{_APC}.4.1.1.0",
        (
            (f"{_APC}.4.1.1.0", "on_battery", _is(3, unknown=(1,))),
            (f"{_APC}.4.1.1.0", "on_bypass", _is(6, 9, 10, 16, unknown=(1,))),
            (f"{_APC}.4.1.1.0", "output_off", _is(5, 7, 11, unknown=(1,))),
            (f"{_APC}.8.1.0", "lost", _is(2)),
            (f"{_APC}.2.1.1.0", "battery_low", _is(3, unknown=(1,))),
            (f"{_APC}.2.2.3.0", "runtime_seconds", _times(0.01)),
            (f"{_APC}.2.2.1.0", "charge_ratio", _times(0.01)),
            (f"{_APC}.2.3.1.0", "charge_ratio", _times(0.001)),
            (f"{_APC}.2.2.2.0", "battery_celsius", _celsius()),
            (f"{_APC}.2.3.2.0", "battery_celsius", _celsius(0.1)),
            (f"{_APC}.2.2.4.0", "replace_battery", _is(2)),
            (f"{_APC}.3.2.1.0", "input_volts", _times(1)),
            (f"{_APC}.3.3.1.0", "input_volts", _times(0.1)),
            (f"{_APC}.4.2.1.0", "output_volts", _times(1)),
            (f"{_APC}.4.3.1.0", "output_volts", _times(0.1)),
            (f"{_APC}.4.2.3.0", "load_ratio", _times(0.01)),
            (f"{_APC}.4.3.3.0", "load_ratio", _times(0.001)),
            (f"{_APC}.7.2.3.0", "test_failed", _is(2)),
        ),
    ),
    Mib(  # MG-SNMP-UPS-MIB, of MGE and Eaton
        f"{_MGE}.7.3.0",
        (
            (f"{_MGE}.7.3.0", "on_battery", _is(1)),
            (f"{_MGE}.7.4.0", "on_bypass", _is(1)),
            (f"{_MGE}.7.10.0", "overloaded", _is(1)),
            (f"{_MGE}.5.1.0", "runtime_seconds", _times(1)),
            (f"{_MGE}.5.2.0", "charge_ratio", _times(0.01)),
            (f"{_MGE}.5.5.0", "battery_volts", _times(0.1)),
            (f"{_MGE}.5.11.0", "replace_battery", _is(1)),
            (f"{_MGE}.5.14.0", "battery_low", _is(1)),
        ),
        (
            (f"{_MGE}.6.2.1.2", "input_volts", _times(0.1)),
            (f"{_MGE}.7.2.1.2", "output_volts", _times(0.1)),
            (f"{_MGE}.7.2.1.4", "load_ratio", _times(0.01)),
        ),
    ),
    Mib(  # XUPS-MIB of Eaton
        f"{_XUPS}.4.5.0",
        (
            (f"{_XUPS}.4.5.0", "on_battery", _is(5)),
            (f"{_XUPS}.4.5.0", "on_bypass", _is(4, 11)),
            (f"{_XUPS}.4.5.0", "output_off", _is(2)),
            (f"{_XUPS}.2.1.0", "runtime_seconds", _times(1)),
            (f"{_XUPS}.2.2.0", "battery_volts", _times(1)),
            (f"{_XUPS}.2.4.0", "charge_ratio", _times(0.01)),
            (f"{_XUPS}.2.5.0", "replace_battery", _is(8, unknown=(5,))),
            (f"{_XUPS}.4.1.0", "load_ratio", _times(0.01)),
        ),
        ((f"{_XUPS}.3.4.1.2", "input_volts", _times(1)), (f"{_XUPS}.4.4.1.2", "output_volts", _times(1))),
    ),
    Mib(  # CPS-MIB of CyberPower
        f"{_CPS}.4.1.1.0",
        (
            (f"{_CPS}.4.1.1.0", "on_battery", _is(3, unknown=(1,))),
            (f"{_CPS}.4.1.1.0", "on_bypass", _is(9, unknown=(1,))),
            (f"{_CPS}.4.1.1.0", "output_off", _is(5, 6, unknown=(1,))),
            (f"{_CPS}.4.1.1.0", "overloaded", _is(11, unknown=(1,))),
            (f"{_CPS}.2.1.1.0", "battery_low", _is(3, unknown=(1,))),
            (f"{_CPS}.2.2.1.0", "charge_ratio", _times(0.01)),
            (f"{_CPS}.2.2.3.0", "battery_celsius", _celsius()),
            (f"{_CPS}.2.2.4.0", "runtime_seconds", _times(0.01)),
            (f"{_CPS}.2.2.5.0", "replace_battery", _is(2)),
            (f"{_CPS}.3.2.1.0", "input_volts", _times(0.1)),
            (f"{_CPS}.4.2.1.0", "output_volts", _times(0.1)),
            (f"{_CPS}.4.2.3.0", "load_ratio", _times(0.01)),
        ),
    ),
)
"""In the order of trust: what an earlier one tells is not asked of a later one."""

_ALARMS = {
    f"{_UPS}.6.3.1": "replace_battery",
    f"{_UPS}.6.3.3": "battery_low",
    f"{_UPS}.6.3.4": "battery_low",
    f"{_UPS}.6.3.8": "overloaded",
    f"{_UPS}.6.3.19": "test_failed",
    f"{_UPS}.6.3.20": "lost",
}
"""The well-known alarms of RFC 1628 that are findings to us."""

_SUMMED = "output_watts"
_MOST_ALARMS = 64
_MOST_LINES = 16


class UpsBySnmp(Probe[SnmpParams]):
    """Whether a UPS feeds what hangs on it, from the mains or its battery, and whether its battery would hold."""

    Params = SnmpParams
    metrics = ups.METRICS
    reasons: ClassVar = {**REASONS, **ups.REASONS}
    rules = ups.RULES

    async def measure(self, timeout: float) -> Measured:
        """Find the MIBs that the device has, and read them one after the other."""
        agent = await agent_of(self.engines, self.params, timeout)
        shown = await agent.get(*(mib.shows for mib in MIBS))
        present = [mib for mib in MIBS if integer(shown[mib.shows]) is not None]
        if not present:
            agent.lacks("UPS (UPS-MIB, or that of APC, Eaton or CyberPower)")
        found = Ups()
        for mib in present:
            found = found.completed(await _account(agent, mib))
        return ups.verdict(agent.whom, found)


async def _account(agent: Agent, mib: Mib) -> Ups:
    """What one MIB tells."""
    cells = await agent.get(*dict.fromkeys(oid for oid, _, _ in mib.instances))
    columns = await agent.columns(*(oid for oid, _, _ in mib.columns), most=_MOST_LINES)
    alarms = (await agent.columns(mib.alarms, most=_MOST_ALARMS))[0] if mib.alarms else {}
    return read(mib, cells, columns, alarms)


def read(mib: Mib, cells: Mapping[str, Value | None], columns: list[Column], alarms: Column) -> Ups:
    """The state of a UPS in the values of one MIB; an alarm outweighs what the values say."""
    found: dict[str, Any] = {}
    for oid, name, meaning in mib.instances:
        found[name] = _first(_meant(cells[oid], meaning), found.get(name))
    for (_, name, meaning), column in zip(mib.columns, columns, strict=True):
        lines = [line for value in column.values() if (line := _meant(value, meaning)) is not None]
        found[name] = (sum if name == _SUMMED else max)(lines) if lines else None
    found |= {_ALARMS[alarm]: True for alarm in alarms.values() if isinstance(alarm, str) and alarm in _ALARMS}
    return Ups(**found)


def _meant(value: Value | None, meaning: Reader) -> Any:
    number = integer(value)
    return None if number is None else meaning(number)


def _first(one: Any, other: Any) -> Any:
    return other if one is None else one
