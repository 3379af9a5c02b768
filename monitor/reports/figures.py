"""The figures that others push: what they are called, and how a month of them is told."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

from incidents.messages import percent
from language import N_, gettext
from language import figures as written
from monitor.reports.document import Figure, Mark
from monitor.reports.facts import Facts


class Known(NamedTuple):
    """A figure that memos know: what it is called, its unit for programs, and whether it is a share."""

    title: str
    unit: str
    share: bool = False


KNOWN: Mapping[str, Known] = {
    "app_adoption_ratio": Known(N_("Members who use the app"), "ratio", share=True),
    "automation_ratio": Known(N_("Done without staff"), "ratio", share=True),
    "occupancy_ratio": Known(N_("Occupancy"), "ratio", share=True),
    "members": Known(N_("Members"), ""),
    "new_bookings": Known(N_("New bookings"), ""),
    "revenue": Known(N_("Revenue"), "in the currency of the site"),
    "pipeline": Known(N_("Pipeline"), "in the currency of the site"),
}
"""The figures that can be pushed, by name. A share is from 0 to 1."""

ADOPTION, AUTOMATION = "app_adoption_ratio", "automation_ratio"
MEMBERS = "members"


def newest(facts: Facts, name: str) -> float | None:
    """The newest value of a figure that was pushed for the time; None if nobody told it."""
    found = [one for one in facts.figures if one.name == name]
    return max(found, key=lambda one: one.day).value if found else None


def pushed(facts: Facts, earlier: Facts, names: Iterable[str]) -> tuple[Figure, ...]:
    """Those of the named figures that somebody told, beside the time before; what nobody told is left out."""
    values = ((name, newest(facts, name)) for name in names)
    return tuple(_figure(name, value, newest(earlier, name)) for name, value in values if value is not None)


def adoption(facts: Facts, earlier: Facts) -> tuple[Figure, ...]:
    """How many members use the app, against the target; nothing where nobody told it."""
    value, target = newest(facts, ADOPTION), facts.config.reports.targets.adoption
    if value is None:
        return ()
    found = _figure(ADOPTION, value, newest(earlier, ADOPTION), gettext("target {share}", share=percent(target)))
    return (found if value >= target else replace(found, mark=Mark.BAD),)


def verify(name: str, value: float) -> None:
    """Raises ValueError, with the remedy, for a name that memos do not know, or a share that is none."""
    known = KNOWN.get(name)
    if known is None:
        raise ValueError(f"there is no figure {name!r}; there are {', '.join(KNOWN)}")
    if known.share and not 0 <= value <= 1:
        raise ValueError(f"{name} is a share from 0 to 1, and {value:g} is none; write 0.43 for 43 %")


def _figure(name: str, value: float, before: float | None, target: str = "") -> Figure:
    known = KNOWN[name]
    trend = gettext("{value} before", value=_text(known, before)) if before is not None else ""
    mark = Mark.GOOD if target else Mark.NEUTRAL
    return Figure(gettext(known.title), _text(known, value), value, known.unit, target, trend, mark=mark)


def _text(known: Known, value: float) -> str:
    return percent(value) if known.share else written(f"{value:,.6g}")
