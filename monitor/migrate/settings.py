"""Other programs' settings: read key by key, with what nobody read left over to be told."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from monitor.config.document import printable
from monitor.config.source import Unreadable, parse
from monitor.migrate.draft import Unportable

_DURATION = re.compile(r"(\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h|d|w|y))+")
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d|w|y)")
_SECONDS = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "ms": 1e-3,
    "s": 1,
    "m": 60,
    "h": 3_600,
    "d": 86_400,
    "w": 604_800,
    "y": 31_536_000,
}
_TRUE = {"true": True, "false": False, "1": True, "0": False, "": False}


def yaml_settings(name: str, text: str) -> "Settings":
    """The settings of a YAML file. Raises ValueError, with the line, when it is none or too much of it."""
    try:
        document, _ = parse(Path(name), text, merging=True)
    except Unreadable as error:
        raise ValueError(f"line {error.problem.line}: {error}") from None
    return Settings(document.data)


def seconds(text: object) -> float:
    """The seconds of a duration as Go programs write it: 1m30s, 500ms. Raises Unportable when it is none."""
    word = str(text)
    if word.strip("0.") == "":
        return 0
    if len(word) > 40 or not _DURATION.fullmatch(word):
        raise Unportable(f"`{printable(word)}` is no duration")
    return sum(float(amount) * _SECONDS[unit] for amount, unit in _AMOUNT.findall(word))


class Settings:
    """A mapping of which is known what was looked at. What is there in another shape than asked for is Unportable."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self.given = given
        self._seen: set[str] = set()

    def raw(self, key: str) -> Any:
        """What stands there, None if nothing does."""
        self._seen.add(key)
        return self.given.get(key)

    def text(self, key: str, default: str = "") -> str:
        """A word or number as text."""
        value = self.raw(key)
        return default if value is None else _scalar(key, value)

    def flag(self, key: str, default: bool = False) -> bool:
        """Yes or no; also 1 and 0, as databases have it."""
        word = self.text(key, str(default)).lower()
        if word not in _TRUE:
            raise Unportable(f"`{key}` must be true or false")
        return _TRUE[word]

    def whole(self, key: str, default: int = 0) -> int:
        """A whole number."""
        word = self.text(key) or str(default)
        if not re.fullmatch(r"-?\d{1,12}", word):
            raise Unportable(f"`{key}` must be a whole number")
        return int(word)

    def number(self, key: str) -> float:
        """A number of at least 0, which it is where none is given."""
        word = self.text(key) or "0"
        if not re.fullmatch(r"\d{1,9}(\.\d{1,20})?", word):
            raise Unportable(f"`{key}` must be a number")
        return float(word)

    def seconds(self, key: str, default: float = 0) -> float:
        """A duration; the default where none is given."""
        word = self.text(key)
        return seconds(word) if word else default

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of words; one alone is a list of one."""
        value = self.raw(key)
        given = [] if value is None else value if isinstance(value, list) else [value]
        return tuple(_scalar(key, one) for one in given)

    def words(self, key: str) -> dict[str, str]:
        """A mapping of words."""
        inner = self.inner(key)
        return {name: inner.text(name) for name in inner.given}

    def inner(self, key: str) -> "Settings":
        """A mapping; an empty one where none is given."""
        value = self.raw(key)
        if value is not None and not isinstance(value, dict):
            raise Unportable(f"`{key}` must hold settings")
        return Settings(value or {})

    def entries(self, key: str) -> tuple["Settings", ...]:
        """A list of mappings."""
        value = self.raw(key)
        if value is not None and not (isinstance(value, list) and all(isinstance(one, dict) for one in value)):
            raise Unportable(f"`{key}` must be a list of settings")
        return tuple(Settings(one) for one in value or ())

    @property
    def rest(self) -> Iterator[str]:
        """The keys that nobody looked at and that say something, in their order."""
        return (printable(key) for key, value in self.given.items() if key not in self._seen and _says(value))


def _says(value: object) -> bool:
    return value is not None and value is not False and value != "" and value != [] and value != {}


def _scalar(key: str, value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (str, int, float)):
        return str(value)
    raise Unportable(f"`{key}` must be a word or a number")


def first(values: Sequence[str], default: str = "") -> str:
    """The first of some words."""
    return values[0] if values else default
