"""Other sites, as they are written down."""

from pathlib import Path

import pytest

from monitor.config import ConfigError, load

SITE = "site: {id: harbour, timezone: Europe/Berlin}\nother_sites:\n"
EAST = "  - {id: east, name: Harbour East, url: %s, token: '${env:EAST_TOKEN}'}\n"


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EAST_TOKEN", "dw_secret")


def written(folder: Path, text: str) -> Path:
    (folder / "site.yaml").write_text(text)
    return folder / "site.yaml"


@pytest.mark.parametrize("url", ["https://east.example/", "http://127.0.0.1:8470", "http://localhost:8470"])
def test_a_site_has_an_address_and_a_token(tmp_path: Path, url: str) -> None:
    (east,) = load(written(tmp_path, SITE + EAST % url)).other_sites
    assert (east.id, east.name, east.url) == ("east", "Harbour East", url.rstrip("/"))
    assert east.token.get_secret_value() == "dw_secret"
    assert "dw_secret" not in repr(east)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (EAST % "http://east.example", "must begin with `https://`: the token is not sent"),
        (EAST % "https://east.example/board", "no path follows"),
        (EAST % "east.example", "must be the address of its Deskwatch"),
        (EAST % "https://a.example" + EAST % "https://b.example", "`east` is the id of the site in"),
        (EAST.replace("id: east", "id: harbour") % "https://a.example", "`harbour` is the id of this site already"),
        ("  - {id: east, url: https://east.example}\n", "token"),
        ("  - {id: east, url: https://east.example, token: dw_plain}\n", "token"),
    ],
)
def test_what_is_wrong_is_named_with_its_remedy(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError) as found:
        load(written(tmp_path, SITE + text))
    assert words in str(found.value)
    assert "dw_plain" not in str(found.value)
