"""What a reload changes, by check id."""

from typing import NamedTuple

from monitor.config.model import Config


class Diff(NamedTuple):
    """The ids of the checks that a new configuration adds, no longer has, and has with other settings; each sorted."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]


def diff(old: Config, new: Config) -> Diff:
    """How the checks of two configurations differ. A check whose settings and rules are equal goes on undisturbed."""
    before = {check.id: check for check in old.checks}
    after = {check.id: check for check in new.checks}
    return Diff(
        added=tuple(sorted(after.keys() - before.keys())),
        removed=tuple(sorted(before.keys() - after.keys())),
        changed=tuple(sorted(name for name in before.keys() & after.keys() if before[name] != after[name])),
    )
