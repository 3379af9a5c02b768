"""Reads the checks of the file: their kind, its settings, how often they run and their rules."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from monitor.config import explain
from monitor.config.document import Place, printable
from monitor.config.file import CheckFile, ConfirmFile, DefaultsFile, KindDefaults, Pace
from monitor.config.model import Check, Confirm
from monitor.config.problems import Findings, did_you_mean
from monitor.config.rules import Rules, changed, proposed
from monitor.config.values import format_duration
from probes import Probe, kinds, load

OWN_KEYS = frozenset(explain.keys(CheckFile))
"""The keys of a check that belong to every kind; all others are the settings of its kind."""

_BUILT_IN = Pace(interval=30, timeout=5, confirm=ConfirmFile(times=Confirm().times, gap=Confirm().gap))


class _Kind(NamedTuple):
    """A kind with what the file says of all its checks."""

    probe: type[Probe[Any]]
    defaults: KindDefaults
    rules: Rules


class CheckReader:
    """Reads one check after another, each kind's part only once.

    `place` is where the defaults stand, None if the file has none.
    """

    def __init__(self, defaults: DefaultsFile, place: Place | None, findings: Findings) -> None:
        self._defaults = defaults
        self._place = place
        self._findings = findings
        self._kinds: dict[str, _Kind | str] = {}
        if place is not None:
            for kind in defaults.kinds:
                self._kind(kind, place.at("kinds", kind))

    def read(self, asset: str, place: Place, given: Mapping[str, Any]) -> Check | None:
        """The check that stands at a place; None, with its problems noted, if it cannot be used."""
        head = explain.read(CheckFile, place, {k: v for k, v in given.items() if k in OWN_KEYS}, self._findings)
        word = given.get("kind")
        kind = self._kind(word, place.at("kind")) if isinstance(word, str) else None
        if kind is None:
            return None
        return self._check(asset, place, given, head, kind)

    def _check(
        self, asset: str, place: Place, given: Mapping[str, Any], head: CheckFile | None, kind: _Kind
    ) -> Check | None:
        settings = {k: v for k, v in given.items() if k not in OWN_KEYS}
        params = explain.read(kind.probe.Params, place, settings, self._findings, also=OWN_KEYS)
        if head is None:
            return None
        rules = changed(kind.rules, head.rules, kind.probe, place.at("rules"), self._findings)
        interval, timeout, confirm = self._pace(head, kind, place)
        if params is None:
            return None
        name = head.name or default_name(head.kind)
        return Check(
            id=f"{asset}/{name}",
            asset=asset,
            name=name,
            kind=head.kind,
            interval=interval,
            timeout=timeout,
            confirm=confirm,
            params=params,
            rules=tuple(replace(rule, check=f"{asset}/{name}") for rule in rules.values()),
        )

    def _kind(self, name: str, place: Place) -> _Kind | None:
        """The kind of that name, None with the problem noted if there is none."""
        kind = self._kinds.get(name)
        if kind is None:
            kind = self._kinds[name] = self._load(name)
        if isinstance(kind, str):
            self._findings.add(place, kind)
            return None
        return kind

    def _load(self, name: str) -> _Kind | str:
        """The kind, or what is wrong with it."""
        if name not in kinds():
            guess = did_you_mean(name, kinds()) or "; `deskwatch reference kinds` lists them"
            return f"there is no kind `{printable(name)}`{guess}"
        try:
            probe = load(name)
        except ImportError as error:
            return f"the kind `{name}` cannot be used on this machine: {error}"
        defaults = self._defaults.kinds.get(name)
        rules = proposed(probe)
        if defaults is None or self._place is None:
            return _Kind(probe, KindDefaults(), rules)
        place = self._place.at("kinds", name, "rules")
        return _Kind(probe, defaults, changed(rules, defaults.rules, probe, place, self._findings))

    def _pace(self, head: CheckFile, kind: _Kind, place: Place) -> tuple[float, float, Confirm]:
        """Interval, timeout and confirmation: what the check says, else its kind, else the defaults."""
        layers: tuple[Pace, ...] = (head, kind.defaults, self._defaults, _BUILT_IN)
        interval = _first(layer.interval for layer in layers)
        timeout = _first(layer.timeout for layer in layers)
        if interval < timeout:
            said = f"the interval of {format_duration(interval)} is shorter than the timeout"
            message = f"{said} of {format_duration(timeout)}; change one of them"
            self._findings.add(self._said_at(layers, head.kind, place), message)
        times = _first(layer.confirm.times for layer in layers)
        gap = _first(layer.confirm.gap for layer in layers)
        return interval, timeout, Confirm(int(times), gap)

    def _said_at(self, layers: Iterable[Pace], kind: str, place: Place) -> Place:
        """Where the nearest layer that says anything of interval or timeout does so."""
        defaults = self._place or place
        for layer, here in zip(layers, (place, defaults.at("kinds", kind), defaults), strict=False):
            for key in ("interval", "timeout"):
                if getattr(layer, key) is not None:
                    return here.at(key)
        return place


def default_name(kind: str) -> str:
    """The name of a check that has none: the last word of its kind."""
    return kind.rpartition(".")[2].replace("_", "-")


def _first(values: Iterable[float | None]) -> float:
    return next(value for value in values if value is not None)
