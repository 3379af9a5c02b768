"""The files for Prometheus, Alertmanager and Grafana, judged by their own tools; and all YAML by its linter."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from peers import require
from peers.deployment import DEPLOY, ROOT, compose
from yamllint import linter
from yamllint.config import YamlLintConfig


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A machine on which every secret is where the files say."""
    (tmp_path / "secret").write_text("0123456789abcdef\n")
    for file in (ROOT / "grafana" / "prometheus").glob("*.rules.yaml"):
        shutil.copy(file, tmp_path)
    return tmp_path


def placed(file: Path, folder: Path) -> Path:
    """A copy that finds its secrets."""
    text, secret = file.read_text(), str(folder / "secret")
    for name in ("/etc/prometheus/deskwatch.token", "/run/secrets/deskwatch-token", "/run/secrets/smtp-password"):
        text = text.replace(name, secret)
    copy = folder / file.name
    copy.write_text(text)
    return copy


def accepted(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", sorted(file.name for file in (DEPLOY / "prometheus").iterdir()))
def test_prometheus_takes_its_configuration(name: str, here: Path) -> None:
    accepted(require.program("promtool"), "check", "config", str(placed(DEPLOY / "prometheus" / name, here)))


def test_alertmanager_takes_its_configuration(here: Path) -> None:
    accepted(require.program("amtool"), "check-config", str(placed(DEPLOY / "alertmanager.yaml", here)))


def test_what_is_wrong_with_deskwatch_is_not_told_to_deskwatch(here: Path) -> None:
    amtool, config = require.program("amtool"), placed(DEPLOY / "alertmanager.yaml", here)
    rules = yaml.safe_load((here / "health.rules.yaml").read_text())["groups"][0]["rules"]
    for name in [rule["alert"] for rule in rules]:
        route = ("config", "routes", "test", f"--config.file={config}", "--verify.receivers=mail", f"alertname={name}")
        accepted(amtool, *route)
    accepted(
        amtool,
        "config",
        "routes",
        "test",
        f"--config.file={config}",
        "--verify.receivers=deskwatch",
        "alertname=DiskFull",
    )


def test_grafana_finds_its_dashboards_where_compose_puts_them() -> None:
    (provider,) = yaml.safe_load((DEPLOY / "grafana" / "dashboards.yaml").read_text())["providers"]
    mounts = [volume.split(":")[1] for volume in compose()["services"]["grafana"]["volumes"]]
    assert provider["options"]["path"] in mounts


@pytest.mark.parametrize("file", sorted(DEPLOY.rglob("*.yaml")), ids=lambda file: str(file.relative_to(DEPLOY)))
def test_every_file_is_clean_yaml(file: Path) -> None:
    config = YamlLintConfig(file=str(DEPLOY / ".yamllint"))
    problems = [str(problem) for problem in linter.run(file.read_text(), config, str(file))]
    assert problems == []
