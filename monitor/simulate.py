"""Replays what was recorded against other rules, and says what they would have done."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from alerting.rules import Rule
from monitor.config.model import Config
from monitor.outcome import Outcome, Raised, missed, respond
from monitor.recording import MalformedError, Stored, Summary, hour_of
from monitor.replay import Turned, replay
from monitor.store import Store, outbox, recordings
from monitor.usual import BACK, Past, usual_metrics, wall_hours

Found = tuple[Stored, Summary]


class Limits(NamedTuple):
    """What could not be judged as it would have been.

    `since` is the first recorded hour, None if nothing was recorded. Of the checks in `unrecorded` there is nothing, of
    those in `cut` not every value; `damaged` says what was left out. `usual` is, by check with a rule against it, since
    when it is known what was usual, None for never.
    """

    since: datetime | None
    unrecorded: tuple[str, ...]
    cut: tuple[str, ...]
    damaged: tuple[str, ...]
    usual: Mapping[str, datetime | None]


class Simulation(NamedTuple):
    """What the current rules and the edited ones would have done from `start` to `end`, and how they differ.

    Without edited rules `edited` is None. `sent` is how many first messages were really sent, about how many incidents.
    """

    start: datetime
    end: datetime
    current: Outcome
    edited: Outcome | None
    missed: tuple[Raised, ...]
    new: tuple[Raised, ...]
    limits: Limits
    sent: tuple[int, int]


async def simulate(
    store: Store,
    current: Config,
    edited: Config | None,
    start: datetime,
    end: datetime,
    progress: Callable[[int, int], None],
) -> Simulation:
    """Judge everything that was recorded from `start` to `end` by both configurations.

    The time begins with an hour of UTC. `progress` is called with how many checks are done, and of how many. Raises
    StoreError.
    """
    start = hour_of(start)
    replays = _Replays([current] if edited is None else [current, edited], start, end)
    for number, check in enumerate(replays.checks):
        progress(number, len(replays.checks))
        # A transaction for each: one that lasts as long as all of this would be a burden to the running service.
        async with store.connect() as conn:
            found = await recordings.between(conn, check, replays.since(check), end)
        replays.take(check, found)
    async with store.connect() as conn:
        sent = await outbox.begun(conn, start, end)
    was = replays.outcome(current)
    if edited is None:
        return Simulation(start, end, was, None, (), (), replays.limits, sent)
    would = replays.outcome(edited)
    return Simulation(start, end, was, would, missed(was, would, end), missed(would, was, end), replays.limits, sent)


class _Replays:
    """The turns of all rules of some configurations; a rule that is the same in several is replayed once."""

    def __init__(self, configs: Iterable[Config], start: datetime, end: datetime) -> None:
        self._start = start
        self._end = end
        self._rules: dict[str, dict[ZoneInfo, dict[Rule, None]]] = {}
        for config in configs:
            for check in config.checks:
                zones = self._rules.setdefault(check.id, {})
                zones.setdefault(config.site.hours.zone, {}).update(dict.fromkeys(check.rules))
        self._turned: dict[tuple[ZoneInfo, Rule], list[Turned]] = {}
        self._since: datetime | None = None
        self._unrecorded: list[str] = []
        self._cut: list[str] = []
        self._damaged: list[str] = []
        self._usual: dict[str, datetime | None] = {}

    @property
    def checks(self) -> tuple[str, ...]:
        """The checks of all configurations."""
        return tuple(self._rules)

    @property
    def limits(self) -> Limits:
        """What could not be judged as it would have been."""
        return Limits(self._since, tuple(self._unrecorded), tuple(self._cut), tuple(self._damaged), self._usual)

    def since(self, check: str) -> datetime:
        """From when on recordings of a check are needed: weeks before the start for what is usual."""
        return self._start - BACK if self._metrics(check) else self._start

    def take(self, check: str, stored: Iterable[Stored]) -> None:
        """Replay a check's rules."""
        found = self._intact(stored)
        inside = [one for one in found if one[0].start >= self._start]
        if not inside:
            self._unrecorded.append(check)
            return
        begins = hour_of(inside[0][0].start)
        self._since = min(self._since or begins, begins)
        if any(summary.cut for _, summary in inside):
            self._cut.append(check)
        for zone, rules in self._rules[check].items():
            past = self._past(check, zone, found)
            if self._metrics(check):
                self._usual[check] = _known_since(inside, past)
            for turned in replay(tuple(rules), inside, past):
                self._turned.setdefault((zone, turned.rule), []).append(turned)

    def outcome(self, config: Config) -> Outcome:
        """What a configuration would have done."""
        zone = config.site.hours.zone
        rules = (rule for check in config.checks for rule in check.rules)
        turned = (one for rule in rules for one in self._turned.get((zone, rule), ()))
        return respond(config, turned, self._start, self._end)

    def _metrics(self, check: str) -> frozenset[str]:
        return usual_metrics(rule for rules in self._rules[check].values() for rule in rules)

    def _intact(self, stored: Iterable[Stored]) -> list[Found]:
        found = []
        for one in stored:
            try:
                found.append((one, one.summary()))
            except MalformedError as error:
                self._damaged.append(str(error))
        return found

    def _past(self, check: str, zone: ZoneInfo, found: Iterable[Found]) -> Past:
        metrics = self._metrics(check)
        past = Past(metrics, zone)
        for stored, _ in found if metrics else ():
            past.add(stored.recording())
        return past


def _known_since(found: Iterable[Found], past: Past) -> datetime | None:
    hours = (hour_of(stored.start) for stored, _ in found)
    return next((hour for hour in hours if any(past.usual(wall) for wall in wall_hours(hour, past.zone))), None)
