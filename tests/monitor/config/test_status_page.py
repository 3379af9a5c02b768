"""The section `status_page`: what it becomes, and each mistake with its remedy."""

from collections.abc import Callable
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from monitor.config import ConfigError, load
from monitor.config.masked import shown
from monitor.config.model import PublicAsset, StatusPage
from monitor.config.schema import schema

SITE = (
    "site: {id: hub, timezone: Europe/Berlin}\nuplinks: [{id: fibre, name: Nordnet fibre}]\nbooking: [{id: booking}]\n"
)

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes site.yaml with two assets."""

    def written(text: str) -> Path:
        file = tmp_path / "site.yaml"
        file.write_text(SITE + text)
        return file

    return written


@pytest.mark.parametrize("text", ["", "status_page:\n"])
def test_without_the_section_there_is_no_page(write: Write, text: str) -> None:
    assert load(write(text)).status_page is None


def test_a_title_and_assets_are_enough(write: Write) -> None:
    found = load(write("status_page: {title: Hub, assets: [booking, fibre]}\n"))
    assets = (PublicAsset("booking", "booking"), PublicAsset("fibre", "Nordnet fibre"))
    assert found.status_page == StatusPage("Hub", assets, 90, "")
    assert shown(found)["status_page"]["days"] == 90


def test_everything_can_be_said(write: Write) -> None:
    asset = "{id: fibre, name: Internet, words: Please be patient.}"
    text = f"status_page: {{title: Hub, days: 400, contact: Ask Ana., assets: [{asset}]}}\n"
    expected = StatusPage("Hub", (PublicAsset("fibre", "Internet", "Please be patient."),), 400, "Ask Ana.")
    assert load(write(text)).status_page == expected


@pytest.mark.parametrize(
    ("section", "line", "message"),
    [
        ("title: Hub\n  assets: [bookin]", 6, "there is no asset `bookin`; did you mean `booking`?"),
        ("title: Hub\n  assets: [fibre, {id: door}]", 6, "there is no asset `door`"),
        ("title: Hub\n  assets:\n    - fibre\n    - id: fibre", 8, "`fibre` is on the page already; remove one"),
        ("title: Hub\n  assets: []", 6, "assets"),
        ("title: Hub", 4, "assets"),
        ("assets: [fibre]", 4, "title"),
        ("title: Hub\n  assets: [fibre]\n  days: 401", 7, "days"),
        ("title: Hub\n  assets: [fibre]\n  days: 0", 7, "days"),
        ("title: Hub\n  assets: [{id: fibre, nmae: Internet}]", 6, "did you mean `name`?"),
        ("title: Hub\n  assets: [Fibre Line]", 6, "like `fibre-line`"),
    ],
)
def test_a_mistake_is_named_with_its_line(write: Write, section: str, line: int, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(write(f"status_page:\n  {section}\n"))
    (problem,) = caught.value.problems
    assert f"site.yaml:{line}" in str(problem)
    assert message in str(problem)


@pytest.mark.parametrize(
    ("page", "fits"),
    [
        ({"title": "Hub", "assets": ["fibre", {"id": "booking", "name": "Booking"}], "days": 30}, True),
        ({"title": "Hub", "assets": ["Not an id"]}, False),
        ({"title": "Hub", "assets": []}, False),
    ],
)
def test_the_schema_knows_the_section(page: object, fits: bool) -> None:
    site = {"site": {"id": "hub", "timezone": "UTC"}}
    assert Draft202012Validator(schema()).is_valid({**site, "status_page": page}) is fits
