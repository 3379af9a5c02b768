"""When a reading matters: rules over readings, and the episodes that they open and close."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple, TypeVar

from alerting.against import Against, Usual, compared
from language import N_
from probes import Reading, Sample, Status

WAITING = "waiting"
"""The reason of an UNKNOWN that is nobody's fault: the target has to speak, and it is not time yet."""

T = TypeVar("T", float, tuple[float, float])


class Severity(StrEnum):
    """How much it matters. Warning and critical open an incident and send messages; info is only shown."""

    INFO = N_("info")
    WARNING = N_("warning")
    CRITICAL = N_("critical")

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
    """Why an episode closed. SOURCE_SILENT: the last reading lacked the metric, and the rule takes that for an end."""

    RECOVERED = "recovered"
    SOURCE_SILENT = "source_silent"
    RULE_DELETED = "rule_deleted"


class Lack(StrEnum):
    """What the newest reading fails to say about an open episode.

    ERROR: it is UNKNOWN, the monitor could not look. NO_DATA: there is nothing in it that the rule could judge.
    """

    NOTHING = ""
    NO_DATA = "no_data"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Rule:
    """A condition on the readings of one check.

    With `status` the rule is true while readings have that status; otherwise `metric` is held against `above` or
    `below`, and against `clear` once it fires; `against` says what of the metric, `least_usual` how much must be usual
    for a rule against that to say anything. It fires when `times` of the last `window` readings were bad and this has
    lasted `hold` seconds; it resolves when that has been false for `keep` seconds. `part` "" means the worst part.
    `closed` is the severity while the site is closed, None for the same.

    A rule that fires the `flaps`-th time within `calm` seconds is flapping (0: never): from then on its episode
    resolves only when the condition has been false for `calm` seconds. See `flapping_span` for rules that wait.
    """

    check: str
    id: str
    says: str
    severity: Severity
    closed: Severity | None = None
    status: Status | None = None
    metric: str = ""
    against: Against = Against.VALUE
    least_usual: float = 0
    part: str = ""
    above: float | None = None
    below: float | None = None
    clear: float | None = None
    hold: float = 0
    keep: float = 0
    times: int = 1
    window: int = 1
    no_data: NoData = NoData.KEEP
    flaps: int = 4
    calm: float = 600


