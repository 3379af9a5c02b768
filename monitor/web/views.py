"""How the assets and their checks are, from the configuration, the newest readings, the history and the incidents."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from alerting.channels import NoticeKind
from alerting.health import Health
from alerting.rules import Episode, Lack, Phase, Rule, Severity, State, is_flapping
from incidents.grouping import Needs, cause
from incidents.impact import Basis, member_minutes
from incidents.lifecycle import Incident, Stage
from language import N_, gettext, ngettext, translated
from monitor.config.model import Asset, Check, Config
from monitor.days import BADNESS, QUARTER, QUARTERS, Day, together
from monitor.store.outbox import Message, MessageState
from monitor.web.words import amount, is_instant, length
from probes import REASONS, UNKNOWN_REASONS, Metric, Reading, Sample, Status, load

DAY = QUARTERS * QUARTER

_UP, _DOWN = BADNESS[Status.UP], BADNESS[Status.DOWN]
_COLOURS = bytes({_UP: _UP, _DOWN: _DOWN}.get(byte, 0) for byte in range(256))
"""What a quarter is drawn as: not known is one colour, whether we looked in vain or did not look."""
_RUNS = {"up": re.compile(b"%c+" % _UP), "down": re.compile(b"%c+" % _DOWN), "unknown": re.compile(b"\0+")}

TITLES = {
    "uplinks": N_("Internet"),
    "wifi": N_("Wi-Fi"),
    "doors": N_("Doors"),
    "booking": N_("Booking"),
    "rooms": N_("Rooms"),
    "equipment": N_("Equipment"),
    "services": N_("Services"),
}

STAGES = {
    Stage.OPEN: N_("Needs you"),
    Stage.ACKNOWLEDGED: N_("In hand"),
    Stage.RESOLVED: N_("Over"),
    Stage.REVIEWED: N_("Over, reviewed"),
}

STATUSES = {Status.UP: N_("up"), Status.DOWN: N_("down"), Status.UNKNOWN: N_("unknown")}

SENT = {
    MessageState.QUEUED: N_("Waiting to be sent"),
    MessageState.LEASED: N_("Being sent"),
    MessageState.RETRY: N_("Not through yet, will try again"),
    MessageState.ACCEPTED: N_("Sent"),
    MessageState.MERGED: N_("Sent together with others"),
    MessageState.DEAD: N_("Not delivered"),
    MessageState.CANCELLED: N_("Not sent, no longer needed"),
}

NOTICES = {
    NoticeKind.FIRING: N_("Alert"),
    NoticeKind.UPDATE: N_("Update"),
    NoticeKind.REPEAT: N_("Reminder"),
    NoticeKind.RESOLVED: N_("All clear"),
    NoticeKind.MISSED: N_("Missed"),
    NoticeKind.ALARM: N_("About Deskwatch"),
    NoticeKind.DRILL: N_("Drill"),
    NoticeKind.TEST: N_("Test"),
    NoticeKind.REPORT: N_("Report"),
}


class Verdict(StrEnum):
    """How a check or an asset is, worst first; the value is the name of its colour and shape."""

    DOWN = "down"
    DEGRADED = "degraded"
    CHECKING = "checking"
    UNKNOWN = "unknown"
    WORKING = "working"

    @property
    def word(self) -> str:
        """The verdict as people read it."""
        return translated(_VERDICTS[self])

    @property
    def within(self) -> str:
        """The same within a sentence."""
        return translated(_VERDICTS_WITHIN[self])

    @property
    def rank(self) -> int:
        """0 is the worst."""
        return _RANKS[self]


_VERDICTS = {
    Verdict.DOWN: N_("Down"),
    Verdict.DEGRADED: N_("Degraded"),
    Verdict.CHECKING: N_("Checking again"),
    Verdict.UNKNOWN: N_("Not known"),
    Verdict.WORKING: N_("Working"),
}
_VERDICTS_WITHIN = {
    Verdict.DOWN: N_("down"),
    Verdict.DEGRADED: N_("degraded"),
    Verdict.CHECKING: N_("checking again"),
    Verdict.UNKNOWN: N_("not known"),
    Verdict.WORKING: N_("working"),
}
_RANKS = {verdict: rank for rank, verdict in enumerate(Verdict)}
_SAID = {Status.UP: Verdict.WORKING, Status.DOWN: Verdict.CHECKING, Status.UNKNOWN: Verdict.UNKNOWN}
"""What a reading says where no rule fires: one that is bad is looked at again before it counts."""


_LACKS = {
    Lack.NOTHING: "",
    Lack.NO_DATA: N_("It has sent no data since"),
    Lack.ERROR: N_("It could not be measured since"),
}


@dataclass(frozen=True, slots=True)
class World:
    """Everything that the pages are made from.

    `days` holds the last 24 hours by check id; `needs` what each asset depends on; `firing` the ids of the checks of
    which a rule fires; `troubled` the live incident of each asset that has one.
    """

    config: Config
    latest: Mapping[str, Reading]
    episodes: Mapping[tuple[str, str], State]
    days: Mapping[str, Day]
    live: Sequence[Incident]
    messages: Sequence[Message]
    reload_problems: tuple[str, ...]
    problems: tuple[str, ...]
    now: datetime
    healths: Mapping[str, Health] = field(default_factory=dict)
    needs: Needs = field(init=False)
    firing: Collection[str] = field(init=False)
    troubled: Mapping[str, Incident] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "needs", {asset.id: asset.depends_on for asset in self.config.assets})
        object.__setattr__(self, "troubled", {incident.asset: incident for incident in reversed(self.live)})
        object.__setattr__(self, "firing", {key[0] for key, state in self.episodes.items() if _firing(state)})


class Strip(NamedTuple):
    """The last 24 hours: the colour that most of them have, and for each other one the path that draws it.

    `down` and `unknown` count the quarters of an hour with an outage, and those of which nothing is known.
    """

    most: str
    paths: tuple[tuple[str, str], ...]
    down: int
    unknown: int

    @property
    def whole(self) -> bool:
        """Whether it was up all the time."""
        return not (self.down or self.unknown)

    @property
    def said(self) -> str:
        """The same in words."""
        if self.unknown == QUARTERS:
            return gettext("not known")
        said = []
        if self.down:
            said.append(ngettext("outages in {number} quarter-hour", "outages in {number} quarter-hours", self.down))
        if self.unknown:
            said.append(gettext("not known for about {length}", length=length(self.unknown * QUARTER)))
        return ", ".join(said) or gettext("working")

    @property
    def words(self) -> str:
        """What was, and when, for where no heading says it."""
        return gettext("Last 24 hours: {said}", said=self.said)


class Finding(NamedTuple):
    """What the newest reading found, in English, our remark on that, and what the reason of a bad reading means."""

    found: str = ""
    remark: str = ""
    meaning: str = ""

    @property
    def detail(self) -> str:
        """What was found, with the remark."""
        return ". ".join(filter(None, (self.found, self.remark)))


@dataclass(frozen=True, slots=True)
class CheckView:
    """One check: `says` is the fault in a few words."""

    check: Check
    verdict: Verdict
    since: datetime | None
    says: str
    finding: Finding
    reading: Reading | None


class Value(NamedTuple):
    """One measured value, ready to be read; `instant` is set where it is a point in time."""

    help: str
    part: str
    text: str
    instant: datetime | None


@dataclass(frozen=True, slots=True)
class AssetView:
    """One asset. `incident` is the live one that explains its fault, None if there is none."""

    asset: Asset
    verdict: Verdict
    since: datetime | None
    says: str
    finding: Finding
    strip: Strip
    incident: Incident | None
    checks: tuple[CheckView, ...]


def asset_view(asset: Asset, world: World) -> AssetView:
    """One asset: it is as bad as its worst check."""
    checks = tuple(check_view(check, world) for check in asset.checks)
    drawn = strip((check.id for check in asset.checks), world)
    if not checks:
        nothing = Finding(remark=gettext("Nothing of it is measured."))
        return AssetView(asset, Verdict.UNKNOWN, None, "", nothing, drawn, None, ())
    worst = min(checks, key=lambda check: check.verdict.rank)
    incident = _explanation(asset.id, worst.verdict, world)
    return AssetView(asset, worst.verdict, worst.since, worst.says, worst.finding, drawn, incident, checks)


def check_view(check: Check, world: World) -> CheckView:
    """One check: what fires decides, then what the newest reading says, if it is recent."""
    reading = world.latest.get(check.id)
    worst = _worst_firing(check, world.episodes) if check.id in world.firing else None
    if worst is not None:
        rule, episode = worst
        verdict = Verdict.DOWN if _fails(rule, episode, reading) else Verdict.DEGRADED
        if episode.severity.pages or (reading is not None and reading.status is Status.DOWN):
            says, found = translated(rule.says), _finding(check, rule, episode)
            return CheckView(check, verdict, episode.opened, says, found, reading)
    if reading is None:
        return CheckView(check, Verdict.UNKNOWN, None, "", Finding(remark=gettext("Not measured yet.")), None)
    if is_stale(check, reading, world.now):
        old = Finding(remark=gettext("No reading since then."))
        return CheckView(check, Verdict.UNKNOWN, reading.at, "", old, reading)
    found = Finding(reading.detail, meaning=_fault(check, reading.reason))
    day = world.days.get(check.id)
    since = day.since if day is not None and world.now - day.since < DAY else None
    return CheckView(check, _SAID[reading.status], since, "", found, reading)


def meaning(kind: str, reason: str) -> str:
    """What the reason of a reading of that kind means, "" for one that is not known."""
    return translated(load(kind).reasons.get(reason) or REASONS.get(reason) or UNKNOWN_REASONS.get(reason, ""))


def _fails(rule: Rule, episode: Episode, reading: Reading | None) -> bool:
    """Whether what fires means that it does not work: how urgent that is, as at night, is another matter."""
    if episode.severity is Severity.CRITICAL:
        return True
    works = reading is not None and reading.status is Status.UP
    return rule.status is Status.DOWN and episode.severity.pages and not works


def _finding(check: Check, rule: Rule, episode: Episode) -> Finding:
    """What the newest bad reading found, and what makes it less sure: it comes and goes, or nothing new is known."""
    bounces = gettext("It comes and goes") if is_flapping(rule, episode) else ""
    remark = ". ".join(filter(None, (bounces, translated(_LACKS[episode.lack]))))
    return Finding(episode.detail.rstrip("."), remark, _fault(check, episode.reason))


def _fault(check: Check, reason: str) -> str:
    return "" if reason == "ok" else meaning(check.kind, reason)


def is_stale(check: Check, reading: Reading, now: datetime) -> bool:
    """Whether a newer reading should have come: after one and a half intervals and all the attempts of a run."""
    attempts = (1 + check.confirm.times) * (check.timeout + check.confirm.gap)
    return now - reading.at > timedelta(seconds=1.5 * check.interval + attempts)


def strip(checks: Iterable[str], world: World) -> Strip:
    """The last 24 hours of some checks together: each quarter of an hour is as bad as the worst of them."""
    days = (day for check in checks if (day := world.days.get(check)) is not None)
    return _drawn(together(days, world.now))


def values(reading: Reading | None, metrics: Iterable[Metric]) -> tuple[Value, ...]:
    """What the newest reading measured, each value with what it means; what no metric declares is left out."""
    declared = {metric.name: metric for metric in metrics}
    samples = reading.samples if reading is not None else ()
    return tuple(_value(declared[sample.metric], sample) for sample in samples if sample.metric in declared)


def lost_minutes(incident: Incident, config: Config, now: datetime) -> float:
    """Member-minutes of an incident, counted up to now while it lasts."""
    if incident.member_minutes is not None:
        return incident.member_minutes
    cost = incident.cost
    served = config.served_by(incident.asset) if incident.asset else 0
    people = round(cost.people) if cost is not None and cost.basis is Basis.SAID else served
    return member_minutes(incident.opened, incident.resolved or now, config.site.hours, people)


def _explanation(asset: str, verdict: Verdict, world: World) -> Incident | None:
    """The live incident of the asset; for one in trouble else the nearest one of what it depends on."""
    own = world.troubled.get(asset)
    if own is not None or verdict is Verdict.WORKING or not world.troubled:
        return own
    found = cause(asset, world.needs, world.troubled)
    return world.troubled[found] if found is not None else None


def _worst_firing(check: Check, episodes: Mapping[tuple[str, str], State]) -> tuple[Rule, Episode] | None:
    """The most severe rule that fires, of equal ones the first to have begun."""
    firing = [
        (rule, episode) for rule in check.rules if (episode := _firing(episodes.get((check.id, rule.id)))) is not None
    ]
    return min(firing, key=lambda one: (-one[1].severity.rank, one[1].opened), default=None)


def _firing(state: State | None) -> Episode | None:
    episode = state.episode if state is not None else None
    return episode if episode is not None and episode.phase in (Phase.FIRING, Phase.RECOVERING) else None


@lru_cache(maxsize=4096)
def _drawn(quarters: bytes) -> Strip:
    """Kept: from one board to the next most days stay as they are."""
    shown = quarters.translate(_COLOURS)
    most = max(_RUNS, key=lambda name: sum(map(len, _RUNS[name].findall(shown))))
    return Strip(most, tuple(_paths(shown, most)), shown.count(_DOWN), shown.count(0))


def _paths(shown: bytes, most: str) -> Iterator[tuple[str, str]]:
    """Strokes as wide as a strip is high, each from where the one before ended."""
    for name, pattern in _RUNS.items():
        reached, drawn = 0, ""
        for run in pattern.finditer(shown) if name != most else ():
            drawn += f"m{run.start() - reached} 0" if drawn else f"M{run.start()} 4"
            drawn += f"h{run.end() - run.start()}"
            reached = run.end()
        if drawn:
            yield name, drawn


def _value(metric: Metric, sample: Sample) -> Value:
    instant = datetime.fromtimestamp(sample.value, UTC) if is_instant(sample.value, metric.unit) else None
    return Value(translated(metric.help), sample.part, amount(sample.value, metric.unit), instant)
