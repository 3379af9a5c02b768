"""What is measured once, from the command line, and its explanation."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import yaml
from pydantic import ValidationError

from monitor.config.model import Check
from monitor.reading import read
from monitor.web.words import amount, is_instant
from probes import REASONS, UNKNOWN_REASONS, Metric, Reading, Sample, Status, kinds, load
from probes._engines import Engines
from probes._engines.credentials import Audit

_VERDICTS = {Status.UP: "It works", Status.DOWN: "It is down", Status.UNKNOWN: "It could not be measured"}


def settings(words: Iterable[str]) -> dict[str, object]:
    """`key=value` words as settings; values as they would stand in the configuration. Raises ValueError."""
    found: dict[str, object] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise ValueError(f"`{word}` is not key=value")
        try:
            found[key] = yaml.safe_load(value)
        except yaml.YAMLError:
            found[key] = value
    return found


async def measured(kind: str, words: Iterable[str], timeout: float) -> Reading:
    """One reading of a kind. Raises ValueError, with the remedy, for a kind or a setting that is not there."""
    if kind not in kinds():
        raise ValueError(f"`{kind}`: there is no such kind; there are {', '.join(kinds())}")
    probe = load(kind)
    try:
        params = probe.Params(**settings(words))
    except ValidationError as error:
        raise ValueError("\n".join(_problem(kind, one) for one in error.errors())) from None
    engines = Engines()
    try:
        return await read(kind, probe(params, engines), timeout)
    finally:
        engines.close()


async def audited(check: Check, known: Mapping[str, Mapping[str, Any]]) -> tuple[Reading, Audit | None]:
    """One run of a check that audits who can enter, and what it came to, None if nothing can be concluded.

    `known` is what checks remember; what this run would remember is not kept.
    """
    engines = Engines()
    engines.memory.restore(known)
    probe = load(check.kind)(check.params, engines)
    probe.check = check.id
    try:
        return await read(check.id, probe, check.timeout), engines.audits.of(check.id)
    finally:
        engines.close()


def plain(kind: str, reading: Reading) -> dict[str, Any]:
    """A reading as JSON: kind, status, reason, detail, took in seconds, samples with the unit of their metric."""
    metrics = _metrics(kind)
    return {
        "kind": kind,
        "status": str(reading.status),
        "reason": reading.reason,
        "detail": reading.detail,
        "took": round(reading.took, 6),
        "samples": [
            {"metric": sample.metric, "value": sample.value, "unit": metrics[sample.metric].unit, "part": sample.part}
            for sample in reading.samples
        ],
    }


def explained(kind: str, reading: Reading) -> list[str]:
    """A reading in lines for people: the verdict, what it means, and everything that was measured."""
    reasons = {**REASONS, **UNKNOWN_REASONS, **load(kind).reasons}
    lines = [
        f"{_VERDICTS[reading.status]}: {reading.detail}",
        f"  What that means: {reasons.get(reading.reason, 'no further explanation')} ({reading.reason}).",
        f"  It took {amount(reading.took, 'seconds')} to find out.",
    ]
    metrics = _metrics(kind)
    return lines + [f"  {_value(metrics[sample.metric], sample)}" for sample in reading.samples]


def _value(metric: Metric, sample: Sample) -> str:
    """A measured value: what it is, of what part, and the metric's name for who knows Prometheus."""
    part = f", {metric.part} {sample.part}" if sample.part else ""
    if is_instant(sample.value, metric.unit):
        figure = f"{datetime.fromtimestamp(sample.value, UTC):%Y-%m-%d %H:%M} UTC"
    else:
        figure = amount(sample.value, metric.unit)
    return f"{metric.help}{part}: {figure} [{sample.metric}]"


def _metrics(kind: str) -> dict[str, Metric]:
    return {metric.name: metric for metric in load(kind).metrics}


def _problem(kind: str, error: Mapping[str, Any]) -> str:
    where = ".".join(str(word) for word in error["loc"]) or kind
    return f"`{where}`: {error['msg'].removeprefix('Value error, ')}"
