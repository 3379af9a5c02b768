"""Alerting rules of Prometheus as checks: what promtool and Deskwatch both take."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from peers import require
from typer.testing import CliRunner

from alerting.rules import NoData, Rule, Severity
from monitor.cli import cli
from monitor.config import load
from monitor.prometheus_rules import imported

OURS = Path(__file__).resolve().parents[2] / "grafana" / "prometheus"
SITE = "site: {id: harbour, name: Harbour Street, timezone: Europe/Lisbon}\n"
NODE = r"""
groups:
  - name: node-exporter
    interval: 1m30s
    limit: 10
    rules:
      - record: instance:node_cpu:ratio
        expr: 1 - avg without (cpu, mode) (rate(node_cpu_seconds_total{mode="idle"}[5m]))
      - alert: NodeFilesystemAlmostOutOfSpace
        expr: |
          (
            # of what users can write
            node_filesystem_avail_bytes{job="node",fstype!="",mountpoint!=""} / node_filesystem_size_bytes * 100 < 5
          and
            node_filesystem_readonly == 0
          )
        for: 30m
        labels: {severity: warning, team: it}
        annotations:
          summary: Filesystem has less than 5% space left.
          description: Filesystem on {{ $labels.device }} at {{ $labels.instance }} is almost full.
          runbook_url: https://runbooks.example.org/space
      - alert: NodeFilesystemAlmostOutOfSpace
        expr: node_filesystem_avail_bytes / node_filesystem_size_bytes * 100 <= 3
        for: 1h
        keep_firing_for: 5m
        labels: {severity: page}
        annotations: {summary: "{{ $labels.instance }} is at {{ printf \"%.2f\" $value }} %"}
      - alert: NodeClockSkewDetected
        expr: 0.05 < abs(node_timex_offset_seconds)
        labels: {severity: "{{ if gt $value 1.0 }}critical{{ end }}"}
      - alert: down
        expr: up == 0
      - alert: TooLong
        expr: x > 1
        for: 1y
  - name: 42
    rules:
      - {alert: Watchdog, expr: vector(1), labels: {severity: none}, annotations: {summary: "{{ $value }}"}}
"""


@pytest.fixture
def rules(tmp_path: Path) -> dict[str, Rule]:
    """The rules that come out, by the name of their check, as the configuration has them."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "site.yaml").write_text(SITE)
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(imported(NODE, "http://127.0.0.1:9090").document))
    config = load(folder)
    assert {check.interval for check in config.assets[0].checks} == {90}
    assert {check.kind for check in config.checks} == {"passive.promql"}
    assert {asset.people for asset in config.assets} == {0}
    return {check.id: rule for check in config.checks for rule in check.rules if rule.id == check.name}


def test_each_alerting_rule_is_a_check_with_its_limit_its_times_and_its_severity(rules: dict[str, Rule]) -> None:
    assert set(rules) == {
        "node-exporter/node-filesystem-almost-out-of-space", "node-exporter/node-filesystem-almost-out-of-space-2",
        "node-exporter/node-clock-skew-detected", "node-exporter/down-2", "42/watchdog",
    }  # fmt: skip
    space = rules["node-exporter/node-filesystem-almost-out-of-space-2"]
    assert space.below == pytest.approx(3)
    assert space.below is not None
    assert space.below > 3, "<= fires at 3 as well"
    assert (space.hold, space.keep, space.severity) == (3600, 300, Severity.CRITICAL)
    assert space.no_data is NoData.CLEAR
    clock = rules["node-exporter/node-clock-skew-detected"]
    assert (clock.above, clock.severity) == (0.05, Severity.WARNING)


def test_what_is_no_comparison_with_a_number_fires_while_it_finds_anything(rules: dict[str, Rule]) -> None:
    space = rules["node-exporter/node-filesystem-almost-out-of-space"]
    assert (space.above, space.hold, space.no_data) == (0, 1800, NoData.KEEP)
    checks = imported(NODE, "http://127.0.0.1:9090").document["services"][0]["checks"]
    assert checks[0]["query"].startswith("count(( node_filesystem_avail_bytes{job")
    assert checks[0]["query"].endswith("and node_filesystem_readonly == 0 )) or vector(0)")
    assert checks[3]["query"] == "count(up == 0) or vector(0)"


