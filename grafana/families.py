"""Every metric family that Deskwatch declares, as dashboards need it: its labels, unit, title and colours."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

from monitor.metrics_reference import Family, histograms, of_checks, of_kinds, of_service
from probes import DefaultRule, load

OF_EVERY_CHECK = ("site", "asset", "check", "kind")
"""Labels of every series of a check."""
OF_A_TARGET = ("instance", "job")
"""Labels that Prometheus gives to every series."""

_UNITS = {
    "": "short",
    "amperes": "amp",
    "bytes": "bytes",
    "bytes_per_second": "bps",
    "celsius": "celsius",
    "hertz": "hertz",
    "joules": "joule",
    "ratio": "percentunit",
    "seconds": "s",
    "voltamperes": "voltamp",
    "volts": "volt",
    "watts": "watt",
}
"""Grafana's words for units. A rate is asked for in bytes and shown in bits, as contracts have it."""

_NAMED_UNITS = {"_dbm": "dBm", "_rpm": "rotrpm", "_info": "none"}
"""Units that only the end of a name tells."""

_COLOURS = {"critical": "red", "warning": "orange", "info": "blue"}

_ENDINGS = re.compile(
    r"_(timestamp_seconds|bytes_per_second|seconds|bytes|ratio|celsius|volts|watts|voltamperes|amperes|hertz"
    r"|joules_total|total|info|rpm|dbm)$"
)
_CAPITALS = (
    "CO2",
    "DHCP",
    "DNS",
    "EDID",
    "HTTP",
    "ICMP",
    "IP",
    "NAT",
    "RADIUS",
    "SIP",
    "SSID",
    "SSL",
    "TCP",
    "TLS",
    "UPS",
)
_SPELLED = {word.lower(): word for word in _CAPITALS} | {
    "mdns": "mDNS",
    "poe": "PoE",
    "promql": "PromQL",
    "rtt": "round trip",
    "wifi": "Wi-Fi",
}
"""Words that are not written as they stand in a name."""


class Undeclared(LookupError):  # noqa: N818 - read as a sentence
    """A query names a metric family that nothing declares."""


class Limit(NamedTuple):
    """From which value on a colour holds; None is from the very beginning."""

    value: float | None
    colour: str


def find(name: str) -> Family:
    """The family of a series. Raises Undeclared."""
    for candidate in (name, re.sub(r"_(bucket|sum|count)$", "", name)):
        if candidate in declared():
            return declared()[candidate]
    raise Undeclared(
        f"no kind and no part of the service declares the metric family {name}: look for its name in "
        "docs/operations/metrics-reference.md"
    )


@cache
def declared() -> Mapping[str, Family]:
    """All families by name."""
    return {family.name: family for family in (*of_checks(), *of_kinds(), *histograms(), *of_service())}


@cache
def _of_checks() -> frozenset[str]:
    return frozenset(family.name for family in (*of_checks(), *of_kinds()))


def labels(family: Family) -> Sequence[str]:
    """All labels of a family's series as Prometheus stores them."""
    base = OF_EVERY_CHECK if family.name in _of_checks() else ()
    return (*base, *family.labels, *OF_A_TARGET)


def measured_by(area: str) -> list[Family]:
    """The families of the kinds that a pattern fits, those counted in histograms included, by name."""
    fits = re.compile(area).fullmatch
    return [one for name, one in sorted(declared().items()) if any(fits(kind) for kind in one.kinds)]


def unit(family: Family) -> str:
    """Grafana's word for the family's unit."""
    if is_time(family):
        return "dateTimeFromNow"
    ending = next((word for end, word in _NAMED_UNITS.items() if family.name.endswith(end)), None)
    return ending or _UNITS[family.unit]


def is_rate(family: Family) -> bool:
    """Whether it is in bytes a second, and shown in bits."""
    return family.unit == "bytes_per_second"


def is_time(family: Family) -> bool:
    """Whether it is a point in time, in Unix seconds."""
    return family.name.endswith(("_timestamp_seconds", "_cert_expiry"))


def is_state(family: Family) -> bool:
    """Whether it is either 1 or 0."""
    return family.type == "gauge" and family.help.startswith(("1 if", "1 for", "1 while", "Whether"))


def title(family: Family) -> str:
    """Its name as people would say it; the unit only where it tells two of them apart."""
    said, ending = _said(family.name), _ENDINGS.search(family.name)
    if ending is None or _titles()[said] == 1:
        return said
    return f"{said} ({'rate' if is_rate(family) else ending[1].replace('_', ' ')})"


def limits(family: Family, part: str = "") -> tuple[Limit, ...]:
    """Where the built-in rules of its kinds begin to mind the family, or that part of it; () if none does."""
    rules = [rule for kind in family.kinds for rule in load(kind).rules if _judges(rule, family, part)]
    high = {rule.above: _COLOURS[rule.severity] for rule in rules if rule.above is not None}
    low = {rule.below: _COLOURS[rule.severity] for rule in rules if rule.below is not None}
    if high:
        # A rule is broken above its value, and Grafana colours from it on: 0 itself is still good.
        return (Limit(None, "green"), *(Limit(value or 0.001, high[value]) for value in sorted(high)))
    if low:
        values = sorted(low)
        colours = [*(low[value] for value in values), "green"]
        return tuple(Limit(value, colour) for value, colour in zip([None, *values], colours, strict=True))
    return ()


def _said(name: str) -> str:
    """A family's name without prefix and unit."""
    first, *others = _ENDINGS.sub("", re.sub(r"^(deskwatch|probe)_", "", name)).split("_")
    return " ".join((_SPELLED.get(first, first.capitalize()), *(_SPELLED.get(word, word) for word in others)))


@cache
def _titles() -> Mapping[str, int]:
    """How many families have the same name but for their unit."""
    return Counter(_said(name) for name in declared())


def _judges(rule: DefaultRule, family: Family, part: str) -> bool:
    name = rule.metric.replace("bits_per_second", "bytes_per_second")
    return name == family.name and rule.part in ("", part) and rule.against == "value"