@dataclass(frozen=True, slots=True)
class Episode:
    """One stretch of time in which a rule was true: the unit that messages and incidents are keyed by.

    `deadline` is the absolute time at which PENDING turns to FIRING or RECOVERING to RESOLVED. `fired` is None for an
    episode that never got beyond PENDING. `value`, `reason` and `detail` come from the last reading that was bad;
    `value` is as measured, whatever the rule holds it against. `severity` is the rule's own, for an open site; see
    `severity_at`.

    `turns` is 0 until it flaps, then how often the rule has fired since the flapping began to show. `lack_since` is
    the first of the readings that have told nothing in a row, None unless the newest one did.
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
    turns: int = 0
    lack: Lack = Lack.NOTHING
    lack_since: datetime | None = None


class State(NamedTuple):
    """What a rule remembers between readings.

    `recent` are its last verdicts from the first bad one on, newest last; `episode` is the one that is open; `fired`
    is when it fired lately, oldest first, as long as it is not flapping. `previous` is the last reading that had the
    metric, for rules against a rate: it is not stored, a restart costs such a rule one reading.
    """

    recent: tuple[bool, ...] = ()
    episode: Episode | None = None
    fired: tuple[datetime, ...] = ()
    previous: Reading | None = None


class Step(NamedTuple):
    """What one reading did: the new state, and the episode as it is now if it changed its phase.

    While a rule is flapping only the beginning (FIRING, `is_flapping`) and the end (RESOLVED) are turns. So within any
    stretch of `calm` seconds a rule's episodes that fire turn at most 4 * `flaps` + 3 times, however readings bounce.
    """

    state: State
    turned: Episode | None = None


class _Verdict(NamedTuple):
    """What one reading says: whether it is bad (None: nothing), what it lacks, and the value if that is bad."""

    bad: bool | None
    lack: Lack = Lack.NOTHING
    value: float | None = None


_GOOD, _BAD = _Verdict(False), _Verdict(True)
_ERROR, _SILENT = _Verdict(None, Lack.ERROR), _Verdict(None, Lack.NO_DATA)
_WITHOUT_METRIC = {
    NoData.KEEP: _SILENT,
    NoData.CLEAR: _Verdict(False, Lack.NO_DATA),
    NoData.RAISE: _Verdict(True, Lack.NO_DATA),
}


def step(
    rule: Rule,
    state: State,
    reading: Reading,
    since: datetime,
    new_id: Callable[[], str],
    usual: Usual | None = None,
) -> Step:
    """Judge one reading.

    `since` is when the condition began as far as this reading knows: the first failed attempt of a confirmed failure,
    else the reading's own time. A reading that tells nothing (UNKNOWN, metric missing) leaves an open episode as it
    is, but for its `lack`. That is no turn: it comes and goes with every reading. The state is the same object if
    nothing is to be remembered.
    """
    verdict = _judge(rule, state, reading, usual)
    if rule.against is Against.RATE:
        state = _with_previous(rule, state, reading)
    episode = state.episode
    if episode is None and not verdict.bad and (verdict.bad is None or not state.recent):
        return Step(state)
    now = reading.at if episode is None else _not_before(episode, reading.at)
    if verdict.bad is None:
        return Step(_with_episode(state, episode and _with_lack(episode, verdict.lack, now)))
    recent = _remembered(rule, state, verdict.bad)
    bad = sum(recent) >= min(rule.times, rule.window)
    state = state if recent == state.recent else state._replace(recent=recent)
    if episode is not None:
        return _go_on(rule, state, _seen(episode, verdict, reading, now), bad, now)
    if not bad:
        return Step(state)
    opened = _opened(rule, verdict, reading, since, new_id())
    begun = _go_on(rule, state, opened, bad, now)
    return begun if begun.turned is not None else Step(begun.state, opened)


def close(episode: Episode, why: Why, now: datetime) -> Episode:
    """The episode, ended at `now`, or when it was last heard of if a clock was set back since."""
    return replace(episode, phase=Phase.RESOLVED, closed=_not_before(episode, now), deadline=None, why=why)


def severity_at(rule: Rule, is_open: bool) -> Severity:
    """How much the rule matters while the site is open, or closed."""
    return rule.severity if is_open or rule.closed is None else rule.closed


def is_flapping(rule: Rule, episode: Episode) -> bool:
    """Whether the episode has bounced so often that it waits for calm, and does not turn until it is over."""
    return rule.flaps > 0 and episode.turns > 0


def flapping_span(rule: Rule) -> timedelta:
    """The time within which a rule that fires `flaps` times is flapping.

    That is `calm`, not counting what the rule itself waits before it fires again: one that holds for five minutes
    could not fire four times in ten.
    """
    return timedelta(seconds=rule.calm + (rule.flaps - 1) * (rule.hold + rule.keep))


def matters(before: State, after: State) -> bool:
    """Whether a change that was no turn is worth storing: whether a restart without it would decide otherwise."""
    return before.recent != after.recent or _course(before.episode) != _course(after.episode)


def _course(episode: Episode | None) -> tuple[object, ...]:
    """Of an episode, what decides over its future or how long it has been without data."""
    return () if episode is None else (episode.phase, episode.deadline, episode.turns, episode.lack)


def _opened(rule: Rule, verdict: _Verdict, reading: Reading, since: datetime, id: str) -> Episode:
    since = min(since, reading.at)
    return Episode(
        id=id,
        check=rule.check,
        rule=rule.id,
        severity=rule.severity,
        phase=Phase.PENDING,
        opened=since,
        last_true=reading.at,
        deadline=since + timedelta(seconds=rule.hold),
        value=verdict.value,
        reason=reading.reason,
        detail=reading.detail,
        lack=verdict.lack,
        lack_since=reading.at if verdict.lack else None,
    )


def _seen(episode: Episode, verdict: _Verdict, reading: Reading, now: datetime) -> Episode:
    """The episode after a reading that tells something."""
    episode = _with_lack(episode, verdict.lack, now)
    if not verdict.bad:
        return episode
    return replace(episode, last_true=now, value=verdict.value, reason=reading.reason, detail=reading.detail)


def _go_on(rule: Rule, state: State, episode: Episode, bad: bool, now: datetime) -> Step:
    """The open episode, taken on to its next phase if it is time."""
    turned = _turn(rule, episode, bad, now)
    if turned is None:
        return Step(_with_episode(state, episode))
    if turned.phase is Phase.RESOLVED:
        # While it fired, readings were held against `clear`: such verdicts are no evidence for another episode.
        recent = state.recent if turned.fired is None else ()
        return Step(state._replace(recent=recent, episode=None), turned)
    fired = state.fired
    if turned.phase is Phase.FIRING:
        turned, fired = _counted(rule, turned, fired, now)
    return Step(state._replace(episode=turned, fired=fired), None if is_flapping(rule, episode) else turned)


def _turn(rule: Rule, episode: Episode, bad: bool, now: datetime) -> Episode | None:
    """The episode in its next phase, None if it stays in this one."""
    due = episode.deadline is not None and now >= episode.deadline
    wait = max(rule.keep, rule.calm) if is_flapping(rule, episode) else rule.keep
    match episode.phase, bad:
        case Phase.PENDING, True if due:
            return replace(episode, phase=Phase.FIRING, fired=now, deadline=None)
        case Phase.RECOVERING, True:
            return replace(episode, phase=Phase.FIRING, deadline=None)
        case Phase.FIRING, False if wait:
            return replace(episode, phase=Phase.RECOVERING, deadline=now + timedelta(seconds=wait))
        case Phase.PENDING | Phase.FIRING, False:
            return close(episode, Why.SOURCE_SILENT if episode.lack else Why.RECOVERED, now)
        case Phase.RECOVERING, False if due:
            return close(episode, Why.SOURCE_SILENT if episode.lack else Why.RECOVERED, now)
    return None


def _counted(
    rule: Rule, episode: Episode, fired: tuple[datetime, ...], now: datetime
) -> tuple[Episode, tuple[datetime, ...]]:
    """An episode that fired just now, for the first time or again, and when the rule has fired lately."""
    if not rule.flaps:
        return episode, ()
    if episode.turns:
        return replace(episode, turns=episode.turns + 1), ()
    span = flapping_span(rule)
    fired = (*(at for at in fired if now - at < span), now)
    return (replace(episode, turns=len(fired)), ()) if len(fired) >= rule.flaps else (episode, fired)


def _remembered(rule: Rule, state: State, verdict: bool) -> tuple[bool, ...]:
    """The verdicts in the rule's window, from the first bad one on: while all is well there is nothing to keep."""
    verdicts = (*state.recent, verdict)[-rule.window :]
    return verdicts[verdicts.index(True) :] if True in verdicts else ()


