"""rooms.sip against a server over UDP, TCP and TLS, and against what else may listen there."""

import asyncio
import socket
import struct
from typing import Any

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st
from peers import netns, sockets
from peers.certificates import Authority, authority
from peers.ports import free_port
from peers.sip import SipServer, listening
from peers.tcp import Talk, serving, trickling
from pydantic import ValidationError

from probes import Failed, Measured, Sample, Unmeasured
from probes._engines import Engines
from probes.rooms.sip import MOST_MESSAGE, Sip, SipParams, answer, options

__all__ = ["authority"]

TRANSPORTS = pytest.mark.parametrize("transport", ["udp", "tcp"])


async def ask(port: int, timeout: float = 60, **settings: Any) -> Measured:
    params = SipParams.model_validate({"host": "127.0.0.1", "port": port, **settings})
    return await Sip(params, Engines()).measure(timeout)


async def asked(server: SipServer, transport: str, timeout: float = 60) -> Measured:
    async with listening(server, udp=transport == "udp") as port:
        return await ask(port, timeout, transport=transport)


async def down(port: int, timeout: float = 60, **settings: Any) -> Failed:
    """How the probe fails."""
    with pytest.raises(Failed) as failed:
        await ask(port, timeout, **settings)
    assert failed.value.reason in {*Sip.reasons, "timeout"}
    assert failed.value.detail.isprintable()
    return failed.value


def values(samples: tuple[Sample, ...]) -> dict[str, float]:
    return {sample.metric: sample.value for sample in samples}


@TRANSPORTS
async def test_a_server_that_answers_is_up(transport: str) -> None:
    server = SipServer()
    found = await asked(server, transport)
    assert " answered in " in found.detail
    assert values(found.samples)["deskwatch_sip_status_code"] == 200
    assert 0 < values(found.samples)["deskwatch_sip_duration_seconds"] < 60
    (request,) = server.asked
    assert request.startswith("OPTIONS sip:127.0.0.1 SIP/2.0\r\n")
    assert f"Via: SIP/2.0/{transport.upper()} 127.0.0.1:" in request


@TRANSPORTS
@pytest.mark.parametrize("status", ["401 Unauthorized", "404 Not Found", "405 Method Not Allowed", "302 Moved"])
async def test_a_server_that_refuses_us_is_there(transport: str, status: str) -> None:
    found = await asked(SipServer(status), transport)
    assert f"answered with status {status[:3]}, so it is there in " in found.detail


@TRANSPORTS
@pytest.mark.parametrize("status", ["408 Request Timeout", "503 Service Unavailable", "600 Busy Everywhere"])
async def test_a_server_that_cannot_serve_is_down(transport: str, status: str) -> None:
    async with listening(SipServer(status), udp=transport == "udp") as port:
        failed = await down(port, transport=transport)
    assert failed.reason == "unavailable"
    assert failed.detail.endswith(f"status {status[:3]}")
    assert values(failed.samples)["deskwatch_sip_status_code"] == int(status[:3])


async def test_a_lost_datagram_is_sent_again() -> None:
    server = SipServer(deaf=1)
    assert await asked(server, "udp")
    assert len(server.asked) == 2
    assert server.asked[0] == server.asked[1]


@TRANSPORTS
async def test_an_answer_to_another_call_is_not_ours(transport: str) -> None:
    server = SipServer(first=b"SIP/2.0 503 Gone\r\nCall-ID: another\r\n\r\n")
    assert values((await asked(server, transport)).samples)["deskwatch_sip_status_code"] == 200


@TRANSPORTS
async def test_what_is_no_sip_is_malformed(transport: str) -> None:
    async with listening(SipServer(first=b"220 \x1b[2J mail\r\n\r\n"), udp=transport == "udp") as port:
        failed = await down(port, transport=transport)
    assert failed.reason == "malformed"
    assert r"the answer is no SIP: '220 \x1b[2J mail" in failed.detail


def says(words: bytes) -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(words)
        await reader.read()

    return talk


