"""Reads the modules of the file: probes on demand under names of their own, as blackbox_exporter has them."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from monitor.config import explain
from monitor.config.checks import no_such_kind
from monitor.config.document import MarkedDict, Place
from monitor.config.file import ModuleFile
from monitor.config.model import Module
from monitor.config.problems import Findings
from probes import Params, Probe, kinds, load

OWN_KEYS = frozenset(explain.keys(ModuleFile))
"""The keys of a module that belong to every kind; all others are the settings of its kind."""

_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,62})")
_TARGETS = ("192.0.2.1", "192.0.2.1:9", "https://192.0.2.1/")
"""What a target may look like: with one of them the settings of a module must make a probe."""


def read(place: Place, findings: Findings) -> Mapping[str, Module]:
    """The modules that stand at a place, by name. Those that cannot be used are left out, their problems noted."""
    given = place.value
    if given is None:
        return {}
    if not isinstance(given, MarkedDict):
        findings.add(place, "must hold a module by its name: `http_2xx: {kind: internet.http}`")
        return {}
    read = {name: _module(name, place.at(name), findings) for name in given}
    return {name: module for name, module in read.items() if module is not None}


def _module(name: str, place: Place, findings: Findings) -> Module | None:
    if name in kinds() or not _NAME.fullmatch(name):
        findings.add(place, "must have a name of letters, digits, `_`, `-` and `.`, which is no kind's")
        return None
    given = place.value if isinstance(place.value, MarkedDict) else {}
    head = explain.read(ModuleFile, place, {k: v for k, v in given.items() if k in OWN_KEYS}, findings)
    probe = None if head is None else _probe(head.kind, place.at("kind"), findings)
    if head is None or probe is None:
        return None
    settings = {k: v for k, v in given.items() if k not in OWN_KEYS}
    target = _target(probe.Params, settings)
    if target is None:
        findings.add(place.at("kind"), f"`{head.kind}` takes no target; it runs only as a check")
        return None
    for key in settings.keys() & target.keys():
        findings.add(place.at(key), "comes from the target that is asked for; leave it out")
    explain.read(probe.Params, place, {**settings, **target}, findings, also=OWN_KEYS)
    return Module(head.kind, settings, head.timeout)


def _probe(kind: str, place: Place, findings: Findings) -> type[Probe[Any]] | None:
    """The class of a kind that runs on demand, None with the problem noted if there is none."""
    if kind not in kinds():
        findings.add(place, no_such_kind(kind))
        return None
    probe = load(kind)
    if not probe.on_demand:
        findings.add(place, f"`{kind}` runs only as a check of the configuration")
        return None
    return probe


def _target(params: type[Params], settings: Mapping[str, Any]) -> Mapping[str, object] | None:
    """What a target stands for, of a form that the kind takes; None if it takes none."""
    forms = (params.of_target(target) for target in _TARGETS)
    return next((form for form in forms if not set(form) & set(_complaints(params, {**settings, **form}))), None)


def _complaints(params: type[Params], settings: Mapping[str, Any]) -> Iterator[str]:
    """The settings that are wrong."""
    try:
        params.model_validate(settings)
    except ValidationError as error:
        yield from (str(one["loc"][0]) for one in error.errors() if one["loc"])
