"""What an incident is: one cause of trouble, who was told of it, and what each step changes."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from alerting.channels import Key
from alerting.gates import Hold
from alerting.oncall import Reached
from alerting.routes import Route
from alerting.rules import Severity
from alerting.verdicts import Verdict
from incidents.review import missing

US = "Deskwatch"
"""Who did it when no person did."""


class Stage(StrEnum):
    """How far an incident is. RESOLVED: the fault is gone; REVIEWED: and people wrote down why it happened."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    REVIEWED = "reviewed"

    @property
    def live(self) -> bool:
        """Whether the fault is still there."""
        return self in (Stage.OPEN, Stage.ACKNOWLEDGED)


class Entry(NamedTuple):
    """One line of the timeline, in plain words."""

    at: datetime
    who: str
    text: str


class Told(NamedTuple):
    """A destination that has been told of the incident, through which episode and route, and when to tell it again."""

    destination: str
    episode: str
    sequence: int = 0
    repeat: float = 0
    repeat_at: datetime | None = None
    route: str = ""


class Waiting(NamedTuple):
    """A route that wants to hear of an episode, and the gate that has held the message back since then."""

    route: str
    episode: str
    since: datetime
    hold: Hold


class Ladder(NamedTuple):
    """How far a route has been climbed: the step told last, and when the next one is, None if there is none."""

    route: str
    episode: str
    step: int
    next_at: datetime | None


@dataclass(frozen=True, slots=True)
class Incident:
    """One cause of trouble, from the first page-worthy episode to the review.

    `firing` holds the ids of the episodes that still fire, `joined` those among them that are faults of assets which
    depend on this one. `told` is everybody who must hear of the end, `waiting` who would be told but for a gate.
    `settles` is when the faults in `joined` that outlive the cause become incidents of their own, `rechecked` when one
    that a person called resolved is opened again if it still fires. `member_minutes` is the computed impact, None
    while the fault lasts.
    """

    id: str
    asset: str
    title: str
    severity: Severity
    opened: datetime
    stage: Stage = Stage.OPEN
    firing: frozenset[str] = frozenset()
    joined: frozenset[str] = frozenset()
    told: tuple[Told, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    ladders: tuple[Ladder, ...] = ()
    timeline: tuple[Entry, ...] = ()
    acknowledged: datetime | None = None
    acknowledged_by: str = ""
    acknowledged_until: datetime | None = None
    settles: datetime | None = None
    rechecked: datetime | None = None
    resolved: datetime | None = None
    member_minutes: float | None = None
    impact: str = ""
    resolution: str = ""
    root_cause: str = ""

    @property
    def unwritten(self) -> tuple[str, ...]:
        """The fields of the review that are still to be filled in."""
        return missing(self.severity, self.resolution, self.root_cause)

    @property
    def watched(self) -> bool:
        """Whether time alone can still change it."""
        return self.stage.live or self.rechecked is not None


class Call(NamedTuple):
    """A route's turn: whom its step reaches now, or what holds the message back."""

    route: Route
    to: tuple[Reached, ...] = ()
    hold: Hold | None = None


class Ruling(NamedTuple):
    """What was decided about a route's wish to hear of an episode, and why."""

    episode: str
    route: str
    verdict: Verdict
    words: str
    until: datetime | None = None


class Change(NamedTuple):
    """What a step did: the incident as it is now, the messages that are due, as keys, and what was decided.

    `left` holds episodes that fire on after the incident is over and need one of their own.
    """

    incident: Incident
    notices: tuple[Key, ...] = ()
    rulings: tuple[Ruling, ...] = ()
    left: frozenset[str] = frozenset()


def written(incident: Incident, at: datetime, who: str, text: str) -> Incident:
    """The incident with one more line in its timeline."""
    return replace(incident, timeline=(*incident.timeline, Entry(at, who, text)))


def deadlines(incident: Incident) -> Collection[datetime]:
    """The times at which something is due about an incident though nothing happens to it."""
    times = [incident.settles, incident.rechecked]
    if incident.stage is Stage.ACKNOWLEDGED:
        times.append(incident.acknowledged_until)
    if incident.stage is Stage.OPEN:
        times += [one.repeat_at for one in incident.told] + [one.next_at for one in incident.ladders]
    return [at for at in times if at is not None]
