"""Asks a Prometheus what a query finds, so that rules can be held against what others measure."""

import json
import math
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Annotated, Any, ClassVar, NamedTuple
from urllib.parse import urlencode

from pydantic import Field

from probes import Failed, Measured, Metric, Params, Probe, Sample, Unmeasured
from probes._engines import Engines
from probes._engines.cloud import Address
from probes._engines.excerpt import excerpt
from probes._engines.http import exchange
from probes._engines.trust import CaFile
from probes._secrets import LineSecret

MOST_SERIES = 200
"""Series that one check may find: each is a series of its own in what Deskwatch exposes."""
LONGEST_PART = 200
"""Characters of the name of a series."""

_MARGIN = 0.05  # seconds kept back of the timeout, so that Prometheus gives up before we do


HeaderName = Annotated[str, Field(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$", max_length=100)]
HeaderValue = Annotated[str, Field(pattern=r"^[^\x00-\x08\x0a-\x1f\x7f]*$", max_length=8192)]


class PromqlParams(Params):
    """Which Prometheus to ask, and what."""

    url: Annotated[Address, Field(description="where Prometheus is: http://127.0.0.1:9090")]
    query: Annotated[str, Field(min_length=1, max_length=10_000, description="PromQL of an instant query")]
    part_label: Annotated[
        str,
        Field(
            pattern=r"^([a-zA-Z_][a-zA-Z0-9_]*)?$",
            max_length=200,
            description="label that names the series that are found; all their labels if not set",
        ),
    ] = ""
    authorization: Annotated[
        LineSecret | None,
        Field(description="header Authorization, as in Bearer ${env:PROMETHEUS_TOKEN}"),
    ] = None
    headers: Annotated[
        Mapping[HeaderName, HeaderValue], Field(max_length=20, description="further header lines to send")
    ] = {}
    ca_file: CaFile = ""

    @property
    def target(self) -> str:
        """The address of Prometheus."""
        return self.url

    @classmethod
    def of_target(cls, target: str) -> dict[str, object]:
        """The address of Prometheus; without a scheme it is http."""
        return {"url": target if "://" in target else f"http://{target}"}


class Promql(Probe[PromqlParams]):
    """What a query to Prometheus finds."""

    Params = PromqlParams
    metrics = (Metric("deskwatch_promql_value", "Value of each series that the query finds", "", "series"),)
    reasons: ClassVar[dict[str, str]] = {}

    def __init__(self, params: PromqlParams, engines: Engines) -> None:
        super().__init__(params, engines)
        secret = params.authorization
        self._private = (("Authorization", secret.get_secret_value()),) if secret is not None else ()

    async def measure(self, timeout: float) -> Measured:
        """Ask once. Prometheus measures for us: whatever is wrong with it says nothing about the target."""
        try:
            answer = await self.engines.http.fetch(self._request(timeout), timeout)
        except Failed as failure:
            raise Unmeasured("no_source", f"Prometheus does not answer: {failure.detail}") from failure
        return found(answer.status, self._masked(answer.body), self.params.part_label)

    def _masked(self, body: bytes) -> bytes:
        """The answer without the secret, which something on the way may have said back."""
        for _, value in self._private:
            for secret in (value, value.rpartition(" ")[2]):
                body = body.replace(secret.encode(), b"***")
        return body

    def _request(self, timeout: float) -> exchange.Request:
        params = self.params
        form = urlencode({"query": params.query, "timeout": f"{max(timeout - _MARGIN, 0.001):.3f}"})
        return exchange.Request(
            url=f"{params.url}/api/v1/query",
            method="POST",  # a query can be longer than an address
            headers=(*params.headers.items(), ("Content-Type", "application/x-www-form-urlencoded")),
            private=self._private,
            body=form.encode(),
            redirects=0,
            trust=exchange.Trust(ca_file=params.ca_file),
        )


class _Series(NamedTuple):
    labels: Mapping[str, str]
    value: float


def found(status: int, body: bytes, part_label: str) -> Measured:
    """What an answer of Prometheus says. Raises Unmeasured when it could not answer, or with more than fits."""
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        raise Unmeasured("no_source", f"Prometheus does not let us in, status {status}; correct authorization")
    try:
        answer = json.loads(body)
        if answer["status"] != "success":
            raise Unmeasured("no_source", f"Prometheus answered {status}: {excerpt(str(answer.get('error', '')), 200)}")
        series = list(_series(answer["data"]))
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        words = f"what answered with status {status} is no Prometheus: {excerpt(body[:200].decode(errors='replace'))}"
        raise Unmeasured("no_source", words) from None
    if len(series) > MOST_SERIES:
        words = f"the query finds {len(series)} series; make it find {MOST_SERIES} at most"
        raise Unmeasured("no_source", words)
    samples = {_part(one.labels, part_label): one.value for one in series}
    if len(samples) < len(series):
        raise Unmeasured("no_source", _ambiguous(part_label))
    return Measured(_sentence(samples), tuple(Sample("deskwatch_promql_value", *one) for one in _ordered(samples)))


def _series(data: Any) -> Iterator[_Series]:
    """The series of a result. Raises ValueError for one that is no number, or a history."""
    match data["resultType"]:
        case "scalar":
            yield _Series({}, float(data["result"][1]))
        case "vector":
            for one in data["result"]:
                yield _Series(dict(one["metric"]), float(one["value"][1]))
        case other:
            raise Unmeasured("no_source", f"the query finds a {excerpt(str(other), 20)}; it must find single values")


def _part(labels: Mapping[str, str], part_label: str) -> str:
    """The name of a series: the value of its label, or all of its labels."""
    if part_label:
        name = str(labels.get(part_label, ""))
    else:
        name = ", ".join(f"{key}={labels[key]}" for key in sorted(labels) if key != "__name__")
    return "".join(one if one.isprintable() else "\ufffd" for one in name[:LONGEST_PART])


def _ambiguous(part_label: str) -> str:
    if part_label:
        return f"several series have the same {part_label}; aggregate by it, or name another part_label"
    return "several series cannot be told apart by their labels; aggregate them"


def _ordered(samples: Mapping[str, float]) -> Iterator[tuple[float, str]]:
    for part in sorted(samples):
        yield samples[part], part


def _sentence(samples: Mapping[str, float]) -> str:
    values = [value for value in samples.values() if not math.isnan(value)]
    if not samples:
        return "the query finds nothing"
    if len(samples) == 1 or not values:
        return f"the query finds {next(iter(samples.values())):g}"
    return f"the query finds {len(samples)} series from {min(values):g} to {max(values):g}"
