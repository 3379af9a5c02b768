"""Runs HTTP requests and TLS handshakes for all probes in one libcurl multi handle, driven by the event loop."""

import asyncio
import errno
import re
import select
import ssl
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import accumulate, pairwise
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

import pycurl

from probes._base import Failed, Unmeasured
from probes._engines.resolve import Family, resolve

USER_AGENT = b"Deskwatch"

MOST_BODY = 1024 * 1024
"""Bytes of a body, after decompression, that are received unless a request says otherwise."""

MOST_HEADERS = 64 * 1024
"""Bytes of header lines that are received of one answer."""

MOST_IDLE = 32
"""Curl handles kept for the next requests."""

_FAREWELL = 0.5  # seconds that closing waits for lookups under way

REASONS = {
    "refused": "the target refused the connection",
    "unreachable": "the network on the way says that the target can't be reached",
    "unresolved": "the name has no address",
    "reset": "the target closed the connection before the answer was complete",
    "tls_failed": "the TLS handshake failed",
    "certificate_expired": "a certificate is outside its dates of validity",
    "certificate_wrong_name": "the certificate is for another name",
    "certificate_untrusted": "the certificate's issuer is not trusted",
    "malformed": "the answer does not follow its protocol",
    "body_too_large": "the answer is larger than allowed",
    "too_many_redirects": "more redirects than allowed",
}
"""The reasons for which a fetch or a handshake fails; "timeout" comes with every kind."""


