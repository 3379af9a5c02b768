"""Asks for a page as a device does that has just joined the network, and looks at the portal that it is sent to."""

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, ClassVar, Literal, Self
from urllib.parse import urljoin, urlsplit

from pydantic import AfterValidator, Field, IPvAnyAddress, model_validator

from probes import Failed, Measured, Metric, Params, Probe, Sample
from probes._engines import Engines, certificates
from probes._engines.excerpt import excerpt
from probes._engines.http import exchange
from probes._engines.http.exchange import FetchFailed, Hop, Request, Response, Trust, Via
from probes._engines.resolve import Family, Host, Interface
from probes._engines.trust import CaFile

_MARGIN = 0.05  # seconds kept back of the timeout, so that the verdict is ours and not the caller's cancellation

_SECONDS = "deskwatch_captive_portal_seconds"
_REMAINING = "deskwatch_captive_portal_session_remaining_seconds"

_API_TYPE = "application/captive+json"
_REDIRECTS = (301, 302, 303, 307, 308)


def _url(url: str) -> str:
    if not urlsplit(url).hostname:
        raise ValueError("the URL has no host name")
    _ = urlsplit(url).port  # raises ValueError when it is none
    return url


class CaptivePortalParams(Params):
    """Where it is asked from, and who should answer."""

    expect: Annotated[
        Literal["open", "portal"],
        Field(
            description="open: this machine must get through; portal: it must be sent to the portal, as newcomers are"
        ),
    ]
    url: Annotated[
        str,
        AfterValidator(_url),
        Field(pattern=r"^http://[!-~]+$", max_length=2000, description="page that answers with status 204 and no more"),
    ] = "http://connectivitycheck.gstatic.com/generate_204"
    portal: Annotated[Host | None, Field(description="host name of the portal; needed with expect: portal")] = None
    api: Annotated[
        str | None,
        AfterValidator(lambda url: url and _url(url)),
        Field(
            pattern=r"^https://[!-~]+$",
            max_length=2000,
            description="the portal's API (RFC 8908), which tells devices whether they have to sign in",
        ),
    ] = None
    family: Annotated[Family, Field(description="IP version: auto takes what the machine itself would use")] = "auto"
    source: Annotated[IPvAnyAddress | None, Field(description="address of this machine in the network")] = None
    interface: Annotated[
        Interface | None, Field(description="interface of this machine in the network, e.g. guest0")
    ] = None
    ca_file: CaFile = ""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.expect == "portal" and self.portal is None:
            raise ValueError("say which host the portal is: set portal")
        return self

    @property
    def target(self) -> str:
        """The page."""
        return self.url

    @classmethod
    def of_target(cls, target: str) -> dict[str, object]:
        """The page."""
        return {"url": target}


class CaptivePortal(Probe[CaptivePortalParams]):
    """Whether a network lets us through, or sends us to its portal, as it should."""

    Params = CaptivePortalParams
    metrics = (
        Metric(
            _SECONDS,
            "Time until the answer: to the request for a page, of the portal's own page, of its API",
            "seconds",
            "step",
            ("check", "page", "api"),
        ),
        Metric(_REMAINING, "Time until this machine has to sign in again, as the portal's API tells it", "seconds"),
        *certificates.METRICS,
    )
    reasons: ClassVar = {
        **exchange.REASONS,
        "captive": "the network wants a sign-in from who should be through",
        "open": "the network lets everybody through without its portal",
        "not_redirected": "the answer leads to no portal",
        "wrong_portal": "the network sends newcomers to another host than its portal",
        "portal_failed": "the portal answers with an error instead of its page",
        "wrong_status": "the answer is neither the page's nor a portal's",
        "api_failed": "the portal's API does not answer as RFC 8908 has it",
        "api_disagrees": "the portal's API tells devices the opposite of what the network does",
    }
    rules = certificates.RULES
    latency = (_SECONDS, "check")

    def __init__(self, params: CaptivePortalParams, engines: Engines) -> None:
        super().__init__(params, engines)
        certificates.prepare()

    async def measure(self, timeout: float) -> Measured:
        """Ask for the page; where the answer leads to the portal, for its page as well; and for the API."""
        visit = _Visit(self.engines, self.params, time.monotonic() + timeout - _MARGIN)
        answer = await visit.fetch("check", Request(self.params.url, redirects=0))
        if self.params.expect == "open":
            said = visit.judge(through(answer), "this machine gets through")
        else:
            where = redirected(answer, self.params.url)
            visit.judge(led(answer, where, self.params.portal or ""), "")
            page = await visit.fetch("page", Request(where))
            said = visit.judge(shown(page), _portal_in_words(where, page.hops))
        if self.params.api:
            lines = (("Accept", _API_TYPE),)
            api = await visit.fetch("api", Request(self.params.api, headers=lines))
            document = told(api)
            visit.judge(agreed(document, captive=self.params.expect == "portal"), "")
            visit.samples += remaining(document)
        return Measured(said, visit.samples)


