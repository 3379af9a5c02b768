"""What a transfer that libcurl could not finish says: of the target, or of this machine."""

import errno
import re
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import urlsplit

import pycurl

from probes._base import Failed, Unmeasured
from probes._engines.http.exchange import FetchFailed, Hop, Request
from probes._engines.resolve import resolve

MOST_HEADERS = 64 * 1024
"""Bytes of header lines that are received of one answer."""

_SECOND_LOOKUP = 1.0  # seconds


class End(NamedTuple):
    """How libcurl ended a transfer: its error code, 0 if it succeeded, and its message."""

    code: int
    message: str


class Received:
    """What has come in of one answer, within bounds."""

    def __init__(self, most_body: int) -> None:
        self.head = bytearray()
        self.body = bytearray()
        self.said: dict[str, str] = {}
        self.excess = ""
        self._most_body = most_body
        self._headers = 0

    def header(self, line: bytes) -> int:
        self._headers += len(line)
        if self._headers > MOST_HEADERS:
            self.excess = "headers"
            return -1
        if line.startswith(b"HTTP/"):
            self.head.clear()  # those before were of an interim answer
        self.head += line
        return len(line)

    def data(self, chunk: bytes) -> int:
        if len(self.body) + len(chunk) > self._most_body:
            self.excess = "body"
            return -1
        self.body += chunk
        return len(chunk)

    def debug(self, what: int, text: bytes) -> None:
        """libcurl tells protocol and cipher, and what went wrong with QUIC, in its debug text only."""
        if what == pycurl.INFOTYPE_TEXT and (found := _SAID.match(text)):
            self.said.update((name, said.decode(errors="replace")) for name, said in found.groupdict().items() if said)


_SAID = re.compile(
    rb"SSL connection using (?P<protocol>[\w.]{1,20}) / (?P<cipher>[\w-]{1,60})"
    rb"|(?P<certificate>SSL(?: certificate OpenSSL verify result)?: .+)"
    rb"|(?:sendmsg|QUIC: recvm?msg).+\(errno[ =](?P<errno>\d{1,4})"
    rb"|QUIC: connection to .+ (?P<refused>refused)"
)


_WORDS = {
    pycurl.E_UNSUPPORTED_PROTOCOL: "malformed",
    pycurl.E_URL_MALFORMAT: "malformed",
    pycurl.E_FTP_WEIRD_SERVER_REPLY: "malformed",
    pycurl.E_HTTP2: "malformed",
    92: "malformed",  # CURLE_HTTP2_STREAM
    95: "malformed",  # CURLE_HTTP3
    100: "malformed",  # CURLE_TOO_LARGE
    pycurl.E_BAD_CONTENT_ENCODING: "malformed",
    pycurl.E_COULDNT_RESOLVE_HOST: "unresolved",
    pycurl.E_COULDNT_CONNECT: "unreachable",
    96: "tls_failed",  # CURLE_QUIC_CONNECT_ERROR
    pycurl.E_SSL_CONNECT_ERROR: "tls_failed",
    pycurl.E_PEER_FAILED_VERIFICATION: "certificate_untrusted",
    pycurl.E_WRITE_ERROR: "malformed",  # libcurl could not decompress
    pycurl.E_GOT_NOTHING: "reset",
    pycurl.E_PARTIAL_FILE: "reset",
    pycurl.E_RECV_ERROR: "reset",
    pycurl.E_SEND_ERROR: "reset",
    pycurl.E_SEND_FAIL_REWIND: "reset",
    pycurl.E_OPERATION_TIMEDOUT: "timeout",
}

_SAYS = {
    "refused": "refused the connection",
    "unreachable": "can't be reached, says the network on the way",
    "unresolved": "has no address",
    "reset": "closed the connection before the answer was complete",
}

_UNCONNECTED = {pycurl.E_COULDNT_CONNECT, pycurl.E_SEND_ERROR, pycurl.E_RECV_ERROR}  # the latter two with QUIC

_ERRNO_WORDS = {errno.ECONNREFUSED: "refused", errno.ECONNRESET: "reset"}


def _peer(request: Request) -> str:
    """The host that is connected to."""
    return request.via.address or urlsplit(request.url).hostname or ""


async def blame_resolver(request: Request) -> None:
    """libcurl does not say why it found no address: ask again, and raise Unmeasured if the resolver is to blame."""
    with suppress(Failed):
        await resolve(_peer(request), request.via.family, _SECOND_LOOKUP)


def failure(
    curl: pycurl.Curl, request: Request, received: Received, end: End, hops: tuple[Hop, ...]
) -> FetchFailed | Unmeasured:
    """What a failed transfer says, of the target or of this machine."""
    if received.excess == "body":
        return FetchFailed("body_too_large", f"the body is larger than {request.most_body} bytes", hops)
    if received.excess == "headers":
        return FetchFailed("malformed", f"the headers are larger than {MOST_HEADERS} bytes", hops)
    number = _system_error(curl, received)
    ours = _own_failure(request, end, number) or _dead_resolver(curl, request, end)
    if ours is not None:
        return ours
    word = _word(curl, request, end.code, number)
    if word == "timeout":
        return FetchFailed(word, _stalled(curl, request, received), hops)
    return FetchFailed(word, _complaint(request, received, end, word), hops)


