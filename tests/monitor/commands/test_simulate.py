"""`deskwatch simulate` over a real store."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from monitor.cli import cli
from monitor.recorder import Recorder
from monitor.store import Store, recordings
from probes import Reading, Status

NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
MINUTE = timedelta(minutes=1)

SITE = """
site: {{id: harbour, timezone: Europe/Lisbon, capacity: 60}}
storage: {{url: "sqlite:///{folder}/deskwatch.db"}}
booking:
  - id: booking-system
    name: Booking system
    checks: [{{kind: internet.tcp, host: 127.0.0.1, port: 80}}]
equipment:
  - id: printer
    checks: [{{kind: internet.ping, host: 127.0.0.1}}]
routes:
  - {{id: chat, to: "${{env:CHAT}}"}}
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A site whose booking system was down for 25 minutes a day ago."""
    monkeypatch.setenv("CHAT", "json://127.0.0.1:9/")
    monkeypatch.setenv("COLUMNS", "200")
    path = tmp_path / "site.yaml"
    path.write_text(SITE.format(folder=tmp_path))
    asyncio.run(recorded(f"sqlite:///{tmp_path}/deskwatch.db"))
    return path


async def recorded(url: str) -> None:
    recorder = Recorder()
    for number in range(5 * 12):
        at = NOW - timedelta(days=1) + number * 5 * MINUTE
        status = Status.DOWN if 12 <= number < 17 else Status.UP
        recorder.add(Reading("booking-system/tcp", at, 0.1, status, "refused", ""), at)
    store = await Store.open(url)
    async with store.begin() as conn:
        await recordings.save(conn, recorder.take())
    await store.close()


def simulate(site: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["simulate", *words, "--site", str(site), "--last", "7d"])


@pytest.fixture
def edited(site: Path) -> Path:
    path = site.with_name("edited.yaml")
    path.write_text(site.read_text() + "defaults: {rules: {down: {for: 1h}}}\n")
    return path


def test_people_read_what_would_have_been_and_what_would_have_been_missed(site: Path, edited: Path) -> None:
    shown = simulate(site, str(edited))
    assert shown.exit_code == 1
    assert "would have paged 0 times instead of 1\n" in shown.stdout
    assert "(Booking system is down, 25 min, 1,500 member-minutes)" in shown.stdout
    assert "no history for printer/ping: not judged" in shown.stdout
    assert "nothing was recorded before" in shown.stdout
    assert "booking-system/tcp" in shown.stdout


def test_programs_read_the_same(site: Path, edited: Path) -> None:
    found = json.loads(simulate(site, str(edited), "--json").stdout)
    assert (found["current"]["pages"], found["edited"]["pages"]) == (1, 0)
    assert found["current"]["rules"] == [{"check": "booking-system/tcp", "rule": "down", "pages": 1}]
    (missed,) = found["missed"]
    assert (missed["title"], missed["member_minutes"]) == ("Booking system is down", 1500)
    assert found["not_judged"] == ["printer/ping"]


def test_the_present_rules_alone_miss_nothing(site: Path) -> None:
    shown = simulate(site)
    assert shown.exit_code == 0
    assert "would have paged once\n" in shown.stdout


def test_a_length_that_makes_no_sense_is_refused_with_the_remedy(site: Path) -> None:
    shown = CliRunner().invoke(cli, ["simulate", "--site", str(site), "--last", "soon"])
    assert shown.exit_code == 2
    assert "--last: must be a duration like `30s`" in shown.stderr
