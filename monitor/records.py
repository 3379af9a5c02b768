"""What the store holds, as rows for the command line."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from alerting.gates import Silence
from alerting.oncall import valid
from alerting.rules import Severity
from incidents.lifecycle import Incident
from monitor import rota
from monitor.config.model import Config
from monitor.rota import Duty
from monitor.store import incidents, overrides, signoffs, silences, spans


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


async def shown(conn: AsyncConnection, id: str) -> dict[str, Any] | None:
    """One incident with everything that is recorded of it."""
    incident = await incidents.get(conn, id)
    if incident is None:
        return None
    timeline = [{"at": _stamp(entry.at), "who": entry.who, "text": entry.text} for entry in incident.timeline]
    return {
        **_summary(incident),
        "acknowledged": _stamp(incident.acknowledged),
        "acknowledged_by": incident.acknowledged_by,
        "member_minutes": incident.member_minutes,
        "resolution": incident.resolution,
        "root_cause": incident.root_cause,
        "timeline": timeline,
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
    found = rota.duties(config, await overrides.current(conn, then), then - rota.AHEAD, then + rota.AHEAD)
    return [_duty(config, one) for one in found if one.starts <= then < one.ends]


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
    """The newest sign-offs of audits, newest first."""
    return [
        {
            "at": _local(config, one.at),
            "check": one.check,
            "who": one.who,
            "note": one.note,
            "audited": _local(config, one.audited),
            "figures": dict(one.figures),
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
