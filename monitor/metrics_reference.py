"""Every metric family in tables, written from what kinds of probes and the service declare."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from prometheus_client import CollectorRegistry

from monitor.exposition import DURATION, SUCCESS, shown, type_of
from monitor.metrics import LAST_RUN, STATUS, Instrument, Vitals
from monitor.reference import table
from probes import Histogram, Metric, kinds, load

_UNITS = ("bytes_per_second", "seconds", "bytes", "ratio", "celsius", "volts", "watts")
"""Units as names have them; the first that fits."""


class _Family(NamedTuple):
    """What a row of a table says; `labels` beside those of every check."""

    name: str
    type: str
    labels: Sequence[str]
    help: str
    kinds: Sequence[str] = ()
    parts: Sequence[str] = ()


def tables() -> str:
    """All families as Markdown: of every check, of single kinds, histograms, and of Deskwatch itself."""
    vitals = Vitals(CollectorRegistry()).instruments
    sections = (
        "## Of every check",
        _table([_of_metric(metric, ()) for metric in (SUCCESS, DURATION, STATUS, LAST_RUN)]),
        "## Of single kinds",
        _table(_measured(), with_kinds=True),
        "## Histograms",
        _table(_spread(), with_kinds=True),
        "## Of Deskwatch itself",
        _table(_of_instrument(one) for one in sorted(vitals)),
    )
    return "\n\n".join(sections)


def _table(families: Iterable[_Family], with_kinds: bool = False) -> str:
    head = ("Family", "Type", "Unit", "Labels", "Says", *(("Kinds",) if with_kinds else ()), "For example")
    return table(head, [_row(family, with_kinds) for family in families])


def _row(family: _Family, with_kinds: bool) -> Sequence[str]:
    labels = ", ".join(f"`{label}`" for label in family.labels)
    values = f": {', '.join(family.parts)}" if family.parts else ""
    of = (", ".join(f"[{kind}](../probes/{kind}.md)" for kind in family.kinds),) if with_kinds else ()
    return f"`{family.name}`", family.type, _unit(family), labels + values, family.help, *of, f"`{_query(family)}`"


def _measured() -> Iterator[_Family]:
    """What kinds measure, each family once."""
    found: dict[str, tuple[Metric, list[str]]] = {}
    for kind in kinds():
        for metric in load(kind).metrics:
            found.setdefault(metric.name, (metric, []))[1].append(kind)
    for _, (metric, of) in sorted(found.items()):
        yield _of_metric(metric, of)


def _spread() -> Iterator[_Family]:
    for kind in kinds():
        for histogram in load(kind).histograms:
            yield _of_histogram(kind, histogram)


def _of_metric(metric: Metric, of: Sequence[str]) -> _Family:
    name = shown(metric).name
    return _Family(name, type_of(name), [metric.part] if metric.part else [], metric.help, of, metric.parts)


def _of_histogram(kind: str, histogram: Histogram) -> _Family:
    metric = next(one for one in load(kind).metrics if one.name == histogram.metric)
    own = ["asset", "check"] if histogram.by_check else []
    labels = ["site", *own, "kind", *([metric.part] if not histogram.part and metric.part else [])]
    return _Family(histogram.name, "histogram", labels, histogram.help, [kind])


def _of_instrument(instrument: Instrument) -> _Family:
    return _Family(instrument.name, instrument.type, instrument.labels, instrument.help)


def _unit(family: _Family) -> str:
    """The unit that the name ends with, or has before what it is a share of."""
    name = family.name.removesuffix("_total")
    return next((unit for unit in _UNITS if name.endswith(f"_{unit}") or f"_{unit}_per_" in name), "")


def _query(family: _Family) -> str:
    """A question that the family answers."""
    name, by = family.name, ", ".join(("asset", *family.labels) if family.kinds else family.labels)
    if family.type == "histogram":
        split = ", ".join(("le", *(label for label in family.labels if label not in ("site", "kind"))))
        return f"histogram_quantile(0.95, sum by ({split}) (rate({name}_bucket[1h])))"
    if family.type == "counter":
        return f"increase({name}[1h])"
    if name.endswith(("_timestamp_seconds", "_cert_expiry")):
        return f"{name} - time()" if name.endswith(("_expiry", "until_timestamp_seconds")) else f"time() - {name}"
    if name.endswith("_info"):
        return f"count by ({', '.join(family.labels)}) ({name})"
    if name.endswith("_ratio") or family.help.startswith(("1 ", "Whether ")):
        return f"avg_over_time({name}[1d])"
    return f"max by ({by}) ({name})" if by else f"max_over_time({name}[1d])"
