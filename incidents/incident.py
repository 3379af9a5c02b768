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
from incidents.impact import Correction, Impact, Level, level
from incidents.review import Action, Category, Detection, Review, missing

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


class Origin(StrEnum):
    """Who said that something is wrong: a check of ours, or a person."""

    WATCHED = "watched"
    REPORTED = "reported"


class EntryKind(StrEnum):
    """What a line of the timeline is about.

    TURN: something began to fail, or works again. STEP: the incident was opened, taken, passed on, resolved. VALUE:
    what was measured. EVIDENCE: what a closer look found. DELIVERY: who was told. CHANGE: of the configuration.
    """

    NOTE = "note"
    TURN = "turn"
    STEP = "step"
    VALUE = "value"
    EVIDENCE = "evidence"
    DELIVERY = "delivery"
    CHANGE = "change"


class Entry(NamedTuple):
    """One line of the timeline, in plain words; `noted` is its time before somebody corrected it."""

    at: datetime
    who: str
    text: str
    kind: EntryKind = EntryKind.NOTE
    noted: datetime | None = None

    @property
    def written(self) -> datetime:
        """Its time as it was first written down."""
        return self.noted or self.at


class Line(NamedTuple):
    """A line of the timeline and its number, by which people name it."""

    number: int
    entry: Entry


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
    that a person called resolved is opened again if it still fires. `member_minutes` is what it cost, None while the
    fault lasts: as computed in `cost`, or as somebody has `corrected` it; `impact` is what people say of that.
    `reopened` counts how often it came back, `merged_into` is the incident that tells of it instead. `reporter` is who
    said so first, of one that no check of ours opened; the fields below that, but for the `actions` that follow from
    it, are what people wrote down: see `Review`.
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
    origin: Origin = Origin.WATCHED
    reporter: str = ""
    merged_into: str | None = None
    reopened: int = 0
    cost: Impact | None = None
    corrected: Correction | None = None
    category: Category = Category.UNSAID
    trigger: str = ""
    factors: str = ""
    detection: Detection = Detection.UNSAID
    missing_check: str = ""
    went_well: str = ""
    went_wrong: str = ""
    no_action: str = ""
    actions: tuple[Action, ...] = ()

    @property
    def level(self) -> Level:
        """How bad it was for members."""
        bookings = self.cost.bookings if self.cost is not None else None
        return level(self.member_minutes or 0, bookings, self.severity)

    @property
    def uncosted(self) -> bool:
        """Whether it is over and nobody has worked out yet what it cost."""
        return self.resolved is not None and self.member_minutes is None

    @property
    def final(self) -> Stage:
        """Its stage once the fault is gone."""
        return Stage.RESOLVED if self.unwritten else Stage.REVIEWED

    @property
    def review(self) -> Review:
        """What people wrote down about it."""
        return Review(*(getattr(self, field) for field in Review._fields))

    @property
    def unwritten(self) -> tuple[str, ...]:
        """What the review still lacks; the one that an incident was merged into has the review of both."""
        return () if self.merged_into is not None else missing(self.level, self.review, self.actions)

    @property
    def lines(self) -> tuple[Line, ...]:
        """The timeline as it happened: numbered as it was written down, in the order of its times."""
        return tuple(sorted((Line(*one) for one in enumerate(self.timeline, 1)), key=lambda one: one.entry.at))

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


def written(incident: Incident, at: datetime, who: str, text: str, kind: EntryKind = EntryKind.STEP) -> Incident:
    """The incident with one more line in its timeline."""
    return replace(incident, timeline=(*incident.timeline, Entry(at, who, text, kind)))


def deadlines(incident: Incident) -> Collection[datetime]:
    """The times at which something is due about an incident though nothing happens to it."""
    times = [incident.settles, incident.rechecked]
    if incident.stage is Stage.ACKNOWLEDGED:
        times.append(incident.acknowledged_until)
    if incident.stage is Stage.OPEN:
        times += [one.repeat_at for one in incident.told] + [one.next_at for one in incident.ladders]
    return [at for at in times if at is not None]
