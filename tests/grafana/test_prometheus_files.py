"""The files for Prometheus, judged by Prometheus' own tool."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from peers import require
from prometheus_client import CollectorRegistry

from monitor.metrics import Vitals

FILES = Path(__file__).parents[2] / "grafana" / "prometheus"


def promtool(*arguments: str, folder: Path) -> None:
    command = [require.program("promtool"), *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    for file in (*FILES.iterdir(), Path(__file__).with_name("rules_test.yaml")):
        shutil.copy(file, tmp_path)
    return tmp_path


def test_the_scrape_configuration_is_valid_and_finds_its_rules(copied: Path) -> None:
    promtool("check", "config", "scrape.yaml", folder=copied)


def test_every_alert_comes_when_it_should_and_not_before(copied: Path) -> None:
    promtool("test", "rules", "rules_test.yaml", folder=copied)


def test_the_rules_ask_only_for_metrics_that_there_are() -> None:
    registry = CollectorRegistry()
    Vitals(registry)
    names = {name for family in registry.collect() for name in (family.name, f"{family.name}_bucket")}
    asked = set(re.findall(r"deskwatch_[a-z_]+", (FILES / "rules.yaml").read_text()))
    assert asked <= names | {"deskwatch_schedule_lag_seconds_bucket"}
    assert len(asked) == 4
