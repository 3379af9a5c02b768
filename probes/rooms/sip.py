"""Asks a SIP server or phone for its options, as its own peers do to see whether it is there."""

import asyncio
import re
import secrets
import socket
import ssl
import time
from functools import cached_property
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from probes import DefaultRule, Failed, Measured, Metric, Probe, Sample, Unmeasured
from probes._engines import devices
from probes._engines.connect import network_failure, open_socket
from probes._engines.devices import DeviceParams, device
from probes._engines.excerpt import excerpt
from probes._engines.resolve import Host, resolve
from probes._engines.trust import CaFile, TlsVerify

MOST_MESSAGE = 16 * 1024
"""Bytes of an answer's header lines."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 4.0  # seconds until a datagram is sent again: T1 and T2 of RFC 3261, 17.1.2.2

_DURATION = "deskwatch_sip_duration_seconds"
_STATUS = "deskwatch_sip_status_code"


class SipParams(DeviceParams):
    """Which server to ask, and how."""

    port: Annotated[int, Field(ge=1, le=65_535, description="port of SIP; with TLS it is mostly 5061")] = 5060
    transport: Annotated[Literal["udp", "tcp", "tls"], Field(description="what SIP is spoken over")] = "udp"
    domain: Annotated[Host | None, Field(description="domain that is asked for; host if not set")] = None
    tls_verify: TlsVerify = True
    ca_file: CaFile = ""


class Sip(Probe[SipParams]):
    """Whether a SIP server or phone answers."""

    Params = SipParams
    metrics = (
        Metric(_DURATION, "Time from the first question to the answer, connecting included", "seconds"),
        Metric(_STATUS, "Status of the answer"),
    )
    reasons: ClassVar = {
        **devices.REASONS,
        "tls_failed": "TLS could not be agreed on, or the certificate is not valid for this host",
        "unavailable": "the server answers that it is out of service, overloaded or failing",
    }
    rules = (
        DefaultRule("slow", _DURATION, "takes more than a second to answer", above=1, clear=0.5, times=3, window=5),
    )
    latency = (_DURATION, "")

    async def measure(self, timeout: float) -> Measured:
        """Ask once; over UDP again and again until something comes."""
        began = time.monotonic()
        status = await (self._by_datagram(timeout) if self.params.transport == "udp" else self._by_stream(timeout))
        return judged(status, time.monotonic() - began, self.params.target)

    async def _by_stream(self, timeout: float) -> int:
        call = secrets.token_hex(8)
        async with device(self.params, timeout, MOST_MESSAGE) as talk:
            if self.params.transport == "tls":
                await talk.secure(self._tls, self.params.host)
            await talk.say(self._question(call, talk.local))
            while True:
                status = answer(await talk.line("an answer to OPTIONS", b"\r\n\r\n"), call)
                if status is not None:
                    return status

    async def _by_datagram(self, timeout: float) -> int:
        found = await resolve(self.params.host, "auto", timeout)
        opened = open_socket(socket.SOCK_DGRAM, found.version)
        try:
            async with asyncio.timeout(timeout - found.took):
                opened.connect((found.address, self.params.port))
                return await self._exchange(opened)
        except TimeoutError:
            raise Failed("timeout", f"{self.params.target}: no answer to OPTIONS within {timeout:g} s") from None
        except OSError as error:
            raise network_failure(error, self.params.target) from error
        finally:
            opened.close()

    async def _exchange(self, opened: socket.socket) -> int:
        call = secrets.token_hex(8)
        question = self._question(call, opened.getsockname()[:2])
        transport, listener = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Listener(call), sock=opened
        )
        try:
            pause = _FIRST_PAUSE
            while not listener.answered.done():
                transport.sendto(question)
                await asyncio.wait({listener.answered}, timeout=pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
            return listener.answered.result()
        finally:
            transport.abort()

    def _question(self, call: str, local: tuple[str, int]) -> bytes:
        return options(self.params.domain or self.params.host, self.params.transport, local, call)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """Made once per check: reading the system's certificates takes many times longer than a handshake."""
        try:
            context = ssl.create_default_context(cafile=self.params.ca_file or None)
        except OSError as error:
            words = f"cannot read trusted certificates from {self.params.ca_file}; it must be a PEM file"
            raise Unmeasured("monitor_error", words) from error
        if not self.params.tls_verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


class _Listener(asyncio.DatagramProtocol):
    """Waits for the final answer to a call."""

    def __init__(self, call: str) -> None:
        self._call = call
        self.answered: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, _address: object) -> None:
        if self.answered.done():
            return
        try:
            status = answer(data, self._call)
        except Failed as failed:
            self.answered.set_exception(failed)
        else:
            if status is not None:
                self.answered.set_result(status)

    def error_received(self, error: Exception) -> None:
        if not self.answered.done():
            self.answered.set_exception(error)


def options(domain: str, transport: str, local: tuple[str, int], call: str) -> bytes:
    """The request of RFC 3261, 11.1; `rport` asks for the answer where the question came from (RFC 3581)."""
    here, there = (f"[{name}]" if ":" in name else name for name in (local[0], domain))
    lines = (
        f"OPTIONS sip:{there} SIP/2.0",
        f"Via: SIP/2.0/{transport.upper()} {here}:{local[1]};branch=z9hG4bK{call};rport",
        "Max-Forwards: 70",
        f"From: <sip:deskwatch@{there}>;tag={call}",
        f"To: <sip:{there}>",
        f"Call-ID: {call}",
        "CSeq: 1 OPTIONS",
        f"Contact: <sip:deskwatch@{here}:{local[1]};transport={transport}>",
        "Accept: application/sdp",
        "User-Agent: Deskwatch",
        "Content-Length: 0",
    )
    return "\r\n".join((*lines, "", "")).encode()


def answer(message: bytes, call: str) -> int | None:
    """The status of the final answer to a call, None if this is not yet it.

    Raises Failed for what is no SIP.
    """
    found = re.match(rb"\s{0,8}SIP/2\.0 ([1-6][0-9]{2})[ \r\n]", message[:MOST_MESSAGE] + b"\r\n")
    if found is None:
        raise Failed("malformed", f"the answer is no SIP: {excerpt(message[:200].decode(errors='replace'))}")
    of = re.search(rb"(?im)^(?:Call-ID|i)[ \t]*:[ \t]*([^\s]+)", message[:MOST_MESSAGE])
    status = int(found[1])
    return status if status >= 200 and of is not None and of[1] == call.encode() else None


def judged(status: int, took: float, target: str) -> Measured:
    """What an answer means. Raises Failed when the server can't serve; that it refuses us shows that it is there."""
    samples = (Sample(_DURATION, took), Sample(_STATUS, status))
    if status == 408 or status >= 500:
        raise Failed("unavailable", f"{target} answers that it is not available, status {status}", samples)
    refusal = "" if status < 300 else f" with status {status}, so it is there"
    return Measured(f"{target} answered{refusal} in {1000 * took:.3g} ms", samples)
