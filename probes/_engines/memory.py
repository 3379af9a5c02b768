"""What checks remember from run to run and across restarts: a small JSON object for each."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

MOST = 256 * 1024
"""Bytes of what one check may remember, as JSON."""

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Memory:
    """What each check remembers, by its id. What is asked for on demand has no id and remembers nothing."""

    def __init__(self) -> None:
        self._known: dict[str, Mapping[str, Any]] = {}
        self._changed: set[str] = set()

    def recall(self, check: str) -> Mapping[str, Any]:
        """What a check kept last, empty if nothing."""
        return self._known.get(check, _NOTHING)

    def keep(self, check: str, what: Mapping[str, Any]) -> None:
        """Remember this instead. Raises ValueError for what is no JSON or more than `MOST` bytes of it."""
        if not check or self._known.get(check) == what:
            return
        size = len(json.dumps(what))
        if size > MOST:
            raise ValueError(f"{check} would remember {size} bytes; {MOST} is the most")
        self._known[check] = what
        self._changed.add(check)

    def restore(self, known: Mapping[str, Mapping[str, Any]]) -> None:
        """Begin with what was known before a restart."""
        self._known = dict(known)

    def take_changed(self) -> dict[str, Mapping[str, Any]]:
        """What has changed since this was last asked, by check."""
        changed, self._changed = self._changed, set()
        return {check: self._known[check] for check in changed if check in self._known}

    def mark(self, check: str) -> None:
        """Count what a check remembers as changed: it could not be written."""
        self._changed.add(check)

    def close(self) -> None:
        """Forget everything."""
        self._known.clear()
