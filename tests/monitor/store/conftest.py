"""Every test of the store runs on both databases."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from monitor.store import Store


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/state/deskwatch.db"
    return str(request.getfixturevalue("postgresql").url())


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    """An open store without rows."""
    store = await Store.open(url)
    yield store
    await store.close()
