"""internet.tcp against listeners that behave well, badly and not at all."""

import asyncio
import datetime
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st
from peers import netns, sockets
from peers.tcp import saying_first
from peers.tcp import trickling as trickles
from pydantic import ValidationError

from probes import Failed, Measured, Sample, Unmeasured
from probes._engines import Engines
from probes.internet.tcp import MOST_READ, Tcp, TcpParams, unescape

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listener(talk: Talk, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A TCP server that treats its guests as `talk` does; yields its port."""
    tasks = set[asyncio.Task[None]]()

    async def treat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await talk(reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(treat, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def probe(port: int, timeout: float = 60, **settings: object) -> Measured:
    params = TcpParams.model_validate({"host": "127.0.0.1", "port": port, **settings})
    return await Tcp(params, Engines()).measure(timeout)


async def down(port: int, timeout: float = 60, **settings: object) -> Failed:
    """How the probe fails."""
    with pytest.raises(Failed) as failed:
        await probe(port, timeout, **settings)
    assert failed.value.reason in {*Tcp.reasons, "timeout"}
    return failed.value


def parts(samples: tuple[Sample, ...]) -> list[str]:
    return [sample.part for sample in samples if sample.metric == "probe_tcp_duration_seconds"]


def value(samples: tuple[Sample, ...], metric: str) -> float | None:
    return next((sample.value for sample in samples if sample.metric == metric), None)


async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


async def closing(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    return


async def resetting(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def trickling(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for byte in b"220 mail.example ESMTP\r\n":
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0)
    await silent(reader, writer)


async def test_an_open_port_is_up() -> None:
    async with listener(silent) as port:
        found = await probe(port)
    assert parts(found.samples) == ["resolve", "connect"]
    assert f"127.0.0.1:{port} accepted the connection in " in found.detail
    assert value(found.samples, "probe_ip_protocol") == 4


async def test_a_dialogue_is_held_to_its_end() -> None:
    steps = [
        {"expect": r"^220 .*ESMTP$"},
        {"send": r"EHLO x\r\n"},
        {"expect": r"^250-\S+\n250 STARTTLS$"},
        {"send": "QUIT\\x0d\\n"},
        {"expect": "bye"},
    ]
    talk = saying_first(b"220 mail.example ESMTP\r\n", b"250-mail\r\n250 STARTTLS\r\n", b"221 bye")
    async with listener(talk) as port:
        found = await probe(port, steps=steps)
    assert parts(found.samples) == ["resolve", "connect", "dialogue"]
    assert value(found.samples, "probe_failed_due_to_regex") == 0
    assert "answered as expected" in found.detail


async def test_a_peer_that_trickles_is_waited_for() -> None:
    async with listener(trickling) as port:
        assert await probe(port, steps=[{"expect": "^220 .*ESMTP$"}])


@pytest.mark.parametrize(
    ("words", "settings", "reason", "detail"),
    [
        (b"220 mail" + b"." * 90, {"steps": [{"expect": "^220 .*\\n"}]}, "unexpected", "'2"),
        (b"\x16\x03\x03\x40\x00" + bytes(90), {"tls": True}, "timeout", "still agreeing on TLS after 3 s"),
    ],
    ids=["dialogue", "TLS handshake"],
)
async def test_a_byte_a_second_does_not_stretch_the_deadline(
    words: bytes, settings: dict[str, object], reason: str, detail: str
) -> None:
    async with listener(trickles(words)) as port, asyncio.timeout(60):
        failed = await down(port, 3, **settings)
    assert failed.reason == reason
    assert detail in failed.detail


async def test_a_peer_that_never_answers_times_out_with_the_phases_so_far() -> None:
    async with listener(silent) as port:
        failed = await down(port, 2, steps=[{"expect": "220"}])
    assert failed.reason == "timeout"
    assert "still waiting for an answer after 2 s" in failed.detail
    assert parts(failed.samples) == ["resolve", "connect"]


async def test_a_wrong_answer_is_shown_escaped_and_short() -> None:
    async with listener(saying_first(b"\x1b[2J550 go away\r\n\xff" + b"x" * 1000)) as port:
        failed = await down(port, 2, steps=[{"expect": "^220"}])
    assert failed.reason == "unexpected"
    assert r"'\x1b[2J550 go away\n\\xffxxx" in failed.detail
    assert len(failed.detail) < 300
    assert value(failed.samples, "probe_failed_due_to_regex") == 1


async def test_endless_talk_is_cut_off() -> None:
    read = 0

    async def counting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal read
        while True:
            writer.write(b"x" * 4096)
            await writer.drain()
            read += 4096

    async with listener(counting) as port:
        failed = await down(port, 30, steps=[{"expect": "y"}])
    assert failed.reason == "unexpected"
    assert read >= MOST_READ


async def test_a_peer_that_closes_is_closed_and_one_that_resets_is_reset() -> None:
    async with listener(closing) as port:
        assert (await down(port, steps=[{"expect": "220"}])).reason == "closed"
    async with listener(resetting) as port:
        assert (await down(port, steps=[{"expect": "220"}])).reason == "reset"


async def test_a_port_without_a_listener_is_refused() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        failed = await down(bound.getsockname()[1])
    assert failed.reason == "refused"
    assert "Connection refused" in failed.detail


async def test_a_pattern_that_would_run_for_ever_does_not_hold_up_the_others() -> None:
    async with listener(saying_first(b"a" * 100 + b"b\r\n")) as port:
        with pytest.raises(Unmeasured, match="overloaded"):
            await probe(port, steps=[{"expect": r"^(a+)+$"}])


async def test_a_cancelled_probe_leaves_nothing_open() -> None:
    before = sockets.opened()
    async with listener(silent) as port:
        listening = sockets.opened()
        task = asyncio.create_task(probe(port, steps=[{"expect": "220"}]))
        async with asyncio.timeout(60):
            while len(sockets.opened() - listening) < 2:
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
    async with asyncio.timeout(60):
        while sockets.opened() - before:
            await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("rule", "status", "words"),
    [
        ("tcp dport 9 reject with icmp type host-unreachable", Failed, "unreachable: .*No route to host"),
        ("tcp dport 9 drop", Failed, "timeout: .*still connecting after 1 s"),
    ],
)
def test_a_connection_that_does_not_come_about_says_why(rule: str, status: type[Exception], words: str) -> None:
    with netns.namespaces() as (namespace,):
        namespace.firewall(rule)
        with pytest.raises(status, match=words):
            namespace.run(partial(probe, 9, 1))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"host": "192.0.2.1"}, "no_network: .*Network is unreachable"),
        ({"source": "192.0.2.7"}, "cannot send from 192.0.2.7"),
        ({"interface": "wan9"}, "cannot send from wan9"),
    ],
)
def test_our_own_network_says_nothing_about_the_target(settings: dict[str, str], words: str) -> None:
    with netns.namespaces() as (namespace,), pytest.raises(Unmeasured, match=words):
        namespace.run(partial(probe, 9, **settings))


class Certificates:
    """An authority, and server certificates that it signed, as files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.ca = folder / "ca.pem"
        self.ca.write_bytes(self._signed("authority", self._key, ca=True).public_bytes(serialization.Encoding.PEM))

    def server(self, name: str, days: int = 30) -> ssl.SSLContext:
        """A server that proves to be `name`, for so many days."""
        key = ec.generate_private_key(ec.SECP256R1())
        file = self._folder / f"{name}{days}.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file.write_bytes(private + self._signed(name, key, days=days).public_bytes(serialization.Encoding.PEM))
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(file)
        return context

    def _signed(self, name: str, key: ec.EllipticCurvePrivateKey, ca: bool = False, days: int = 30) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=60))
            .not_valid_after(now + datetime.timedelta(days=days))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .sign(self._key, hashes.SHA256())
        )


