"""The HTTP engine against well-behaved and hostile servers."""

import asyncio
import gzip
import socket
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvloop
from peers import http3, netns
from peers.certificates import Authority, authority
from peers.ports import free_port
from peers.tcp import answering, http, serving, trickling

from probes import Unmeasured
from probes._engines.http.engine import HttpEngine
from probes._engines.http.exchange import FetchFailed, Request, Trust, Via, redirected
from probes._engines.icmp.messages import checksum

__all__ = ["authority"]

Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter


@pytest.fixture
async def engine() -> AsyncIterator[HttpEngine]:
    engine = HttpEngine()
    yield engine
    assert engine.running == 0
    engine.close()


async def failure(engine: HttpEngine, request: Request, timeout: float = 60) -> FetchFailed:
    with pytest.raises(FetchFailed) as raised:
        await engine.fetch(request, timeout)
    return raised.value


async def test_an_answer_has_status_headers_body_and_phases(engine: HttpEngine) -> None:
    async with serving(answering(http(b"hello", headers="X-Room: Blue \r\n"))) as port:
        response = await engine.fetch(Request(f"http://127.0.0.1:{port}/"), 60)
    assert (response.status, response.version, response.body, response.length) == (200, "1.1", b"hello", 5)
    assert response.header("x-room") == "Blue"
    assert response.header("x-roo") is None
    assert response.final.address == "127.0.0.1"
    assert response.phases.connect > 0
    assert response.phases.tls == 0


async def test_it_talks_ipv6(engine: HttpEngine) -> None:
    async with serving(answering(http(b"six")), "::1") as port:
        response = await engine.fetch(Request(f"http://[::1]:{port}/"), 60)
    assert (response.body, response.final.address) == (b"six", "::1")


def test_it_runs_under_uvloop() -> None:
    async def fetch() -> bytes:
        engine = HttpEngine()
        async with serving(answering(http(b"fast"))) as port:
            response = await engine.fetch(Request(f"http://127.0.0.1:{port}/"), 60)
        engine.close()
        return response.body

    assert uvloop.run(fetch()) == b"fast"


