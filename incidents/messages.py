"""An incident in plain words: what is broken, since when, whom it hits and what to do."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from alerting.against import Against
from alerting.rules import Episode, Phase, Rule, Severity, Why, is_flapping
from incidents.incident import US, EntryKind, Incident, Origin
from incidents.lifecycle import OPENED, SILENT, UNWATCHED

MAY_REPEAT = "This may be a repeat: Deskwatch could not tell whether it arrived the first time."
"""Added to a message that was on its way when Deskwatch was killed, or whose provider never answered."""

LONGEST = 500
"""Characters of a single name, detail or remedy that a message shows."""

FIELDS: Mapping[str, str] = {
    "resolution": "what was done about it",
    "category": "what kind of cause it had",
    "root_cause": "why it happened",
    "detection": "who noticed it first",
    "factors": "what else had to come together for it",
    "missing_check": "which check would have noticed it",
    "actions": "what is to be done so that it does not happen again",
}
"""What the parts of a review are called in a sentence."""

_ASIDE = (EntryKind.DELIVERY, EntryKind.CHANGE)
"""Lines of the timeline that say nothing about the fault."""

REMEDIES: Mapping[str, str] = {
    "uplinks": "Restart the router of this line once. If it does not come back, call the provider and give this time.",
    "wifi": "Check that the access points have power and a green light, then restart the ones that do not.",
    "doors": "Let people in by hand and keep the door staffed, then check the controller's power and network cable.",
    "booking": "Take bookings on paper for now, and check the status page of the booking provider.",
    "rooms": "Go to the room and switch its equipment off and on. If that fails, offer another room.",
    "equipment": "Go to the device and check power, cable and what its panel says.",
    "services": "Check the status page of the provider, then call the person who looks after this service.",
}
"""What to do about an asset of each section that has no remedy of its own."""

_CLOSED = {
    UNWATCHED: "It has not been watched since {}: it was taken out of the configuration.",
    SILENT: "Whether it works is not known: what reported it was no longer heard of at {}.",
}
"""What the last line of a timeline means if nobody has seen that it works again."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a message needs to know besides the incident.

    `people` is how many the asset serves; `affects` and `remedy` are sentences or "". `site` is the space's name and
    `zone` its time zone; `url` is where people reach Deskwatch, "" if nobody said. `opens` is when the space opens
    next, None while it is open; `link` is where the reader can answer with one tap, "" if there is none.
    """

    asset: str
    section: str
    people: int
    affects: str
    remedy: str
    site: str
    zone: ZoneInfo
    url: str
    opens: datetime | None = None
    link: str = ""


class Text(NamedTuple):
    """A message as people read it: plain text, `body` with line breaks between paragraphs."""

    title: str
    body: str


def title(asset: str, rule: Rule) -> str:
    """What an incident is called that this rule opens."""
    return f"{plain(asset)} {plain(rule.says)}"


def says(asset: str, rule: Rule, episode: Episode) -> str:
    """The line of the timeline for an episode that began to fire or is over."""
    found = _found(rule, episode)
    if episode.phase is not Phase.RESOLVED:
        return f"{plain(asset)}: {found}{_flapping(rule, episode)}"
    if episode.why is Why.RULE_DELETED:
        return f"{plain(asset)}: no longer watched. Before: {found}"
    lasted = duration(((episode.closed or episode.last_true) - episode.opened).total_seconds())
    if episode.why is Why.SOURCE_SILENT:
        return f"{plain(asset)}: no data any more after {lasted}. Before: {found}"
    often = f", having failed {episode.turns} times" if episode.turns else ""
    return f"{plain(asset)}: back to normal after {lasted}{often}. Before: {found}"


def firing(incident: Incident, facts: Facts, now: datetime) -> Text:
    """The first message about an incident, and the one that says that it got worse."""
    word = "Critical" if incident.severity is Severity.CRITICAL else "Warning"
    word = f"{word} again" if incident.reopened else word
    return Text(_title(word, incident, facts), _body(_trouble(incident, facts, now)))


def repeat(incident: Incident, facts: Facts, now: datetime) -> Text:
    """The reminder that goes out while nobody has acknowledged."""
    return Text(
        _title("Nobody has it yet", incident, facts),
        _body([_unanswered(incident), *_trouble(incident, facts, now)]),
    )


def resolved(incident: Incident, facts: Facts, now: datetime) -> Text:
    """The message that it is over, to everybody who was told that it began."""
    end = incident.resolved or now
    when, lasted = local(end, facts.zone), duration((end - incident.opened).total_seconds())
    if incident.merged_into is not None:
        return Text(_title("Told elsewhere", incident, facts), _body(_elsewhere(incident, facts)))
    closed = _CLOSED.get(incident.timeline[-1].text) if incident.timeline else None
    if closed is not None:
        return Text(_title("Closed", incident, facts), _body([closed.format(when), *_link(incident, facts)]))
    return Text(
        _title("Resolved", incident, facts),
        _body(
            [
                _how_it_ended(incident, facts, when, lasted),
                *_lost(incident),
                *_to_write(incident),
                *_link(incident, facts),
            ]
        ),
    )


def missed(incident: Incident, facts: Facts, now: datetime) -> Text:
    """What is told in the morning of a fault that came and went in quiet hours."""
    end = incident.resolved or now
    lasted = duration((end - incident.opened).total_seconds())
    when = f"From {local(incident.opened, facts.zone)} to {local(end, facts.zone)} ({lasted})."
    lines = [f"It is over; nobody was disturbed. {when}", *_evidence(incident)[:1], *_lost(incident)]
    return Text(
        _title("Came and went", incident, facts), _body([*lines, *_to_write(incident), *_link(incident, facts)])
    )


def duration(seconds: float) -> str:
    """A length of time in its two largest units: "45 s", "7 min", "2 h 5 min", "3 d 4 h"."""
    left = max(0, round(seconds))
    if left < 60:
        return f"{left} s"
    minutes = (left + 30) // 60
    days, hours, rest = minutes // 1440, minutes % 1440 // 60, minutes % 60
    units = ((days, "d"), (hours, "h")) if days else ((hours, "h"), (rest, "min"))
    return " ".join(f"{count} {unit}" for count, unit in units if count)


def figure(metric: str, value: float) -> str:
    """A metric's value in the unit that people use, told from the end of the metric's name."""
    if metric.endswith("_ratio"):
        return f"{value * 100:.4g} %"
    if metric.endswith("_bits_per_second"):
        return f"{value / 1e6:.4g} Mbit/s"
    if metric.endswith("_bytes"):
        return f"{value / 1e9:.4g} GB" if abs(value) >= 1e9 else f"{value / 1e6:.4g} MB"
    if metric.endswith("_seconds"):
        return f"{value * 1000:.4g} ms" if abs(value) < 1 else f"{value:.3g} s" if abs(value) < 60 else duration(value)
    if metric.endswith("_celsius"):
        return f"{value:.4g} °C"
    return f"{value:.6g}"


def percent(share: float, digits: int = 0) -> str:
    """A share, 0 to 1, with so many digits after the point: "43 %"."""
    return f"{share * 100:.{digits}f} %"


def local(at: datetime, zone: ZoneInfo) -> str:
    """An instant on the site's own clock: "Mon 3 Aug, 08:55"."""
    wall = at.astimezone(zone)
    return f"{wall:%a} {wall.day} {wall:%b}, {wall:%H:%M}"


