"""Which server a command speaks to, and with which token."""

from pathlib import Path

import pytest
from click.testing import Result
from peers.ports import free_port
from typer.testing import CliRunner

from monitor.cli import cli

SITE = """
site: {{id: harbour, timezone: Europe/Lisbon}}
storage: {{url: "sqlite:///{folder}/deskwatch.db"}}
"""


@pytest.fixture
def away() -> str:
    """An address of this machine at which nothing answers."""
    return f"http://127.0.0.1:{free_port()}"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A configuration."""
    path = tmp_path / "site.yaml"
    path.write_text(SITE.format(folder=tmp_path))
    return path


def typed(*words: str, **env: str) -> Result:
    return CliRunner().invoke(cli, words, env=env)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("http://deskwatch.example.org", "a token is not sent where everybody on the way can read it"),
        ("http://192.0.2.1:8470", "use https://"),
        ("http://127.0.0.1.example.org", "use https://"),
        ("deskwatch.example.org", "is no address"),
        ("ftp://deskwatch.example.org", "is no address"),
        ("https://", "is no address"),
        ("https://ana:hunter2@deskwatch.example.org", "is no address"),
        ("https://deskwatch.example.org/api/v1", "is no address"),
        ("https://deskwatch.example.org?token=hunter2", "is no address"),
        ("https://deskwatch.example.org:harbour", "is no address"),
        ("https://[::1", "is no address"),
        ("https://deskwatch.example.org\x1b[2J", "is no address"),
    ],
)
def test_an_address_that_must_not_be_asked_is_not(address: str, words: str) -> None:
    ended = typed("--server", address, "status", DESKWATCH_TOKEN="dwt_x")
    assert ended.exit_code == 2
    assert words in ended.output
    assert not {"hunter2", "\x1b"} & {ended.output, *ended.output.split()}


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.9.1", "[::1]"])
def test_this_machine_may_be_asked_without_tls(host: str) -> None:
    ended = typed("--server", f"http://{host}:{free_port()}/", "status", DESKWATCH_TOKEN="dwt_x")
    assert ended.exit_code == 2
    assert "cannot be reached" in ended.output


def test_the_token_is_of_the_environment_or_of_a_file(away: str, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("dwt_x\n")
    assert "cannot be reached" in typed("--server", away, "--token-file", str(file), "status").output
    assert "cannot be reached" in typed("--server", away, "status", DESKWATCH_TOKEN_FILE=str(file)).output
    nothing = typed("--server", away, "status", DESKWATCH_TOKEN="")
    assert nothing.exit_code == 2
    assert "there is no token in DESKWATCH_TOKEN" in nothing.output
    assert f"{away}/account" in nothing.output


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "there is no token"),
        (b"dwt_x dwt_y", "is no token"),
        (b"dwt_x\r\nX-Evil: 1", "is no token"),
        ("dwt_\u00fc".encode(), "is no token"),
        (b"\xff\xfe", "cannot be read: it is no text"),
        (b"x" * 5000, "is no token"),
    ],
)
def test_a_file_without_a_token_is_refused_without_its_content(
    away: str, tmp_path: Path, content: bytes, words: str
) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)
    ended = typed("--server", away, "--token-file", str(file), "status")
    assert (ended.exit_code, words in ended.output) == (2, True), ended.output
    assert "dwt_x" not in ended.output
    assert "No such file" in typed("--server", away, "--token-file", str(tmp_path / "none"), "status").output


def test_a_configuration_that_is_typed_counts_more_than_a_server_of_the_environment(away: str, site: Path) -> None:
    env = {"DESKWATCH_SERVER": away, "DESKWATCH_TOKEN": "dwt_x"}
    assert typed("status", str(site), "--json", **env).output == "[]\n"
    assert typed("incidents", "list", str(site), "--json", **env).output == "[]\n"
    assert "cannot be reached" in typed("status", **env).output
    assert "this works only beside the configuration" in typed("user", "list", **env).output
    both = typed("--server", away, "status", str(site), **env)
    assert (both.exit_code, "leave one of them out" in both.output) == (2, True)


def test_what_is_for_this_machine_takes_no_notice_of_a_server_of_the_environment(away: str, site: Path) -> None:
    assert typed("check", str(site), DESKWATCH_SERVER=away).exit_code == 0
    assert typed("reference", "kinds", DESKWATCH_SERVER=away).exit_code == 0
    asked = typed("--server", away, "check", str(site))
    assert (asked.exit_code, "`deskwatch check` is for this machine alone" in asked.output) == (2, True)


def test_no_server_is_asked_if_its_address_is_empty(away: str, site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(site.parent)
    assert typed("--server", "", "status", "--json", DESKWATCH_SERVER=away).output == "[]\n"
