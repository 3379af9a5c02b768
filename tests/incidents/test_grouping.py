"""Grouping: the open incident that explains a new fault."""

import pytest

from incidents.grouping import cause

PARENTS = {
    "members-wifi": ("switch",),
    "room-1": ("members-wifi", "display-1"),
    "switch": ("uplink-a", "uplink-b"),
    "booking": ("uplink-a",),
}


@pytest.mark.parametrize(
    ("asset", "troubled", "expected"),
    [
        ("room-1", set(), None),
        ("room-1", {"booking"}, None),
        ("room-1", {"room-1", "switch"}, "room-1"),
        ("room-1", {"members-wifi", "uplink-a"}, "members-wifi"),
        ("room-1", {"uplink-b"}, "uplink-b"),
        ("switch", {"uplink-a", "uplink-b"}, "uplink-a"),
        ("uplink-a", {"switch", "room-1"}, None),
        ("unheard-of", {"switch"}, None),
    ],
)
def test_a_fault_belongs_to_its_own_incident_or_to_the_nearest_it_depends_on(
    asset: str, troubled: set[str], expected: str | None
) -> None:
    assert cause(asset, PARENTS, troubled) == expected


def test_a_circle_of_dependencies_ends() -> None:
    circle = {"a": ("b",), "b": ("c",), "c": ("a",)}
    assert cause("a", circle, {"c"}) == "c"
    assert cause("a", circle, {"elsewhere"}) is None
