"""What people ask for on the command line: the running service, which alone changes incidents, does it."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from incidents import corrections, lifecycle, review
from incidents.corrections import Times
from incidents.incident import Change, Incident
from incidents.lifecycle import Report
from incidents.review import Review

if TYPE_CHECKING:
    from monitor.config.model import Config


class Action(StrEnum):
    """What can be asked for."""

    ACKNOWLEDGE = "acknowledge"
    FIXED = "fixed"
    NOTE = "note"
    REVIEW = "review"
    ACT = "act"
    DONE = "done"
    CORRECT_LINE = "correct_line"
    CORRECT_TIMES = "correct_times"
    CORRECT_IMPACT = "correct_impact"
    MERGE = "merge"
    REPORT = "report"


class Order(NamedTuple):
    """One thing to be done to an incident, or the report of a new one; `details` is what JSON can hold."""

    id: str
    incident: str
    action: Action
    who: str
    details: Mapping[str, Any] = {}

    @property
    def into(self) -> str:
        """The incident to merge into."""
        return str(self.details["into"])

    @property
    def report(self) -> Report:
        """What is reported."""
        said = self.details
        at, by_member = datetime.fromisoformat(said["at"]), bool(said["by_member"])
        return Report(self.incident, said["asset"], said["title"], self.who, at, by_member, said["people"])

    @property
    def tells(self) -> bool:
        """Whether somebody is to be told of what is reported."""
        return bool(self.details["tells"])


def change(order: Order, incident: Incident, now: datetime, config: "Config") -> Change:
    """Do what an order about one incident asks for."""
    said, who, zone = order.details, order.who, config.site.hours.zone
    match order.action:
        case Action.ACKNOWLEDGE:
            until = now + timedelta(seconds=config.alerting.acknowledged)
            return lifecycle.acknowledge(incident, who, now, until)
        case Action.FIXED:
            return lifecycle.dismiss(incident, who, now, now + timedelta(seconds=config.alerting.dismissed))
        case Action.NOTE:
            return lifecycle.note(incident, said["text"], who, now)
        case Action.REVIEW:
            return lifecycle.review(incident, Review.of(said, incident.review), who, now)
        case Action.ACT:
            due = date.fromisoformat(said["due"])
            return lifecycle.act(
                incident, review.Action(order.id, incident.id, said["text"], said["owner"], due, now, who)
            )
        case Action.DONE:
            return lifecycle.done(incident, said["action"], who, now)
        case Action.CORRECT_LINE:
            return corrections.correct(incident, said["line"], datetime.fromisoformat(said["at"]), who, now, zone)
        case Action.CORRECT_TIMES:
            return corrections.correct_times(incident, times(said), who, now, zone)
        case _:
            return corrections.correct_impact(incident, said["minutes"], said["reason"], who, now)


def times(said: Mapping[str, Any]) -> Times:
    """When it began and was over, as an order has it."""
    return Times(*(datetime.fromisoformat(said[name]) if said.get(name) else None for name in Times._fields))


def _to_do(order: Order, now: datetime) -> review.Action:
    said = order.details
    due = date.fromisoformat(said["due"])
    return review.Action(order.id, order.incident, said["text"], said["owner"], due, now, order.who)
