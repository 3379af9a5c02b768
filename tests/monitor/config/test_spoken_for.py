"""A check that judges all others of its asset speaks for them: they only show."""

from pathlib import Path

import pytest

from alerting.rules import Rule, Severity
from monitor.config import load

ROOM = """\
site: {{id: harbour, timezone: Europe/Lisbon}}
rooms:
  - id: boardroom
    rules: {asset}
    checks:
      - {{kind: rooms.pjlink, host: 192.0.2.40, rules: {own}}}
      {readiness}
  - id: den
    checks: [{{kind: rooms.pjlink, host: 192.0.2.41}}]
"""


def rules(folder: Path, asset: str = "{}", own: str = "{}", readiness: bool = True) -> dict[tuple[str, str], Rule]:
    line = "- {kind: rooms.readiness}" if readiness else ""
    (folder / "site.yaml").write_text(ROOM.format(asset=asset, own=own, readiness=line))
    return {(check.id, rule.id): rule for check in load(folder / "site.yaml").checks for rule in check.rules}


def test_devices_of_a_room_with_a_verdict_of_its_own_tell_nobody(tmp_path: Path) -> None:
    found = rules(tmp_path)
    mine = {id: rule for (check, id), rule in found.items() if check == "boardroom/pjlink"}
    assert {id: rule.severity for id, rule in mine.items() if id != "blind"} == dict.fromkeys(
        mine.keys() - {"blind"}, Severity.INFO
    )
    assert mine["blind"].severity is Severity.WARNING, "that a device cannot be looked at is still told"
    down = found["boardroom/readiness", "down"]
    assert (down.severity, down.says) == (Severity.CRITICAL, "is not ready")
    assert found["den/pjlink", "down"].severity is Severity.CRITICAL, "another room is not concerned"


@pytest.mark.parametrize(
    ("asset", "own"), [("{down: {severity: warning}}", "{}"), ("{}", "{down: {severity: warning}}")]
)
def test_a_severity_in_the_file_counts(tmp_path: Path, asset: str, own: str) -> None:
    assert rules(tmp_path, asset, own)["boardroom/pjlink", "down"].severity is Severity.WARNING


def test_without_it_devices_speak_for_themselves(tmp_path: Path) -> None:
    assert rules(tmp_path, readiness=False)["boardroom/pjlink", "down"].severity is Severity.CRITICAL
