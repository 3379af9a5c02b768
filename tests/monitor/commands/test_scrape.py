"""`deskwatch reference scrape`: what it writes is what Prometheus takes, and asking so measures what the check does."""

import json
import subprocess
from pathlib import Path
from urllib.parse import urlencode

import aiohttp
import pytest
from click.testing import Result
from peers import require
from peers.canaries import canary
from peers.ports import free_port
from peers.service import watching
from typer.testing import CliRunner

from monitor.cli import cli
from monitor.config import load
from monitor.scrape import Group, address, probe_groups

PASSWORD = canary("projector")
SITE = """
site: {id: harbour, timezone: Europe/Lisbon}
server: {listen: "127.0.0.1:PORT"URL}
uplinks:
  - id: line-a
    checks:
      - {kind: internet.ping, host: 127.0.0.1, interval: 10s, timeout: 2s, count: 3}
      - {kind: internet.dns, resolver: 192.0.2.53, query_name: example.org}
booking:
  - id: page
    checks:
      - {kind: internet.http, url: "http://127.0.0.1:PORT/-/healthy?a=1&b=2", body_matches: ["is {1,2}alive"]}
      - {kind: internet.tcp, host: "::1", port: 22, interval: 5s, timeout: 5s, steps: [{expect: "^SSH"}]}
rooms:
  - id: boardroom
    checks:
      - {kind: rooms.pjlink, host: 192.0.2.7, password: "${env:PROJECTOR}"}
      - {kind: passive.plugin, command: [/bin/true]}
"""


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def site(tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PROJECTOR", PASSWORD)
    path = tmp_path / "site.yaml"
    path.write_text(SITE.replace("PORT", str(port)).replace("URL", ""))
    return path


def scrape(site: Path, *words: str) -> Result:
    found = CliRunner().invoke(cli, ["reference", "scrape", str(site), *words], env={"COLUMNS": "400"})
    assert PASSWORD not in found.output
    return found


def probes(site: Path, by: str = "") -> dict[str, Group]:
    """The groups by the id of their check."""
    config = load(site)
    return {group["labels"]["check"]: group for group in probe_groups(config, by or address(config.server)).groups}


def test_a_site_is_scraped_where_it_listens(site: Path, port: int) -> None:
    assert json.loads(scrape(site).stdout) == [{"targets": [f"127.0.0.1:{port}"], "labels": {"__scheme__": "http"}}]


@pytest.mark.parametrize(
    ("url", "target", "scheme"),
    [
        ("https://watch.example.org", "watch.example.org:443", "https"),
        ("http://watch.example.org", "watch.example.org:80", "http"),
        ("http://[2001:db8::1]:8470", "[2001:db8::1]:8470", "http"),
    ],
)
def test_or_by_the_name_that_people_use(site: Path, port: int, url: str, target: str, scheme: str) -> None:
    site.write_text(SITE.replace("PORT", str(port)).replace("URL", f', url: "{url}"'))
    assert json.loads(scrape(site).stdout) == [{"targets": [target], "labels": {"__scheme__": scheme}}]


def test_a_site_that_listens_everywhere_must_say_by_which_name(site: Path) -> None:
    site.write_text(site.read_text().replace('"127.0.0.1:', '"0.0.0.0:'))
    found = scrape(site)
    assert found.exit_code == 2
    assert "set server.url, or say one with --by" in found.stderr
    assert json.loads(scrape(site, "--by", "http://192.0.2.5:8470").stdout)[0]["targets"] == ["192.0.2.5:8470"]


def test_a_probe_has_the_settings_the_labels_and_the_pace_of_its_check(site: Path) -> None:
    assert probes(site, "https://elsewhere.example.org")["line-a/ping"] == {
        "targets": ["elsewhere.example.org:443"],
        "labels": {
            "__scheme__": "https",
            "__metrics_path__": "/probe",
            "__param_module": "internet.ping",
            "__param_target": "127.0.0.1",
            "__param_count": "3",
            "__scrape_interval__": "10000ms",
            "__scrape_timeout__": "2500ms",
            "instance": "127.0.0.1",
            "site": "harbour",
            "asset": "line-a",
            "check": "line-a/ping",
            "kind": "internet.ping",
        },
    }


def test_prometheus_never_waits_longer_for_a_probe_than_until_the_next(site: Path) -> None:
    labels = probes(site)["page/tcp"]["labels"]
    assert labels["__scrape_timeout__"] == labels["__scrape_interval__"] == "5000ms"


def test_what_has_a_password_or_runs_a_program_is_left_out_and_named(site: Path) -> None:
    found = scrape(site, "--probes")
    assert {group["labels"]["check"] for group in json.loads(found.stdout)} == {
        "line-a/ping",
        "line-a/dns",
        "page/http",
        "page/tcp",
    }
    assert "boardroom/pjlink, boardroom/plugin" in found.stderr


def test_prometheus_takes_the_file(site: Path, tmp_path: Path) -> None:
    promtool = require.program("promtool")
    for name, words in {"site": (), "probes": ("--probes",)}.items():
        found = scrape(site, *words, "--write", str(tmp_path / f"{name}.json"))
        assert found.exit_code == 0, found.output
    config = tmp_path / "prometheus.yml"
    config.write_text('scrape_configs: [{job_name: deskwatch, file_sd_configs: [{files: ["*.json"]}]}]')
    done = subprocess.run((promtool, "check", "config", str(config)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


async def test_asked_so_deskwatch_measures_what_its_check_does(site: Path) -> None:
    group = probes(site)["page/http"]
    labels = group["labels"]
    asked = {name[8:]: value for name, value in labels.items() if name.startswith("__param_")}
    url = f"{labels['__scheme__']}://{group['targets'][0]}{labels['__metrics_path__']}?{urlencode(asked)}"
    async with watching(site), aiohttp.ClientSession() as client, client.get(url) as answer:
        assert answer.status == 200
        assert "\nprobe_success 1" in await answer.text()


def test_the_file_is_replaced_as_a_whole_and_nothing_is_left_beside_it(site: Path, tmp_path: Path) -> None:
    folder = tmp_path / "targets"
    folder.mkdir()
    file = folder / "harbour.json"
    file.write_text("the old one")
    with file.open() as reader:
        assert scrape(site, "--write", str(file)).exit_code == 0
        assert reader.read() == "the old one"
    assert list(folder.iterdir()) == [file]
    assert json.loads(file.read_text())
    assert file.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(
    ("name", "why"), [("nowhere/a.json", "No such file or directory"), ("taken", "Is a directory")]
)
def test_a_file_that_cannot_be_written_is_named(site: Path, tmp_path: Path, name: str, why: str) -> None:
    (tmp_path / "taken").mkdir()
    before = set(tmp_path.rglob("*"))
    found = scrape(site, "--write", str(tmp_path / name))
    assert found.exit_code == 1
    assert f"cannot write {tmp_path / name}: {why}" in found.stderr
    assert set(tmp_path.rglob("*")) == before


def test_who_measures_is_said_by_a_web_address(site: Path) -> None:
    found = scrape(site, "--probes", "--by", "elsewhere:8470")
    assert found.exit_code == 2
    assert "must be a web address" in found.stderr
