"""What assets depend on: all of several, one of several, and what is understood without words."""

from pathlib import Path

import pytest

from monitor.config import ConfigError, load

SITE = "site: {id: hub, timezone: UTC}\n"
LINES = "uplinks: [{id: line-a}, {id: line-b}]\n"


def needs(folder: Path, text: str) -> dict[str, tuple[tuple[str, ...], ...]]:
    file = folder / "site.yaml"
    file.write_text(SITE + text)
    return {asset.id: asset.depends_on for asset in load(file).assets}


@pytest.mark.parametrize(
    ("written", "groups"),
    [
        ("line-a", (("line-a",),)),
        ("[line-a, line-b]", (("line-a",), ("line-b",))),
        ("{any_of: [line-a, line-b]}", (("line-a", "line-b"),)),
        ("[switch, {any_of: [line-a, line-b]}]", (("switch",), ("line-a", "line-b"))),
        ("[{any_of: line-b}]", (("line-b",),)),
        ("[]", ()),
        ("", ()),
    ],
)
def test_an_asset_needs_every_one_it_names_but_only_one_of_a_group(
    tmp_path: Path, written: str, groups: tuple[tuple[str, ...], ...]
) -> None:
    text = f"{LINES}equipment: [{{id: switch}}]\nrooms:\n  - id: room\n    depends_on: {written}\n"
    assert needs(tmp_path, text)["room"] == groups


def test_everything_that_is_named_is_a_parent_once(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text(f"{SITE}{LINES}rooms: [{{id: r, depends_on: [line-b, {{any_of: [line-a, line-b]}}]}}]")
    assert load(file).assets[-1].parents == ("line-b", "line-a")


def test_what_is_booked_needs_any_of_the_lines_unless_it_says_otherwise(tmp_path: Path) -> None:
    booked = "booking: [{id: desks}, {id: till, depends_on: line-b}, {id: tv, depends_on: []}]"
    found = needs(tmp_path, LINES + booked)
    assert found["desks"] == (("line-a", "line-b"),)
    assert found["till"] == (("line-b",),)
    assert found["tv"] == ()


def test_a_router_that_a_line_needs_is_no_line_of_its_own(tmp_path: Path) -> None:
    lines = "uplinks: [{id: router}, {id: line-a, depends_on: router}, {id: line-b}]\n"
    assert needs(tmp_path, f"{lines}booking: [{{id: desks}}]")["desks"] == (("line-a", "line-b"),)


def test_without_uplinks_a_booking_system_stands_alone(tmp_path: Path) -> None:
    assert needs(tmp_path, "booking: [{id: desks}]") == {"desks": ()}


MISTAKES = [
    ("[5, {any: line-a}]", [
        "depends_on[0]: must be the id of an asset, or `{any_of: [line-a, line-b]}` (it is 5)",
        "depends_on[1].any_of: is missing: Ids of assets of which one has to work.",
        "depends_on[1].any: unknown key; did you mean `any_of`?",
    ]),
    ("{any_of: []}", ["depends_on.any_of: must have at least one entry"]),
    ("[{any_of: [line-a, lien-b]}]", ["depends_on[0].any_of[1]: there is no asset `lien-b`; did you mean `line-b`?"]),
    ("{any_of: [line-a, room]}", ["depends_on: goes in a circle: room -> room; remove one of these"]),
]  # fmt: skip


@pytest.mark.parametrize(("written", "lines"), MISTAKES)
def test_a_mistake_in_a_group_is_named_where_it_is(tmp_path: Path, written: str, lines: list[str]) -> None:
    with pytest.raises(ConfigError) as refused:
        needs(tmp_path, f"{LINES}rooms:\n  - id: room\n    depends_on: {written}\n")
    found = [str(problem).removeprefix(f"{tmp_path}/site.yaml:5: rooms[0].") for problem in refused.value.problems]
    assert found == lines


def test_a_circle_through_what_is_understood_without_words_is_found(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="goes in a circle: line -> desks -> line"):
        needs(tmp_path, "uplinks: [{id: line, depends_on: desks}]\nbooking: [{id: desks}]")
