"""What a migration made, read by the loader that every configuration goes through."""

from collections.abc import Callable
from pathlib import Path

import pytest

from monitor.config import load
from monitor.config.model import Check, Config
from monitor.migrate.draft import Migration, Verdict
from monitor.migrate.rendering import rendered

SITE = {"id": "harbour", "timezone": "Europe/Lisbon"}
SECRET = "a-secret-of-24-characters"


class Made:
    """A migration's configuration, and what it says became of things."""

    def __init__(self, migration: Migration, text: str, config: Config) -> None:
        self.migration = migration
        self.text = text
        self.config = config

    def check(self, id: str) -> Check:
        """The check with that id."""
        return next(check for check in self.config.checks if check.id == id)

    def said(self, verdict: Verdict, what: str = "") -> str:
        """All that has that verdict and is about a thing."""
        return "\n".join(line.words for line in self.migration.lines if line.verdict is verdict and what in line.what)


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Migration], Made]:
    """Loads what a migration made, with all secrets set that it asks for."""

    def loaded(migration: Migration) -> Made:
        for needed in migration.needed:
            monkeypatch.setenv(needed.name, "json://127.0.0.1/" if "ROUTE" in needed.name else SECRET)
        text = rendered(migration, "theirs", SITE)
        (tmp_path / "made.yaml").write_text(text)
        return Made(migration, text, load(tmp_path / "made.yaml"))

    return loaded