@dataclass(frozen=True, slots=True)
class Via:
    """How a connection leaves this machine and where it goes; "" leaves the choice to the system.

    `source` is an address of this machine, `interface` the name of one of its interfaces, `address` the address or name
    to connect to instead of the URL's host.
    """

    family: Family = "auto"
    source: str = ""
    interface: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Trust:
    """Which TLS is good enough: `ca_file` ("" means the system's), `minimum` a protocol in OpenSSL's notation.

    Without `verify`, every certificate and every cipher, however weak, is accepted.
    """

    verify: bool = True
    ca_file: str = ""
    minimum: str = "TLSv1.2"


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request.

    `private` are header lines that go to the origin of `url` only, not to where it redirects. `version` is "1.1", "2",
    "3" or "" for what both sides like best; `most_body` is in bytes.
    """

    url: str
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    private: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)
    redirects: int = 10
    most_body: int = MOST_BODY
    version: str = ""
    via: Via = Via()
    trust: Trust = Trust()


class Phases(NamedTuple):
    """Where the time went, in seconds; the phase that did not end took the rest, those not reached 0."""

    resolve: float = 0
    connect: float = 0
    tls: float = 0
    processing: float = 0
    transfer: float = 0


@dataclass(frozen=True, slots=True)
class Hop:
    """One connection and what it showed. `chain` holds the certificates sent, in PEM, leaf first.

    `protocol` and `cipher` are OpenSSL's names, "" without TLS; `address` is "" if no connection came about.
    """

    url: str
    phases: Phases
    address: str = ""
    protocol: str = ""
    cipher: str = ""
    chain: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Response:
    """The answer at the end of all redirects.

    `head` holds the header lines as received. `length` is the Content-Length, -1 without one; `body` is decompressed.
    `hops` are the connections made, in order.
    """

    status: int
    version: str
    head: bytes
    length: int
    body: bytes
    hops: tuple[Hop, ...]

    @property
    def final(self) -> Hop:
        """The connection that this answer came over."""
        return self.hops[-1]

    @property
    def phases(self) -> Phases:
        """Where the time went, over all hops."""
        return total(self.hops)

    def header(self, name: str) -> str | None:
        """The value of the first header line of that name, None without one."""
        found = re.search(rb"(?im)^" + re.escape(name.encode()) + rb":[ \t]*(.*?)[ \t]*\r?$", self.head)
        return found[1].decode("latin-1") if found else None


class FetchFailed(Failed):
    """The target failed, for one of REASONS or "timeout". `hops` are the connections made, the failed one last."""

    def __init__(self, reason: str, detail: str, hops: tuple[Hop, ...]) -> None:
        super().__init__(reason, detail)
        self.hops = hops


def total(hops: tuple[Hop, ...]) -> Phases:
    """The time that each phase took over all hops."""
    if len(hops) == 1:
        return hops[0].phases
    return Phases(*(sum(times) for times in zip(*(hop.phases for hop in hops), strict=True)))


class HttpEngine:
    """Fetches for many probes at once, each over a fresh connection.

    Belongs to the event loop of its first fetch.
    """

    def __init__(self) -> None:
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._schedule)
        self._epoll = select.epoll()
        self._sockets: set[int] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._waiting: dict[pycurl.Curl, asyncio.Future[_End]] = {}
        self._idle: list[pycurl.Curl] = []

    @property
    def running(self) -> int:
        """How many transfers are under way."""
        return len(self._waiting)

    async def fetch(self, request: Request, timeout: float) -> Response:
        """Send a request and follow its redirects, all within `timeout` seconds.

        Raises FetchFailed when the target failed and Unmeasured when this machine did.
        """
        deadline = time.monotonic() + timeout
        hops: tuple[Hop, ...] = ()
        while True:
            transfer = await self._transfer(request, deadline - time.monotonic(), hops)
            hops = (*hops, transfer.hop)
            if not transfer.redirect or not request.redirects:
                return transfer.response(hops)
            if len(hops) > request.redirects:
                raise FetchFailed("too_many_redirects", f"still redirected after {request.redirects} redirects", hops)
            request = redirected(request, transfer.status, transfer.redirect)

    async def handshake(self, host: str, port: int, via: Via, trust: Trust, timeout: float) -> Hop:
        """Connect and agree on TLS with the server that calls itself `host`, then close.

        Raises FetchFailed when the target failed and Unmeasured when this machine did.
        """
        request = Request(_origin(host, port), via=via, trust=trust)
        return (await self._transfer(request, timeout, (), handshake=True)).hop

    def close(self) -> None:
        """Close all connections. Running fetches fail with ConnectionAbortedError."""
        for curl in tuple(self._waiting):
            waiting = self._drop(curl)
            if waiting is not None and not waiting.done():
                waiting.set_exception(ConnectionAbortedError("the HTTP engine was closed"))
        self._detach()
        # libcurl waits for its lookups to end, and a dead resolver may take many seconds: do not wait with it.
        closing = threading.Thread(target=self._multi.close, name="libcurl closing", daemon=True)
        closing.start()
        closing.join(_FAREWELL)
        for curl in self._idle:
            curl.close()
        self._idle.clear()

    async def _transfer(
        self, request: Request, timeout: float, before: tuple[Hop, ...], *, handshake: bool = False
    ) -> "_Transfer":
        curl = self._idle.pop() if self._idle else pycurl.Curl()
        try:
            received = _Received(request.most_body)
            _configure(curl, request, received)
            curl.setopt(pycurl.TIMEOUT_MS, max(1, int(timeout * 1000)))
            if handshake:
                curl.setopt(pycurl.CONNECT_ONLY, 1)
                curl.setopt(pycurl.SSL_ENABLE_ALPN, 0)
            end = await self._run(curl)
            hop = _hop(curl, request, received)
            if end.code == pycurl.E_COULDNT_RESOLVE_HOST:
                await _blame_resolver(request)
            if end.code or received.excess:
                raise _failure(curl, request, received, end, (*before, hop))
            return _Transfer(curl, hop, received)
        finally:
            curl.reset()
            if len(self._idle) < MOST_IDLE:
                self._idle.append(curl)

    async def _run(self, curl: pycurl.Curl) -> "_End":
        loop = self._attach()
        waiting: asyncio.Future[_End] = loop.create_future()
        self._waiting[curl] = waiting
        self._multi.add_handle(curl)
        try:
            return await waiting
        finally:
            self._drop(curl)

    def _attach(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._loop.add_reader(self._epoll.fileno(), self._ready)
        return self._loop

    def _detach(self) -> None:
        self._schedule(-1)
        if self._loop is not None and not self._loop.is_closed():
            self._loop.remove_reader(self._epoll.fileno())
        self._loop = None

    def _drop(self, curl: pycurl.Curl) -> "asyncio.Future[_End] | None":
        waiting = self._waiting.pop(curl, None)
        if waiting is not None:
            self._multi.remove_handle(curl)
        return waiting

    def _watch(self, event: int, fd: int, _multi: object, _data: object) -> None:
        """libcurl asks to be told when a socket is ready. Sockets that it has closed already have left epoll, too."""
        if event == pycurl.POLL_REMOVE:
            self._sockets.discard(fd)
            with suppress(OSError):
                self._epoll.unregister(fd)
            return
        if fd in self._sockets:
            with suppress(FileNotFoundError):
                self._epoll.modify(fd, _EVENTS[event])
                return
        self._sockets.add(fd)
        self._epoll.register(fd, _EVENTS[event])

    def _schedule(self, milliseconds: int) -> None:
        """libcurl asks to be called in so many milliseconds, or no more (-1)."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if milliseconds >= 0 and self._loop is not None and not self._loop.is_closed():
            self._timer = self._loop.call_later(milliseconds / 1000, self._elapsed)

    def _ready(self) -> None:
        for fd, events in self._epoll.poll(0):
            if fd in self._sockets:  # what an earlier one had to say may have closed it
                self._multi.socket_action(fd, _ready_for(events))
        self._collect()

    def _elapsed(self) -> None:
        self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
        self._collect()

    def _collect(self) -> None:
        more = 1
        while more:
            more, succeeded, failed = self._multi.info_read()
            for curl in succeeded:
                self._finish(curl, _End(0, ""))
            for curl, code, message in failed:
                self._finish(curl, _End(code, message))

    def _finish(self, curl: pycurl.Curl, end: "_End") -> None:
        waiting = self._drop(curl)
        if waiting is not None and not waiting.done():
            waiting.set_result(end)


