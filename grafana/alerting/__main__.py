"""Writes what is made from the alert rules of Prometheus: Grafana's, and the table in the documentation."""

from pathlib import Path

from grafana.alerting import FILES, provisioned, tables
from monitor.reference import with_generated

FOLDER = Path(__file__).parent
PAGE = FOLDER.parents[1] / "docs" / "operations" / "prometheus.md"


def main() -> None:
    """Write all of it anew."""
    for name in FILES:
        (FOLDER / f"{name}.yaml").write_text(provisioned(name), "utf-8")
    PAGE.write_text(with_generated(PAGE.read_text("utf-8"), tables()), "utf-8")


if __name__ == "__main__":
    main()
