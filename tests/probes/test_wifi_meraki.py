"""wifi.meraki against a cloud that answers as the reference of its API says."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from peers.canaries import canary
from peers.certificates import Authority, authority
from peers.meraki import (
    API_KEY,
    AVAILABILITIES,
    BUSY,
    HISTORY,
    NETWORK,
    ORGANIZATION,
    STATS,
    STATUSES,
    Cloud,
    available,
    bss,
    busy,
    carrying,
    clouding,
)
from peers.web_api import Reply
from pydantic import ValidationError

from probes import Failed, Measured, Sample, Unmeasured
from probes._engines import Engines
from probes._engines.inventory import Inventory
from probes.wifi.meraki import MOST_PAGES, Meraki, MerakiParams, attempts, following, newest, view

__all__ = ["authority"]


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MERAKI", API_KEY)
    monkeypatch.setenv("OTHER", canary("other-key"))
    monkeypatch.setenv("LINES", "a\r\nb")


@pytest.fixture(autouse=True)
def log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Nothing that is logged holds a secret."""
    caplog.set_level(logging.DEBUG)
    yield
    assert "canary-" not in caplog.text


def probing(engines: Engines, authority: Authority, port: int, **settings: Any) -> Meraki:
    given = {
        "api_key": "${env:MERAKI}",
        "organization": ORGANIZATION,
        "network": NETWORK,
        "url": f"https://localhost:{port}/api/v1",
        "ca_file": str(authority.file),
    }
    probe = Meraki(MerakiParams.model_validate({**given, **settings}), engines)
    probe.check = "members/meraki"
    return probe


async def asked(engines: Engines, authority: Authority, cloud: Cloud, timeout: float = 60, **settings: Any) -> Measured:
    async with clouding(cloud, authority.issue().context()) as port:
        found = await probing(engines, authority, port, **settings).measure(timeout)
    assert "canary-" not in f"{found!r} {engines.memory.recall('members/meraki')}"
    return found


async def failing(
    engines: Engines, authority: Authority, cloud: Cloud, timeout: float = 60, **settings: Any
) -> Failed | Unmeasured:
    with pytest.raises((Failed, Unmeasured)) as failed:
        await asked(engines, authority, cloud, timeout, **settings)
    error = failed.value
    assert isinstance(error, Unmeasured) or error.reason in Meraki.reasons
    assert "canary-" not in f"{error} {error.__cause__} {getattr(error, 'samples', ())}"
    return error


def values(samples: tuple[Sample, ...]) -> dict[str, float]:
    assert {sample.metric for sample in samples} <= {metric.name for metric in Meraki.metrics}
    return {f"{s.metric.removeprefix('deskwatch_wifi_')}/{s.part}".removesuffix("/"): s.value for s in samples}


async def test_a_network_says_who_is_on_it_and_who_fails_to_join(engines: Engines, authority: Authority) -> None:
    cloud = Cloud()
    found = await asked(engines, authority, cloud, ssid="Members")
    assert found.detail == "17 devices are on Members; 2 of 2 access points are online"
    assert values(found.samples) == {
        "ssid_enabled/Members": 1,
        "ssid_enabled/Locks": 1,
        "ssid_radios/Members": 4,
        "ssid_radios/Locks": 2,
        "ssid_clients/Members": 17,
        "clients": 20,
        "access_points/online": 2,
        "access_points/offline": 0,
        "access_points/missing": 0,
        "access_point_up/Lounge": 1,
        "access_point_up/Studio": 1,
        "access_point_clients/Lounge": 12,
        "access_point_clients/Studio": 8,
        "channel_utilization_ratio/Lounge 2.4 GHz": 0.415,
        "channel_utilization_ratio/Lounge 5 GHz": 0.12,
        "channel/Lounge 2.4 GHz": 6,
        "channel/Lounge 5 GHz": 36,
        "join_failures/association": 1,
        "join_failures/authentication": 2,
        "join_failures/dhcp": 3,
        "join_failures/dns": 0,
        "joins": 94,
        "join_failure_ratio/association": 0.01,
        "join_failure_ratio/authentication": 0.02,
        "join_failure_ratio/dhcp": 0.03,
        "join_failure_ratio/dns": 0,
    }
    assert [each.one("ssid") for each in cloud.api.asked if each.path in (STATS, HISTORY)] == ["0", "0"]
    assert len(cloud.api.asked) == 6