_EVENTS = {
    pycurl.POLL_IN: select.EPOLLIN,
    pycurl.POLL_OUT: select.EPOLLOUT,
    pycurl.POLL_INOUT: select.EPOLLIN | select.EPOLLOUT,
}


def _ready_for(events: int) -> int:
    """epoll's events in libcurl's words; an error is for libcurl to find out by reading."""
    reading = pycurl.CSELECT_IN if events & ~select.EPOLLOUT else 0
    writing = pycurl.CSELECT_OUT if events & select.EPOLLOUT else 0
    return int(reading | writing)


class _End(NamedTuple):
    """How libcurl ended a transfer: its error code, 0 if it succeeded, and its message."""

    code: int
    message: str


class _Received:
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


class _Transfer:
    """One answer, read from the handle before that is reused."""

    def __init__(self, curl: pycurl.Curl, hop: Hop, received: _Received) -> None:
        self.hop = hop
        self.status: int = curl.getinfo(pycurl.RESPONSE_CODE)
        self.redirect = _redirect(curl, self.status)
        self._version: int = curl.getinfo(pycurl.INFO_HTTP_VERSION)
        self._length = int(curl.getinfo(pycurl.CONTENT_LENGTH_DOWNLOAD_T))
        self._received = received

    def response(self, hops: tuple[Hop, ...]) -> Response:
        return Response(
            status=self.status,
            version=_VERSIONS.get(self._version, ""),
            head=bytes(self._received.head),
            length=self._length,
            body=bytes(self._received.body),
            hops=hops,
        )


_VERSIONS = {
    pycurl.CURL_HTTP_VERSION_1_0: "1.0",
    pycurl.CURL_HTTP_VERSION_1_1: "1.1",
    pycurl.CURL_HTTP_VERSION_2_0: "2",
    pycurl.CURL_HTTP_VERSION_3: "3",
}


def _redirect(curl: pycurl.Curl, status: int) -> str:
    """Where the answer redirects to, as an absolute URL, "" if it does not."""
    if status not in (301, 302, 303, 307, 308):
        return ""
    url: bytes | None = curl.getinfo_raw(pycurl.REDIRECT_URL)
    return url.decode(errors="replace") if url else ""


