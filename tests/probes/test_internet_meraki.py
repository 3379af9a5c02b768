"""internet.meraki against an emulator of the cloud, as the reference of its API describes the answers."""

import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from peers.canaries import canary
from peers.certificates import Authority, authority
from peers.meraki import API_KEY, ORGANIZATION, Cloud, clouding
from peers.web_api import Reply
from pydantic import ValidationError

from probes._base import Failed, Measured, Sample, Unmeasured
from probes._engines import Engines
from probes.internet.meraki import Meraki, MerakiParams, appliance, read

__all__ = ["authority"]

SERIAL, OTHER = "Q2AB-CDEF-GHIJ", "Q2ZZ-ZZZZ-ZZZZ"
STATUSES = f"/api/v1/organizations/{ORGANIZATION}/appliance/uplink/statuses"
FIGURES = f"/api/v1/organizations/{ORGANIZATION}/devices/uplinksLossAndLatency"
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def device(*uplinks: Any, serial: str = SERIAL, reported: str = "") -> dict[str, Any]:
    """An appliance in the list of statuses."""
    at = reported or datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    known = {"networkId": "N_1", "serial": serial, "model": "MX68CW", "lastReportedAt": at}
    return {**known, "uplinks": list(uplinks), "secret": canary("meraki-device")}


def uplink(interface: str, status: str, **more: Any) -> dict[str, Any]:
    """One of its lines."""
    return {"interface": interface, "status": status, "ip": "10.0.0.2", "publicIp": "198.51.100.7", **more}


def figures(name: str, *series: tuple[Any, Any], serial: str = SERIAL, target: str = "192.0.2.1") -> dict[str, Any]:
    """Loss in percent and latency in milliseconds towards a target, minute by minute."""
    rows = [{"ts": "2026-11-22T11:55:00Z", "lossPercent": loss, "latencyMs": latency} for loss, latency in series]
    return {"networkId": "N_1", "serial": serial, "uplink": name, "ip": target, "timeSeries": rows}


FIBRE = uplink("wan1", "active")
MOBILE = uplink("cellular", "ready", publicIp=None, signalStat={"rsrp": "-87", "rsrq": "-9"}, apn=canary("apn"))
TOLD = [
    figures("wan1", (0.0, 14.0), (0.5, 12.3), (None, None)),
    figures("wan1", (3.0, 80.0), target="192.0.2.2"),
    figures("wan1", (90.0, 900.0), serial=OTHER),
    figures("cellular"),
]


def clouded(*devices: Any, told: Any = TOLD) -> Cloud:
    return Cloud(figures={STATUSES: list(devices), FIGURES: told})


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("KEY", API_KEY)
    monkeypatch.setenv("WRONG", canary("wrong"))


@pytest.fixture
async def engines(caplog: pytest.LogCaptureFixture) -> AsyncIterator[Engines]:
    engines = Engines()
    yield engines
    assert engines.http.running == 0
    engines.close()
    assert "canary-" not in caplog.text


async def asked(engines: Engines, authority: Authority, cloud: Cloud, timeout: float = 60, **settings: Any) -> Measured:
    given = {"api_key": "${env:KEY}", "organization": ORGANIZATION, "serial": SERIAL, "ca_file": str(authority.file)}
    async with clouding(cloud, authority.issue().context()) as port:
        params = {**given, "url": f"https://localhost:{port}/api/v1", **settings}
        kind = Meraki(MerakiParams.model_validate(params), engines)
        assert "canary-" not in f"{kind.params!r} {kind._api!r}"
        told = await kind.measure(timeout)
    assert "canary-" not in repr(told)
    return told


async def failing(
    engines: Engines, authority: Authority, cloud: Cloud, timeout: float = 60, **settings: Any
) -> Failed | Unmeasured:
    with pytest.raises((Failed, Unmeasured)) as raised:
        await asked(engines, authority, cloud, timeout, **settings)
    assert "canary-" not in f"{raised.value} {raised.value!r} {raised.value.__cause__!r}"
    assert isinstance(raised.value, Unmeasured) or raised.value.reason in Meraki.reasons
    return raised.value


def values(samples: tuple[Sample, ...]) -> dict[str, float]:
    return {f"{s.metric.removeprefix('deskwatch_gateway_')}/{s.part}".removesuffix("/"): s.value for s in samples}


async def test_the_lines_of_an_appliance_are_told(engines: Engines, authority: Authority) -> None:
    cloud = clouded(device(uplink("wan1", "failed"), serial=OTHER), device(FIBRE, MOBILE))
    told = await asked(engines, authority, cloud, lines=["wan1"], backup=["cellular"])
    assert told.detail == (
        "2 of 2 lines work: wan1 (carries the traffic, 198.51.100.7, 12 ms, 0.5% lost), "
        "cellular (stands by, 10.0.0.2, -87 dBm)"
    )
    measured = values(told.samples)
    assert {name: measured[name] for name in measured if "/" in name and not name.startswith("lines/")} == {
        "line_up/wan1": 1,
        "line_carries/wan1": 1,
        "line_loss_ratio/wan1": 0.005,
        "line_latency_seconds/wan1": 0.0123,
        "line_up/cellular": 1,
        "line_carries/cellular": 0,
        "line_signal_dbm/cellular": -87,
    }
    assert measured["on_backup"] == 0
    assert cloud.api.paths == [f"GET {STATUSES}", f"GET {FIGURES}"]
    assert [asked.one("serials[]") for asked in cloud.api.asked] == [SERIAL, ""]
    assert cloud.api.asked[1].one("timespan") == "300"


