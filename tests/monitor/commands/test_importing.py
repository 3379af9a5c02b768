"""`deskwatch import` for other monitors: what it prints, what it writes, and how it ends."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from monitor.cli import cli

GATUS = "endpoints: [{name: Portal, url: 'https://example.org'}, {name: Chat, url: 'ws://example.org'}]\n"
BLACKBOX = "modules: {ping: {prober: icmp}}\n"
PROMETHEUS = """
scrape_configs:
  - job_name: hosts
    metrics_path: /probe
    params: {module: [ping]}
    file_sd_configs: [{files: ["targets/*.json"]}]
    relabel_configs:
      - {source_labels: [__address__], target_label: __param_target}
      - {source_labels: [__param_target], target_label: instance}
      - {target_label: __address__, replacement: "127.0.0.1:9115"}
"""


def run(*words: object) -> tuple[int, str, str]:
    found = CliRunner().invoke(cli, ["import", *map(str, words)])
    return found.exit_code, found.stdout, " ".join(found.stderr.split())


def test_a_whole_configuration_is_written_that_check_takes(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(GATUS)
    out = tmp_path / "site.yaml"
    code, printed, said = run("gatus", tmp_path / "config.yaml", "--site", "harbour", "--out", out)
    assert (code, printed) == (0, "")
    assert "not carried: endpoint Chat: WebSocket is not spoken" in said
    assert said.endswith("1 carried over, 0 changed in meaning, 1 not carried")
    assert CliRunner().invoke(cli, ["check", str(out)]).exit_code == 0


def test_a_fragment_goes_to_standard_output(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(GATUS)
    code, printed, _ = run("gatus", tmp_path / "config.yaml")
    assert code == 0
    assert "  # endpoint Portal\n  - id: portal\n" in printed
    assert "site:" not in printed


def test_targets_are_read_from_the_files_beside_prometheus(tmp_path: Path) -> None:
    (tmp_path / "blackbox.yml").write_text(BLACKBOX)
    (tmp_path / "prometheus.yml").write_text(PROMETHEUS)
    (tmp_path / "targets").mkdir()
    (tmp_path / "targets" / "a.json").write_text('[{"targets": ["192.0.2.7"]}]')
    code, printed, _ = run("blackbox", tmp_path / "blackbox.yml", "--targets", tmp_path / "prometheus.yml")
    assert code == 0
    assert 'host: "192.0.2.7"' in printed


def test_a_file_that_exists_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "blackbox.yml").write_text(BLACKBOX)
    (tmp_path / "out.yaml").write_text("precious")
    code, _, said = run("blackbox", tmp_path / "blackbox.yml", "--out", tmp_path / "out.yaml")
    assert (code, (tmp_path / "out.yaml").read_text()) == (2, "precious")
    assert "exists" in said


@pytest.mark.parametrize("command", ["gatus", "blackbox", "uptime-kuma"])
def test_what_cannot_be_read_or_understood_ends_with_a_message(command: str, tmp_path: Path) -> None:
    code, _, said = run(command, tmp_path / "none")
    assert (code, "cannot be read: No such file" in said) == (2, True)
    (tmp_path / "bad").write_bytes(b"\xff\xfe\x00")
    assert run(command, tmp_path / "bad")[0] == 1
    (tmp_path / "other").write_text("{}")
    assert run(command, tmp_path / "other")[0] == 1


def test_a_file_of_which_nothing_can_be_carried_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "blackbox.yml").write_text("modules: {rpc: {prober: grpc}}")
    code, printed, said = run("blackbox", tmp_path / "blackbox.yml")
    assert (code, printed) == (1, "")
    assert "nothing could be carried over" in said
