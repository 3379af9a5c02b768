"""Incidents with their timelines and the destinations that have been told."""

from collections import defaultdict
from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from incidents.lifecycle import Entry, Incident, Stage, Told
from monitor.store.dialects import upsert
from monitor.store.tables import incidents, timeline, told

_LIVE = [stage for stage in Stage if stage.live]


async def save(conn: AsyncConnection, incident: Incident) -> None:
    """Insert or update an incident. Timeline entries only ever are added; who has been told is replaced."""
    row = {column.name: getattr(incident, column.name) for column in incidents.columns}
    await conn.execute(upsert(conn, incidents), {**row, "firing": sorted(incident.firing)})
    await _append(conn, incident)
    await conn.execute(delete(told).where(told.c.incident == incident.id))
    if incident.told:
        rows = [{"incident": incident.id, "position": n, **one._asdict()} for n, one in enumerate(incident.told)]
        await conn.execute(insert(told), rows)


async def get(conn: AsyncConnection, id: str) -> Incident | None:
    """The incident of that id."""
    found = await _load(conn, select(incidents.c.id).where(incidents.c.id == id))
    return found[0] if found else None


async def live(conn: AsyncConnection) -> tuple[Incident, ...]:
    """Those whose fault is still there, oldest first."""
    return await _load(conn, select(incidents.c.id).where(incidents.c.stage.in_(_LIVE)))


async def page(conn: AsyncConnection, limit: int = 50, before: str | None = None) -> tuple[Incident, ...]:
    """The newest incidents, newest first; `before` is the last id of the page before."""
    chosen = select(incidents.c.id).order_by(incidents.c.id.desc()).limit(limit)
    found = await _load(conn, chosen if before is None else chosen.where(incidents.c.id < before))
    return found[::-1]


async def due(conn: AsyncConnection, now: datetime) -> tuple[Incident, ...]:
    """Open incidents of which somebody must be told again by now, oldest first."""
    late = select(told.c.incident).where(told.c.repeat_at <= now)
    return await _load(conn, select(incidents.c.id).where(incidents.c.stage == Stage.OPEN, incidents.c.id.in_(late)))


async def _append(conn: AsyncConnection, incident: Incident) -> None:
    stored = await conn.scalar(select(func.count()).where(timeline.c.incident == incident.id)) or 0
    rows = [
        {"incident": incident.id, "position": position, **entry._asdict()}
        for position, entry in enumerate(incident.timeline)
        if position >= stored
    ]
    if rows:
        await conn.execute(insert(timeline), rows)


async def _load(conn: AsyncConnection, chosen: Select[str]) -> tuple[Incident, ...]:
    """The incidents of the chosen ids, oldest first, in three statements however many they are."""
    rows = await conn.execute(select(incidents).where(incidents.c.id.in_(chosen)).order_by(incidents.c.id))
    entries = defaultdict(list)
    of_these = select(timeline).where(timeline.c.incident.in_(chosen))
    for line in await conn.execute(of_these.order_by(timeline.c.incident, timeline.c.position)):
        entries[line.incident].append(Entry(line.at, line.who, line.text))
    heard = defaultdict(list)
    of_these = select(told).where(told.c.incident.in_(chosen))
    for one in await conn.execute(of_these.order_by(told.c.incident, told.c.position)):
        heard[one.incident].append(Told(one.destination, one.episode, one.sequence, one.repeat, one.repeat_at))
    return tuple(_incident(row._asdict(), entries[row.id], heard[row.id]) for row in rows)


def _incident(row: dict[str, Any], entries: list[Entry], heard: list[Told]) -> Incident:
    firing = frozenset(row.pop("firing"))
    return Incident(**row, firing=firing, timeline=tuple(entries), told=tuple(heard))
