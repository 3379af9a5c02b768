"""Checks with their newest readings, and one that is run now."""

import math
from collections.abc import Sequence
from datetime import datetime

from aiohttp import web

from alerting.rules import Severity
from monitor.config.model import Check
from monitor.web import pages, views
from monitor.web.api.endpoint import Call, Reply
from monitor.web.api.models import Shown, Text
from monitor.web.api.paging import Page, Paged, part
from monitor.web.api.site import asset_of
from monitor.web.ruling import Ruling, rulings
from monitor.web.words import short
from probes import Reading, Sample, Status

PATIENCE = 30.0
"""Seconds that whoever runs a check waits at most."""


class SampleShown(Shown):
    """A measured value in the base unit of its metric, null where it is no number; `part` is "" if there is none."""

    metric: str
    part: Text
    value: float | None


class ReadingShown(Shown):
    """One run: when it began, its length in seconds, what it found and measured."""

    at: datetime
    took: float
    status: Status
    reason: str
    detail: Text
    samples: list[SampleShown]


class CheckShown(Shown):
    """A check and how it is; `interval` and `timeout` are seconds, `reading` is null before its first run."""

    id: str
    asset: str
    name: str
    kind: str
    interval: float
    timeout: float
    verdict: views.Verdict
    since: datetime | None
    says: Text
    detail: Text
    reading: ReadingShown | None


class RunShown(Shown):
    """What became of a run: `ended` is false while it takes longer than we wait, or if the check is paused."""

    ended: bool
    check: CheckShown


class RuleShown(Shown):
    """A rule of a check: `when` it fires, what it compares `now`, its state in a `word`, what it does, until when."""

    id: str
    says: Text
    severity: Severity
    when: Text
    now: Text
    word: Text
    does: Text
    until: datetime | None


class Rules(Shown):
    """The rules of a check in their order."""

    items: list[RuleShown]


class ChecksAsked(Paged):
    """Which checks."""

    asset: str = ""


async def checks(call: Call) -> Reply:
    """GET /checks: in the order of the configuration."""
    all = [one for one in call.app.config.checks if call.query.asset in ("", one.asset)]
    found, next = part(call.request, all, call.query, lambda one: one.id)
    return Reply(Page[CheckShown](items=await _shown(call, found), next=next or None), next=next)


async def check(call: Call) -> Reply:
    """GET /checks/ASSET/NAME."""
    (shown,) = await _shown(call, [_check_of(call)])
    return Reply(shown)


async def rules(call: Call) -> Reply:
    """GET /checks/ASSET/NAME/rules: what each says of the newest reading, and will do if things stay as they are."""
    found = _check_of(call)
    world = await pages.world(call.app)
    return Reply(Rules(items=[_rule(one) for one in rulings(found, world)]))


async def run(call: Call) -> Reply:
    """POST /checks/ASSET/NAME/run: run it now, off its schedule; it counts as every run does."""
    found = _check_of(call)
    call.note(found.id)
    before = call.app.latest.get(found.id)
    late = await call.app.refresh([found.id], PATIENCE)
    ended = found.id not in late and call.app.latest.get(found.id) is not before
    (shown,) = await _shown(call, [found])
    return Reply(RunShown(ended=ended, check=shown))


def _check_of(call: Call) -> Check:
    asset, name = asset_of(call), call.part("name")
    found = next((one for one in asset.checks if one.name == name), None)
    if found is None:
        raise web.HTTPNotFound(text=f"{asset.id} has no check {short(name, 60)!r}.")
    return found


async def _shown(call: Call, some: Sequence[Check]) -> list[CheckShown]:
    world = await pages.world(call.app)
    return [_check(views.check_view(one, world)) for one in some]


def _check(seen: views.CheckView) -> CheckShown:
    one = seen.check
    return CheckShown(
        id=one.id,
        asset=one.asset,
        name=one.name,
        kind=one.kind,
        interval=one.interval,
        timeout=one.timeout,
        verdict=seen.verdict,
        since=seen.since,
        says=seen.says,
        detail=seen.finding.detail,
        reading=_reading(seen.reading) if seen.reading is not None else None,
    )


def _rule(one: Ruling) -> RuleShown:
    return RuleShown(
        id=one.rule.id,
        says=one.rule.says,
        severity=one.rule.severity,
        when=one.when,
        now=one.now,
        word=one.word,
        does=one.does,
        until=one.until,
    )


def _reading(one: Reading) -> ReadingShown:
    return ReadingShown(
        at=one.at,
        took=one.took,
        status=one.status,
        reason=one.reason,
        detail=one.detail,
        samples=[_sample(sample) for sample in one.samples],
    )


def _sample(one: Sample) -> SampleShown:
    return SampleShown(metric=one.metric, part=one.part, value=one.value if math.isfinite(one.value) else None)
