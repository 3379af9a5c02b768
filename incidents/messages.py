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
from language import N_, figures, gettext, local, ngettext, translated

MAY_REPEAT = N_("This may be a repeat: Deskwatch could not tell whether it arrived the first time.")
"""Added to a message that was on its way when Deskwatch was killed, or whose provider never answered."""

LONGEST = 500
"""Characters of a single name, detail or remedy that a message shows."""

FIELDS: Mapping[str, str] = {
    "resolution": N_("what was done about it"),
    "category": N_("what kind of cause it had"),
    "root_cause": N_("why it happened"),
    "detection": N_("who noticed it first"),
    "factors": N_("what else had to come together for it"),
    "missing_check": N_("which check would have noticed it"),
    "actions": N_("what is to be done so that it does not happen again"),
}
"""What the parts of a review are called in a sentence."""

_ASIDE = (EntryKind.DELIVERY, EntryKind.CHANGE)
"""Lines of the timeline that say nothing about the fault."""

REMEDIES: Mapping[str, str] = {
    "uplinks": N_(
        "Restart the router of this line once. If it does not come back, call the provider and give this time."
    ),
    "wifi": N_("Check that the access points have power and a green light, then restart the ones that do not."),
    "doors": N_(
        "Let people in by hand and keep the door staffed, then check the controller's power and network cable."
    ),
    "booking": N_("Take bookings on paper for now, and check the status page of the booking provider."),
    "rooms": N_("Go to the room and switch its equipment off and on. If that fails, offer another room."),
    "equipment": N_("Go to the device and check power, cable and what its panel says."),
    "services": N_("Check the status page of the provider, then call the person who looks after this service."),
}
"""What to do about an asset of each section that has no remedy of its own."""

_CLOSED = {
    UNWATCHED: N_("It has not been watched since {when}: it was taken out of the configuration."),
    SILENT: N_("Whether it works is not known: what reported it was no longer heard of at {when}."),
}
"""What the last line of a timeline means if nobody has seen that it works again."""

_LIMITS: Mapping[Against, tuple[str, str]] = {
    Against.VALUE: (N_("above {limit}"), N_("below {limit}")),
    Against.USUAL: (N_("above {limit} times the usual"), N_("below {limit} times the usual")),
    Against.RATE: (N_("above {limit} per hour"), N_("below {limit} per hour")),
}
"""How an upper and a lower limit are told."""


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
    return f"{plain(asset)} {plain(translated(rule.says))}"


def says(asset: str, rule: Rule, episode: Episode) -> str:
    """The line of the timeline for an episode that began to fire or is over."""
    name, found = plain(asset), _found(rule, episode)
    if episode.phase is not Phase.RESOLVED:
        return f"{name}: {found}{_flapping(rule, episode)}"
    if episode.why is Why.RULE_DELETED:
        return gettext("{asset}: no longer watched. Before: {found}", asset=name, found=found)
    lasted = duration(((episode.closed or episode.last_true) - episode.opened).total_seconds())
    if episode.why is Why.SOURCE_SILENT:
        words = N_("{asset}: no data any more after {lasted}. Before: {found}")
    elif episode.turns:
        words = N_("{asset}: back to normal after {lasted}, having failed {times} times. Before: {found}")
    else:
        words = N_("{asset}: back to normal after {lasted}. Before: {found}")
    return gettext(words, asset=name, lasted=lasted, times=episode.turns, found=found)


def firing(incident: Incident, facts: Facts, now: datetime) -> Text:
    """The first message about an incident, and the one that says that it got worse."""
    if incident.severity is Severity.CRITICAL:
        word = gettext("Critical again") if incident.reopened else gettext("Critical")
    else:
        word = gettext("Warning again") if incident.reopened else gettext("Warning")
    return Text(_title(word, incident, facts), _body(_trouble(incident, facts, now)))


def repeat(incident: Incident, facts: Facts, now: datetime) -> Text:
    """The reminder that goes out while nobody has acknowledged."""
    return Text(
        _title(gettext("Nobody has it yet"), incident, facts),
        _body([_unanswered(incident), *_trouble(incident, facts, now)]),
    )


