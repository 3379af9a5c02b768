"""Why somebody was told of a fault, and why not: one decision for each route at each turn."""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple


class Verdict(StrEnum):
    """What became of a route's wish to hear of a fault.

    TOLD: a message was queued. HELD: a gate holds it back. RELEASED: the gate opened and a message was queued. GROUPED:
    an incident that is open already says it. UNWANTED: the route does not want to hear of it. MISSED: it was over
    before the gate opened. QUIETED: a repeat or a step was left out. UNCONFIRMED: a second look did not find it
    again. ESCALATED: nobody answered, the next step was told. NOBODY: a step led to nobody. STOPPED: a person has it.
    """

    TOLD = "told"
    HELD = "held"
    RELEASED = "released"
    GROUPED = "grouped"
    UNWANTED = "unwanted"
    MISSED = "missed"
    QUIETED = "quieted"
    UNCONFIRMED = "unconfirmed"
    ESCALATED = "escalated"
    NOBODY = "nobody"
    STOPPED = "stopped"


class Decision(NamedTuple):
    """One decision, as it is kept: `words` say why, `until` when it will be looked at again, None if that is open.

    `episode`, `incident` and `route` are "" where the decision is not about one.
    """

    at: datetime
    check: str
    rule: str
    episode: str
    incident: str
    route: str
    verdict: Verdict
    words: str
    until: datetime | None = None
