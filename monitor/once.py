"""What is measured once, from the command line, and its explanation."""

from collections.abc import Iterable, Mapping
from typing import Any

import yaml
from pydantic import ValidationError

from monitor.reading import read
from probes import REASONS, UNKNOWN_REASONS, Metric, Reading, kinds, load
from probes._engines import Engines


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
    """A reading in lines for people: the verdict, why, and everything that was measured."""
    reasons = {**REASONS, **UNKNOWN_REASONS, **load(kind).reasons}
    metrics = _metrics(kind)
    lines = [
        f"{kind} is {reading.status.upper()}: {reading.detail}",
        f"  why: {reading.reason} ({reasons.get(reading.reason, 'no further explanation')})",
        f"  took: {reading.took * 1000:.1f} ms",
    ]
    for sample in reading.samples:
        metric = metrics[sample.metric]
        part = f" {metric.part}={sample.part}" if sample.part else ""
        lines.append(f"  {sample.metric}{part}: {_figure(sample.value, metric.unit)}")
    return lines


def _figure(value: float, unit: str) -> str:
    if unit == "seconds" and abs(value) < 60:
        return f"{value * 1000:.2f} ms"
    return f"{value:.10g} {unit}".rstrip()


def _metrics(kind: str) -> dict[str, Metric]:
    return {metric.name: metric for metric in load(kind).metrics}


def _problem(kind: str, error: Mapping[str, Any]) -> str:
    where = ".".join(str(word) for word in error["loc"]) or kind
    return f"`{where}`: {error['msg'].removeprefix('Value error, ')}"
