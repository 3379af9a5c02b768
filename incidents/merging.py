"""Two incidents that are one: the one goes on and tells of both, the other ends quietly."""

from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from alerting.channels import Key, NoticeKind
from incidents.incident import Change, Incident, Stage, Told, written
from language import gettext


class Merged(NamedTuple):
    """What became of the incident that was merged, and of the one that tells of both."""

    gone: Change
    kept: Change


def obstacle(incident: Incident, into: Incident) -> str:
    """Why one cannot be merged into the other, in words; "" if it can."""
    if incident.id == into.id:
        return gettext("an incident cannot be merged into itself")
    for one in (incident, into):
        if one.merged_into is not None:
            return gettext(
                "{incident} was merged into {other} already; merge that one", incident=one.id, other=one.merged_into
            )
    if incident.stage.live and not into.stage.live:
        return gettext("{over} is over and {live} is not: merge {over} into {live}", over=into.id, live=incident.id)
    return ""


def merge(incident: Incident, into: Incident, who: str, now: datetime) -> Merged:
    """A person says that two incidents are one; where there is an obstacle nothing changes.

    Everybody who was told of the one that ends hears once where it is told now, and of the end of the other. That one
    began when the first of the two did, is as severe as the worse, and has all faults that are still there. What the
    two cost is counted there alone.
    """
    if obstacle(incident, into):
        return Merged(Change(incident), Change(into))
    told = incident.told if incident.stage.live else ()
    notices = tuple(Key(one.episode, one.destination, NoticeKind.RESOLVED, one.sequence) for one in told)
    kept = Change(_both(incident, into, who, now))
    return Merged(Change(_ended(incident, into, who, now), notices), kept)


def _ended(incident: Incident, into: Incident, who: str, now: datetime) -> Incident:
    text = gettext(
        "{who} says that this is one with another incident, which tells of it from now on: {title}",
        who=who,
        title=into.title,
    )
    return replace(
        written(incident, now, who, text),
        stage=Stage.REVIEWED,
        resolved=incident.resolved or now,
        merged_into=into.id,
        firing=frozenset(),
        joined=frozenset(),
        waiting=(),
        ladders=(),
        acknowledged_until=None,
        settles=None,
        rechecked=None,
        member_minutes=0.0,
        cost=None,
        corrected=None,
    )


def _both(incident: Incident, into: Incident, who: str, now: datetime) -> Incident:
    text = gettext("{who} says that this is the same: {title}", who=who, title=incident.title)
    noted = written(into, now, who, text)
    firing, joined = into.firing | incident.firing, into.joined | incident.joined
    both = replace(
        noted,
        opened=min(into.opened, incident.opened),
        severity=max(into.severity, incident.severity, key=lambda one: one.rank),
        firing=firing,
        joined=joined,
        settles=(into.settles or incident.settles) if firing == joined else None,
        member_minutes=None,
        corrected=None,
    )
    if into.resolved is not None:
        resolved = max(into.resolved, incident.resolved or into.resolved)
        return replace(both, resolved=resolved, rechecked=into.rechecked or incident.rechecked)
    return _heard(incident, both) if incident.stage.live else both


def _heard(incident: Incident, both: Incident) -> Incident:
    """With everybody who was to hear of the one, too.

    They have had a message of that number about its end; what they hear next has another.
    """
    told, routes = {one.destination for one in both.told}, {one.route for one in both.told}
    new = [_numbered(one) for one in incident.told if one.destination not in told]
    waits, climbs = {one.route for one in both.waiting}, {one.route for one in both.ladders}
    return replace(
        both,
        told=(*both.told, *new),
        waiting=(*both.waiting, *(one for one in incident.waiting if one.route not in waits | routes)),
        ladders=(*both.ladders, *(one for one in incident.ladders if one.route not in climbs | routes)),
    )


def _numbered(one: Told) -> Told:
    return one._replace(sequence=one.sequence + 1)
