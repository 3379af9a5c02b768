"""internet.opnsense against an emulator of the firewall's API."""

import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from peers.canaries import canary
from peers.certificates import Authority, authority
from peers.opnsense import KEY, SECRET, STATUS, firewall, gateway, guarding
from peers.web_api import Reply, WebApi

from probes._base import Failed, Measured, Sample, Unmeasured
from probes._engines import Engines
from probes.internet.opnsense import Opnsense, OpnsenseParams, read

__all__ = ["authority"]

DEAD = {"status": "down", "translated": "Offline", "loss": "100.0 %", "delay": "0.0 ms", "stddev": "0.0 ms"}


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("KEY", KEY)
    monkeypatch.setenv("SECRET", SECRET)
    monkeypatch.setenv("WRONG", canary("wrong"))


@pytest.fixture
async def engines(caplog: pytest.LogCaptureFixture) -> AsyncIterator[Engines]:
    engines = Engines()
    yield engines
    assert engines.http.running == 0
    engines.close()
    assert "canary-" not in caplog.text


def probe(engines: Engines, authority: Authority, port: int, **settings: Any) -> Opnsense:
    way_in = {"key": "${env:KEY}", "secret": "${env:SECRET}", "ca_file": str(authority.file)}
    given = {"host": "127.0.0.1", "port": port, **way_in, **settings}
    return Opnsense(OpnsenseParams.model_validate(given), engines)


async def asked(engines: Engines, authority: Authority, api: WebApi, timeout: float = 60, **settings: Any) -> Measured:
    async with guarding(api, authority.issue().context()) as port:
        kind = probe(engines, authority, port, **settings)
        assert "canary-" not in f"{kind.params!r} {kind._api!r}"
        told = await kind.measure(timeout)
    assert "canary-" not in repr(told)
    return told


async def failing(
    engines: Engines, authority: Authority, api: WebApi, timeout: float = 60, **settings: Any
) -> Failed | Unmeasured:
    with pytest.raises((Failed, Unmeasured)) as raised:
        await asked(engines, authority, api, timeout, **settings)
    assert "canary-" not in f"{raised.value} {raised.value!r}"
    assert isinstance(raised.value, Unmeasured) or raised.value.reason in {*Opnsense.reasons, "timeout"}
    return raised.value


def values(samples: tuple[Sample, ...]) -> dict[str, float]:
    return {f"{s.metric.removeprefix('deskwatch_gateway_')}/{s.part}".removesuffix("/"): s.value for s in samples}


async def test_gateways_are_lines(engines: Engines, authority: Authority) -> None:
    slow = gateway("LTE_DHCP", "delay+loss", "Latency, Packetloss", loss="12.0 %", delay="431.0 ms", stddev="80.1 ms")
    api = firewall(gateway("WAN_DHCP"), slow)
    told = await asked(engines, authority, api, lines=["WAN_DHCP"], backup=["LTE_DHCP"])
    assert told.detail == ("2 of 2 lines work: WAN_DHCP (12 ms), LTE_DHCP (latency, packetloss, 431 ms, 12.0% lost)")
    measured = values(told.samples)
    assert {name: measured[name] for name in measured if "WAN_DHCP" in name} == {
        "line_up/WAN_DHCP": 1,
        "line_loss_ratio/WAN_DHCP": 0,
        "line_latency_seconds/WAN_DHCP": 0.0123,
        "line_jitter_seconds/WAN_DHCP": 0.0004,
    }
    assert measured["on_backup"] == 0
    assert api.paths == [STATUS]


async def test_a_firewall_on_its_backup_says_so(engines: Engines, authority: Authority) -> None:
    api = firewall(gateway("WAN_DHCP", **DEAD), gateway("LTE_DHCP"))
    told = await asked(engines, authority, api, backup=["LTE_DHCP"])
    assert told.detail.startswith("runs on its backup line; ")
    assert values(told.samples)["on_backup"] == 1


@pytest.mark.parametrize(
    ("gateways", "lines", "reason", "words"),
    [
        (
            [gateway("WAN", **DEAD), gateway("LTE", **DEAD)],
            [],
            "all_lines_down",
            "no line to the internet works; down: ",
        ),
        ([gateway("WAN", **DEAD), gateway("LTE")], ["WAN"], "line_down", "the line WAN (offline) does not work; "),
        (
            [gateway("WAN", "force_down", "Offline (forced)"), gateway("LTE")],
            ["WAN"],
            "line_down",
            "the line WAN (offline (forced)) does not work; ",
        ),
        ([gateway("LTE")], ["WAN"], "line_missing", "the gateway has no line WAN; it lists LTE; "),
    ],
)
async def test_lines_that_must_work_and_do_not_are_down(
    engines: Engines, authority: Authority, gateways: list[Any], lines: list[str], reason: str, words: str
) -> None:
    failed = await failing(engines, authority, firewall(*gateways), lines=lines)
    assert failed.reason == reason
    assert failed.detail.startswith(words)


@pytest.mark.parametrize("settings", [{"key": "${env:WRONG}"}, {"secret": "${env:WRONG}"}])
async def test_a_wrong_key_says_nothing_about_the_lines(
    engines: Engines, authority: Authority, settings: dict[str, str]
) -> None:
    failed = await failing(engines, authority, firewall(gateway("WAN")), **settings)
    assert failed.reason == "no_permission"
    assert "correct `key` and `secret`, and the privileges of their user" in failed.detail


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply({"items": {"WAN": {}}}), "malformed"),
        (Reply({"items": []}), "no_source"),
        (Reply({"items": [gateway("WAN", "pending", "Pending")]}), "no_source"),
    ],
)
async def test_an_answer_that_tells_nothing_says_whose_fault_that_is(
    engines: Engines, authority: Authority, reply: Reply, reason: str
) -> None:
    api = firewall()
    api.first = [reply]
    assert (await failing(engines, authority, api)).reason == reason


def test_what_is_not_watched_or_strange_is_left_out() -> None:
    odd = {"name": 7, "status": None, "loss": "~", "delay": None}
    unwatched, strange = read({"items": [gateway("A", loss="~", delay="~", stddev="~"), "x", odd]})
    assert (unwatched.state, unwatched.loss, unwatched.latency, unwatched.jitter) == ("active", None, None, None)
    assert (strange.name, strange.state, strange.word) == ("", "unknown", "")
    (plain,) = read({"items": [{"name": "A", "status": "none", "delay": 12, "loss": "2"}]})
    assert (plain.latency, plain.loss) == (0.012, 0.02)


@given(
    st.lists(st.dictionaries(st.sampled_from(["name", "status", "loss", "delay"]), st.text() | st.floats() | st.none()))
)
def test_any_list_of_gateways_is_read(items: list[Any]) -> None:
    assert len(list(read({"items": items}))) == len(items)