def _with_episode(state: State, episode: Episode | None) -> State:
    return state if episode is state.episode else state._replace(episode=episode)


def _with_lack(episode: Episode, lack: Lack, now: datetime) -> Episode:
    if lack is episode.lack:
        return episode
    return replace(episode, lack=lack, lack_since=(episode.lack_since or now) if lack else None)


def _not_before(episode: Episode, at: datetime) -> datetime:
    """A time, or the newest that the episode knows if a clock was set back since: its times never go backwards."""
    return max(at, episode.last_true, episode.fired or at)


def _fires(episode: Episode | None) -> bool:
    return episode is not None and episode.phase in (Phase.FIRING, Phase.RECOVERING)


def _judge(rule: Rule, state: State, reading: Reading, usual: Usual | None) -> _Verdict:
    """What the reading says to the rule."""
    if rule.status is not None:
        if reading.status is rule.status:
            return _GOOD if reading.reason == WAITING else _BAD
        return _ERROR if reading.status is Status.UNKNOWN else _GOOD
    if reading.status is Status.UNKNOWN:
        return _ERROR
    samples = _samples(rule, reading)
    if not samples:
        return _WITHOUT_METRIC[rule.no_data]
    if rule.against is Against.VALUE:
        value = measure = _worst(rule, [sample.value for sample in samples])
    else:
        known = list(compared(rule.against, samples, reading, state.previous, usual, rule.least_usual))
        if not known:
            return _SILENT
        measure, value = _worst(rule, known)
    return _Verdict(True, Lack.NOTHING, value) if _is_beyond(rule, measure, _fires(state.episode)) else _GOOD


def _samples(rule: Rule, reading: Reading) -> list[Sample]:
    """The samples that the rule looks at; what is no number was not measured."""
    metric, part = rule.metric, rule.part
    return [
        sample
        for sample in reading.samples
        if sample.metric == metric and (not part or sample.part == part) and not math.isnan(sample.value)
    ]


def _worst(rule: Rule, found: Sequence[T]) -> T:
    """Of several parts the one nearest to trouble."""
    return min(found) if rule.below is not None else max(found)


def _is_beyond(rule: Rule, measure: float, firing: bool) -> bool:
    """Whether it is beyond the limit, or not yet back within `clear` while the rule fires."""
    clear = rule.clear if firing else None
    if rule.above is not None:
        return measure > (rule.above if clear is None else clear)
    if rule.below is not None:
        return measure < (rule.below if clear is None else clear)
    raise ValueError(f"rule {rule.id} of {rule.check} has neither status, above nor below")


def _with_previous(rule: Rule, state: State, reading: Reading) -> State:
    known = reading.status is not Status.UNKNOWN and bool(_samples(rule, reading))
    return state._replace(previous=reading) if known else state
