"""Incidents with their timelines, the destinations that have been told and those that wait."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Row, Select, Table, delete, func, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from alerting.gates import Hold
from incidents.incident import Entry, Incident, Ladder, Stage, Told, Waiting
from monitor.store.dialects import upsert
from monitor.store.tables import incidents, ladders, timeline, told, waiting

P = TypeVar("P")

_LIVE = [stage for stage in Stage if stage.live]
_SETS = ("firing", "joined")


class Changed(NamedTuple):
    """An incident as it is now, and as it is stored: None if it is new."""

    now: Incident
    before: Incident | None


async def save(conn: AsyncConnection, incident: Incident) -> None:
    """Insert or update an incident. Timeline entries only ever are added; who has been told is replaced."""
    await save_all(conn, [Changed(incident, await get(conn, incident.id))])


async def save_all(conn: AsyncConnection, changed: Sequence[Changed]) -> None:
    """Write what has changed of each incident, in a few statements however many there are."""
    if not changed:
        return
    await conn.execute(upsert(conn, incidents), [_row(one.now) for one in changed])
    lines = [line for one in changed for line in _new_lines(one)]
    if lines:
        await conn.execute(insert(timeline), lines)
    await _replace(conn, told, changed, lambda one: one.told, _told_row)
    await _replace(conn, waiting, changed, lambda one: one.waiting, _waiting_row)
    await _replace(conn, ladders, changed, lambda one: one.ladders, _ladder_row)


async def get(conn: AsyncConnection, id: str) -> Incident | None:
    """The incident of that id."""
    found = await _load(conn, select(incidents.c.id).where(incidents.c.id == id))
    return found[0] if found else None


async def live(conn: AsyncConnection) -> tuple[Incident, ...]:
    """Those whose fault is still there, oldest first."""
    return await _load(conn, select(incidents.c.id).where(incidents.c.stage.in_(_LIVE)))


async def watched(conn: AsyncConnection) -> tuple[Incident, ...]:
    """Those that time alone can still change, oldest first: the live ones, and those called resolved by a person."""
    wanted = or_(incidents.c.stage.in_(_LIVE), incidents.c.rechecked.is_not(None))
    return await _load(conn, select(incidents.c.id).where(wanted))


async def page(conn: AsyncConnection, limit: int = 50, before: str | None = None) -> tuple[Incident, ...]:
    """The newest incidents, newest first; `before` is the last id of the page before."""
    chosen = select(incidents.c.id).order_by(incidents.c.id.desc()).limit(limit)
    found = await _load(conn, chosen if before is None else chosen.where(incidents.c.id < before))
    return found[::-1]


async def count_live(conn: AsyncConnection) -> dict[str, int]:
    """How many are live, by severity."""
    query = select(incidents.c.severity, func.count().label("found")).where(incidents.c.stage.in_(_LIVE))
    return {row.severity.value: row.found for row in await conn.execute(query.group_by(incidents.c.severity))}


def _row(incident: Incident) -> dict[str, Any]:
    row = {column.name: getattr(incident, column.name) for column in incidents.columns}
    return {**row, **{name: sorted(row[name]) for name in _SETS}}


def _new_lines(changed: Changed) -> Iterable[dict[str, Any]]:
    stored = len(changed.before.timeline) if changed.before is not None else 0
    for position, entry in enumerate(changed.now.timeline[stored:], stored):
        yield {"incident": changed.now.id, "position": position, **entry._asdict()}


async def _replace(
    conn: AsyncConnection,
    table: Table,
    changed: Sequence[Changed],
    part: Callable[[Incident], Sequence[P]],
    row: Callable[[int, P], dict[str, Any]],
) -> None:
    """Write a part of the incidents in which it has changed."""
    other = [one for one in changed if part(one.now) != (part(one.before) if one.before is not None else ())]
    stored = [one.now.id for one in other if one.before is not None]
    if stored:
        await conn.execute(delete(table).where(table.c.incident.in_(stored)))
    rows = [{"incident": one.now.id, **row(n, item)} for one in other for n, item in enumerate(part(one.now))]
    if rows:
        await conn.execute(insert(table), rows)


def _told_row(position: int, one: Told) -> dict[str, Any]:
    return {"position": position, **one._asdict()}


def _waiting_row(_: int, one: Waiting) -> dict[str, Any]:
    return {"route": one.route, "episode": one.episode, "since": one.since, **one.hold._asdict()}


def _ladder_row(_: int, one: Ladder) -> dict[str, Any]:
    return one._asdict()


async def _load(conn: AsyncConnection, chosen: Select[str]) -> tuple[Incident, ...]:
    """The incidents of the chosen ids, oldest first, in a few statements however many they are."""
    rows = await conn.execute(select(incidents).where(incidents.c.id.in_(chosen)).order_by(incidents.c.id))
    lines = await _parts(conn, timeline, "position", chosen)
    heard = await _parts(conn, told, "position", chosen)
    held = await _parts(conn, waiting, "since", chosen)
    climbed = await _parts(conn, ladders, "route", chosen)
    return tuple(
        _incident(
            row._asdict(),
            timeline=tuple(Entry(one.at, one.who, one.text) for one in lines[row.id]),
            told=tuple(Told(*(getattr(one, name) for name in Told._fields)) for one in heard[row.id]),
            waiting=tuple(_waiting(one) for one in held[row.id]),
            ladders=tuple(Ladder(*(getattr(one, name) for name in Ladder._fields)) for one in climbed[row.id]),
        )
        for row in rows
    )


async def _parts(
    conn: AsyncConnection, table: Table, order: str, chosen: Select[str]
) -> dict[str, list[Row[*tuple[Any, ...]]]]:
    """The rows of a table that belong to the chosen incidents, by incident."""
    found = defaultdict(list)
    query = select(table).where(table.c.incident.in_(chosen)).order_by(table.c.incident, table.c[order])
    for row in await conn.execute(query):
        found[row.incident].append(row)
    return found


def _waiting(row: Row[*tuple[Any, ...]]) -> Waiting:
    return Waiting(row.route, row.episode, row.since, Hold(row.gate, row.by, row.until, row.words))


def _incident(row: dict[str, Any], **parts: Any) -> Incident:
    return Incident(**{**row, **{name: frozenset(row[name]) for name in _SETS}}, **parts)
