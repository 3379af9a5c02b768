"""When a reading matters: rules over readings, and the episodes that they open and close."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from probes import Reading, Status


class Severity(StrEnum):
    """How much it matters. Warning and critical open an incident and send messages; info is only shown."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for info, 1 for warning, 2 for critical."""
        return tuple(Severity).index(self)

    @property
    def pages(self) -> bool:
        """Whether somebody is told."""
        return self is not Severity.INFO


class NoData(StrEnum):
    """What a reading without the rule's metric means to the rule."""

    KEEP = "keep"
    CLEAR = "clear"
    RAISE = "raise"


class Phase(StrEnum):
    """Where an episode is: bad but not for long enough, firing, good but not for long enough, over."""

    PENDING = "pending"
    FIRING = "firing"
    RECOVERING = "recovering"
    RESOLVED = "resolved"


class Why(StrEnum):
    """Why an episode closed."""

    RECOVERED = "recovered"
    RULE_DELETED = "rule_deleted"


@dataclass(frozen=True, slots=True)
class Rule:
    """A condition on the readings of one check.

    With `status` the rule is true while readings have that status; otherwise `metric` is held against `above` or
    `below`, and against `clear` once it fires. It fires when `times` of the last `window` readings were bad and this
    has lasted `hold` seconds; it resolves when that has been false for `keep` seconds. `part` "" means the worst part.
    """

    check: str
    id: str
    says: str
    severity: Severity
    status: Status | None = None
    metric: str = ""
    part: str = ""
    above: float | None = None
    below: float | None = None
    clear: float | None = None
    hold: float = 0
    keep: float = 0
    times: int = 1
    window: int = 1
    no_data: NoData = NoData.KEEP


@dataclass(frozen=True, slots=True)
class Episode:
    """One stretch of time in which a rule was true: the unit that messages and incidents are keyed by.

    `deadline` is the absolute time at which PENDING turns to FIRING or RECOVERING to RESOLVED. `fired` is None for an
    episode that never got beyond PENDING. `value`, `reason` and `detail` come from the last reading that was bad.
    """

    id: str
    check: str
    rule: str
    severity: Severity
    phase: Phase
    opened: datetime
    last_true: datetime
    deadline: datetime | None = None
    fired: datetime | None = None
    closed: datetime | None = None
    why: Why | None = None
    value: float | None = None
    reason: str = ""
    detail: str = ""


class State(NamedTuple):
    """What a rule remembers between readings: its last verdicts from the first bad one on, newest last, and the
    episode that is open."""

    recent: tuple[bool, ...] = ()
    episode: Episode | None = None


class Step(NamedTuple):
    """What one reading did: the new state, and the episode as it is now if it changed its phase."""

    state: State
    turned: Episode | None = None


def step(rule: Rule, state: State, reading: Reading, since: datetime, new_id: Callable[[], str]) -> Step:
    """Judge one reading.

    `since` is when the condition began as far as this reading knows: the first failed attempt of a confirmed failure,
    else the reading's own time. A reading that tells nothing (UNKNOWN, metric missing) changes nothing.
    """
    verdict = _is_bad(rule, reading, firing=_fires(state.episode))
    if verdict is None:
        return Step(state)
    recent, episode = _remembered(rule, state, verdict), state.episode
    bad = sum(recent) >= min(rule.times, rule.window)
    if episode is None and not bad:
        return Step(state if recent == state.recent else State(recent))
    value = _worst(rule, reading)
    if episode is not None and verdict:
        episode = replace(episode, last_true=reading.at, value=value, reason=reading.reason, detail=reading.detail)
    if episode is None:
        episode = Episode(
            id=new_id(),
            check=rule.check,
            rule=rule.id,
            severity=rule.severity,
            phase=Phase.PENDING,
            opened=since,
            last_true=reading.at,
            deadline=since + timedelta(seconds=rule.hold),
            value=value,
            reason=reading.reason,
            detail=reading.detail,
        )
    turned = _turn(rule, episode, bad, reading.at)
    if turned is None:
        return Step(State(recent, episode), episode if state.episode is None else None)
    if turned.phase is not Phase.RESOLVED:
        return Step(State(recent, turned), turned)
    # While it fired, readings were held against `clear`: such verdicts are no evidence for another episode.
    return Step(State(recent if turned.fired is None else ()), turned)


def close(episode: Episode, why: Why, now: datetime) -> Episode:
    """The episode, ended at `now` for a reason other than a reading."""
    return replace(episode, phase=Phase.RESOLVED, closed=now, deadline=None, why=why)


def _remembered(rule: Rule, state: State, verdict: bool) -> tuple[bool, ...]:
    """The verdicts in the rule's window, from the first bad one on: while all is well there is nothing to keep."""
    verdicts = (*state.recent, verdict)[-rule.window :]
    return verdicts[verdicts.index(True) :] if True in verdicts else ()


def _fires(episode: Episode | None) -> bool:
    return episode is not None and episode.phase in (Phase.FIRING, Phase.RECOVERING)


def _turn(rule: Rule, episode: Episode, bad: bool, now: datetime) -> Episode | None:
    """The episode in its next phase, None if it stays in this one."""
    due = episode.deadline is not None and now >= episode.deadline
    match episode.phase, bad:
        case Phase.PENDING, True if due:
            return replace(episode, phase=Phase.FIRING, fired=now, deadline=None)
        case Phase.RECOVERING, True:
            return replace(episode, phase=Phase.FIRING, deadline=None)
        case Phase.FIRING, False if rule.keep:
            return replace(episode, phase=Phase.RECOVERING, deadline=now + timedelta(seconds=rule.keep))
        case Phase.PENDING | Phase.FIRING, False:
            return close(episode, Why.RECOVERED, now)
        case Phase.RECOVERING, False if due:
            return close(episode, Why.RECOVERED, now)
    return None


def _is_bad(rule: Rule, reading: Reading, firing: bool) -> bool | None:
    """Whether the reading is bad, None if it says nothing."""
    if reading.status is Status.UNKNOWN and rule.status is not Status.UNKNOWN:
        return None
    if rule.status is not None:
        return reading.status is rule.status
    value = _worst(rule, reading)
    if value is None:
        return {NoData.KEEP: None, NoData.CLEAR: False, NoData.RAISE: True}[rule.no_data]
    limit = rule.clear if firing and rule.clear is not None else None
    if rule.above is not None:
        return value > (rule.above if limit is None else limit)
    if rule.below is not None:
        return value < (rule.below if limit is None else limit)
    raise ValueError(f"rule {rule.id} of {rule.check} has neither status, above nor below")


def _worst(rule: Rule, reading: Reading) -> float | None:
    """The value that the rule looks at: of several parts the one nearest to trouble."""
    if not rule.metric:
        return None
    values = [
        sample.value
        for sample in reading.samples
        if sample.metric == rule.metric and rule.part in ("", sample.part) and not math.isnan(sample.value)
    ]
    if not values:
        return None
    return min(values) if rule.below is not None else max(values)
