"""Incidents with their timelines, the destinations that have been told and those that wait."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, Row, Select, Table, bindparam, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from alerting.gates import Hold
from alerting.rules import Severity
from incidents.impact import Basis, Correction, Impact
from incidents.incident import Entry, Incident, Ladder, Stage, Told, Waiting
from incidents.review import Category
from monitor.store.actions import action_of, action_row
from monitor.store.dialects import upsert
from monitor.store.tables import actions, incidents, ladders, timeline, told, waiting

P = TypeVar("P")
_Rows = dict[str, list[Row[*tuple[Any, ...]]]]
"""The rows of a table by incident."""

_MOVE = (
    update(timeline)
    .where(timeline.c.incident == bindparam("of"), timeline.c.position == bindparam("line"))
    .values(at=bindparam("new_at"), noted=bindparam("first"))
)

_LIVE = [stage for stage in Stage if stage.live]
_SETS = ("firing", "joined")
_PARTS = {timeline: "position", told: "position", waiting: "since", ladders: "route", actions: "id"}
"""The tables that hold parts of an incident, and what their rows are ordered by."""


class Changed(NamedTuple):
    """An incident as it is now, and as it is stored: None if it is new."""

    now: Incident
    before: Incident | None


class Wanted(NamedTuple):
    """Which incidents are looked for; what is None or "" leaves all.

    `words` stand in the title; from `start` on and before `end` it began.
    """

    stage: Stage | None = None
    severity: Severity | None = None
    asset: str = ""
    category: Category | None = None
    words: str = ""
    start: datetime | None = None
    end: datetime | None = None


ALL = Wanted()


async def save(conn: AsyncConnection, incident: Incident) -> None:
    """Insert or update an incident. Of a line of the timeline only the time ever changes; who was told is replaced."""
    await save_all(conn, [Changed(incident, await get(conn, incident.id))])


async def save_all(conn: AsyncConnection, changed: Sequence[Changed]) -> None:
    """Write what has changed of each incident, in a few statements however many there are."""
    if not changed:
        return
    await conn.execute(upsert(conn, incidents), [_row(one.now) for one in changed])
    lines = [line for one in changed for line in _new_lines(one)]
    if lines:
        await conn.execute(insert(timeline), lines)
    if moved := [line for one in changed for line in _moved_lines(one)]:
        await conn.execute(_MOVE, moved)
    listed = [one for done in changed for one in _new_actions(done)]
    if listed:
        await conn.execute(upsert(conn, actions, keep=("reminded",)), listed)
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


async def watched(conn: AsyncConnection, ended: datetime | None = None) -> tuple[Incident, ...]:
    """Those that time alone can still change, oldest first: the live ones, and those called resolved by a person.

    With `ended` also those that were over later than that, for they may come back.
    """
    wanted = or_(incidents.c.stage.in_(_LIVE), incidents.c.rechecked.is_not(None))
    if ended is not None:
        wanted = or_(wanted, incidents.c.resolved > ended)
    return await _load(conn, select(incidents.c.id).where(wanted))


async def page(
    conn: AsyncConnection, limit: int = 50, before: str | None = None, wanted: Wanted = ALL
) -> tuple[Incident, ...]:
    """The newest incidents that are wanted, newest first; `before` is the last id of the page before."""
    chosen = select(incidents.c.id).where(*_conditions(wanted)).order_by(incidents.c.id.desc()).limit(limit)
    found = await _load(conn, chosen if before is None else chosen.where(incidents.c.id < before))
    return found[::-1]


async def between(conn: AsyncConnection, start: datetime, end: datetime) -> tuple[Incident, ...]:
    """Those that reach into the time from `start` to `end`, oldest first."""
    still = incidents.c.resolved.is_(None) | (incidents.c.resolved >= start)
    return await _load(conn, select(incidents.c.id).where(incidents.c.opened < end, still))


async def opened_since(conn: AsyncConnection, since: datetime) -> tuple[Incident, ...]:
    """Those that began then or later, oldest first; without their timelines, and without whom they told."""
    return await _load(conn, select(incidents.c.id).where(incidents.c.opened >= since), (actions,))


async def merged_into(conn: AsyncConnection, ids: Collection[str]) -> dict[str, str]:
    """What has been merged into some incidents: the id of the one that tells of it, by its own."""
    query = select(incidents.c.id, incidents.c.merged_into).where(incidents.c.merged_into.in_(ids))
    return {row.id: row.merged_into for row in await conn.execute(query)}


async def matching(
    conn: AsyncConnection,
    start: datetime,
    end: datetime,
    stages: Collection[Stage],
    severities: Collection[Severity],
    assets: Collection[str],
    limit: int,
) -> tuple[Incident, ...]:
    """The newest incidents that reach into the time from `start` to `end`, newest first, without merged ones.

    What is empty of `stages`, `severities` and `assets` means all of them.
    """
    still = incidents.c.resolved.is_(None) | (incidents.c.resolved >= start)
    chosen = select(incidents.c.id).where(incidents.c.opened < end, still, incidents.c.merged_into.is_(None))
    for column, wanted in (
        (incidents.c.stage, stages),
        (incidents.c.severity, severities),
        (incidents.c.asset, assets),
    ):
        if wanted:
            chosen = chosen.where(column.in_(wanted))
    found = await _load(conn, chosen.order_by(incidents.c.id.desc()).limit(limit))
    return found[::-1]


async def count_live(conn: AsyncConnection) -> dict[str, int]:
    """How many are live, by severity."""
    query = select(incidents.c.severity, func.count().label("found")).where(incidents.c.stage.in_(_LIVE))
    return {row.severity.value: row.found for row in await conn.execute(query.group_by(incidents.c.severity))}


def _conditions(wanted: Wanted) -> Iterable[ColumnElement[bool]]:
    column = incidents.c
    for one, value in ((column.stage, wanted.stage), (column.severity, wanted.severity)):
        if value is not None:
            yield one == value
    if wanted.asset:
        yield column.asset == wanted.asset
    if wanted.category is not None:
        yield column.category == wanted.category
    if wanted.words:
        yield column.title.icontains(wanted.words, autoescape=True)
    if wanted.start is not None:
        yield column.opened >= wanted.start
    if wanted.end is not None:
        yield column.opened < wanted.end


def _row(incident: Incident) -> dict[str, Any]:
    row = {column.name: getattr(incident, column.name) for column in incidents.columns}
    return {**row, **{name: sorted(row[name]) for name in _SETS}, **_costs(incident)}


def _costs(incident: Incident) -> dict[str, Any]:
    """What an incident cost, as JSON has it; None where that is not known."""
    cost, other = incident.cost, incident.corrected
    return {
        "cost": cost._asdict() if cost is not None else None,
        "corrected": {**other._asdict(), "at": other.at.isoformat()} if other is not None else None,
    }


def _new_lines(changed: Changed) -> Iterable[dict[str, Any]]:
    stored = len(changed.before.timeline) if changed.before is not None else 0
    for position, entry in enumerate(changed.now.timeline[stored:], stored):
        yield {"incident": changed.now.id, "position": position, **entry._asdict()}


def _moved_lines(changed: Changed) -> Iterable[dict[str, Any]]:
    stored = changed.before.timeline if changed.before is not None else ()
    for position, (before, now) in enumerate(zip(stored, changed.now.timeline, strict=False)):
        if (before.at, before.noted) != (now.at, now.noted):
            yield {"of": changed.now.id, "line": position, "new_at": now.at, "first": now.noted}


def _new_actions(changed: Changed) -> Iterable[dict[str, Any]]:
    stored = changed.before.actions if changed.before is not None else ()
    return (action_row(one) for one in changed.now.actions if one not in stored)


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


async def _load(conn: AsyncConnection, chosen: Select[str], parts: Collection[Table] = _PARTS) -> tuple[Incident, ...]:
    """The incidents of the chosen ids with these parts, oldest first, in a few statements however many they are."""
    rows = await conn.execute(select(incidents).where(incidents.c.id.in_(chosen)).order_by(incidents.c.id))
    found = {table: await _parts(conn, table, order, chosen) for table, order in _PARTS.items() if table in parts}
    none: _Rows = defaultdict(list)
    lines, heard, held, climbed, listed = (found.get(table, none) for table in _PARTS)
    return tuple(
        _incident(
            row._asdict(),
            timeline=tuple(Entry(*(getattr(one, name) for name in Entry._fields)) for one in lines[row.id]),
            told=tuple(Told(*(getattr(one, name) for name in Told._fields)) for one in heard[row.id]),
            waiting=tuple(_waiting(one) for one in held[row.id]),
            ladders=tuple(Ladder(*(getattr(one, name) for name in Ladder._fields)) for one in climbed[row.id]),
            actions=tuple(action_of(one) for one in listed[row.id]),
        )
        for row in rows
    )


async def _parts(conn: AsyncConnection, table: Table, order: str, chosen: Select[str]) -> _Rows:
    """The rows of a table that belong to the chosen incidents, by incident."""
    found = defaultdict(list)
    query = select(table).where(table.c.incident.in_(chosen)).order_by(table.c.incident, table.c[order])
    for row in await conn.execute(query):
        found[row.incident].append(row)
    return found


def _waiting(row: Row[*tuple[Any, ...]]) -> Waiting:
    return Waiting(row.route, row.episode, row.since, Hold(row.gate, row.by, row.until, row.words))


def _incident(row: dict[str, Any], **parts: Any) -> Incident:
    cost, corrected = row.pop("cost"), row.pop("corrected")
    if cost is not None:
        cost = Impact(**{**cost, "basis": Basis(cost["basis"]), "assets": tuple(cost["assets"])})
    if corrected is not None:
        corrected = Correction(**{**corrected, "at": datetime.fromisoformat(corrected["at"])})
    sets = {name: frozenset(row[name]) for name in _SETS}
    return Incident(**{**row, **sets}, cost=cost, corrected=corrected, **parts)
