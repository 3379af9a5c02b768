"""Makes checks of Deskwatch out of Prometheus' alerting rules."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import yaml

from alerting.inbound import severity_of
from monitor.config.values import format_duration
from monitor.migrate.names import Names
from monitor.promql import bare, comparison

_METRIC = "deskwatch_promql_value"
_DURATION = re.compile(r"(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?")
_SECONDS = (365 * 86_400, 7 * 86_400, 86_400, 3_600, 60, 1, 0.001)
_LONGEST_HOLD = 30 * 86_400
_INTERVALS = (1.0, 7 * 86_400.0)
_TIMEOUT = 5.0
"""Seconds that a check has unless it says otherwise."""
_LONGEST_TEXT = 200
_TAKEN = ("down", "blind")
"""The rules that every check has."""

_TAKEN_OVER = {"alert", "expr", "for", "keep_firing_for", "labels", "annotations"}


class Imported(NamedTuple):
    """What a configuration gets, section by section, and what could not be carried over, in words."""

    document: Mapping[str, Any]
    notes: tuple[str, ...]


def imported(text: str, url: str) -> Imported:
    """The checks that ask the Prometheus at `url` what its alerting rules would.

    Each group becomes an asset, each alerting rule a check of it. Raises ValueError when it is no file of rules.
    """
    notes: list[str] = []
    names = Names(_TAKEN)
    assets = []
    for group in _groups(text):
        checks = list(_checks(group, url, notes))
        if checks:
            name = str(group.get("name", ""))
            assets.append({"id": names.new(name, "rules"), "name": name or "Rules", "people": 0, "checks": checks})
    return Imported({"services": assets}, tuple(notes))


def _groups(text: str) -> list[Mapping[str, Any]]:
    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(f"it is no YAML: {str(error).splitlines()[0]}") from None
    groups = document.get("groups") if isinstance(document, dict) else None
    if not isinstance(groups, list) or not all(_is_group(group) for group in groups):
        raise ValueError("it is no file of Prometheus rules: it must have `groups`, each with `rules`")
    return groups


def _is_group(group: object) -> bool:
    rules = group.get("rules") or [] if isinstance(group, dict) else None
    return isinstance(rules, list) and all(isinstance(rule, dict) for rule in rules)


def _checks(group: Mapping[str, Any], url: str, notes: list[str]) -> Iterator[dict[str, Any]]:
    """The checks of a group; what is left out of it is noted."""
    names = Names(_TAKEN)
    title = str(group.get("name", ""))
    left = sorted(group.keys() - {"name", "interval", "rules"})
    if left:
        notes.append(f"{title}: left out {', '.join(left)}")
    for rule in group.get("rules") or []:
        what = f"{title}/{rule.get('alert') or rule.get('record')}"
        if "alert" not in rule or not str(rule.get("expr", "")).strip():
            notes.append(f"{what}: stays with Prometheus, it is no alerting rule")
            continue
        try:
            yield _check(rule, names.new(str(rule["alert"]), "alert"), url, group.get("interval"))
        except ValueError as error:
            notes.append(f"{what}: not carried over, {error}")
            continue
        notes += [f"{what}: {note}" for note in _notes(rule)]


def _check(rule: Mapping[str, Any], name: str, url: str, interval: object) -> dict[str, Any]:
    """A check for an alerting rule. Raises ValueError for a duration that is none or too long."""
    query, limits = _limits(str(rule["expr"]))
    times = {key: _seconds(rule[key], _LONGEST_HOLD) for key in ("for", "keep_firing_for") if rule.get(key)}
    return {
        "kind": "passive.promql",
        "name": name,
        "url": url,
        "query": query,
        **_pace(interval),
        "rules": {
            name: {
                "metric": _METRIC,
                **limits,
                **{key: format_duration(seconds) for key, seconds in times.items()},
                "severity": severity_of(str(_mapping(rule, "labels").get("severity", ""))).value,
                "says": f"has an alert: {_summary(rule)}",
            }
        },
    }


def _limits(expression: str) -> tuple[str, dict[str, Any]]:
    """The query to ask, and when its value is bad."""
    found = comparison(expression)
    if found is None:
        # As in Prometheus it fires while the expression finds anything.
        return f"count({bare(expression)}) or vector(0)", {"above": 0}
    limit = int(found.limit) if found.limit.is_integer() and abs(found.limit) < 1e15 else found.limit
    # As in Prometheus, series that vanish are no reason to go on firing.
    return found.query, {"above" if found.above else "below": limit, "no_data": "clear"}


def _pace(interval: object) -> dict[str, str]:
    if not interval:
        return {}
    seconds = max(_seconds(interval, _INTERVALS[1]), _INTERVALS[0])
    pace = {"interval": format_duration(seconds)}
    return pace if seconds >= _TIMEOUT else pace | {"timeout": format_duration(seconds)}


def _notes(rule: Mapping[str, Any]) -> Iterator[str]:
    """What of a rule is left out or means something else here."""
    labels, annotations = _mapping(rule, "labels"), _mapping(rule, "annotations")
    left = [f"label {name}" for name in labels if name != "severity"]
    left += [f"annotation {name}" for name in annotations if name != "summary"]
    left += sorted(rule.keys() - _TAKEN_OVER)
    if left:
        yield f"left out {', '.join(left)}"
    if "{{" in str(labels.get("severity", "")):
        yield "the severity is a template, it is a warning here"
    if "{{" in str(annotations.get("summary", "")):
        yield "the templates in its summary are left out"


def _summary(rule: Mapping[str, Any]) -> str:
    """The rule's sentence, with a gap where only Prometheus knows what to say; its name if there is none."""
    text = re.sub(r"\{\{.*?\}\}", "…", str(_mapping(rule, "annotations").get("summary", "")), flags=re.DOTALL)
    text = " ".join(text.split())[:_LONGEST_TEXT].rstrip(".").strip()
    return text if re.search(r"\w\w", text) else str(rule["alert"])


def _mapping(rule: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = rule.get(key)
    return found if isinstance(found, dict) else {}


def _seconds(duration: object, most: float) -> float:
    """The seconds of a duration as Prometheus writes it. Raises ValueError."""
    match = _DURATION.fullmatch(str(duration))
    if match is None or not str(duration).strip("0"):
        raise ValueError(f"`{duration}` is no duration")
    seconds = sum(int(amount or 0) * unit for amount, unit in zip(match.groups(), _SECONDS, strict=True))
    if seconds > most:
        raise ValueError(f"`{duration}` is longer than the {format_duration(most)} that Deskwatch knows")
    return seconds
