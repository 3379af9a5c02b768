"""Looking at everything once, without the running service."""

import asyncio
from collections.abc import AsyncIterator, Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from alerting.rules import Severity
from incidents.incident import Incident, Stage
from monitor import afresh, config
from monitor.config import Config
from monitor.config.model import Morning, Reports
from monitor.reports.document import Table
from monitor.store import Store, incidents
from probes import load

SITE = """\
site: {id: harbour, name: Harbour Street, timezone: Europe/Lisbon}
services:
  - id: panel
    name: Panel
    people: 12
    remedy: Switch it off and on.
    checks:
      - {kind: internet.tcp, host: 127.0.0.1, port: 1, confirm: {times: 0}}
      - kind: internet.throughput
        url: http://127.0.0.1:1/
        timeout: 60s
        interval: 6h
  - id: backup
    name: Backup
    people: 4
    checks: [{kind: passive.heartbeat, key: "${env:KEY}", period: 3600}]
rooms:
  - id: boardroom
    name: Boardroom
    checks:
      - {kind: rooms.readiness, name: ready}
      - {kind: internet.tcp, name: screen, host: 127.0.0.1, port: PORT}
routes:
  - {id: chat, to: "${env:CHAT}"}
"""


@pytest.fixture
async def screen() -> AsyncIterator[int]:
    """The port of something that works."""
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, screen: int) -> Config:
    monkeypatch.setenv("KEY", "0123456789abcdef0123456789abcdef")
    monkeypatch.setenv("CHAT", "json://127.0.0.1:9/")
    file = tmp_path / "site.yaml"
    file.write_text(SITE.replace("PORT", str(screen)))
    return config.load(file)


async def test_a_check_by_hand_measures_everything_but_what_is_dear_and_asks_nobody_else(site: Config) -> None:
    found = await afresh.now(site)
    assert found.title.startswith("1 thing needs you")
    assert [item.title for item in found.items] == ["Panel is down"]
    assert found.items[0].todo == "Switch it off and on."
    tables = [block for section in found.sections for block in section.blocks if isinstance(block, Table)]
    said = {row[1]: row[2] for table in tables for row in table.rows}
    assert said["throughput"] == "it is measured on its own schedule only"
    assert "heartbeat" in said
    assert found.summary.startswith("2 things checked at ")


async def test_incidents_that_last_and_those_of_the_night_are_read_from_the_store(site: Config) -> None:
    now = datetime.now(UTC)
    live = Incident("01A", "boardroom", "Boardroom is too warm", Severity.WARNING, now - timedelta(hours=1))
    over = replace(live, id="01B", title="Boardroom was cold", stage=Stage.RESOLVED, resolved=now - timedelta(hours=1))
    old = replace(over, id="01C", title="Long ago", opened=now - timedelta(days=9), resolved=now - timedelta(days=8))
    store = await Store.open(site.storage.url.get_secret_value())
    async with store.begin() as conn:
        for one in (live, over, old):
            await incidents.save(conn, one)
    await store.close()
    found = await afresh.now(site)
    assert "Boardroom is too warm" in [item.title for item in found.items]
    assert "Boardroom was cold" in found.summary
    assert "Long ago" not in found.summary


async def test_what_judges_others_runs_after_them_and_all_within_the_deadline(site: Config) -> None:
    waves: list[tuple[set[str], float]] = []

    async def refresh(checks: Collection[str], within: float) -> frozenset[str]:
        waves.append(({*checks}, within))
        return frozenset(checks) if len(waves) == 1 else frozenset()

    late = await afresh.look(refresh, site, 60)
    (first, _), (second, left) = waves
    assert first == late == {"panel/tcp", "backup/heartbeat", "boardroom/screen"}
    assert second == {"boardroom/ready"}
    assert left <= 60


def test_the_deadline_is_that_of_the_configuration(site: Config) -> None:
    assert afresh.deadline_of(site) == afresh.DEADLINE
    planned = replace(site, reports=Reports(morning=Morning(60, ("chat",), 20)))
    assert afresh.deadline_of(planned) == 20


def test_filling_a_line_is_dear_and_looking_at_it_is_not() -> None:
    assert load("internet.throughput").dear
    assert not load("internet.ping").dear
