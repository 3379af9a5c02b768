"""What messages can be about: the rules of the configuration as silences see them."""

from dataclasses import replace
from pathlib import Path

from alerting.rules import Severity
from monitor.config import load
from monitor.subjects import subjects

SITE = """
site: {id: harbour, timezone: Europe/Berlin}
equipment:
  - id: printer
    tags: [floor-2]
    checks:
      - kind: internet.ping
        host: 127.0.0.1
        rules: {down: {severity: critical, closed: warning}, blind: {severity: info, closed: info}}
"""


def test_a_rule_is_a_subject_once_for_each_severity_that_somebody_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text(SITE)
    config = load(tmp_path / "site.yaml")
    found = [one for one in subjects(config) if one.rule in ("down", "blind")]
    assert [(one.rule, one.severity) for one in found] == [("down", Severity.CRITICAL), ("down", Severity.WARNING)]
    one = found[0]
    assert (one.site, one.section, one.asset, one.check) == ("harbour", "equipment", "printer", "printer/ping")
    assert (one.kind, one.tags) == ("internet.ping", frozenset({"floor-2"}))


def test_a_site_without_checks_has_no_subjects(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text(SITE)
    assert list(subjects(replace(load(tmp_path / "site.yaml"), assets=()))) == []
