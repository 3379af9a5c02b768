"""`deskwatch audit` over real files and a real store."""

import asyncio
import csv
import io
import json
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from peers.canaries import canary
from typer.testing import CliRunner

from monitor.cli import cli
from monitor.commands import console
from monitor.store import Store, signoffs
from monitor.store.signoffs import Signoff

PIN = canary("pin")
SITE = """
site: {{id: harbour, name: Harbour Hall, timezone: Europe/Berlin}}
storage: {{url: "sqlite:///{folder}/deskwatch.db"}}
doors:
  - id: doors
    checks:
      - kind: access.credentials
        interval: 1h
        locks: {{source: csv, file: "{folder}/locks.csv"}}
        members: {{source: csv, file: "{folder}/members.csv"}}
        orphaned_after: 0
        rules: {{down: {{severity: warning}}}}
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site with Ana, who may enter and can, and a stranger who can."""
    path = tmp_path / "site.yaml"
    path.write_text(SITE.format(folder=tmp_path))
    lists(tmp_path, "Ana", '"=HYPERLINK(""x"") | <b>"')
    return path


def lists(folder: Path, *names: str) -> None:
    lines = [f"{name},person{number}@example.com,{PIN}-{number},{PIN}\n" for number, name in enumerate(names)]
    (folder / "locks.csv").write_text("name,email,card,pin\n" + "".join(lines))
    (folder / "members.csv").write_text("name,email,pin\n" + f"Ana,person0@example.com,{PIN}\n")


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal in which no cell of a table is broken into lines."""
    monkeypatch.setattr(console.out, "width", 200)


def audit(*words: str) -> Result:
    found = CliRunner().invoke(cli, ["audit", *words])
    assert "canary-" not in found.output
    return found


def test_it_prints_who_should_not_be_able_to_enter(site: Path) -> None:
    found = audit("credentials", str(site))
    assert found.exit_code == 1, found.output
    assert "Can enter without a contract" in found.output
    assert "person1@example.com" in found.output
    assert "Members who may enter: 1." in found.output


def test_when_all_is_well_its_exit_status_is_0(site: Path) -> None:
    lists(site.parent, "Ana")
    assert audit("credentials", str(site)).exit_code == 0


def test_a_list_that_says_nothing_is_no_finding(site: Path) -> None:
    (site.parent / "members.csv").write_text("email\n")
    found = audit("credentials", str(site))
    assert found.exit_code == 3
    assert "nothing can be concluded: the list of members is empty" in found.output


def test_a_file_for_a_spreadsheet_holds_no_formula_and_is_for_its_owner_alone(site: Path, tmp_path: Path) -> None:
    written = tmp_path / "audit.csv"
    assert audit("credentials", str(site), "--csv", str(written)).exit_code == 1
    head, row = csv.reader(io.StringIO(written.read_text("utf-8-sig"), newline=""))
    assert head[:3] == ["finding", "name", "email"]
    assert row[1] == '\'=HYPERLINK("x") | <b>'
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    assert "canary-" not in written.read_text()
    assert audit("credentials", str(site), "--csv", str(tmp_path / "no" / "such")).exit_code == 2


def test_in_markdown_names_are_text(site: Path) -> None:
    found = audit("credentials", str(site), "--markdown")
    assert found.exit_code == 1
    assert "# Access audit: doors/credentials" in found.output
    assert '| =HYPERLINK("x") \\| \\<b\\> |' in found.output


def test_programs_get_json(site: Path) -> None:
    found = json.loads(audit("credentials", str(site), "--json").output)
    assert found["figures"]["orphaned"] == 1
    assert found["findings"][0]["state"] == "orphaned"
    assert found["findings"][0]["emails"] == ["person1@example.com"]


def test_which_audit_is_meant_must_be_clear(site: Path) -> None:
    text = site.read_text()
    assert audit("credentials", str(site), "--check", "doors/nothing").exit_code == 2
    site.write_text(text + text.partition("checks:\n")[2].replace("interval", "name: other\n        interval"))
    several = audit("credentials", str(site))
    assert (several.exit_code, "doors/credentials, doors/other" in several.output) == (2, True)
    assert audit("credentials", str(site), "--check", "doors/other").exit_code == 1
    site.write_text(text.partition("      - kind")[0] + "      - {kind: internet.ping, host: 127.0.0.1}\n")
    assert "no check of the kind access.credentials" in audit("credentials", str(site)).output


def test_sign_offs_are_listed(site: Path, tmp_path: Path) -> None:
    at = datetime(2026, 11, 16, 9, tzinfo=UTC)
    one = Signoff("01A", "doors/credentials", at, "Mara", "two cards back", at, {"orphaned": 2, "missing": 0})

    async def keep() -> None:
        store = await Store.open(f"sqlite:///{tmp_path}/deskwatch.db")
        async with store.begin() as conn:
            await signoffs.save(conn, one)
        await store.close()

    asyncio.run(keep())
    shown = audit("signoffs", str(site))
    assert shown.exit_code == 0
    assert all(word in shown.output for word in ("Mara", "orphaned: 2", "two cards back", "2026-11-16 10:00"))
    (row,) = json.loads(audit("signoffs", str(site), "--json").output)
    found: dict[str, Any] = row["figures"]
    assert found == {"orphaned": 2, "missing": 0}


REVIEW = """
services:
  - id: restore
    name: Restore test
    checks:
      - {kind: passive.review, every: 3 months, first: FIRST, timezone: Europe/Berlin, what: "Restore one [b]file[/b]."}
