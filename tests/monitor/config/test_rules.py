"""The rules of a check: proposed by its kind, changed by the file."""

from collections.abc import Callable
from pathlib import Path

import pytest

from alerting.against import Against
from alerting.rules import NoData, Rule, Severity
from monitor.config import ConfigError, load
from monitor.config.rules import proposed
from monitor.config.values import parse_id
from probes import kinds
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


@pytest.mark.parametrize("kind", kinds())
def test_every_rule_that_a_kind_proposes_can_be_named_in_a_file(kind: str) -> None:
    assert [parse_id(id) for id in proposed(load_kind(kind)).known][:2] == ["down", "blind"]


def test_a_kind_that_waits_to_be_told_is_not_blind_while_it_waits() -> None:
    assert [rule.id for rule in proposed(load_kind("passive.heartbeat")).of("backup/ping")] == ["down"]


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


SITE = """\
site: {id: hub, timezone: UTC}
defaults:
  rules: {DEFAULTS}
  kinds: {internet.ping: {rules: {PINGS}}}
rooms:
  - id: a
    rules: {ASSET}
    checks:
      - {kind: internet.ping, host: a, rules: {CHECK}}
      - {kind: internet.tcp, host: a, port: 80}
"""


@pytest.fixture
def site(tmp_path: Path) -> Callable[..., dict[str, dict[str, Rule]]]:
    """The rules of the two checks of an asset, by check and id; each argument is what `rules:` say at a place."""

    def loaded(defaults: str = "", pings: str = "", asset: str = "", check: str = "") -> dict[str, dict[str, Rule]]:
        text = SITE.replace("{DEFAULTS}", f"{{{defaults}}}").replace("{PINGS}", f"{{{pings}}}")
        file = tmp_path / "site.yaml"
        file.write_text(text.replace("{ASSET}", f"{{{asset}}}").replace("{CHECK}", f"{{{check}}}"))
        return {check.name: {rule.id: rule for rule in check.rules} for check in load(file).checks}

    return loaded


Site = Callable[..., dict[str, dict[str, Rule]]]


def test_the_nearer_a_place_is_to_the_check_the_more_its_changes_count(site: Site) -> None:
    places = ["for: 1s, calm: 1m, flaps: 2, says: one", "for: 2s, calm: 2m, flaps: 3", "for: 3s, calm: 3m", "for: 4s"]
    ping = site(*(f"down: {{{text}}}" for text in places))["ping"]["down"]
    assert (ping.hold, ping.calm, ping.flaps, ping.says) == (4, 180, 3, "one")


def test_changes_of_the_site_and_of_an_asset_hold_for_all_their_checks(site: Site) -> None:
    both = site(defaults="down: {for: 1m}", asset="blind: {for: 9m}")
    assert {name: (one["down"].hold, one["blind"].hold) for name, one in both.items()} == {
        "ping": (60, 540),
        "tcp": (60, 540),
    }


def test_a_rule_that_only_some_kinds_have_is_changed_for_those(site: Site) -> None:
    for place in ("defaults", "asset"):
        both = site(**{place: "loss: {above: 0.5}"})
        assert both["ping"]["loss"].above == 0.5
        assert "loss" not in both["tcp"]


def test_a_rule_is_switched_off_anywhere_and_on_again_nearer_to_the_check(site: Site) -> None:
    for place in ("defaults", "pings", "asset", "check"):
        assert "down" not in site(**{place: "down: off"})["ping"]
    again = site(defaults="down: off", asset="down: {for: 1m}")
    assert [one["down"].hold for one in again.values()] == [60, 60]
    assert site(defaults="loss: off", check="loss: {above: 0.5}")["ping"]["loss"].says == LOSS.says


def test_what_a_kind_has_off_is_switched_on_only_where_that_kind_is_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BEAT", "0123456789abcdef0123")
    file = tmp_path / "site.yaml"

    def blind(check: str) -> list[float]:
        file.write_text(f"""\
site: {{id: hub, timezone: UTC}}
defaults: {{rules: {{blind: {{for: 1m}}}}}}
services:
  - id: a
    rules: {{blind: {{for: 2m}}}}
    checks: [{{kind: passive.heartbeat, key: "${{env:BEAT}}", period: 3600, grace: 60, rules: {check}}}]
""")
        return [rule.hold for rule in load(file).checks[0].rules if rule.id == "blind"]

    assert blind("{}") == []
    assert blind("{blind: {for: 3m}}") == [180]


def test_an_asset_changes_rules_of_ones_own_that_its_kinds_have(site: Site) -> None:
    own = site(pings=f"bad-line: {{metric: {METRIC}, above: 0.01}}", asset="bad-line: {severity: critical}")
    assert own["ping"]["bad-line"].severity is Severity.CRITICAL