def _system_error(curl: pycurl.Curl, received: Received) -> int:
    """The system's error number, 0 without one."""
    if "refused" in received.said:
        return errno.ECONNREFUSED
    return int(received.said.get("errno") or curl.getinfo(pycurl.OS_ERRNO))


def _complaint(request: Request, received: Received, end: End, word: str) -> str:
    """What went wrong, in a sentence that is the same each time."""
    if word in _SAYS:
        return f"{_peer(request)} {_SAYS[word]}"
    if word == "tls_failed" and request.version == "3":
        return f"the QUIC handshake with {_peer(request)} failed; it may not speak HTTP/3"
    if word.startswith("certificate_"):
        return _plain(received.said.get("certificate", end.message))
    return _plain(end.message)


def _word(curl: pycurl.Curl, request: Request, code: int, number: int) -> str:
    """The reason that a code of libcurl and the system's error number stand for."""
    word = _WORDS[code]
    if code == pycurl.E_PEER_FAILED_VERIFICATION:
        return _certificate_word(curl.getinfo(pycurl.SSL_VERIFYRESULT))
    if code in _UNCONNECTED and not curl.getinfo(pycurl.CONNECT_TIME):
        if request.version == "3" and not number:
            return "tls_failed"  # QUIC's server answered, and ended the handshake
        return _ERRNO_WORDS.get(number, "unreachable")
    return word


_REFUSES_US = re.compile(r"\balert\b.*(?:certificate|unknown ca|handshake failure|access denied|decrypt error)")


def _certificate_failure(request: Request, end: End) -> Unmeasured | None:
    """What is wrong with the certificate that we show, None if nothing is."""
    if not request.trust.certificate_file:
        return None
    if end.code in (pycurl.E_SSL_CERTPROBLEM, pycurl.E_BAD_FUNCTION_ARGUMENT):  # the latter for the key
        needs = "both must be readable PEM files that belong together, the key without a passphrase"
        return Unmeasured("monitor_error", f"cannot use our certificate and its key: {needs}")
    if _REFUSES_US.search(end.message):
        return Unmeasured("no_permission", f"{_peer(request)} does not accept the certificate that we show")
    return None


def _own_failure(request: Request, end: End, number: int) -> Unmeasured | None:
    return _certificate_failure(request, end) or _failure_of_this_machine(request, end, number)


def _failure_of_this_machine(request: Request, end: End, number: int) -> Unmeasured | None:
    via = request.via
    if end.code == pycurl.E_INTERFACE_FAILED:
        what = f"interface {via.interface}" if via.interface else f"address {via.source}"
        return Unmeasured("no_network", f"cannot send from {what}: this machine does not have it or may not use it")
    if end.code == pycurl.E_SSL_CACERT_BADFILE:
        what = request.trust.ca_file or "the system's list"
        return Unmeasured("monitor_error", f"cannot read trusted certificates from {what}; it must be a PEM file")
    if end.code in _UNCONNECTED and number in (errno.ENETUNREACH, errno.EADDRNOTAVAIL):
        return Unmeasured("no_network", f"this machine has no route to {_peer(request)}")
    if end.code in _UNCONNECTED and number in (errno.EACCES, errno.EPERM):
        return Unmeasured("no_permission", f"this machine's firewall forbids {_peer(request)}")
    if end.code not in _WORDS:
        return Unmeasured("monitor_error", f"libcurl failed with code {end.code}: {_plain(end.message)}")
    return None


def _dead_resolver(curl: pycurl.Curl, request: Request, end: End) -> Unmeasured | None:
    if end.code != pycurl.E_OPERATION_TIMEDOUT or curl.getinfo(pycurl.NAMELOOKUP_TIME):
        return None
    return Unmeasured("no_network", f"our resolver did not answer for {_peer(request)} in time")


def _certificate_word(result: int) -> str:
    """OpenSSL's verdict as a reason; 0 and 1 mean that it had none and libcurl itself refused the name."""
    if result in (9, 10):  # X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED
        return "certificate_expired"
    if result in (0, 1, 62, 64):  # ..., X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
        return "certificate_wrong_name"
    return "certificate_untrusted"


def _stalled(curl: pycurl.Curl, request: Request, received: Received) -> str:
    """What a transfer was waiting for when its time was up."""
    tls = request.url.startswith("https:")
    if not curl.getinfo(pycurl.CONNECT_TIME):
        return "no answer to the connection attempt"
    if tls and not curl.getinfo(pycurl.APPCONNECT_TIME):
        return "connected, but the TLS handshake did not end"
    if not received.head:
        return "connected, but no answer came"
    return f"the answer did not end; {len(received.body)} bytes of the body came in"


def _plain(message: str) -> str:
    """libcurl's message as one printable line of bounded length."""
    return "".join(c if c.isprintable() else "?" for c in message[:200])
