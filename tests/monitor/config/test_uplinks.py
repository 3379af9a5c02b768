"""What a file says of its uplinks and wireless networks: what becomes of it, what checks take over, and mistakes."""

from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from monitor.config import Config, ConfigError, load
from monitor.config.schema import schema
from monitor.config.source import parse
from probes._engines.uplinks import Contract, Uplink

SITE = """\
site: {id: hub, timezone: Europe/Berlin}
uplinks:
  - id: fibre
    provider: Fibre One
    source: 10.1.0.2
    gateway: 10.1.0.1
    prefix: [198.51.100.0/29, "2001:DB8:1:0::/48"]
    asn: 64500
    contract: {down: 500 Mbit/s, up: 0.1Gbit/s, latency: 0.03, availability: 0.995}
    checks:
      - {kind: internet.uplink}
      - {kind: internet.uplink, name: elsewhere, source: 10.1.0.9, provider: Reseller}
      - {kind: internet.ping, host: 192.0.2.1}
      - {kind: internet.tcp, host: 192.0.2.1, port: 443, interface: wan7}
  - id: mobile
    role: backup
    interface: wan2
    prefix: 203.0.113.0/24
    asn: [64501, 64502]
    contract: {down: 50000 kbit/s, metered: true}
    checks:
      - {kind: internet.uplink}
services:
  - id: internet
    checks:
      - {kind: internet.egress}
      - {kind: internet.http, url: "https://pages.example/"}
wifi:
  - {id: members, ssid: Desk, role: members}
"""


def loaded(folder: Path, text: str = SITE) -> Config:
    file = folder / "site.yaml"
    file.write_text(text)
    return load(file)


def refused(folder: Path, right: str, wrong: str) -> list[str]:
    """The problems of the site with one thing in it changed."""
    assert right in SITE
    with pytest.raises(ConfigError) as error:
        loaded(folder, SITE.replace(right, wrong, 1))
    return [str(problem).removeprefix(f"{folder}/") for problem in error.value.problems]


def settings(config: Config, check: str) -> dict[str, object]:
    return next(dict(one.params) for one in config.checks if one.id == check)


def test_an_uplink_keeps_what_was_said_of_it_in_base_units(tmp_path: Path) -> None:
    config = loaded(tmp_path)
    fibre, mobile = (config.assets[index].uplink for index in range(2))
    assert fibre is not None
    assert mobile is not None
    assert fibre.contract == Contract.model_construct(
        down=500e6, up=100e6, latency=0.03, availability=0.995, metered=False
    )
    assert fibre.prefix == (ip_network("198.51.100.0/29"), ip_network("2001:db8:1::/48"))
    assert (fibre.role, fibre.asn, fibre.gateway) == ("primary", (64500,), ip_address("10.1.0.1"))
    assert (mobile.role, mobile.asn, mobile.interface) == ("backup", (64501, 64502), "wan2")
    assert (mobile.contract.down, mobile.contract.metered) == (50e6, True)
    assert config.assets[3].uplink is None


def test_a_check_takes_over_what_its_kind_has_a_setting_for(tmp_path: Path) -> None:
    config = loaded(tmp_path)
    uplink = settings(config, "fibre/uplink")
    assert {name: uplink[name] for name in ("provider", "role", "interface")} == {
        "provider": "Fibre One",
        "role": "primary",
        "interface": None,
    }
    assert (str(uplink["source"]), str(uplink["gateway"])) == ("10.1.0.2", "10.1.0.1")
    assert isinstance(uplink["contract"], Contract)
    assert str(settings(config, "fibre/ping")["source"]) == "10.1.0.2"
    assert settings(config, "mobile/uplink")["interface"] == "wan2"
    assert settings(config, "mobile/uplink")["role"] == "backup"


def test_what_a_check_says_itself_counts_more(tmp_path: Path) -> None:
    config = loaded(tmp_path)
    elsewhere = settings(config, "fibre/elsewhere")
    assert (str(elsewhere["source"]), elsewhere["provider"]) == ("10.1.0.9", "Reseller")
    assert settings(config, "fibre/tcp")["interface"] == "wan7"


def test_a_check_of_another_asset_takes_over_the_uplinks_and_nothing_of_one_of_them(tmp_path: Path) -> None:
    config = loaded(tmp_path)
    lines = settings(config, "internet/egress")["uplinks"]
    assert isinstance(lines, dict)
    assert list(lines) == ["fibre", "mobile"]
    assert all(isinstance(line, Uplink) for line in lines.values())
    assert (lines["fibre"].provider, lines["mobile"].role) == ("Fibre One", "backup")
    assert settings(config, "internet/http")["source"] is None


