"""Routes: which destinations hear of a fault."""

import pytest

from alerting.routes import Route, audience
from alerting.rules import Severity

ALL = Route("team")
URGENT = Route("phone", severities=frozenset({Severity.CRITICAL}))
WIFI = Route("network", sections=frozenset({"wifi", "uplinks"}))
DOOR = Route("locksmith", assets=frozenset({"front-door"}))


@pytest.mark.parametrize(
    ("severity", "section", "asset", "expected"),
    [
        (Severity.CRITICAL, "wifi", "members", ["team", "phone", "network"]),
        (Severity.WARNING, "wifi", "members", ["team", "network"]),
        (Severity.WARNING, "doors", "front-door", ["team", "locksmith"]),
        (Severity.CRITICAL, "doors", "back-door", ["team", "phone"]),
        (Severity.INFO, "wifi", "members", []),
    ],
)
def test_a_fault_is_told_to_those_who_asked_for_it_in_the_order_of_the_configuration(
    severity: Severity, section: str, asset: str, expected: list[str]
) -> None:
    assert [route.id for route in audience([ALL, URGENT, WIFI, DOOR], severity, section, asset)] == expected


def test_a_route_with_section_and_asset_wants_both() -> None:
    both = Route("both", sections=frozenset({"doors"}), assets=frozenset({"front-door"}))
    assert both.wants(Severity.CRITICAL, "doors", "front-door")
    assert not both.wants(Severity.CRITICAL, "doors", "back-door")
    assert not both.wants(Severity.CRITICAL, "rooms", "front-door")
