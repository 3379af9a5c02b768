"""What an HTTP exchange is made of: the request, the connections it took, and the answer."""

import re
from dataclasses import dataclass, field, replace
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from probes._base import Failed, Histogram
from probes._engines.resolve import Family

MOST_BODY = 1024 * 1024
"""Bytes of a body, after decompression, that are received unless a request says otherwise."""

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

    Without `verify`, every certificate and every cipher, however weak, is accepted. `certificate_file` and `key_file`
    are what we show of ourselves, in PEM and without a passphrase; "" for nothing.
    """

    verify: bool = True
    ca_file: str = ""
    minimum: str = "TLSv1.2"
    certificate_file: str = ""
    key_file: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request.

    `private` are header lines that go to the origin of `url` only, not to where it redirects; so do `login`, user and
    password for a server that asks for them by Digest or, over TLS, by Basic authentication. `version` is "1.1", "2",
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
    login: tuple[str, str] = field(default=("", ""), repr=False)


class Phases(NamedTuple):
    """Where the time went, in seconds; the phase that did not end took the rest, those not reached 0."""

    resolve: float = 0
    connect: float = 0
    tls: float = 0
    processing: float = 0
    transfer: float = 0


PHASES = Histogram(
    "deskwatch_http_phase_seconds",
    "Time of each phase of each run, over all redirects, of all checks of the kind.",
    "probe_http_duration_seconds",
    (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
    by_check=False,
)
"""How the phases are spread."""


@dataclass(frozen=True, slots=True)
class Hop:
    """One connection and what it showed. `chain` holds the certificates sent, in PEM, leaf first.

    `protocol` and `cipher` are OpenSSL's names, "" without TLS; `address` is "" if no connection came about, and
    `status` 0 if no answer began.
    """

    url: str
    phases: Phases
    address: str = ""
    protocol: str = ""
    cipher: str = ""
    chain: tuple[bytes, ...] = ()
    status: int = 0


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
        return next(iter(self.headers(name)), None)

    def headers(self, name: str) -> tuple[str, ...]:
        """The values of all header lines of that name."""
        found = re.findall(rb"(?im)^" + re.escape(name.encode()) + rb":[ \t]*(.*?)[ \t]*\r?$", self.head)
        return tuple(value.decode("latin-1") for value in found)


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


def redirected(request: Request, status: int, url: str) -> Request:
    """The request that follows a redirect.

    Private headers stay with their origin and another address with its host; most methods turn to GET.
    """
    here, there = urlsplit(request.url), urlsplit(url)
    if not _same_origin(here, there):
        request = replace(request, private=(), login=("", ""))
    if here.hostname != there.hostname:
        request = replace(request, via=replace(request.via, address=""))
    if (status == 303 and request.method != "HEAD") or (status in (301, 302) and request.method == "POST"):
        request = replace(request, method="GET", body=b"")
    return replace(request, url=url)


def _same_origin(one: SplitResult, other: SplitResult) -> bool:
    return (one.scheme, one.hostname, port_of(one)) == (other.scheme, other.hostname, port_of(other))


def port_of(url: SplitResult) -> int:
    """The port of a URL, its scheme's if it names none."""
    return url.port or (443 if url.scheme == "https" else 80)


def origin(host: str, port: int) -> str:
    """The URL of a server that speaks TLS."""
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
