"""What the record tells: earlier incidents of the same thing, and how much members report."""

from datetime import UTC, datetime, timedelta

from alerting.rules import Severity
from incidents.impact import Basis, Impact
from incidents.incident import Incident, Origin
from incidents.record import related, tickets_per_member
from incidents.review import Detection

NOW = datetime(2026, 8, 3, 8, tzinfo=UTC)


def incident(id: str, asset: str, days: int, *hit: str, **more: object) -> Incident:
    cost = Impact(0, 0, 0, Basis.CAPACITY, (asset, *hit))
    opened = NOW - timedelta(days=days)
    return Incident(id, asset, id, Severity.WARNING, opened, cost=cost, **more)  # type: ignore[arg-type]


def test_related_are_earlier_ones_of_the_same_thing_or_cause_newest_first() -> None:
    others = [
        incident("same", "portal", 80),
        incident("caused", "fibre", 2, "portal"),
        incident("other", "door", 3),
        incident("old", "portal", 91),
        incident("later", "portal", -1),
        incident("merged", "portal", 5, merged_into="same"),
    ]
    assert [one.id for one in related(incident("this", "portal", 0), others)] == ["caused", "same"]
    assert related(incident("this", "", 0), [incident("that", "", 1)]) == ()


def test_tickets_are_what_members_report_for_each_of_them() -> None:
    said = {"origin": Origin.REPORTED, "detection": Detection.MEMBER}
    found = [incident("a", "", 1, **said), incident("b", "", 2, **said), incident("c", "", 2, origin=Origin.REPORTED)]
    assert tickets_per_member([*found, incident("d", "x", 1)], 40) == 2 / 40
    assert tickets_per_member(found, 0) is None
