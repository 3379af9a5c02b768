"""`deskwatch links` over a real store."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from monitor.cli import cli
from monitor.store import Store, links

NOW = datetime.now(UTC)
SITE = """
site: {{id: harbour, name: Harbour Hall, timezone: Europe/Berlin}}
storage: {{url: "sqlite:///{folder}/deskwatch.db"}}
routes:
  - {{id: chat, to: "${{file:{folder}/chat}}"}}
uplinks:
  - id: fibre
    name: Fibre
    checks: [{{kind: internet.ping, host: 127.0.0.1}}]
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A configuration with one destination."""
    (tmp_path / "chat").write_text("json://127.0.0.1:9/")
    path = tmp_path / "site.yaml"
    path.write_text(SITE.format(folder=tmp_path))
    return path


def stored(site: Path, use):
    async def used():
        store = await Store.open(f"sqlite:///{site.parent}/deskwatch.db")
        async with store.begin() as conn:
            found = await use(conn)
        await store.close()
        return found

    return asyncio.run(used())


def test_the_links_of_a_destination_are_withdrawn(site: Path) -> None:
    done = CliRunner().invoke(cli, ["links", "revoke", "chat", str(site)])
    assert done.exit_code == 0, done.output
    assert "void" in done.output
    assert stored(site, lambda conn: links.is_revoked(conn, "chat", NOW - timedelta(minutes=1)))


def test_a_destination_that_is_not_configured_is_named(site: Path) -> None:
    done = CliRunner().invoke(cli, ["links", "revoke", "chta", str(site)])
    assert done.exit_code == 2
    assert "there is no destination 'chta'; the configuration has: chat" in done.output


def test_renewing_forgets_the_keys(site: Path) -> None:
    before = stored(site, lambda conn: links.key(conn, NOW))
    done = CliRunner().invoke(cli, ["links", "renew", str(site)])
    assert done.exit_code == 0, done.output
    assert stored(site, lambda conn: links.key(conn, NOW)) != before
