"""What can be measured: every module in here without an underscore is a kind, `internet/ping.py` is "internet.ping"."""

import importlib
from functools import cache
from pathlib import Path
from typing import Any

from probes._base import (
    REASONS,
    UNKNOWN_REASONS,
    DefaultRule,
    Failed,
    Histogram,
    Measured,
    Metric,
    Params,
    Reading,
    Sample,
    Status,
    Unmeasured,
)
from probes._probe import Probe

__all__ = [
    "REASONS",
    "UNKNOWN_REASONS",
    "DefaultRule",
    "Failed",
    "Histogram",
    "Measured",
    "Metric",
    "Params",
    "Probe",
    "Reading",
    "Sample",
    "Status",
    "Unmeasured",
    "kinds",
    "load",
]


@cache
def kinds() -> tuple[str, ...]:
    """The names of all kinds, sorted. Imports none of them."""
    root = Path(__file__).parent
    modules = (path.relative_to(root).with_suffix("") for path in root.glob("*/*.py"))
    return tuple(sorted(".".join(m.parts) for m in modules if not any(p.startswith("_") for p in m.parts)))


@cache
def load(kind: str) -> type[Probe[Any]]:
    """The probe class of a kind, imported at its first use.

    Raises KeyError when there is no such kind.
    """
    if kind not in kinds():
        raise KeyError(kind)
    module = importlib.import_module(f"{__name__}.{kind}")
    classes = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Probe) and value.__module__ == module.__name__
    ]
    if len(classes) != 1:
        raise TypeError(f"probes/{kind.replace('.', '/')}.py must define exactly one Probe, it defines {len(classes)}")
    return classes[0]
