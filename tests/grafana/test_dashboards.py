"""The committed dashboards: as generated, readable, complete, and every query one that Prometheus takes."""

import json
import re
import subprocess
from collections.abc import Iterable
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard
from peers import require
from peers.dashboards import FOLDER, dashboards, panels, queries

from grafana import families, promql
from grafana.__main__ import generated

UIDS = {
    f"deskwatch-{name}"
    for name in ("sites", "site", "uplinks", "wifi", "doors", "booking", "rooms", "equipment", "incidents", "self")
}
"""What bookmarks and links of others are made of: one that is changed breaks them."""
MARK_WORDS = ("titleFormat", "textFormat", "tagKeys")
"""What Grafana's Prometheus source takes of an annotation, and the SDK does not know."""

DASHBOARDS = dashboards()
PANELS = [(uid, panel) for uid, dashboard in DASHBOARDS.items() for panel in panels(dashboard)]
TARGETS = [(f"{uid}: {panel['title']}", target) for uid, panel in PANELS for target in panel["targets"]]

each_dashboard = pytest.mark.parametrize("uid", sorted(DASHBOARDS))


def test_the_committed_files_are_what_the_declarations_make() -> None:
    committed = {file.name: file.read_text("utf-8") for file in FOLDER.iterdir()}
    assert committed == generated(), "run `make dashboards`"


def test_addresses_stay() -> None:
    assert set(DASHBOARDS) == UIDS


@each_dashboard
def test_the_sdk_reads_a_dashboard_back_as_it_is(uid: str) -> None:
    register_default_plugins()
    dashboard = json.loads(json.dumps(DASHBOARDS[uid]))
    for mark in dashboard["annotations"]["list"]:
        for word in MARK_WORDS:
            assert isinstance(mark.pop(word), str)
    assert json.loads(json.dumps(Dashboard.from_json(dashboard), cls=JSONEncoder)) == dashboard


@each_dashboard
def test_panels_have_numbers_of_their_own_and_do_not_overlap(uid: str) -> None:
    top = DASHBOARDS[uid]["panels"]
    every = [*top, *(panel for row in top for panel in row.get("panels", ()))]
    assert len({panel["id"] for panel in every}) == len(every)
    for shown in (top, *(row["panels"] for row in top if row.get("panels"))):
        assert all(place["x"] + place["w"] <= 24 for place in places(shown))
        assert [pair for pair in combinations(places(shown), 2) if overlap(*pair)] == []


def places(shown: Iterable[dict[str, Any]]) -> list[dict[str, int]]:
    return [panel["gridPos"] for panel in shown]


def overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
    below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
    return not beside and not below


def test_prometheus_takes_every_query(tmp_path: Path) -> None:
    rules = [{"record": f"query_{number}", "expr": one.promql} for number, one in enumerate(queries("harbour"))]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "dashboards", "rules": rules}]}))
    command = [require.program("promtool"), "check", "rules", "--lint=none", str(tmp_path / "rules.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{len(rules)} rules found" in done.stdout


def test_a_query_that_names_what_nobody_declares_cannot_be_made() -> None:
    with pytest.raises(families.Undeclared, match="deskwatch_chairs_free: look for its name in"):
        promql.ask("sum(deskwatch_chairs_free)")


def test_queries_name_declared_families_alone_and_each_follows_the_choice_of_the_site() -> None:
    for one in queries("harbour", instance="deskwatch:8470"):
        series = re.findall(r"\b((?:deskwatch|probe)_\w+)(\{[^}]*\})?", one.promql)
        assert series, one
        for name, chosen in series:
            families.find(name)
            assert one.panel == "variable: site" or re.search('site=~"harbour"|instance=~"deskwatch:8470"', chosen), one


def test_every_family_is_shown_somewhere() -> None:
    shown = {family.name for _, target in TARGETS for family in promql.named(target["expr"])}
    assert set(families.declared()) - shown == set()


def test_a_legend_names_labels_that_the_answer_has() -> None:
    for title, target in TARGETS:
        assert set(re.findall(r"\{\{(\w+)\}\}", target.get("legendFormat", ""))) <= labels(target["expr"]), title


def labels(promql_of_panel: str) -> set[str]:
    """The labels that every series of an answer has."""
    kept = re.findall(r"\bby \(([^)]*)\)", promql_of_panel)
    named = [families.labels(one) for one in promql.named(promql_of_panel)]
    return set.intersection(*({label.strip() for label in one.split(",")} for one in kept) if kept else map(set, named))


def test_every_panel_explains_itself_in_the_words_of_the_declarations() -> None:
    for uid, panel in PANELS:
        named = [family for target in panel["targets"] for family in promql.named(target["expr"])]
        assert panel["title"], uid
        assert all(family.help.rstrip(".") in panel["description"] for family in named), panel["title"]
        assert "there is no data" in panel["description"].lower(), panel["title"]


def test_all_links_between_dashboards_lead_to_one() -> None:
    links = re.findall(r"/d/([\w-]+)", "".join(file.read_text("utf-8") for file in FOLDER.iterdir()))
    assert set(links) == UIDS


@each_dashboard
def test_a_dashboard_leads_to_all_others_and_to_deskwatch_and_takes_the_site_along(uid: str) -> None:
    urls = [link["url"] for link in DASHBOARDS[uid]["links"]]
    assert {url.split("?")[0] for url in urls} == {"${deskwatch_url:raw}/", *(f"/d/{other}" for other in UIDS - {uid})}
    assert all("${site:queryparam}" in url for url in urls if url.startswith("/d/"))


def test_a_panel_leads_to_the_page_of_an_asset_where_its_series_name_one() -> None:
    for _, panel in PANELS:
        links = [link["url"] for link in panel["fieldConfig"]["defaults"].get("links", ())]
        if links:
            assert links == ["${deskwatch_url:raw}/assets/${__field.labels.asset}"]
            kept = [by for target in panel["targets"] for by in re.findall(r"\bby \(([^)]*)\)", target["expr"])]
            assert all("asset" in by for by in kept), panel["title"]


@each_dashboard
def test_a_dashboard_can_be_used_as_it_is_imported(uid: str) -> None:
    variables = {one["name"]: one for one in DASHBOARDS[uid]["templating"]["list"]}
    assert list(variables) == ["datasource", "site", "asset", "instance", "deskwatch_url"]
    assert variables["datasource"]["query"] == "prometheus"
    assert variables["deskwatch_url"]["query"].startswith("http")
    assert (variables["asset"]["multi"], variables["asset"]["current"]["value"]) == (True, ["$__all"])
    assert '"uid": "${datasource}"' in json.dumps(DASHBOARDS[uid]["panels"])
    assert "__inputs" not in DASHBOARDS[uid]


@each_dashboard
def test_incidents_are_marked_in_every_dashboard(uid: str) -> None:
    (mark,) = [one for one in DASHBOARDS[uid]["annotations"]["list"] if one["name"] == "Incidents"]
    assert "deskwatch_asset_incidents_open" in mark["expr"]
    assert mark["textFormat"] == "{{severity}} incident of {{asset}}"
