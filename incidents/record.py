"""What the record tells: whether something like it happened before, and how much members have to report."""

from collections.abc import Iterable
from datetime import timedelta

from incidents.incident import Incident, Origin
from incidents.review import Detection

LOOKED_BACK = timedelta(days=90)
"""How long before an incident others count as related to it."""


def related(incident: Incident, others: Iterable[Incident]) -> tuple[Incident, ...]:
    """Earlier incidents of the last 90 days that hit the same thing or had the same cause, newest first."""
    first = incident.opened - LOOKED_BACK
    near = [one for one in others if first <= one.opened < incident.opened and one.merged_into is None]
    found = [one for one in near if one.id != incident.id and hit(one) & hit(incident)]
    return tuple(sorted(found, key=lambda one: one.opened, reverse=True))


def hit(incident: Incident) -> frozenset[str]:
    """The ids of what did not work: what it is about, and what that took along."""
    along = incident.cost.assets if incident.cost is not None else ()
    return frozenset({incident.asset, *along} - {""})


def tickets_per_member(incidents: Iterable[Incident], capacity: int) -> float | None:
    """How many faults members reported for each member, in the time that the incidents are of; None without members."""
    reports = [one for one in incidents if one.origin is Origin.REPORTED and one.detection is Detection.MEMBER]
    return len(reports) / capacity if capacity else None
