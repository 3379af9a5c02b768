"""The image and compose.yaml, as far as can be judged without Docker."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from peers import require
from peers.deployment import DEPLOY, ROOT, compose, image_user

from monitor.config import load

SERVICES = ("deskwatch", "prometheus", "alertmanager", "grafana")


def test_the_dockerfile_is_as_its_linter_wants_it() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    if not hadolint.exists():
        require.missing("hadolint is not installed")
    done = subprocess.run((hadolint, DEPLOY / "Dockerfile"), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_image_is_made_of_all_that_is_installed_and_of_no_state() -> None:
    packages = {"language", "probes", "alerting", "incidents", "monitor"}
    copied = (line.split() for line in (DEPLOY / "Dockerfile").read_text().splitlines() if line.startswith("COPY "))
    sources = {source for words in copied if not words[1].startswith("--") for source in words[1:-1]}
    ignored, *kept = [
        line for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if line and line[0] != "#"
    ]
    assert ignored == "*"
    assert packages < sources
    assert sources == {line[1:] for line in kept if line.startswith("!")}
    assert all((ROOT / source).exists() for source in sources)


def test_the_image_does_not_run_as_root() -> None:
    assert image_user() > 1000


def test_compose_yaml_is_what_the_compose_specification_allows() -> None:
    spec = pytest.importorskip("compose_spec", reason="there is no compose-spec for this machine")
    spec.PyCompose.from_yaml((DEPLOY / "compose.yaml").read_text()).validate()


def test_compose_mounts_only_files_that_there_are_and_those_that_people_write() -> None:
    mounts = [volume.split(":")[0] for service in compose()["services"].values() for volume in service["volumes"]]
    sources = {(DEPLOY / mount).resolve() for mount in mounts if mount.startswith(".")}
    assert all(source.exists() for source in sources - {DEPLOY / "config"})


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_has_more_rights_than_it_needs(name: str) -> None:
    service = compose()["services"][name]
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert service["read_only"]
    assert service["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_reached_from_this_machine_alone(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in compose()["services"][name]["ports"])


def test_no_secret_stands_in_a_file_and_all_are_kept_out_of_git() -> None:
    files = {secret["file"] for secret in compose()["secrets"].values()}
    assert all(file.startswith("./secrets/") for file in files)
    assert {"/deploy/secrets/", "/deploy/config/"} <= set((ROOT / ".gitignore").read_text().splitlines())


def test_who_asks_deskwatch_does_so_by_the_address_that_it_has() -> None:
    address = compose()["services"]["deskwatch"]["networks"]["watch"]["ipv4_address"]
    prometheus = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yaml").read_text())
    job = next(job for job in prometheus["scrape_configs"] if job["job_name"] == "deskwatch")
    assert job["static_configs"] == [{"targets": [f"{address}:8470"]}]
    assert f"http://{address}:8470/api/v1/alertmanager" in (DEPLOY / "alertmanager.yaml").read_text()


def test_the_example_of_a_site_is_right_once_its_token_is_there(tmp_path: Path) -> None:
    token, site = tmp_path / "token", tmp_path / "site.yaml"
    token.write_text("0123456789abcdef\n")
    site.write_text((DEPLOY / "site.example.yaml").read_text().replace("/run/secrets/deskwatch-token", str(token)))
    config = load(site)
    assert (config.server.host, config.server.port) == ("0.0.0.0", 8470)
    assert config.server.token is not None
    assert config.storage.url.get_secret_value().endswith("/var/lib/deskwatch/deskwatch.db")
