"""What rules make of recorded readings: the turns that their episodes would have taken."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from typing import NamedTuple

from alerting.against import Against, Usual
from alerting.rules import Episode, NoData, Rule, State, step
from monitor.recording import Pair, Stored, Summary, hour_of
from monitor.usual import Past, WallHour, wall_hours
from probes import Status


class Turned(NamedTuple):
    """An episode that changed its phase, and when the run had ended that showed it: never before the turn before."""

    at: datetime
    rule: Rule
    episode: Episode


def replay(rules: Sequence[Rule], found: Iterable[tuple[Stored, Summary]], past: Past) -> Iterator[Turned]:
    """The turns of a check's rules over its recordings, oldest first, in the order in which they happened.

    A recording in which a rule has nothing to find is not unpacked for it: that changes no result. The ids of episodes
    are made from check, rule and a number. Raises MalformedError.
    """
    states = [State() for _ in rules]
    last: datetime | None = None
    ids = [partial(_id, rule, count(1)) for rule in rules]
    for stored, summary in found:
        judged = enumerate(zip(rules, states, strict=True))
        due = [number for number, (rule, state) in judged if not _is_idle(rule, state, stored, summary, past)]
        if not due:
            continue
        metrics = {rules[number].metric for number in due}
        for reading, since in stored.recording().readings(metrics):
            for number in due:
                rule = rules[number]
                usual = _usual(rule, past, reading.at)
                states[number], turned = step(rule, states[number], reading, since, ids[number], usual)
                if turned is not None:
                    last = max(last or reading.at, reading.at + timedelta(seconds=reading.took))
                    yield Turned(last, rule, turned)


def _is_idle(rule: Rule, state: State, stored: Stored, summary: Summary, past: Past) -> bool:
    """Whether no reading of a recording can change what a rule remembers: it remembers nothing, and none is bad."""
    if state.episode is not None or state.recent:
        return False
    if rule.status is not None:
        return all(form.status is not rule.status for form in summary.forms)
    if rule.no_data is NoData.RAISE and (summary.holes or _lacks(rule, summary)):
        return False
    ranges = {pair: bounds for pair, bounds in summary.ranges.items() if _looks_at(rule, pair)}
    match rule.against:
        case Against.VALUE:
            return not any(_beyond(rule, bounds) for bounds in ranges.values())
        case Against.USUAL:
            hours = wall_hours(hour_of(stored.start), past.zone)
            return not any(_unusual(rule, ranges, past.usual(hour)) for hour in hours)
        case Against.RATE:
            return not ranges


def _lacks(rule: Rule, summary: Summary) -> bool:
    """Whether some readings have nothing that the rule could judge."""
    return any(
        form.status is not Status.UNKNOWN and not any(_looks_at(rule, pair) for pair in form.pairs)
        for form in summary.forms
    )


def _looks_at(rule: Rule, pair: Pair) -> bool:
    return pair[0] == rule.metric and rule.part in ("", pair[1])


def _unusual(rule: Rule, ranges: Mapping[Pair, tuple[float, float]], usual: Mapping[Pair, float]) -> bool:
    """Whether some value may be beyond the limit, held against what is usual."""
    known = ((bounds, usual[pair]) for pair, bounds in ranges.items() if usual.get(pair, 0) > 0)
    return any(_beyond(rule, (least / value, most / value)) for (least, most), value in known)


def _beyond(rule: Rule, bounds: tuple[float, float]) -> bool:
    """Whether the least or the greatest of some values may be beyond the limit; nobody knows of what is no number."""
    least, most = bounds
    if rule.above is not None:
        return not most <= rule.above
    return rule.below is None or not least >= rule.below


def _usual(rule: Rule, past: Past, at: datetime) -> Usual | None:
    if rule.against is not Against.USUAL:
        return None
    known = past.usual(WallHour.of(at, past.zone))
    return lambda metric, part: known.get((metric, part))


def _id(rule: Rule, numbers: Iterator[int]) -> str:
    return f"{rule.check}/{rule.id}/{next(numbers)}"
