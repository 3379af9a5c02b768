"""What printers measure alike, however they are asked, so that one rule and one panel suit all of them."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from probes._base import DefaultRule, Metric, Sample

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
"""In the order of the bits of hrPrinterDetectedErrorState (SNMP): parts of the metric, and the words for them."""

IN_WORDS = 4
"""How many of what is listed stand in a sentence."""

_LOW = 0.1

PROBLEM = Metric(
    "deskwatch_printer_problem", "1 while the printer reports this, else 0", "", "problem", tuple(PROBLEMS)
)
SUPPLY = Metric(
    "deskwatch_printer_supply_ratio", "How much is left of a toner, ink, drum or the like", "ratio", "supply"
)
WASTE_ROOM = Metric("deskwatch_printer_waste_room_ratio", "How much room is left in a waste box", "ratio", "supply")
PAGES = Metric("deskwatch_printer_pages_total", "Pages that the printer has printed in its life")

RULES = (
    DefaultRule(
        "supply-low",
        SUPPLY.name,
        "has less than 10 % left of a toner, ink or drum",
        severity="info",
        below=_LOW,
        clear=0.15,
    ),
    DefaultRule(
        "supply-empty",
        SUPPLY.name,
        "has next to nothing left of a toner, ink or drum",
        below=0.02,
        clear=0.05,
    ),
    DefaultRule("jam", PROBLEM.name, "has a paper jam", part="jammed", above=0, hold=120),
    DefaultRule("door-open", PROBLEM.name, "has an open door", part="door_open", above=0, hold=600),
    DefaultRule("no-paper", PROBLEM.name, "has no paper", part="no_paper", above=0, hold=600),
    DefaultRule("no-toner", PROBLEM.name, "has no toner or ink", part="no_toner", above=0, hold=120),
    DefaultRule("output-full", PROBLEM.name, "has a full output tray", part="output_full", above=0, hold=600),
    DefaultRule("offline", PROBLEM.name, "is offline", part="offline", above=0, hold=600),
    DefaultRule("service", PROBLEM.name, "asks for service", severity="info", part="service_requested", above=0),
)


class Supply(NamedTuple):
    """A toner, ink, drum or waste box: how much is left, or how much room in a waste box. None is not known."""

    name: str
    left: float | None
    waste: bool


def problem_samples(problems: Collection[str]) -> Iterator[Sample]:
    """The samples of PROBLEM for a printer that tells of its problems."""
    yield from (Sample(PROBLEM.name, float(name in problems), name) for name in PROBLEMS)


def supply_samples(supplies: Iterable[Supply]) -> Iterator[Sample]:
    """The samples of SUPPLY and WASTE_ROOM of what is known."""
    for supply in supplies:
        if supply.left is not None:
            yield Sample((WASTE_ROOM if supply.waste else SUPPLY).name, supply.left, supply.name)


def in_words(problems: Collection[str]) -> str:
    """The problems as a part of a sentence."""
    return ", ".join(words for name, words in PROBLEMS.items() if name in problems)


def low(supplies: Iterable[Supply]) -> list[str]:
    """What runs out, with how much is left."""
    known = [(each.name, each.left) for each in supplies if not each.waste and each.left is not None]
    return [f"{name} {left:.0%}" for name, left in known if left < _LOW]


def listed(words: Sequence[str]) -> str:
    """The first of them, and how many more there are."""
    more = f" and {len(words) - IN_WORDS} more" if len(words) > IN_WORDS else ""
    return ", ".join(words[:IN_WORDS]) + more
