"""wifi.unifi against a UniFi application of several ages, and every way to let us in."""

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
from peers.json_api import Asked
from peers.unifi import API_KEY, PASSWORD, USERNAME, Unifi, console, error
from peers.unifi_wifi import (
    DEVICES,
    NETWORKS,
    OF_SITE,
    SITES,
    access_point,
    integration,
    network,
    paged,
    place,
    radio,
    site,
)
from peers.web_api import Reply
from pydantic import ValidationError

from probes import Failed, Measured, Sample, Unmeasured
from probes._engines import Engines
from probes._engines.inventory import Inventory
from probes.wifi.unifi import MOST_PAGES, UnifiWifiParams, integration_view, view
from probes.wifi.unifi import Unifi as UnifiWifi

__all__ = ["authority"]

BY_KEY = {"api_key": "${env:API_KEY}"}


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSWORD", PASSWORD)
    monkeypatch.setenv("API_KEY", API_KEY)
    monkeypatch.setenv("OTHER", canary("other"))


@pytest.fixture(autouse=True)
def log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Nothing that is logged holds a secret."""
    caplog.set_level(logging.DEBUG)
    yield
    assert "canary-" not in caplog.text


def probing(engines: Engines, port: int, **settings: Any) -> UnifiWifi:
    way_in = {} if "api_key" in settings else {"username": USERNAME, "password": "${env:PASSWORD}"}
    given = {"host": "127.0.0.1", "port": port, "tls_verify": False, **way_in, **settings}
    probe = UnifiWifi(UnifiWifiParams.model_validate(given), engines)
    probe.check = "members/unifi"
    return probe


async def asked(engines: Engines, authority: Authority, unifi: Unifi, timeout: float = 60, **settings: Any) -> Measured:
    async with console(unifi, authority.issue().context()) as port:
        found = await probing(engines, port, **settings).measure(timeout)
    assert "canary-" not in f"{found!r} {engines.memory.recall('members/unifi')}"
    return found


async def failing(
    engines: Engines, authority: Authority, unifi: Unifi, timeout: float = 60, **settings: Any
) -> Failed | Unmeasured:
    with pytest.raises((Failed, Unmeasured)) as failed:
        await asked(engines, authority, unifi, timeout, **settings)
    found = failed.value
    assert isinstance(found, Unmeasured) or found.reason in {*UnifiWifi.reasons, "timeout"}
    assert "canary-" not in f"{found} {found.__cause__} {getattr(found, 'samples', ())}"
    return found


def values(samples: tuple[Sample, ...]) -> dict[str, float]:
    assert {sample.metric for sample in samples} <= {metric.name for metric in UnifiWifi.metrics}
    return {f"{s.metric.removeprefix('deskwatch_wifi_')}/{s.part}".removesuffix("/"): s.value for s in samples}


@pytest.mark.parametrize("settings", [{}, BY_KEY, {"legacy": True}])
async def test_a_site_says_what_its_networks_and_access_points_do(
    engines: Engines, authority: Authority, settings: dict[str, Any]
) -> None:
    unifi = Unifi(site(), legacy="legacy" in settings)
    found = await asked(engines, authority, unifi, ssid="Members", **settings)
    assert found.detail == "8 devices are on Members; 2 of 2 access points are online"
    both = ("Lounge", "Studio")
    assert values(found.samples) == {
        "ssid_enabled/Members": 1,
        "ssid_enabled/Locks": 1,
        "ssid_radios/Members": 4,
        "ssid_radios/Locks": 2,
        "ssid_clients/Members": 8,
        "ssid_clients/Locks": 2,
        "clients": 10,
        "access_points/online": 2,
        "access_points/offline": 0,
        "access_points/missing": 0,
        **{f"access_point_up/{name}": 1 for name in both},
        **{f"access_point_clients/{name}": 4 for name in both},
        **{f"access_point_satisfaction_ratio/{name}": 0.97 for name in both},
        **{f"channel_utilization_ratio/{name} 2.4 GHz": 0.41 for name in both},
        **{f"channel_utilization_ratio/{name} 5 GHz": 0.12 for name in both},
        **{f"channel/{name} 2.4 GHz": 6 for name in both},
        **{f"channel/{name} 5 GHz": 36 for name in both},
        **{f"radio_up/{name} 5 GHz": 1 for name in both},
        **{f"radio_clients/{name} {band} GHz": 2 for name in both for band in ("2.4", "5")},
        **{f"{waits}_timeouts/{name}": 0 for waits in ("address", "dns") for name in ("Members", "Locks")},
    }


async def test_it_signs_in_once_and_anew_when_the_session_has_ended(engines: Engines, authority: Authority) -> None:
    unifi = Unifi(site())
    async with console(unifi, authority.issue().context()) as port:
        probe = probing(engines, port)
        await probe.measure(60)
        await probe.measure(60)
        assert unifi.signed_in == 1
        unifi.sessions.clear()
        await probe.measure(60)
        assert unifi.signed_in == 2


async def test_a_session_that_ends_half_way_is_renewed(engines: Engines, authority: Authority) -> None:
    unifi = Unifi(site())
    devices = unifi.answers[DEVICES]

    def ending(_: Asked) -> Any:
        if unifi.signed_in == 1:
            unifi.sessions.clear()
        return devices

    unifi.answers[DEVICES] = ending
    assert (await asked(engines, authority, unifi)).detail
    assert unifi.signed_in == 2


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"username": USERNAME, "password": "${env:OTHER}"}, "correct `username` and `password`"),
        ({"api_key": "${env:OTHER}"}, "does not let us in, status 401; correct `api_key`"),
        ({"legacy": True}, "correct `legacy`"),
    ],
)
async def test_who_is_not_let_in_says_nothing_about_the_network(
    engines: Engines, authority: Authority, settings: dict[str, Any], words: str
) -> None:
    unifi = Unifi(site())
    if "legacy" in settings:
        unifi.api.first = [Reply(None, 404)]
    found = await failing(engines, authority, unifi, **settings)
    assert found.reason == "no_permission"
    assert words in found.detail


async def test_a_second_factor_is_named(engines: Engines, authority: Authority) -> None:
    unifi = Unifi(site())
    unifi.api.first = [Reply({"code": "MFA_AUTH_REQUIRED"}, 499)]
    found = await failing(engines, authority, unifi)
    assert found.reason == "no_permission"
    assert "wants a second factor; use a local user without MFA" in found.detail


async def test_a_user_who_may_not_see_the_networks_sees_those_on_the_air(
    engines: Engines, authority: Authority
) -> None:
    unifi = Unifi({**site(), NETWORKS: Reply(error("api.err.NoPermission"), 403)})
    found = await asked(engines, authority, unifi, ssid="Members")
    assert "ssid_enabled/Members" not in values(found.samples)
    assert values(found.samples)["ssid_radios/Members"] == 4


async def test_where_a_key_opens_the_newer_paths_alone_they_are_asked(engines: Engines, authority: Authority) -> None:
    for refusal in (401, 403, 404):
        unifi = Unifi({**integration(most=1), DEVICES: Reply(error("api.err.LoginRequired"), refusal)})
        async with console(unifi, authority.issue().context()) as port:
            probe = probing(engines, port, ssid="Members", **BY_KEY)
            found = await probe.measure(60)
            await probe.measure(60)
        assert sum(path.endswith(DEVICES) for path in unifi.api.paths) == 1, "what is refused is not asked again"
        assert "canary-" not in repr(found)
        assert found.detail == "2 of 2 access points are online"
        assert values(found.samples) == {
            "ssid_enabled/Members": 1,
            "ssid_enabled/Locks": 0,
            "clients": 3,
            "access_points/online": 2,
            "access_points/offline": 0,
            "access_points/missing": 0,
            "access_point_up/Lounge": 1,
            "access_point_up/Studio": 1,
            "access_point_clients/Lounge": 3,
            "access_point_clients/Studio": 0,
        }


async def test_newer_paths_that_do_not_tell_networks_tell_the_rest(engines: Engines, authority: Authority) -> None:
    answers = integration()
    del answers[f"{OF_SITE}/wifi/broadcasts"]
    found = await asked(engines, authority, Unifi(answers), ssid="Members", **BY_KEY)
    assert "which networks there are is not told" in found.detail


async def test_a_site_that_is_not_there_is_a_matter_of_the_settings(engines: Engines, authority: Authority) -> None:
    found = await failing(engines, authority, Unifi(integration()), site="attic", **BY_KEY)
    assert (found.reason, "opens no site attic; correct `site`" in found.detail) == ("no_permission", True)


async def test_lists_are_read_to_a_bound(engines: Engines, authority: Authority) -> None:
    unifi = Unifi({**integration(), SITES: paged([{"name": "another"}] * (MOST_PAGES + 1), most=1)})
    found = await failing(engines, authority, unifi, **BY_KEY)
    assert (found.reason, "too many to read" in found.detail) == ("no_source", True)


async def test_access_points_that_are_offline_are_said_with_why(engines: Engines, authority: Authority) -> None:
    points = [
        access_point("Lounge", "aa:00:00:00:00:01", state="0"),
        access_point("Studio", "aa:00:00:00:00:02", state=11),
        access_point("Cellar", "aa:00:00:00:00:03"),
        access_point("Neighbour's", "aa:00:00:00:00:04", state=2, adopted=False),
    ]
    found = await failing(engines, authority, Unifi(site(points)), ssid="Members")
    assert isinstance(found, Failed)
    assert found.reason == "access_points_down"
    assert "offline: Lounge (disconnected), Studio (has lost its uplink)" in found.detail
    assert values(found.samples)["access_points/offline"] == 2
    assert "access_point_clients/Lounge" not in values(found.samples)


async def test_an_access_point_that_vanished_from_the_list_is_missed(engines: Engines, authority: Authority) -> None:
    now = datetime.now(UTC)
    seen = ((now - timedelta(hours=2)).timestamp(), now.timestamp())
    engines.memory.keep("members/unifi", Inventory({"Attic": seen}).memory)
    found = await asked(engines, authority, Unifi(site()), offline_share=0.5)
    assert found.detail.startswith("vanished: Attic; ")


@pytest.mark.parametrize(
    ("answers", "reason", "words"),
    [
        (site([access_point("Lounge", "", vap_table=[])], [network("Locks")]), "ssid_missing", "no network Members"),
        (
            site([access_point("Lounge", "", vap_table=[])], [network("Members", enabled=False)]),
            "ssid_disabled",
            "is switched off",
        ),
        (site([access_point("Lounge", "", vap_table=[])]), "ssid_silent", "no radio broadcasts"),
        (
            site([access_point("Lounge", "", vap_table=[place("Members", state="INIT"), place("Members", up=False)])]),
            "ssid_silent",
            "no radio broadcasts",
        ),
    ],
)
async def test_a_network_that_members_cannot_use_is_down(
    engines: Engines, authority: Authority, answers: dict[str, Any], reason: str, words: str
) -> None:
    found = await failing(engines, authority, Unifi(answers), ssid="Members")
    assert found.reason == reason
    assert words in found.detail


@pytest.mark.parametrize(
    ("role", "words"),
    [
        ("members", "the network Locks is switched off: members have no Wi-Fi; "),
        ("operations", "the network Locks is switched off: devices of the house, like printers and locks, have no "),
        ("guest", "the network Locks is switched off: guests have no Wi-Fi; "),
    ],
)
async def test_whom_it_hits_is_said(engines: Engines, authority: Authority, role: str, words: str) -> None:
    unifi = Unifi(site(networks=[network("Locks", enabled=False)]))
    found = await failing(engines, authority, unifi, ssid="Locks", role=role)
    assert found.detail.startswith(words)


def test_devices_that_get_no_address_are_said() -> None:
    points = (
        access_point("Lounge", "aa", vap_table=[place("Members", waits="4"), place("Members", waits=3)]),
        access_point("Studio", "ab", vap_table=[place("Locks", anomalies_bar_chart_now=None)]),
    )
    found = view(points, None)
    assert found.complaints == ("devices on Members wait in vain for an address (DHCP), 7 times lately",)
    (rule,) = [rule for rule in UnifiWifi.rules if rule.id == "no-addresses"]
    waits = {sample.part: sample.value for sample in found.more if sample.metric == rule.metric}
    assert waits == {"Members": 7}
    assert rule.above is not None
    assert waits["Members"] > rule.above


def test_a_power_plug_is_no_access_point_and_a_gateway_with_radios_is() -> None:
    plug = access_point("Kettle", "aa", vap_table=[], outlet_table=[{"index": 1}])
    gateway = access_point("Dream", "ab", type="udm")
    assert [point.name for point in view((plug, gateway), None).access_points] == ["Dream"]


def test_radios_are_named_by_their_band_and_an_empty_access_point_has_no_satisfaction() -> None:
    stats = [radio("6e", 5, 3), radio("ad", 2, "", state="INIT")]
    found = view((access_point("Lounge", "aa", satisfaction=-1, radio_table_stats=stats),), None)
    assert [(each.name, each.band, each.utilization, each.up) for each in found.radios] == [
        ("Lounge 6 GHz", "6", 0.03, None),
        ("Lounge wifi-ad", "", None, False),
    ]
    assert not [sample for sample in found.more if "satisfaction" in sample.metric]


@pytest.mark.parametrize(
    ("reply", "reason", "words"),
    [
        (Reply(None, 500), "wrong_status", "answered with status 500"),
        (Reply(b"ready"), "malformed", "is no JSON"),
        (Reply({"meta": {"rc": "ok"}}), "malformed", "data is no list"),
        (Reply(None, 429, (("Retry-After", "30"),)), "throttled", "not to be asked for 30 s"),
    ],
)
@pytest.mark.parametrize("path", [DEVICES, NETWORKS])
async def test_a_strange_answer_is_named(
    engines: Engines, authority: Authority, path: str, reply: Reply, reason: str, words: str
) -> None:
    found = await failing(engines, authority, Unifi({**site(), path: reply}))
    assert found.reason == reason
    assert words in found.detail


def test_no_secret_shows(engines: Engines) -> None:
    assert "canary-" not in f"{probing(engines, 1).params!r} {probing(engines, 1, **BY_KEY).params!r}"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["essid", "num_sta", "radio", "cu_total", "channel", "anomalies_bar_chart_now", "state"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)
FIELDS = ["type", "name", "mac", "state", "vap_table", "radio_table_stats", "satisfaction", "features", "enabled"]
ROWS = st.lists(st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=6), max_size=3).map(tuple)


@given(ROWS, ROWS, st.none() | ROWS)
@hypothesis_settings(max_examples=60)
def test_any_lists_are_read(devices: Any, clients: Any, networks: Any) -> None:
    for found in (view(devices, networks), integration_view(devices, clients, networks)):
        assert (found.clients or 0) >= 0
        assert all(each.utilization is None or 0 <= each.utilization <= 1 for each in found.radios)


@pytest.mark.parametrize(
    "settings", [{}, {"api_key": "plain"}, {**BY_KEY, "username": "a"}, {**BY_KEY, "site": "../x"}]
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        UnifiWifiParams.model_validate({"host": "unifi", **settings})