async def test_many_fetches_run_at_once(engine: HttpEngine) -> None:
    waiting = asyncio.Barrier(50)

    async def talk(reader: Reader, writer: Writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await waiting.wait()
        writer.write(http(b"together"))
        await writer.drain()

    async with serving(talk) as port:
        request = Request(f"http://127.0.0.1:{port}/")
        responses = await asyncio.gather(*(engine.fetch(request, 30) for _ in range(50)))
    assert {response.body for response in responses} == {b"together"}


async def test_request_line_headers_and_body_arrive_as_given(engine: HttpEngine) -> None:
    got: list[bytes] = []

    async def talk(reader: Reader, writer: Writer) -> None:
        got.append(await reader.readuntil(b"\r\n\r\n") + await reader.readexactly(4))
        writer.write(http())

    async with serving(talk) as port:
        url = f"http://127.0.0.1:{port}/a?b=c"
        request = Request(url, "POST", (("X-One", "1"), ("X-Empty", "")), (("X-Key", "s3cret"),), b"body")
        await engine.fetch(request, 60)
    lines = got[0].split(b"\r\n")
    assert lines[0] == b"POST /a?b=c HTTP/1.1"
    assert {b"X-One: 1", b"X-Empty:", b"X-Key: s3cret", b"User-Agent: Deskwatch", b"body"} <= set(lines)
    assert not any(line.lower().startswith((b"expect", b"content-type")) for line in lines)
    assert "s3cret" not in repr(request)


async def test_a_proxy_in_the_environment_is_not_used(engine: HttpEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    async with serving(answering(http(b"direct"))) as port:
        assert (await engine.fetch(Request(f"http://127.0.0.1:{port}/"), 60)).body == b"direct"


async def test_a_closed_port_is_refused(engine: HttpEngine) -> None:
    failed = await failure(engine, Request(f"http://127.0.0.1:{free_port()}/"))
    assert failed.reason == "refused"


async def test_a_server_that_accepts_and_never_answers_times_out(engine: HttpEngine) -> None:
    async def talk(reader: Reader, _writer: Writer) -> None:
        await reader.read()

    async with serving(talk) as port:
        failed = await failure(engine, Request(f"http://127.0.0.1:{port}/"), 2)
    assert (failed.reason, failed.detail) == ("timeout", "connected, but no answer came")
    phases = failed.hops[0].phases
    assert phases.connect > 0
    assert phases.processing > 0
    assert phases.transfer == 0


async def test_a_trickle_of_bytes_does_not_stretch_the_deadline(engine: HttpEngine) -> None:
    async def talk(_reader: Reader, writer: Writer) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with serving(talk) as port:
        failed = await failure(engine, Request(f"http://127.0.0.1:{port}/"), 2)
    assert failed.reason == "timeout"
    assert "did not end" in failed.detail


@pytest.mark.parametrize(
    ("words", "detail"),
    [(http(bytes(90)), "connected, but no answer came"), (b"\x16\x03\x03\x40\x00" + bytes(90), "the TLS handshake")],
    ids=["http", "https"],
)
async def test_a_byte_a_second_does_not_stretch_the_deadline(engine: HttpEngine, words: bytes, detail: str) -> None:
    scheme = "http" if words.startswith(b"HTTP") else "https"
    async with serving(trickling(words)) as port, asyncio.timeout(60):
        failed = await failure(engine, Request(f"{scheme}://127.0.0.1:{port}/"), 3)
    assert failed.reason == "timeout"
    assert detail in failed.detail


async def test_an_endless_body_ends_at_the_limit(engine: HttpEngine) -> None:
    sent = 0

    async def talk(_reader: Reader, writer: Writer) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(bytes(4096))
            await writer.drain()
            sent += 4096

    async with serving(talk) as port:
        failed = await failure(engine, Request(f"http://127.0.0.1:{port}/", most_body=100_000))
    assert (failed.reason, failed.detail) == ("body_too_large", "the body is larger than 100000 bytes")
    assert sent < 20_000_000


async def test_endless_headers_end_at_the_limit(engine: HttpEngine) -> None:
    async def talk(_reader: Reader, writer: Writer) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"X-More: " + b"x" * 1000 + b"\r\n")
            await writer.drain()

    async with serving(talk) as port:
        failed = await failure(engine, Request(f"http://127.0.0.1:{port}/"))
    assert failed.reason == "malformed"
    assert "headers" in failed.detail


async def test_endless_interim_answers_end_at_the_limit(engine: HttpEngine) -> None:
    async def talk(_reader: Reader, writer: Writer) -> None:
        while True:
            writer.write(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")
            await writer.drain()

    async with serving(talk) as port:
        failed = await failure(engine, Request(f"http://127.0.0.1:{port}/"))
    assert failed.reason == "malformed"


async def test_the_headers_of_an_interim_answer_are_not_those_of_the_answer(engine: HttpEngine) -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nX-Room: hint\r\n\r\n"
    async with serving(answering(hints, http(headers="X-Room: answer\r\n"))) as port:
        response = await engine.fetch(Request(f"http://127.0.0.1:{port}/"), 60)
    assert (response.status, response.header("x-room")) == (200, "answer")


async def test_a_compressed_body_is_decompressed(engine: HttpEngine) -> None:
    packed = http(gzip.compress(b"unpacked"), headers="Content-Encoding: gzip\r\n")
    async with serving(answering(packed)) as port:
        assert (await engine.fetch(Request(f"http://127.0.0.1:{port}/"), 60)).body == b"unpacked"


async def test_a_gzip_bomb_ends_at_the_limit(engine: HttpEngine) -> None:
    bomb = http(gzip.compress(bytes(50_000_000)), headers="Content-Encoding: gzip\r\n")
    async with serving(answering(bomb)) as port:
        failed = await failure(engine, Request(f"http://127.0.0.1:{port}/"))
    assert failed.reason == "body_too_large"


async def test_broken_compression_is_malformed(engine: HttpEngine) -> None:
    async with serving(answering(http(b"not gzip", headers="Content-Encoding: gzip\r\n"))) as port:
        assert (await failure(engine, Request(f"http://127.0.0.1:{port}/"))).reason == "malformed"


@pytest.mark.parametrize("garbage", [b"SSH-2.0-OpenSSH_9.2\r\n", b"\0\xff\0\xff" * 500, b"HTTP/1.1 abc\r\n\r\n"])
async def test_garbage_instead_of_http_is_malformed(engine: HttpEngine, garbage: bytes) -> None:
    async with serving(answering(garbage)) as port:
        assert (await failure(engine, Request(f"http://127.0.0.1:{port}/"))).reason == "malformed"


async def test_closing_without_an_answer_is_a_reset(engine: HttpEngine) -> None:
    async with serving(answering()) as port:
        assert (await failure(engine, Request(f"http://127.0.0.1:{port}/"))).reason == "reset"


async def test_a_reset_in_the_middle_of_the_body_is_a_reset(engine: HttpEngine) -> None:
    async def talk(reader: Reader, writer: Writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")
        await writer.drain()
        raw = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async with serving(talk) as port:
        assert (await failure(engine, Request(f"http://127.0.0.1:{port}/"))).reason == "reset"


async def test_a_body_shorter_than_announced_is_a_reset(engine: HttpEngine) -> None:
    async with serving(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")) as port:
        assert (await failure(engine, Request(f"http://127.0.0.1:{port}/"))).reason == "reset"


async def test_redirects_are_followed_and_their_phases_summed(engine: HttpEngine) -> None:
    async def talk(reader: Reader, writer: Writer) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        home = request.startswith(b"GET /home ")
        writer.write(http(b"home") if home else http(status="302 Found", headers="Location: /home\r\n"))
        await writer.drain()

    async with serving(talk) as port:
        response = await engine.fetch(Request(f"http://127.0.0.1:{port}/"), 60)
    assert response.body == b"home"
    assert response.final.url == f"http://127.0.0.1:{port}/home"
    assert response.phases.connect == pytest.approx(sum(hop.phases.connect for hop in response.hops))


async def test_a_redirect_loop_ends_at_the_limit(engine: HttpEngine) -> None:
    async with serving(answering(http(status="301 Moved", headers="Location: /\r\n"))) as port:
        failed = await failure(engine, Request(f"http://127.0.0.1:{port}/", redirects=3))
    assert failed.reason == "too_many_redirects"
    assert len(failed.hops) == 4


async def test_a_redirect_is_an_answer_when_none_are_followed(engine: HttpEngine) -> None:
    async with serving(answering(http(status="301 Moved", headers="Location: /\r\n"))) as port:
        response = await engine.fetch(Request(f"http://127.0.0.1:{port}/", redirects=0), 60)
    assert response.status == 301


async def test_a_redirect_to_a_file_is_not_followed(engine: HttpEngine) -> None:
    async with serving(answering(http(status="302 Found", headers="Location: file:///etc/passwd\r\n"))) as port:
        assert (await failure(engine, Request(f"http://127.0.0.1:{port}/"))).reason == "malformed"


async def test_private_headers_stay_with_their_origin(engine: HttpEngine) -> None:
    got: list[bytes] = []

    async def elsewhere(reader: Reader, writer: Writer) -> None:
        got.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(http())
        await writer.drain()

    async with serving(elsewhere) as other:
        moved = http(status="307 Moved", headers=f"Location: http://127.0.0.1:{other}/\r\n")
        async with serving(answering(moved)) as port:
            request = Request(f"http://127.0.0.1:{port}/", headers=(("X-Open", "yes"),), private=(("X-Key", "s3cret"),))
            await engine.fetch(request, 60)
    assert b"X-Open: yes" in got[0]
    assert b"s3cret" not in got[0]


@pytest.mark.parametrize(
    ("method", "status", "then"),
    [("POST", 301, "GET"), ("POST", 303, "GET"), ("POST", 307, "POST"), ("HEAD", 303, "HEAD"), ("PUT", 302, "PUT")],
)
def test_only_some_redirects_turn_a_request_into_a_get(method: str, status: int, then: str) -> None:
    after = redirected(Request("http://a.test/", method, body=b"x"), status, "http://a.test/b")
    assert (after.method, after.body) == (then, b"" if then == "GET" else b"x")


@pytest.mark.parametrize(
    ("url", "private", "address"),
    [
        ("https://a.test/b", True, "192.0.2.1"),
        ("https://a.test:443/b", True, "192.0.2.1"),
        ("http://a.test/b", False, "192.0.2.1"),
        ("https://a.test:8443/b", False, "192.0.2.1"),
        ("https://b.test/", False, ""),
    ],
)
def test_secrets_stay_with_the_origin_and_the_address_with_the_host(url: str, private: bool, address: str) -> None:
    request = Request(
        "https://a.test/", private=(("X-Key", "s3cret"),), login=("desk", "s3cret"), via=Via(address="192.0.2.1")
    )
    after = redirected(request, 302, url)
    assert (bool(after.private), after.via.address, after.url) == (private, address, url)
    assert any(after.login) == private
    assert "s3cret" not in repr(after)


async def test_a_handshake_is_followed_by_closing(engine: HttpEngine, authority: Authority) -> None:
    closed = asyncio.Event()

    async def talk(reader: Reader, _writer: Writer) -> None:
        assert await reader.read() == b""
        closed.set()

    async with serving(talk, tls=authority.issue().context()) as port, asyncio.timeout(60):
        hop = await engine.handshake(
            "localhost", port, Via(address="127.0.0.1"), Trust(ca_file=str(authority.file)), 60
        )
        await closed.wait()
    assert hop.protocol == "TLSv1.3"


async def test_another_address_can_be_asked_for_the_same_name(engine: HttpEngine) -> None:
    got: list[bytes] = []

    async def talk(reader: Reader, writer: Writer) -> None:
        got.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(http())
        await writer.drain()

    async with serving(talk) as port:
        via = Via(address="127.0.0.1")
        await engine.fetch(Request(f"http://booking.test:{port}/", via=via), 60)
        assert f"Host: booking.test:{port}".encode() in got[0]
        failed = await failure(engine, Request(f"http://booking.test:{port}/"))
    assert failed.reason == "unresolved", "an address given to one request must not serve another"


async def test_a_source_address_is_used(engine: HttpEngine) -> None:
    peers: list[str] = []

    async def talk(_reader: Reader, writer: Writer) -> None:
        peers.append(writer.get_extra_info("peername")[0])
        writer.write(http())
        await writer.drain()

    async with serving(talk) as port:
        await engine.fetch(Request(f"http://127.0.0.1:{port}/", via=Via(source="127.0.0.9")), 60)
        await engine.fetch(Request(f"http://127.0.0.1:{port}/", via=Via(source="127.0.0.8", interface="lo")), 60)
    assert peers == ["127.0.0.9", "127.0.0.8"]


@pytest.mark.parametrize("via", [Via(source="198.51.100.7"), Via(interface="none0")])
async def test_an_address_or_interface_we_lack_is_our_own_failure(engine: HttpEngine, via: Via) -> None:
    with pytest.raises(Unmeasured) as raised:
        await engine.fetch(Request("http://127.0.0.1:1/", via=via), 60)
    assert raised.value.reason == "no_network"


async def test_tls_shows_protocol_cipher_and_chain(engine: HttpEngine, authority: Authority) -> None:
    async with serving(answering(http(b"safe")), tls=authority.issue().context()) as port:
        trust = Trust(ca_file=str(authority.file))
        response = await engine.fetch(Request(f"https://127.0.0.1:{port}/", trust=trust), 60)
    final = response.final
    assert (response.body, final.protocol, len(final.chain)) == (b"safe", "TLSv1.3", 2)
    assert final.cipher.startswith("TLS_")
    assert final.phases.tls > 0


async def test_an_untrusted_certificate_is_a_failure_that_shows_it(engine: HttpEngine, authority: Authority) -> None:
    async with serving(answering(http()), tls=authority.issue().context()) as port:
        failed = await failure(engine, Request(f"https://127.0.0.1:{port}/"))
    assert failed.reason == "certificate_untrusted"
    assert len(failed.hops[0].chain) == 2


async def test_garbage_instead_of_tls_fails(engine: HttpEngine) -> None:
    async def talk(reader: Reader, writer: Writer) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()

    async with serving(talk) as port:
        assert (await failure(engine, Request(f"https://127.0.0.1:{port}/"))).reason == "tls_failed"


@pytest.mark.parametrize("content", [None, "no certificate"])
async def test_a_bad_file_of_issuers_is_our_own_failure(
    engine: HttpEngine, authority: Authority, tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "ca.pem"
    if content:
        file.write_text(content)
    async with serving(answering(http()), tls=authority.issue().context()) as port:
        with pytest.raises(Unmeasured) as raised:
            await engine.fetch(Request(f"https://127.0.0.1:{port}/", trust=Trust(ca_file=str(file))), 60)
    assert str(file) in raised.value.detail


async def test_a_cancelled_fetch_closes_its_connection(engine: HttpEngine) -> None:
    connected, closed = asyncio.Event(), asyncio.Event()

    async def talk(reader: Reader, _writer: Writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        connected.set()
        await reader.read()
        closed.set()

    async with serving(talk) as port, asyncio.timeout(60):
        task = asyncio.create_task(engine.fetch(Request(f"http://127.0.0.1:{port}/"), 60))
        await connected.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert engine.running == 0
        await closed.wait()


async def test_closing_the_engine_fails_what_runs() -> None:
    connected = asyncio.Event()

    async def talk(reader: Reader, _writer: Writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        connected.set()
        await reader.read()

    engine = HttpEngine()
    async with serving(talk) as port, asyncio.timeout(60):
        task = asyncio.create_task(engine.fetch(Request(f"http://127.0.0.1:{port}/"), 60))
        await connected.wait()
        engine.close()
        with pytest.raises(ConnectionAbortedError):
            await task


async def test_http_3_shows_protocol_cipher_chain_and_phases(engine: HttpEngine, authority: Authority) -> None:
    async with http3.serving(authority.issue(), http3.Answer(chunks=(b"qu", b"ic")), "::1") as port:
        request = Request(f"https://[::1]:{port}/", version="3", trust=Trust(ca_file=str(authority.file)))
        response = await engine.fetch(request, 60)
    final = response.final
    assert (response.status, response.version, response.body) == (200, "3", b"quic")
    assert (final.address, final.protocol, len(final.chain)) == ("::1", "TLSv1.3", 2)
    assert final.cipher.startswith("TLS_")
    assert min(final.phases.connect, final.phases.tls, final.phases.processing) > 0


async def test_a_server_over_quic_without_http_3_is_called_that(engine: HttpEngine, authority: Authority) -> None:
    async with http3.serving(authority.issue(), http3.Answer(), alpn="hq-interop") as port:
        failed = await failure(engine, Request(f"https://127.0.0.1:{port}/", version="3", trust=Trust(verify=False)))
    assert failed.reason == "tls_failed"
    assert failed.detail == "the QUIC handshake with 127.0.0.1 failed; it may not speak HTTP/3"


@pytest.mark.parametrize(("code", "reason"), [(3, "refused"), (13, "unreachable")])
@pytest.mark.parametrize("late", [True, False])
def test_what_the_network_says_of_a_quic_packet_counts(code: int, reason: str, late: bool) -> None:
    """A refusal from far away comes while libcurl waits, one from near while it sends: it tells them apart."""
    with netns.namespaces() as (namespace,):
        if not late:
            name = {3: "port-unreachable", 13: "admin-prohibited"}[code]
            namespace.firewall(f"udp dport 8443 reject with icmp type {name}")
        assert namespace.run(lambda: refused_by_icmp(code)) == reason


async def refused_by_icmp(code: int) -> str:
    """The reason why a fetch over HTTP/3 fails whose first packet is refused once it has arrived."""
    loop, engine = asyncio.get_running_loop(), HttpEngine()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 8443))
        silent.setblocking(False)
        loop.add_reader(silent, lambda: refuse(silent, code))
        try:
            return (await failure(engine, Request("https://127.0.0.1:8443/", version="3"))).reason
        finally:
            loop.remove_reader(silent)
            engine.close()


def refuse(silent: socket.socket, code: int) -> None:
    """Send an ICMP error about the packet that has come in."""
    data, (_, port) = silent.recvfrom(65_535)
    here = socket.inet_aton("127.0.0.1")
    quoted = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28 + len(data), 0, 0, 64, socket.IPPROTO_UDP, 0, here, here)
    quoted += struct.pack("!HHHH", port, 8443, 8 + len(data), 0)
    error = struct.pack("!BBHI", 3, code, 0, 0) + quoted
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as sender:
        sender.sendto(error[:2] + checksum(error).to_bytes(2, "big") + error[4:], ("127.0.0.1", 0))
