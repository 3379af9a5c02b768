"""Asks a web server for a page, as a browser would, and holds the answer against what is expected."""

import base64
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Self
from urllib.parse import urlsplit

import jsonpath
from pydantic import AfterValidator, Field, IPvAnyAddress, model_validator

from probes import Failed, Measured, Metric, Params, Probe, Sample
from probes._engines import Engines, certificates
from probes._engines.excerpt import excerpt
from probes._engines.http import exchange
from probes._engines.json_paths import JsonPath
from probes._engines.matching import Regex, compilable, limited
from probes._engines.resolve import Family, Interface, ip_version
from probes._engines.trust import CaFile, TlsVerify
from probes._secrets import Secret

_MARGIN = 0.02  # seconds kept back of the timeout, so that the verdict is ours and not the caller's cancellation

Range = tuple[int, int]


def status_range(given: int | str) -> Range:
    """The first and last status of "200-299" or 204. Raises ValueError when it is neither."""
    found = re.fullmatch(r"([1-5]\d\d)(?:-([1-5]\d\d))?", str(given))
    if not found:
        raise ValueError(f"{given!r} is no HTTP status; write 204 or a range as in 200-299")
    return int(found[1]), int(found[2] or found[1])


def _status(given: int | str) -> int | str:
    status_range(given)
    return given


def _url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("a URL begins with http:// or https:// and a host name")
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("write the URL as browsers send it: xn--… for the host, %20 for a space")
    if parts.username is not None:
        raise ValueError("user and password do not belong in the URL; use username and password")
    _ = parts.port  # raises ValueError when it is none
    return url


def _json_value(value: str | bool | float | None) -> str | bool | float | None:
    return compilable(value) if isinstance(value, str) else value