async def closing(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")


async def resetting(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.parametrize(
    ("talk", "timeout", "reason", "words"),
    [
        (says(b""), 2, "timeout", "still waiting for an answer to OPTIONS after 2 s"),
        (says(b"SIP/2.0 200 OK\r\nX: " + b"x" * 3 * MOST_MESSAGE), 60, "malformed", "does not end"),
        (trickling(b"SIP/2.0 200 OK"), 2, "timeout", "an answer to OPTIONS"),
        (closing, 60, "closed", "instead of an answer to OPTIONS"),
        (resetting, 60, "reset", "Connection reset"),
    ],
)
async def test_a_peer_that_dies_or_dawdles_is_down(talk: Talk, timeout: float, reason: str, words: str) -> None:
    async with serving(talk) as port:
        failed = await down(port, timeout, transport="tcp")
    assert failed.reason == reason
    assert words in failed.detail


async def test_datagrams_that_nobody_answers_time_out() -> None:
    async with listening(SipServer(deaf=100), udp=True) as port:
        failed = await down(port, 1)
    assert failed.reason == "timeout"
    assert failed.detail.endswith("no answer to OPTIONS within 1 s")


@TRANSPORTS
async def test_a_port_without_a_listener_is_refused_and_a_strange_name_unresolved(transport: str) -> None:
    port = free_port()
    assert (await down(port, transport=transport)).reason == "refused"
    assert (await down(port, transport=transport, host="x" * 64 + ".example")).reason == "unresolved"


def test_a_network_that_refuses_the_way_is_told() -> None:
    with netns.namespaces() as (namespace,):
        namespace.firewall("tcp dport 9 reject with icmp type host-unreachable")
        with pytest.raises(Failed, match=r"unreachable: .*No route to host"):
            namespace.run(lambda: ask(9, transport="tcp"))


@TRANSPORTS
def test_our_own_network_says_nothing_about_the_server(transport: str) -> None:
    with netns.namespaces() as (namespace,), pytest.raises(Unmeasured, match=r"no_network: .*Network is unreachable"):
        namespace.run(lambda: ask(9, transport=transport, host="192.0.2.1"))


async def test_tls_needs_a_valid_certificate_unless_told_otherwise(authority: Authority) -> None:
    async with listening(SipServer(), authority.issue().context()) as port:
        assert await ask(port, transport="tls", ca_file=str(authority.file))
        assert await ask(port, transport="tls", tls_verify=False)
        failed = await down(port, transport="tls")
        assert failed.reason == "tls_failed"
        assert "certificate verify failed" in failed.detail
        with pytest.raises(Unmeasured, match="cannot read trusted certificates from /no/such/file"):
            await ask(port, transport="tls", ca_file="/no/such/file")
    async with listening(SipServer(), authority.issue(["elsewhere.test"]).context()) as port:
        assert (await down(port, transport="tls", ca_file=str(authority.file))).reason == "tls_failed"


def test_uvloop_asks_the_same(authority: Authority) -> None:
    async def work() -> None:
        await asked(SipServer(deaf=1), "udp")
        await asked(SipServer(), "tcp")
        async with listening(SipServer(), authority.issue().context()) as port:
            await ask(port, transport="tls", ca_file=str(authority.file))

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work())


@TRANSPORTS
async def test_a_probe_leaves_nothing_open(transport: str) -> None:
    before = sockets.opened()
    await asked(SipServer(), transport)
    async with asyncio.timeout(60):
        while sockets.opened() - before:
            await asyncio.sleep(0)


def test_addresses_of_version_6_stand_in_brackets() -> None:
    request = options("2001:db8::1", "tcp", ("2001:db8::2", 4711), "abc").decode()
    assert request.startswith(
        "OPTIONS sip:[2001:db8::1] SIP/2.0\r\nVia: SIP/2.0/TCP [2001:db8::2]:4711;branch=z9hG4bKabc"
    )
    assert request.endswith("Content-Length: 0\r\n\r\n")


@given(st.one_of(st.binary(max_size=300), st.binary(max_size=100).map(b"SIP/2.0 200 OK\r\nCall-ID: a\r\n".__add__)))
def test_any_message_is_an_answer_or_refused(message: bytes) -> None:
    try:
        assert answer(message, "a") in (None, *range(200, 700))
    except Failed as failed:
        assert failed.reason == "malformed"
        assert failed.detail.isprintable()


@pytest.mark.parametrize("settings", [{"transport": "sctp"}, {"domain": "a b"}, {"port": 0}])
def test_settings_that_make_no_sense_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SipParams.model_validate({"host": "pbx", **settings})
