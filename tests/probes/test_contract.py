"""Every kind keeps the promises that configuration, metrics, dashboards and docs are built on."""

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from monitor.config.checks import OWN_KEYS
from monitor.reference import BEGIN, END, OVERVIEW, overview, probe_page, with_generated
from probes import REASONS, UNKNOWN_REASONS, Probe, kinds, load

ROOT = Path(__file__).resolve().parents[2]

each_kind = pytest.mark.parametrize("kind", kinds())


def page(kind: str) -> str:
    return (ROOT / "docs" / "probes" / f"{kind}.md").read_text("utf-8")


def prose(name: str) -> str:
    """What people wrote of a page in the folder of the kinds, "" if there is none."""
    path = ROOT / "docs" / "probes" / name
    before, _, rest = (path.read_text("utf-8") if path.is_file() else "").partition(BEGIN)
    return before + rest.partition(END)[2]


def models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """The model and those that its fields are made of."""
    yield model
    for field in model.model_fields.values():
        for part in parts(field.annotation):
            yield from models(part)


def parts(annotation: Any) -> Iterator[type[BaseModel]]:
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in getattr(annotation, "__args__", ()):
        yield from parts(argument)


def words(probe: type[Probe[Any]], exception: str) -> set[str]:
    """The literal reasons that the kind's module gives to that exception."""
    tree = ast.parse(inspect.getsource(inspect.getmodule(probe) or probe))
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args)
    firsts = (call.args[0] for call in calls if isinstance(call.func, ast.Name) and call.func.id == exception)
    return {first.value for first in firsts if isinstance(first, ast.Constant)}


def examples(kind: str) -> Iterator[dict[str, Any]]:
    """The settings of all checks of the kind in the page's YAML."""

    def within(node: Any) -> Iterator[dict[str, Any]]:
        if isinstance(node, dict) and node.get("kind") == kind:
            yield {key: value for key, value in node.items() if key not in OWN_KEYS}
        for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
            yield from within(child)

    for block in re.findall(r"```yaml\n(.*?)```", page(kind), re.DOTALL):
        yield from within(yaml.safe_load(block))


@each_kind
def test_it_has_a_test_file(kind: str) -> None:
    assert (ROOT / "tests" / "probes" / f"test_{kind.replace('.', '_')}.py").is_file()


@each_kind
def test_the_tables_of_its_page_are_current(kind: str) -> None:
    remedy = "run `deskwatch reference probes --write docs/probes`"
    assert with_generated(page(kind), probe_page(kind)) == page(kind), remedy


def test_the_overview_of_all_kinds_is_current() -> None:
    page = (ROOT / "docs" / "probes" / OVERVIEW).read_text("utf-8")
    assert with_generated(page, overview()) == page, "run `deskwatch reference probes --write docs/probes`"


@each_kind
def test_its_page_or_one_that_it_leads_to_explains_each_of_its_rules(kind: str) -> None:
    own = prose(f"{kind}.md")
    told = own + "".join(prose(name) for name in re.findall(r"\]\(([\w.]+\.md)\)", own))
    assert [rule.id for rule in load(kind).rules if f"`{rule.id}`" not in told] == []


@each_kind
def test_its_rules_complete_a_sentence_about_the_asset(kind: str) -> None:
    for says in (load(kind).says, *(rule.says for rule in load(kind).rules)):
        assert re.match(r"(?!(?:the|its|a|an|it)\b)[a-z]+ .*[^. ]$", says), says


@each_kind
def test_its_page_says_what_the_states_mean(kind: str) -> None:
    prose = page(kind).partition(END)[0]
    assert all(f"**{state}**" in prose for state in ("UP", "DOWN", "UNKNOWN"))


@each_kind
def test_the_examples_of_its_page_are_valid(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in re.findall(r"\$\{env:(\w+)\}", page(kind)):
        monkeypatch.setenv(name, "s3cret-of-an-example")
    found = list(examples(kind))
    assert found, "the page has no example"
    for settings in found:
        load(kind).Params.model_validate(settings)


@each_kind
def test_every_setting_is_explained(kind: str) -> None:
    for model in models(load(kind).Params):
        unexplained = [name for name, field in model.model_fields.items() if not field.description]
        assert not unexplained, model.__name__


@each_kind
def test_no_setting_is_named_like_a_key_of_every_check(kind: str) -> None:
    assert not set(load(kind).Params.model_fields) & set(OWN_KEYS)


@each_kind
def test_settings_are_frozen_and_strange_ones_refused(kind: str) -> None:
    for model in models(load(kind).Params):
        assert model.model_config.get("frozen"), model.__name__
        assert model.model_config.get("extra") == "forbid", model.__name__


@each_kind
def test_metrics_are_named_as_prometheus_wants_and_explained(kind: str) -> None:
    metrics = load(kind).metrics
    assert len({metric.name for metric in metrics}) == len(metrics)
    for metric in metrics:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", metric.name)
        assert re.fullmatch(r"([a-z][a-z0-9_]*)?", metric.part)
        assert metric.help, metric.name
        assert not metric.parts or metric.part, metric.name


def test_a_metric_of_several_kinds_has_the_same_label_and_unit() -> None:
    shapes: dict[str, set[tuple[str, str]]] = {}
    for kind in kinds():
        for metric in load(kind).metrics:
            shapes.setdefault(metric.name, set()).add((metric.part, metric.unit))
    assert {name: shape for name, shape in shapes.items() if len(shape) > 1} == {}


@each_kind
def test_rules_and_latency_refer_to_its_metrics(kind: str) -> None:
    probe = load(kind)
    metrics = {metric.name: metric for metric in probe.metrics}
    ids = [rule.id for rule in probe.rules]
    assert len(set(ids)) == len(ids)
    for rule in probe.rules:
        assert (rule.above is None) != (rule.below is None), rule.id
        assert rule.severity in ("info", "warning", "critical"), rule.id
        assert 1 <= rule.times <= rule.window, rule.id
    for name, part in ((rule.metric, rule.part) for rule in probe.rules):
        assert part in ("", *metrics[name].parts), name
    name, part = probe.latency
    assert not name or part in ("", *metrics[name].parts)


@each_kind
def test_every_reason_given_is_declared(kind: str) -> None:
    probe = load(kind)
    assert words(probe, "Failed") <= {*REASONS, *probe.reasons} - {"ok"}
    assert words(probe, "Unmeasured") <= set(UNKNOWN_REASONS)
    assert not set(probe.reasons) & {*REASONS, *UNKNOWN_REASONS}
    assert all(re.fullmatch(r"[a-z0-9_]+", word) and meaning for word, meaning in probe.reasons.items())
