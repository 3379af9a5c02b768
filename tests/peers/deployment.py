"""What the files in deploy/ say, as data."""

import json
import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"


def unit_settings() -> dict[str, str]:
    """The settings of the systemd unit; of one that is given more than once, the last."""
    lines = (DEPLOY / "deskwatch.service").read_text().splitlines()
    pairs = (line.partition("=") for line in lines if line and line[0] not in "#[")
    return {name: value for name, _, value in pairs}


def image_user() -> int:
    """The user of the image, by number."""
    return int(_instruction(r"USER (\d+):\d+"))


def image_health() -> list[str]:
    """The command that says whether a container is well."""
    command: list[str] = json.loads(_instruction(r"HEALTHCHECK [^[]*CMD (\[.*\])"))
    return command


def compose() -> dict[str, Any]:
    """compose.yaml."""
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return found


def kubernetes() -> dict[str, dict[str, Any]]:
    """The documents of kubernetes.yaml by their kind."""
    documents = yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text())
    return {document["kind"]: document for document in documents if document}


def _instruction(pattern: str) -> str:
    found = re.search(f"^{pattern}$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    assert found, pattern
    return found[1]
