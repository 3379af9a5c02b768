"""The life of an incident: opened or reported, joined by others, acknowledged, resolved, back again, reviewed."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import NamedTuple

from alerting.channels import Key, NoticeKind
from alerting.gates import Gate
from alerting.rules import Episode, Phase, Severity, Why
from alerting.verdicts import Verdict
from incidents.impact import Basis, Impact
from incidents.incident import US as US
from incidents.incident import Call as Call
from incidents.incident import Change as Change
from incidents.incident import Entry as Entry
from incidents.incident import EntryKind as EntryKind
from incidents.incident import Incident as Incident
from incidents.incident import Origin as Origin
from incidents.incident import Ruling as Ruling
from incidents.incident import Stage as Stage
from incidents.incident import Told as Told
from incidents.incident import Waiting, written
from incidents.record import tickets_per_member as tickets_per_member
from incidents.review import Action, Detection, Review
from incidents.telling import grouped, tell, tell_again, tell_of_return
from language import N_, gettext

OPENED = N_("Incident opened.")
RESOLVED = N_("Resolved.")
UNWATCHED = N_("Closed: it is no longer watched.")
SILENT = N_("Closed: its source has not been heard of any more.")
REOPENED = N_("It is still measured as broken: open again.")
RETURNED = N_("It is back: open again.")

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
        timeline=(Entry(episode.opened, US, says, EntryKind.TURN), Entry(at, US, gettext(OPENED), EntryKind.STEP)),
    )
    return tell(incident, episode.id, calls, at)


class Report(NamedTuple):
    """What somebody says is broken since `at`.

    `asset` is "" for something that is not watched; `people` is how many it hits, None where nobody has counted.
    `by_member`: a member noticed it, not one of the staff.
    """

    id: str
    asset: str
    title: str
    who: str
    at: datetime
    by_member: bool
    people: int | None = None
    severity: Severity = Severity.WARNING


def reported(report: Report, now: datetime, calls: Sequence[Call] = ()) -> Change:
    """A new incident that a person reports; it lasts until a person says that it is fixed.

    Whoever is told is told through an episode of the incident's own id, for there is no other.
    """
    words = N_("Reported by {who}, for a member: {title}") if report.by_member else N_("Reported by {who}: {title}")
    said = gettext(words, who=report.who, title=report.title)
    says = Entry(min(report.at, now), report.who, said, EntryKind.TURN)
    incident = Incident(
        id=report.id,
        asset=report.asset,
        title=report.title,
        severity=report.severity,
        opened=says.at,
        timeline=(says, Entry(now, US, gettext(OPENED), EntryKind.STEP)),
        cost=None if report.people is None else Impact(0, report.people, 0, Basis.SAID),
        origin=Origin.REPORTED,
        reporter=report.who,
        detection=Detection.MEMBER if report.by_member else Detection.US,
    )
    return tell(incident, incident.id, calls, now)


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
    noted = written(incident, at, US, says, EntryKind.TURN)
    incident = replace(noted, firing=incident.firing | {episode.id})
    joined, settles = (incident.joined | {episode.id}, incident.settles) if joins else (incident.joined, None)
    incident = replace(incident, joined=joined, settles=settles)
    if episode.severity.rank <= incident.severity.rank:
        return Change(incident, rulings=grouped(incident, episode.id, calls))
    return tell(replace(incident, severity=episode.severity), episode.id, calls, at)


def worsen(
    incident: Incident, episode: str, severity: Severity, says: str, calls: Sequence[Call], at: datetime
) -> Change:
    """The same fault matters more now, as when the site is about to open: tell everybody who wants to hear of that."""
    noted = written(incident, at, US, says, EntryKind.TURN)
    return tell(replace(noted, severity=severity), episode, calls, at)


def returned(incident: Incident, episode: Episode, says: str, calls: Sequence[Call]) -> Change:
    """The fault has begun again soon after the end: the incident goes on, and everybody who heard of it hears so."""
    at = episode.fired or episode.opened
    noted = written(incident, at, US, gettext(RETURNED))
    noted = written(noted, at, US, says, EntryKind.TURN)  # messages tell the last line
    again = replace(
        noted,
        stage=Stage.OPEN,
        severity=max(incident.severity, episode.severity, key=lambda one: one.rank),
        firing=incident.firing | {episode.id},
        reopened=incident.reopened + 1,
        resolved=None,
        rechecked=None,
        member_minutes=None,
        corrected=None,
    )
    return tell_of_return(again, episode.id, calls, at)


def acknowledge(incident: Incident, who: str, now: datetime, until: datetime | None = None) -> Change:
    """Somebody has it: repeats and further steps stop, until that time if the fault lasts.

    Acknowledging again only prolongs it; after the end it changes nothing.
    """
    if incident.stage is Stage.ACKNOWLEDGED:
        if until is None or incident.acknowledged_until is None or until <= incident.acknowledged_until:
            return Change(incident)
        noted = written(incident, now, who, gettext("{who} still has it.", who=who))
        return Change(replace(noted, acknowledged_until=until))
    if incident.stage is not Stage.OPEN:
        return Change(incident)
    noted = written(incident, now, who, gettext("Acknowledged by {who}.", who=who))
    rulings = tuple(
        Ruling(ladder.episode, ladder.route, Verdict.STOPPED, gettext("{who} has it", who=who), until)
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
    text = gettext("{who} had it, but it still lasts: open again.", who=incident.acknowledged_by)
    return tell_again(written(incident, now, US, text), now)


def not_me(incident: Incident, who: str, now: datetime) -> Change:
    """Somebody passes it on: the next step is told at once; where there is none, everybody is told again."""
    if not incident.stage.live:
        return Change(incident)
    incident = written(incident, now, who, gettext("{who} cannot take it: passed on.", who=who))
    further = any(ladder.next_at is not None for ladder in incident.ladders)
    ladders = tuple(one if one.next_at is None else one._replace(next_at=now) for one in incident.ladders)
    incident = replace(incident, stage=Stage.OPEN, acknowledged_until=None, ladders=ladders)
    return Change(incident) if further else tell_again(incident, now)


def dismiss(incident: Incident, who: str, now: datetime, recheck: datetime) -> Change:
    """A person says that it is fixed: over at once, and open again at `recheck` if it is still measured as bad."""
    if not incident.stage.live:
        return Change(incident)
    change = _over(written(incident, now, who, gettext("{who} says that it is fixed.", who=who)), now)
    return change._replace(incident=replace(change.incident, rechecked=recheck if incident.firing else None))


def recheck(incident: Incident, now: datetime) -> Change:
    """Open an incident again that a person called resolved, if its time has come and it still fires."""
    if incident.rechecked is None or now < incident.rechecked:
        return Change(incident)
    if not incident.firing:
        return Change(replace(incident, rechecked=None))
    incident = replace(incident, resolved=None, member_minutes=None, rechecked=None, corrected=None)
    return tell_again(written(incident, now, US, gettext(REOPENED)), now)


def settle(incident: Incident, now: datetime) -> Change:
    """The cause has been gone for long enough: the incident is over, and what still fires needs one of its own."""
    if incident.settles is None or now < incident.settles:
        return Change(incident)
    left, gone = incident.firing, incident.settles - SETTLE
    noted = written(incident, now, US, gettext(RESOLVED))
    change = _over(replace(noted, firing=frozenset(), joined=frozenset()), gone)
    return change._replace(left=left)


def note(incident: Incident, text: str, who: str, now: datetime, kind: EntryKind = EntryKind.NOTE) -> Change:
    """Add a line to the timeline, at any stage."""
    return Change(written(incident, now, who, text, kind))


def review(incident: Incident, review: Review, who: str, now: datetime) -> Change:
    """Record what people write about it; an incident that is over and has all it needs is reviewed.

    One that was merged into another has no review of its own.
    """
    if review == incident.review or incident.merged_into is not None:
        return Change(incident)
    noted = written(incident, now, who, gettext("Review written by {who}.", who=who))
    return Change(_staged(replace(noted, **review._asdict())))


def act(incident: Incident, action: Action) -> Change:
    """Something is to be done; what is already on the list stays as it is."""
    if any(one.id == action.id for one in incident.actions):
        return Change(incident)
    return Change(_staged(replace(incident, actions=(*incident.actions, action))))


def done(incident: Incident, action: str, who: str, now: datetime) -> Change:
    """The action of that id has been done; one that is done already stays as it is."""
    actions = tuple(
        one._replace(done=now, done_by=who) if one.id == action and one.done is None else one
        for one in incident.actions
    )
    return Change(replace(incident, actions=actions))


def postpone(incident: Incident, action: str, due: date, who: str, now: datetime) -> Change:
    """The action of that id is due on another day, which the timeline tells; one that is done stays as it is."""
    late = next((one for one in incident.actions if one.id == action and one.done is None), None)
    if late is None or late.due == due:
        return Change(incident)
    text = gettext(
        "{who} moved what is due on {before} to {due}: {action}", who=who, before=late.due, due=due, action=late.text
    )
    noted = written(incident, now, who, text)
    actions = tuple(one._replace(due=due) if one is late else one for one in noted.actions)
    return Change(replace(noted, actions=actions))


def costed(incident: Incident, cost: Impact) -> Incident:
    """The incident with what it cost: that is also how much there is to be written down about it."""
    minutes = incident.corrected.member_minutes if incident.corrected is not None else cost.member_minutes
    return _staged(replace(incident, cost=cost, member_minutes=minutes))


def _clear(incident: Incident, episode: Episode, says: str) -> Change:
    """An episode is over."""
    if episode.id not in incident.firing:
        return Change(incident)
    now = episode.closed or episode.last_true
    firing, joined = incident.firing - {episode.id}, incident.joined - {episode.id}
    incident = replace(written(incident, now, US, says, EntryKind.TURN), firing=firing, joined=joined)
    if not incident.stage.live:
        return Change(incident if firing else replace(incident, rechecked=None))
    if incident.origin is Origin.REPORTED:  # whether it works again for the one who said so, only people know
        return Change(incident)
    if not firing:
        end = {Why.RECOVERED: RESOLVED, Why.SOURCE_SILENT: SILENT}.get(episode.why or Why.RECOVERED, UNWATCHED)
        gone = now if incident.settles is None else incident.settles - SETTLE
        return _over(written(incident, now, US, gettext(end)), gone)
    if firing == joined and incident.settles is None:
        incident = replace(incident, settles=now + SETTLE)
    return Change(incident)


def _over(incident: Incident, at: datetime) -> Change:
    """The incident, ended; everybody who was told hears of it, and who waited learns that it was."""
    notices = [Key(one.episode, one.destination, NoticeKind.RESOLVED, one.sequence) for one in incident.told]
    rulings = [_missed(one) for one in incident.waiting]
    incident = replace(
        incident, stage=incident.final, resolved=at, settles=None, waiting=(), ladders=(), acknowledged_until=None
    )
    return Change(incident, tuple(notices), tuple(rulings))


def _missed(one: Waiting) -> Ruling:
    """It is over before the gate opened. What came and went in quiet hours is told when they end."""
    until = one.hold.until if one.hold.gate is Gate.QUIET_HOURS else None
    words = gettext("over before this ended: {hold}", hold=one.hold.words)
    return Ruling(one.episode, one.route, Verdict.MISSED, words, until)


def _staged(incident: Incident) -> Incident:
    """The incident at the stage that its review has reached, once the fault is gone."""
    return incident if incident.stage.live else replace(incident, stage=incident.final)
