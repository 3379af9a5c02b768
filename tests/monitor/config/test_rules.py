"""The rules of a check: proposed by its kind, changed by the file."""

from collections.abc import Callable
from pathlib import Path

import pytest

from alerting.rules import NoData, Rule, Severity
from monitor.config import ConfigError, load
from probes import load as load_kind

METRIC = "probe_icmp_loss_ratio"
LOSS = next(rule for rule in load_kind("internet.ping").rules if rule.id == "loss")

Rules = Callable[..., dict[str, Rule]]


@pytest.fixture
def rules(tmp_path: Path) -> Rules:
    """The rules of a ping whose `rules:` are the given text."""

    def loaded(text: str, defaults: str = "{}") -> dict[str, Rule]:
        file = tmp_path / "site.yaml"
        file.write_text(f"""\
site: {{id: hub, timezone: UTC}}
defaults: {{kinds: {{internet.ping: {{rules: {defaults}}}}}}}
rooms:
  - id: a
    checks:
      - kind: internet.ping
        host: a
        rules: {text}
""")
        (check,) = load(file).checks
        return {rule.id: rule for rule in check.rules}

    return loaded


def mistake_in(rules: Rules, text: str) -> str:
    with pytest.raises(ConfigError) as refused:
        rules(text)
    (problem,) = refused.value.problems
    assert problem.line == 8
    return f"{problem.where.removeprefix('rooms[0].checks[0].rules.')}: {problem.message}"


def test_a_kind_proposes_its_rules(rules: Rules) -> None:
    loss = rules("{}")["loss"]
    assert (loss.metric, loss.above, loss.clear) == (LOSS.metric, LOSS.above, LOSS.clear)
    assert loss.severity is Severity(LOSS.severity)


def test_a_rule_is_changed_by_its_id_key_by_key(rules: Rules) -> None:
    loss = rules("{loss: {above: 0.5, clear: 0.3, for: 5m, keep_firing_for: 1m, severity: critical}}")["loss"]
    assert (loss.above, loss.clear, loss.hold, loss.keep) == (0.5, 0.3, 300, 60)
    assert loss.severity is Severity.CRITICAL
    assert loss.says == LOSS.says


def test_a_rule_is_switched_off(rules: Rules) -> None:
    assert "loss" not in rules("{loss: off, blind: false}")
    assert "blind" not in rules("{blind: off}")


def test_defaults_of_a_kind_come_before_the_check(rules: Rules) -> None:
    loss = rules("{loss: {above: 0.5}}", defaults="{loss: {above: 0.3, severity: info}, down: off}")
    assert (loss["loss"].above, loss["loss"].severity) == (0.5, Severity.INFO)
    assert "down" not in loss


def test_a_new_threshold_keeps_the_value_of_letting_go_only_where_it_makes_sense(rules: Rules) -> None:
    assert LOSS.clear is not None
    assert rules("{loss: {above: 0.9}}")["loss"].clear == LOSS.clear
    assert rules(f"{{loss: {{above: {LOSS.clear / 2}}}}}")["loss"].clear is None


def test_a_sentence_that_a_new_threshold_makes_false_is_replaced(rules: Rules) -> None:
    assert rules("{loss: {above: 0.5}}")["loss"].says == LOSS.says
    assert rules("{loss: {above: 0.01}}")["loss"].says == f"has {METRIC} above 0.01"
    assert rules("{loss: {above: 0.01, says: drops packets}}")["loss"].says == "drops packets"


def test_a_threshold_on_the_other_side_replaces_the_first(rules: Rules) -> None:
    loss = rules("{loss: {below: 0.9}}")["loss"]
    assert (loss.above, loss.below, loss.clear) == (None, 0.9, None)


def test_so_many_times_means_in_a_row_unless_a_window_is_said(rules: Rules) -> None:
    assert (rules("{down: {times: 3}}")["down"].times, rules("{down: {times: 3}}")["down"].window) == (3, 3)
    assert rules("{down: {times: 3, window: 5}}")["down"].window == 5


def test_a_rule_of_ones_own_needs_a_metric_and_a_threshold(rules: Rules) -> None:
    own = rules(f"{{bad-line: {{metric: {METRIC}, above: 0.01, no_data: clear}}}}")["bad-line"]
    assert (own.says, own.severity, own.no_data) == (f"has {METRIC} above 0.01", Severity.WARNING, NoData.CLEAR)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{losss: {above: 1}}",
         "losss: this kind has no rule `losss`, and one of your own needs `metric`; did you mean `loss`?"),
        ("{losss: off}",
         "losss: this kind has no rule `losss`, and one of your own needs `metric`; did you mean `loss`?"),
        ("{x: {above: 1}}", "x: this kind has no rule `x`, and one of your own needs `metric`; it has down, blind, "),
        ("{x: {metric: probe_icmp_los_ratio, above: 1}}",
         f"x.metric: this kind has no metric `probe_icmp_los_ratio`; did you mean `{METRIC}`?"),
        ("{x: {metric: zz, above: 1}}", "x.metric: this kind has no metric `zz`; it measures probe_icmp_"),
        (f"{{x: {{metric: {METRIC}}}}}", "x: a rule of your own needs `above` or `below`"),
        ("{loss: {above: 1, below: 0}}", "loss.below: a rule has `above` or `below`, not both; make two rules"),
        ("{loss: {above: 0.1, clear: 0.2}}", "loss.clear: must not be above 0.1, where the rule fires"),
        ("{loss: {below: 0.1, clear: 0.05}}", "loss.clear: must not be below 0.1, where the rule fires"),
        ("{loss: {times: 5, window: 3}}",
         "loss.times: 5 of 3 readings cannot be bad; raise `window` or lower `times`"),
        ("{loss: {metric: probe_ip_protocol}}",
         f"loss.metric: the rule `loss` looks at `{METRIC}`; give a rule of your own another name"),
        ("{down: {above: 1}}", "down.above: the rule `down` looks at the status of the check; remove `above`"),
        ("{loss: {abov: 1}}", "loss.abov: unknown key; did you mean `above`?"),
        ("{loss: {fro: 1m}}", "loss.fro: unknown key; did you mean `for`?"),
        ("{loss: {for: long}}", "loss.for: must be a duration like `30s`, `5m`, `1h30m` or `2d`"),
        ("{loss: {severity: bad}}", "loss.severity: must be 'info', 'warning' or 'critical'"),
        ("{loss: {above: .nan}}", "loss.above: must be a number"),
        ("{loss: }", "loss: says nothing; write `off`, or what to change, like `{above: 0.2}`"),
        ("{loss: on}", "loss: must hold `key: value` lines"),
        ("{Loss: off}", "Loss: must be lower-case letters and digits, joined by dashes, at most 63, like `loss`"),
    ],
)  # fmt: skip
def test_a_change_that_makes_no_sense_is_refused_with_its_remedy(rules: Rules, text: str, message: str) -> None:
    assert mistake_in(rules, text).startswith(message)


def test_a_mistake_in_the_defaults_of_a_kind_is_reported_once_and_there(rules: Rules) -> None:
    with pytest.raises(ConfigError) as refused:
        rules("{}", defaults="{losss: off}")
    assert [problem.where for problem in refused.value.problems] == ["defaults.kinds[internet.ping].rules.losss"]
