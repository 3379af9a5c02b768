"""Reviews: what must be written down before an incident counts as reviewed."""

import pytest

from alerting.rules import Severity
from incidents.review import missing


@pytest.mark.parametrize(
    ("severity", "resolution", "root_cause", "expected"),
    [
        (Severity.CRITICAL, "", "", ("resolution", "root_cause")),
        (Severity.CRITICAL, "restarted", "", ("root_cause",)),
        (Severity.CRITICAL, "", "firmware", ("resolution",)),
        (Severity.CRITICAL, "restarted", "firmware", ()),
        (Severity.CRITICAL, "restarted", " \n", ("root_cause",)),
        (Severity.WARNING, "", "", ("resolution",)),
        (Severity.WARNING, "restarted", "", ()),
    ],
)
def test_a_critical_incident_needs_a_root_cause_and_every_incident_a_resolution(
    severity: Severity, resolution: str, root_cause: str, expected: tuple[str, ...]
) -> None:
    assert missing(severity, resolution, root_cause) == expected
