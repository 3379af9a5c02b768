"""Reads the checks of the file: their kind, its settings, how often they run and their rules."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from monitor.config import explain
from monitor.config.document import MarkedDict, Place, printable
from monitor.config.file import CheckFile, ConfirmFile, DefaultsFile, KindDefaults, Pace
from monitor.config.model import Check, Confirm
from monitor.config.problems import Findings, did_you_mean
from monitor.config.rules import (
    BUILT_IN,
    Changes,
    Rules,
    changed,
    changed_where_known,
    only_shown,
    proposed,
    verify_known,
)
from monitor.config.values import format_duration
from probes import Probe, kinds, load

OWN_KEYS = frozenset(explain.keys(CheckFile))
"""The keys of a check that belong to every kind; all others are the settings of its kind."""

_BUILT_IN = Pace(interval=30, timeout=5, confirm=ConfirmFile(times=Confirm().times, gap=Confirm().gap))


class _Kind(NamedTuple):
    """A kind with what the file says of all its checks; `rules` are those of its checks, as far as they are read."""

    probe: type[Probe[Any]]
    defaults: KindDefaults
    rules: Rules


class CheckReader:
    """Reads the checks of one asset after another, each kind's part only once.

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

    def read(
        self, asset: str, place: Place, changes: Changes, settings: Mapping[str, Any]
    ) -> tuple[tuple[Place, Check], ...]:
        """The checks of the asset that stands at a place, each with its place.

        `changes` is what the asset says of their rules, `settings` what they take over from it. Checks that cannot be
        used are left out, their problems noted.
        """
        given = place.value.get("checks") if isinstance(place.value, MarkedDict) else None
        places = [place.at("checks", index) for index in range(len(given if isinstance(given, list) else ()))]
        spoken_for = any(self._speaks(here.at("kind").value) for here in places)
        found = [(here, self._read(asset, here, changes, place.at("rules"), settings, spoken_for)) for here in places]
        self._verify_changes(changes, places, place.at("rules"))
        return tuple((here, check) for here, check in found if check is not None)

    def verify_defaults(self) -> None:
        """Note the changes to rules of all checks that no check of the site has; after all assets are read."""
        kinds = [kind for kind in self._kinds.values() if isinstance(kind, _Kind)]
        if self._place is not None and len(kinds) == len(self._kinds):
            known = _ids(proposed(kind.probe) for kind in kinds)
            verify_known(self._defaults.rules, known, self._place.at("rules"), self._findings)

    def _verify_changes(self, changes: Changes, checks: Iterable[Place], place: Place) -> None:
        """Note what an asset changes that none of its checks has; nobody knows that if a kind cannot be used."""
        words = [here.at("kind").value for here in checks]
        found = [self._kinds.get(word) if isinstance(word, str) else None for word in words]
        kinds = [kind for kind in found if isinstance(kind, _Kind)]
        if len(kinds) == len(found):
            verify_known(changes, _ids(kind.rules for kind in kinds), place, self._findings)

    def _speaks(self, word: object) -> bool:
        """Whether checks of the kind of that name speak for all others of their asset."""
        with suppress(ImportError):  # whose problem is noted with the check
            return isinstance(word, str) and word in kinds() and load(word).summary
        return False

    def _read(
        self,
        asset: str,
        place: Place,
        changes: Changes,
        said: Place,
        settings: Mapping[str, Any],
        spoken_for: bool,
    ) -> Check | None:
        """The check that stands at a place, with the changes to rules that are said at another."""
        given = place.value
        if not isinstance(given, MarkedDict):
            return None
        head = explain.read(CheckFile, place, {k: v for k, v in given.items() if k in OWN_KEYS}, self._findings)
        word = given.get("kind")
        kind = self._kind(word, place.at("kind")) if isinstance(word, str) else None
        if kind is None:
            return None
        proposal = only_shown(kind.rules) if spoken_for and not kind.probe.summary else kind.rules
        rules = changed_where_known(proposal, changes, kind.probe, said, self._findings)
        return self._check(
            asset, place, {**_taken_over(settings, kind.probe), **given}, head, kind._replace(rules=rules)
        )

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
            rules=rules.of(f"{asset}/{name}"),
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
            return no_such_kind(name)
        try:
            probe = load(name)
        except ImportError as error:
            return f"the kind `{name}` cannot be used on this machine: {error}"
        rules = proposed(probe)
        if self._place is None:
            return _Kind(probe, KindDefaults(), rules)
        rules = changed_where_known(rules, self._defaults.rules, probe, self._place.at("rules"), self._findings)
        defaults = self._defaults.kinds.get(name, KindDefaults())
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


def _taken_over(settings: Mapping[str, Any], probe: type[Probe[Any]]) -> dict[str, Any]:
    """What a check of the kind takes over of what its asset says: what the kind has a setting for."""
    return {name: value for name, value in settings.items() if name in probe.Params.model_fields}


def _ids(several: Iterable[Rules]) -> tuple[str, ...]:
    """The ids of what every check has and of several kinds' rules, each once."""
    return tuple(dict.fromkeys(id for rules in (BUILT_IN, *several) for id in rules.known))


def no_such_kind(name: str) -> str:
    """What is wrong with a kind that does not exist."""
    guess = did_you_mean(name, kinds()) or "; `deskwatch reference kinds` lists them"
    return f"there is no kind `{printable(name)}`{guess}"


def default_name(kind: str) -> str:
    """The name of a check that has none: the last word of its kind."""
    return kind.rpartition(".")[2].replace("_", "-")


def _first(values: Iterable[float | None]) -> float:
    return next(value for value in values if value is not None)
