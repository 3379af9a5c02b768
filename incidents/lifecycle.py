"""The life of an incident: opened by an episode, joined by others, acknowledged, resolved, reviewed."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from alerting.channels import Key, NoticeKind
from alerting.gates import Gate
from alerting.rules import Episode, Phase, Severity, Why
from alerting.verdicts import Verdict
from incidents.incident import US as US
from incidents.incident import Call as Call
from incidents.incident import Change as Change
from incidents.incident import Entry as Entry
from incidents.incident import Incident as Incident
from incidents.incident import Ruling as Ruling
from incidents.incident import Stage as Stage
from incidents.incident import Told as Told
from incidents.incident import Waiting, written
from incidents.telling import grouped, tell, tell_again

OPENED = "Incident opened."
RESOLVED = "Resolved."
UNWATCHED = "Closed: it is no longer watched."
SILENT = "Closed: its source has not been heard of any more."
REOPENED = "It is still measured as broken: open again."

SETTLE = timedelta(seconds=90)
"""How long what depends on a cause has to come back by itself after the cause is gone."""


def opened(id: str, asset: str, title: str, episode: Episode, says: str, calls: Sequence[Call]) -> Change:
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
    return tell(incident, episode.id, calls, at)


def step(incident: Incident, episode: Episode, says: str, calls: Sequence[Call], *, joins: bool = False) -> Change:
    """Take in an episode that began to fire or resolved; `says` describes the turn in plain words.

    `joins`: it is a fault of an asset that depends on the incident's. An episode that makes the incident worse is told
    to every route that wants to hear of the new severity; any other is only written down. The incident resolves with
    its last firing episode. One that is over takes in nothing but the end of what it was left with.
    """
    if episode.phase is Phase.RESOLVED:
        return _clear(incident, episode, says)
    at = episode.fired or episode.opened
    if not incident.stage.live or episode.phase is not Phase.FIRING or episode.id in incident.firing:
        return Change(incident)
    incident = replace(written(incident, at, US, says), firing=incident.firing | {episode.id})
    joined, settles = (incident.joined | {episode.id}, incident.settles) if joins else (incident.joined, None)
    incident = replace(incident, joined=joined, settles=settles)
    if episode.severity.rank <= incident.severity.rank:
        return Change(incident, rulings=grouped(incident, episode.id, calls))
    return tell(replace(incident, severity=episode.severity), episode.id, calls, at)


def worsen(
    incident: Incident, episode: str, severity: Severity, says: str, calls: Sequence[Call], at: datetime
) -> Change:
    """The same fault matters more now, as when the site is about to open: tell everybody who wants to hear of that."""
    return tell(replace(written(incident, at, US, says), severity=severity), episode, calls, at)


def acknowledge(incident: Incident, who: str, now: datetime, until: datetime | None = None) -> Change:
    """Somebody has it: repeats and further steps stop, until that time if the fault lasts.

    Acknowledging again only prolongs it; after the end it changes nothing.
    """
    if incident.stage is Stage.ACKNOWLEDGED:
        if until is None or incident.acknowledged_until is None or until <= incident.acknowledged_until:
            return Change(incident)
        return Change(replace(written(incident, now, who, f"{who} still has it."), acknowledged_until=until))
    if incident.stage is not Stage.OPEN:
        return Change(incident)
    noted = written(incident, now, who, f"Acknowledged by {who}.")
    rulings = tuple(
        Ruling(ladder.episode, ladder.route, Verdict.STOPPED, f"{who} has it", until)
        for ladder in incident.ladders
        if ladder.next_at is not None
    )
    held = replace(noted, stage=Stage.ACKNOWLEDGED, acknowledged_by=who, acknowledged_until=until)
    return Change(replace(held, acknowledged=incident.acknowledged or now), rulings=rulings)


def lapse(incident: Incident, now: datetime) -> Change:
    """The acknowledgement has run out and the fault is still there: it is open again, everybody told hears so."""
    until = incident.acknowledged_until
    if incident.stage is not Stage.ACKNOWLEDGED or until is None or now < until:
        return Change(incident)
    text = f"{incident.acknowledged_by} had it, but it still lasts: open again."
    return tell_again(written(incident, now, US, text), now)


def not_me(incident: Incident, who: str, now: datetime) -> Change:
    """Somebody passes it on: the next step is told at once; where there is none, everybody is told again."""
    if not incident.stage.live:
        return Change(incident)
    incident = written(incident, now, who, f"{who} cannot take it: passed on.")
    further = any(ladder.next_at is not None for ladder in incident.ladders)
    ladders = tuple(one if one.next_at is None else one._replace(next_at=now) for one in incident.ladders)
    incident = replace(incident, stage=Stage.OPEN, acknowledged_until=None, ladders=ladders)
    return Change(incident) if further else tell_again(incident, now)


def dismiss(incident: Incident, who: str, now: datetime, recheck: datetime) -> Change:
    """A person says that it is fixed: over at once, and open again at `recheck` if it is still measured as bad."""
    if not incident.stage.live:
        return Change(incident)
    change = _over(written(incident, now, who, f"{who} says that it is fixed."), now)
    return change._replace(incident=replace(change.incident, rechecked=recheck))


def recheck(incident: Incident, now: datetime) -> Change:
    """Open an incident again that a person called resolved, if its time has come and it still fires."""
    if incident.rechecked is None or now < incident.rechecked:
        return Change(incident)
    if not incident.firing:
        return Change(replace(incident, rechecked=None))
    incident = replace(incident, resolved=None, member_minutes=None, rechecked=None)
    return tell_again(written(incident, now, US, REOPENED), now)


def settle(incident: Incident, now: datetime) -> Change:
    """The cause has been gone for long enough: the incident is over, and what still fires needs one of its own."""
    if incident.settles is None or now < incident.settles:
        return Change(incident)
    left, gone = incident.firing, incident.settles - SETTLE
    change = _over(replace(written(incident, now, US, RESOLVED), firing=frozenset(), joined=frozenset()), gone)
    return change._replace(left=left)


def note(incident: Incident, text: str, who: str, now: datetime) -> Change:
    """Add a person's line to the timeline, at any stage."""
    return Change(written(incident, now, who, text))


