"""The systemd unit, judged by systemd's own tools."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from peers import require
from peers.deployment import DEPLOY, unit_settings

MOST_EXPOSED = 2.0
"""Of 10, by the measure of `systemd-analyze security`; a service that says nothing has 9.6."""


def analyze(*arguments: str) -> str:
    done = subprocess.run(
        (require.program("systemd-analyze"), *arguments, "--no-pager"), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The unit as on a machine on which Deskwatch is installed."""
    unit = tmp_path / "deskwatch.service"
    text = (DEPLOY / "deskwatch.service").read_text()
    unit.write_text(text.replace("/opt/deskwatch/.venv/bin/deskwatch", sys.executable))
    return unit


def test_systemd_understands_every_line(installed: Path) -> None:
    said = analyze("verify", "--recursive-errors=no", str(installed))
    assert "deskwatch" not in said


def test_it_is_exposed_no_more_than_it_must(installed: Path) -> None:
    said = analyze("security", "--offline=true", str(installed))
    found = re.search(r"Overall exposure level for deskwatch\.service: ([\d.]+)", said)
    assert found
    assert float(found[1]) <= MOST_EXPOSED


def test_echoes_are_the_only_right_that_it_has() -> None:
    unit = unit_settings()
    assert unit["AmbientCapabilities"] == unit["CapabilityBoundingSet"] == "CAP_NET_RAW"
    assert unit["NoNewPrivileges"] == "yes"
    assert unit["User"] not in ("", "root")
