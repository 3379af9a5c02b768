"""What people ask for on the command line: the running service, which alone changes incidents, does it."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from incidents import lifecycle
from incidents.incident import Change, Incident


class Action(StrEnum):
    """What can be asked for."""

    ACKNOWLEDGE = "acknowledge"
    REVIEW = "review"


class Order(NamedTuple):
    """One thing to be done to an incident; `resolution` and `root_cause` are for a review."""

    id: str
    incident: str
    action: Action
    who: str
    resolution: str = ""
    root_cause: str = ""


def carry_out(order: Order, incident: Incident, now: datetime, acknowledged: float) -> Change:
    """Do it; an acknowledgement holds for `acknowledged` seconds."""
    if order.action is Action.ACKNOWLEDGE:
        return lifecycle.acknowledge(incident, order.who, now, now + timedelta(seconds=acknowledged))
    return lifecycle.review(incident, order.resolution, order.root_cause, order.who, now)