def review(incident: Incident, resolution: str, root_cause: str, who: str, now: datetime) -> Change:
    """Record what was done and why it happened; an incident that is over and has all it needs is reviewed."""
    if (resolution, root_cause) == (incident.resolution, incident.root_cause):
        return Change(incident)
    noted = written(incident, now, who, f"Review written by {who}.")
    reviewed = replace(noted, resolution=resolution, root_cause=root_cause)
    return Change(reviewed if incident.stage.live else replace(reviewed, stage=_final(reviewed)))


def _clear(incident: Incident, episode: Episode, says: str) -> Change:
    """An episode is over."""
    if episode.id not in incident.firing:
        return Change(incident)
    now = episode.closed or episode.last_true
    firing, joined = incident.firing - {episode.id}, incident.joined - {episode.id}
    incident = replace(written(incident, now, US, says), firing=firing, joined=joined)
    if not incident.stage.live:
        return Change(incident if firing else replace(incident, rechecked=None))
    if not firing:
        end = {Why.RECOVERED: RESOLVED, Why.SOURCE_SILENT: SILENT}.get(episode.why or Why.RECOVERED, UNWATCHED)
        return _over(written(incident, now, US, end), now if incident.settles is None else incident.settles - SETTLE)
    if firing == joined and incident.settles is None:
        incident = replace(incident, settles=now + SETTLE)
    return Change(incident)


def _over(incident: Incident, at: datetime) -> Change:
    """The incident, ended; everybody who was told hears of it, and who waited learns that it was."""
    notices = [Key(one.episode, one.destination, NoticeKind.RESOLVED, one.sequence) for one in incident.told]
    rulings = [_missed(one) for one in incident.waiting]
    incident = replace(
        incident, stage=_final(incident), resolved=at, settles=None, waiting=(), ladders=(), acknowledged_until=None
    )
    return Change(incident, tuple(notices), tuple(rulings))


def _missed(one: Waiting) -> Ruling:
    """It is over before the gate opened. What came and went in quiet hours is told when they end."""
    until = one.hold.until if one.hold.gate is Gate.QUIET_HOURS else None
    return Ruling(one.episode, one.route, Verdict.MISSED, f"over before this ended: {one.hold.words}", until)


def _final(incident: Incident) -> Stage:
    """The stage of an incident whose fault is gone."""
    return Stage.RESOLVED if incident.unwritten else Stage.REVIEWED