def resolved(incident: Incident, facts: Facts, now: datetime) -> Text:
    """The message that it is over, to everybody who was told that it began."""
    end = incident.resolved or now
    when, lasted = local(end, facts.zone), duration((end - incident.opened).total_seconds())
    if incident.merged_into is not None:
        return Text(_title(gettext("Told elsewhere"), incident, facts), _body(_elsewhere(incident, facts)))
    closed = next((means for line, means in _CLOSED.items() if _ends_with(incident, line)), None)
    if closed is not None:
        said = gettext(closed, when=when)
        return Text(_title(gettext("Closed"), incident, facts), _body([said, *_link(incident, facts)]))
    return Text(
        _title(gettext("Resolved"), incident, facts),
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
    when = gettext(
        "It is over; nobody was disturbed. From {start} to {end} ({lasted}).",
        start=local(incident.opened, facts.zone),
        end=local(end, facts.zone),
        lasted=lasted,
    )
    lines = [when, *_evidence(incident)[:1], *_lost(incident), *_to_write(incident), *_link(incident, facts)]
    return Text(_title(gettext("Came and went"), incident, facts), _body(lines))


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
    return figures(_in_unit(metric, value))


def _in_unit(metric: str, value: float) -> str:
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
    return figures(f"{share * 100:.{digits}f} %")


def plain(text: str) -> str:
    """Text from a configuration or a peer on one line, without characters that control, hide or turn around others."""
    visible = text[: 4 * LONGEST]
    if not visible.isprintable():
        visible = "".join(" " if unicodedata.category(one)[0] in "CZ" else one for one in visible)
    line = " ".join(visible.split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1].rstrip()}…"


def _is_said(text: str, line: str) -> bool:
    """Whether a line of a timeline is that one of ours, in the language that is spoken, or as it was before that."""
    return text in (line, gettext(line))


def _ends_with(incident: Incident, line: str) -> bool:
    return bool(incident.timeline) and _is_said(incident.timeline[-1].text, line)


def _elsewhere(incident: Incident, facts: Facts) -> list[str]:
    """That it is one with another incident, of which everybody hears from now on."""
    page = [f"{facts.url.rstrip('/')}/incidents/{incident.merged_into}"] if facts.url else []
    return [plain(incident.timeline[-1].text), *page]


def _how_it_ended(incident: Incident, facts: Facts, when: str, lasted: str) -> str:
    """That it was measured to work, or that somebody says so, which is looked at once more."""
    if incident.origin is Origin.REPORTED and incident.rechecked is None:
        return f"{plain(incident.timeline[-1].text)} {gettext('It lasted {lasted}.', lasted=lasted)}"
    if incident.rechecked is None:
        return gettext("It has worked again since {when}. It lasted {lasted}.", when=when, lasted=lasted)
    again = gettext(
        "It lasted {lasted}. If it is still broken at {again}, it is open again.",
        lasted=lasted,
        again=local(incident.rechecked, facts.zone),
    )
    return f"{plain(incident.timeline[-1].text)} {again}"


def _trouble(incident: Incident, facts: Facts, now: datetime) -> list[str]:
    since = duration((now - incident.opened).total_seconds())
    return [
        *_evidence(incident),
        gettext("Since {when} ({lasted}).", when=local(incident.opened, facts.zone), lasted=since),
        *_hits(facts),
        *_by_when(facts),
        gettext("What to do: {remedy}", remedy=plain(facts.remedy) or _remedy(facts.section)),
        *_link(incident, facts),
    ]


def _remedy(section: str) -> str:
    return gettext(REMEDIES.get(section, REMEDIES["services"]))


def _unanswered(incident: Incident) -> str:
    """That nobody has it, or that somebody had it once."""
    who = plain(incident.acknowledged_by)
    if not who:
        return gettext("Nobody has said yet that they are on it.")
    return gettext("{who} had it, but it still lasts.", who=who)