async def test_without_a_name_it_looks_at_all_networks(engines: Engines, authority: Authority) -> None:
    cloud = Cloud()
    assert (
        await asked(engines, authority, cloud)
    ).detail == "20 devices are on the Wi-Fi; 2 of 2 access points are online"
    assert len(cloud.api.asked) == 5


async def test_a_dhcp_server_that_leaves_devices_alone_is_said(engines: Engines, authority: Authority) -> None:
    cloud = Cloud()
    cloud.figures[STATS] = {"assoc": 0, "auth": 0, "dhcp": 30, "dns": 0, "success": 70}
    found = await asked(engines, authority, cloud)
    assert found.detail.startswith("30 of 100 attempts to join failed lately at getting an address (DHCP); ")
    (rule,) = [rule for rule in Meraki.rules if rule.id == "dhcp-fails"]
    assert rule.above is not None
    assert values(found.samples)["join_failure_ratio/dhcp"] > rule.above


async def test_of_a_handful_of_attempts_no_share_is_told(engines: Engines, authority: Authority) -> None:
    cloud = Cloud()
    cloud.figures[STATS] = {"assoc": 0, "auth": 3, "dhcp": 0, "dns": 0, "success": 2}
    found = values((await asked(engines, authority, cloud)).samples)
    assert found["join_failures/authentication"] == 3
    assert "join_failure_ratio/authentication" not in found
    assert found["join_failure_ratio/dhcp"] == 0


async def test_a_night_in_which_nobody_joins_is_no_failure(engines: Engines, authority: Authority) -> None:
    cloud = Cloud()
    cloud.figures = {STATS: None, HISTORY: []}
    found = values((await asked(engines, authority, cloud, ssid="Members")).samples)
    assert found["joins"] == 0
    assert "join_failure_ratio/dhcp" not in found
    assert "ssid_clients/Members" not in found


async def test_lists_are_read_page_by_page_from_us_alone(engines: Engines, authority: Authority) -> None:
    cloud = Cloud(most=1)
    assert "2 of 2 access points" in (await asked(engines, authority, cloud)).detail
    assert [each.one("startingAfter") for each in cloud.api.asked if each.path == AVAILABILITIES] == ["", "1"]
    cloud.lists[AVAILABILITIES] = [available(f"Q{number}", f"AP {number}") for number in range(MOST_PAGES + 1)]
    error = await failing(engines, authority, cloud)
    assert (error.reason, "too many to read" in error.detail) == ("no_source", True)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"api_key": "${env:OTHER}"}, "does not let us in, status 401; correct `api_key`"),
        ({"organization": "1"}, "knows no such network; correct `organization`, `network`"),
        ({"network": "L_1"}, "knows no such network"),
    ],
)
async def test_a_key_that_may_not_read_says_nothing_about_the_network(
    engines: Engines, authority: Authority, settings: dict[str, Any], words: str
) -> None:
    error = await failing(engines, authority, Cloud(), **settings)
    assert error.reason == "no_permission"
    assert words in error.detail


@pytest.mark.parametrize(
    ("first", "reason", "words"),
    [
        (Reply(None, 500), "no_source", "nothing is known about the Wi-Fi: the Meraki cloud answered with status 500"),
        (Reply({"errors": []}), "no_source", "items is no list"),
    ],
)
async def test_a_cloud_that_fails_leaves_the_network_unknown(
    engines: Engines, authority: Authority, first: Reply, reason: str, words: str
) -> None:
    cloud = Cloud()
    cloud.api.first = [first]
    error = await failing(engines, authority, cloud)
    assert isinstance(error, Unmeasured)
    assert error.reason == reason
    assert words in error.detail


async def test_it_waits_when_asked_to_for_a_moment(engines: Engines, authority: Authority) -> None:
    cloud = Cloud()
    cloud.api.first = [Reply({"errors": ["rate limit"]}, 429, (("Retry-After", "1"),))]
    assert (await asked(engines, authority, cloud)).detail
    cloud.api.first = [Reply(None, 429, (("Retry-After", "1"),))] * 2
    assert (await failing(engines, authority, cloud)).reason == "throttled"


