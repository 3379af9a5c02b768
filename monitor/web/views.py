"""How the assets and their checks are, from the configuration, the newest readings, the history and the incidents."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import chain, groupby
from typing import NamedTuple

from alerting.channels import NoticeKind
from alerting.health import Health
from alerting.rules import Episode, Lack, Phase, Rule, Severity, State, is_flapping
from incidents.availability import Span
from incidents.grouping import Needs, cause
from incidents.impact import Basis, member_minutes
from incidents.lifecycle import Incident, Stage
from monitor.config.model import Asset, Check, Config
from monitor.store.outbox import Message, MessageState
from monitor.web.words import amount, count, is_instant, length
from probes import Metric, Reading, Sample, Status

DAY = timedelta(hours=24)
PIECES = 96
"""How many pieces the strip of a day is cut into: a quarter of an hour each."""

_PIECE = DAY / PIECES
_BADNESS = {Status.UP: 1, Status.UNKNOWN: 2, Status.DOWN: 3}
"""What wins in a piece of a strip; 0 is a piece that no span reaches into."""

TITLES = {
    "uplinks": "Internet",
    "wifi": "Wi-Fi",
    "doors": "Doors",
    "booking": "Booking",
    "rooms": "Rooms",
    "equipment": "Equipment",
    "services": "Services",
}

STAGES = {
    Stage.OPEN: "Needs you",
    Stage.ACKNOWLEDGED: "In hand",
    Stage.RESOLVED: "Over",
    Stage.REVIEWED: "Over, reviewed",
}

SENT = {
    MessageState.QUEUED: "Waiting to be sent",
    MessageState.LEASED: "Being sent",
    MessageState.RETRY: "Not through yet, will try again",
    MessageState.ACCEPTED: "Sent",
    MessageState.MERGED: "Sent together with others",
    MessageState.DEAD: "Not delivered",
    MessageState.CANCELLED: "Not sent, no longer needed",
}

NOTICES = {
    NoticeKind.FIRING: "Alert",
    NoticeKind.UPDATE: "Update",
    NoticeKind.REPEAT: "Reminder",
    NoticeKind.RESOLVED: "All clear",
    NoticeKind.MISSED: "Missed",
    NoticeKind.ALARM: "About Deskwatch",
    NoticeKind.DRILL: "Drill",
    NoticeKind.TEST: "Test",
    NoticeKind.REPORT: "Report",
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
        return {"down": "Down", "degraded": "Degraded", "checking": "Checking again", "unknown": "Not known"}.get(
            self.value, "Working"
        )

    @property
    def rank(self) -> int:
        """0 is the worst."""
        return tuple(Verdict).index(self)


_SAID = {Status.UP: Verdict.WORKING, Status.DOWN: Verdict.CHECKING, Status.UNKNOWN: Verdict.UNKNOWN}
"""What a reading says where no rule fires: one that is bad is looked at again before it counts."""


_LACKS = {
    Lack.NOTHING: "",
    Lack.NO_DATA: "It has sent no data since",
    Lack.ERROR: "It could not be measured since",
}


@dataclass(frozen=True, slots=True)
class World:
    """Everything that the pages are made from.

    `spans` holds the last 24 hours by check id, in order; `needs` what each asset depends on.
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

    def __post_init__(self) -> None:
        object.__setattr__(self, "needs", {asset.id: asset.depends_on for asset in self.config.assets})


class Strip(NamedTuple):
    """The last 24 hours: for each colour the path that draws its stretches, and the same in words."""

    paths: tuple[tuple[str, str], ...]
    words: str


@dataclass(frozen=True, slots=True)
class CheckView:
    """One check: `says` is the fault in a few words, `detail` what the newest reading found."""

    check: Check
    verdict: Verdict
    since: datetime | None
    says: str
    detail: str
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
    detail: str
    strip: Strip
    incident: Incident | None
    checks: tuple[CheckView, ...]


