"""Reads what Uptime Kuma knows, from a backup of version 1 or from the database of versions 1 and 2, never writing."""

import json
import re
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from monitor.migrate.files import text_of

_MAGIC = b"SQLite format 3\0"
_MOST_ROWS = 20_000
_LONGEST_VALUE = 1024 * 1024
_MOST_STEPS = 2_000  # thousands of steps of SQLite's machine that one question may take
_TABLES = ("monitor", "notification", "maintenance", "tag")
_LINKS = ("monitor_notification", "monitor_tag", "monitor_maintenance")

Row = Mapping[str, Any]


class Kuma(NamedTuple):
    """What was found. The keys of rows are the columns of the database, also where a backup has other names.

    `tags`, `told` and `maintained` say, by the id of a monitor, its tags, the ids of its notifications, and of its
    maintenance.
    """

    monitors: tuple[Row, ...]
    notifications: tuple[Row, ...]
    maintenance: tuple[Row, ...]
    tags: Mapping[int, tuple[str, ...]]
    told: Mapping[int, tuple[int, ...]]
    maintained: Mapping[int, tuple[int, ...]]


def kuma_of(path: Path) -> Kuma:
    """What a backup or a database holds. Raises OSError when it cannot be read, ValueError when it is neither."""
    with path.open("rb") as stream:
        database = stream.read(len(_MAGIC)) == _MAGIC
    return _of_database(path) if database else of_backup(text_of(path))


def of_backup(text: str) -> Kuma:
    """What a backup in JSON holds. Raises ValueError."""
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("it is neither a backup of Uptime Kuma in JSON nor its database") from None
    monitors = _rows(given, "monitorList")
    if not monitors:
        raise ValueError("it is no backup of Uptime Kuma: it must have a `monitorList` with monitors")
    return Kuma(
        tuple(map(_columns, monitors)),
        tuple(map(_columns, _rows(given, "notificationList"))),
        (),
        {_id(one): _tags_of(one) for one in monitors},
        {_id(one): _told_of(one) for one in monitors},
        {},
    )


def _rows(given: object, key: str) -> list[dict[str, Any]]:
    """The entries of a list in a backup; those of version 1.0 are a mapping by id."""
    value = given.get(key) if isinstance(given, dict) else None
    rows = list(value.values()) if isinstance(value, dict) else value or []
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows) or len(rows) > _MOST_ROWS:
        raise ValueError(f"its `{key}` must be a list of at most {_MOST_ROWS} settings")
    return rows


def _columns(row: Row) -> Row:
    """A monitor of a backup with the names of the database's columns: upsideDown is upside_down."""
    found = {re.sub(r"([a-z])([A-Z])", r"\1_\2", key).lower(): value for key, value in row.items()}
    codes = found.get("accepted_statuscodes")
    return found | ({"accepted_statuscodes_json": json.dumps(codes)} if isinstance(codes, list) else {})


def _id(row: Row) -> int:
    value = row.get("id")
    return value if isinstance(value, int) else 0


def _tags_of(row: Row) -> tuple[str, ...]:
    given = row.get("tags")
    return tuple(_tag(one) for one in given if isinstance(one, dict)) if isinstance(given, list) else ()


def _tag(row: Row) -> str:
    return " ".join(str(row[key]) for key in ("name", "value") if isinstance(row.get(key), str) and row[key])


def _told_of(row: Row) -> tuple[int, ...]:
    given = row.get("notificationIDList")
    return (
        tuple(int(id) for id, on in given.items() if on and id.isascii() and id.isdecimal())
        if isinstance(given, dict)
        else ()
    )


def _of_database(path: Path) -> Kuma:
    log = path.with_name(path.name + "-wal")
    if log.exists() and log.stat().st_size:
        raise ValueError(
            f"Uptime Kuma has it open, or {log.name} is left over; stop it, or copy it by `sqlite3 .backup`"
        )
    # Immutable: SQLite takes no lock and makes no file beside it.
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
    try:
        return _of_tables(_tables(connection))
    except sqlite3.Error as error:
        raise ValueError(f"it is no database of Uptime Kuma that can be read: {error}") from None
    finally:
        connection.close()


def _tables(connection: sqlite3.Connection) -> dict[str, list[Row]]:
    """The rows of the tables that matter; one that is missing has none."""
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_VALUE)
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.row_factory = sqlite3.Row
    present = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if "monitor" not in present:
        raise ValueError("it is no database of Uptime Kuma: it has no table `monitor`")
    return {name: _table(connection, name) for name in (*_TABLES, *_LINKS) if name in present}


def _table(connection: sqlite3.Connection, name: str) -> list[Row]:
    steps = iter(range(_MOST_STEPS))
    connection.set_progress_handler(lambda: next(steps, None) is None, 1000)
    rows = connection.execute(f"SELECT * FROM {name} LIMIT {_MOST_ROWS + 1}").fetchall()  # noqa: S608 - our own words
    if len(rows) > _MOST_ROWS:
        raise ValueError(f"its table `{name}` has more than {_MOST_ROWS} rows")
    return [dict(row) for row in rows]


def _of_tables(tables: Mapping[str, list[Row]]) -> Kuma:
    names = {row.get("id"): row.get("name") for row in tables.get("tag", ())}
    tagged: dict[int, list[str]] = {}
    for row in tables.get("monitor_tag", ()):
        if isinstance(monitor := row.get("monitor_id"), int):
            words = _tag({"name": names.get(row.get("tag_id")), "value": row.get("value")})
            tagged.setdefault(monitor, []).append(words)
    return Kuma(
        tuple(tables["monitor"]),
        tuple(tables.get("notification", ())),
        tuple(tables.get("maintenance", ())),
        {id: tuple(words) for id, words in tagged.items()},
        _links(tables.get("monitor_notification", ()), "notification_id"),
        _links(tables.get("monitor_maintenance", ()), "maintenance_id"),
    )


def _links(rows: Iterable[Row], key: str) -> dict[int, tuple[int, ...]]:
    """The ids that a table of links leads to, by the id of the monitor."""
    found: dict[int, tuple[int, ...]] = {}
    for row in rows:
        monitor, other = row.get("monitor_id"), row.get(key)
        if isinstance(monitor, int) and isinstance(other, int):
            found[monitor] = (*found.get(monitor, ()), other)
    return found
