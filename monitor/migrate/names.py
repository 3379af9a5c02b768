"""Names that a configuration takes, made from what others call things."""

import re
from collections.abc import Iterable

from monitor.config.values import LONGEST_ID


def slug(text: str, otherwise: str) -> str:
    """DiskFull is disk-full; `otherwise` if nothing of the text can stand in a name."""
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1-\2", text[:1000])
    base = re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-") or otherwise
    return base[: LONGEST_ID - 4].strip("-")


class Names:
    """Makes names that a configuration takes, each once."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)
        self._next: dict[str, int] = {}

    def new(self, text: str, otherwise: str) -> str:
        """The slug of a text; the second DiskFull is disk-full-2."""
        base = name = slug(text, otherwise)
        number = self._next.get(base, 1)
        while name in self._taken:
            number += 1
            name = f"{base}-{number}"
        self._next[base] = number
        self._taken.add(name)
        return name