class _Visit:
    """One run: what was measured so far, and the time that is left."""

    def __init__(self, engines: Engines, params: CaptivePortalParams, deadline: float) -> None:
        self.samples: tuple[Sample, ...] = ()
        self._engine = engines.http
        self._via = Via(params.family, str(params.source or ""), params.interface or "")
        self._trust = Trust(ca_file=params.ca_file)
        self._deadline = deadline

    async def fetch(self, step: str, request: Request) -> Response:
        """The answer to a request. Raises Failed with what was measured so far."""
        request = replace(request, via=self._via, trust=self._trust)
        try:
            response = await self._engine.fetch(request, self._deadline - time.monotonic())
        except FetchFailed as failure:
            self._note(failure.hops)
            raise Failed(failure.reason, f"{_STEPS[step]}: {failure.detail}", self.samples) from failure
        self.samples += (Sample(_SECONDS, sum(response.phases), step),)
        self._note(response.hops)
        return response

    def judge(self, objection: tuple[str, str] | None, said: str) -> str:
        """What is to be said. Raises Failed for an objection, which is a reason and words."""
        if objection is not None:
            raise Failed(*objection, self.samples)
        return said

    def _note(self, hops: Sequence[Hop]) -> None:
        """Keep how long the certificate of the portal is valid: the first that is seen."""
        known = {sample.metric for sample in self.samples}
        found = certificates.expiry(certificates.chain(hops[-1].chain), datetime.now(UTC))
        self.samples += tuple(sample for sample in found if sample.metric not in known)


_STEPS = {"check": "the request for a page", "page": "the portal's page", "api": "the portal's API"}


def redirected(answer: Response, url: str) -> str:
    """Where an answer leads to, "" if nowhere on the web."""
    if answer.status not in _REDIRECTS:
        return ""
    try:
        where = urljoin(url, answer.header("location") or "")
        parts = urlsplit(where)
    except ValueError:  # brackets that do not match
        return ""
    return where if parts.scheme in ("http", "https") and parts.hostname else ""


def through(answer: Response) -> tuple[str, str] | None:
    """What is wrong with the answer to who should be through."""
    if answer.status == HTTPStatus.NO_CONTENT:
        return None
    where = urlsplit(redirected(answer, answer.final.url)).hostname
    if where:
        return "captive", f"the network sends this machine to {excerpt(where)} to sign in, though it should be through"
    if answer.status in (HTTPStatus.OK, HTTPStatus.NETWORK_AUTHENTICATION_REQUIRED):
        return "captive", f"somebody else answers for the page, with status {answer.status}: a portal wants a sign-in"
    return "wrong_status", f"the page answers with status {answer.status} instead of 204"


def led(answer: Response, where: str, portal: str) -> tuple[str, str] | None:
    """What is wrong with where a newcomer is led, an absolute URL or ""."""
    if answer.status == HTTPStatus.NO_CONTENT:
        return "open", "who joins the network gets through without the portal: nobody has to sign in"
    if not where:
        return "not_redirected", f"newcomers get an answer with status {answer.status}, which leads to no portal"
    host = urlsplit(where).hostname or ""
    if host != portal.lower().strip("[]"):
        return "wrong_portal", f"newcomers are sent to {excerpt(host)}, not to {portal}"
    return None


def shown(page: Response) -> tuple[str, str] | None:
    """What is wrong with the portal's page."""
    if HTTPStatus.OK <= page.status < HTTPStatus.MULTIPLE_CHOICES:
        return None
    return "portal_failed", f"the portal answers with status {page.status}, so nobody can sign in"


def told(api: Response) -> Any:
    """The JSON that an API answers with, None if it is not as RFC 8908 has it."""
    kind = (api.header("content-type") or "").partition(";")[0].strip().lower()
    if api.status != HTTPStatus.OK or kind != _API_TYPE:
        return None
    try:
        document = json.loads(api.body)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) and isinstance(document.get("captive"), bool) else None


def agreed(document: Any, *, captive: bool) -> tuple[str, str] | None:
    """What is wrong with what an API tells, for a machine that has to sign in or not."""
    if document is None:
        return (
            "api_failed",
            f"the portal's API does not answer with status 200 and {_API_TYPE} that has `captive` in it",
        )
    if document["captive"] != captive:
        says = "has to sign in" if document["captive"] else "is through"
        return "api_disagrees", f"the portal's API says that this machine {says}, and the network treats it otherwise"
    return None


def remaining(document: Any) -> tuple[Sample, ...]:
    """How long a session lasts, if it is told."""
    seconds = document.get("seconds-remaining")
    is_number = isinstance(seconds, int) and not isinstance(seconds, bool)
    return (Sample(_REMAINING, float(seconds)),) if is_number and 0 <= seconds < 1e10 else ()


def _portal_in_words(where: str, hops: Sequence[Hop]) -> str:
    chain = certificates.chain(hops[-1].chain)
    until = f", certificate valid until {chain[0].not_after:%Y-%m-%d %H:%M} UTC" if chain else ", without encryption"
    return f"newcomers are sent to {excerpt(urlsplit(where).hostname or '')}, whose page works{until}"
