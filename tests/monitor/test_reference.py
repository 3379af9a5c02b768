"""The docs' tables come from the code."""

from pathlib import Path

import pytest

from monitor.reference import BEGIN, END, overview, probe_page, told, update, with_generated
from probes import kinds


def test_the_overview_has_every_kind_in_its_area() -> None:
    found = overview()
    assert [kind for kind in kinds() if f"| [{kind}]({kind}.md) | {told(kind)} |" not in found] == []
    assert found.index("## Doors") < found.index("[access.kisi]") < found.index("## Booking")


def pages(folder: Path, content: str) -> None:
    for kind in kinds():
        (folder / f"{kind}.md").write_text(content)


def test_a_page_names_settings_metrics_reasons_and_rules() -> None:
    page = probe_page("internet.tls")
    assert "| `port` | whole number | `443` | 1 to 65535 |" in page
    assert "| `minimum` | `TLSv1.2`, `TLSv1.3` | `TLSv1.2` |" in page
    assert "| `deskwatch_certificate_remaining_seconds` | seconds | certificate: leaf, chain |" in page
    assert "| `certificate_expired` | DOWN |" in page
    assert "| `no_network` | UNKNOWN |" in page
    assert "`deskwatch_certificate_remaining_seconds` is below 1209600" in page


def test_a_page_says_of_a_rule_against_the_usual_from_where_on_and_how_much_it_matters_while_closed() -> None:
    page = probe_page("wifi.snmp")
    assert (
        "| `deserted` | critical; info while closed | `deskwatch_wifi_ssid_clients` is below 0.05 times the usual "
        in page
    )
    assert "times the usual where that is 5 or more in 3 of 3 readings until it is above 0.2" in page


def test_secrets_and_patterns_are_called_so() -> None:
    page = probe_page("internet.http")
    assert "| `bearer` | secret |" in page
    assert "| `body_matches` | list of pattern |" in page


def test_only_what_is_between_the_markers_changes() -> None:
    assert with_generated(f"a\n{BEGIN}\nold\n{END}\nb\n", "new") == f"a\n{BEGIN}\n\nnew\n\n{END}\nb\n"


def test_pages_are_rewritten_once(tmp_path: Path) -> None:
    pages(tmp_path, f"# Title\n\n{BEGIN}\n{END}\n")
    assert len(update(tmp_path)) == len(kinds()) + 1
    assert update(tmp_path) == ()


def test_a_page_without_markers_is_named(tmp_path: Path) -> None:
    pages(tmp_path, "# Title\n")
    with pytest.raises(ValueError, match=f"{kinds()[0]}.md: there must be a line"):
        update(tmp_path)


def test_a_kind_without_a_page_gets_the_beginning_of_one(tmp_path: Path) -> None:
    update(tmp_path)
    kind = kinds()[0]
    begun = (tmp_path / f"{kind}.md").read_text()
    assert begun == f"# {kind}\n\n{BEGIN}\n\n{probe_page(kind)}\n\n{END}\n"