async def test_access_points_that_are_offline_or_alert_are_said(engines: Engines, authority: Authority) -> None:
    cloud = Cloud()
    cloud.lists[AVAILABILITIES] = [
        available("Q2XX-0001", "Lounge", "alerting"),
        available("Q2XX-0002", "Studio", "offline"),
        available("Q2XX-0003", "Cellar", "dormant"),
    ]
    error = await failing(engines, authority, cloud)
    assert isinstance(error, Failed)
    assert error.reason == "access_points_down"
    assert error.detail == (
        "2 of 3 access points are offline or have vanished; offline: Studio (offline), Cellar (has not been seen for "
        "long); Meraki has an alert about Lounge; 20 devices are on the Wi-Fi; 1 of 3 access points are online"
    )
    assert values(error.samples)["ssid_radios/Members"] == 2


async def test_an_access_point_that_vanished_from_the_list_is_missed(engines: Engines, authority: Authority) -> None:
    now = datetime.now(UTC)
    seen = ((now - timedelta(hours=2)).timestamp(), now.timestamp())
    engines.memory.keep("members/meraki", Inventory({"Attic": seen}).memory)
    found = await asked(engines, authority, Cloud(), offline_share=0.5)
    assert found.detail.startswith("vanished: Attic; ")


@pytest.mark.parametrize(
    ("sets", "reason"),
    [
        ((bss(1, "Locks", "5"),), "ssid_missing"),
        ((bss(0, "Members", "5", enabled=False),), "ssid_disabled"),
        ((bss(0, "Members", "5", broadcasting=False),), "ssid_silent"),
    ],
)
async def test_a_network_that_members_cannot_use_is_down(
    engines: Engines, authority: Authority, sets: tuple[dict[str, Any], ...], reason: str
) -> None:
    cloud = Cloud()
    cloud.lists[STATUSES] = [carrying("Q2XX-0001", *sets)]
    error = await failing(engines, authority, cloud, ssid="Members")
    assert error.reason == reason
    assert "Members" in error.detail


async def test_an_air_that_is_busy_is_said(engines: Engines, authority: Authority) -> None:
    cloud = Cloud()
    cloud.lists[BUSY] = [busy("Q2XX-0001", **{"5": 83})]
    assert (await asked(engines, authority, cloud)).detail.startswith("busy channels: Lounge 5 GHz (83 %); ")


def test_no_key_shows(engines: Engines, authority: Authority) -> None:
    assert "canary-" not in f"{probing(engines, authority, 1).params!r}"


@pytest.mark.parametrize(
    ("links", "after"),
    [
        ("", ""),
        ('<https://api.meraki.com/api/v1/x?startingAfter=Q1&perPage=3>; rel="next"', "Q1"),
        ("<https://x/?endingBefore=1>; rel=prev, <https://x/?startingAfter=Q%2F2>; rel=next", "Q/2"),
        ("<https://x/?startingAfter=1>; rel=last", ""),
        ("<https://x/>; rel=next", ""),
        ("rel=next", ""),
    ],
)
def test_the_next_page_is_found_in_the_header_line(links: str, after: str) -> None:
    assert following(links) == after


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)
NESTED = st.recursive(
    JSON,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["ssid", "radio", "name", "band", "total", "percentage"]), inner, max_size=3)
    ),
    max_leaves=8,
)
ROWS = st.lists(
    st.dictionaries(
        st.sampled_from(["serial", "name", "status", "basicServiceSets", "byBand", "counts"]), NESTED, max_size=4
    ),
    max_size=3,
).map(tuple)


@given(ROWS, ROWS, ROWS, ROWS)
@hypothesis_settings(max_examples=40)
def test_any_lists_are_read(points: Any, networks: Any, busy: Any, clients: Any) -> None:
    found = view(points, networks, busy, clients)
    assert len(found.access_points) == len(points)
    assert all(radio.utilization is None or 0 <= radio.utilization <= 1 for radio in found.radios)


@given(JSON)
def test_any_figures_are_read(document: Any) -> None:
    failures, joins = attempts(document)
    assert joins >= 0 <= sum(failures.values())
    assert (newest(document) or 0) >= 0


@pytest.mark.parametrize(
    "settings",
    [
        {"api_key": "plain"},
        {"api_key": "${env:LINES}"},
        {"network": "../x"},
        {"url": "http://api.meraki.com/api/v1"},
        {"url": "https://user@elsewhere/api/v1"},
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, object]) -> None:
    given = {"api_key": "${env:MERAKI}", "organization": ORGANIZATION, "network": NETWORK}
    with pytest.raises(ValidationError):
        MerakiParams.model_validate({**given, **settings})
    assert MerakiParams.model_validate(given | MerakiParams.of_target(NETWORK)).target == NETWORK
