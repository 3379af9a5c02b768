"""`deskwatch silence` over a real store."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import Result
from typer.testing import CliRunner

from monitor.cli import cli

SITE = """
site: {{id: harbour, name: Harbour Hall, timezone: Europe/Berlin}}
storage: {{url: "sqlite:///{folder}/deskwatch.db"}}
uplinks:
  - id: fibre
    checks: [{{kind: internet.ping, host: 127.0.0.1}}]
equipment:
  - id: printer
    tags: [floor-2]
    checks: [{{kind: internet.ping, host: 127.0.0.1}}]
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A configuration of two assets."""
    path = tmp_path / "site.yaml"
    path.write_text(SITE.format(folder=tmp_path))
    return path


def silence(*words: str) -> Result:
    return CliRunner().invoke(cli, ["silence", *words])


def add(site: Path, *words: str) -> Result:
    return silence("add", *words, "--by", "Ana", "--site", str(site))


def listed(site: Path) -> list[dict[str, Any]]:
    shown = silence("list", str(site), "--json")
    assert shown.exit_code == 0, shown.output
    rows: list[dict[str, Any]] = json.loads(shown.output)
    return rows


def test_a_silence_is_added_listed_and_ended(site: Path) -> None:
    added = add(site, "tag=floor-2", "rule!=blind", "--for", "2h", "--comment", "new  drum")
    assert added.exit_code == 0, added.output
    id = added.output.partition(":")[0]
    assert "holds back" in added.output
    (row,) = listed(site)
    assert (row["id"], row["state"], row["author"], row["comment"]) == (id, "on", "Ana", "new drum")
    assert row["conditions"] == ["tag=floor-2", "rule!=blind"]
    assert silence("expire", id, str(site)).exit_code == 0
    assert [row["state"] for row in listed(site)] == ["ended"]
    assert "ended" in silence("list", str(site)).output


def test_a_silence_can_be_added_for_later(site: Path) -> None:
    tomorrow = datetime.now(ZoneInfo("Europe/Berlin")).replace(hour=6, minute=0) + timedelta(days=1)
    added = add(site, "asset=printer", "--from", f"{tomorrow:%Y-%m-%d %H:%M}", "--for", "1d", "--comment", "x")
    assert added.exit_code == 0, added.output
    (row,) = listed(site)
    assert (row["state"], row["starts"]) == ("coming", f"{tomorrow.astimezone(UTC):%Y-%m-%dT%H:%M}:00+00:00")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("asset=printer", "--for", "soon", "--comment", "x"), "the length 'soon' must be a duration"),
        (("asset=printer", "--for", "91d", "--comment", "x"), "within 90 days"),
        (("asset=printer", "--for", "1h", "--comment", " "), "no comment"),
        (("printer", "--for", "1h", "--comment", "x"), "'printer' is no condition"),
        (("site=harbour", "--for", "1h", "--comment", "x"), "names less than the whole site"),
        (("asset=printer", "--for", "1h", "--comment", "x", "--from", "noon"), "the begin 'noon' must be a time"),
    ],
)
def test_a_silence_that_makes_no_sense_is_wrong_usage_and_not_kept(
    site: Path, words: tuple[str, ...], said: str
) -> None:
    refused = add(site, *words)
    assert refused.exit_code == 2
    assert said in refused.output
    assert listed(site) == []


def test_a_silence_ends_once_and_one_that_is_unknown_never(site: Path) -> None:
    id = add(site, "asset=printer", "--for", "1h", "--comment", "x").output.partition(":")[0]
    assert [silence("expire", one, str(site)).exit_code for one in (id, id, "01Z")] == [0, 1, 1]
