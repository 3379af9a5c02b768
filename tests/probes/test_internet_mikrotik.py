"""internet.mikrotik against an emulator of RouterOS' REST API."""

import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from peers.canaries import canary
from peers.certificates import Authority, authority
from peers.mikrotik import PASSWORD, USERNAME, Router, interface, route, routing, watch
from peers.web_api import Reply
from pydantic import ValidationError

from probes._base import Failed, Measured, Sample, Unmeasured
from probes._engines import Engines
from probes.internet.mikrotik import Mikrotik, MikrotikParams, duration, read

__all__ = ["authority"]


def two_lines(**changed: Any) -> Router:
    """A router with fibre on ether1, which carries the traffic, and a mobile line."""
    given = {
        "watches": [
            watch("Fibre", loss_percent="0", rtt_avg="12ms345us", rtt_jitter="801us"),
            watch("Fibre", "down", "192.0.2.2"),
            watch("LTE", rtt_avg="48ms", loss_percent="2%"),
        ],
        "interfaces": [interface("ether1", "Fibre"), interface("ether2", "Desks"), interface("lte1", "LTE")],
        "routes": [route("198.51.100.1%ether1"), route("203.0.113.1%lte1", active=False)],
        **changed,
    }
    return Router(**given)


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("PASSWORD", PASSWORD)
    monkeypatch.setenv("WRONG", canary("wrong"))


@pytest.fixture
async def engines(caplog: pytest.LogCaptureFixture) -> AsyncIterator[Engines]:
    engines = Engines()
    yield engines
    assert engines.http.running == 0
    engines.close()
    assert "canary-" not in caplog.text


async def asked(
    engines: Engines, authority: Authority, router: Router, timeout: float = 60, **settings: Any
) -> Measured:
    given = {"host": "127.0.0.1", "username": USERNAME, "password": "${env:PASSWORD}", "ca_file": str(authority.file)}
    async with routing(router, authority.issue().context()) as port:
        kind = Mikrotik(MikrotikParams.model_validate({**given, "port": port, **settings}), engines)
        assert "canary-" not in f"{kind.params!r} {kind._api!r}"
        told = await kind.measure(timeout)
    assert "canary-" not in repr(told)
    return told


async def failing(
    engines: Engines, authority: Authority, router: Router, timeout: float = 60, **settings: Any
) -> Failed | Unmeasured:
    with pytest.raises((Failed, Unmeasured)) as raised:
        await asked(engines, authority, router, timeout, **settings)
    assert "canary-" not in f"{raised.value} {raised.value!r}"
    assert isinstance(raised.value, Unmeasured) or raised.value.reason in {*Mikrotik.reasons, "timeout"}
    return raised.value


def values(samples: tuple[Sample, ...]) -> dict[str, float]:
    return {f"{s.metric.removeprefix('deskwatch_gateway_')}/{s.part}".removesuffix("/"): s.value for s in samples}


async def test_tests_interfaces_and_routes_make_lines(engines: Engines, authority: Authority) -> None:
    router = two_lines()
    told = await asked(engines, authority, router, lines=["Fibre"], backup=["LTE"])
    fibre = "Fibre (carries the traffic, passes 1 of 2 tests, 12 ms)"
    assert told.detail == f"2 of 2 lines work: {fibre}, LTE (48 ms, 2.0% lost)"
    measured = values(told.samples)
    assert {name: measured[name] for name in measured if "Fibre" in name} == {
        "line_up/Fibre": 1,
        "line_carries/Fibre": 1,
        "line_loss_ratio/Fibre": 0,
        "line_latency_seconds/Fibre": 0.012345,
        "line_jitter_seconds/Fibre": 0.000801,
    }
    assert (measured["line_carries/LTE"], measured["on_backup"]) == (0, 0)
    assert router.api.paths == ["GET /rest/tool/netwatch", "GET /rest/interface", "GET /rest/ip/route"]
    assert all("up-script" not in question.one(".proplist") for question in router.api.asked)
    assert router.api.asked[2].one("dst-address") == "0.0.0.0/0"


