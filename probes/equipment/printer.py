"""Asks a printer by SNMP what keeps it from printing, and how much toner, ink and paper it has left."""

import re
from collections.abc import Iterator, Mapping
from typing import ClassVar, NamedTuple

from probes import Failed, Measured, Metric, Probe, Sample
from probes._engines import printers
from probes._engines.excerpt import excerpt
from probes._engines.printers import PROBLEMS, Supply, listed
from probes._engines.snmp.agent import REASONS, Agent, Column, SnmpParams, agent_of, part_names, words_of
from probes._engines.snmp.values import integer, set_bits

_HOST, _PRINTER = "1.3.6.1.2.1.25.3", "1.3.6.1.2.1.43"
_STATE = (f"{_HOST}.5.1.1", f"{_HOST}.5.1.2", f"{_HOST}.2.1.5", f"{_PRINTER}.10.2.1.4")
_SUPPLIES = tuple(f"{_PRINTER}.11.1.1.{column}" for column in (9, 8, 6, 5, 4))
_TRAYS = tuple(f"{_PRINTER}.8.2.1.{column}" for column in (10, 9, 13))
_ALERTS = tuple(f"{_PRINTER}.18.1.1.{column}" for column in (2, 8))
_MOST = 64  # of each, per printer

_DOWN = 5  # hrDeviceStatus
_STATES = {3: "idle", 4: "printing", 5: "warming up"}  # hrPrinterStatus
_WASTE = (4, 8, 14, 24, 26)  # prtMarkerSuppliesType: waste toner, ink, wax, water, paper
_RECEPTACLE = 4  # prtMarkerSuppliesClass
_SEVERITIES = {3: "critical", 4: "warning", 5: "warning"}  # prtAlertSeverityLevel
_SERIAL = re.compile(r"[\s;,]+(?:S/N|SN|PN|Serial)[^A-Za-z].*", re.IGNORECASE | re.DOTALL)


class Printer(Probe[SnmpParams]):
    """Whether a printer can print, and how long its toner, ink and paper will last."""

    Params = SnmpParams
    metrics = (
        printers.PROBLEM,
        printers.SUPPLY,
        printers.WASTE_ROOM,
        Metric("deskwatch_printer_tray_ratio", "How full a paper tray is", "ratio", "tray"),
        Metric(
            "deskwatch_printer_alerts",
            "Entries in the printer's list of alerts",
            "",
            "severity",
            ("critical", "warning"),
        ),
        printers.PAGES,
    )
    reasons: ClassVar = {
        **REASONS,
        "down": "the printer itself says that it cannot print",
    }
    rules = printers.RULES

    async def measure(self, timeout: float) -> Measured:
        """Read the state, the alerts, the supplies and the trays."""
        agent = await agent_of(self.engines, self.params, timeout)
        states, errors, devices, pages = await agent.columns(*_STATE, most=_MOST)
        known = supplies(*await agent.columns(*_SUPPLIES, most=_MOST))
        if not states and not errors and not known:
            agent.lacks("printer (Printer-MIB)")
        printed = max((count for value in pages.values() if (count := integer(value)) is not None), default=None)
        found = Found(
            tuple(_STATES[state] for state in states.values() if isinstance(state, int) and state in _STATES),
            problems(errors),
            any(devices.get(index) == _DOWN for index in {*states, *errors}),
            known,
            await _trays(agent),
            await _alerts(agent),
            printed,
        )
        return verdict(agent.whom, found)


class Found(NamedTuple):
    """All that a printer told. `problems` is None where it does not tell of any; a tray's fill None where not known."""

    states: tuple[str, ...]
    problems: frozenset[str] | None
    down: bool
    supplies: tuple[Supply, ...]
    trays: Mapping[str, float | None]
    alerts: tuple[tuple[str, str], ...]
    pages: int | None


def verdict(whom: str, found: Found) -> Measured:
    """What a printer's answers say of it. Raises Failed when it says that it is down."""
    detail = f"{whom}: {'; '.join(_words(found)) or 'nothing to report'}"
    if found.down:
        raise Failed("down", detail, tuple(samples(found)))
    return Measured(detail, tuple(samples(found)))


def samples(found: Found) -> Iterator[Sample]:
    """All figures of a printer."""
    if found.problems is not None:
        yield from printers.problem_samples(found.problems)
    yield from printers.supply_samples(found.supplies)
    for name, fill in found.trays.items():
        if fill is not None:
            yield Sample("deskwatch_printer_tray_ratio", fill, name)
    for severity in ("critical", "warning"):
        count = sum(of == severity for of, _ in found.alerts)
        yield Sample("deskwatch_printer_alerts", count, severity)
    if found.pages is not None:
        yield Sample(printers.PAGES.name, found.pages)


def problems(errors: Column) -> frozenset[str] | None:
    """What hrPrinterDetectedErrorState tells, None if there is none. Octets that are not sent count as zero."""
    names = tuple(PROBLEMS)
    if not errors:
        return None
    return frozenset(names[bit] for value in errors.values() for bit in set_bits(value) if bit < len(names))


def supplies(levels: Column, capacities: Column, names: Column, types: Column, classes: Column) -> tuple[Supply, ...]:
    """The supplies of a printer. A serial number is cut off its name, which is that of the next cartridge as well."""
    given = {index: _SERIAL.sub("", words_of(names, index)) or f"supply {_last(index)}" for index in levels}
    return tuple(
        Supply(name, share(levels, capacities, index), _is_waste(types, classes, index))
        for index, name in part_names(given).items()
    )


def share(levels: Column, capacities: Column, index: str) -> float | None:
    """The level as a ratio, None where either is one of the negative numbers for "unknown" and "some"."""
    level, capacity = integer(levels.get(index)), integer(capacities.get(index))
    if level is None or capacity is None or level < 0 or capacity <= 0:
        return None
    return min(level / capacity, 1)


async def _trays(agent: Agent) -> Mapping[str, float | None]:
    levels, capacities, names = await agent.columns(*_TRAYS, most=_MOST)
    given = {index: words_of(names, index) or f"tray {_last(index)}" for index in levels}
    return {name: share(levels, capacities, index) for index, name in part_names(given).items()}


async def _alerts(agent: Agent) -> tuple[tuple[str, str], ...]:
    """Severity and words of each alert."""
    severities, words = await agent.columns(*_ALERTS, most=_MOST)
    return tuple(
        (_SEVERITIES[severity], words_of(words, index))
        for index, severity in severities.items()
        if isinstance(severity, int) and severity in _SEVERITIES
    )


def _is_waste(types: Column, classes: Column, index: str) -> bool:
    return types.get(index) in _WASTE or classes.get(index) == _RECEPTACLE


def _words(found: Found) -> Iterator[str]:
    """A printer in words: its state, what is wrong, what runs out."""
    if found.states:
        yield ", ".join(found.states[: printers.IN_WORDS])
    if found.problems:
        yield printers.in_words(found.problems)
    told = [excerpt(words, 60) for _, words in found.alerts if words]
    if told:
        yield f"alerts: {listed(told)}"
    if low := printers.low(found.supplies):
        yield f"low: {listed(low)}"


def _last(index: str) -> str:
    return index.rpartition(".")[2]