async def test_an_appliance_on_its_backup_says_so(engines: Engines, authority: Authority) -> None:
    cloud = clouded(device(uplink("wan1", "failed"), {**MOBILE, "status": "active"}))
    told = await asked(engines, authority, cloud, backup=["cellular"])
    assert told.detail.startswith("runs on its backup line; ")
    assert values(told.samples)["on_backup"] == 1


@pytest.mark.parametrize(
    ("uplinks", "lines", "reason", "words"),
    [
        (
            [uplink("wan1", "failed"), uplink("wan2", "not connected")],
            [],
            "all_lines_down",
            "no line to the internet works; down: wan1 (failed), wan2 (not connected)",
        ),
        ([uplink("wan1", "connecting"), MOBILE], ["wan1"], "line_down", "the line wan1 (connecting) does not work; "),
        ([FIBRE], ["wan2"], "line_missing", "the gateway has no line wan2; it lists wan1; "),
    ],
)
async def test_lines_that_must_work_and_do_not_are_down(
    engines: Engines, authority: Authority, uplinks: list[Any], lines: list[str], reason: str, words: str
) -> None:
    failed = await failing(engines, authority, clouded(device(*uplinks)), lines=lines)
    assert failed.reason == reason
    assert failed.detail.startswith(words)


async def test_a_wrong_key_says_nothing_about_the_lines(engines: Engines, authority: Authority) -> None:
    failed = await failing(engines, authority, clouded(device(FIBRE)), api_key="${env:WRONG}")
    assert failed.reason == "no_permission"
    assert "correct `api_key`" in failed.detail


@pytest.mark.parametrize(
    ("reply", "reason", "words"),
    [
        (Reply(b"<html>bad gateway</html>", 502), "no_source", "the Meraki cloud does not answer: "),
        (Reply({"errors": [canary("error")]}, 404), "no_source", "status 404"),
        (Reply({"items": []}), "no_source", "is no list"),
    ],
)
async def test_a_cloud_that_fails_says_nothing_about_the_lines(
    engines: Engines, authority: Authority, reply: Reply, reason: str, words: str
) -> None:
    for before in range(2):
        cloud = clouded()
        cloud.api.first = [*[Reply([device(FIBRE)])] * before, reply]
        found = await failing(engines, authority, cloud)
        assert isinstance(found, Unmeasured)
        assert (found.reason, words in found.detail) == (reason, True), found.detail


async def test_an_appliance_that_the_cloud_does_not_know_or_hear_is_not_judged(
    engines: Engines, authority: Authority
) -> None:
    found = await failing(engines, authority, clouded(device(FIBRE, serial=OTHER)))
    assert (found.reason, f"no appliance {SERIAL}; correct `serial`" in found.detail) == ("no_source", True)
    long_ago = (datetime.now(UTC) - timedelta(hours=2)).isoformat()
    found = await failing(engines, authority, clouded(device(FIBRE, reported=long_ago)))
    assert found.reason == "no_source"
    assert "has not heard from the appliance for 120 minutes" in found.detail


def test_times_that_make_no_sense_do_not_age() -> None:
    for odd in ("", "yesterday", "2026-11-22T12:00:00", None, 12):
        assert appliance([{"serial": SERIAL, "lastReportedAt": odd}], SERIAL, NOW)
    assert appliance([{"serial": SERIAL, "lastReportedAt": "2026-11-22T11:31:00Z"}], SERIAL, NOW)
    with pytest.raises(Unmeasured, match="31 minutes"):
        appliance([{"serial": SERIAL, "lastReportedAt": "2026-11-22T11:29:00Z"}], SERIAL, NOW)


def test_numbers_as_texts_missing_fields_and_new_words_are_read() -> None:
    told = device({"interface": "wan1", "status": "Dreaming"}, {"status": None}, "odd", uplink("wan2", "Active"))
    series = [figures("wan2", ("1.5", "20"), ("x", 30)), {"serial": SERIAL, "uplink": "wan1", "timeSeries": []}]
    first, second, third = read(told, series)
    assert (first.name, first.state, first.word, first.loss) == ("wan1", "unknown", "Dreaming", None)
    assert (second.name, second.state) == ("", "unknown")
    assert (third.state, third.loss, third.latency, third.signal) == ("active", 0.015, 0.02, None)


@pytest.mark.parametrize("settings", [{"serial": "abc"}, {"organization": "../x"}, {"url": "http://localhost/api/v1"}])
async def test_settings_that_make_no_sense_are_refused(
    engines: Engines, authority: Authority, settings: dict[str, str]
) -> None:
    with pytest.raises(ValidationError, match="pattern"):
        await asked(engines, authority, clouded(), **settings)