async def test_a_router_on_its_backup_says_so(engines: Engines, authority: Authority) -> None:
    router = two_lines(routes=[route("198.51.100.1%ether1", active=False), route("lte1")])
    told = await asked(engines, authority, router, backup=["LTE"])
    assert told.detail.startswith("runs on its backup line; 1 of 1 line works: LTE (carries the traffic")
    assert values(told.samples)["on_backup"] == 1


@pytest.mark.parametrize(
    ("changed", "lines", "reason", "words"),
    [
        (
            {"watches": [watch("Fibre", "down"), watch("LTE", "down")]},
            [],
            "all_lines_down",
            "no line to the internet works; down: Fibre (fails its test), LTE (fails its test)",
        ),
        (
            {"watches": [watch("Fibre", "down"), watch("LTE")]},
            ["Fibre", "LTE"],
            "line_down",
            "the line Fibre (fails its test) does not work; ",
        ),
        (
            {"interfaces": [interface("ether1", "Fibre", running=False), interface("lte1", "LTE")]},
            ["Fibre", "LTE"],
            "line_down",
            "the line Fibre (no link) does not work; ",
        ),
        (
            {"interfaces": [interface("ether1", "Fibre", disabled=True), interface("lte1", "LTE")]},
            ["Fibre", "LTE"],
            "line_down",
            "the line Fibre (switched off) does not work; ",
        ),
        ({}, ["LTE", "DSL"], "line_missing", "the gateway has no line DSL; it lists LTE; "),
    ],
)
async def test_lines_that_must_work_and_do_not_are_down(
    engines: Engines, authority: Authority, changed: dict[str, Any], lines: list[str], reason: str, words: str
) -> None:
    failed = await failing(engines, authority, two_lines(**changed), lines=lines)
    assert failed.reason == reason
    assert failed.detail.startswith(words)


def test_what_is_tested_counts_unless_lines_are_named() -> None:
    watches = [watch("Fibre"), watch("Printer", "down"), watch("Old", disabled="true"), watch("", "unknown")]
    interfaces = [interface("pppoe-out1"), interface("ether9", disabled=True)]
    found = {line.name: line.state for line in read(watches, interfaces, [], ())}
    assert found == {"Fibre": "active", "Printer": "down", "192.0.2.1": "unknown"}
    both = [route("198.51.100.1%ether1,10.0.0.1%pppoe-out1")]
    (line,) = read(watches, interfaces, both, ("pppoe-out1", "nowhere"))
    assert (line.name, line.state, line.carries) == ("pppoe-out1", "active", True)


async def test_a_router_that_tests_nothing_says_nothing_about_its_lines(engines: Engines, authority: Authority) -> None:
    failed = await failing(engines, authority, two_lines(watches=[]))
    assert (failed.reason, "lists no line" in failed.detail) == ("no_source", True)


@pytest.mark.parametrize("settings", [{"username": "other"}, {"password": "${env:WRONG}"}])
async def test_a_wrong_password_says_nothing_about_the_lines(
    engines: Engines, authority: Authority, settings: dict[str, str]
) -> None:
    failed = await failing(engines, authority, two_lines(), **settings)
    assert failed.reason == "no_permission"
    assert "correct `username` and `password`, and the policies of that user" in failed.detail


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply({"error": 400, "message": "Bad Request"}, 400), "wrong_status"),
        (Reply({"error": 0}), "malformed"),
    ],
)
async def test_an_answer_that_tells_nothing_says_whose_fault_that_is(
    engines: Engines, authority: Authority, reply: Reply, reason: str
) -> None:
    for before in range(3):
        router = two_lines()
        router.api.first = [*[Reply([])] * before, reply]
        assert (await failing(engines, authority, router)).reason == reason


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("12ms345us", 0.012345),
        ("801us", 0.000801),
        ("1s20ms", 1.02),
        ("37.5ms", 0.0375),
        ("00:00:00.0125", 0.0125),
        ("2s", 2),
        ("", None),
        ("soon", None),
        ("01:00:00", None),
        (12, None),
        (None, None),
    ],
)
def test_times_are_read_however_they_are_written(told: Any, seconds: float | None) -> None:
    assert duration(told) == (None if seconds is None else pytest.approx(seconds))


async def test_settings_that_make_no_sense_are_refused(engines: Engines, authority: Authority) -> None:
    with pytest.raises(ValidationError, match="pattern"):
        await asked(engines, authority, two_lines(), username="a:b")