def asset_view(asset: Asset, world: World) -> AssetView:
    """One asset: it is as bad as its worst check."""
    checks = tuple(check_view(check, world) for check in asset.checks)
    drawn = strip((world.spans.get(check.id, ()) for check in asset.checks), world.now)
    if not checks:
        return AssetView(asset, Verdict.UNKNOWN, None, "", "Nothing of it is measured.", drawn, None, ())
    worst = min(checks, key=lambda check: check.verdict.rank)
    incident = _explanation(asset.id, worst.verdict, world)
    return AssetView(asset, worst.verdict, worst.since, worst.says, worst.detail, drawn, incident, checks)


def check_view(check: Check, world: World) -> CheckView:
    """One check: what fires decides, then what the newest reading says, if it is recent."""
    reading = world.latest.get(check.id)
    worst = _worst_firing(check, world.episodes)
    if worst is not None:
        rule, episode = worst
        verdict = Verdict.DOWN if episode.severity is Severity.CRITICAL else Verdict.DEGRADED
        if episode.severity.pages or (reading is not None and reading.status is Status.DOWN):
            return CheckView(check, verdict, episode.opened, rule.says, _detail(rule, episode), reading)
    since = _since(world.spans.get(check.id, ()), world.now)
    if reading is None:
        return CheckView(check, Verdict.UNKNOWN, None, "", "Not measured yet.", None)
    if is_stale(check, reading, world.now):
        return CheckView(check, Verdict.UNKNOWN, reading.at, "", "No reading since then.", reading)
    return CheckView(check, _SAID[reading.status], since, "", reading.detail, reading)


def _detail(rule: Rule, episode: Episode) -> str:
    """What the newest bad reading found, and what makes it less sure: it comes and goes, or nothing new is known."""
    bounces = "It comes and goes" if is_flapping(rule, episode) else ""
    said = (episode.detail.rstrip("."), bounces, _LACKS[episode.lack])
    return ". ".join(one for one in said if one)


def is_stale(check: Check, reading: Reading, now: datetime) -> bool:
    """Whether a newer reading should have come: after one and a half intervals and all the attempts of a run."""
    attempts = (1 + check.confirm.times) * (check.timeout + check.confirm.gap)
    return now - reading.at > timedelta(seconds=1.5 * check.interval + attempts)


def strip(checks: Iterable[Iterable[Span]], now: datetime) -> Strip:
    """The last 24 hours of the checks of an asset together: each piece is as bad as the worst of them.

    For one check that is `availability.strip`, at a twentieth of the time: a board draws a thousand of them.
    """
    start, pieces = now - DAY, [0] * PIECES
    for span in chain.from_iterable(checks):
        badness = _BADNESS[span.status]
        first, last = (span.start - start) // _PIECE, -((start - span.end) // _PIECE)
        for piece in range(max(first, 0), min(last, PIECES)):
            if pieces[piece] < badness:
                pieces[piece] = badness
    return Strip(tuple(_paths(pieces)), _strip_words(pieces))


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
        (rule, state.episode)
        for rule in check.rules
        if (state := episodes.get((check.id, rule.id))) is not None
        and state.episode is not None
        and state.episode.phase in (Phase.FIRING, Phase.RECOVERING)
    ]
    return min(firing, key=lambda one: (-one[1].severity.rank, one[1].opened), default=None)


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


def _paths(pieces: Sequence[int]) -> Iterable[tuple[str, str]]:
    for status in (Status.UP, Status.DOWN):
        drawn, end = [], 0
        for badness, run in groupby(pieces):
            begin, end = end, end + sum(1 for _ in run)
            if badness == _BADNESS[status]:
                drawn.append(f"M{begin} 0H{end}V8H{begin}z")
        if drawn:
            yield status.value, "".join(drawn)


def _value(metric: Metric, sample: Sample) -> Value:
    instant = datetime.fromtimestamp(sample.value, UTC) if is_instant(sample.value, metric.unit) else None
    return Value(metric.help, sample.part, amount(sample.value, metric.unit), instant)


def _strip_words(pieces: Sequence[int]) -> str:
    if not any(pieces):
        return "Last 24 hours: not known"
    down, up = (pieces.count(_BADNESS[status]) for status in (Status.DOWN, Status.UP))
    said = [
        f"outages in {count(down, 'quarter-hour')}" if down else "",
        f"not known for about {length((PIECES - down - up) * _PIECE)}" if down + up < PIECES else "",
    ]
    return f"Last 24 hours: {', '.join(filter(None, said)) or 'working'}"
