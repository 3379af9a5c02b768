"""Grouping: the open incident that explains a new fault."""

import pytest

from incidents.grouping import cause, depth

NEEDS = {
    "members-wifi": (("switch",),),
    "room-1": (("members-wifi",), ("display-1",)),
    "switch": (("uplink-a",), ("uplink-b",)),
    "booking": (("uplink-a", "uplink-b"),),
    "app": (("booking",), ("spare-1", "spare-2")),
    "nothing": ((),),
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
        ("booking", {"uplink-a"}, None),
        ("booking", {"uplink-b", "uplink-a"}, "uplink-a"),
        ("app", {"uplink-b", "spare-1"}, None),
        ("app", {"uplink-b", "uplink-a"}, "uplink-a"),
        ("app", {"spare-1", "spare-2", "uplink-a"}, "spare-1"),
        ("nothing", {"uplink-a"}, None),
    ],
)
def test_a_fault_belongs_to_its_own_incident_or_to_the_nearest_it_depends_on(
    asset: str, troubled: set[str], expected: str | None
) -> None:
    assert cause(asset, NEEDS, troubled) == expected


def test_a_circle_of_dependencies_ends() -> None:
    circle = {"a": (("b",),), "b": (("c",),), "c": (("a",),)}
    assert cause("a", circle, {"c"}) == "c"
    assert cause("a", circle, {"elsewhere"}) is None
    assert depth("a", circle) == 3


def test_whatever_depends_on_an_asset_is_deeper_than_it() -> None:
    assert [depth(one, NEEDS) for one in ("uplink-a", "switch", "members-wifi", "room-1")] == [0, 2, 3, 5]
