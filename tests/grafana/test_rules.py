"""The rules for Prometheus, judged by its own tools and by what is declared; and all that is made from them."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from peers import require

from alerting.rules import Severity
from grafana import families
from grafana.alerting import FILES, RULES, Alert, alerts, provisioned, tables
from monitor.metrics_reference import Family
from monitor.reference import BEGIN, END, with_generated
from probes import kinds, load

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "operations" / "prometheus.md"
TRIED = sorted(Path(__file__).with_name("rules").glob("*.test.yaml"))
BLOCKS = [block for file in TRIED for block in yaml.load(file.read_text("utf-8"), yaml.CSafeLoader)["tests"]]
KINDS = kinds()
SITE = alerts("site")
ALERTS = [*alerts("health"), *SITE]
RECORDED = {
    rule["record"]: rule["expr"]
    for group in yaml.safe_load((RULES / "recording.rules.yaml").read_text("utf-8"))["groups"]
    for rule in group["rules"]
}

_SERIES = re.compile(r"(?<![\w:])((?:deskwatch|probe)_\w+)(?:\{([^}]*)\})?")
_MATCHER = re.compile(r'(\w+)(=~|!=|=)"([^"]*)"')

by_name = pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)


def promtool(*arguments: str, folder: Path) -> None:
    command = [require.program("promtool"), *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    for file in (*RULES.glob("*.yaml"), *TRIED):
        shutil.copy(file, tmp_path)
    return tmp_path


def matchers(expr: str) -> Iterator[tuple[Family, str, str, str]]:
    """Family, label, operator and value of each matcher, and each family once without; raises for undeclared ones."""
    for name, inside in _SERIES.findall(expr):
        family = families.find(name)
        yield family, "", "", ""
        for label, operator, value in _MATCHER.findall(inside):
            yield family, label, operator, value


def watched(alert: Alert) -> Iterator[str]:
    """The kinds whose failing target the alert tells of."""
    for matcher in re.findall(r"probe_success\{([^}]*)\}", alert.expr):
        found = [(operator, value) for label, operator, value in _MATCHER.findall(matcher) if label == "kind"]
        yield from (kind for kind in KINDS if all(fits(kind, *one) for one in found))


def fits(value: str, operator: str, wanted: str) -> bool:
    if operator == "=~":
        return re.fullmatch(wanted, value) is not None
    return (value == wanted) is (operator == "=")


def test_the_scrape_configuration_is_valid_and_finds_its_rules(copied: Path) -> None:
    promtool("check", "config", "scrape.yaml", folder=copied)


def test_prometheus_takes_all_rules(copied: Path) -> None:
    promtool("check", "rules", *(file.name for file in RULES.glob("*.rules.yaml")), folder=copied)


@pytest.mark.parametrize("file", TRIED, ids=lambda file: file.name.partition(".")[0])
def test_every_alert_comes_when_it_should_says_why_and_goes(file: Path, copied: Path) -> None:
    promtool("test", "rules", file.name, folder=copied)


@by_name
def test_every_alert_is_tried_before_while_and_after_it_fires(alert: Alert) -> None:
    assert any(_turns(block, alert.name) == [False, True, False] for block in BLOCKS), (
        f"add {alert.name} to tests/grafana/rules"
    )


def _turns(block: dict[str, Any], name: str) -> list[bool]:
    """Whether it fires, from one time at which that is looked at to the next; the same twice is said once."""
    asked = [one for one in block.get("alert_rule_test", ()) if one["alertname"] == name]
    fired = [bool(one["exp_alerts"]) for one in sorted(asked, key=lambda one: int(one["eval_time"][:-1]))]
    return [now for now, before in zip(fired, [None, *fired], strict=False) if now is not before]


@pytest.mark.parametrize("expr", [*RECORDED.values(), *(alert.expr for alert in ALERTS)])
def test_an_expression_asks_only_for_families_labels_and_values_that_are_declared(expr: str) -> None:
    for family, label, operator, value in matchers(expr):
        assert not label or label in families.labels(family), f"{family.name} has no label {label}"
        if label == "kind" and not family.kinds:
            assert any(fits(kind, operator, value) for kind in KINDS)
        elif label in family.labels and family.parts:
            assert any(fits(part, operator, value) for part in family.parts), f"{family.name} has no {label} {value}"
    assert set(re.findall(r"[\w]+:[\w]+:\w+", expr)) <= set(RECORDED)


@by_name
def test_an_alert_says_what_is_wrong_how_bad_it_is_and_where_to_look(alert: Alert) -> None:
    assert alert.severity in list(Severity)
    assert all(alert.annotations[key].strip() for key in ("summary", "description"))
    assert alert.name == "DeskwatchAbsent" or alert.annotations["runbook_url"].startswith(
        "http://{{ $labels.instance }}/"
    )


@by_name
def test_the_words_of_an_alert_name_only_labels_that_its_series_have(alert: Alert) -> None:
    named = set(re.findall(r"\$labels\.(\w+)", " ".join(alert.annotations.values())))
    by = re.search(r"\bby \(([^)]*)\)", alert.expr)
    if by is not None:
        left = set(by[1].split(", "))
    elif found := [family for family, label, *_ in matchers(alert.expr) if not label]:
        left = set.intersection(*(set(families.labels(family)) for family in found))
    else:
        left = {"job", "instance", "site", "asset"}  # of recorded series, whose words promtool shows
    assert named <= left, f"{alert.name}: {named - left}"


@pytest.mark.parametrize("kind", KINDS)
def test_a_failing_target_of_any_kind_has_one_alert(kind: str) -> None:
    found = [alert.name for alert in SITE if kind in watched(alert) and alert.name != "InternetDown"]
    assert len(found) == 1, f"name {kind} in the matcher of one alert of site.rules.yaml; it has {found}"


def test_who_waits_to_be_told_is_not_blind() -> None:
    (blind,) = (alert for alert in ALERTS if alert.name == "CheckBlind")
    spared = {value for _, label, operator, value in matchers(blind.expr) if (label, operator) == ("kind", "!=")}
    assert spared == {kind for kind in KINDS if load(kind).passive}


@pytest.mark.parametrize("name", FILES)
def test_grafana_has_the_same_alerts(name: str) -> None:
    file = ROOT / "grafana" / "alerting" / f"{name}.yaml"
    assert file.read_text("utf-8") == provisioned(name), "run `python -m grafana.alerting`"


def test_grafana_can_tell_its_alerts_apart() -> None:
    uids = [alert.uid for alert in ALERTS]
    assert len(set(uids)) == len(uids)
    assert all(re.fullmatch(r"[a-z-]{1,40}", uid) for uid in uids)  # Grafana takes no longer ones


@pytest.mark.parametrize("name", FILES)
def test_grafana_fires_on_whatever_prometheus_finds(name: str) -> None:
    rules = [rule for group in yaml.safe_load(provisioned(name))["groups"] for rule in group["rules"]]
    for rule, alert in zip(rules, alerts(name), strict=True):
        asked, found, fires = (query["model"] for query in rule["data"])
        assert (asked["expr"], rule["title"], rule["condition"]) == (alert.expr, alert.name, fires["refId"])
        assert found["expression"] == "is_number($A) || is_nan($A) || is_inf($A)"
        assert (rule["for"], rule["noDataState"]) == (alert.wait or "0s", "OK")
        assert "$value " not in str(rule["annotations"])


def test_the_page_is_current() -> None:
    page = PAGE.read_text("utf-8")
    assert BEGIN in page and END in page
    assert with_generated(page, tables()) == page, "run `python -m grafana.alerting`"


def test_alertmanager_takes_the_inhibition_that_the_page_proposes(tmp_path: Path) -> None:
    (proposed,) = re.findall(r"```yaml\n(inhibit_rules:.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    known = {alert.name for alert in ALERTS}
    assert all(
        any(re.fullmatch(pattern, name) for name in known) for pattern in re.findall(r'alertname=~?"([^"]*)"', proposed)
    )
    file = tmp_path / "alertmanager.yml"
    file.write_text(f"route: {{receiver: nobody}}\nreceivers: [{{name: nobody}}]\n{proposed}")
    done = subprocess.run(
        [require.program("amtool"), "check-config", str(file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
