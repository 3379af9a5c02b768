"""Connects to a TCP port, if asked with TLS and with a dialogue, and measures each phase."""

import asyncio
import codecs
import io
import re
import socket
import ssl
from datetime import UTC, datetime
from functools import cached_property
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, IPvAnyAddress, model_validator

from probes import DefaultRule, Failed, Measured, Metric, Params, Probe, Sample
from probes._engines import Engines, certificates
from probes._engines.certificates import Certificate, chain, expiry
from probes._engines.connect import REASONS, connect, network_failure, open_socket
from probes._engines.excerpt import excerpt
from probes._engines.matching import Regex, limited
from probes._engines.phases import Phases
from probes._engines.resolve import Family, Host, Interface, Resolved, resolve
from probes._engines.trust import TlsVerify

MOST_READ = 64 * 1024
"""Bytes that are read while one pattern is expected."""

WINDOW = 4096
"""Characters, the newest of what was read, that a pattern is held against."""

_DOING = {"connect": "connecting", "tls": "agreeing on TLS", "dialogue": "waiting for an answer"}


def unescape(text: str) -> bytes:
    r"""The bytes that a text with \r, \n, \t, \0, \\ and \xNN stands for; all else is UTF-8.

    Raises ValueError for an incomplete escape.
    """
    return re.sub(rb"\\(x[0-9A-Fa-f]{2}|.|$)", _unescaped, text.encode(), flags=re.DOTALL)


def _unescaped(found: re.Match[bytes]) -> bytes:
    escape = found[1]
    if escape.startswith(b"x") and len(escape) == 3:
        return bytes.fromhex(escape[1:].decode())
    try:
        return {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"0": b"\0", b"\\": b"\\"}[escape]
    except KeyError:
        raise ValueError(rf"no such escape as {found[0]!r}: use \r \n \t \0 \\ or \xNN") from None


def _sendable(text: str) -> str:
    unescape(text)
    return text


class Step(BaseModel):
    """One turn of a dialogue: something to send, or a pattern to wait for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    send: Annotated[
        Annotated[str, AfterValidator(_sendable)] | None,
        Field(max_length=4096, description=r"text to send; \r \n \t \0 \\ and \xNN are understood"),
    ] = None
    expect: Annotated[
        Regex | None,
        Field(
            max_length=1000,
            description="pattern that must come before the timeout; ^ and $ match at lines, whose ends are \\n",
        ),
    ] = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.send is None) == (self.expect is None):
            raise ValueError("a step has either send or expect")
        return self


class TcpParams(Params):
    """Where to connect, and what to say there."""

    host: Annotated[Host, Field(description="host name or address to connect to")]
    port: Annotated[int, Field(ge=1, le=65_535, description="TCP port")]
    family: Annotated[Family, Field(description="IP version: auto takes what the machine itself would use")] = "auto"
    tls: Annotated[bool, Field(description="speak TLS from the first byte")] = False
    tls_verify: TlsVerify = True
    server_name: Annotated[
        Host | None, Field(description="name asked for in TLS and expected in the certificate; host if not set")
    ] = None
    steps: Annotated[
        tuple[Step, ...], Field(max_length=50, description="dialogue once connected: send and expect, in order")
    ] = ()
    source: Annotated[IPvAnyAddress | None, Field(description="address of this machine to connect from")] = None
    interface: Annotated[Interface | None, Field(description="interface of this machine to use, e.g. wan2")] = None

    @property
    def expects(self) -> bool:
        """Whether the peer has to say something."""
        return any(step.expect is not None for step in self.steps)

    @property
    def target(self) -> str:
        """The host and port."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @classmethod
    def of_target(cls, target: str) -> dict[str, object]:
        """`host:port`, `[address]:port`."""
        host, _, port = target.rpartition(":")
        return {"host": host.strip("[]"), "port": port}