def redirected(request: Request, status: int, url: str) -> Request:
    """The request that follows a redirect.

    Private headers stay with their origin and another address with its host; most methods turn to GET.
    """
    here, there = urlsplit(request.url), urlsplit(url)
    if not _same_origin(here, there):
        request = replace(request, private=())
    if here.hostname != there.hostname:
        request = replace(request, via=replace(request.via, address=""))
    if (status == 303 and request.method != "HEAD") or (status in (301, 302) and request.method == "POST"):
        request = replace(request, method="GET", body=b"")
    return replace(request, url=url)


def _same_origin(one: SplitResult, other: SplitResult) -> bool:
    return (one.scheme, one.hostname, _port(one)) == (other.scheme, other.hostname, _port(other))


def _port(url: SplitResult) -> int:
    return url.port or (443 if url.scheme == "https" else 80)


def _origin(host: str, port: int) -> str:
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"


def _configure(curl: pycurl.Curl, request: Request, received: _Received) -> None:
    curl.setopt(pycurl.URL, request.url.encode())
    curl.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
    curl.setopt(pycurl.NOSIGNAL, 1)
    curl.setopt(pycurl.PROXY, "")
    curl.setopt(pycurl.FRESH_CONNECT, 1)
    curl.setopt(pycurl.FORBID_REUSE, 1)
    curl.setopt(pycurl.DNS_CACHE_TIMEOUT, 0)
    curl.setopt(pycurl.USERAGENT, USER_AGENT)
    curl.setopt(pycurl.ACCEPT_ENCODING, "")
    curl.setopt(pycurl.HEADERFUNCTION, received.header)
    curl.setopt(pycurl.WRITEFUNCTION, received.data)
    _set_request(curl, request)
    _set_via(curl, request)
    if request.url.startswith("https:"):
        _set_tls(curl, request.trust, received)


def _set_request(curl: pycurl.Curl, request: Request) -> None:
    lines = [f"{name}: {value}" if value else f"{name};" for name, value in (*request.headers, *request.private)]
    if request.method == "HEAD":
        curl.setopt(pycurl.NOBODY, 1)
    elif request.method != "GET" or request.body:
        curl.setopt(pycurl.CUSTOMREQUEST, request.method)
    if request.body:
        curl.setopt(pycurl.POSTFIELDS, request.body)
        lines.append("Expect:")  # libcurl would wait for "100 Continue" with a large body
        if not any(name.lower() == "content-type" for name, _ in request.headers):
            lines.append("Content-Type:")  # libcurl would claim that the body is a form
    if lines:
        curl.setopt(pycurl.HTTPHEADER, [line.encode() for line in lines])
    curl.setopt(pycurl.HTTP_VERSION, _wanted_version(request))


def _wanted_version(request: Request) -> int:
    cleartext = request.url.startswith("http:")
    versions: dict[str, int] = {
        "": pycurl.CURL_HTTP_VERSION_NONE,
        "1.1": pycurl.CURL_HTTP_VERSION_1_1,
        "2": pycurl.CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE if cleartext else pycurl.CURL_HTTP_VERSION_2TLS,
        "3": pycurl.CURL_HTTP_VERSION_3ONLY,
    }
    return versions[request.version]


def _set_via(curl: pycurl.Curl, request: Request) -> None:
    via = request.via
    if via.family != "auto":
        curl.setopt(pycurl.IPRESOLVE, pycurl.IPRESOLVE_V6 if via.family == "ipv6" else pycurl.IPRESOLVE_V4)
    if via.source and via.interface:
        curl.setopt(pycurl.INTERFACE, f"ifhost!{via.interface}!{via.source}")
    elif via.source or via.interface:
        curl.setopt(pycurl.INTERFACE, f"host!{via.source}" if via.source else f"if!{via.interface}")
    if via.address:
        # CONNECT_TO rather than RESOLVE: the latter would fill the DNS cache that all transfers share.
        url = urlsplit(request.url)
        host, address = (f"[{a}]" if ":" in a else a for a in (url.hostname or "", via.address))
        curl.setopt(pycurl.CONNECT_TO, [f"{host}:{_port(url)}:{address}:{_port(url)}"])


