"""The schema's history: from whatever is stored to what this version needs."""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from monitor.store.errors import StoreError
from monitor.store.tables import metadata

HEAD = "0007"
"""The newest schema. A start at it, or with an empty database, does not import Alembic: time and 9 MB for nothing."""

_LOCK = 7_470_031
"""The advisory lock under which PostgreSQL is migrated: any number, as long as it stays the same."""


def to_head(connection: Connection, shown: str) -> None:
    """Bring the schema to HEAD, within the connection's transaction.

    Raises StoreError when a newer version of Deskwatch has been here.
    """
    if version(connection) == HEAD:
        return
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    if version(connection) is None:
        _create(connection)
    else:
        upgrade(connection, shown)


def version(connection: Connection) -> str | None:
    """The schema's version, None for an empty database."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def _create(connection: Connection) -> None:
    """All tables as they are declared, in a database without any, and the note that Alembic keeps of it."""
    metadata.create_all(connection, checkfirst=False)
    connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
    connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})


def upgrade(connection: Connection, shown: str) -> None:
    """Bring the schema to HEAD step by step, from an empty database too. Raises StoreError as `to_head` does."""
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise StoreError(
            f"{shown}: its schema {version(connection)} is newer than this Deskwatch, which knows up to {HEAD}; "
            "start the newer version, or restore a backup from before the upgrade"
        ) from error