def plain(text: str) -> str:
    """Text from a configuration or a peer on one line, without characters that control, hide or turn around others."""
    visible = text[: 4 * LONGEST]
    if not visible.isprintable():
        visible = "".join(" " if unicodedata.category(one)[0] in "CZ" else one for one in visible)
    line = " ".join(visible.split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1].rstrip()}…"


def _elsewhere(incident: Incident, facts: Facts) -> list[str]:
    """That it is one with another incident, of which everybody hears from now on."""
    page = [f"{facts.url.rstrip('/')}/incidents/{incident.merged_into}"] if facts.url else []
    return [plain(incident.timeline[-1].text), *page]


def _how_it_ended(incident: Incident, facts: Facts, when: str, lasted: str) -> str:
    """That it was measured to work, or that somebody says so, which is looked at once more."""
    if incident.origin is Origin.REPORTED and incident.rechecked is None:
        return f"{plain(incident.timeline[-1].text)} It lasted {lasted}."
    if incident.rechecked is None:
        return f"It has worked again since {when}. It lasted {lasted}."
    again = local(incident.rechecked, facts.zone)
    return (
        f"{plain(incident.timeline[-1].text)} It lasted {lasted}. If it is still broken at {again}, it is open again."
    )


def _trouble(incident: Incident, facts: Facts, now: datetime) -> list[str]:
    since = duration((now - incident.opened).total_seconds())
    return [
        *_evidence(incident),
        f"Since {local(incident.opened, facts.zone)} ({since}).",
        *_hits(facts),
        *_by_when(facts),
        f"What to do: {plain(facts.remedy) or REMEDIES.get(facts.section, REMEDIES['services'])}",
        *_link(incident, facts),
    ]