HeaderName = Annotated[str, Field(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$", max_length=100)]
HeaderValue = Annotated[str, Field(pattern=r"^[^\x00-\x08\x0a-\x1f\x7f]*$", max_length=8192)]
JsonValue = Annotated[str | bool | int | float | None, AfterValidator(_json_value)]
Expected = Mapping[str, str | bool | int | float | None]


class HttpParams(Params):
    """What to ask for, and what the answer must be like."""

    url: Annotated[str, AfterValidator(_url), Field(max_length=2000, description="page to ask for, http or https")]
    method: Annotated[str, Field(pattern=r"^[A-Z]{3,20}$", description="HTTP method")] = "GET"
    headers: Annotated[Mapping[HeaderName, HeaderValue], Field(max_length=50, description="header lines to send")] = {}
    secret_headers: Annotated[
        Mapping[HeaderName, Secret],
        Field(max_length=10, description="header lines with secrets, sent to this origin only, not to redirects"),
    ] = {}
    username: Annotated[
        str, Field(pattern=r"^[^:\x00-\x1f]*$", max_length=200, description="user name of basic authentication")
    ] = ""
    password: Annotated[Secret | None, Field(description="password of basic authentication")] = None
    bearer: Annotated[Secret | None, Field(description="token of bearer authentication")] = None
    body: Annotated[str, Field(max_length=65_536, description="body to send, as UTF-8")] = ""
    follow_redirects: Annotated[bool, Field(description="whether to go where the server redirects to")] = True
    max_redirects: Annotated[int, Field(ge=1, le=50, description="most redirects that are followed")] = 10
    statuses: Annotated[
        tuple[Annotated[int | str, AfterValidator(_status)], ...],
        Field(min_length=1, max_length=50, description="accepted statuses: numbers and ranges as in 200-299"),
    ] = ("200-299",)
    header_matches: Annotated[
        Mapping[HeaderName, Regex], Field(max_length=20, description="patterns to be found in the named header lines")
    ] = {}
    body_matches: Annotated[
        tuple[Regex, ...], Field(max_length=20, description="patterns that must all be found in the body")
    ] = ()
    body_not_matches: Annotated[
        tuple[Regex, ...], Field(max_length=20, description="patterns none of which may be found in the body")
    ] = ()
    json_matches: Annotated[
        Mapping[JsonPath, JsonValue],
        Field(
            max_length=20,
            description="JSONPath: value that it must lead to; a text is a pattern for the whole value",
        ),
    ] = {}
    json_not_matches: Annotated[
        Mapping[JsonPath, JsonValue], Field(max_length=20, description="JSONPath: value that it must not lead to")
    ] = {}
    max_body: Annotated[
        int, Field(ge=1, le=16 * 1024 * 1024, description="largest acceptable body in bytes, after decompression")
    ] = exchange.MOST_BODY
    fail_if_ssl: Annotated[bool, Field(description="fail if the answer came over TLS")] = False
    fail_if_not_ssl: Annotated[bool, Field(description="fail if the answer did not come over TLS")] = False
    http_version: Annotated[
        Literal["", "1.1", "2", "3"], Field(description="HTTP version that must be spoken; any if not set")
    ] = ""
    family: Annotated[Family, Field(description="IP version: auto takes what the machine itself would use")] = "auto"
    source: Annotated[IPvAnyAddress | None, Field(description="address of this machine to connect from")] = None
    interface: Annotated[Interface | None, Field(description="interface of this machine to use, e.g. wan2")] = None
    resolve: Annotated[
        IPvAnyAddress | None, Field(description="address to connect to instead of what the URL's host resolves to")
    ] = None
    tls_verify: TlsVerify = True
    ca_file: CaFile = ""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.password is None) != (not self.username):
            raise ValueError("basic authentication needs both username and password")
        if self.password is not None and self.bearer is not None:
            raise ValueError("username and bearer are two ways to sign in; use one")
        if self.fail_if_ssl and self.fail_if_not_ssl:
            raise ValueError("fail_if_ssl and fail_if_not_ssl together fail always; use one")
        if self.http_version == "3" and not self.url.startswith("https:"):
            raise ValueError("HTTP/3 needs an https URL")
        return self

    @model_validator(mode="after")
    def _secrets_fit_in_a_line(self) -> Self:
        for name, secret in self.secret_headers.items():
            if not secret.get_secret_value().isprintable():
                raise ValueError(f"the secret of header {name} has a line break or another control character in it")
        if self.bearer is not None and not self.bearer.get_secret_value().isprintable():
            raise ValueError("the secret of bearer has a line break or another control character in it")
        return self

    @property
    def target(self) -> str:
        """The URL."""
        return self.url

    @classmethod
    def of_target(cls, target: str) -> dict[str, object]:
        """A URL; without a scheme it is http."""
        return {"url": target if "://" in target else f"http://{target}"}


class Complaint(NamedTuple):
    """What an answer is to be blamed for: one of the kind's reasons, and a sentence."""

    reason: str
    detail: str


class Http(Probe[HttpParams]):
    """Whether a web page or an API answers as it should, and where the time goes."""

    Params = HttpParams
    metrics = (
        Metric(
            "probe_http_duration_seconds",
            "Time of each phase, over all redirects",
            "seconds",
            "phase",
            exchange.Phases._fields,
            unreached=0,
        ),
        Metric("probe_http_status_code", "Status of the last answer, 0 if none came"),
        Metric("probe_http_content_length", "Length of the body as stated, -1 if it is not", "bytes", unreached=0),
        Metric("probe_http_uncompressed_body_length", "Length of the body, decompressed", "bytes", unreached=0),
        Metric("probe_http_redirects", "Redirects that were followed", unreached=0),
        Metric("probe_http_ssl", "1 if the last answer came over TLS, else 0", unreached=0),
        Metric("probe_http_version", "HTTP version of the last answer, 0 if none came", unreached=0),
        Metric("probe_http_last_modified_timestamp_seconds", "When the page was last changed, as Unix time", "seconds"),
        Metric("probe_failed_due_to_regex", "1 if the answer did not match the patterns, else 0", unreached=0),
        Metric("probe_tls_version_info", "The TLS version spoken, as a label of the value 1", "", "version"),
        Metric("probe_dns_lookup_time_seconds", "Time of the name lookup", "seconds", unreached=0),
        Metric("probe_ip_protocol", "IP version that was used, 4 or 6", unreached=0),
        *certificates.METRICS,
    )
    reasons: ClassVar = {
        **exchange.REASONS,
        "wrong_status": "the status is none of those accepted",
        "wrong_version": "the answer came in another HTTP version than asked for",
        "not_encrypted": "the answer did not come over TLS, and it should",
        "encrypted": "the answer came over TLS, and it should not",
        "unexpected_header": "a header line is missing or does not match",
        "unexpected_body": "the body does not match, or has in it what it should not",
        "unexpected_json": "the body is not JSON, or does not hold the values expected",
    }
    rules = certificates.RULES
    histograms = (exchange.PHASES,)

    def __init__(self, params: HttpParams, engines: Engines) -> None:
        super().__init__(params, engines)
        self._request = request_of(params)
        self._expectations = Expectations(params)
        if params.url.startswith("https:"):
            certificates.prepare()

    async def measure(self, timeout: float) -> Measured:
        """Ask once, follow redirects, judge the last answer."""
        try:
            response = await self.engines.http.fetch(self._request, timeout - _MARGIN)
        except exchange.FetchFailed as failure:
            status = Sample("probe_http_status_code", failure.hops[-1].status)
            raise Failed(failure.reason, failure.detail, (*_of_hops(failure.hops), status)) from failure
        complaint = self._expectations.complaint(response)
        samples = (*_of_hops(response.hops), *_of_answer(response), _of_matching(complaint))
        if complaint:
            raise Failed(complaint.reason, complaint.detail, samples)
        return Measured(_sentence(response), samples)


class Expectations:
    """What an answer must be like, compiled once."""

    def __init__(self, params: HttpParams) -> None:
        self._params = params
        self._statuses = tuple(status_range(status) for status in params.statuses)
        self._header = {name: re.compile(pattern) for name, pattern in params.header_matches.items()}
        self._body = tuple((re.compile(pattern), True) for pattern in params.body_matches)
        self._body += tuple((re.compile(pattern), False) for pattern in params.body_not_matches)
        self._json = (*_assertions(params.json_matches, True), *_assertions(params.json_not_matches, False))

    def complaint(self, response: exchange.Response) -> Complaint | None:
        """The first thing that is wrong with an answer, None if nothing is.

        Raises Unmeasured when the patterns take too long.
        """
        found = self._of_tls(response) or self._of_version(response) or self._of_status(response)
        if found or not (self._header or self._body or self._json):
            return found
        with limited():
            return self._of_headers(response) or self._of_body(response) or self._of_json(response)

    def _of_tls(self, response: exchange.Response) -> Complaint | None:
        tls = response.final.url.startswith("https:")
        if self._params.fail_if_ssl and tls:
            return Complaint("encrypted", "the answer came over TLS")
        if self._params.fail_if_not_ssl and not tls:
            return Complaint("not_encrypted", "the answer did not come over TLS")
        return None

    def _of_version(self, response: exchange.Response) -> Complaint | None:
        wanted = self._params.http_version
        if wanted and response.version != wanted:
            return Complaint("wrong_version", f"the server speaks HTTP/{response.version}, not HTTP/{wanted}")
        return None

    def _of_status(self, response: exchange.Response) -> Complaint | None:
        if any(first <= response.status <= last for first, last in self._statuses):
            return None
        return Complaint("wrong_status", f"the server answered with status {response.status}")

    def _of_headers(self, response: exchange.Response) -> Complaint | None:
        for name, pattern in self._header.items():
            value = response.header(name)
            if value is None:
                return Complaint("unexpected_header", f"the header {name} is missing")
            if not pattern.search(value):
                return Complaint("unexpected_header", f"the header {name} is {excerpt(value)}")
        return None

    def _of_body(self, response: exchange.Response) -> Complaint | None:
        text = _text(response) if self._body else ""
        for pattern, wanted in self._body:
            if bool(pattern.search(text)) != wanted:
                lacks = "lacks" if wanted else "has in it"
                return Complaint("unexpected_body", f"the body {lacks} {pattern.pattern!r}; it begins {excerpt(text)}")
        return None

    def _of_json(self, response: exchange.Response) -> Complaint | None:
        if not self._json:
            return None
        try:
            document = json.loads(response.body)
        except (ValueError, RecursionError):
            return Complaint("unexpected_json", f"the body is not JSON; it begins {excerpt(_text(response))}")
        return next((found for assertion in self._json if (found := assertion.complaint(document))), None)


class Assertion(NamedTuple):
    """A value that a JSONPath must lead to, or must not if not `wanted`."""

    path: jsonpath.JSONPath | jsonpath.CompoundJSONPath
    expected: str | bool | float | None
    wanted: bool

    def complaint(self, document: Any) -> Complaint | None:
        """What is wrong with the document, None if nothing is."""
        values = self.path.findall(document)
        if any(_equals(self.expected, value) for value in values) == self.wanted:
            return None
        found = excerpt(", ".join(json.dumps(value) for value in values[:3])) if values else "nothing"
        expected = "" if self.wanted else "not "
        return Complaint("unexpected_json", f"{self.path} is {found}, expected {expected}{self.expected!r}")


def _assertions(expected: Expected, wanted: bool) -> tuple[Assertion, ...]:
    return tuple(Assertion(jsonpath.compile(path), value, wanted) for path, value in expected.items())


def _equals(expected: str | bool | float | None, value: Any) -> bool:
    if isinstance(expected, str):
        return re.fullmatch(expected, value if isinstance(value, str) else json.dumps(value)) is not None
    return bool(expected == value) and isinstance(expected, bool) == isinstance(value, bool)


def request_of(params: HttpParams) -> exchange.Request:
    return exchange.Request(
        url=params.url,
        method=params.method,
        headers=tuple(params.headers.items()),
        private=_private_headers(params),
        body=params.body.encode(),
        redirects=params.max_redirects if params.follow_redirects else 0,
        most_body=params.max_body,
        version=params.http_version,
        via=exchange.Via(
            family=params.family,
            source=str(params.source or ""),
            interface=params.interface or "",
            address=str(params.resolve or ""),
        ),
        trust=exchange.Trust(verify=params.tls_verify, ca_file=params.ca_file),
    )


def _private_headers(params: HttpParams) -> tuple[tuple[str, str], ...]:
    lines = [(name, secret.get_secret_value()) for name, secret in params.secret_headers.items()]
    if params.password is not None:
        pair = f"{params.username}:{params.password.get_secret_value()}".encode()
        lines.append(("Authorization", f"Basic {base64.b64encode(pair).decode()}"))
    if params.bearer is not None:
        lines.append(("Authorization", f"Bearer {params.bearer.get_secret_value()}"))
    return tuple(lines)


def _text(response: exchange.Response) -> str:
    """The body as text, in the character set that the server names, else UTF-8."""
    found = re.search(r"charset=\"?([\w.:-]{1,40})", response.header("content-type") or "", re.IGNORECASE)
    try:
        return response.body.decode(found[1] if found else "utf-8", errors="replace")
    except (LookupError, ValueError):
        return response.body.decode("utf-8", errors="replace")


def _of_hops(hops: tuple[exchange.Hop, ...]) -> tuple[Sample, ...]:
    """What the connections showed, whether an answer came or not."""
    phases = exchange.total(hops)
    last = hops[-1]
    samples = [
        Sample("probe_http_duration_seconds", took, phase)
        for phase, took in zip(exchange.Phases._fields, phases, strict=True)
    ]
    samples.append(Sample("probe_dns_lookup_time_seconds", phases.resolve))
    samples.append(Sample("probe_http_redirects", len(hops) - 1))
    samples.append(Sample("probe_http_ssl", float(last.url.startswith("https:"))))
    if last.address:
        samples.append(Sample("probe_ip_protocol", ip_version(last.address)))
    if last.protocol:
        samples.append(Sample("probe_tls_version_info", 1, last.protocol.replace("TLSv", "TLS ")))
    return (*samples, *certificates.expiry(certificates.chain(last.chain), datetime.now(UTC)))


def _of_answer(response: exchange.Response) -> tuple[Sample, ...]:
    samples = [
        Sample("probe_http_status_code", response.status),
        Sample("probe_http_content_length", response.length),
        Sample("probe_http_uncompressed_body_length", len(response.body)),
        Sample("probe_http_version", float(response.version or 0)),
    ]
    modified = _last_modified(response)
    if modified is not None:
        samples.append(Sample("probe_http_last_modified_timestamp_seconds", modified))
    return tuple(samples)


def _last_modified(response: exchange.Response) -> float | None:
    stated = response.header("last-modified")
    if stated is None:
        return None
    try:
        return parsedate_to_datetime(stated).timestamp()
    except (ValueError, OverflowError):
        return None


def _of_matching(complaint: Complaint | None) -> Sample:
    unmatched = complaint is not None and complaint.reason.startswith("unexpected")
    return Sample("probe_failed_due_to_regex", float(unmatched))


def _sentence(response: exchange.Response) -> str:
    took = sum(response.phases)
    return f"status {response.status} in {took:.3f} s over HTTP/{response.version}, {len(response.body)} bytes"
