"""`deskwatch incidents` over a real store while no service runs: what makes sense waits for it, the rest is refused."""

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from alerting.rules import Severity
from incidents.incident import Entry, Incident, Stage
from incidents.review import Action, Category
from monitor.cli import cli
from monitor.commands import ordering
from monitor.orders import Order
from monitor.store import Store, attachments, incidents, orders

SITE = """
site: {{id: harbour, name: Harbour Hall, timezone: Europe/Lisbon}}
storage: {{url: "sqlite:///{folder}/deskwatch.db"}}
equipment:
  - id: printer
    checks: [{{kind: internet.ping, host: 127.0.0.1}}]
"""

NOW = datetime.now(UTC)
OPEN = Incident("01A", "printer", "Printer is down", Severity.WARNING, NOW - timedelta(hours=1))
SPARE = Action("a1", "01B", "Buy a spare", "ana", date(2027, 1, 1), NOW, "Ben")
OVER = Incident(
    "01B",
    "printer",
    "Printer is slow",
    Severity.WARNING,
    NOW - timedelta(days=2),
    Stage.RESOLVED,
    timeline=(Entry(NOW - timedelta(days=2), "Deskwatch", "Printer: slow"),),
    resolved=NOW - timedelta(days=1),
    member_minutes=900,
    category=Category.HARDWARE,
    actions=(SPARE,),
)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A site with an incident that lasts and one that is over; nobody waits for a service."""
    monkeypatch.setattr(ordering, "PATIENCE", 0.0)
    path = tmp_path / "site.yaml"
    path.write_text(SITE.format(folder=tmp_path))
    asyncio.run(_filled(tmp_path))
    return path


def typed(*words: str) -> Result:
    return CliRunner().invoke(cli, ["incidents", *words])


async def _filled(folder: Path) -> None:
    store = await Store.open(f"sqlite:///{folder}/deskwatch.db")
    async with store.begin() as conn:
        await incidents.save(conn, OPEN)
        await incidents.save(conn, OVER)
    await store.close()


async def _read(site: Path) -> tuple[tuple[Order, ...], tuple[attachments.Attachment, ...]]:
    store = await Store.open(f"sqlite:///{site.parent}/deskwatch.db")
    async with store.connect() as conn:
        found = await orders.waiting(conn), await attachments.of_incident(conn, "01B")
    await store.close()
    return found


@pytest.mark.parametrize(
    ("words", "action", "details"),
    [
        (("note", "01A", "Paper is out"), "note", {"text": "Paper is out"}),
        (("review", "01B", "--resolution", "restarted", "--set", "category=isp"), "review",
         {"resolution": "restarted", "category": "isp"}),
        (("action", "01B", "Buy a spare", "--owner", "ana", "--due", "2026-12-20"), "act",
         {"text": "Buy a spare", "owner": "ana", "due": "2026-12-20"}),
        (("done", "01B", "a1"), "done", {"action": "a1"}),
        (("merge", "01B", "01A"), "merge", {"into": "01A"}),
        (("correct", "01B", "--minutes", "90", "--reason", "fewer"), "correct_impact",
         {"minutes": 90.0, "reason": "fewer"}),
        (("fixed", "01A"), "fixed", {}),
    ],
)  # fmt: skip
def test_what_makes_sense_is_left_for_the_service(
    site: Path, words: tuple[str, ...], action: str, details: Mapping[str, Any]
) -> None:
    place = [str(site)] if words[0] in ("review", "correct", "fixed") else ["--site", str(site)]
    ended = typed(*words, "--by", "Ana", *place)
    assert (ended.exit_code, ended.output) == (
        0,
        "Deskwatch does not seem to run: it will be done when it does.\n",
    ), ended.output
    (order,) = asyncio.run(_read(site))[0]
    assert (order.action, order.who, order.details) == (action, "Ana", details)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("note", "01X", "Paper"), "there is no incident 01X"),
        (("note", "01A", " "), "the note must not be empty"),
        (("review", "01B", "--set", "cause=x"), "a review has no field 'cause'"),
        (("review", "01B", "--set", "category=gremlins"), "must be one of isp, power"),
        (("action", "01B", "Buy", "--owner", "ana", "--due", "soon"), "must be like 2026-12-20"),
        (("done", "01B", "a9"), "it has a1"),
        (("merge", "01A", "01B"), "merge 01B into 01A"),
        (("report", "lift", "It is stuck"), "there is no asset 'lift'"),
        (("report", "printer", "It eats paper", "--at", "2099-01-01 10:00"), "is still to come"),
        (("correct", "01B"), "nothing to correct"),
        (("correct", "01B", "--line", "7", "--at", "2026-01-01 10:00"), "its timeline has no line 7"),
        (("correct", "01B", "--minutes", "9"), "the reason must not be empty"),
        (("correct", "01A", "--resolved", "2026-01-01 10:00"), "it is not over yet"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_remedy(site: Path, words: tuple[str, ...], said: str) -> None:
    place = [str(site)] if words[0] in ("review", "correct") else ["--site", str(site)]
    ended = typed(*words, "--by", "Ana", *place)
    assert ended.exit_code in (1, 2)
    assert said in ended.output.replace("\n", " ")
    assert asyncio.run(_read(site))[0] == ()


def test_a_file_is_kept_and_the_timeline_will_say_so(site: Path, tmp_path: Path) -> None:
    (tmp_path / "router.log").write_text("link down")
    assert typed("attach", "01B", str(tmp_path / "router.log"), "--by", "Ana", "--site", str(site)).exit_code == 0
    (order,), (kept,) = asyncio.run(_read(site))
    assert (kept.name, kept.type, order.details) == (
        "router.log",
        "text/plain",
        {"text": "Attached router.log (1 kB)."},
    )
    (tmp_path / "setup.exe").write_bytes(b"MZ\0")
    refused = typed("attach", "01B", str(tmp_path / "setup.exe"), "--by", "Ana", "--site", str(site))
    assert refused.exit_code == 2
    assert "convert it first" in refused.output


def test_an_incident_is_shown_with_its_review_its_actions_and_what_is_worth_asking(site: Path) -> None:
    record = json.loads(typed("show", "01B", str(site), "--json").output)
    assert (record["level"], record["member_minutes"]) == ("critical", 900)
    assert "what was done about it" in record["missing"]
    assert record["questions"][0].startswith("Which device failed")
    assert record["actions"][0]["due"] == "2027-01-01"
    text = typed("show", "01B", str(site)).output
    for words in ("  1  ", "Deskwatch: Printer: slow", "a1  until 2027-01-01: Buy a spare (ana; done: None)"):
        assert words in text
    assert "related:" in typed("show", "01A", str(site)).output


def test_the_whole_record_is_exported_as_a_file(site: Path, tmp_path: Path) -> None:
    file = tmp_path / "printer.md"
    found = typed("export", "01B", str(site), "--out", str(file))
    assert found.exit_code == 0, found.output
    assert "# Printer is slow: Harbour Hall" in file.read_text()
    assert "Buy a spare" in file.read_text()
    assert json.loads(typed("export", "01B", str(site), "--format", "json").output)["kind"] == "incident"
    assert typed("export", "01X", str(site)).exit_code == 1
    assert typed("export", "01B", str(site), "--format", "doc").exit_code == 2