def _evidence(incident: Incident) -> list[str]:
    """How we know: what opened the incident, and the newest thing that happened to it since."""
    told = [entry for entry in incident.timeline if entry.kind not in _ASIDE and not _is_said(entry.text, OPENED)]
    seen = [plain(one.text).rstrip(".") for one in told if one.who == US or one is incident.timeline[0]]
    first, latest = seen[:1], seen[1:][-1:]
    return [
        *(gettext("How we know: {found}.", found=text) for text in first),
        *(gettext("Latest: {found}.", found=text) for text in latest),
    ]


def _hits(facts: Facts) -> list[str]:
    people = ngettext("{number} person.", "{number} people.", facts.people) if facts.people else ""
    words = " ".join(filter(None, (people, plain(facts.affects))))
    return [gettext("Who it hits: {words}", words=words)] if words else []


def _by_when(facts: Facts) -> list[str]:
    """At night a fault waits for the morning, not longer."""
    if facts.opens is None:
        return []
    when = local(facts.opens, facts.zone)
    return [gettext("The space is closed now: fix it before it opens, {when}.", when=when)]


def _lost(incident: Incident) -> list[str]:
    if incident.member_minutes is None:
        return []
    if incident.member_minutes < 1:
        return [gettext("It cost members no time: the space was closed, or nobody depends on it.")]
    lost = gettext(
        "It cost members {time} together in opening hours ({minutes} member-minutes).",
        time=duration(incident.member_minutes * 60),
        minutes=figures(f"{incident.member_minutes:,.0f}"),
    )
    return [lost]


def _to_write(incident: Incident) -> list[str]:
    fields = [gettext(FIELDS[field]) for field in incident.unwritten]
    if not fields:
        return []
    first, more = ", ".join(fields[:2]), len(fields) - 2
    if more > 0:
        words = ngettext("{first} and {number} thing more", "{first} and {number} things more", more, first=first)
    else:
        words = gettext("{first} and {last}", first=fields[0], last=fields[1]) if more == 0 else first
    return [gettext("Please write down {words}.", words=words)]


def _link(incident: Incident, facts: Facts) -> list[str]:
    page = [f"{facts.url.rstrip('/')}/incidents/{incident.id}"] if facts.url else []
    return [*([gettext("Answer with one tap: {link}", link=facts.link)] if facts.link else []), *page]


def _title(word: str, incident: Incident, facts: Facts) -> str:
    return f"{word}: {plain(incident.title)} ({plain(facts.site)})"


def _body(paragraphs: list[str]) -> str:
    return "\n".join(paragraphs)


def _found(rule: Rule, episode: Episode) -> str:
    """What the rule saw: the reading's own detail, or the figure beside its limit."""
    if rule.status is not None:
        return plain(episode.detail or translated(rule.says))
    words = plain(translated(rule.says))
    if episode.value is None:
        return gettext("{says} (it cannot be measured)", says=words)
    return f"{words} ({figure(rule.metric, episode.value)}, {_limit(rule)})"


def _flapping(rule: Rule, episode: Episode) -> str:
    """That it comes and goes, "" if it does not."""
    if not is_flapping(rule, episode):
        return ""
    words = gettext(
        "It comes and goes, {times} times by now; it is over when it has been well for {calm}",
        times=episode.turns,
        calm=duration(max(rule.calm, rule.keep)),
    )
    return f". {words}"


def _limit(rule: Rule) -> str:
    """The limit of a rule on a metric: "above 20 %", "above 3 times the usual", "below -5 % per hour"."""
    above, below = _LIMITS[rule.against]
    words, limit = (above, rule.above) if rule.above is not None else (below, rule.below or 0.0)
    match rule.against:
        case Against.VALUE:
            shown = figure(rule.metric, limit)
        case Against.USUAL:
            shown = figures(f"{limit:g}")
        case Against.RATE:
            shown = f"{'-' if limit < 0 else ''}{figure(rule.metric, abs(limit))}"
    return gettext(words, limit=shown)