class Tcp(Probe[TcpParams]):
    """Whether a TCP service accepts connections and answers as it should."""

    Params = TcpParams
    metrics = (
        Metric(
            "probe_tcp_duration_seconds",
            "Time of each phase of the connection",
            "seconds",
            "phase",
            ("resolve", "connect", "tls", "dialogue"),
        ),
        *certificates.METRICS,
        Metric("probe_failed_due_to_regex", "1 if an expected pattern did not come, else 0", unreached=0),
        Metric("probe_dns_lookup_time_seconds", "Time of the name lookup", "seconds", unreached=0),
        Metric("probe_ip_protocol", "IP version that was used, 4 or 6", unreached=0),
    )
    reasons: ClassVar = {
        **REASONS,
        "tls_failed": "TLS could not be agreed on, or the certificate is not valid for this name",
        "unexpected": "the target answered, but not what was expected",
    }
    rules = (
        DefaultRule(
            "slow",
            "probe_tcp_duration_seconds",
            "takes more than a second to accept a connection",
            part="connect",
            above=1,
            clear=0.5,
            times=3,
            window=5,
        ),
        *certificates.RULES,
    )
    latency = ("probe_tcp_duration_seconds", "connect")

    def __init__(self, params: TcpParams, engines: Engines) -> None:
        super().__init__(params, engines)
        if params.tls:
            certificates.prepare()

    async def measure(self, timeout: float) -> Measured:
        """Connect, agree on TLS, hold the dialogue."""
        params, phases, dialogue = self.params, Phases("probe_tcp_duration_seconds", "resolve"), _Dialogue()
        found = await resolve(params.host, params.family, timeout, params.source)
        phases.note(*found.samples)
        try:
            async with asyncio.timeout(timeout - phases.elapsed):
                took = await self._visit(found, phases, dialogue)
        except (TimeoutError, EOFError, _TooMuch) as error:
            raise self._ended(error, timeout, phases, dialogue) from None
        except ssl.SSLError as error:
            raise Failed("tls_failed", f"{params.target}: {_words(error)}", phases.samples) from error
        except OSError as error:
            raise network_failure(error, params.target, phases.samples) from error
        if params.expects:
            phases.note(Sample("probe_failed_due_to_regex", 0))
        spoken = " and answered as expected" if params.expects else ""
        return Measured(f"{params.target} accepted the connection{spoken} in {1000 * took:.3g} ms", phases.samples)

    async def _visit(self, found: Resolved, phases: Phases, dialogue: "_Dialogue") -> float:
        """All that comes after the name lookup; the seconds that it took."""
        params, began = self.params, phases.elapsed
        phases.begin("connect")
        opened = open_socket(socket.SOCK_STREAM, found.version, str(params.source or ""), params.interface or "")
        try:
            await connect(opened, found, params.port)
            if params.tls or params.steps:
                await self._talk(opened, phases, dialogue)
            phases.end()
        finally:
            opened.close()
        return phases.elapsed - began

    async def _talk(self, opened: socket.socket, phases: Phases, dialogue: "_Dialogue") -> None:
        """What comes after the connection, over it."""
        reader, writer = await self._stream(opened, phases)
        try:
            phases.note(*expiry(_certificates(writer), datetime.now(UTC)))
            if self.params.steps:
                phases.begin("dialogue")
                await dialogue.hold(self.params.steps, reader, writer)
        finally:
            writer.transport.abort()

    async def _stream(self, opened: socket.socket, phases: Phases) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """The connected socket as a stream, over TLS if asked for."""
        if not self.params.tls:
            return await asyncio.open_connection(sock=opened, limit=MOST_READ)
        phases.begin("tls")
        name = self.params.server_name or self.params.host
        return await asyncio.open_connection(sock=opened, ssl=self._tls, server_hostname=name, limit=MOST_READ)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """Made once per check: reading the system's certificates takes many times longer than a handshake."""
        context = ssl.create_default_context()
        if not self.params.tls_verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    def _ended(self, error: Exception, timeout: float, phases: Phases, dialogue: "_Dialogue") -> Failed:
        """A connection that was over too early. Somebody who said the wrong thing is `unexpected`, however it ended."""
        target = self.params.target
        if dialogue.heard and dialogue.expected:
            detail = f"said {excerpt(dialogue.heard)}, expected {excerpt(dialogue.expected)}"
            wrong = Sample("probe_failed_due_to_regex", 1)
            return Failed("unexpected", f"{target} {detail}", (*phases.samples, wrong))
        if isinstance(error, TimeoutError):
            return Failed("timeout", f"{target}: still {_DOING[phases.current]} after {timeout:g} s", phases.samples)
        return Failed("closed", f"{target} closed the connection before it said anything", phases.samples)


class _TooMuch(Exception):  # noqa: N818 - never leaves this module
    """The peer talks without end."""


class _Dialogue:
    """What the peer has said since the last match, and the pattern that it is held against."""

    def __init__(self) -> None:
        self.heard = ""
        self.expected = ""
        utf8 = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self._decoder = io.IncrementalNewlineDecoder(utf8, translate=True)

    async def hold(self, steps: tuple[Step, ...], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Say and hear all steps. Raises EOFError when the peer closes too early, _TooMuch when it never stops."""
        for step in steps:
            if step.send is not None:
                writer.write(unescape(step.send))
                await writer.drain()
            if step.expect is not None:
                await self._expect(step.expect, reader)

    async def _expect(self, pattern: str, reader: asyncio.StreamReader) -> None:
        self.expected, read = pattern, 0
        while not self._matches(pattern):
            if read >= MOST_READ:
                raise _TooMuch
            data = await reader.read(WINDOW)
            if not data:
                raise EOFError
            read += len(data)
            self.heard = (self.heard + self._decoder.decode(data))[-WINDOW:]
        self.expected = ""

    def _matches(self, pattern: str) -> bool:
        """Whether it was heard; what comes after the match stays for the next step."""
        with limited():
            found = re.search(pattern, self.heard, re.MULTILINE)
        if found:
            self.heard = self.heard[found.end() :]
        return found is not None


def _certificates(writer: asyncio.StreamWriter) -> tuple[Certificate, ...]:
    """What the server sent, verified or not. Python has no public way to all of it before 3.13."""
    tls = writer.get_extra_info("ssl_object")
    sent = tls._sslobj.get_unverified_chain() if tls is not None else None
    return chain([certificate.public_bytes().encode() for certificate in sent or ()])


def _words(error: ssl.SSLError) -> str:
    """What OpenSSL says, without its source file and line."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate: {error.verify_message}"
    return str(error.reason or error).replace("_", " ").lower()
