"""Forgetting: what is older than the configuration wants to keep."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Table, delete, exists, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from incidents.lifecycle import Stage
from monitor.config.model import Retention
from monitor.store.tables import (
    audit_log,
    decisions,
    episodes,
    incidents,
    link_uses,
    messages,
    overrides,
    recordings,
    repeats,
    rollups,
    sessions,
    silences,
    spans,
)

ROWS = 5000
"""How many rows of each kind one call deletes at most, so that writers need not wait for it."""

_OVER = [stage for stage in Stage if not stage.live]


async def prune(conn: AsyncConnection, now: datetime, retention: Retention) -> int:
    """Delete the oldest rows that are past their time; returns how many. Call again while it deletes something.

    An incident that is not resolved keeps everything that belongs to it, however old that is.
    """
    days = {300: retention.five_minutes, 3600: retention.hours, 86400: retention.days}
    deleted = await _delete(conn, spans, spans.c.end < _ago(now, retention.spans), spans.c.end)
    for step, kept in days.items():
        old = (rollups.c.step == step) & (rollups.c.start < _ago(now, kept))
        deleted += await _delete(conn, rollups, old, rollups.c.start)
    gone = recordings.c.start < _ago(now, retention.recordings)
    deleted += await _delete(conn, recordings, gone, recordings.c.start)
    deleted += await _prune_incidents(conn, _ago(now, retention.incidents))
    deleted += await _delete(conn, link_uses, link_uses.c.at < _ago(now, retention.incidents), link_uses.c.at)
    deleted += await _delete(conn, silences, silences.c.ends < _ago(now, retention.incidents), silences.c.ends)
    deleted += await _delete(conn, overrides, overrides.c.ends < _ago(now, retention.incidents), overrides.c.ends)
    deleted += await _delete(conn, audit_log, audit_log.c.at < _ago(now, retention.audit_log), audit_log.c.at)
    deleted += await _delete(conn, repeats, repeats.c.at < _ago(now, 1), repeats.c.at)
    return deleted + await _delete(conn, sessions, sessions.c.expires <= now, sessions.c.expires)


async def _prune_incidents(conn: AsyncConnection, limit: datetime) -> int:
    """Incidents first, then the episodes and messages that no incident needs any more."""
    over = incidents.c.stage.in_(_OVER) & (incidents.c.resolved < limit)
    deleted = await _delete(conn, incidents, over, incidents.c.resolved)
    loose = (episodes.c.closed < limit) & episodes.c.incident.is_(None)
    deleted += await _delete(conn, episodes, loose, episodes.c.closed)
    told = exists().where(incidents.c.id == decisions.c.incident)
    deleted += await _delete(conn, decisions, (decisions.c.at < limit) & ~told, decisions.c.at)
    needed = exists().where(incidents.c.id == messages.c.incident)
    return deleted + await _delete(conn, messages, (messages.c.finished < limit) & ~needed, messages.c.finished)


async def _delete(conn: AsyncConnection, table: Table, old: ColumnElement[bool], age: ColumnElement[datetime]) -> int:
    keys = list(table.primary_key)
    oldest = select(*keys).where(old).order_by(age).limit(ROWS)
    return (await conn.execute(delete(table).where(tuple_(*keys).in_(oldest)))).rowcount


def _ago(now: datetime, days: int) -> datetime:
    return now - timedelta(days=days)