@pytest.fixture
def certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Certificates]:
    """An authority that this machine trusts during the test."""
    made = Certificates(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.ca))
    yield made


async def test_a_valid_certificate_is_up_with_its_end(certificates: Certificates) -> None:
    async with listener(saying_first(b"hello\n"), certificates.server("imap.example", 30)) as port:
        found = await probe(port, tls=True, server_name="imap.example", steps=[{"expect": "hello"}])
    assert parts(found.samples) == ["resolve", "connect", "tls", "dialogue"]
    ends = datetime.datetime.fromtimestamp(value(found.samples, "probe_ssl_earliest_cert_expiry") or 0, datetime.UTC)
    assert 29 <= (ends - datetime.datetime.now(datetime.UTC)).days <= 30


@pytest.mark.parametrize(
    ("name", "days", "words"),
    [
        ("imap.example", -1, "certificate has expired"),
        ("other.example", 30, "Hostname mismatch"),
    ],
)
async def test_a_bad_certificate_fails_in_openssl_s_words(
    certificates: Certificates, name: str, days: int, words: str
) -> None:
    async with listener(silent, certificates.server(name, days)) as port:
        failed = await down(port, tls=True, server_name="imap.example")
        ignored = await probe(port, tls=True, server_name="imap.example", tls_verify=False)
    assert failed.reason == "tls_failed"
    assert words in failed.detail
    assert parts(failed.samples) == ["resolve", "connect"]
    assert value(ignored.samples, "probe_ssl_earliest_cert_expiry") is not None


async def test_a_server_that_does_not_speak_tls_fails() -> None:
    async with listener(saying_first(b"220 plain text here\r\n")) as port:
        assert (await down(port, tls=True)).reason == "tls_failed"
    async with listener(closing) as port:
        assert (await down(port, tls=True)).reason in ("reset", "closed")
    async with listener(silent) as port:
        failed = await down(port, 2, tls=True)
    assert failed.reason == "timeout"
    assert "still agreeing on TLS" in failed.detail


def test_uvloop_holds_the_same_dialogue(certificates: Certificates) -> None:
    async def work() -> None:
        async with listener(saying_first(b"220 x\r\n"), certificates.server("imap.example")) as port:
            assert await probe(port, tls=True, server_name="imap.example", steps=[{"expect": "^220 x$"}])
            assert (await down(port, 3, tls=True, tls_verify=False, steps=[{"expect": "y"}])).reason == "unexpected"

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work())


def test_a_target_may_be_a_name_or_an_address() -> None:
    assert TcpParams.model_validate(TcpParams.of_target("[::1]:25")).target == "[::1]:25"
    assert TcpParams.model_validate(TcpParams.of_target("mail.example:25")).target == "mail.example:25"


def test_escapes_stand_for_bytes() -> None:
    assert unescape(r"a\r\n\t\0\\n\x00\xfFé") == b"a\r\n\t\0\\n\x00\xff" + "é".encode()


@given(st.text(max_size=50))
def test_any_text_is_unescaped_or_refused(text: str) -> None:
    if "\\" not in text:
        assert unescape(text) == text.encode("utf-8")
        return
    try:
        unescape(text)
    except ValueError as error:
        assert "no such escape" in str(error)


@pytest.mark.parametrize(
    "step",
    [{}, {"send": "a", "expect": "b"}, {"expect": "("}, {"send": r"\q"}, {"send": "a\\"}, {"say": "a"}],
)
def test_a_step_that_makes_no_sense_is_refused(step: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        TcpParams.model_validate({"host": "x", "port": 1, "steps": [step]})