@pytest.mark.parametrize(
    ("places", "where", "message"),
    [
        ({"defaults": "losss: off"}, "defaults.rules.losss",
         "none of the checks has a rule `losss`; did you mean `loss`?"),
        ({"asset": "losss: {for: 1m}"}, "rooms[0].rules.losss",
         "none of the checks has a rule `losss`; did you mean `loss`?"),
        ({"asset": "zz: off"}, "rooms[0].rules.zz", "none of the checks has a rule `zz`; they have down, blind, "),
        ({"asset": f"own: {{metric: {METRIC}, above: 1}}"}, "rooms[0].rules.own",
         "none of the checks has a rule `own`; a rule of your own stands at a check or in `defaults.kinds`"),
        ({"pings": f"own: {{metric: {METRIC}, above: 1}}", "defaults": "own: off"}, "defaults.rules.own",
         "none of the checks has a rule `own`"),
        ({"asset": "down: {above: 1}"}, "rooms[0].rules.down.above",
         "the rule `down` looks at the status of the check"),
        ({"defaults": "loss: {times: 3, window: 2}"}, "defaults.rules.loss.times", "3 of 2 readings cannot be bad"),
    ],
)  # fmt: skip
def test_a_mistake_is_reported_once_and_where_it_stands(
    site: Site, places: dict[str, str], where: str, message: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        site(**places)
    (problem,) = refused.value.problems
    assert problem.where == where
    assert problem.message.startswith(message)


def test_without_checks_only_what_every_check_has_can_be_changed(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text(
        "site: {id: hub, timezone: UTC}\ndefaults: {rules: {down: {for: 1m}}}\nrooms: [{id: a, rules: {blind: off}}]\n"
    )
    assert load(file).checks == ()


def test_nothing_is_said_of_rules_whose_kind_cannot_be_read(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text("""\
site: {id: hub, timezone: UTC}
defaults: {rules: {whatever: off}}
rooms: [{id: a, rules: {whatever: off}, checks: [{kind: internet.pnig, host: a}, {kind: [a], host: a}]}]
""")
    with pytest.raises(ConfigError) as refused:
        load(file)
    assert {problem.where for problem in refused.value.problems} == {
        "rooms[0].checks[0].kind",
        "rooms[0].checks[1].kind",
    }


def test_what_is_down_while_the_site_is_closed_is_a_warning_unless_something_else_is_said(rules: Rules) -> None:
    assert rules("{}")["down"].closed is Severity.WARNING
    assert rules("{down: {closed: critical}}")["down"].closed is Severity.CRITICAL
    assert rules("{down: {severity: warning}}")["down"].closed is Severity.WARNING
    assert rules("{loss: {severity: critical}}")["loss"].closed is None


def test_a_severity_below_that_of_the_closed_site_holds_for_both(rules: Rules) -> None:
    assert rules("{down: {severity: info}}")["down"].closed is None


def test_a_rule_of_ones_own_can_be_held_against_the_usual_and_against_a_rate(rules: Rules) -> None:
    lossy = rules(f"{{lossy: {{metric: {METRIC}, against: usual, above: 3, clear: 1.5, least_usual: 0.01}}}}")["lossy"]
    assert (lossy.against, lossy.above, lossy.clear) == (Against.USUAL, 3, 1.5)
    assert lossy.says == f"has {METRIC} above 3 times the usual"
    assert lossy.least_usual == 0.01
    fast = rules(f"{{fast: {{metric: {METRIC}, against: rate, below: -2}}}}")["fast"]
    assert (fast.against, fast.below, fast.says) == (Against.RATE, -2, f"has {METRIC} below -2 per hour")


def test_another_measure_drops_what_the_old_limit_implied(rules: Rules) -> None:
    loss = rules("{loss: {against: usual, above: 5}}")["loss"]
    assert (loss.against, loss.above, loss.clear, loss.says) == (
        Against.USUAL,
        5,
        None,
        f"has {METRIC} above 5 times the usual",
    )


def test_flapping_is_set_and_switched_off(rules: Rules) -> None:
    assert (rules("{}")["down"].flaps, rules("{}")["down"].calm) == (4, 600)
    down = rules("{down: {flaps: 6, calm: 30m}}")["down"]
    assert (down.flaps, down.calm) == (6, 1800)
    assert rules("{down: {flaps: 0}}")["down"].flaps == 0


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
        ("{down: {against: rate}}", "down.against: the rule `down` looks at the status of the check; remove `against`"),
        ("{loss: {against: usual}}",
         "loss.against: gives the limit another meaning; say `above` or `below` as well"),
        ("{loss: {against: usual, above: 0.5}}",
         "loss.above: is how many times as much as usual; it must be more than 1, like 3"),
        ("{loss: {against: usual, below: 1}}",
         "loss.below: is which part of the usual; it must be between 0 and 1, like 0.5"),
        ("{loss: {least_usual: 5}}", "loss.least_usual: tells how much must be usual; it needs `against: usual`"),
        ("{down: {least_usual: 5}}",
         "down.least_usual: the rule `down` looks at the status of the check; remove `least_usual`"),
        ("{loss: {against: usul, above: 2}}", "loss.against: must be 'value', 'usual' or 'rate'"),
        ("{loss: {closed: critical}}",
         "loss.closed: must not be worse than the severity while the site is open, warning"),
        ("{loss: {flaps: 1}}", "loss.flaps: must be at least 2, as firing once is no flapping; 0 switches it off"),
        ("{loss: {calm: 0s}}", "loss.calm: must be a duration from `1s` to `1d`"),
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


def deserted(tmp_path: Path, text: str) -> Rule:
    """A rule that wifi.snmp proposes, changed by the given text."""
    file = tmp_path / "site.yaml"
    check = f'{{kind: wifi.snmp, host: a, community: "${{env:COMMUNITY}}", rules: {{deserted: {text}}}}}'
    file.write_text(f"site: {{id: hub, timezone: UTC}}\nwifi: [{{id: a, checks: [{check}]}}]\n")
    return next(rule for rule in load(file).checks[0].rules if rule.id == "deserted")


def test_a_kind_may_propose_a_rule_against_the_usual_that_matters_less_while_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMMUNITY", "public")
    rule = deserted(tmp_path, "{times: 2}")
    assert (rule.against, rule.least_usual, rule.times) == (Against.USUAL, 5, 2)
    assert (rule.severity, rule.closed) == (Severity.CRITICAL, Severity.INFO)


def test_a_rule_that_is_held_against_something_else_forgets_how_much_must_be_usual(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMMUNITY", "public")
    rule = deserted(tmp_path, "{against: value, below: 1}")
    assert (rule.against, rule.below, rule.least_usual, rule.clear) == (Against.VALUE, 1, 0, None)
