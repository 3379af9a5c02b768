"""What would have followed from other rules: who would have been told how often, and what nobody had heard of."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import NamedTuple

from alerting.rules import Episode, Phase, Rule, Severity, severity_at
from alerting.verdicts import Decision, Verdict
from incidents.grouping import depth
from incidents.impact import member_minutes
from incidents.incident import Incident, deadlines
from monitor.config.model import Asset, Check, Config
from monitor.replay import Turned
from monitor.response import Known, Response, Turn

_TELLING = (Verdict.TOLD, Verdict.RELEASED, Verdict.ESCALATED)
_SECOND = timedelta(seconds=1)
_MICROSECOND = timedelta(microseconds=1)


class Raised(NamedTuple):
    """An incident that would have been: `rule` (check and id) is what began it, `assets` everything it was about.

    `ended` is None if it was not over at the end of the time looked at; `open` is for how many of its seconds up to
    then the site was open, `minutes` are member-minutes. `pages`: somebody would have been told.
    """

    title: str
    asset: str
    rule: tuple[str, str]
    opened: datetime
    ended: datetime | None
    open: float
    minutes: float
    assets: frozenset[str]
    pages: bool


class Outcome(NamedTuple):
    """What one configuration would have done; `messages` counts by route, without reminders and ends."""

    incidents: tuple[Raised, ...]
    messages: Mapping[str, int]

    @property
    def pages(self) -> int:
        """How many incidents somebody would have been told of."""
        return sum(one.pages for one in self.incidents)

    @property
    def noisy(self) -> tuple[tuple[str, str, int], ...]:
        """Check, rule, and how many pages they began; most first."""
        often = Counter(one.rule for one in self.incidents if one.pages)
        return tuple((*rule, number) for rule, number in sorted(often.items(), key=lambda one: (-one[1], one[0])))


def respond(config: Config, turned: Iterable[Turned], start: datetime, end: datetime) -> Outcome:
    """What would have followed from the turns of a configuration's rules, had nobody acknowledged or silenced anything.

    Opening hours, dependencies, quiet hours, maintenance, steps and who is on call are as that configuration says.
    """
    desk = _Desk(config, start, end)
    needs = {asset.id: asset.depends_on for asset in config.assets}
    places = {check.id: (asset, check) for asset in config.assets for check in asset.checks}
    # What others depend on goes first: so it does when it happens, as it is asked again before they count as down.
    depths = {asset.id: depth(asset.id, needs) for asset in config.assets}
    for one in sorted(turned, key=lambda one: (one.at, depths[places[one.rule.check][0].id], one.rule.check)):
        desk.wait(one.at)
        desk.take(one, *places[one.rule.check])
    desk.wait(end)
    return desk.outcome(end)


def missed(before: Outcome, after: Outcome, end: datetime) -> tuple[Raised, ...]:
    """What the one would have raised at a cost to somebody and the other not; the dearest first.

    An incident is raised by the other if there is one about the same asset at the same time, and somebody hears of it.
    """
    costly = (one for one in before.incidents if one.open > 0)
    lost = [one for one in costly if not any(_covers(other, one, end) for other in after.incidents)]
    return tuple(sorted(lost, key=lambda one: (-one.minutes, -one.open, one.opened, one.asset)))


class _Desk:
    """A configuration on a virtual clock, whose plans are carried out at once."""

    def __init__(self, config: Config, start: datetime, end: datetime) -> None:
        self._now = start
        self._known = Known(config)
        self._ids = (f"{number:026d}" for number in count(1))
        self._opens = _Opens(config, start, end)
        self._moved = False
        self._severities: dict[str, Severity] = {}
        self._turns: dict[str, Turn] = {}
        self._began: dict[str, Turn] = {}
        self._assets: dict[str, set[str]] = {}
        self._log: dict[str, Incident] = {}
        self._told: Counter[str] = Counter()
        self._paged: set[str] = set()

    def take(self, turned: Turned, asset: Asset, check: Check) -> None:
        """Do what follows from a turn, now."""
        episode = self._judged(turned.rule, turned.episode)
        turn = self._turns[episode.id] = Turn(asset, turned.rule, episode, check.kind)
        plan = self._plan()
        plan.take(turn)
        self._carry_out(plan)

    def wait(self, until: datetime) -> None:
        """Do everything that time makes due up to then."""
        while (due := self._due()) is not None and due <= until:
            self._now = due
            plan = self._plan()
            plan.tick(gates_changed=False, opens=self._opens.at(due))
            self._carry_out(plan)
        self._now = max(self._now, until)

    def outcome(self, end: datetime) -> Outcome:
        """Everything that happened."""
        return Outcome(tuple(self._raised(one, end) for one in self._log.values()), self._told)

    def _judged(self, rule: Rule, episode: Episode) -> Episode:
        """The episode with the severity that it had when it began to fire."""
        if episode.phase is Phase.FIRING and episode.id not in self._severities:
            at = episode.fired or episode.opened
            self._severities[episode.id] = severity_at(rule, self._opens.counts_as_open(at))
        return replace(episode, severity=self._severities.get(episode.id, episode.severity))

    def _plan(self) -> Response:
        return Response(self._known, self._now, self._ids.__next__)

    def _carry_out(self, plan: Response) -> None:
        for episode, incident in plan.episodes.items():
            turn = self._turns[episode]
            self._began.setdefault(incident, turn)
            self._assets.setdefault(incident, set()).add(turn.asset.id)
        self._count(plan.decisions)
        self._moved = bool(plan.incidents)
        self._log |= plan.incidents
        self._known = plan.known

    def _count(self, decisions: Iterable[Decision]) -> None:
        for one in decisions:
            if one.verdict in _TELLING:
                self._told[one.route] += 1
                self._paged.add(one.incident)

    def _due(self) -> datetime | None:
        """When time alone makes something due next; what is overdue already, a second from now."""
        live = self._known.incidents.values()
        times = [at for one in live for at in deadlines(one)]
        times += [one.hold.until for incident in live for one in incident.waiting if one.hold.until is not None]
        later = self._now + _SECOND
        due = [max(at, later) for at in times if at > self._now or self._moved]
        opens = self._opens.after(self._now)
        return min((*due, opens) if opens is not None else due, default=None)

    def _raised(self, incident: Incident, end: datetime) -> Raised:
        config, began = self._known.config, self._began[incident.id]
        hours, until = config.site.hours, incident.resolved or end
        return Raised(
            title=incident.title,
            asset=incident.asset,
            rule=(began.rule.check, began.rule.id),
            opened=incident.opened,
            ended=incident.resolved,
            open=hours.open_seconds(incident.opened, until),
            minutes=member_minutes(incident.opened, until, hours, began.asset.people),
            assets=frozenset(self._assets[incident.id]),
            pages=incident.id in self._paged,
        )


class _Opens:
    """When faults begin to matter as in opening hours, between two instants."""

    def __init__(self, config: Config, start: datetime, end: datetime) -> None:
        self._hours = config.site.hours
        self._lead = config.alerting.lead
        lead = timedelta(seconds=self._lead)
        begins = (begin - lead for begin, _ in self._hours.stretches(start + lead, end + lead))
        self._times = [at for at in begins if not self.counts_as_open(at - _MICROSECOND)]

    def counts_as_open(self, at: datetime) -> bool:
        """Whether they matter so then."""
        return self._hours.counts_as_open(at, self._lead)

    def at(self, at: datetime) -> bool:
        """Whether they begin to at that instant."""
        return at in self._times

    def after(self, at: datetime) -> datetime | None:
        """When they begin to next, None if they do not in the time looked at."""
        place = bisect_right(self._times, at)
        return self._times[place] if place < len(self._times) else None


def _covers(other: Raised, one: Raised, end: datetime) -> bool:
    at_the_time = other.opened <= (one.ended or end) and one.opened <= (other.ended or end)
    return at_the_time and one.asset in other.assets and other.pages >= one.pages