"""


def due(site: Path, first: str) -> None:
    site.write_text(site.read_text() + REVIEW.replace("FIRST", first))


def test_reviews_are_listed_and_one_that_is_overdue_is_a_finding(site: Path) -> None:
    due(site, "2020-01-31")
    found = audit("reviews", str(site))
    assert found.exit_code == 1
    assert all(word in found.output for word in ("restore/review", "overdue", "2020-01-31", "3 months", "[b]file[/b]"))
    (row,) = json.loads(audit("reviews", str(site), "--json").output)
    assert (row["check"], row["state"], row["signed"]) == ("restore/review", "overdue", "")


def test_a_review_is_signed_off_with_evidence(site: Path) -> None:
    due(site, "2099-12-31")
    evidence = ("--note", "ledger of Monday, 41 min", "--link", "https://wiki.example.org/restore")
    found = audit("sign-off", "restore/review", *evidence, "--by", "Mara", "--site", str(site))
    assert found.exit_code == 0, found.output
    assert found.output == "restore/review: signed off by Mara; due again on 2099-12-31\n"
    listed = audit("reviews", str(site))
    assert (listed.exit_code, "later" in listed.output) == (0, True)
    (row,) = json.loads(audit("signoffs", str(site), "--json").output)
    assert (row["who"], row["note"], row["link"]) == ("Mara", evidence[1], evidence[3])
    assert "no findings" not in audit("signoffs", str(site)).output, "a review has none to count"


def test_whoever_runs_the_command_signs_unless_it_says_who(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    due(site, "2099-12-31")
    monkeypatch.setenv("LOGNAME", "ana")
    found = audit("sign-off", "restore/review", "--note", "ledger of Monday", "--site", str(site))
    assert "signed off by ana" in found.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ("doors/credentials", "--note", "ledger of Monday"),
            "there is no review 'doors/credentials'; there are restore",
        ),
        (("restore/review", "--note", "done"), "write what was done and found"),
        (("restore/review", "--note", "ledger of Monday", "--link", "wiki"), "the link must be a web address"),
    ],
)
def test_what_cannot_be_signed_is_said_and_nothing_is_kept(site: Path, arguments: tuple[str, ...], words: str) -> None:
    due(site, "2099-12-31")
    found = audit("sign-off", *arguments, "--site", str(site))
    assert found.exit_code == 2
    assert words in found.output
    assert json.loads(audit("signoffs", str(site), "--json").output) == []
