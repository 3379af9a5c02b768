"""wifi.omada against a controller that answers as public clients of its web API know it."""

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
from peers.omada import ID, PASSWORD, SITE, USERNAME, Controller, access_point, client, controlling, ssid
from peers.web_api import Reply
from pydantic import ValidationError

from probes import Failed, Measured, Sample, Unmeasured
from probes._engines import Engines
from probes._engines.inventory import Inventory
from probes.wifi.omada import MOST_PAGES, Omada, OmadaParams, network, result, view

__all__ = ["authority"]


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMADA", PASSWORD)
    monkeypatch.setenv("OTHER", canary("other-password"))


@pytest.fixture(autouse=True)
def log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Nothing that is logged holds a secret."""
    caplog.set_level(logging.DEBUG)
    yield
    assert "canary-" not in caplog.text


def probing(engines: Engines, port: int, **settings: Any) -> Omada:
    given = {"host": "127.0.0.1", "port": port, "username": USERNAME, "password": "${env:OMADA}", "tls_verify": False}
    probe = Omada(OmadaParams.model_validate({**given, **settings}), engines)
    probe.check = "members/omada"
    return probe


async def asked(
    engines: Engines, authority: Authority, controller: Controller, timeout: float = 60, **settings: Any
) -> Measured:
    async with controlling(controller, authority.issue().context()) as port:
        found = await probing(engines, port, **settings).measure(timeout)
    assert "canary-" not in f"{found!r} {engines.memory.recall('members/omada')}"
    return found


async def failing(
    engines: Engines, authority: Authority, controller: Controller, timeout: float = 60, **settings: Any
) -> Failed | Unmeasured:
    with pytest.raises((Failed, Unmeasured)) as failed:
        await asked(engines, authority, controller, timeout, **settings)
    error = failed.value
    assert isinstance(error, Unmeasured) or error.reason in {*Omada.reasons, "timeout"}
    assert "canary-" not in f"{error} {error.__cause__} {getattr(error, 'samples', ())}"
    return error


def values(samples: tuple[Sample, ...]) -> dict[str, float]:
    assert {sample.metric for sample in samples} <= {metric.name for metric in Omada.metrics}
    return {f"{s.metric.removeprefix('deskwatch_wifi_')}/{s.part}".removesuffix("/"): s.value for s in samples}


async def test_a_site_says_what_its_networks_and_access_points_do(engines: Engines, authority: Authority) -> None:
    controller = Controller()
    found = await asked(engines, authority, controller, ssid="Members")
    assert found.detail == "2 devices are on Members; 2 of 2 access points are online"
    assert values(found.samples) == {
        "ssid_clients/Members": 2,
        "ssid_clients/Locks": 1,
        "ssid_radios/Members": 4,
        "ssid_radios/Locks": 2,
        "clients": 3,
        "access_points/online": 2,
        "access_points/offline": 0,
        "access_points/missing": 0,
        "access_point_up/Lounge": 1,
        "access_point_up/Studio": 1,
        "access_point_clients/Lounge": 2,
        "access_point_clients/Studio": 1,
        **{f"channel_utilization_ratio/{name} 2.4 GHz": pytest.approx(0.35) for name in ("Lounge", "Studio")},
        **{f"channel_utilization_ratio/{name} 5 GHz": pytest.approx(0.31) for name in ("Lounge", "Studio")},
        **{f"channel/{name} 2.4 GHz": 6 for name in ("Lounge", "Studio")},
        **{f"channel/{name} 5 GHz": 149 for name in ("Lounge", "Studio")},
    }
    assert [path for path in controller.api.paths if path.startswith("POST")] == [f"POST /{ID}/api/v2/login"]


async def test_it_signs_in_once_and_anew_when_the_session_has_ended(engines: Engines, authority: Authority) -> None:
    controller = Controller()
    async with controlling(controller, authority.issue().context()) as port:
        probe = probing(engines, port)
        await probe.measure(60)
        questions = len(controller.api.asked)
        await probe.measure(60)
        assert controller.signed_in == 1
        assert len(controller.api.asked) - questions < questions, "what never changes is asked once"
        for times, controller.ended in enumerate(("redirect", "page", "status"), 2):
            controller.sessions.clear()
            await probe.measure(60)
            assert controller.signed_in == times


async def test_a_session_that_ends_half_way_is_renewed(engines: Engines, authority: Authority) -> None:
    controller = Controller()
    door = controller.api.door

    def forgetful(asked: Asked) -> Reply | None:
        if asked.path.endswith("/ssids") and controller.signed_in == 1:
            controller.sessions.clear()
        return door(asked)

    controller.api.door = forgetful
    assert (await asked(engines, authority, controller)).detail.startswith("3 devices are on the Wi-Fi")
    assert controller.signed_in == 2


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"password": "${env:OTHER}"}, r"does not let us in, error -30109; correct `username` and `password`"),
        ({"username": "nobody"}, "error -30109"),
        ({"site": "Elsewhere"}, "the account sees no site Elsewhere; correct `site`"),
    ],
)
async def test_who_is_not_let_in_says_nothing_about_the_network(
    engines: Engines, authority: Authority, settings: dict[str, Any], words: str
) -> None:
    error = await failing(engines, authority, Controller(), **settings)
    assert error.reason == "no_permission"
    assert words in error.detail


async def test_an_account_without_the_right_to_see_is_told(engines: Engines, authority: Authority) -> None:
    for code in (-1005, -1007):
        controller = Controller(errors={f"/sites/{SITE}/setting/wlans": code})
        assert (await failing(engines, authority, controller)).reason == "no_permission"


async def test_access_points_that_are_offline_are_said_with_why(engines: Engines, authority: Authority) -> None:
    controller = Controller()
    controller.devices += [
        access_point("Cellar", "AA-BB-CC-00-00-04", status=30),
        *(access_point(f"Desk {number}", f"AA-BB-CC-00-01-0{number}") for number in range(6)),
    ]
    found = await asked(engines, authority, controller)
    assert found.detail.startswith("offline: Cellar (does not report any more); ")
    assert values(found.samples)["access_point_up/Cellar"] == 0
    assert "access_point_clients/Cellar" not in values(found.samples)
    controller.devices[0]["status"] = 41
    error = await failing(engines, authority, controller)
    assert isinstance(error, Failed)
    assert error.reason == "access_points_down"
    assert "Lounge (has lost its uplink)" in error.detail
    assert values(error.samples)["access_points/offline"] == 2


async def test_an_access_point_that_vanished_from_the_list_is_missed(engines: Engines, authority: Authority) -> None:
    now = datetime.now(UTC)
    seen = ((now - timedelta(hours=2)).timestamp(), now.timestamp())
    engines.memory.keep("members/omada", Inventory({"Lounge": seen, "Studio": seen, "Attic": seen}).memory)
    found = await asked(engines, authority, Controller(), offline_share=0.5)
    assert found.detail.startswith("vanished: Attic; ")
    assert values(found.samples)["access_points/missing"] == 1
    declared = await asked(engines, authority, Controller(), access_points=["Lounge", "Roof"], offline_share=0.9)
    assert declared.detail.startswith("vanished: Roof; ")


@pytest.mark.parametrize(
    ("networks", "reason", "words"),
    [
        ([ssid("Locks")], "ssid_missing", "no network Members"),
        ([ssid("Members", ssidEnable=False)], "ssid_disabled", "the network Members is switched off"),
        ([ssid("Members", band=4)], "ssid_silent", "no radio broadcasts the network Members"),
    ],
)
async def test_a_network_that_members_cannot_use_is_down(
    engines: Engines, authority: Authority, networks: list[dict[str, Any]], reason: str, words: str
) -> None:
    error = await failing(engines, authority, Controller(networks=networks), ssid="Members")
    assert error.reason == reason
    assert words in error.detail


async def test_lists_are_read_to_their_end_and_no_further(engines: Engines, authority: Authority) -> None:
    many = [client("Members", number) for number in range(250)]
    found = await asked(engines, authority, Controller(clients=many), ssid="Members")
    assert found.detail.startswith("250 devices are on Members")
    controller = Controller(clients=many, most=1)
    assert (await asked(engines, authority, controller, ssid="Members")).detail.startswith("2 of 2 access points")
    assert sum(path.endswith("/clients") for path in controller.api.paths) == MOST_PAGES
    error = await failing(engines, authority, Controller(sites=("a", "b") * MOST_PAGES, most=1))
    assert error.reason == "no_source"
    assert "lists more than" in error.detail


async def test_a_controller_that_lists_clients_elsewhere_tells_the_rest(engines: Engines, authority: Authority) -> None:
    found = await asked(engines, authority, Controller(errors={f"/sites/{SITE}/clients": -1600}), ssid="Members")
    assert found.detail == "2 of 2 access points are online"
    assert values(found.samples)["clients"] == 3
    assert "ssid_clients/Members" not in values(found.samples)


@pytest.mark.parametrize(
    ("first", "reason", "words"),
    [
        (Reply([]), "malformed", "no error code"),
        (Reply({"errorCode": 0, "result": {"omadacId": "../../etc"}}), "malformed", "omadacId is no id"),
        (Reply({"errorCode": -1, "msg": canary("message")}), "wrong_status", "answered with error -1"),
    ],
)
async def test_a_strange_answer_is_named(
    engines: Engines, authority: Authority, first: Reply, reason: str, words: str
) -> None:
    controller = Controller()
    controller.api.first = [first]
    error = await failing(engines, authority, controller)
    assert error.reason == reason
    assert words in error.detail


async def test_a_sign_in_without_a_token_is_no_omada_controller(engines: Engines, authority: Authority) -> None:
    for token in (None, 7, "a\r\nb"):
        controller = Controller()
        controller.api.answers = {"GET /api/info": {"errorCode": 0, "result": {"omadacId": ID}}}
        controller.api.answers[f"POST /{ID}/api/v2/login"] = {"errorCode": 0, "result": {"token": token}}
        controller.api.door = lambda _: None
        error = await failing(engines, authority, controller)
        assert (error.reason, "without a token" in error.detail) == ("malformed", True)


def test_no_password_shows(engines: Engines) -> None:
    probe = probing(engines, 1)
    assert "canary-" not in f"{probe.params!r} {probe.params.model_dump()}"


def test_older_controllers_do_not_tell_which_networks_an_access_point_has() -> None:
    point = access_point("Lounge", "AA-BB-CC-00-00-01", wp2g=None, wp5g=None)
    networks = (network(ssid("Members"), "Default"),)
    assert view([point], networks, None).ssids[0].radios == 1
    del point["wlanGroup"]
    assert view([point], networks, None).ssids[0].radios is None


@pytest.mark.parametrize(
    ("said", "channel"),
    [("11 / 2462MHz", 11), ("17  / 5745MHz", 149), ("5 / 5975MHz", 5), ("N/A", None), (None, None), (36, None)],
)
def test_the_channel_is_that_of_the_frequency(said: object, channel: int | None) -> None:
    point = access_point("Lounge", "AA-BB-CC-00-00-01", wp2g={"actualChannel": said, "busyUtil": "12"}, wp5g=None)
    (radio,) = view([point], (), []).radios
    assert (radio.channel, radio.utilization) == (channel, 0.12)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)
DEVICE = st.dictionaries(
    st.sampled_from(["mac", "name", "status", "clientNum", "wlanGroup", "wp2g", "wp5g"]),
    JSON | st.dictionaries(st.sampled_from(["actualChannel", "txUtil", "busyUtil"]), JSON, max_size=3),
    max_size=6,
)
ROWS = st.lists(st.dictionaries(st.sampled_from(["name", "ssid", "wireless", "band", "ssidEnable"]), JSON), max_size=3)


@given(st.lists(DEVICE, max_size=3), ROWS, ROWS)
@hypothesis_settings(max_examples=40)
def test_any_lists_are_read(devices: list[dict[str, Any]], networks: list[Any], clients: list[Any]) -> None:
    found = view([{**device, "type": "ap"} for device in devices], [network(row, "") for row in networks], clients)
    assert len(found.access_points) == len(devices)
    assert all(radio.utilization is None or 0 <= radio.utilization <= 1 for radio in found.radios)
    assert all(point.name.isprintable() for point in found.access_points)


@given(JSON)
def test_any_envelope_is_opened_or_refused(document: Any) -> None:
    try:
        result(document)
    except (Failed, Unmeasured) as error:
        assert error.reason in {*Omada.reasons, "no_permission"}


@pytest.mark.parametrize("settings", [{"password": "plain"}, {"username": ""}, {"site": ""}, {"offline_share": 0}])
def test_settings_that_make_no_sense_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        OmadaParams.model_validate({"host": "omada", "username": USERNAME, "password": "${env:OMADA}", **settings})
