"""What follows from a turn of a rule, from time and from a person's decision: a plan, before anything is written."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property, partial
from typing import NamedTuple

from alerting.channels import Key, NoticeKind
from alerting.gates import Hold, Silence, Subject, hold
from alerting.oncall import Override, reached
from alerting.routes import Route
from alerting.rules import Episode, Phase, Rule, Severity, is_flapping, severity_at
from alerting.verdicts import Decision, Verdict
from incidents import lifecycle, messages, telling
from incidents.grouping import Needs, cause, depth
from incidents.incident import US, Call, Change, EntryKind, Incident, Origin, Ruling, deadlines
from incidents.lifecycle import Report
from incidents.merging import merge
from language import gettext
from monitor.config.model import Asset, Config
from monitor.subjects import subject
from probes import Status


class Turn(NamedTuple):
    """An episode that changed its phase, with the asset, the rule and the kind of check that it is of."""

    asset: Asset
    rule: Rule
    episode: Episode
    kind: str


@dataclass(frozen=True, slots=True)
class Known:
    """What is known when something happens: replaced as a whole, never changed.

    `incidents` holds those that can still change by id, also those that may come back because they ended just now;
    `firing` the newest turn of every episode that fires by its id; `ended` the incident that a fault of a rule had, by
    check and rule, for as long as it is among them.
    """

    config: Config
    incidents: Mapping[str, Incident] = field(default_factory=dict)
    firing: Mapping[str, Turn] = field(default_factory=dict)
    ended: Mapping[tuple[str, str], str] = field(default_factory=dict)
    silences: tuple[Silence, ...] = ()
    overrides: tuple[Override, ...] = ()


def involved(known: Known) -> dict[str, str]:
    """The live incident of every check that has one, by the check's id."""
    live = ((incident, known.firing.get(id)) for incident in known.incidents.values() for id in incident.firing)
    return {turn.rule.check: incident.id for incident, turn in live if turn is not None and incident.stage.live}


class Notice(NamedTuple):
    """A message that is due about an incident: at once, or at `due`."""

    key: Key
    incident: str
    due: datetime | None = None


