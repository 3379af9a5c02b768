"""Grafana's own alert rules and the table in the documentation, made from the alert rules of Prometheus."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from monitor.reference import table

RULES = Path(__file__).parents[1] / "prometheus"
"""Where the rules of Prometheus are."""

FILES = ("health", "site")
"""The files with alerts: NAME.rules.yaml there, NAME.yaml here."""

_HEAD = """\
# Alert rules for Grafana, made from grafana/prometheus/{name}.rules.yaml by `python -m grafana.alerting`.
# $DESKWATCH_DATASOURCE is the uid of the Prometheus data source; set it where Grafana runs.

"""
_ON_ERROR = {"health": "Error", "site": "KeepLast"}
"""What Grafana makes of a query that fails: one file says that nobody watches, the other nothing about the site."""

_ASKED, _ANY, _FIRES = "A", "B", "C"
_EXPRESSION = "__expr__"


class Alert(NamedTuple):
    """An alert rule of Prometheus; `wait` and `keep` are its `for` and `keep_firing_for`, "" if it has none."""

    group: str
    name: str
    expr: str
    wait: str
    keep: str
    severity: str
    annotations: Mapping[str, str]

    @property
    def uid(self) -> str:
        """A name for Grafana that stays: DoorHeldOpen is deskwatch-door-held-open."""
        words = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", self.name).lower()
        return f"deskwatch-{words.removeprefix('deskwatch-')}"


def alerts(name: str) -> tuple[Alert, ...]:
    """The alerts of one of the files, in its order."""
    document = yaml.safe_load((RULES / f"{name}.rules.yaml").read_text("utf-8"))
    return tuple(_alert(group["name"], rule) for group in document["groups"] for rule in group["rules"])


def provisioned(name: str) -> str:
    """The same alerts as Grafana provisions them from a file."""
    found = alerts(name)
    groups = [
        {
            "orgId": 1,
            "name": group,
            "folder": "Deskwatch",
            "interval": "1m",
            "rules": [_rule(alert, _ON_ERROR[name]) for alert in found if alert.group == group],
        }
        for group in dict.fromkeys(alert.group for alert in found)
    ]
    document = {"apiVersion": 1, "groups": groups}
    return _HEAD.format(name=name) + yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)


def tables() -> str:
    """What each alert says and advises, as Markdown: a table for each file."""
    return "\n\n".join(f"### `{name}.rules.yaml`\n\n{_table(name)}" for name in FILES)


def _alert(group: str, rule: Mapping[str, Any]) -> Alert:
    wait, keep = rule.get("for", ""), rule.get("keep_firing_for", "")
    severity, annotations = rule["labels"]["severity"], rule["annotations"]
    return Alert(group, rule["alert"], rule["expr"].strip(), wait, keep, severity, annotations)


def _rule(alert: Alert, on_error: str) -> dict[str, Any]:
    return {
        "uid": alert.uid,
        "title": alert.name,
        "condition": _FIRES,
        "data": list(_queries(alert.expr)),
        "for": alert.wait or "0s",
        **({"keepFiringFor": alert.keep} if alert.keep else {}),
        # As in Prometheus: what the query does not find does not fire, and is over at once.
        "noDataState": "OK",
        "missing_series_evals_to_resolve": 1,
        "execErrState": on_error,
        "labels": {"severity": alert.severity},
        "annotations": {key: _templated(words) for key, words in alert.annotations.items()},
    }


def _queries(expr: str) -> Iterator[dict[str, Any]]:
    """To Prometheus whatever is found fires, also a 0; Grafana has to be asked whether something was found."""
    found = f"is_number(${_ASKED}) || is_nan(${_ASKED}) || is_inf(${_ASKED})"
    above = [{"evaluator": {"type": "gt", "params": [0]}}]
    asked = {"refId": _ASKED, "expr": expr, "instant": True, "range": False}
    yield _query(_ASKED, "${DESKWATCH_DATASOURCE}", asked)
    yield _query(_ANY, _EXPRESSION, {"refId": _ANY, "type": "math", "expression": found})
    yield _query(_FIRES, _EXPRESSION, {"refId": _FIRES, "type": "threshold", "expression": _ANY, "conditions": above})


def _query(ref: str, source: str, model: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "refId": ref,
        "relativeTimeRange": {"from": 600, "to": 0},
        "datasourceUid": source,
        "model": dict(model),
    }


def _templated(words: str) -> str:
    """The words with the value as Grafana names it; labels have the same names in both."""
    return re.sub(r"\$value\b", f"$values.{_ASKED}.Value", words)


def _table(name: str) -> str:
    head = ("Alert", "Severity", "After", "Says", "Advises")
    return table(head, [_row(alert) for alert in alerts(name)])


def _row(alert: Alert) -> tuple[str, ...]:
    said = _readable(alert.annotations["summary"]), _readable(alert.annotations["description"])
    return f"`{alert.name}`", alert.severity, alert.wait or "at once", *said


def _readable(words: str) -> str:
    """The words with each placeholder by its name: {{ $labels.asset }} is ASSET."""
    return re.sub(r"\{\{ \$(?:labels\.)?(\w+)(?: \| \w+)? \}\}", lambda found: found[1].upper(), words)


class _Dumper(yaml.SafeDumper):
    """Writes text of several lines as such."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)
