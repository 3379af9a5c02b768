"""`deskwatch oncall` on a real configuration with a calendar, and a real store."""

import json
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import Result
from typer.testing import CliRunner

from monitor.cli import cli

SITE = """
site: {id: harbour, timezone: Australia/Lord_Howe}
people:
  - {id: ana, name: Ana Lopes, to: "${env:CHAT}"}
  - {id: ben, name: Ben Sousa, to: "${env:CHAT}"}
on_call:
  - {id: it, people: [ana], rotate: daily, starts: "2026-01-05 02:15", calendar: on-call.ics}
routes:
  - {id: chat, to: "${env:CHAT}", severities: [warning]}
  - {id: pager, severities: [critical], steps: [{to: it}, {after: 10m, to: [ben]}]}
uplinks:
  - {id: fibre, checks: [{kind: internet.ping, host: 127.0.0.1}]}
"""
CALENDAR = """BEGIN:VCALENDAR\r
VERSION:2.0\r
BEGIN:VEVENT\r
UID:1\r
DTSTART;TZID=Australia/Lord_Howe:20200106T000000\r
DURATION:P1D\r
RRULE:FREQ=WEEKLY;BYDAY=SU\r
SUMMARY:On call: Ben Sousa\r
END:VEVENT\r
END:VCALENDAR\r
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration with a calendar that has Ben on Sundays; every other day is Ana's."""
    monkeypatch.setenv("CHAT", "json://127.0.0.1/")
    (tmp_path / "on-call.ics").write_text(CALENDAR)
    (tmp_path / "site.yaml").write_text(SITE)
    return tmp_path / "site.yaml"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, ["oncall", *map(str, arguments)])


def printed(*arguments: str | Path) -> Any:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def later_sunday() -> date:
    """The next Sunday but one there: it is still to come as a whole, at whatever time the test runs."""
    today = datetime.now(ZoneInfo("Australia/Lord_Howe")).date()
    return today + timedelta(days=13 - today.weekday())


def test_it_says_who_is_on_call_now_and_then_and_who_comes_next(site: Path) -> None:
    assert [row["person"] for row in printed("who", site, "--at", "Sun 02:30")] == ["Ben Sousa"]
    assert [row["person"] for row in printed("who", site, "--at", "Mon 02:30")] == ["Ana Lopes"]
    sundays = [row for row in printed("shifts", site, "--days", "28") if row["person"] == "Ben Sousa"]
    assert len(sundays) >= 4
    assert "Ana Lopes" in run("shifts", site).stdout


def test_an_override_changes_who_would_be_paged_until_it_is_taken_back(site: Path) -> None:
    sunday = later_sunday()
    question = ("who", site, "--asset", "fibre", "--at", f"{sunday} 02:30")
    assert [row["reached"][0]["words"] for row in printed(*question)] == ["Ben Sousa, on call for it", "Ben Sousa"]
    made = run("override", "it", "ana", f"{sunday} 02:00", f"{sunday} 08:00", "--by", "Cleo", "--site", site)
    assert made.exit_code == 0, made.output
    assert "ana has it from" in made.stdout
    assert [row["reached"][0]["words"] for row in printed(*question)] == ["Ana Lopes, on call for it", "Ben Sousa"]
    assert "at once" in run(*question).stdout
    (kept,) = printed("overrides", site)
    assert (kept["person"], kept["author"], kept["note"]) == ("ana", "Cleo", "")
    site.write_text(SITE.replace("people: [ana]", "people: [ben]").replace("id: ana,", "id: zoe,"))
    assert "no longer in the configuration" in printed("overrides", site)[0]["note"]
    assert run("remove", kept["id"], site).exit_code == 0
    assert run("remove", kept["id"], site).exit_code == 1
    assert printed("overrides", site) == []


def test_nobody_is_a_finding(site: Path) -> None:
    site.write_text(SITE.replace("2026-01-05 02:15", "2090-01-05 02:15"))
    assert run("who", site, "--at", "Mon 02:30").exit_code == 1
    assert run("shifts", site, "--days", "7").exit_code == 1
    assert run("who", site, "--at", "Mon 02:30", "--asset", "fibre").exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("who", "--at", "soon"), "must be like `2026-12-06 02:30`"),
        (("who", "--asset", "lift"), "there is no asset 'lift'"),
        (("who", "--asset", "fibre", "--severity", "bad"), "must be one of info, warning, critical"),
        (("override", "it", "anna", "now", "Sun 10:00", "--by", "Cleo", "--site"), "did you mean `ana`?"),
    ],
)
def test_what_makes_no_sense_is_wrong_usage(site: Path, arguments: tuple[str, ...], words: str) -> None:
    result = run(*arguments, site)
    assert result.exit_code == 2
    assert words in result.stderr
