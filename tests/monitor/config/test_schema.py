"""The JSON Schema accepts what the loader accepts, and catches typing mistakes."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from monitor.config.checks import OWN_KEYS
from monitor.config.explain import keys
from monitor.config.init import Machine, first_config
from monitor.config.schema import schema
from monitor.config.source import parse
from probes import kinds, load

EXAMPLE = """\
site: {id: hub, timezone: Europe/Berlin, opening_hours: {mon-fri: ["08:00-20:00"], sat: closed}, holidays: [2026-12-25]}
defaults: {interval: 1m, kinds: {internet.tcp: {timeout: 2s, rules: {blind: off}}}}
people:
  - {id: ana, to: "${env:ANA}"}
  - {id: ben, contacts: [{id: phone, to: "${env:BEN}", severities: [critical]}]}
on_call:
  - {id: it, people: [ana, ben], rotate: weekly, starts: 2026-01-05 09:00, fallback: chat}
  - {id: days, people: ben, rotate: {every: 2, period: day}, starts: 2026-01-05 09:00, timezone: UTC}
maintenance:
  - {id: router, assets: line-a, tags: [core], from: 2026-12-01 06:00, to: 2026-12-01 07:00}
  - {id: patches, days: [tue, sat-sun], nth: [2, last], at: "05:00", lasts: 2h, first: 2026-12-01, skip: true}
alerting: {acknowledged: 4h, budget: 10}
drill: {day: mon, at: "10:00", within: 1h}
watchdog: {to: "${env:HEARTBEAT}", interval: 60s}
reports: {morning: {before: 1h, to: ana}, weekly: {day: fri, at: "08:00", to: [it]}, monthly: {at: "9:30", to: chat}}
alertmanager: {urls: http://127.0.0.1:9093, authorization: "Bearer ${env:TOKEN}"}
uplinks:
  - id: line-a
    tags: core
    depends_on: [line-b, {any_of: [line-c, line-d]}]
    checks:
      - {kind: internet.ping, name: fast, host: 127.0.0.1, interval: 10s, rules: {loss: {above: 0.2, for: 5m}}}
  - {id: line-b, depends_on: [], people: 5, checks: }
  - {id: line-c, depends_on: line-b}
  - {id: line-d, depends_on: {any_of: line-b}}
doors:
routes:
  - {id: chat, to: "${env:CHAT}", repeat: never, severities: [critical], sections: [uplinks]}
  - {id: pager, steps: [{to: it}, {after: 10m, to: [ben, chat]}], quiet: {hours: {mon-sun: "22:00-07:30"}}}
server: {listen: "127.0.0.1:8470", url: "https://desk.example.org", token: "${file:/run/token}"}
storage: {url: "sqlite:///state.db", retention: {spans: 30d}}
"""


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    """A validator of the whole schema."""
    return Draft202012Validator(schema())


def errors(validator: Draft202012Validator, text: str) -> list[tuple[str, str]]:
    document, _ = parse(Path("site.yaml"), text)
    return [(".".join(map(str, error.path)), error.message) for error in validator.iter_errors(document.data)]


def test_the_schema_is_valid_itself() -> None:
    Draft202012Validator.check_schema(schema())


def test_a_good_file_is_accepted(validator: Draft202012Validator) -> None:
    assert errors(validator, EXAMPLE) == []


def test_a_first_configuration_is_accepted(validator: Draft202012Validator) -> None:
    assert errors(validator, first_config(Machine(), date(2026, 11, 30))) == []


@pytest.mark.parametrize(
    ("right", "wrong", "where"),
    [
        ("timezone:", "timezon:", "site"),
        ("name: fast", "nam: fast", "uplinks.0.checks.0"),
        ("host: 127.0.0.1", "hots: 127.0.0.1", "uplinks.0.checks.0"),
        ("internet.ping", "internet.pnig", "uplinks.0.checks.0.kind"),
        ("above: 0.2", "abov: 0.2", "uplinks.0.checks.0.rules.loss"),
        ("interval: 10s", "interval: soon", "uplinks.0.checks.0.interval"),
        ("internet.tcp:", "internet.tpc:", "defaults.kinds"),
        ("${env:CHAT}", "slack://secret", "routes.0.to"),
        ("doors:", "door:", ""),
        ("30d", "30", "storage.retention.spans"),
        ("any_of: [line-c", "any: [line-c", "uplinks.0.depends_on"),
        ("{id: ana, to:", "{id: ana, too:", "people.0"),
        ("rotate: weekly", "rotate: monthly", "on_call.0.rotate"),
        ("{to: it}", "{too: it}", "routes.1.steps"),
        ("steps:", "stepps:", "routes.1"),
        ("22:00-07:30", "22-7", "routes.1.quiet"),
        ("[2, last]", "[2, lats]", "maintenance.1.nth"),
        ("from:", "form:", "maintenance.0"),
        ("day: mon", "day: moon", "drill"),
        ("urls: http://127.0.0.1:9093, ", "", "alertmanager"),
        ("day: fri", "day: 5", "reports.weekly"),
        ("before: 1h", "befor: 1h", "reports.morning"),
    ],
)
def test_a_typing_mistake_is_caught_where_it_is(
    validator: Draft202012Validator, right: str, wrong: str, where: str
) -> None:
    assert right in EXAMPLE
    assert where in [path for path, _ in errors(validator, EXAMPLE.replace(right, wrong))]


def test_every_definition_is_used_and_every_reference_leads_somewhere() -> None:
    document = schema()
    references = set(_references(document))
    assert references == {f"#/$defs/{name}" for name in document["$defs"]}


@pytest.mark.parametrize("kind", kinds())
def test_no_kind_has_a_setting_that_every_check_has(kind: str) -> None:
    assert not OWN_KEYS.intersection(keys(load(kind).Params))


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        here = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return here + [ref for inside in value.values() for ref in _references(inside)]
    return [ref for inside in value for ref in _references(inside)] if isinstance(value, list) else []