def _unanswered(incident: Incident) -> str:
    """That nobody has it, or that somebody had it once."""
    who = plain(incident.acknowledged_by)
    return f"{who} had it, but it still lasts." if who else "Nobody has said yet that they are on it."


def _evidence(incident: Incident) -> list[str]:
    """How we know: what opened the incident, and the newest thing that happened to it since."""
    told = [entry for entry in incident.timeline if entry.kind not in _ASIDE and entry.text != OPENED]
    seen = [plain(one.text).rstrip(".") for one in told if one.who == US or one is incident.timeline[0]]
    first, latest = seen[:1], seen[1:][-1:]
    return [*(f"How we know: {text}." for text in first), *(f"Latest: {text}." for text in latest)]


def _hits(facts: Facts) -> list[str]:
    people = {0: "", 1: "1 person. "}.get(facts.people, f"{facts.people} people. ")
    words = f"{people}{plain(facts.affects)}".strip()
    return [f"Who it hits: {words}"] if words else []


def _by_when(facts: Facts) -> list[str]:
    """At night a fault waits for the morning, not longer."""
    return (
        [f"The space is closed now: fix it before it opens, {local(facts.opens, facts.zone)}."] if facts.opens else []
    )


def _lost(incident: Incident) -> list[str]:
    if incident.member_minutes is None:
        return []
    if incident.member_minutes < 1:
        return ["It cost members no time: the space was closed, or nobody depends on it."]
    minutes = f"{incident.member_minutes:,.0f} member-minutes"
    return [f"It cost members {duration(incident.member_minutes * 60)} together in opening hours ({minutes})."]


def _to_write(incident: Incident) -> list[str]:
    fields = [FIELDS[field] for field in incident.unwritten]
    words = " and ".join(fields) if len(fields) <= 2 else f"{', '.join(fields[:2])} and {len(fields) - 2} things more"
    return [f"Please write down {words}."] if fields else []


def _link(incident: Incident, facts: Facts) -> list[str]:
    page = [f"{facts.url.rstrip('/')}/incidents/{incident.id}"] if facts.url else []
    return [*([f"Answer with one tap: {facts.link}"] if facts.link else []), *page]


def _title(word: str, incident: Incident, facts: Facts) -> str:
    return f"{word}: {plain(incident.title)} ({plain(facts.site)})"


def _body(paragraphs: list[str]) -> str:
    return "\n".join(paragraphs)


def _found(rule: Rule, episode: Episode) -> str:
    """What the rule saw: the reading's own detail, or the figure beside its limit."""
    if rule.status is not None:
        return plain(episode.detail or rule.says)
    if episode.value is None:
        return f"{plain(rule.says)} (it cannot be measured)"
    return f"{plain(rule.says)} ({figure(rule.metric, episode.value)}, {_limit(rule)})"


def _flapping(rule: Rule, episode: Episode) -> str:
    """That it comes and goes, "" if it does not."""
    if not is_flapping(rule, episode):
        return ""
    often = f"It comes and goes, {episode.turns} times by now"
    return f". {often}; it is over when it has been well for {duration(max(rule.calm, rule.keep))}"


def _limit(rule: Rule) -> str:
    """The limit of a rule on a metric: "above 20 %", "above 3 times the usual", "below -5 % per hour"."""
    side, limit = ("above", rule.above) if rule.above is not None else ("below", rule.below or 0.0)
    match rule.against:
        case Against.VALUE:
            return f"{side} {figure(rule.metric, limit)}"
        case Against.USUAL:
            return f"{side} {limit:g} times the usual"
        case Against.RATE:
            return f"{side} {'-' if limit < 0 else ''}{figure(rule.metric, abs(limit))} per hour"
