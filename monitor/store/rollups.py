"""Latency rollups: what is stored grows by what is saved."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from monitor.history import Rollup
from monitor.store.batches import batches
from monitor.store.dialects import one_of, upsert
from monitor.store.tables import rollups as _rollups

__all__ = ["Rollup", "between", "save"]


async def save(conn: AsyncConnection, rollups: Sequence[Rollup]) -> None:
    """Add latencies to those stored for the same check, step and start."""
    slots: dict[tuple[int, datetime], dict[str, Rollup]] = {}
    for rollup in rollups:
        slot = slots.setdefault((rollup.step, rollup.start), {})
        slot[rollup.check] = _sum(slot.get(rollup.check), rollup)
    statement = upsert(conn, _rollups)
    for (step, start), slot in slots.items():
        for checks in batches(list(slot)):
            stored = await _stored(conn, step, start, checks)
            await conn.execute(statement, [_row(_sum(stored.get(check), slot[check])) for check in checks])


async def between(conn: AsyncConnection, check: str, step: int, start: datetime, end: datetime) -> tuple[Rollup, ...]:
    """The check's rollups of that step (seconds) that start within the time, oldest first; `end` is not in it."""
    query = select(_rollups).where(_rollups.c.check == check, _rollups.c.step == step)
    rows = await conn.execute(query.where(_rollups.c.start >= start, _rollups.c.start < end).order_by(_rollups.c.start))
    return tuple(_rollup(row) for row in rows)


async def _stored(conn: AsyncConnection, step: int, start: datetime, checks: Sequence[str]) -> dict[str, Rollup]:
    mine = one_of(conn, _rollups.c.check, checks)
    query = select(_rollups).where(_rollups.c.step == step, _rollups.c.start == start, mine)
    return {row.check: _rollup(row) for row in await conn.execute(query)}


def _sum(earlier: Rollup | None, new: Rollup) -> Rollup:
    return new if earlier is None else earlier.plus(new)


def _row(rollup: Rollup) -> dict[str, object]:
    return {**rollup._asdict(), "buckets": json.dumps(rollup.buckets, separators=(",", ":"))}


def _rollup(row: Row[*tuple[Any, ...]]) -> Rollup:
    values = row._asdict()
    buckets = {int(index): count for index, count in json.loads(values.pop("buckets")).items()}
    return Rollup(**values, buckets=buckets)
