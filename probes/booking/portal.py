"""Opens the booking portal as a member would: the login page and whatever else a booking needs, one after the other."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Self
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from probes import DefaultRule, Failed, Measured, Metric, Params, Probe, Sample, Unmeasured
from probes._engines import Engines, certificates
from probes._engines.api import MARGIN
from probes._engines.bookings import Slot, probe_slot
from probes._engines.http.exchange import FetchFailed, Hop
from probes._engines.weekly import Zone
from probes.internet.http import Expectations, Http, HttpParams, request_of

_SECONDS = "deskwatch_portal_seconds"


class Step(HttpParams):
    """One page or request, and what its answer must be like. In `url` and `body`, `{from}` and `{to}` stand for the
    probe slot in UTC and `{day}` for its day."""

    name: Annotated[
        str, Field(pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", max_length=40, description="what the step is called")
    ]


class PortalParams(Params):
    """The steps to take."""

    timezone: Annotated[Zone, Field(description="time zone of the site, like Europe/Berlin: the slot is in it")] = "UTC"
    steps: Annotated[
        tuple[Step, ...], Field(min_length=1, max_length=10, description="pages and requests, in order; login first")
    ]

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        names = [step.name for step in self.steps]
        if len(set(names)) < len(names):
            raise ValueError("two steps have the same name; name each of them differently")
        return self

    @property
    def target(self) -> str:
        """The address of the first step."""
        return self.steps[0].url

    @classmethod
    def of_target(cls, target: str) -> dict[str, object]:
        """The address of the login page; without a scheme it is https."""
        return {"steps": [{"name": "login", "url": target if "://" in target else f"https://{target}"}]}


class Portal(Probe[PortalParams]):
    """Whether members can get as far as booking a room."""

    Params = PortalParams
    metrics = (Metric(_SECONDS, "Time until the step was answered in full", "seconds", "step"), *certificates.METRICS)
    reasons: ClassVar = Http.reasons
    rules = (
        DefaultRule(
            "portal-slow",
            _SECONDS,
            "takes more than 3 seconds for one of its pages",
            above=3,
            times=3,
            window=4,
        ),
        *certificates.RULES,
    )

    def __init__(self, params: PortalParams, engines: Engines) -> None:
        super().__init__(params, engines)
        self._expectations = tuple(Expectations(step) for step in params.steps)
        if any(step.url.startswith("https:") for step in params.steps):
            certificates.prepare()

    async def measure(self, timeout: float) -> Measured:
        """Take the steps until one fails."""
        deadline, now = time.monotonic() + timeout - MARGIN, datetime.now(UTC)
        slot, zone = probe_slot(now, ZoneInfo(self.params.timezone)), ZoneInfo(self.params.timezone)
        samples: list[Sample] = []
        hops: list[Hop] = []
        for step, expectations in zip(self.params.steps, self._expectations, strict=True):
            began = time.monotonic()
            try:
                hops += await self._take(filled(step, slot, zone), expectations, deadline - began)
            except Failed as failure:
                done = (*samples, *_expiry(hops, now))
                raise Failed(failure.reason, f"{step.name}: {failure.detail}", done) from failure
            except Unmeasured as unmeasured:
                raise Unmeasured(unmeasured.reason, f"{step.name}: {unmeasured.detail}") from unmeasured
            samples.append(Sample(_SECONDS, time.monotonic() - began, step.name))
        return Measured(_sentence(samples), (*samples, *_expiry(hops, now)))

    async def _take(self, step: HttpParams, expectations: Expectations, timeout: float) -> tuple[Hop, ...]:
        """The connections that the step took. Raises Failed when its answer is not as it should be."""
        if timeout <= 0:
            raise Failed("timeout", "the steps before took all the time there is")
        try:
            response = await self.engines.http.fetch(request_of(step), timeout)
        except FetchFailed as failure:
            raise Failed(failure.reason, failure.detail) from failure
        complaint = expectations.complaint(response)
        if complaint:
            raise Failed(complaint.reason, complaint.detail)
        return response.hops


def filled(step: Step, slot: Slot, zone: ZoneInfo) -> Step:
    """The step with the probe slot in its address and its body."""
    words = {
        "{from}": f"{slot.start:%Y-%m-%dT%H:%M:%SZ}",
        "{to}": f"{slot.end:%Y-%m-%dT%H:%M:%SZ}",
        "{day}": f"{slot.start.astimezone(zone):%Y-%m-%d}",
    }
    changed: dict[str, Any] = {"url": _replaced(step.url, words), "body": _replaced(step.body, words)}
    return step.model_copy(update=changed)


def _replaced(text: str, words: Mapping[str, str]) -> str:
    for placeholder, word in words.items():
        text = text.replace(placeholder, word)
    return text


def _expiry(hops: list[Hop], now: datetime) -> tuple[Sample, ...]:
    """How long the certificate is valid that ends first of those that were seen."""
    chains = [chain for hop in hops if (chain := certificates.chain(hop.chain))]
    return certificates.expiry(min(chains, key=lambda chain: chain[0].not_after), now) if chains else ()


def _sentence(samples: list[Sample]) -> str:
    return "; ".join(f"{sample.part} in {sample.value:.2g} s" for sample in samples)
