"""`deskwatch user` over a real store."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from monitor.cli import cli

SITE = """
site: {{id: harbour, timezone: Europe/Berlin}}
storage: {{url: "sqlite:///{folder}/deskwatch.db"}}
"""
PASSWORD = "four words and a tram\n"


@pytest.fixture
def site(tmp_path: Path) -> str:
    """A configuration."""
    path = tmp_path / "site.yaml"
    path.write_text(SITE.format(folder=tmp_path))
    return str(path)


def user(*words: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(cli, ["user", *words], input=typed)


def add(site: str, name: str = "ana", role: str = "admin", typed: str = PASSWORD) -> Result:
    return user("add", name, site, "--role", role, typed=typed)


def listed(site: str, *what: str) -> list[dict[str, Any]]:
    shown = user(*what, "list", site, "--json")
    assert shown.exit_code == 0, shown.output
    rows: list[dict[str, Any]] = json.loads(shown.output)
    return rows


def test_a_user_is_added_changed_and_removed(site: str) -> None:
    assert "ana: may sign in" in add(site, "Ana").output
    assert user("role", "ana", "operator", site, "--all-sites").exit_code == 0
    assert user("role", "ana", "none", site).exit_code == 0
    assert user("password", "ana", site, typed="another four words\n").exit_code == 0
    assert user("disable", "ana", site).exit_code == 0
    (row,) = listed(site)
    assert (row["name"], row["roles"], row["disabled"]) == ("ana", {"*": "operator"}, True)
    assert "kept out" in user("list", site).output
    assert user("enable", "ana", site).exit_code == 0
    assert user("totp-reset", "ana", site).exit_code == 0
    assert user("remove", "ana", site).exit_code == 0
    assert listed(site) == []


@pytest.mark.parametrize(
    ("name", "role", "typed", "words"),
    [
        ("ana", "admin", "short\n", "has 5 characters"),
        ("ana", "root", PASSWORD, "viewer, operator or admin"),
        ("admin", "admin", PASSWORD, "belongs to the sign-in link"),
        ("a b", "admin", PASSWORD, "cannot be taken"),
    ],
)
def test_what_cannot_be_is_refused_in_words(site: str, name: str, role: str, typed: str, words: str) -> None:
    done = add(site, name, role, typed)
    assert done.exit_code == 1
    assert words in done.stderr
    assert listed(site) == []


def test_a_name_is_taken_once_and_an_unknown_one_is_said(site: str) -> None:
    add(site)
    assert "there is a user 'ana' already" in add(site, "ANA").stderr
    assert "there is no user 'bea'" in user("disable", "bea", site).stderr


def test_no_password_can_be_given_on_the_command_line() -> None:
    assert "password" not in user("add", "--help").output.replace("The password is asked for", "").lower()


def test_a_token_is_shown_once_and_can_be_revoked(site: str) -> None:
    add(site, "ana", "viewer")
    made = user("token", "add", "grafana", "--site", site)
    assert made.stdout.startswith("dwt_")
    refused = user("token", "add", "mine", "--site", site, "--of", "ana", "--role", "admin")
    assert "may at most what its user may" in refused.stderr
    assert user("token", "add", "mine", "--site", site, "--of", "ana").exit_code == 0
    rows = {row["name"]: row for row in listed(site, "token")}
    assert (rows["grafana"]["user"], rows["mine"]["user"]) == ("", "ana")
    assert made.stdout.strip() not in json.dumps(rows)
    assert user("token", "revoke", rows["grafana"]["id"], site).exit_code == 0
    assert "there is no token" in user("token", "revoke", rows["grafana"]["id"], site).stderr
