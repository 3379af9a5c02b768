"""Queries: PromQL with bare names of families, which the variables of a dashboard then select from."""

import re
from typing import NamedTuple

from grafana import families
from monitor.metrics_reference import Family

VARIABLES = ("site", "asset", "instance")
"""What every dashboard lets people choose, the last one by way of the site; each is a label of that name."""

_SERIES = re.compile(r"\b((?:deskwatch|probe)_[a-z0-9_]+)\b(?:\{([^}]*)\})?")


class Asked(NamedTuple):
    """A query, its legend, and the families that it is about, in the order in which it names them."""

    expr: str
    legend: str
    families: tuple[Family, ...]


def ask(query: str, legend: str = "") -> Asked:
    """A query over what the dashboard's variables select. Raises Undeclared when it names what nothing declares."""
    return Asked(_SERIES.sub(_selected, query), legend, named(query))


def named(query: str) -> tuple[Family, ...]:
    """The families that a query is about, in the order in which it names them. Raises Undeclared."""
    found = [families.find(name) for name, _ in _SERIES.findall(query)]
    return tuple({family.name: family for family in found}.values())


def every(family: Family) -> str:
    """The series of a family, each by itself, in the unit that they are shown in."""
    if family.type == "counter":
        return f"increase({family.name}[$__rate_interval])"
    return f"{family.name} * 1000" if families.is_time(family) else family.name


def legend(family: Family) -> str:
    """What tells the series of a family apart."""
    labels = families.labels(family)
    first = next((label for label in ("check", "kind", "instance") if label in labels), "")
    own = [label for label in family.labels if label not in families.OF_EVERY_CHECK]
    return " ".join(f"{{{{{label}}}}}" for label in (first, *own))


def _selected(found: re.Match[str]) -> str:
    """The name with the matchers that it has, and those of the variables whose label its series have.

    What Deskwatch says of itself has no site: the instances of the site are chosen instead.
    """
    name, own = found.groups()
    labels = families.labels(families.find(name))
    chosen = [label for label in VARIABLES if label in labels and (label != "instance" or "site" not in labels)]
    matchers = [f'{label}=~"${label}"' for label in chosen] + ([own] if own else [])
    return f"{name}{{{', '.join(matchers)}}}"
