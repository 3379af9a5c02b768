"""Every metric family in tables, written from what kinds of probes and the service declare."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from prometheus_client import CollectorRegistry

from monitor.exposition import DURATION, SUCCESS, shown, type_of
from monitor.metrics import LAST_RUN, STATUS, Instrument, Vitals
from monitor.reference import table
from probes import Histogram, Metric, kinds, load

_UNITS = ("seconds", "bytes", "ratio")
"""What names of families about Deskwatch itself end with."""


class Family(NamedTuple):
    """A metric family as Prometheus is shown it.

    `labels` beside those of every check; `kinds` are those that measure it, none if every check has it; `parts` the
    values of its last label where they are known before measuring.
    """

    name: str
    type: str
    unit: str
    labels: Sequence[str]
    help: str
    kinds: Sequence[str] = ()
    parts: Sequence[str] = ()


def tables() -> str:
    """All families as Markdown: of every check, of single kinds, histograms, and of Deskwatch itself."""
    sections = (
        "## Of every check",
        _table(of_checks()),
        "## Of single kinds",
        _table(of_kinds(), with_kinds=True),
        "## Histograms",
        _table(histograms(), with_kinds=True),
        "## Of Deskwatch itself",
        _table(of_service()),
    )
    return "\n\n".join(sections)


def of_checks() -> Iterator[Family]:
    """What every check has."""
    return (_of_metric(metric, ()) for metric in (SUCCESS, DURATION, STATUS, LAST_RUN))


def of_kinds() -> Iterator[Family]:
    """What kinds measure, each family once, by name."""
    found: dict[str, tuple[Metric, list[str]]] = {}
    for kind in kinds():
        for metric in load(kind).metrics:
            found.setdefault(metric.name, (metric, []))[1].append(kind)
    return (_of_metric(metric, of) for _, (metric, of) in sorted(found.items()))


def histograms() -> Iterator[Family]:
    """What is counted of kinds. Their `labels` are all that they have."""
    return (_of_histogram(kind, histogram) for kind in kinds() for histogram in load(kind).histograms)


def of_service() -> Iterator[Family]:
    """What Deskwatch says of itself, by name. Their `labels` are all that they have."""
    return (_of_instrument(one) for one in sorted(Vitals(CollectorRegistry()).instruments))


def _table(families: Iterable[Family], with_kinds: bool = False) -> str:
    head = ("Family", "Type", "Unit", "Labels", "Says", *(("Kinds",) if with_kinds else ()), "For example")
    return table(head, [_row(family, with_kinds) for family in families])


def _row(family: Family, with_kinds: bool) -> Sequence[str]:
    labels = ", ".join(f"`{label}`" for label in family.labels)
    values = f": {', '.join(family.parts)}" if family.parts else ""
    of = (", ".join(f"[{kind}](../probes/{kind}.md)" for kind in family.kinds),) if with_kinds else ()
    return f"`{family.name}`", family.type, family.unit, labels + values, family.help, *of, f"`{_query(family)}`"


def _of_metric(metric: Metric, of: Sequence[str]) -> Family:
    name = shown(metric).name
    return Family(
        name, type_of(name), _shown_unit(metric), [metric.part] if metric.part else [], metric.help, of, metric.parts
    )


def _of_histogram(kind: str, histogram: Histogram) -> Family:
    metric = next(one for one in load(kind).metrics if one.name == histogram.metric)
    own = ["asset", "check"] if histogram.by_check else []
    labels = ["site", *own, "kind", *([metric.part] if not histogram.part and metric.part else [])]
    return Family(histogram.name, "histogram", _shown_unit(metric), labels, histogram.help, [kind])


def _of_instrument(instrument: Instrument) -> Family:
    return Family(instrument.name, instrument.type, _named_unit(instrument.name), instrument.labels, instrument.help)


def _shown_unit(metric: Metric) -> str:
    """The unit that the metric declares; a rate is shown in bytes."""
    return metric.unit.replace("bits", "bytes")


def _named_unit(name: str) -> str:
    """The unit that the name ends with."""
    return next((unit for unit in _UNITS if name.removesuffix("_total").endswith(f"_{unit}")), "")


def _query(family: Family) -> str:
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
