"""Episodes and what the rules remember: enough to go on after a restart as if there had been none."""

from typing import Any

from sqlalchemy import Row, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from alerting.rules import Episode, State
from monitor.store.dialects import upsert
from monitor.store.tables import episodes
from monitor.store.tables import states as _states

_COLUMNS = [column for column in episodes.columns if column.name != "incident"]


async def states(conn: AsyncConnection) -> dict[tuple[str, str], State]:
    """What every rule remembers, by check and rule, each with its open episode."""
    memory = select(_states.c.check, _states.c.rule, _states.c.recent)
    open_ones = select(*_COLUMNS).join(_states, _states.c.episode == episodes.c.id)
    found = {(row.check, row.rule): _episode(row) for row in await conn.execute(open_ones)}
    return {
        (row.check, row.rule): State(tuple(verdict == "1" for verdict in row.recent), found.get((row.check, row.rule)))
        for row in await conn.execute(memory)
    }


async def save_state(conn: AsyncConnection, check: str, rule: str, state: State) -> None:
    """Remember a rule's state and its open episode. The empty state is forgotten."""
    if state == State():
        await conn.execute(delete(_states).where(_states.c.check == check, _states.c.rule == rule))
        return
    if state.episode is not None:
        await save(conn, state.episode)
    row = {
        "check": check,
        "rule": rule,
        "recent": "".join("1" if verdict else "0" for verdict in state.recent),
        "episode": state.episode.id if state.episode else None,
    }
    await conn.execute(upsert(conn, _states), row)


async def save(conn: AsyncConnection, episode: Episode, incident: str | None = None) -> None:
    """Insert or update an episode; without an `incident` it keeps the one it belongs to."""
    row = {column.name: getattr(episode, column.name) for column in _COLUMNS}
    keep = () if incident is not None else ("incident",)
    await conn.execute(upsert(conn, episodes, keep=keep), {**row, "incident": incident})


async def incident_of(conn: AsyncConnection, episode: str) -> str | None:
    """The incident that an episode belongs to, None if it belongs to none."""
    found: str | None = await conn.scalar(select(episodes.c.incident).where(episodes.c.id == episode))
    return found


async def recent(conn: AsyncConnection, check: str, limit: int = 20) -> tuple[Episode, ...]:
    """A check's newest episodes, newest first."""
    query = select(*_COLUMNS).where(episodes.c.check == check)
    rows = await conn.execute(query.order_by(episodes.c.opened.desc(), episodes.c.id.desc()).limit(limit))
    return tuple(_episode(row) for row in rows)


def _episode(row: Row[Any]) -> Episode:
    return Episode(**row._asdict())
