"""What people know better than the record: when something happened, and what it cost."""

from dataclasses import replace
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from incidents.impact import Correction
from incidents.incident import Change, Incident, written
from language import N_, figures, gettext, local


class Times(NamedTuple):
    """When an incident began and when it was over, as somebody says; None for what stays as it is."""

    opened: datetime | None = None
    resolved: datetime | None = None


def obstacle(incident: Incident, times: Times, now: datetime) -> str:
    """Why an incident cannot have had these times, in words; "" if it can."""
    if incident.merged_into is not None:
        return gettext("it was merged into {other}; correct that one", other=incident.merged_into)
    if times.resolved is not None and incident.resolved is None:
        return gettext("it is not over yet; say first that it is fixed")
    opened, resolved = times.opened or incident.opened, times.resolved or incident.resolved
    if max(opened, resolved or opened) > now:
        return gettext("that time is still to come")
    if resolved is not None and opened >= resolved:
        return gettext("it would have been over before it began")
    return ""


def correct_times(incident: Incident, times: Times, who: str, now: datetime, zone: ZoneInfo) -> Change:
    """Set right when it began or was over; what it cost is worked out again. Impossible times change nothing.

    The timeline keeps what it was before, on the clock of `zone`.
    """
    if obstacle(incident, times, now):
        return Change(incident)
    changed = incident
    if times.opened not in (None, incident.opened):
        words = N_("{who} corrected the beginning: {after} instead of {before}.")
        said = gettext(words, who=who, **_both(times.opened, incident.opened, zone))
        changed = replace(written(changed, now, who, said), opened=times.opened)
    if times.resolved not in (None, incident.resolved):
        words = N_("{who} corrected the end: {after} instead of {before}.")
        said = gettext(words, who=who, **_both(times.resolved, incident.resolved, zone))
        changed = replace(written(changed, now, who, said), resolved=times.resolved)
    return Change(incident if changed is incident else replace(changed, member_minutes=None))


def correct(incident: Incident, number: int, at: datetime, who: str, now: datetime, zone: ZoneInfo) -> Change:
    """Set the time of a line right, named by its number; the entry keeps the one that it had first.

    A line that does not exist, or a time that is still to come, changes nothing.
    """
    if not 1 <= number <= len(incident.timeline) or at > now:
        return Change(incident)
    entry = incident.timeline[number - 1]
    if at == entry.at:
        return Change(incident)
    timeline = list(incident.timeline)
    timeline[number - 1] = entry._replace(at=at, noted=entry.written)
    words = N_("{who} corrected the time of line {number}: {after} instead of {before}.")
    text = gettext(words, who=who, number=number, **_both(at, entry.at, zone))
    return Change(written(replace(incident, timeline=tuple(timeline)), now, who, text))


def correct_impact(incident: Incident, minutes: float, reason: str, who: str, now: datetime) -> Change:
    """Say what it really cost, in member-minutes, and why; without a reason, or before the end, nothing changes.

    The figure that was computed stays beside it.
    """
    if not reason.strip() or minutes < 0 or incident.resolved is None or incident.merged_into is not None:
        return Change(incident)
    text = gettext(
        "{who} says that it cost {minutes} member-minutes: {reason}",
        who=who,
        minutes=figures(f"{minutes:,.0f}"),
        reason=reason.strip(),
    )
    noted = written(incident, now, who, text)
    corrected = replace(noted, member_minutes=minutes, corrected=Correction(minutes, reason.strip(), who, now))
    return Change(replace(corrected, stage=corrected.final))


def _both(after: datetime | None, before: datetime | None, zone: ZoneInfo) -> dict[str, str]:
    """A time as it is now and as it was, on people's clock."""
    times = {"after": after, "before": before}
    return {name: local(at, zone) if at is not None else "" for name, at in times.items()}
