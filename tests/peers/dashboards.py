"""The committed dashboards and what they ask Prometheus: every query, with its variables filled in as by Grafana."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

FOLDER = Path(__file__).parents[2] / "grafana" / "dashboards"

_VARIABLE = re.compile(r"\$(\w+)|\$\{(\w+)(?::\w+)?\}")
_VALUES = re.compile(r"label_values\((.*), *\w+\)")


class Query(NamedTuple):
    """One query of a dashboard: of a panel, or of an annotation or a variable, which then stand in its title."""

    dashboard: str
    panel: str
    promql: str


def dashboards() -> dict[str, dict[str, Any]]:
    """All dashboards by their uid."""
    found = (json.loads(file.read_text("utf-8")) for file in sorted(FOLDER.glob("*.json")))
    return {dashboard["uid"]: dashboard for dashboard in found}


def panels(dashboard: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """All panels but the rows, those inside collapsed rows included."""
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            yield from panel["panels"]
        else:
            yield panel


def queries(site: str = ".*", asset: str = ".*", instance: str = ".*", scraped: str = "15s") -> Iterator[Query]:
    """Every query of every dashboard as PromQL, for the chosen values; each may be a regular expression.

    `scraped` is the interval of Prometheus' scrapes: rates look back over four of them, as in Grafana.
    """
    width = f"{4 * int(scraped.removesuffix('s'))}s"
    values = {"site": site, "asset": asset, "instance": instance}
    values |= {"__rate_interval": width, "__interval": scraped, "__range": "1h"}
    for uid, dashboard in dashboards().items():
        for title, expr in _asked(dashboard):
            yield Query(uid, title, _VARIABLE.sub(lambda found: values[found[1] or found[2]], expr))


def _asked(dashboard: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for panel in panels(dashboard):
        for target in panel["targets"]:
            yield panel["title"], target["expr"]
    for annotation in dashboard["annotations"]["list"]:
        yield f"annotation: {annotation['name']}", annotation["expr"]
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            found = _VALUES.fullmatch(variable["query"])
            assert found, variable["query"]
            yield f"variable: {variable['name']}", found[1]
