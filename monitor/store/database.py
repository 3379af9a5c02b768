"""The database: found by its URL, brought to the current schema, and opened for one writer and several readers."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import URL, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from monitor.store import migrations, tables
from monitor.store.dialects import upsert
from monitor.store.errors import StoreError, explained, is_busy, is_trouble

_CONNECT = 5
"""Seconds for a connection to PostgreSQL, and for a lock that somebody else holds."""
_STATEMENT = 15
"""Seconds for one statement on PostgreSQL; the server gives up itself, we only if it is gone."""
_TURN = 30
"""Seconds that a writer waits for the ones before it, and a reader for a free connection."""
_OPENING, _PAUSE = 10, 0.1
"""Seconds after which no new attempt to open a database is made that somebody keeps locked, and between two of them."""
_READERS = 4

_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "postgres": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
}
_OPTIONS = {"sqlite+aiosqlite": set(), "postgresql+asyncpg": {"host", "port", "ssl", "sslmode"}}


class Store:
    """One database. Transactions that write take turns; those that read see one moment each."""

    def __init__(self, writer: AsyncEngine, readers: AsyncEngine, shown: str) -> None:
        self.shown = shown
        self._writer = writer
        self._readers = readers
        self._turns = asyncio.Lock()

    @classmethod
    async def open(cls, url: str) -> "Store":
        """The database of that URL, made if it is a SQLite file that is not there yet, at the current schema.

        Takes `sqlite:///path` and `postgresql://user:password@host/name`. Raises StoreError when it cannot be used.
        """
        target = _target(url)
        if target.database and target.get_backend_name() == "sqlite":
            await asyncio.to_thread(_make, Path(target.database), _shown(target))
        else:
            tables.for_postgresql()
        store = cls(_engine(target, writes=True), _engine(target, writes=False), _shown(target))
        try:
            await store._prepare()
        except BaseException:
            await store.close()
            raise
        return store

    async def _prepare(self) -> None:
        """Bring the schema up to date; another program that is about to do the same is waited for."""
        clock = asyncio.get_running_loop().time
        patience = clock() + _OPENING
        while True:
            try:
                async with self.begin() as conn:
                    await conn.run_sync(migrations.to_head, self.shown)
                return
            except StoreError as error:
                if not is_busy(error) or clock() > patience:
                    raise
            await asyncio.sleep(_PAUSE)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that may write: committed at the end of the block, undone by any exception.

        Raises StoreError when the database cannot be written; then nothing was.
        """
        async with self._turn(), self._explained(), self._writer.begin() as conn:
            yield conn

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that only reads, all of it from the same moment. Raises StoreError."""
        async with self._explained(), self._readers.connect() as conn:
            yield conn

    async def check_writable(self) -> None:
        """Write one row, whatever else goes on. Raises StoreError when that does not work."""
        async with self.begin() as conn:
            await conn.execute(upsert(conn, tables.pulse), {"id": 1, "at": datetime.now(UTC)})

    async def close(self) -> None:
        """Let go of all connections."""
        await self._readers.dispose()
        await self._writer.dispose()

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(_TURN):
                await self._turns.acquire()
        except TimeoutError:
            raise StoreError(
                f"{self.shown}: the writer before has not finished in {_TURN} s; look for trouble with the disk"
            ) from None
        try:
            yield
        finally:
            self._turns.release()

    @asynccontextmanager
    async def _explained(self) -> AsyncIterator[None]:
        try:
            yield
        except (DBAPIError, PoolTimeout, OSError) as error:
            if is_trouble(error):
                raise explained(self.shown, error) from error
            raise


def _target(url: str) -> URL:
    """The URL with our drivers; the errors never repeat it, because it may hold a password."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise StoreError("the storage URL cannot be read; write sqlite:///path or postgresql://…") from None
    driver = _DRIVERS.get(parsed.drivername, parsed.drivername)
    if driver not in _OPTIONS:
        raise StoreError(f"no storage in {parsed.drivername!r}; write sqlite:///path or postgresql://…")
    if parsed.database in (None, "", ":memory:"):
        raise StoreError(f"the storage URL {parsed.drivername}://… names no database; add it after the last slash")
    unknown = sorted(set(parsed.query) - _OPTIONS[driver])
    if unknown:
        raise StoreError(f"the storage URL has the unknown option {unknown[0]!r}; remove it")
    query = {"ssl" if name == "sslmode" else name: value for name, value in parsed.query.items()}
    return parsed.set(drivername=driver, query=query)


def _shown(target: URL) -> str:
    """The database as people may see it: no user, no password."""
    if target.get_backend_name() == "sqlite":
        return f"database {target.database}"
    return f"PostgreSQL database {target.database} on {target.host or target.query.get('host', 'this machine')}"


def _make(path: Path, shown: str) -> None:
    """An empty file for SQLite that only its owner may read, in a folder that only its owner may enter.

    What is there already stays as it is.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise explained(shown, error) from error


def _engine(target: URL, *, writes: bool) -> AsyncEngine:
    sqlite = target.get_backend_name() == "sqlite"
    engine = create_async_engine(
        target,
        hide_parameters=True,
        pool_size=1 if writes else _READERS,
        max_overflow=0,
        pool_timeout=_TURN,
        pool_pre_ping=not sqlite,
        connect_args=_sqlite_arguments() if sqlite else _postgresql_arguments(writes=writes),
    )
    if sqlite:
        _use_sqlite_well(engine, writes=writes)
    return engine


def _sqlite_arguments() -> dict[str, Any]:
    # Without an isolation level Python's driver begins no transactions of its own; the listener below does.
    return {"timeout": _CONNECT, "isolation_level": None}


def _postgresql_arguments(*, writes: bool) -> dict[str, Any]:
    settings = {
        "application_name": "deskwatch",
        "jit": "off",
        "statement_timeout": f"{_STATEMENT}s",
        "lock_timeout": f"{_CONNECT}s",
        "idle_in_transaction_session_timeout": f"{_TURN}s",
    }
    if not writes:
        settings |= {"default_transaction_read_only": "on", "default_transaction_isolation": "repeatable read"}
    return {"timeout": _CONNECT, "command_timeout": _STATEMENT + _CONNECT, "server_settings": settings}


def _use_sqlite_well(engine: AsyncEngine, *, writes: bool) -> None:
    """Readers beside the writer (WAL), and the write lock from the start, so that no transaction fails half-way."""
    pragmas = ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON") if writes else ("query_only=ON",)

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
