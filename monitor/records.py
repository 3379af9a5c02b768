"""What the store holds, as rows for the command line."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from alerting.gates import Silence
from alerting.oncall import valid
from alerting.rules import Severity
from incidents.lifecycle import Incident
from incidents.messages import duration
from incidents.record import LOOKED_BACK, related
from monitor import rota
from monitor.config.model import Config
from monitor.record_words import lacking
from monitor.reports.availability import measured, share
from monitor.reports.document import Kind
from monitor.reports.facts import measurements
from monitor.reports.listing import Counted, Row, rows
from monitor.reports.periods import Period, day_of
from monitor.rota import Duty
from monitor.store import attachments, figures, incidents, overrides, reports, signoffs, silences, spans

_ACTION_TIMES = ("created", "done", "reminded")


async def statuses(config: Config, conn: AsyncConnection) -> list[dict[str, Any]]:
    """Every check of the configuration with its last known status; `seen` is the last time it was measured."""
    latest = await spans.latest(conn)
    rows = []
    for check in config.checks:
        span = latest.get(check.id)
        rows.append(
            {
                "check": check.id,
                "status": str(span.status) if span else "unknown",
                "since": _stamp(span.start) if span else "",
                "seen": _stamp(span.end) if span else "",
                "reason": span.reason if span else "not measured yet",
            }
        )
    return rows


async def listed(_config: Config, conn: AsyncConnection) -> list[dict[str, Any]]:
    """The newest incidents, newest first."""
    return [_summary(incident) for incident in await incidents.page(conn)]


async def shown(config: Config, conn: AsyncConnection, id: str) -> dict[str, Any] | None:
    """One incident with everything that is recorded of it; lines are numbered as they were written down."""
    incident = await incidents.get(conn, id)
    if incident is None:
        return None
    earlier = await incidents.opened_since(conn, incident.opened - LOOKED_BACK)
    files = await attachments.of_incident(conn, id)
    return {
        **_summary(incident),
        "origin": str(incident.origin),
        "reporter": incident.reporter,
        "merged_into": incident.merged_into,
        "reopened": incident.reopened,
        "acknowledged": _stamp(incident.acknowledged),
        "acknowledged_by": incident.acknowledged_by,
        "member_minutes": incident.member_minutes,
        "level": str(incident.level),
        "cost": incident.cost._asdict() if incident.cost is not None else None,
        "corrected": {**incident.corrected._asdict(), "at": _stamp(incident.corrected.at)}
        if incident.corrected is not None
        else None,
        **incident.review._asdict(),
        **lacking(incident.category, incident.unwritten),
        "actions": [
            {
                **one._asdict(),
                "due": one.due.isoformat(),
                **{name: _stamp(getattr(one, name)) for name in _ACTION_TIMES},
            }
            for one in incident.actions
        ],
        "attachments": [{"id": one.id, "name": one.name, "type": one.type, "size": one.size} for one in files],
        "related": [_summary(one) for one in related(incident, earlier)],
        "timeline": [
            {
                "line": number,
                "at": _stamp(entry.at),
                "noted": _stamp(entry.noted),
                "who": entry.who,
                "kind": str(entry.kind),
                "text": entry.text,
            }
            for number, entry in incident.lines
        ],
    }


async def silenced(_config: Config, conn: AsyncConnection) -> list[dict[str, Any]]:
    """The newest silences, newest first."""
    now = datetime.now(UTC)
    return [
        {
            "id": one.id,
            "state": _state(one, now),
            "conditions": [str(matcher) for matcher in one.matchers],
            "starts": _stamp(one.starts),
            "ends": _stamp(one.ends),
            "author": one.author,
            "comment": one.comment,
        }
        for one in await silences.page(conn)
    ]


async def on_call(config: Config, conn: AsyncConnection, at: str, now: datetime) -> list[dict[str, Any]]:
    """Who has each schedule at a time as people type it, and from when until when in the weeks around it.

    Raises ValueError for a time that makes no sense.
    """
    then = rota.moment(at, config.site.hours.zone, now)
    return [_duty(config, one) for one in rota.holders(config, await overrides.current(conn, then), then)]


async def rostered(config: Config, conn: AsyncConnection, days: int, now: datetime) -> list[dict[str, Any]]:
    """Who has each schedule in the next days; "" where nobody does."""
    found = rota.duties(config, await overrides.current(conn, now), now, now + timedelta(days=days))
    return [_duty(config, one) for one in found]


async def callees(
    config: Config, conn: AsyncConnection, asset: str, severity: str, at: str, now: datetime
) -> list[dict[str, Any]]:
    """Whom every step of every route would reach if something happened to an asset; `after` in seconds.

    Raises ValueError for an asset or a severity that does not exist, and for a time that makes no sense.
    """
    then = rota.moment(at, config.site.hours.zone, now)
    found, words = config.asset(asset), [one.value for one in Severity]
    if found is None:
        raise ValueError(f"there is no asset {asset[:60]!r}; `deskwatch status` shows their checks")
    if severity not in words:
        raise ValueError(f"the severity {severity[:60]!r} must be one of {', '.join(words)}")
    taken, silent = await overrides.current(conn, then), await silences.active(conn, then)
    return [
        {
            "route": one.route,
            "step": one.step,
            "after": one.after,
            "held": one.held.words if one.held is not None else "",
            "reached": [to._asdict() for to in one.reached],
        }
        for one in rota.paged(config, taken, silent, found, Severity(severity), then)
    ]


async def overridden(config: Config, conn: AsyncConnection, now: datetime) -> list[dict[str, Any]]:
    """Who takes a schedule over, now or later."""
    found = [one for one in await overrides.current(conn, now) if one.ends > now]
    heeded = valid(found, config.directory)
    return [
        {
            "id": one.id,
            "schedule": one.schedule,
            "person": one.person,
            "starts": _local(config, one.starts),
            "ends": _local(config, one.ends),
            "author": one.author,
            "note": "" if one in heeded else rota.IGNORED,
        }
        for one in found
    ]


async def signed_off(config: Config, conn: AsyncConnection) -> list[dict[str, Any]]:
    """The newest sign-offs of audits and reviews, newest first."""
    return [
        {
            "at": _local(config, one.at),
            "check": one.check,
            "who": one.who,
            "note": one.note,
            "audited": _local(config, one.audited),
            "figures": dict(one.figures),
            "link": one.link,
        }
        for one in await signoffs.page(conn)
    ]


def _duty(config: Config, duty: Duty) -> dict[str, Any]:
    return {
        "schedule": duty.schedule,
        "person": duty.person,
        "starts": _local(config, duty.starts),
        "ends": _local(config, duty.ends),
    }


async def available(
    config: Config, conn: AsyncConnection, first: date | None, last: date | None, counted: Counted, now: datetime
) -> list[dict[str, Any]]:
    """How available everything was from one day to another, both included: the last 30 days unless said.

    Raises ValueError for days that make no period.
    """
    start, end = days_of(first, last, config.site.hours.zone, now)
    found = await measurements(conn, config, start, end, now)
    return [share_of(row) for row in rows(found, counted)]


def days_of(first: date | None, last: date | None, zone: ZoneInfo, now: datetime) -> Period:
    """The time from one day to another, both included, as far as it is over: the last 30 days unless said."""
    last = last or now.astimezone(zone).date()
    first = first or last - timedelta(days=30)
    return Period(day_of(first, zone).start, min(day_of(last, zone).end, now))


def share_of(row: Row) -> dict[str, Any]:
    """How available one thing was."""
    return {
        "what": row.what,
        "name": row.name,
        "available": share(row.found),
        "measured": measured(row.found),
        "down": duration(row.found.down.total_seconds()) if row.what != "site" else "",
        "ratio": row.found.ratio,
        "coverage": row.found.coverage,
    }


async def reported(conn: AsyncConnection, kind: Kind | None) -> list[dict[str, Any]]:
    """The newest reports, of a kind or of all, newest first."""
    return [
        {
            "id": one.id,
            "kind": str(one.document.kind),
            "title": one.document.title,
            "start": _stamp(one.document.start),
            "end": _stamp(one.document.end),
            "made": _stamp(one.document.made),
            "summary": one.document.summary,
        }
        for one in await reports.page(conn, kind=kind)
    ]


async def pushed(config: Config, conn: AsyncConnection) -> list[dict[str, Any]]:
    """The figures that others pushed for the last thirteen months, by name and day."""
    today = datetime.now(UTC).astimezone(config.site.hours.zone).date()
    found = await figures.between(conn, today - timedelta(days=396), today)
    return [{"name": one.name, "day": one.day.isoformat(), "value": one.value, "source": one.source} for one in found]


def _local(config: Config, at: datetime) -> str:
    """On the site's clock, with its offset."""
    return at.astimezone(config.site.hours.zone).isoformat(" ", "minutes")


def _state(silence: Silence, now: datetime) -> str:
    if silence.is_on(now):
        return "on"
    return "coming" if now < silence.starts else "ended"


def _summary(incident: Incident) -> dict[str, Any]:
    return {
        "id": incident.id,
        "stage": str(incident.stage),
        "severity": str(incident.severity),
        "asset": incident.asset,
        "title": incident.title,
        "opened": _stamp(incident.opened),
        "resolved": _stamp(incident.resolved),
    }


def _stamp(at: datetime | None) -> str | None:
    return at.isoformat(timespec="seconds") if at is not None else None
