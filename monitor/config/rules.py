"""The rules of a check: what every check has, what its kind proposes, and what the file changes about both."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from alerting.against import Against
from alerting.rules import Rule, Severity
from language import N_
from monitor.config.document import Place, printable
from monitor.config.file import RuleFile
from monitor.config.problems import Findings, did_you_mean
from probes import DefaultRule, Probe, Status

DOWN = Rule(
    check="",
    id="down",
    says=N_("is down"),
    severity=Severity.CRITICAL,
    closed=Severity.WARNING,
    status=Status.DOWN,
)
"""While the site is closed there is time to repair it before somebody needs it."""

BLIND = Rule(
    check="",
    id="blind",
    says=N_("cannot be checked: the monitor itself has a problem"),
    severity=Severity.WARNING,
    status=Status.UNKNOWN,
    hold=300,
)
"""What a run of UNKNOWN means: nothing about the asset, but nobody is watching it."""

_OF_METRICS = ("metric", "part", "against", "least_usual", "above", "below", "clear", "no_data")
"""Keys that mean nothing to a rule on a status."""

Changes = Mapping[str, RuleFile | None]
"""What the file says of rules by their id: a change, or None for `off`."""

_UNITS = {Against.VALUE: "", Against.USUAL: " times the usual", Against.RATE: " per hour"}


class Rules(NamedTuple):
    """The rules of a check by id. Those that are `off` are kept: a place nearer to the check may change them, and that
    switches them on again."""

    known: Mapping[str, Rule]
    off: frozenset[str] = frozenset()

    def of(self, check: str) -> tuple[Rule, ...]:
        """Those that are on, as the rules of that check."""
        return tuple(replace(rule, check=check) for id, rule in self.known.items() if id not in self.off)


BUILT_IN = Rules({DOWN.id: DOWN, BLIND.id: BLIND})
"""What every check has."""


def proposed(probe: type[Probe[Any]]) -> Rules:
    """The rules of a kind, before the file changes any of them; their `check` is still ""."""
    built_in = {**BUILT_IN.known, DOWN.id: replace(DOWN, says=probe.says, severity=Severity(probe.severity))}
    known = {**built_in, **{rule.id: _of_default(rule) for rule in probe.rules}}
    return Rules(known, frozenset({BLIND.id} if probe.passive else ()))


def only_shown(rules: Rules) -> Rules:
    """The rules of a check that another one of its asset speaks for: nobody is told by these, but for being blind."""
    known = {
        id: rule if id == BLIND.id else replace(rule, severity=Severity.INFO, closed=None)
        for id, rule in rules.known.items()
    }
    return rules._replace(known=known)


def changed(rules: Rules, changes: Changes, probe: type[Probe[Any]], place: Place, findings: Findings) -> Rules:
    """The rules after the changes that stand at a place of one kind; what makes no sense is noted."""
    for name in changes:
        if name not in rules.known and not _is_own(changes[name]):
            findings.add(place.at(name), _unknown(name, rules.known))
    return _changed(rules, changes, probe, place, findings)


def changed_where_known(
    rules: Rules, changes: Changes, probe: type[Probe[Any]], place: Place, findings: Findings
) -> Rules:
    """The rules after the changes that stand at a place of several kinds: each changes the kinds that have the rule.

    What a kind itself has off is not meant, and stays off.
    """
    without = rules.off & proposed(probe).off
    meant = {name: change for name, change in changes.items() if name in rules.known and name not in without}
    return _changed(rules, meant, probe, place, findings)


def verify_known(changes: Changes, known: Collection[str], place: Place, findings: Findings) -> None:
    """Note the changes, of those that stand at a place of several kinds, that none of these knows."""
    for name, change in changes.items():
        if name in known:
            continue
        if _is_own(change):
            remedy = "; a rule of your own stands at a check or in `defaults.kinds`"
        else:
            remedy = findings.did_you_mean(name, known) or f"; they have {', '.join(known)}"
        findings.add(place.at(name), f"none of the checks has a rule `{name}`{remedy}")


def _changed(rules: Rules, changes: Changes, probe: type[Probe[Any]], place: Place, findings: Findings) -> Rules:
    known, off = dict(rules.known), set(rules.off)
    for name, change in changes.items():
        here, old = place.at(name), rules.known.get(name)
        if change is None:
            off.add(name)
        elif old is not None or _is_own(change):
            off.discard(name)
            known[name] = _apply(old, name, change)
            for where, message in _problems(change, old, known[name], probe, here):
                findings.add(where, message)
    return Rules(known, frozenset(off))


def _is_own(change: RuleFile | None) -> bool:
    """Whether it is enough to be a rule by itself."""
    return change is not None and change.metric is not None


def _of_default(rule: DefaultRule) -> Rule:
    return Rule(
        check="",
        id=rule.id,
        says=rule.says,
        severity=Severity(rule.severity),
        closed=Severity(rule.closed) if rule.closed else None,
        metric=rule.metric,
        against=Against(rule.against),
        least_usual=rule.least_usual,
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
    elif old is not None and old.against is not new.against and change.above is None and change.below is None:
        yield place.at("against"), "gives the limit another meaning; say `above` or `below` as well"
    else:
        yield from _contradictions(new, place)


def _contradictions(rule: Rule, place: Place) -> Iterator[tuple[Place, str]]:
    if rule.times > rule.window:
        yield (
            place.at("times"),
            f"{rule.times} of {rule.window} readings cannot be bad; raise `window` or lower `times`",
        )
    if rule.closed is not None and rule.closed.rank > rule.severity.rank:
        yield place.at("closed"), f"must not be worse than the severity while the site is open, {rule.severity.value}"
    if rule.least_usual and rule.against is not Against.USUAL:
        yield place.at("least_usual"), "tells how much must be usual; it needs `against: usual`"
    if rule.against is Against.USUAL:
        yield from _contradictions_of_multiples(rule, place)
    if rule.clear is not None and rule.above is not None and rule.clear > rule.above:
        yield place.at("clear"), f"must not be above {rule.above:g}, where the rule fires"
    if rule.clear is not None and rule.below is not None and rule.clear < rule.below:
        yield place.at("clear"), f"must not be below {rule.below:g}, where the rule fires"


def _contradictions_of_multiples(rule: Rule, place: Place) -> Iterator[tuple[Place, str]]:
    if rule.above is not None and rule.above <= 1:
        yield place.at("above"), "is how many times as much as usual; it must be more than 1, like 3"
    if rule.below is not None and not 0 < rule.below < 1:
        yield place.at("below"), "is which part of the usual; it must be between 0 and 1, like 0.5"


def _apply(old: Rule | None, name: str, change: RuleFile) -> Rule:
    """The rule with what the change says, and with what still holds of the rest."""
    given = {key: value for key, value in change if value is not None}
    if "keep_firing_for" in given:
        given["keep"] = given.pop("keep_firing_for")
    base = old or Rule(check="", id=name, says="", severity=Severity.WARNING, metric=change.metric or "")
    if change.above is not None:
        given = _of_limit(base, change.against, "above", change.above) | given
    elif change.below is not None:
        given = _of_limit(base, change.against, "below", change.below) | given
    if "times" in given and "window" not in given:
        given["window"] = max(base.window, change.times or 1)
    if change.severity is not None and base.closed is not None and base.closed.rank > change.severity.rank:
        given = {"closed": None} | given
    return replace(base, **given)


def _of_limit(old: Rule, against: Against | None, side: str, limit: float) -> dict[str, Any]:
    """What a new limit on a side changes beside itself.

    The old sentence, which may name the old limit, stays where the new limit implies it; so does the old `clear`
    where it is still on the right side.
    """
    before = old.above if side == "above" else old.below
    against = against or old.against
    if against is not old.against:
        before = None
    least = old.least_usual if against is old.against else 0
    sign = 1 if side == "above" else -1  # of what is below, the lower is the worse
    implied = before is not None and sign * limit >= sign * before
    clear = old.clear if before is not None and old.clear is not None and sign * old.clear <= sign * limit else None
    says = old.says if implied else f"has {old.metric} {side} {limit:g}{_UNITS[against]}"
    return {"above": None, "below": None, "clear": clear, "says": says, "least_usual": least}


def _unknown(id: str, rules: Collection[str]) -> str:
    guess = did_you_mean(id, rules) or f"; it has {', '.join(rules)}"
    return f"this kind has no rule `{id}`, and one of your own needs `metric`{guess}"
