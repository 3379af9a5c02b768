"""What dashboards are shown without Prometheus, as rows of plain JSON: incidents, status, availability, verdicts."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from incidents.availability import Span, availability, clip, verdicts
from incidents.incident import Incident
from incidents.windows import all_hours, open_hours, planned
from monitor.config.model import Asset, Check, Config
from monitor.reports.standings import deciding
from monitor.web import views
from monitor.web.words import plain

Row = dict[str, Any]

_LATE = timedelta(minutes=1)
"""How much later than its next run should have been a check's newest span may end before that is a gap."""


def of_incidents(found: Iterable[Incident], config: Config, now: datetime) -> Iterator[Row]:
    """One row for each incident; `end` is None while it lasts, `minutes` and `member_minutes` then count up to now."""
    names = {asset.id: asset.name for asset in config.assets}
    for one in found:
        yield {
            "time": stamp(one.opened),
            "end": stamp(one.resolved),
            "id": one.id,
            "title": plain(one.title),
            "asset": one.asset,
            "name": plain(names.get(one.asset, one.asset)),
            "severity": one.severity.value,
            "stage": one.stage.value,
            "minutes": round(((one.resolved or now) - one.opened).total_seconds() / 60, 1),
            "member_minutes": round(views.lost_minutes(one, config, now), 1),
            "acknowledged_by": plain(one.acknowledged_by),
            "root_cause": plain(one.root_cause),
            "url": f"{config.server.url}/incidents/{one.id}" if config.server.url else "",
        }


def of_checks(
    assets: Iterable[Asset], spans: Mapping[str, Sequence[Span]], checks: frozenset[str], start: datetime, end: datetime
) -> Iterator[Row]:
    """The status of each check over time, check by check, oldest first; all checks unless some are named."""
    for asset in assets:
        for check in asset.checks:
            if not checks or check.id in checks:
                yield from _spans(asset, (check,), clip(spans.get(check.id, ()), start, end), end)


def of_assets(
    assets: Iterable[Asset], spans: Mapping[str, Sequence[Span]], start: datetime, end: datetime
) -> Iterator[Row]:
    """The status of each asset over time; `check` is the one that decides."""
    for asset in assets:
        checks = deciding(asset)
        found = verdicts({check.id: spans.get(check.id, ()) for check in checks})
        yield from _spans(asset, checks, clip(found, start, end), end)


def of_availability(
    assets: Iterable[Asset], spans: Mapping[str, Sequence[Span]], config: Config, start: datetime, end: datetime
) -> Iterator[Row]:
    """How much of the time each asset worked: of all of it, and of the open hours without planned work.

    Times are in seconds, the rest ratios from 0 to 1; `availability` is None where nothing is known.
    """
    always, opened = all_hours(start, end), open_hours(config.site.hours, start, end)
    for asset in assets:
        works = [one for one in config.maintenances if one.scope.has(asset.id, asset.section, asset.tags)]
        found = verdicts({check.id: spans.get(check.id, ()) for check in deciding(asset)})
        whole = availability(found, always)
        promised = availability(found, opened.without(planned(works, start, end)) if works else opened)
        yield {
            **_named(asset),
            "people": asset.people,
            "availability": whole.ratio,
            "coverage": whole.coverage,
            "up": whole.up.total_seconds(),
            "down": whole.down.total_seconds(),
            "unknown": whole.unknown.total_seconds(),
            "open_availability": promised.ratio,
            "open_coverage": promised.coverage,
            "open_down": promised.down.total_seconds(),
        }


def of_verdicts(assets: Iterable[Asset], world: views.World) -> list[Row]:
    """How each asset is now, as the board says it."""
    seen = (views.asset_view(asset, world) for asset in assets)
    return [
        {
            **_named(one.asset),
            "verdict": one.verdict.value,
            "since": stamp(one.since),
            "says": plain(one.says),
            "detail": plain(one.finding.detail),
            "people": one.asset.people,
            "incident": one.incident.id if one.incident is not None else "",
        }
        for one in seen
    ]


def stamp(at: datetime | None) -> str | None:
    """A time in UTC as RFC 3339 has it, to the millisecond."""
    return None if at is None else f"{at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def _named(asset: Asset) -> Row:
    return {"asset": asset.id, "name": plain(asset.name), "section": asset.section}


def _spans(asset: Asset, checks: Sequence[Check], spans: Sequence[Span], end: datetime) -> Iterator[Row]:
    """Rows of one line of a state timeline: a time without readings is a row without status, or it would be bridged."""
    for number, span in enumerate(spans):
        yield _row(asset, span.check, span.start, span.end, span.status.value, plain(span.reason))
        following = spans[number + 1].start if number + 1 < len(spans) else _shown_until(checks, span, end)
        if following > span.end:
            yield _row(asset, span.check, span.end, following, None, "no_readings")


def _shown_until(checks: Sequence[Check], span: Span, end: datetime) -> datetime:
    """The end of the time asked about, or of the last span if a newer reading need not have come yet."""
    patience = _LATE + timedelta(seconds=2 * max(check.interval for check in checks))
    return end if end - span.end > patience else span.end


def _row(asset: Asset, check: str, start: datetime, end: datetime, status: str | None, reason: str) -> Row:
    return {
        "time": stamp(start),
        "end": stamp(end),
        "asset": asset.id,
        "name": plain(asset.name),
        "check": check,
        "status": status,
        "reason": reason,
    }
