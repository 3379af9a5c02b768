"""What the store holds, as rows for the command line."""

from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from incidents.lifecycle import Incident
from monitor.config.model import Config
from monitor.store import incidents, spans


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
