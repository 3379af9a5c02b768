"""What each rule of a check says of the newest reading, and what it will do if things stay as they are."""

import math
from datetime import datetime
from typing import NamedTuple

from alerting.against import Against
from alerting.rules import Episode, Phase, Rule, Severity, State, severity_at
from incidents.messages import duration
from monitor.config.model import Check
from monitor.web.views import World
from monitor.web.words import amount
from probes import Metric, Reading, Status, load

WORDS = {
    None: "Clear",
    Phase.PENDING: "Pending",
    Phase.FIRING: "Fires",
    Phase.RECOVERING: "Recovering",
}
"""What a rule does now."""

_TONES = {None: "working", Phase.PENDING: "checking", Phase.FIRING: "degraded", Phase.RECOVERING: "checking"}
_STATUSES = {Status.UP: "it works", Status.DOWN: "it is down", Status.UNKNOWN: "it cannot be measured"}
_TELLS = {
    Severity.INFO: "only shown",
    Severity.WARNING: "tells somebody: warning",
    Severity.CRITICAL: "tells somebody: critical",
}


class Ruling(NamedTuple):
    """One rule: `when` it fires, what it compares `now`, what it `does`, and `until` when, None if nothing is due.

    `tone` names the colour and shape of `word`.
    """

    rule: Rule
    word: str
    tone: str
    when: str
    now: str
    does: str
    until: datetime | None


def rulings(check: Check, world: World) -> tuple[Ruling, ...]:
    """The rules of a check in their order."""
    metrics = {metric.name: metric for metric in load(check.kind).metrics}
    reading, is_open = world.latest.get(check.id), world.config.site.hours.is_open(world.now)
    return tuple(
        _ruling(rule, world.episodes.get((check.id, rule.id), State()), reading, metrics.get(rule.metric), is_open)
        for rule in check.rules
    )


def _ruling(rule: Rule, state: State, reading: Reading | None, metric: Metric | None, is_open: bool) -> Ruling:
    episode, unit = state.episode, metric.unit if metric is not None else ""
    phase = episode.phase if episode is not None else None
    severity = severity_at(rule, is_open)
    tone = "down" if phase is Phase.FIRING and severity is Severity.CRITICAL else _TONES[phase]
    does = "; ".join(part for part in (_TELLS[severity], _progress(rule, state)) if part)
    until = episode.deadline if episode is not None else None
    return Ruling(
        rule, WORDS[phase], tone, _condition(rule, metric), _compared(rule, reading, unit, episode), does, until
    )


def _condition(rule: Rule, metric: Metric | None) -> str:
    """When it fires: "when the share of lost echoes is above 20 %, in 3 of 5 readings, for 5 min"."""
    said = [_limit(rule, metric)]
    if rule.window > 1:
        said.append(f"in {min(rule.times, rule.window)} of {rule.window} readings")
    if rule.hold:
        said.append(f"for {duration(rule.hold)}")
    return ", ".join(said)


def _limit(rule: Rule, metric: Metric | None) -> str:
    if rule.status is not None:
        return f"when {_STATUSES[rule.status]}"
    unit = metric.unit if metric is not None else ""
    word, limit = ("above", rule.above) if rule.above is not None else ("below", rule.below)
    than = "more" if rule.above is not None else "less"
    of = f"{rule.metric}, {rule.part}," if rule.part else rule.metric
    match rule.against:
        case Against.VALUE:
            return f"when {of} is {word} {amount(limit or 0, unit)}"
        case Against.USUAL:
            return f"when {of} is {word} {limit or 0:g} times what is usual at this hour"
        case Against.RATE:
            return f"when {of} changes by {than} than {amount(limit or 0, unit)} an hour"


def _compared(rule: Rule, reading: Reading | None, unit: str, episode: Episode | None) -> str:
    """The value that counts, and how far it is from the limit where the limit is about the value itself."""
    if reading is None:
        return "not measured yet"
    if rule.status is not None:
        return _STATUSES[reading.status]
    found = [one.value for one in reading.samples if one.metric == rule.metric and rule.part in ("", one.part)]
    found = [value for value in found if not math.isnan(value)]
    if not found:
        return "not in the newest reading"
    value = min(found) if rule.below is not None else max(found)
    limit = rule.above if rule.above is not None else rule.below
    if rule.against is not Against.VALUE or limit is None:
        return f"{amount(value, unit)} now"
    if episode is not None and episode.fired is not None and rule.clear is not None:
        limit = rule.clear
    beyond = value > limit if rule.above is not None else value < limit
    return f"{amount(value, unit)} now, {amount(abs(value - limit), unit)} {'beyond' if beyond else 'from'} the limit"


def _progress(rule: Rule, state: State) -> str:
    """What is still missing, or how it ends."""
    bad, episode = sum(state.recent), state.episode
    if episode is None:
        return f"{bad} of {rule.times} bad readings so far" if bad else ""
    return {
        Phase.PENDING: "fires if it stays so",
        Phase.FIRING: f"is over {duration(rule.keep)} after it is well again" if rule.keep else "",
        Phase.RECOVERING: "is over if it stays well",
    }.get(episode.phase, "")
