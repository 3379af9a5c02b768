"""What each rule of a check says of the newest reading, and what it will do if things stay as they are."""

import math
from datetime import datetime
from typing import NamedTuple

from alerting.against import Against
from alerting.rules import Episode, Phase, Rule, Severity, State, severity_at
from incidents.messages import duration
from language import N_, figures, gettext, translated
from monitor.config.model import Check
from monitor.web.views import World
from monitor.web.words import amount
from probes import Metric, Reading, Status, load

WORDS = {
    None: N_("Clear"),
    Phase.PENDING: N_("Pending"),
    Phase.FIRING: N_("Fires"),
    Phase.RECOVERING: N_("Recovering"),
}
"""What a rule does now."""

_TONES = {None: "working", Phase.PENDING: "checking", Phase.FIRING: "degraded", Phase.RECOVERING: "checking"}
_STATUSES = {
    Status.UP: N_("it works"),
    Status.DOWN: N_("it is down"),
    Status.UNKNOWN: N_("it cannot be measured"),
}
_WHEN = {
    Status.UP: N_("when it works"),
    Status.DOWN: N_("when it is down"),
    Status.UNKNOWN: N_("when it cannot be measured"),
}
_LIMITS = {
    (Against.VALUE, "above"): N_("when {metric} is above {limit}"),
    (Against.VALUE, "below"): N_("when {metric} is below {limit}"),
    (Against.USUAL, "above"): N_("when {metric} is above {limit} times what is usual at this hour"),
    (Against.USUAL, "below"): N_("when {metric} is below {limit} times what is usual at this hour"),
    (Against.RATE, "above"): N_("when {metric} changes by more than {limit} an hour"),
    (Against.RATE, "below"): N_("when {metric} changes by less than {limit} an hour"),
}
_TELLS = {
    Severity.INFO: N_("only shown"),
    Severity.WARNING: N_("tells somebody: warning"),
    Severity.CRITICAL: N_("tells somebody: critical"),
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
    does = "; ".join(part for part in (translated(_TELLS[severity]), _progress(rule, state)) if part)
    until = episode.deadline if episode is not None else None
    when, now = _condition(rule, metric), _compared(rule, reading, unit, episode)
    return Ruling(rule, translated(WORDS[phase]), tone, when, now, does, until)


def _condition(rule: Rule, metric: Metric | None) -> str:
    """When it fires: "when the share of lost echoes is above 20 %, in 3 of 5 readings, for 5 min"."""
    said = [_limit(rule, metric)]
    if rule.window > 1:
        said.append(gettext("in {times} of {window} readings", times=min(rule.times, rule.window), window=rule.window))
    if rule.hold:
        said.append(gettext("for {duration}", duration=duration(rule.hold)))
    return ", ".join(said)


def _limit(rule: Rule, metric: Metric | None) -> str:
    if rule.status is not None:
        return translated(_WHEN[rule.status])
    unit = metric.unit if metric is not None else ""
    side, limit = ("above", rule.above) if rule.above is not None else ("below", rule.below)
    of = f"{rule.metric}, {rule.part}," if rule.part else rule.metric
    figure = figures(f"{limit or 0:g}") if rule.against is Against.USUAL else amount(limit or 0, unit)
    return gettext(_LIMITS[rule.against, side], metric=of, limit=figure)


def _compared(rule: Rule, reading: Reading | None, unit: str, episode: Episode | None) -> str:
    """The value that counts, and how far it is from the limit where the limit is about the value itself."""
    if reading is None:
        return gettext("not measured yet")
    if rule.status is not None:
        return translated(_STATUSES[reading.status])
    found = [one.value for one in reading.samples if one.metric == rule.metric and rule.part in ("", one.part)]
    found = [value for value in found if not math.isnan(value)]
    if not found:
        return gettext("not in the newest reading")
    value = min(found) if rule.below is not None else max(found)
    limit = rule.above if rule.above is not None else rule.below
    if rule.against is not Against.VALUE or limit is None:
        return gettext("{value} now", value=amount(value, unit))
    if episode is not None and episode.fired is not None and rule.clear is not None:
        limit = rule.clear
    beyond = value > limit if rule.above is not None else value < limit
    values = {"value": amount(value, unit), "distance": amount(abs(value - limit), unit)}
    if beyond:
        return gettext("{value} now, {distance} beyond the limit", **values)
    return gettext("{value} now, {distance} from the limit", **values)


def _progress(rule: Rule, state: State) -> str:
    """What is still missing, or how it ends."""
    bad, episode = sum(state.recent), state.episode
    if episode is None:
        return gettext("{bad} of {times} bad readings so far", bad=bad, times=rule.times) if bad else ""
    match episode.phase:
        case Phase.PENDING:
            return gettext("fires if it stays so")
        case Phase.FIRING if rule.keep:
            return gettext("is over {duration} after it is well again", duration=duration(rule.keep))
        case Phase.RECOVERING:
            return gettext("is over if it stays well")
        case _:
            return ""
