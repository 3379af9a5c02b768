"""The page of all metric families is what the service exposes."""

from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from typer.testing import CliRunner

from monitor.cli import cli
from monitor.exposition import declared
from monitor.metrics import Vitals
from monitor.metrics_reference import tables
from monitor.reference import BEGIN, END, with_generated
from probes import kinds, load

PAGE = Path(__file__).parents[2] / "docs" / "operations" / "metrics-reference.md"
TABLES = tables()


def row(family: str) -> list[str]:
    (found,) = (line for line in TABLES.splitlines() if line.startswith(f"| `{family}` "))
    return [cell.strip() for cell in found.strip("|").split(" | ")]


def test_the_page_is_current() -> None:
    page = PAGE.read_text("utf-8")
    remedy = "run `deskwatch reference metrics --write docs/operations/metrics-reference.md`"
    assert with_generated(page, TABLES) == page, remedy


def test_every_family_has_one_row() -> None:
    families = {metric.name for kind in kinds() for metric in declared(load(kind)).metrics.values()}
    families |= {histogram.name for kind in kinds() for histogram in load(kind).histograms}
    families |= {one.name for one in Vitals(CollectorRegistry()).instruments}
    families |= {"probe_success", "probe_duration_seconds", "deskwatch_check_status"}
    assert [row(family)[0] for family in families] == [f"`{family}`" for family in families]


def test_the_instruments_are_listed_as_they_are_registered() -> None:
    registry = CollectorRegistry()
    listed = {(one.name.removesuffix("_total"), one.type, one.help) for one in Vitals(registry).instruments}
    assert listed == {(family.name, family.type, family.documentation) for family in registry.collect()}


@pytest.mark.parametrize(
    ("family", "cells"),
    [
        ("deskwatch_runs_total", ["counter", "", "`kind`, `status`", "increase(deskwatch_runs_total[1h])"]),
        ("deskwatch_build_info", ["gauge", "", "`version`", "count by (version) (deskwatch_build_info)"]),
        (
            "deskwatch_throughput_bytes_per_second",
            ["gauge", "bytes_per_second", "`direction`: down, up", "max by (asset, direction)"],
        ),
        ("deskwatch_http_phase_seconds", ["histogram", "seconds", "`site`, `kind`, `phase`", "sum by (le, phase)"]),
        ("probe_icmp_loss_ratio", ["gauge", "ratio", "", "avg_over_time(probe_icmp_loss_ratio[1d])"]),
        ("probe_ssl_earliest_cert_expiry", ["gauge", "seconds", "", "probe_ssl_earliest_cert_expiry - time()"]),
        ("deskwatch_room_wake_timestamp_seconds", ["gauge", "seconds", "", "time() - deskwatch_room_wake"]),
    ],
)
def test_a_row_has_type_unit_labels_and_an_example(family: str, cells: list[str]) -> None:
    found = row(family)
    assert found[1:4] == cells[:3]
    assert cells[3] in found[-1]


def test_the_command_renews_the_page_once(tmp_path: Path) -> None:
    page = tmp_path / "metrics-reference.md"
    page.write_text(f"# Mine\n\n{BEGIN}\n{END}\n")
    command = ["reference", "metrics", "--write", str(page)]
    first, second = (CliRunner().invoke(cli, command) for _ in range(2))
    assert (first.exit_code, "renewed" in first.output, second.output) == (0, True, "")
    assert page.read_text() == f"# Mine\n\n{BEGIN}\n\n{TABLES}\n\n{END}\n"


def test_a_page_without_markers_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Mine\n")
    found = CliRunner().invoke(cli, ["reference", "metrics", "--write", str(page)])
    assert found.exit_code == 2
    assert page.read_text() == "# Mine\n"
