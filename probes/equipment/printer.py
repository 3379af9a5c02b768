"""Asks a printer by SNMP what keeps it from printing, and how much toner, ink and paper it has left."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, NamedTuple

from probes import DefaultRule, Failed, Measured, Metric, Probe, Sample
from probes._engines.excerpt import excerpt
from probes._engines.snmp_agent import REASONS, Agent, Column, SnmpParams, agent_of, part_names, words_of
from probes._engines.snmp_values import integer, set_bits

PROBLEMS: Mapping[str, str] = {
    "low_paper": "paper is low",
    "no_paper": "no paper",
    "low_toner": "toner or ink is low",
    "no_toner": "no toner or ink",
    "door_open": "a door is open",
    "jammed": "paper jam",
    "offline": "offline",
    "service_requested": "asks for service",
    "tray_missing": "a paper tray is missing",
    "output_tray_missing": "an output tray is missing",
    "supply_missing": "a cartridge is missing",
    "output_near_full": "the output tray is nearly full",
    "output_full": "the output tray is full",
    "tray_empty": "a paper tray is empty",
    "maintenance_overdue": "maintenance is overdue",
}
"""In the order of the bits of hrPrinterDetectedErrorState: parts of the metric, and the words for them."""

_HOST, _PRINTER = "1.3.6.1.2.1.25.3", "1.3.6.1.2.1.43"
_STATE = (f"{_HOST}.5.1.1", f"{_HOST}.5.1.2", f"{_HOST}.2.1.5", f"{_PRINTER}.10.2.1.4")
_SUPPLIES = tuple(f"{_PRINTER}.11.1.1.{column}" for column in (9, 8, 6, 5, 4))
_TRAYS = tuple(f"{_PRINTER}.8.2.1.{column}" for column in (10, 9, 13))
_ALERTS = tuple(f"{_PRINTER}.18.1.1.{column}" for column in (2, 8))
_MOST = 64  # of each, per printer
_IN_WORDS = 4  # of what is listed in a sentence

_DOWN = 5  # hrDeviceStatus
_STATES = {3: "idle", 4: "printing", 5: "warming up"}  # hrPrinterStatus
_WASTE = (4, 8, 14, 24, 26)  # prtMarkerSuppliesType: waste toner, ink, wax, water, paper
_RECEPTACLE = 4  # prtMarkerSuppliesClass
_SEVERITIES = {3: "critical", 4: "warning", 5: "warning"}  # prtAlertSeverityLevel
_SERIAL = re.compile(r"[\s;,]+(?:S/N|SN|PN|Serial)[^A-Za-z].*", re.IGNORECASE | re.DOTALL)
_LOW = 0.1


class Printer(Probe[SnmpParams]):
    """Whether a printer can print, and how long its toner, ink and paper will last."""

    Params = SnmpParams
    metrics = (
        Metric("deskwatch_printer_problem", "1 while the printer reports this, else 0", "", "problem", tuple(PROBLEMS)),
        Metric(
            "deskwatch_printer_supply_ratio", "How much is left of a toner, ink, drum or the like", "ratio", "supply"
        ),
        Metric("deskwatch_printer_waste_room_ratio", "How much room is left in a waste box", "ratio", "supply"),
        Metric("deskwatch_printer_tray_ratio", "How full a paper tray is", "ratio", "tray"),
        Metric(
            "deskwatch_printer_alerts",
            "Entries in the printer's list of alerts",
            "",
            "severity",
            ("critical", "warning"),
        ),
        Metric("deskwatch_printer_pages", "Pages that the printer has printed in its life"),
    )
    reasons: ClassVar = {
        **REASONS,
        "down": "the printer itself says that it cannot print",
    }
    rules = (
        DefaultRule(
            "supply-low",
            "deskwatch_printer_supply_ratio",
            "has less than 10 % left of a toner, ink or drum",
            severity="info",
            below=_LOW,
            clear=0.15,
        ),
        DefaultRule(
            "supply-empty",
            "deskwatch_printer_supply_ratio",
            "has next to nothing left of a toner, ink or drum",
            below=0.02,
            clear=0.05,
        ),
        DefaultRule("jam", "deskwatch_printer_problem", "has a paper jam", part="jammed", above=0, hold=120),
        DefaultRule("door-open", "deskwatch_printer_problem", "has an open door", part="door_open", above=0, hold=600),
        DefaultRule("no-paper", "deskwatch_printer_problem", "has no paper", part="no_paper", above=0, hold=600),
        DefaultRule("no-toner", "deskwatch_printer_problem", "has no toner or ink", part="no_toner", above=0, hold=120),
        DefaultRule(
            "output-full", "deskwatch_printer_problem", "has a full output tray", part="output_full", above=0, hold=600
        ),
        DefaultRule("offline", "deskwatch_printer_problem", "is offline", part="offline", above=0, hold=600),
        DefaultRule(
            "service",
            "deskwatch_printer_problem",
            "asks for service",
            severity="info",
            part="service_requested",
            above=0,
        ),
    )

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


class Supply(NamedTuple):
    """A toner, ink, drum or waste box: how much is left, or how much room in a waste box. None is not known."""

    name: str
    left: float | None
    waste: bool


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
        yield from (Sample("deskwatch_printer_problem", float(name in found.problems), name) for name in PROBLEMS)
    for supply in found.supplies:
        if supply.left is not None:
            family = "waste_room" if supply.waste else "supply"
            yield Sample(f"deskwatch_printer_{family}_ratio", supply.left, supply.name)
    for name, fill in found.trays.items():
        if fill is not None:
            yield Sample("deskwatch_printer_tray_ratio", fill, name)
    for severity in ("critical", "warning"):
        count = sum(of == severity for of, _ in found.alerts)
        yield Sample("deskwatch_printer_alerts", count, severity)
    if found.pages is not None:
        yield Sample("deskwatch_printer_pages", found.pages)


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
        yield ", ".join(found.states[:_IN_WORDS])
    if found.problems:
        yield ", ".join(words for name, words in PROBLEMS.items() if name in found.problems)
    told = [excerpt(words, 60) for _, words in found.alerts if words]
    if told:
        yield f"alerts: {_listed(told)}"
    low = [each for each in found.supplies if not each.waste and each.left is not None and each.left < _LOW]
    if low:
        yield f"low: {_listed([f'{each.name} {each.left:.0%}' for each in low])}"


def _listed(words: Sequence[str]) -> str:
    more = f" and {len(words) - _IN_WORDS} more" if len(words) > _IN_WORDS else ""
    return ", ".join(words[:_IN_WORDS]) + more


def _last(index: str) -> str:
    return index.rpartition(".")[2]
