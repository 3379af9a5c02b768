"""How the assets and their checks are, from the configuration, the newest readings, the history and the incidents."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import chain
from typing import NamedTuple

from alerting.channels import NoticeKind
from alerting.health import Health
from alerting.rules import Episode, Lack, Phase, Rule, Severity, State, is_flapping
from incidents.availability import Span
from incidents.grouping import Needs, cause
from incidents.impact import Basis, member_minutes
from incidents.lifecycle import Incident, Stage
from language import N_, gettext, ngettext, translated
from monitor.config.model import Asset, Check, Config
from monitor.store.outbox import Message, MessageState
from monitor.web.words import amount, is_instant, length
from probes import REASONS, UNKNOWN_REASONS, Metric, Reading, Sample, Status, load

DAY = timedelta(hours=24)
PIECES = 96
"""How many pieces the strip of a day is cut into: a quarter of an hour each."""

_PIECE = DAY / PIECES
_BADNESS = {Status.UP: 1, Status.UNKNOWN: 2, Status.DOWN: 3}
"""What wins in a piece of a strip; 0 is a piece that no span reaches into."""
_WHOLE = f"M0 0H{PIECES}V8H0z"
_FILLS = {status: bytes([badness]) * PIECES for status, badness in _BADNESS.items()}
_RUNS = {status: re.compile(b"[%c]+" % _BADNESS[status]) for status in (Status.UP, Status.DOWN)}

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

    `spans` holds the last 24 hours by check id, in order; `needs` what each asset depends on; `firing` the ids of the
    checks of which a rule fires.
    """

    config: Config
    latest: Mapping[str, Reading]
    episodes: Mapping[tuple[str, str], State]
    spans: Mapping[str, Sequence[Span]]
    live: Sequence[Incident]
    messages: Sequence[Message]
    reload_problems: tuple[str, ...]
    problems: tuple[str, ...]
    now: datetime
    healths: Mapping[str, Health] = field(default_factory=dict)
    needs: Needs = field(init=False)
    firing: Collection[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "needs", {asset.id: asset.depends_on for asset in self.config.assets})
        object.__setattr__(self, "firing", {key[0] for key, state in self.episodes.items() if _firing(state)})


class Strip(NamedTuple):
    """The last 24 hours: for each colour the path that draws its stretches, and the same in words."""

    paths: tuple[tuple[str, str], ...]
    said: str

    @property
    def whole(self) -> str:
        """The colour of a day that has only one, which needs no path; "" for any other."""
        return next((name for name, path in self.paths if path == _WHOLE), "")

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
    drawn = strip((world.spans.get(check.id, ()) for check in asset.checks), world.now)
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
        verdict = Verdict.DOWN if episode.severity is Severity.CRITICAL else Verdict.DEGRADED
        if episode.severity.pages or (reading is not None and reading.status is Status.DOWN):
            says, found = translated(rule.says), _finding(check, rule, episode)
            return CheckView(check, verdict, episode.opened, says, found, reading)
    since = _since(world.spans.get(check.id, ()), world.now)
    if reading is None:
        return CheckView(check, Verdict.UNKNOWN, None, "", Finding(remark=gettext("Not measured yet.")), None)
    if is_stale(check, reading, world.now):
        old = Finding(remark=gettext("No reading since then."))
        return CheckView(check, Verdict.UNKNOWN, reading.at, "", old, reading)
    found = Finding(reading.detail, meaning=_fault(check, reading.reason))
    return CheckView(check, _SAID[reading.status], since, "", found, reading)


def meaning(kind: str, reason: str) -> str:
    """What the reason of a reading of that kind means, "" for one that is not known."""
    return translated(load(kind).reasons.get(reason) or REASONS.get(reason) or UNKNOWN_REASONS.get(reason, ""))


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


def strip(checks: Iterable[Iterable[Span]], now: datetime) -> Strip:
    """The last 24 hours of the checks of an asset together: each piece is as bad as the worst of them.

    For one check that is `availability.strip`, at a twentieth of the time: a board draws a thousand of them.
    """
    start, pieces = now - DAY, bytearray(PIECES)
    for span in sorted(chain.from_iterable(checks), key=_badness):
        first = max((span.start - start) // _PIECE, 0)
        last = min(-((start - span.end) // _PIECE), PIECES)
        if first < last:
            pieces[first:last] = _FILLS[span.status][first:last]
    return Strip(tuple(_paths(pieces)), _said(pieces))


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
    troubled = {incident.asset for incident in world.live}
    needs = world.needs if verdict is not Verdict.WORKING else {}
    found = cause(asset, needs, troubled) if troubled else None
    return next((incident for incident in world.live if incident.asset == found), None)


def _worst_firing(check: Check, episodes: Mapping[tuple[str, str], State]) -> tuple[Rule, Episode] | None:
    """The most severe rule that fires, of equal ones the first to have begun."""
    firing = [
        (rule, episode) for rule in check.rules if (episode := _firing(episodes.get((check.id, rule.id)))) is not None
    ]
    return min(firing, key=lambda one: (-one[1].severity.rank, one[1].opened), default=None)


def _firing(state: State | None) -> Episode | None:
    episode = state.episode if state is not None else None
    return episode if episode is not None and episode.phase in (Phase.FIRING, Phase.RECOVERING) else None


def _since(spans: Sequence[Span], now: datetime) -> datetime | None:
    """When the newest run of one status began; None if it began before the day that is looked at."""
    if not spans:
        return None
    start = spans[-1].start
    for span in reversed(spans):
        if span.status is not spans[-1].status:
            break
        start = span.start
    return start if start > now - DAY else None


def _badness(span: Span) -> int:
    return _BADNESS[span.status]


def _paths(pieces: bytearray) -> Iterable[tuple[str, str]]:
    for status, runs in _RUNS.items():
        drawn = [f"M{run.start()} 0H{run.end()}V8H{run.start()}z" for run in runs.finditer(pieces)]
        if drawn:
            yield status.value, "".join(drawn)


def _value(metric: Metric, sample: Sample) -> Value:
    instant = datetime.fromtimestamp(sample.value, UTC) if is_instant(sample.value, metric.unit) else None
    return Value(translated(metric.help), sample.part, amount(sample.value, metric.unit), instant)


def _said(pieces: bytearray) -> str:
    if not any(pieces):
        return gettext("not known")
    down, up = (pieces.count(_BADNESS[status]) for status in (Status.DOWN, Status.UP))
    said = []
    if down:
        said.append(ngettext("outages in {number} quarter-hour", "outages in {number} quarter-hours", down))
    if down + up < PIECES:
        said.append(gettext("not known for about {length}", length=length((PIECES - down - up) * _PIECE)))
    return ", ".join(said) or gettext("working")
