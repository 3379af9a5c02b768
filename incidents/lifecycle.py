"""The life of an incident: opened by an episode, joined by others, acknowledged, resolved, reviewed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from alerting.channels import Key, NoticeKind
from alerting.routes import Route
from alerting.rules import Episode, Phase, Severity, Why
from incidents.review import missing

US = "Deskwatch"
"""Who did it when no person did."""
OPENED = "Incident opened."
RESOLVED = "Resolved."
UNWATCHED = "Closed: it is no longer watched."


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
    """A destination that has been told of the incident, through which episode, and when to tell it again."""

    destination: str
    episode: str
    sequence: int = 0
    repeat: float = 0
    repeat_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Incident:
    """One cause of trouble, from the first page-worthy episode to the review.

    `firing` holds the ids of the episodes that still fire, `told` everybody who must hear of the end.
    `member_minutes` is the computed impact, None while the fault lasts.
    """

    id: str
    asset: str
    title: str
    severity: Severity
    opened: datetime
    stage: Stage = Stage.OPEN
    firing: frozenset[str] = frozenset()
    told: tuple[Told, ...] = ()
    timeline: tuple[Entry, ...] = ()
    acknowledged: datetime | None = None
    acknowledged_by: str = ""
    resolved: datetime | None = None
    member_minutes: float | None = None
    impact: str = ""
    resolution: str = ""
    root_cause: str = ""

    @property
    def unwritten(self) -> tuple[str, ...]:
        """The fields of the review that are still to be filled in."""
        return missing(self.severity, self.resolution, self.root_cause)


class Change(NamedTuple):
    """What a step did: the incident as it is now and the messages that are due, as keys."""

    incident: Incident
    notices: tuple[Key, ...] = ()


def opened(id: str, asset: str, title: str, episode: Episode, says: str, routes: Sequence[Route]) -> Change:
    """A new incident, opened by an episode that began to fire."""
    at = episode.fired or episode.opened
    incident = Incident(
        id=id,
        asset=asset,
        title=title,
        severity=episode.severity,
        opened=episode.opened,
        firing=frozenset({episode.id}),
        timeline=(Entry(episode.opened, US, says), Entry(at, US, OPENED)),
    )
    return _tell(incident, episode.id, routes, at)


def step(incident: Incident, episode: Episode, says: str, routes: Sequence[Route]) -> Change:
    """Take in a live incident's episode that began to fire or resolved; `says` describes the turn in plain words.

    An episode that makes the incident worse is told to every route that wants to hear of the new severity; any other
    is only written down. The incident resolves with its last firing episode. One that is over stays as it is.
    """
    if not incident.stage.live:
        return Change(incident)
    if episode.phase is Phase.RESOLVED:
        return _clear(incident, episode, says)
    at = episode.fired or episode.opened
    if episode.phase is not Phase.FIRING or episode.id in incident.firing:
        return Change(incident)
    incident = replace(_write(incident, at, US, says), firing=incident.firing | {episode.id})
    if episode.severity.rank <= incident.severity.rank:
        return Change(incident)
    return _tell(replace(incident, severity=episode.severity), episode.id, routes, at)


def remind(incident: Incident, now: datetime) -> Change:
    """Repeat the message to everybody whose time has come, while nobody has acknowledged."""
    if incident.stage is not Stage.OPEN:
        return Change(incident)
    told, notices = [], []
    for one in incident.told:
        if one.repeat_at is not None and now >= one.repeat_at:
            sequence = one.sequence + 1
            one = one._replace(sequence=sequence, repeat_at=now + timedelta(seconds=one.repeat))
            notices.append(Key(one.episode, one.destination, NoticeKind.REPEAT, sequence))
        told.append(one)
    return Change(replace(incident, told=tuple(told)) if notices else incident, tuple(notices))


def acknowledge(incident: Incident, who: str, now: datetime) -> Change:
    """Somebody has it: repeats stop. Acknowledging again, or after the end, changes nothing."""
    if incident.stage is not Stage.OPEN:
        return Change(incident)
    written = _write(incident, now, who, f"Acknowledged by {who}.")
    return Change(replace(written, stage=Stage.ACKNOWLEDGED, acknowledged=now, acknowledged_by=who))


def note(incident: Incident, text: str, who: str, now: datetime) -> Change:
    """Add a person's line to the timeline, at any stage."""
    return Change(_write(incident, now, who, text))


def review(incident: Incident, resolution: str, root_cause: str, who: str, now: datetime) -> Change:
    """Record what was done and why it happened; an incident that is over and has all it needs is reviewed."""
    if (resolution, root_cause) == (incident.resolution, incident.root_cause):
        return Change(incident)
    written = _write(incident, now, who, f"Review written by {who}.")
    written = replace(written, resolution=resolution, root_cause=root_cause)
    return Change(written if incident.stage.live else replace(written, stage=_over(written)))


def _clear(incident: Incident, episode: Episode, says: str) -> Change:
    if episode.id not in incident.firing:
        return Change(incident)
    now = episode.closed or episode.last_true
    incident = replace(_write(incident, now, US, says), firing=incident.firing - {episode.id})
    if incident.firing:
        return Change(incident)
    end = RESOLVED if episode.why is Why.RECOVERED else UNWATCHED
    incident = replace(_write(incident, now, US, end), stage=_over(incident), resolved=now)
    notices = tuple(Key(one.episode, one.destination, NoticeKind.RESOLVED, 0) for one in incident.told)
    return Change(incident, notices)


def _over(incident: Incident) -> Stage:
    """The stage of an incident whose fault is gone."""
    return Stage.RESOLVED if incident.unwritten else Stage.REVIEWED


def _tell(incident: Incident, episode: str, routes: Sequence[Route], at: datetime) -> Change:
    told = {one.destination: one for one in incident.told}
    for route in routes:
        repeat_at = at + timedelta(seconds=route.repeat) if route.repeat else None
        told[route.id] = Told(route.id, episode, repeat=route.repeat, repeat_at=repeat_at)
    notices = tuple(Key(episode, route.id, NoticeKind.FIRING, 0) for route in routes)
    return Change(replace(incident, told=tuple(told.values())), notices)


def _write(incident: Incident, at: datetime, who: str, text: str) -> Incident:
    return replace(incident, timeline=(*incident.timeline, Entry(at, who, text)))