def test_a_site_without_uplinks_may_ask_for_its_address(tmp_path: Path) -> None:
    text = "site: {id: hub, timezone: Europe/Berlin}\nservices: [{id: internet, checks: [{kind: internet.egress}]}]\n"
    assert settings(loaded(tmp_path, text), "internet/egress")["uplinks"] == {}


@pytest.mark.parametrize(
    ("right", "wrong", "problem"),
    [
        (
            "down: 500 Mbit/s",
            "down: 500",
            "site.yaml:9: uplinks[0].contract.down: must be a rate with its unit, like `500 Mbit/s` or `1 Gbit/s`"
            " (it is 500)",
        ),
        (
            "down: 500 Mbit/s",
            "down: 500 MB/s",
            "site.yaml:9: uplinks[0].contract.down: must be a rate with its unit, like `500 Mbit/s` or `1 Gbit/s`"
            " (it is '500 MB/s')",
        ),
        ("down: 500 Mbit/s", "down: 0 Mbit/s", "site.yaml:9: uplinks[0].contract.down: must be greater than 0"),
        (
            "latency: 0.03",
            "latency: 30",
            "site.yaml:9: uplinks[0].contract.latency: must be less than or equal to 10 (it is 30)",
        ),
        (
            "availability: 0.995",
            "availability: 99.5",
            "site.yaml:9: uplinks[0].contract.availability: must be less than or equal to 1 (it is 99.5)",
        ),
        (
            "latency: 0.03",
            "latncy: 0.03",
            "site.yaml:9: uplinks[0].contract.latncy: unknown key; did you mean `latency`?",
        ),
        (
            "198.51.100.0/29",
            "198.51.100.1/29",
            "site.yaml:7: uplinks[0].prefix[0]: is an address within the network `198.51.100.0/29`; write that"
            " (it is '198.51.100.1/29')",
        ),
        (
            "prefix: 203.0.113.0/24",
            "prefix: 203.0.113.0/33",
            "site.yaml:18: uplinks[1].prefix: must be a network, like `198.51.100.0/29`, or one address",
        ),
        ("asn: 64500", "asn: AS64500", "site.yaml:8: uplinks[0].asn"),
        ("asn: 64500", "asn: 0", "site.yaml:8: uplinks[0].asn"),
        ("role: backup", "role: spare", "site.yaml:16: uplinks[1].role: must be "),
        ("gateway: 10.1.0.1", "gateway: router", "site.yaml:6: uplinks[0].gateway: "),
        ("interface: wan2", "interface: far/too", "site.yaml:17: uplinks[1].interface: "),
        (
            "provider: Fibre One",
            "provder: Fibre One",
            "site.yaml:4: uplinks[0].provder: unknown key; did you mean `provider`",
        ),
        ("ssid: Desk", "provider: Desk", "site.yaml:29: wifi[0].provider: unknown key"),
        ("role: members", "role: cooks", "site.yaml:29: wifi[0].role: must be "),
    ],
)
def test_a_mistake_is_named_with_its_line_and_remedy(tmp_path: Path, right: str, wrong: str, problem: str) -> None:
    found = refused(tmp_path, right, wrong)
    assert any(one.startswith(problem) for one in found), found
    assert len(found) == 1, found


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    return Draft202012Validator(schema())


def wrong(validator: Draft202012Validator, text: str) -> list[str]:
    document, _ = parse(Path("site.yaml"), text)
    return [".".join(map(str, error.path)) for error in validator.iter_errors(document.data)]


def test_the_schema_accepts_what_the_loader_accepts(validator: Draft202012Validator) -> None:
    assert wrong(validator, SITE) == []


@pytest.mark.parametrize(
    ("right", "changed", "where"),
    [
        ("down: 500 Mbit/s", "down: 500", "uplinks.0.contract.down"),
        ("role: backup", "role: spare", "uplinks.1.role"),
        ("provider: Fibre One", "provder: Fibre One", "uplinks.0"),
        ("availability: 0.995", "availability: 99.5", "uplinks.0.contract.availability"),
        ("kind: internet.egress", "kind: internet.egress, ecco: []", "services.0.checks.0"),
        ("role: members", "role: cooks", "wifi.0.role"),
    ],
)
def test_the_schema_catches_mistakes_where_they_are(
    validator: Draft202012Validator, right: str, changed: str, where: str
) -> None:
    assert right in SITE
    assert where in wrong(validator, SITE.replace(right, changed, 1))


@pytest.mark.parametrize("one", ["64500", "[64500]"])
def test_the_schema_takes_one_network_or_several(validator: Draft202012Validator, one: str) -> None:
    assert wrong(validator, SITE.replace("asn: 64500", f"asn: {one}")) == []
