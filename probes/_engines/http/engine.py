"""Runs HTTP requests and TLS handshakes for all probes in one libcurl multi handle, driven by the event loop."""

import asyncio
import select
import ssl
import threading
import time
from contextlib import suppress
from itertools import accumulate, pairwise
from urllib.parse import urlsplit

import pycurl

from probes._engines.http.exchange import (
    FetchFailed,
    Hop,
    Phases,
    Request,
    Response,
    Trust,
    Via,
    origin,
    port_of,
    redirected,
)
from probes._engines.http.failures import End, Received, blame_resolver, failure
from probes._engines.http.flow import Flow

USER_AGENT = b"Deskwatch"

MOST_IDLE = 32
"""Curl handles kept for the next requests."""

_FAREWELL = 0.5  # seconds that closing waits for lookups under way


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
        self._waiting: dict[pycurl.Curl, asyncio.Future[End]] = {}
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

    async def stream(self, request: Request, flow: Flow, timeout: float) -> int:
        """The status of the answer to a request whose bodies `flow` counts; other streams may use its connection again.

        Raises FetchFailed when the target failed and Unmeasured when this machine did.
        """
        return (await self._transfer(request, timeout, (), flow=flow)).status

    async def handshake(self, host: str, port: int, via: Via, trust: Trust, timeout: float) -> Hop:
        """Connect and agree on TLS with the server that calls itself `host`, then close.

        Raises FetchFailed when the target failed and Unmeasured when this machine did.
        """
        request = Request(origin(host, port), via=via, trust=trust)
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
        self,
        request: Request,
        timeout: float,
        before: tuple[Hop, ...],
        *,
        handshake: bool = False,
        flow: Flow | None = None,
    ) -> "_Transfer":
        curl = self._idle.pop() if self._idle else pycurl.Curl()
        try:
            received = flow or Received(request.most_body)
            _configure(curl, request, received)
            if flow is not None:
                flow.configure(curl)
            curl.setopt(pycurl.TIMEOUT_MS, max(1, int(timeout * 1000)))
            if handshake:
                curl.setopt(pycurl.CONNECT_ONLY, 1)
                curl.setopt(pycurl.SSL_ENABLE_ALPN, 0)
            end = await self._run(curl)
            hop = _hop(curl, request, received)
            if end.code == pycurl.E_COULDNT_RESOLVE_HOST:
                await blame_resolver(request)
            if end.code or received.excess:
                raise failure(curl, request, received, end, (*before, hop))
            return _Transfer(curl, hop, received)
        finally:
            if flow is not None:
                flow.release()
            curl.reset()
            if len(self._idle) < MOST_IDLE:
                self._idle.append(curl)

    async def _run(self, curl: pycurl.Curl) -> End:
        loop = self._attach()
        waiting: asyncio.Future[End] = loop.create_future()
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

    def _drop(self, curl: pycurl.Curl) -> asyncio.Future[End] | None:
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
                self._finish(curl, End(0, ""))
            for curl, code, message in failed:
                self._finish(curl, End(code, message))

    def _finish(self, curl: pycurl.Curl, end: End) -> None:
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


class _Transfer:
    """One answer, read from the handle before that is reused."""

    def __init__(self, curl: pycurl.Curl, hop: Hop, received: Received) -> None:
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


def _configure(curl: pycurl.Curl, request: Request, received: Received) -> None:
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
    if request.login[0]:
        basic = pycurl.HTTPAUTH_BASIC if request.url.startswith("https:") else 0
        curl.setopt(pycurl.HTTPAUTH, pycurl.HTTPAUTH_DIGEST | basic)
        curl.setopt(pycurl.USERNAME, request.login[0].encode())
        curl.setopt(pycurl.PASSWORD, request.login[1].encode())
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
        curl.setopt(pycurl.CONNECT_TO, [f"{host}:{port_of(url)}:{address}:{port_of(url)}"])


_MINIMA = {
    "TLSv1.2": pycurl.SSLVERSION_TLSv1_2,
    "TLSv1.3": pycurl.SSLVERSION_TLSv1_3,
}


def _set_tls(curl: pycurl.Curl, trust: Trust, received: Received) -> None:
    curl.setopt(pycurl.OPT_CERTINFO, 1)
    curl.setopt(pycurl.SSL_SESSIONID_CACHE, 0)  # a resumed session shows no certificates
    curl.setopt(pycurl.VERBOSE, 1)
    curl.setopt(pycurl.DEBUGFUNCTION, received.debug)
    if trust.certificate_file:
        curl.setopt(pycurl.SSLCERT, trust.certificate_file)
        curl.setopt(pycurl.SSLKEY, trust.key_file)
        curl.setopt(pycurl.KEYPASSWD, "")  # else OpenSSL would ask for a passphrase on the terminal, and wait
    if trust.verify:
        curl.setopt(pycurl.SSLVERSION, _MINIMA[trust.minimum])
        # A file rather than a folder: libcurl keeps the certificates of a file in memory for all transfers.
        curl.setopt(pycurl.CAINFO, trust.ca_file or ssl.get_default_verify_paths().cafile or "")
        return
    curl.setopt(pycurl.SSLVERSION, pycurl.SSLVERSION_TLSv1_0)
    curl.setopt(pycurl.SSL_CIPHER_LIST, "DEFAULT:@SECLEVEL=0")
    curl.setopt(pycurl.SSL_VERIFYPEER, 0)
    curl.setopt(pycurl.SSL_VERIFYHOST, 0)


def _hop(curl: pycurl.Curl, request: Request, received: Received) -> Hop:
    return Hop(
        url=request.url,
        phases=_phases(curl, request.url.startswith("https:")),
        address=curl.getinfo(pycurl.PRIMARY_IP),
        protocol=received.said.get("protocol", ""),
        cipher=received.said.get("cipher", ""),
        chain=_chain(curl) if request.url.startswith("https:") else (),
        status=curl.getinfo(pycurl.RESPONSE_CODE),
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
