"""Episodes and what the rules remember: enough to go on after a restart as if there had been none."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, bindparam, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from alerting.rules import Episode, State
from monitor.store.dialects import one_of, upsert
from monitor.store.tables import episodes
from monitor.store.tables import states as _states

_COLUMNS = [column for column in episodes.columns if column.name != "incident"]


async def states(conn: AsyncConnection) -> dict[tuple[str, str], State]:
    """What every rule remembers, by check and rule, each with its open episode; the previous reading is not stored."""
    memory = select(_states.c.check, _states.c.rule, _states.c.recent, _states.c.turns)
    open_ones = select(*_COLUMNS).join(_states, _states.c.episode == episodes.c.id)
    found = {(row.check, row.rule): _episode(row) for row in await conn.execute(open_ones)}
    return {
        (row.check, row.rule): State(
            recent=tuple(verdict == "1" for verdict in row.recent),
            episode=found.get((row.check, row.rule)),
            fired=tuple(datetime.fromisoformat(at) for at in row.turns.split()),
        )
        for row in await conn.execute(memory)
    }


async def save_state(conn: AsyncConnection, check: str, rule: str, state: State) -> None:
    """Remember a rule's state and its open episode. A state with nothing to remember is forgotten."""
    await save_states(conn, {(check, rule): state})


async def save_states(conn: AsyncConnection, changed: Mapping[tuple[str, str], State]) -> None:
    """The same for many rules by check and rule, in a few statements however many there are."""
    kept = {key: state for key, state in changed.items() if state.recent or state.episode or state.fired}
    if gone := [{"of_check": check, "of_rule": rule} for check, rule in changed if (check, rule) not in kept]:
        of_rule = (_states.c.check == bindparam("of_check"), _states.c.rule == bindparam("of_rule"))
        await conn.execute(delete(_states).where(*of_rule), gone)
    await save_all(conn, [(state.episode, None) for state in kept.values() if state.episode is not None])
    if kept:
        await conn.execute(upsert(conn, _states), [_memory(*key, state) for key, state in kept.items()])


async def save(conn: AsyncConnection, episode: Episode, incident: str | None = None) -> None:
    """Insert or update an episode; without an `incident` it keeps the one it belongs to."""
    await save_all(conn, [(episode, incident)])


async def save_all(conn: AsyncConnection, changed: Sequence[tuple[Episode, str | None]]) -> None:
    """The same for many episodes, each with its incident, in a few statements however many there are."""
    free = [{**_row(episode), "incident": None} for episode, incident in changed if incident is None]
    held = [{**_row(episode), "incident": incident} for episode, incident in changed if incident is not None]
    if free:
        await conn.execute(upsert(conn, episodes, keep=("incident",)), free)
    if held:
        await conn.execute(upsert(conn, episodes), held)


async def incident_of(conn: AsyncConnection, episode: str) -> str | None:
    """The incident that an episode belongs to, None if it belongs to none."""
    found: str | None = await conn.scalar(select(episodes.c.incident).where(episodes.c.id == episode))
    return found


async def get(conn: AsyncConnection, id: str) -> Episode | None:
    """The episode of that id."""
    row = (await conn.execute(select(*_COLUMNS).where(episodes.c.id == id))).one_or_none()
    return None if row is None else _episode(row)


async def touching(conn: AsyncConnection, check: str, start: datetime, end: datetime) -> tuple[Episode, ...]:
    """A check's episodes that reach into the time from `start` to `end`, oldest first."""
    still = episodes.c.closed.is_(None) | (episodes.c.closed >= start)
    query = select(*_COLUMNS).where(episodes.c.check == check, episodes.c.opened <= end, still)
    return tuple(_episode(row) for row in await conn.execute(query.order_by(episodes.c.opened, episodes.c.id)))


async def between(conn: AsyncConnection, start: datetime, end: datetime) -> tuple[Episode, ...]:
    """The episodes of all checks that have fired and reach into the time from `start` to `end`, oldest first."""
    still = episodes.c.closed.is_(None) | (episodes.c.closed >= start)
    query = select(*_COLUMNS).where(episodes.c.opened < end, episodes.c.fired.is_not(None), still)
    return tuple(_episode(row) for row in await conn.execute(query.order_by(episodes.c.opened, episodes.c.id)))


async def closed_since(conn: AsyncConnection, since: datetime) -> tuple[Episode, ...]:
    """The episodes that had fired and ended at `since` or later, in the order of their end."""
    query = select(*_COLUMNS).where(episodes.c.closed >= since, episodes.c.fired.is_not(None))
    return tuple(_episode(row) for row in await conn.execute(query.order_by(episodes.c.closed, episodes.c.id)))


async def of_incidents(conn: AsyncConnection, ids: Collection[str]) -> dict[str, tuple[Episode, ...]]:
    """The episodes of some incidents, by the incident, oldest first."""
    query = select(*_COLUMNS, episodes.c.incident).where(one_of(conn, episodes.c.incident, ids))
    found = defaultdict[str, list[Episode]](list)
    for *columns, incident in await conn.execute(query.order_by(episodes.c.opened, episodes.c.id)):
        found[incident].append(Episode(*columns))
    return {id: tuple(some) for id, some in found.items()}


async def ended(conn: AsyncConnection, since: datetime) -> dict[tuple[str, str], str]:
    """The incident of the last episode of each rule that was over then or later, by check and rule."""
    query = select(episodes.c.check, episodes.c.rule, episodes.c.incident)
    rows = await conn.execute(
        query.where(episodes.c.closed >= since, episodes.c.incident.is_not(None)).order_by(episodes.c.closed)
    )
    return {(row.check, row.rule): row.incident for row in rows}


async def recent(conn: AsyncConnection, check: str, limit: int = 20) -> tuple[Episode, ...]:
    """A check's newest episodes, newest first."""
    query = select(*_COLUMNS).where(episodes.c.check == check)
    rows = await conn.execute(query.order_by(episodes.c.opened.desc(), episodes.c.id.desc()).limit(limit))
    return tuple(_episode(row) for row in rows)


def _memory(check: str, rule: str, state: State) -> dict[str, Any]:
    return {
        "check": check,
        "rule": rule,
        "recent": "".join("1" if verdict else "0" for verdict in state.recent),
        "turns": " ".join(at.astimezone(UTC).isoformat() for at in state.fired),
        "episode": state.episode.id if state.episode else None,
    }


def _row(episode: Episode) -> dict[str, Any]:
    return {column.name: getattr(episode, column.name) for column in _COLUMNS}


def _episode(row: Row[Any]) -> Episode:
    return Episode(**row._asdict())
