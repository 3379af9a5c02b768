"""Lines that the timeline writes itself: who was told, and what is measured while it lasts."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from alerting.channels import NoticeKind
from incidents.incident import US, EntryKind, Incident, written
from language import N_, gettext

MOMENTS = (timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6), timedelta(days=1))
"""How old an incident is when what is measured of it is written down once more, if it has changed."""
APART = timedelta(minutes=5)
"""How far two such lines are apart."""

_LONGEST = 160


class Heard(NamedTuple):
    """What became of one message by `at`: its destination has it, or never will; `words` is why not."""

    destination: str
    kind: NoticeKind
    accepted: bool
    at: datetime
    words: str = ""


_BEGAN = (NoticeKind.FIRING, NoticeKind.UPDATE)
_ENDED = (NoticeKind.RESOLVED, NoticeKind.MISSED)


def heard(incident: Incident, news: Sequence[Heard]) -> Incident:
    """The incident with who has been told since its newest such line: at most two lines, and one for what failed."""
    known = max((one.written for one in incident.timeline if one.kind is EntryKind.DELIVERY), default=None)
    fresh = sorted((one for one in news if known is None or one.at > known), key=lambda one: one.at)
    told = [one for one in fresh if one.accepted]
    lost = [one._replace(destination=_because(one)) for one in fresh if not one.accepted]
    incident = _line(incident, [one for one in told if one.kind in _BEGAN], N_("Told: {names}."))
    incident = _line(incident, [one for one in told if one.kind in _ENDED], N_("Told that it is over: {names}."))
    return _line(incident, lost, N_("Could not be told: {names}."))


def still(incident: Incident, says: str, now: datetime) -> Incident:
    """The incident with what is measured of it now, if it is time for that and it says something new."""
    lines = [one for one in incident.timeline if one.kind is EntryKind.VALUE]
    due = sum(now - incident.opened >= moment for moment in MOMENTS)
    if len(lines) >= due or (lines and now - lines[-1].written < APART):
        return incident
    words = gettext("Still: {found}", found=says)
    if any(one.text in (says, words) for one in incident.timeline):
        return incident
    return written(incident, now, US, words, EntryKind.VALUE)


def _line(incident: Incident, of: Sequence[Heard], words: str) -> Incident:
    if not of:
        return incident
    names = ", ".join(dict.fromkeys(one.destination for one in of))
    return written(incident, of[-1].at, US, gettext(words, names=names), EntryKind.DELIVERY)


def _because(one: Heard) -> str:
    return f"{one.destination} ({one.words[:_LONGEST]})" if one.words else one.destination
