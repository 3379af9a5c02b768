"""access.controller against panels that answer in each of its ways, and against what goes wrong on the way."""

import asyncio
import time
from datetime import timedelta
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from peers import netns
from peers.canaries import canary
from peers.certificates import Authority, authority
from peers.looks import values_of
from peers.snmp_agent import Behaviour, snmp_agent
from peers.snmp_agent import serving as answers
from peers.snmpd import snmpd
from peers.tcp import Talk, answering, http, serving, trickling
from pydantic import ValidationError
from pysnmp.proto.api import v2c

from probes import Failed, Measured, Unmeasured
from probes._engines import Engines
from probes.access.controller import Controller, ControllerParams

__all__ = ["authority"]

COMMUNITY = {"version": "2c", "community": "${env:COMMUNITY}"}


@pytest.fixture(autouse=True)
def community(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMMUNITY", canary("panel-community"))


def probing(engines: Engines, port: int, **settings: Any) -> Controller:
    return Controller(ControllerParams.model_validate({"host": "127.0.0.1", "port": port, **settings}), engines)


async def ended(probe: Controller, timeout: float = 60) -> Failed:
    """How the probe fails: it says that the panel is not online."""
    with pytest.raises(Failed) as failed:
        await probe.measure(timeout)
    assert failed.value.reason in {*Controller.reasons, "timeout"}
    assert "canary-" not in repr(failed.value) + repr(probe.params)
    assert values(failed.value.samples)["door_panel_online/127.0.0.1"] == 0
    return failed.value


values = values_of(Controller.metrics)


def page(status: str = "200 OK", seconds: float = 0) -> Talk:
    """A panel's web page, whose clock is so many seconds ahead."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        date = f"Date: {formatdate(time.time() + seconds, usegmt=True)}\r\n"
        await answering(http(b"<html>sign in</html>", status, date))(reader, writer)

    return talk


@pytest.mark.parametrize("status", ["200 OK", "302 Found", "401 Unauthorized", "404 Not Found"])
async def test_a_panel_that_answers_whatever_it_is_asked_is_up(
    engines: Engines, authority: Authority, status: str
) -> None:
    async with serving(page(status), tls=authority.issue(ends=timedelta(days=20)).context()) as port:
        found = await probing(engines, port, ca_file=str(authority.file)).measure(60)
    assert found.detail.startswith("the panel answers in ")
    assert "its certificate is valid until " in found.detail
    told = values(found.samples)
    assert told["door_panel_online/127.0.0.1"] == 1
    assert told["certificate_remaining_seconds/leaf"] == pytest.approx(20 * 86_400, abs=60)
    assert told["door_panel_duration_seconds"] > 0
    assert told["door_clock_skew_seconds"] <= 2 + told["door_panel_duration_seconds"]


async def test_a_clock_that_is_wrong_is_measured_and_said(engines: Engines) -> None:
    async with serving(page(seconds=-600)) as port:
        found = await probing(engines, port, by="http").measure(60)
    told = values(found.samples)
    assert told["door_clock_skew_seconds"] == pytest.approx(600, abs=3 + told["door_panel_duration_seconds"])
    assert " s slow" in found.detail


async def test_a_panel_with_an_error_of_its_own_is_down(engines: Engines) -> None:
    async with serving(page("503 Service Unavailable")) as port:
        assert (await ended(probing(engines, port, by="http"))).reason == "wrong_status"


async def greeting(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Speaks first, and no TLS."""
    writer.write(b"220 panel ready\r\n")
    await writer.drain()


@pytest.mark.parametrize("by", ["https", "tls"])
async def test_certificates_that_are_not_good_are_told(engines: Engines, authority: Authority, by: str) -> None:
    trusted = {"by": by, "ca_file": str(authority.file)}
    expired = authority.issue(begins=timedelta(days=-9), ends=timedelta(days=-1)).context()
    async with serving(page(), tls=expired) as port:
        failed = await ended(probing(engines, port, **trusted))
        assert failed.reason == "certificate_expired"
        assert values(failed.samples)["certificate_remaining_seconds/leaf"] < 0
        assert await probing(engines, port, by=by, tls_verify=False).measure(60)
    async with serving(page(), tls=authority.issue(["panel.test"]).context()) as port:
        assert (await ended(probing(engines, port, **trusted))).reason == "certificate_wrong_name"
    async with serving(page(), tls=authority.issue().context()) as port:
        assert (await ended(probing(engines, port, by=by))).reason == "certificate_untrusted"
    async with serving(greeting) as port:
        assert (await ended(probing(engines, port, **trusted))).reason == "tls_failed"


async def test_a_connection_is_enough_by_tcp(engines: Engines) -> None:
    async with serving(trickling(b"")) as port:
        found = await probing(engines, port, by="tcp").measure(60)
    assert values(found.samples)["door_panel_online/127.0.0.1"] == 1
    assert (await ended(probing(engines, port, by="tcp"))).reason == "refused"


@pytest.mark.parametrize(
    ("talk", "reason"),
    [
        (trickling(b"HTTP/1.1 200 OK\r\n"), "timeout"),
        (answering(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"), "reset"),
        (answering(b"SSH-2.0-dropbear\r\n"), "malformed"),
        (answering(http(b" " * 300_000)), "body_too_large"),
    ],
)
async def test_a_strange_answer_is_down(engines: Engines, talk: Talk, reason: str) -> None:
    async with serving(talk) as port:
        assert (await ended(probing(engines, port, by="http"), 3)).reason == reason


@pytest.mark.parametrize("by", ["tcp", "http"])
async def test_a_name_without_an_address_is_down(engines: Engines, by: str) -> None:
    probe = Controller(ControllerParams(host="x" * 64 + ".example", port=9, by=by), engines)  # type: ignore[arg-type]
    with pytest.raises(Failed, match="unresolved"):
        await probe.measure(60)


@pytest.mark.parametrize("by", ["tcp", "http"])
def test_a_network_that_refuses_or_swallows_is_told(by: str) -> None:
    async def work() -> Measured:
        engines = Engines()
        try:
            return await probing(engines, 9, by=by).measure(2)
        finally:
            engines.close()

    with netns.namespaces() as (namespace,):
        namespace.firewall("tcp dport 9 reject with icmp type host-unreachable")
        with pytest.raises(Failed, match="unreachable"):
            namespace.run(work)
    with netns.namespaces() as (namespace,):
        namespace.firewall("tcp dport 9 drop")
        with pytest.raises(Failed, match="timeout"):
            namespace.run(work)


async def by_snmp(engines: Engines, behaviour: Behaviour) -> Measured:
    async with snmp_agent(behaviour) as port:
        return await probing(engines, port, by="snmp", snmp=COMMUNITY).measure(3)


async def test_a_panel_tells_by_snmp_since_when_it_runs(engines: Engines) -> None:
    found = await by_snmp(engines, answers({"1.3.6.1.2.1.1.3.0": v2c.TimeTicks(720_000)}))
    assert values(found.samples)["door_panel_uptime_seconds"] == 7200
    assert found.detail.endswith("; it was started 2 h ago")


async def test_an_agent_that_is_silent_or_in_trouble_is_down(engines: Engines) -> None:
    with pytest.raises(Failed, match="no_answer"):
        await by_snmp(engines, lambda _: [])
    with pytest.raises(Failed, match="agent_error"):
        await by_snmp(engines, lambda request: [request.refusal(5)])


async def test_an_agent_that_may_not_tell_says_nothing_about_the_panel(engines: Engines) -> None:
    with pytest.raises(Unmeasured, match="may not tell since when it runs") as unmeasured:
        await by_snmp(engines, answers({"1.3.6.1.2.1.1.5.0": b"panel"}))
    assert unmeasured.value.reason == "no_source"


async def test_a_user_that_the_agent_does_not_know_is_told(engines: Engines, tmp_path: Path) -> None:
    user = {
        "version": "3",
        "user": "stranger",
        "authentication": "SHA",
        "authentication_passphrase": "${env:COMMUNITY}",
    }
    with snmpd(tmp_path, "") as port:
        assert (await ended(probing(engines, port, by="snmp", snmp=user))).reason == "auth_failed"


@pytest.mark.parametrize(
    ("settings", "port"),
    [({}, 443), ({"by": "tls"}, 443), ({"by": "http"}, 80), ({"by": "snmp", "snmp": COMMUNITY}, 161)],
)
def test_the_port_is_the_usual_one_unless_said(settings: dict[str, Any], port: int) -> None:
    assert ControllerParams.model_validate({"host": "panel", **settings}).target == f"panel:{port}"


@pytest.mark.parametrize(
    "settings",
    [{"by": "tcp"}, {"by": "snmp"}, {"snmp": COMMUNITY}, {"path": "status"}, {"path": "/a b"}, {"by": "ftp"}],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ControllerParams.model_validate({"host": "panel", **settings})
