"""Every test of the store runs on both databases."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from monitor.store import Store


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    """Which one."""
    return str(request.param)


@pytest.fixture
def url(database: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without tables."""
    if database == "sqlite":
        return f"sqlite:///{tmp_path}/state/deskwatch.db"
    return str(request.getfixturevalue("postgresql").url())


@pytest.fixture
async def store(database: str, blank: Callable[[str], str]) -> AsyncIterator[Store]:
    """An open store without rows."""
    store = await Store.open(blank(database))
    yield store
    await store.close()
