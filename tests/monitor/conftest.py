"""What the tests of the monitor begin with: the site that a module describes, and an empty store."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from peers.blank import blank, blank_file, one_database

from monitor.config import Config, load
from monitor.store import Store

__all__ = ["blank", "blank_file", "one_database"]


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Config:
    """The configuration of the module's `SITE`, where `CHAT` is a destination that nobody answers at."""
    monkeypatch.setenv("CHAT", "json://127.0.0.1:9/")
    file = tmp_path / "site.yaml"
    file.write_text(request.module.SITE)
    return load(file)


@pytest.fixture
async def store(blank: Callable[[str], str]) -> AsyncIterator[Store]:
    """An open store without rows."""
    opened = await Store.open(blank("sqlite"))
    yield opened
    await opened.close()
