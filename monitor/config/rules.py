"""The rules of a check: what every check has, what its kind proposes, and what the file changes about both."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from alerting.rules import Rule, Severity
from monitor.config.document import Place, printable
from monitor.config.file import RuleFile
from monitor.config.problems import Findings, did_you_mean
from probes import DefaultRule, Probe, Status

DOWN = Rule(check="", id="down", says="is down", severity=Severity.CRITICAL, status=Status.DOWN)
BLIND = Rule(
    check="",
    id="blind",
    says="cannot be checked: the monitor itself has a problem",
    severity=Severity.WARNING,
    status=Status.UNKNOWN,
    hold=300,
)
"""What a run of UNKNOWN means: nothing about the asset, but nobody is watching it."""

_OF_METRICS = ("metric", "part", "above", "below", "clear", "no_data")
"""Keys that mean nothing to a rule on a status."""

Rules = Mapping[str, Rule]
Changes = Mapping[str, RuleFile | None]


def proposed(probe: type[Probe[Any]]) -> Rules:
    """The rules of a kind by id, before the file changes any of them; their `check` is still ""."""
    return {DOWN.id: DOWN, BLIND.id: BLIND} | {rule.id: _of_default(rule) for rule in probe.rules}


def changed(rules: Rules, changes: Changes, probe: type[Probe[Any]], place: Place, findings: Findings) -> Rules:
    """The rules after the changes that stand at a place; what makes no sense is noted."""
    result = dict(rules)
    for name, change in changes.items():
        here, old = place.at(name), rules.get(name)
        if old is None and (change is None or change.metric is None):
            findings.add(here, _unknown(name, rules))
        elif change is None:
            del result[name]
        else:
            result[name] = _apply(old, name, change)
            for where, message in _problems(change, old, result[name], probe, here):
                findings.add(where, message)
    return result


def _of_default(rule: DefaultRule) -> Rule:
    return Rule(
        check="",
        id=rule.id,
        says=rule.says,
        severity=Severity(rule.severity),
        metric=rule.metric,
        part=rule.part,
        above=rule.above,
        below=rule.below,
        clear=rule.clear,
        hold=rule.hold,
        times=rule.times,
        window=rule.window,
    )


def _problems(
    change: RuleFile, old: Rule | None, new: Rule, probe: type[Probe[Any]], place: Place
) -> Iterator[tuple[Place, str]]:
    """What is wrong with a change from the old rule to the new one, and where."""
    metrics = [metric.name for metric in probe.metrics]
    if old is not None and old.status is not None:
        for key in sorted(change.model_fields_set.intersection(_OF_METRICS)):
            yield place.at(key), f"the rule `{old.id}` looks at the status of the check; remove `{key}`"
    elif change.above is not None and change.below is not None:
        yield place.at("below"), "a rule has `above` or `below`, not both; make two rules"
    elif change.metric is not None and change.metric not in metrics:
        guess = did_you_mean(change.metric, metrics) or f"; it measures {', '.join(metrics) or 'none'}"
        yield place.at("metric"), f"this kind has no metric `{printable(change.metric)}`{guess}"
    elif old is not None and change.metric not in (None, old.metric):
        yield place.at("metric"), f"the rule `{old.id}` looks at `{old.metric}`; give a rule of your own another name"
    elif old is None and change.above is None and change.below is None:
        yield place, "a rule of your own needs `above` or `below`"
    else:
        yield from _contradictions(new, place)


def _contradictions(rule: Rule, place: Place) -> Iterator[tuple[Place, str]]:
    if rule.times > rule.window:
        yield (
            place.at("times"),
            f"{rule.times} of {rule.window} readings cannot be bad; raise `window` or lower `times`",
        )
    if rule.clear is None:
        return
    if rule.above is not None and rule.clear > rule.above:
        yield place.at("clear"), f"must not be above {rule.above:g}, where the rule fires"
    if rule.below is not None and rule.clear < rule.below:
        yield place.at("clear"), f"must not be below {rule.below:g}, where the rule fires"


def _apply(old: Rule | None, name: str, change: RuleFile) -> Rule:
    """The rule with what the change says, and with what still holds of the rest."""
    given = {key: value for key, value in change if value is not None}
    if "keep_firing_for" in given:
        given["keep"] = given.pop("keep_firing_for")
    base = old or Rule(check="", id=name, says="", severity=Severity.WARNING, metric=change.metric or "")
    if change.above is not None:
        given = _of_limit(base, "above", change.above, base.above, 1) | given
    elif change.below is not None:
        given = _of_limit(base, "below", change.below, base.below, -1) | given
    if "times" in given and "window" not in given:
        given["window"] = max(base.window, change.times or 1)
    return replace(base, **given)


def _of_limit(old: Rule, side: str, limit: float, before: float | None, sign: int) -> dict[str, Any]:
    """What a new limit changes beside itself; with `sign` -1 a lower value is the worse one.

    The old sentence, which may name the old limit, stays where the new limit implies it; so does the old `clear`
    where it is still on the right side.
    """
    implied = before is not None and sign * limit >= sign * before
    clear = old.clear if before is not None and old.clear is not None and sign * old.clear <= sign * limit else None
    says = old.says if implied else f"has {old.metric} {side} {limit:g}"
    return {"above": None, "below": None, "clear": clear, "says": says}


def _unknown(id: str, rules: Rules) -> str:
    guess = did_you_mean(id, rules) or f"; it has {', '.join(rules)}"
    return f"this kind has no rule `{id}`, and one of your own needs `metric`{guess}"
