"""What a reload changes: what the new configuration adds, no longer has, and has with other settings."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import NamedTuple

from monitor.config.model import Config

NEEDS_RESTART = ("server", "storage")
"""What takes effect only when Deskwatch is restarted."""

_NAMED = ("assets", "routes", "destinations", "people", "schedules", "maintenances", "modules", "other_sites", "source")
"""What is not compared as a whole."""


class Diff(NamedTuple):
    """The names of what a new configuration adds, no longer has, and has with other settings; each sorted."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]


def diff(old: Config, new: Config) -> dict[str, Diff]:
    """How two configurations differ, by sort of thing; sorts in which nothing differs are left out.

    An asset counts as changed for its own settings, not for those of its checks; a check not for those of its rules.
    No value is told: it may be secret.
    """
    before, after = _things(old), _things(new)
    found = {sort: _diff(before[sort], after[sort]) for sort in before}
    return {sort: one for sort, one in found.items() if any(one)}


def _diff(before: Mapping[str, object], after: Mapping[str, object]) -> Diff:
    return Diff(
        added=tuple(sorted(after.keys() - before.keys())),
        removed=tuple(sorted(before.keys() - after.keys())),
        changed=tuple(sorted(name for name in before.keys() & after.keys() if before[name] != after[name])),
    )


def _things(config: Config) -> dict[str, Mapping[str, object]]:
    """Everything that a configuration names, by sort and name."""
    single = {field.name: getattr(config, field.name) for field in fields(config) if field.name not in _NAMED}
    return {
        "assets": {one.id: replace(one, checks=()) for one in config.assets},
        "checks": {one.id: replace(one, rules=()) for one in config.checks},
        "rules": {f"{one.check} {one.id}": one for check in config.checks for one in check.rules},
        "routes": {one.id: one for one in config.routes},
        "destinations": config.destinations,
        "people": {one.id: one for one in config.people},
        "schedules": {one.id: one for one in config.schedules},
        "planned work": {one.id: one for one in config.maintenances},
        "modules": config.modules,
        "other sites": {one.id: one for one in config.other_sites},
        "settings": {name: value for name, value in single.items() if value is not None},
    }
