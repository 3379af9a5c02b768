"""The migrations and the tables say the same."""

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from monitor.store import Store, StoreError, migrations
from monitor.store.tables import metadata

START = """
import asyncio, sys
from monitor.store import Store
async def main():
    await (await Store.open(sys.argv[1])).close()
asyncio.run(main())
print("alembic" in sys.modules)
"""


def _differences(connection: Connection) -> list[object]:
    return list(compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata))


async def test_an_empty_database_gets_exactly_the_declared_tables(store: Store) -> None:
    async with store.connect() as conn:
        assert await conn.run_sync(_differences) == []
        assert await conn.run_sync(migrations.version) == migrations.HEAD


async def test_all_migrations_together_lead_to_the_declared_tables(url: str) -> None:
    store = await Store.open(url)
    async with store.begin() as conn:
        await conn.execute(text("DROP TABLE alembic_version"))
        await conn.run_sync(metadata.drop_all)
        await conn.run_sync(migrations.upgrade, store.shown)
        assert await conn.run_sync(_differences) == []
        assert await conn.run_sync(migrations.version) == migrations.HEAD
    await store.close()


def test_head_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    assert ScriptDirectory.from_config(config).get_heads() == [migrations.HEAD]


async def test_a_database_of_a_newer_version_is_refused_and_left_alone(url: str) -> None:
    store = await Store.open(url)
    async with store.begin() as conn:
        await conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    await store.close()
    with pytest.raises(StoreError, match=r"schema 9999 is newer .* start the newer version"):
        await Store.open(url)


async def test_a_migration_that_fails_leaves_nothing_behind(url: str) -> None:
    store = await Store.open(url)
    async with store.begin() as conn:
        await conn.execute(text("DROP TABLE alembic_version"))
        for table in reversed(metadata.sorted_tables):
            if table.name != "pulse":
                await conn.execute(text(f"DROP TABLE {table.name}"))
    await store.close()
    with pytest.raises(StoreError, match="already exists; use a database of Deskwatch's own"):
        await Store.open(url)
    survivor = await _tables(url)
    assert survivor == ["pulse"]


async def _tables(url: str) -> list[str]:
    from sqlalchemy import inspect
    from sqlalchemy.ext.asyncio import create_async_engine

    driver = url.replace("sqlite:", "sqlite+aiosqlite:").replace("postgresql:", "postgresql+asyncpg:")
    engine = create_async_engine(driver)
    async with engine.connect() as conn:
        names = await conn.run_sync(lambda connection: inspect(connection).get_table_names())
    await engine.dispose()
    return names


async def test_neither_a_first_start_nor_one_at_the_current_schema_imports_alembic(url: str) -> None:
    def imported() -> str:
        command = [sys.executable, "-c", START, url]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.strip()

    assert imported() == "False", "the first start"
    assert imported() == "False", "a start at the current schema"