_MINIMA = {
    "TLSv1.2": pycurl.SSLVERSION_TLSv1_2,
    "TLSv1.3": pycurl.SSLVERSION_TLSv1_3,
}


def _set_tls(curl: pycurl.Curl, trust: Trust, received: _Received) -> None:
    curl.setopt(pycurl.OPT_CERTINFO, 1)
    curl.setopt(pycurl.SSL_SESSIONID_CACHE, 0)  # a resumed session shows no certificates
    curl.setopt(pycurl.VERBOSE, 1)
    curl.setopt(pycurl.DEBUGFUNCTION, received.debug)
    if trust.verify:
        curl.setopt(pycurl.SSLVERSION, _MINIMA[trust.minimum])
        # A file rather than a folder: libcurl keeps the certificates of a file in memory for all transfers.
        curl.setopt(pycurl.CAINFO, trust.ca_file or ssl.get_default_verify_paths().cafile or "")
        return
    curl.setopt(pycurl.SSLVERSION, pycurl.SSLVERSION_TLSv1_0)
    curl.setopt(pycurl.SSL_CIPHER_LIST, "DEFAULT:@SECLEVEL=0")
    curl.setopt(pycurl.SSL_VERIFYPEER, 0)
    curl.setopt(pycurl.SSL_VERIFYHOST, 0)


def _hop(curl: pycurl.Curl, request: Request, received: _Received) -> Hop:
    return Hop(
        url=request.url,
        phases=_phases(curl, request.url.startswith("https:")),
        address=curl.getinfo(pycurl.PRIMARY_IP),
        protocol=received.said.get("protocol", ""),
        cipher=received.said.get("cipher", ""),
        chain=_chain(curl) if request.url.startswith("https:") else (),
    )


_PHASE_ENDS = (pycurl.NAMELOOKUP_TIME, pycurl.CONNECT_TIME, pycurl.APPCONNECT_TIME, pycurl.STARTTRANSFER_TIME)


def _phases(curl: pycurl.Curl, tls: bool) -> Phases:
    """libcurl gives the time at which each phase ended, 0 if it did not: the first of those took the rest."""
    ends: list[float] = [curl.getinfo(end) for end in _PHASE_ENDS]
    if not tls:
        ends[2] = ends[1]
    if 0 in ends:
        del ends[ends.index(0) :]
    total: float = curl.getinfo(pycurl.TOTAL_TIME)
    ends += [total] * (len(Phases._fields) - len(ends))
    return Phases(*(after - before for before, after in pairwise(accumulate((0.0, *ends), max))))


def _chain(curl: pycurl.Curl) -> tuple[bytes, ...]:
    certificates: list[list[tuple[bytes, bytes]]] = curl.getinfo_raw(pycurl.INFO_CERTINFO)
    return tuple(value for certificate in certificates for name, value in certificate if name == b"Cert")


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

_SECOND_LOOKUP = 1.0  # seconds

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


async def _blame_resolver(request: Request) -> None:
    """libcurl does not say why it found no address: ask again, and raise Unmeasured if the resolver is to blame."""
    with suppress(Failed):
        await resolve(_peer(request), request.via.family, _SECOND_LOOKUP)


def _failure(
    curl: pycurl.Curl, request: Request, received: _Received, end: _End, hops: tuple[Hop, ...]
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


def _system_error(curl: pycurl.Curl, received: _Received) -> int:
    """The system's error number, 0 without one."""
    if "refused" in received.said:
        return errno.ECONNREFUSED
    return int(received.said.get("errno") or curl.getinfo(pycurl.OS_ERRNO))


def _complaint(request: Request, received: _Received, end: _End, word: str) -> str:
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


def _own_failure(request: Request, end: _End, number: int) -> Unmeasured | None:
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


def _dead_resolver(curl: pycurl.Curl, request: Request, end: _End) -> Unmeasured | None:
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


def _stalled(curl: pycurl.Curl, request: Request, received: _Received) -> str:
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
