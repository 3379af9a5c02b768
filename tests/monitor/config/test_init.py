"""The first configuration: from what this machine knows, always one that loads."""

import re
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.config import Config, load
from monitor.config.init import Machine, first_config, survey
from monitor.config.machine import Gateway, Interface, gateways_v4, gateways_v6, nameservers
from probes.passive.review import ReviewParams

TODAY = date(2026, 11, 30)
REVIEWS = ["credential-audit/review", "restore-test/review", "stack-review/review", "third-party-access/review"]
ROUTE = """\
Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
wlan0	00000000	0100A8C0	0003	0	0	600	00000000	0	0	0
eth0	00000000	010200C0	0003	0	0	100	00000000	0	0	0
eth0	000200C0	00000000	0001	0	0	0	00FFFFFF	0	0	0
"""
ROUTE_V6 = f"""\
{"0" * 32} 00 {"0" * 32} 00 fe80{"0" * 27}1 00000400 00000003 00000000 00000003     eth0
fe80{"0" * 28} 40 {"0" * 32} 00 {"0" * 32} 00000100 00000002 00000000 00000001     eth0
{"0" * 32} 00 {"0" * 32} 00 {"0" * 32} ffffffff 00000001 00000000 00200200       lo
"""


def loaded(folder: Path, machine: Machine) -> Config:
    file = folder / "site.yaml"
    file.write_text(first_config(machine, TODAY))
    return load(file)


def test_the_default_routes_are_found_best_first() -> None:
    assert gateways_v4(ROUTE) == (("eth0", "192.0.2.1"), ("wlan0", "192.168.0.1"))
    assert gateways_v6(ROUTE_V6) == (("eth0", "fe80::1%eth0"),)
    assert gateways_v4("") == gateways_v6("") == ()


def test_name_servers_are_found_each_once() -> None:
    text = "# nameserver 1.1.1.1\nnameserver 192.0.2.53\nnameserver\nnameserver x\nnameserver 192.0.2.53\nsearch a\n"
    assert nameservers(text) == ("192.0.2.53",)


def test_the_survey_reads_the_tables_of_the_kernel_and_of_etc(tmp_path: Path) -> None:
    (tmp_path / "proc/net").mkdir(parents=True)
    (tmp_path / "etc").mkdir()
    (tmp_path / "run/systemd/resolve").mkdir(parents=True)
    (tmp_path / "proc/net/route").write_text(ROUTE)
    (tmp_path / "etc/resolv.conf").write_text("nameserver 127.0.0.53\n")
    (tmp_path / "run/systemd/resolve/resolv.conf").write_text("nameserver 192.0.2.53\n")
    (tmp_path / "etc/localtime").symlink_to("/usr/share/zoneinfo/Europe/Berlin")
    machine = survey(tmp_path)
    assert machine.gateways[0] == ("eth0", "192.0.2.1")
    assert machine.resolvers == ("192.0.2.53",)
    assert machine.timezone == "Europe/Berlin"


def test_a_machine_that_tells_nothing_is_surveyed_all_the_same(tmp_path: Path) -> None:
    machine = survey(tmp_path)
    assert (machine.timezone, machine.gateways, machine.resolvers) == ("UTC", (), ())


def test_the_first_configuration_of_this_machine_loads(tmp_path: Path) -> None:
    assert loaded(tmp_path, survey()).asset("internet")


def test_a_machine_without_network_gets_a_configuration_too(tmp_path: Path) -> None:
    config = loaded(tmp_path, Machine())
    assert [check.id for check in config.checks] == ["internet/ping", *REVIEWS]


def test_the_router_and_the_resolvers_are_watched(tmp_path: Path) -> None:
    gateways = (Gateway("eth0", "192.0.2.1"), Gateway("eth0", "fe80::1%eth0"))
    config = loaded(tmp_path, Machine("Front Desk", "Europe/Berlin", gateways, ("192.0.2.53", "2001:db8::53")))
    assert [check.id for check in config.checks] == [
        "gateway/ping", "gateway/ping-2", "internet/ping", "name-service/resolver-1", "name-service/resolver-2",
        *REVIEWS,
    ]  # fmt: skip
    assert (config.site.id, config.site.name) == ("front-desk", "Front Desk")
    internet = config.asset("internet")
    assert internet is not None
    assert internet.depends_on == (("gateway",),)


def test_reviews_fall_due_a_week_apart_from_the_next_quarter_on_in_the_time_of_the_site(tmp_path: Path) -> None:
    config = loaded(tmp_path, Machine(timezone="Europe/Berlin"))
    found = {check.asset: check.params for check in config.checks if isinstance(check.params, ReviewParams)}
    assert [params.first for params in found.values()] == [
        date(2027, 2, 28), date(2027, 3, 7), date(2027, 3, 14), date(2027, 3, 21),
    ]  # fmt: skip
    assert {id: params.every for id, params in found.items()} == {
        "credential-audit": "3 months", "restore-test": "3 months", "stack-review": "3 months",
        "third-party-access": "1 year",
    }  # fmt: skip
    assert {params.timezone for params in found.values()} == {"Europe/Berlin"}
    assert {config.asset(id).people for id in found} == {0}


def test_with_two_routers_neither_alone_explains_a_lost_internet(tmp_path: Path) -> None:
    config = loaded(tmp_path, Machine(gateways=(Gateway("eth0", "192.0.2.1"), Gateway("eth1", "198.51.100.1"))))
    assert [asset.id for asset in config.assets] == [
        "gateway-1", "gateway-2", "internet", *(id.partition("/")[0] for id in REVIEWS),
    ]  # fmt: skip
    assert all(asset.depends_on == () for asset in config.assets)


def test_the_comments_are_configuration_that_loads_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DESKWATCH_CHAT_URL", "DESKWATCH_ANA_URL"):
        monkeypatch.setenv(name, "json://127.0.0.1")
    (tmp_path / "url").write_text("json://127.0.0.1")
    text = first_config(Machine(), TODAY).replace("/etc/deskwatch/ben-url", str(tmp_path / "url"))
    text = re.sub(r"^( *)# ((?: *- |)[a-z_.-]+:( |$).*|  .*|- .*)$", r"\1\2", text, flags=re.MULTILINE)
    file = tmp_path / "site.yaml"
    file.write_text(text)
    config = load(file)
    assert config.site.capacity == 80
    assert [route.id for route in config.routes] == ["team-chat", "technician"]
    assert set(config.destinations) == {"team-chat", "ana", "ben"}
    assert config.routes[0].quiet is not None
    assert [one.id for one in config.schedules] == ["it"]
    assert [one.id for one in config.maintenances] == ["router-updates"]
    assert {"backup", "boardroom"} <= {asset.id for asset in config.assets}
    assert config.server.url == "https://deskwatch.example.org"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(), st.lists(st.text(alphabet=st.characters(codec="utf-8", categories=("L", "N", "P")), min_size=1)))
def test_names_of_any_shape_are_written_so_that_they_load(tmp_path: Path, host: str, interfaces: list[str]) -> None:
    gateways = tuple(Gateway(name, "192.0.2.1") for name in interfaces)
    loaded(tmp_path, Machine(host, "UTC", gateways, (), tuple(Interface(name, ("192.0.2.2",)) for name in interfaces)))