def test_it_says_what_the_rule_says_with_a_gap_for_what_only_prometheus_knows(rules: dict[str, Rule]) -> None:
    says = {rule.says.removeprefix("has an alert: ") for rule in rules.values()}
    assert says == {
        "Filesystem has less than 5% space left", "… is at … %", "NodeClockSkewDetected", "down", "Watchdog"
    }  # fmt: skip


def test_what_could_not_be_carried_over_is_told_with_the_reason() -> None:
    assert imported(NODE, "http://127.0.0.1:9090").notes == (
        "node-exporter: left out limit",
        "node-exporter/instance:node_cpu:ratio: stays with Prometheus, it is no alerting rule",
        "node-exporter/NodeFilesystemAlmostOutOfSpace: left out label team, annotation description, "
        "annotation runbook_url",
        "node-exporter/NodeFilesystemAlmostOutOfSpace: the templates in its summary are left out",
        "node-exporter/NodeClockSkewDetected: the severity is a template, it is a warning here",
        "node-exporter/TooLong: not carried over, `1y` is longer than the 30d that Deskwatch knows",
        "42/Watchdog: the templates in its summary are left out",
    )


async def promtool(folder: Path, document: Any) -> str:
    path = folder / "rules.json"
    path.write_text(json.dumps(document))
    process = await asyncio.create_subprocess_exec(
        require.program("promtool"), "check", "rules", str(path), stdout=-1, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    return f"{process.returncode}\n{output.decode()}"


@pytest.mark.parametrize(
    "text",
    [NODE, *((OURS / name).read_text("utf-8") for name in ("health.rules.yaml", "site.rules.yaml"))],
    ids=["node", "health", "site"],
)
async def test_prometheus_understands_the_rules_and_every_query_made_of_them(tmp_path: Path, text: str) -> None:
    given = yaml.safe_load(text)
    for group in given["groups"]:
        group["name"] = str(group["name"])
        for rule in group["rules"]:
            rule.pop("keep_firing_for", None)  # some versions of promtool do not know it yet
    assert (await promtool(tmp_path, given)).startswith("0\n")
    queries = [
        check["query"]
        for asset in imported(text, "http://127.0.0.1:9090").document["services"]
        for check in asset["checks"]
    ]
    records = [{"record": f"imported:query:{n}", "expr": query} for n, query in enumerate(queries)]
    assert (await promtool(tmp_path, {"groups": [{"name": "imported", "rules": records}]})).startswith("0\n")


def test_the_command_prints_a_file_that_check_accepts(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(NODE)
    run = CliRunner().invoke(cli, ["import", "prometheus-rules", str(tmp_path / "rules.yml"), "--url", "http://p:9090"])
    assert run.exit_code == 0
    assert "stays with Prometheus" in run.stderr
    assert "http://p:9090" in run.stdout
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "site.yaml").write_text(SITE)
    (folder / "prometheus.yaml").write_text(run.stdout)
    checked = CliRunner().invoke(cli, ["check", str(folder)])
    assert checked.exit_code == 0
    assert "2 assets, 5 checks, no problems" in " ".join(checked.stdout.split())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [", "it is no YAML"),
        ("groups: 5", "no file of Prometheus rules"),
        ("- a", "no file of Prometheus rules"),
        ("groups: [{rules: [5]}]", "no file of Prometheus rules"),
    ],
)
def test_what_is_no_file_of_rules_is_refused(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "rules.yml"
    path.write_text(text)
    run = CliRunner().invoke(cli, ["import", "prometheus-rules", str(path)])
    assert run.exit_code == 1
    assert words in run.stderr


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"for": "soon"}, "`soon` is no duration"),
        ({"for": "2x"}, "`2x` is no duration"),
        ({"expr": ""}, "stays with Prometheus"),
        ({"labels": "none", "annotations": 7}, ""),
    ],
)
def test_a_rule_that_makes_no_sense_is_left_out(rule: dict[str, Any], words: str) -> None:
    text = json.dumps({"groups": [{"name": "g", "rules": [{"alert": "A", "expr": "x > 1"} | rule]}]})
    found = imported(text, "http://127.0.0.1:9090")
    assert words in " ".join(found.notes)
    assert bool(found.document["services"]) is (not words)
