"""The newest audit of who can enter, with the names in it: in memory alone, and gone with the process."""

from collections.abc import Collection

from probes._engines.credentials import Audit


class Audits:
    """Newest audits, by check. What is asked for on demand has no check and leaves nothing here."""

    def __init__(self) -> None:
        self._audits: dict[str, Audit] = {}

    def take(self, check: str, audit: Audit) -> None:
        """Keep an audit instead of the one before."""
        if check:
            self._audits[check] = audit

    def of(self, check: str) -> Audit | None:
        """The newest audit of a check, None if there is none yet."""
        return self._audits.get(check)

    def keep_only(self, checks: Collection[str]) -> None:
        """Forget the checks other than these."""
        self._audits = {id: audit for id, audit in self._audits.items() if id in checks}

    def close(self) -> None:
        """Forget everything."""
        self._audits.clear()