class Response:
    """Collects what follows, in memory: nothing has happened until its plan is written.

    `incidents` holds those that are not as `known` has them, `notices` the messages that are due, `decisions` why, and
    `episodes` the incident that each episode belongs to.
    """

    def __init__(self, known: Known, now: datetime, new_id: Callable[[], str]) -> None:
        self._known = known
        self._now = now
        self._new_id = new_id
        self.firing = dict(known.firing)
        self.incidents: dict[str, Incident] = {}
        self.notices: list[Notice] = []
        self.decisions: list[Decision] = []
        self.episodes: dict[str, str] = {}
        self._ended = dict(known.ended)

    @property
    def known(self) -> Known:
        """What is known once the plan is written."""
        incidents = {**self._known.incidents, **self.incidents}
        kept = {id: one for id, one in incidents.items() if one.watched or self._may_return(one)}
        ended = {key: id for key, id in self._ended.items() if id in kept}
        return replace(self._known, incidents=kept, firing=self.firing, ended=ended)

    def take(self, turn: Turn) -> None:
        """Open, extend or end the incident that an episode belongs to; one that is nobody's business has none."""
        episode = turn.episode
        if episode.fired is None or not episode.severity.pages:
            return
        holder = self._holders.get(episode.id)
        if holder is not None:
            self.episodes[episode.id] = holder
        if episode.phase is Phase.RESOLVED:
            self._end(turn, holder)
        elif episode.phase is Phase.FIRING:
            self.firing[episode.id] = turn
            if holder is None:
                self._assign(turn)
            elif is_flapping(turn.rule, episode):
                line = partial(lifecycle.note, text=_says(turn), who=US, now=self._now, kind=EntryKind.TURN)
                self._apply(line(self._incident(holder)), turn)
            if turn.rule.status is Status.DOWN:
                self._dead[turn.asset.id] = episode.id

    def tick(self, *, gates_changed: bool, opens: bool) -> None:
        """Do what time alone makes due. `gates_changed`: look at all gates again; `opens`: the site has just opened."""
        for id, incident in self._known.incidents.items():
            if opens and incident.stage.live:
                self._worsen(incident)
            if incident.waiting and (gates_changed or self._a_gate_is_due(incident)):
                self._apply_to(id, self._release)
            if any(at <= self._now for at in deadlines(incident)):
                for due in (self._settle, self._lapse, self._recheck, self._climb, self._remind):
                    self._apply_to(id, due)

    def decide(self, incident: Incident, change: Callable[[Incident], Change]) -> Incident:
        """Apply a person's decision to an incident, as it is stored or newer; as it is then."""
        newest = self.incidents.get(incident.id) or self._known.incidents.get(incident.id) or incident
        self._apply(change(newest), self._origin(newest))
        return self.incidents.get(incident.id, newest)

    def report(self, report: Report, *, tells: bool) -> Incident:
        """Open the incident that a person reports; the routes hear of it if it `tells`."""
        calls = self._calls(self._reported(report.asset, report.severity)) if tells else ()
        self._apply(lifecycle.reported(report, self._now, calls), None)
        return self.incidents[report.id]

    def merge(self, incident: Incident, into: Incident, who: str) -> Incident:
        """Make one of two, as they are stored or newer; the one that tells of both."""
        one, other = (self._known.incidents.get(each.id, each) for each in (incident, into))
        merged = merge(one, other, who, self._now)
        self._apply(merged.kept, self._origin(other))
        self._apply(merged.gone, self._origin(one))
        self._holders.update(dict.fromkeys(merged.kept.incident.firing, other.id))
        return merged.kept.incident

    def _end(self, turn: Turn, holder: str | None) -> None:
        """Tell the incident that has it, if any, that an episode is over."""
        self.firing.pop(turn.episode.id, None)
        if self._dead.get(turn.asset.id) == turn.episode.id:
            del self._dead[turn.asset.id]
        if holder is None:
            return
        self._apply(lifecycle.step(self._incident(holder), turn.episode, _says(turn), ()), turn)
        if self._incident(holder).asset == turn.asset.id:
            self._ended[turn.rule.check, turn.rule.id] = holder

    def _assign(self, turn: Turn) -> None:
        """Find the incident that explains a new fault, or one that it goes on with, or open one."""
        explains = self._explains(turn.asset)
        says, calls = _says(turn), self._calls(self._subject(turn, turn.episode.severity))
        before = self._before(turn.rule) if explains is None else None
        if before is not None:
            change = lifecycle.returned(before, turn.episode, says, calls)
        elif explains is None:
            title = messages.title(turn.asset.name, turn.rule)
            change = lifecycle.opened(self._new_id(), turn.asset.id, title, turn.episode, says, calls)
        else:
            joins = explains.asset != turn.asset.id
            change = lifecycle.step(explains, turn.episode, says, calls, joins=joins)
        self._holders[turn.episode.id] = self.episodes[turn.episode.id] = change.incident.id
        self._apply(change, turn)
        self._refuse(turn, calls, change.incident.id)

    def _explains(self, asset: Asset) -> Incident | None:
        """The live incident of the asset itself, or of what it depends on and does not work."""
        own = self._of_asset.get(asset.id)
        if own is not None and self._incident(own).stage.live:
            return self._incident(own)
        reason = cause(asset.id, self._needs, self._dead)
        holder = self._holders.get(self._dead[reason]) if reason is not None else None
        found = self._incident(holder) if holder is not None else None
        return found if found is not None and found.stage.live else None

    def _before(self, rule: Rule) -> Incident | None:
        """The incident of the same fault, if it ended so lately that this one is its second half."""
        id = self._ended.get((rule.check, rule.id))
        found = self.incidents.get(id) or self._known.incidents.get(id) if id is not None else None
        return found if found is not None and self._may_return(found) else None

    def _may_return(self, incident: Incident) -> bool:
        if incident.resolved is None or incident.merged_into is not None:
            return False
        return (self._now - incident.resolved).total_seconds() <= self._known.config.alerting.reopen

    def _calls(self, about: Subject) -> tuple[Call, ...]:
        """Every route that wants to hear of it, with whom its first step reaches now or what holds it back."""
        wanting = (one for one in self._known.config.routes if one.wants(about.severity, about.section, about.asset))
        return tuple(self._call(route, 0, about) for route in wanting)

    def _call(self, route: Route, step: int, about: Subject) -> Call:
        held = self._held(route, about)
        if held is not None:
            return Call(route, hold=held)
        names, directory = route.steps[step].to, self._known.config.directory
        return Call(route, reached(names, directory, self._known.overrides, about.severity, self._now))

    def _held(self, route: Route, about: Subject) -> Hold | None:
        config = self._known.config
        return hold(about, self._known.silences, config.maintenances, route.quiet, self._now, config.site.hours.zone)

    def _subject(self, turn: Turn, severity: Severity) -> Subject:
        return subject(self._known.config, turn.asset, turn.kind, turn.rule, severity)

    def _reported(self, asset: str, severity: Severity) -> Subject:
        """What a message is about that no check has led to."""
        config, found = self._known.config, self._known.config.asset(asset)
        section, tags = (found.section, found.tags) if found is not None else ("", frozenset[str]())
        return Subject(config.site.id, section, asset, "", "", "", severity, tags)

    def _about(self, incident: Incident) -> Subject | None:
        """What a message about an incident is about now: its worst episode that fires, or what was reported."""
        origin = self._origin(incident)
        if origin is None and incident.origin is Origin.REPORTED:
            return self._reported(incident.asset, incident.severity)
        return self._subject(origin, incident.severity) if origin is not None else None

    def _worsen(self, incident: Incident) -> None:
        """Severities that were lower while the site was closed rise when it opens."""
        turns = [self.firing[id] for id in incident.firing - incident.joined if id in self.firing]
        risen = max(turns, key=lambda one: severity_at(one.rule, is_open=True).rank, default=None)
        severity = severity_at(risen.rule, is_open=True) if risen is not None else incident.severity
        if risen is None or severity.rank <= incident.severity.rank:
            return
        says = gettext("{title}: still, and the space opens soon.", title=incident.title)
        calls = self._calls(self._subject(risen, severity))
        self._apply(lifecycle.worsen(incident, risen.episode.id, severity, says, calls, self._now), risen)

    def _release(self, incident: Incident) -> Change:
        about = self._about(incident)
        if about is None:
            return Change(incident)
        routes = {route.id: route for route in self._known.config.routes}
        waiting = [routes[one.route] for one in incident.waiting if one.route in routes]
        return telling.release(incident, [self._call(route, 0, about) for route in waiting], self._now)

    def _settle(self, incident: Incident) -> Change:
        return lifecycle.settle(incident, self._now)

    def _lapse(self, incident: Incident) -> Change:
        return lifecycle.lapse(incident, self._now)

    def _recheck(self, incident: Incident) -> Change:
        return lifecycle.recheck(incident, self._now)

    def _climb(self, incident: Incident) -> Change:
        about = self._about(incident)
        routes = {route.id: route for route in self._known.config.routes}
        calls = {
            ladder.route: self._call(routes[ladder.route], ladder.step + 1, about)
            for ladder in incident.ladders
            if about is not None and ladder.route in routes and ladder.step + 1 < len(routes[ladder.route].steps)
        }
        return telling.climb(incident, calls, self._now)

    def _remind(self, incident: Incident) -> Change:
        about = self._about(incident)
        told = {one.route for one in incident.told}
        routes = [route for route in self._known.config.routes if route.id in told]
        held = {route.id: self._held(route, about) for route in routes} if about is not None else {}
        return telling.remind(incident, {id: one for id, one in held.items() if one is not None}, self._now)

    def _a_gate_is_due(self, incident: Incident) -> bool:
        return any(one.hold.until is None or one.hold.until <= self._now for one in incident.waiting)

    def _apply_to(self, id: str, change: Callable[[Incident], Change]) -> None:
        incident = self._incident(id)
        self._apply(change(incident), self._origin(incident))

    def _apply(self, change: Change, origin: Turn | None) -> None:
        """Take a change into the plan."""
        incident = change.incident
        known = self._known.incidents.get(incident.id)
        if incident != self.incidents.get(incident.id, known):
            self.incidents[incident.id] = incident
            if incident.stage.live:
                self._of_asset[incident.asset] = incident.id
        self.notices += [Notice(key, incident.id) for key in change.notices]
        for ruling in change.rulings:
            self._decided(ruling, incident.id, self.firing.get(ruling.episode, origin))
            if ruling.verdict is Verdict.MISSED and ruling.until is not None:
                self._tell_later(ruling, incident, ruling.until)
        self._part(change.left)

    def _tell_later(self, ruling: Ruling, incident: Incident, due: datetime) -> None:
        """Have everybody hear in the morning what came and went in their quiet hours."""
        config = self._known.config
        names = [route.steps[0].to for route in config.routes if route.id == ruling.route]
        for one in reached(sum(names, ()), config.directory, self._known.overrides, incident.severity, due):
            key = Key(ruling.episode, one.destination, NoticeKind.MISSED, 0)
            self.notices.append(Notice(key, incident.id, due))

    def _part(self, left: frozenset[str]) -> None:
        """Find incidents for faults that have outlived their cause: what others depend on goes first."""
        turns = [self.firing[id] for id in left if id in self.firing]
        for turn in turns:
            self._holders.pop(turn.episode.id, None)
            self._dead.pop(turn.asset.id, None)
        for turn in sorted(turns, key=lambda one: (depth(one.asset.id, self._needs), one.episode.id)):
            self.take(turn)

    def _refuse(self, turn: Turn, calls: tuple[Call, ...], incident: str) -> None:
        """Write down the routes that do not want to hear of it."""
        wanting, severity = {call.route.id for call in calls}, turn.episode.severity
        for route in self._known.config.routes:
            if route.id not in wanting:
                words = gettext(
                    "it does not want to hear of a {severity} fault of {asset}",
                    severity=gettext(severity),
                    asset=turn.asset.id,
                )
                self._decided(Ruling(turn.episode.id, route.id, Verdict.UNWANTED, words), incident, turn)

    def _decided(self, ruling: Ruling, incident: str, origin: Turn | None) -> None:
        check, rule = (origin.rule.check, origin.rule.id) if origin is not None else ("", "")
        made = Decision(self._now, check, rule, ruling.episode, incident, *ruling[1:])
        self.decisions.append(made)

    def _incident(self, id: str) -> Incident:
        return self.incidents.get(id) or self._known.incidents[id]

    def _origin(self, incident: Incident) -> Turn | None:
        """The worst of an incident's episodes that fire, its own before those that joined."""
        turns = [self.firing[id] for id in sorted(incident.firing) if id in self.firing]
        own = [one for one in turns if one.episode.id not in incident.joined] or turns
        return max(own, key=lambda one: one.episode.severity.rank, default=None)

    @cached_property
    def _needs(self) -> Needs:
        return {asset.id: asset.depends_on for asset in self._known.config.assets}

    @cached_property
    def _holders(self) -> dict[str, str]:
        """The incident of every episode that fires."""
        return {episode: id for id, one in self._known.incidents.items() for episode in one.firing}

    @cached_property
    def _of_asset(self) -> dict[str, str]:
        """The live incident of every asset that has one; it may have been merged into that of another asset."""
        live = {id: one for id, one in self._known.incidents.items() if one.stage.live}
        own = {episode: id for id, one in live.items() for episode in one.firing - one.joined}
        merged = {self.firing[episode].asset.id: id for episode, id in own.items() if episode in self.firing}
        return {**merged, **{one.asset: id for id, one in live.items()}}

    @cached_property
    def _dead(self) -> dict[str, str]:
        """The assets that do not work, each with the episode that says so."""
        return {one.asset.id: id for id, one in self._known.firing.items() if one.rule.status is Status.DOWN}


def _says(turn: Turn) -> str:
    """The line of the timeline: the asset, and which of its checks it was if it has several."""
    name = turn.asset.name
    if len(turn.asset.checks) > 1:
        name = f"{name}, {turn.rule.check.rpartition('/')[2]}"
    return messages.says(name, turn.rule, turn.episode)
