"""What a person answers by the link in a message: which answers there are, and what each does to the incident."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from incidents.lifecycle import Change, Entry, Incident, Stage, acknowledge, dismiss, not_me
from language import N_, gettext

LATER = timedelta(hours=1)
"""How long "remind me" holds."""


class Action(StrEnum):
    """What a button of a link's page does; CONFIRM is the answer to a drill."""

    ACKNOWLEDGE = "acknowledge"
    SNOOZE = "snooze"
    ESCALATE = "escalate"
    RESOLVE = "resolve"
    CONFIRM = "confirm"


_LINES: Mapping[Action, str] = {
    Action.ACKNOWLEDGE: N_("Acknowledged by {who}, by the link sent to {destination}."),
    Action.SNOOZE: N_("Acknowledged by {who}, to be reminded in an hour, by the link sent to {destination}."),
    Action.ESCALATE: N_("{who} cannot take it: passed on, by the link sent to {destination}."),
    Action.RESOLVE: N_("{who} says that it is fixed, by the link sent to {destination}."),
}
"""What the timeline says of an answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Somebody's answer. `destination` is where the link was sent; `at` and `who` tell it from every other answer."""

    action: Action
    who: str
    destination: str
    at: datetime


def offered(incident: Incident, who: str) -> tuple[Action, ...]:
    """The answers that make sense now: what somebody else has is theirs to pass on."""
    if not incident.stage.live:
        return ()
    if incident.stage is Stage.OPEN:
        return (Action.ACKNOWLEDGE, Action.SNOOZE, Action.ESCALATE, Action.RESOLVE)
    return (Action.ESCALATE, Action.RESOLVE) if incident.acknowledged_by == who else (Action.RESOLVE,)


def is_taken(incident: Incident, answer: Answer) -> bool:
    """Whether the incident has taken the answer in: its line is in the timeline."""
    return any(_is_of(entry, answer) for entry in incident.timeline)


def take(incident: Incident, answer: Answer, now: datetime, acknowledged: float, dismissed: float) -> Change:
    """Do what the answer says, once; one that makes no sense any more changes nothing.

    `now` is later than the answer's time where a first try failed. `acknowledged` is how long an acknowledgement holds
    and `dismissed` how long a fault that was called fixed may go on being measured, in seconds.
    """
    if is_taken(incident, answer) or answer.action not in offered(incident, answer.who):
        return Change(incident)
    who, at = answer.who, answer.at
    match answer.action:
        case Action.ACKNOWLEDGE:
            change = acknowledge(incident, who, at, now + timedelta(seconds=acknowledged))
        case Action.SNOOZE:
            change = acknowledge(incident, who, at, now + LATER)
        case Action.ESCALATE:
            change = not_me(incident, who, at)
        case _:
            change = dismiss(incident, who, at, now + timedelta(seconds=dismissed))
    return change._replace(incident=_noted(change.incident, answer))


def _noted(incident: Incident, answer: Answer) -> Incident:
    """The incident, with the answer's line saying how it came."""
    text = gettext(_LINES[answer.action], who=answer.who, destination=answer.destination)
    timeline = tuple(entry._replace(text=text) if _is_of(entry, answer) else entry for entry in incident.timeline)
    return replace(incident, timeline=timeline)


def _is_of(entry: Entry, answer: Answer) -> bool:
    return (entry.written, entry.who) == (answer.at, answer.who)
