"""wifi.radius against FreeRADIUS, and against servers that answer rubbish or forge."""

import asyncio
import hashlib
import logging
import struct
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st
from peers import freeradius, netns
from peers.canaries import canary
from peers.ports import free_port
from pydantic import ValidationError

from probes import Failed, Measured, Unmeasured
from probes._engines import Engines, radius
from probes._engines.radius import Answer, Code, Forged, Malformed, Request, Unsigned
from probes.wifi.radius import Radius, RadiusParams

HERE = "127.0.0.1"
USERS = f"""
probe Cleartext-Password := "{canary("password")}"
challenged Cleartext-Password := "{canary("password")}", Auth-Type := Reject
    Reply-Message = "account\x1b[2J locked"
DEFAULT Auth-Type := Accept, User-Name == "open-to-all"
"""
OUR_ACCOUNT = {"username": "probe", "password": "${env:PASSWORD}"}
SECRET = canary("secret").encode()

Answers = Callable[[bytes], list[bytes]]


@pytest.fixture(autouse=True)
def no_secret_shows(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    monkeypatch.setenv("SECRET", canary("secret"))
    monkeypatch.setenv("PASSWORD", canary("password"))
    monkeypatch.setenv("OTHER", canary("other"))
    caplog.set_level(logging.DEBUG)
    yield
    assert "canary-" not in caplog.text


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with freeradius.serving(tmp_path_factory.mktemp("radius"), canary("secret"), USERS) as port:
        yield port


async def probe(port: int, timeout: float = 60, **settings: Any) -> Measured:
    params = RadiusParams.model_validate({"host": HERE, "port": port, "secret": "${env:SECRET}", **settings})
    assert "canary-" not in repr(params)
    return await Radius(params, Engines()).measure(timeout)


async def down(port: int, timeout: float = 60, **settings: Any) -> Failed:
    with pytest.raises(Failed) as failed:
        await probe(port, timeout, **settings)
    assert failed.value.reason in Radius.reasons
    assert "canary-" not in str(failed.value)
    assert failed.value.detail.isprintable()
    return failed.value


def asked(found: Measured | Failed) -> set[str]:
    assert all(sample.value > 0 for sample in found.samples)
    return {sample.part for sample in found.samples if sample.metric == "deskwatch_radius_answer_seconds"}


async def test_a_server_that_lets_our_account_in_and_no_stranger_is_up(server: int) -> None:
    found = await probe(server, **OUR_ACCOUNT, stranger="deskwatch-nobody")
    assert asked(found) == {"status", "accept", "reject"}
    assert found.detail.startswith("alive after ")
    assert "our account let in after " in found.detail
    assert "a stranger kept out after " in found.detail
    assert "canary-" not in str(found)


@pytest.mark.parametrize(
    ("settings", "parts"),
    [
        ({}, {"status"}),
        ({"status": False, **OUR_ACCOUNT}, {"accept"}),
        ({"status": False, "stranger": "x"}, {"reject"}),
    ],
)
async def test_each_question_can_be_asked_alone(server: int, settings: dict[str, Any], parts: set[str]) -> None:
    assert asked(await probe(server, **settings)) == parts


async def test_our_account_that_is_rejected_is_down(server: int) -> None:
    failed = await down(server, username="probe", password="${env:OTHER}")
    assert failed.reason == "rejected"
    assert f"{HERE}:{server} rejects our own account 'probe': its password changed, or" in failed.detail
    assert asked(failed) == {"status", "accept"}
    failed = await down(server, username="challenged", password="${env:PASSWORD}")
    assert r"saying 'account\x1b[2J locked'" in failed.detail


async def test_a_stranger_who_is_let_in_is_down(server: int) -> None:
    failed = await down(server, stranger="open-to-all")
    assert failed.reason == "stranger_accepted"
    assert "lets 'open-to-all' in, who has no account: anybody may get into the network" in failed.detail


async def test_a_wrong_secret_and_a_dead_server_are_the_same_silence(server: int) -> None:
    failed = await down(server, 0.5, secret="${env:OTHER}")
    assert failed.reason == "no_answer"
    assert "it is down, or it does not know this machine's address or our secret" in failed.detail
    async with answering(lambda request: []) as port:
        other = await down(port, 0.3)
    assert other.reason == "no_answer"
    assert asked(other) == set()


async def test_answers_that_are_not_protected_are_down(tmp_path: Path) -> None:
    with freeradius.serving(tmp_path, canary("secret"), USERS, sign=False) as port:
        failed = await down(port, 5, status=False, **OUR_ACCOUNT)
    assert failed.reason == "unsigned"
    assert "answers without Message-Authenticator" in failed.detail


async def test_a_port_without_a_server_is_refused() -> None:
    failed = await down(free_port(), **OUR_ACCOUNT)
    assert failed.reason == "refused"


async def test_a_name_without_an_address_is_down() -> None:
    assert (await down(1, host="x" * 64 + ".example")).reason == "unresolved"


def test_a_network_that_refuses_the_way_is_told() -> None:
    with netns.namespaces() as (namespace,):
        namespace.firewall("udp dport 9 reject with icmp type host-unreachable")
        with pytest.raises(Failed, match="unreachable"):
            namespace.run(lambda: probe(9))
        with pytest.raises(Unmeasured, match=r"cannot send from 192\.0\.2\.7"):
            namespace.run(lambda: probe(9, source="192.0.2.7"))


def test_uvloop_asks_the_same_questions(server: int) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(probe(server, **OUR_ACCOUNT))


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        for message in self._answers(data):
            self._transport.sendto(message, address)


@asynccontextmanager
async def answering(answers: Answers) -> AsyncIterator[int]:
    """A server that answers each request with those messages; yields its port."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(answers), local_addr=(HERE, 0))
    try:
        yield transport.get_extra_info("sockname")[1]
    finally:
        transport.close()


def reply(request: bytes, code: int, attributes: bytes = b"", secret: bytes = SECRET, sign: bool = True) -> bytes:
    """An answer, signed as servers do."""
    id, authenticator = request[1], request[4:20]
    blank = bytes((80, 18)) + bytes(16) if sign else b""
    head = struct.pack("!BBH", code, id, 20 + len(blank) + len(attributes)) + authenticator
    signature = radius._signature(secret, head + blank + attributes) if sign else b""
    body = blank[:2] + signature + attributes
    response = hashlib.md5(head + body + secret, usedforsecurity=False).digest()
    return head[:4] + response + body


async def test_logins_that_are_not_decided_are_told_from_a_dead_server() -> None:
    def alive_only(request: bytes) -> list[bytes]:
        return [reply(request, 2)] if request[0] == Code.STATUS_SERVER else []

    async with answering(alive_only) as port:
        failed = await down(port, 3, **OUR_ACCOUNT)
    assert failed.reason == "logins_unanswered"
    assert "is alive, and did not decide on a log-in" in failed.detail
    assert asked(failed) == {"status"}


async def test_a_server_without_status_is_told_from_a_dead_one() -> None:
    async with answering(lambda request: [reply(request, 2)] if request[0] == 1 else []) as port:
        failed = await down(port, 1, **OUR_ACCOUNT)
        assert (failed.reason, "set status: false" in failed.detail) == ("no_answer", True)
        assert await probe(port, status=False, **OUR_ACCOUNT)


async def test_a_challenge_is_not_letting_in() -> None:
    async with answering(lambda request: [reply(request, 11)]) as port:
        failed = await down(port, status=False, **OUR_ACCOUNT)
        assert (failed.reason, "asks for more than the password" in failed.detail) == ("rejected", True)
        assert await probe(port, status=False, stranger="nobody")


WRONG: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "too short": (lambda request: b"x", "1 bytes are too short"),
    "wrong length": (lambda request: request[:2] + b"\xff\xff" + request[4:], "it has 65535 bytes"),
    "another id": (lambda request: reply(request[:1] + bytes((request[1] ^ 1,)) + request[2:], 2), "another request"),
    "cut attributes": (lambda request: reply(request, 2, b"\x01\x09x"), "break off"),
}


@pytest.mark.parametrize("wrong", WRONG)
async def test_rubbish_is_malformed_but_a_later_answer_counts(wrong: str) -> None:
    make, words = WRONG[wrong]
    async with answering(lambda request: [make(request)]) as port:
        failed = await down(port, 1.5)
        assert (failed.reason, words in failed.detail) == ("malformed", True)
    async with answering(lambda request: [make(request), reply(request, 2)]) as port:
        assert await probe(port)


@pytest.mark.parametrize(("code", "settings"), [(3, {}), (5, {}), (5, {"status": False, **OUR_ACCOUNT})])
async def test_an_answer_of_another_kind_is_malformed(code: int, settings: dict[str, Any]) -> None:
    async with answering(lambda request: [reply(request, code)]) as port:
        failed = await down(port, **settings)
    assert (failed.reason, f"type {code}" in failed.detail) == ("malformed", True)


@pytest.mark.parametrize(
    "forged", [lambda request: reply(request, 2, secret=b"other"), lambda request: altered(request)]
)
async def test_an_answer_that_is_not_signed_with_our_secret_says_nothing(forged: Callable[[bytes], bytes]) -> None:
    async with answering(lambda request: [forged(request)]) as port:
        with pytest.raises(Unmeasured, match="is not signed with our secret; correct `secret`") as unmeasured:
            await probe(port, 1.5)
    assert unmeasured.value.reason == "no_permission"
    assert "canary-" not in str(unmeasured.value)


def altered(request: bytes) -> bytes:
    """Signed as of old, by who knows how to collide MD5; but the attribute is of another message."""
    good = reply(request, 2, b"\x12\x04hi")
    head, body = good[:4] + request[4:20], good[20:-2] + b"ho"
    return good[:4] + hashlib.md5(head + body + SECRET, usedforsecurity=False).digest() + body


def test_a_request_is_signed_and_hides_its_password() -> None:
    """The example of RFC 2865, 7.1: user nemo, password arctangent."""
    authenticator = bytes.fromhex("0f403f9473978057bd83d5cb98f4227a")
    kind, hidden = radius.password(b"arctangent", authenticator, b"xyzzy5461")
    assert (kind, hidden.hex()) == (2, "0dbe708d93d413ce3196e43f782a0aee")
    message = radius.packed(
        Request(Code.ACCESS_REQUEST, 0, authenticator, [(1, b"nemo"), (kind, hidden)]), b"xyzzy5461"
    )
    assert message[:4] == struct.pack("!BBH", 1, 0, len(message))
    assert message[20:22] == b"\x50\x12"


@pytest.mark.parametrize("length", [0, 1, 16, 17, 128])
def test_a_password_is_padded_to_whole_blocks(length: int) -> None:
    assert len(radius.password(b"p" * length, bytes(16), b"s")[1]) == max(16, -(-length // 16) * 16)


@given(st.binary(max_size=300), st.integers(0, 255))
def test_no_answer_breaks_the_parser(rest: bytes, code: int) -> None:
    request = Request(Code.ACCESS_REQUEST, 7, bytes(16), [])
    sent = radius.packed(request, SECRET)
    for message in (rest, reply(sent, code, rest), reply(sent, code, rest, sign=False)):
        try:
            assert isinstance(radius.answer(message, request, SECRET), Answer)
        except (Malformed, Forged, Unsigned) as error:
            assert str(error) or not isinstance(error, Malformed)


@pytest.mark.parametrize(
    "settings",
    [
        {"secret": "plain"},
        {"username": "probe"},
        {"status": False},
        {"stranger": "ä" * 200},
        {"username": "probe", "password": "${env:LONG}"},
    ],
)
def test_settings_that_make_no_sense_are_refused(monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]) -> None:
    monkeypatch.setenv("LONG", canary("x" * 200))
    with pytest.raises(ValidationError) as refused:
        RadiusParams.model_validate({"host": "radius", "secret": "${env:SECRET}", **settings})
    assert "canary-" not in str(refused.value)
