"""What a migration makes: sections of a configuration, what to set for its secrets, and what became of everything."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import Any, NamedTuple

from pydantic import SecretStr, ValidationError

from monitor.config.checks import OWN_KEYS
from monitor.config.document import printable
from monitor.migrate.names import Names, slug
from probes import load

MOST = 5_000
"""Assets that one migration makes."""

_WORD = 30  # characters of each word in the name of a variable
_STAND_IN = SecretStr("x" * 32)
"""What a secret is while settings are looked through; a heartbeat's key has at least 16 characters."""


class Verdict(StrEnum):
    """What became of something."""

    CARRIED = "carried over"
    CHANGED = "changed in meaning"
    LEFT = "not carried"


class Line(NamedTuple):
    """What became of one thing, in words."""

    verdict: Verdict
    what: str
    words: str


class Entry(NamedTuple):
    """One entry of a section, and where it came from."""

    origin: str
    value: Mapping[str, Any]


class Needed(NamedTuple):
    """An environment variable that must be set, and to what."""

    name: str
    what: str


class Migration(NamedTuple):
    """The sections of a configuration, what its secrets are, and what became of everything that was found."""

    sections: Mapping[str, tuple[Entry, ...]]
    needed: tuple[Needed, ...]
    lines: tuple[Line, ...]

    def count(self, verdict: Verdict) -> int:
        """How many lines have that verdict."""
        return sum(line.verdict is verdict for line in self.lines)


class Unportable(Exception):  # noqa: N818 - what is raised is the state of the thing, not our failure
    """Something that cannot be carried over, with the reason."""


class Draft:
    """Collects what a migration makes. `program` begins the names of environment variables."""

    def __init__(self, program: str) -> None:
        self._program = program
        self._sections: dict[str, list[Entry]] = {}
        self._needed: list[Needed] = []
        self._lines: list[Line] = []
        self._names = {section: Names() for section in ("services", "routes", "maintenance")}
        self._variables = Names()

    def carried(self, what: str, words: str) -> None:
        """Note something that means here what it meant there."""
        self._lines.append(Line(Verdict.CARRIED, what, words))

    def changed(self, what: str, words: str) -> None:
        """Note something that means something else here."""
        self._lines.append(Line(Verdict.CHANGED, what, words))

    def left(self, what: str, words: str) -> None:
        """Note something that was not carried, with the reason."""
        self._lines.append(Line(Verdict.LEFT, what, words))

    @contextmanager
    def attempt(self, what: str) -> Iterator[None]:
        """Collect what one thing comes to; when it turns out to be Unportable, only the reason stays."""
        lines, needed = len(self._lines), len(self._needed)
        try:
            yield
        except Unportable as error:
            del self._lines[lines:], self._needed[needed:]
            self.left(what, str(error))

    def secret(self, what: str, *words: str) -> str:
        """A reference to a secret that stands nowhere in what is made; `words` name its variable."""
        name = (
            self._variables.new("-".join((self._program, *(word[:_WORD] for word in words))), "secret")
            .replace("-", "_")
            .upper()
        )
        self.need(name, what)
        return f"${{env:{name}}}"

    def need(self, name: str, what: str) -> None:
        """Note that an environment variable must be set, once."""
        if not any(known.name == name for known in self._needed):
            self._needed.append(Needed(name, what))

    def asset(self, title: str, origin: str, checks: Sequence[Mapping[str, Any]], **more: Any) -> str:
        """Add an asset and tell its id. Raises Unportable when a check's settings are not what its kind takes."""
        if len(self._sections.get("services", ())) >= MOST:
            raise Unportable(f"more than {MOST} at once; divide the file")
        for check in checks:
            verify(check)
        id = self._names["services"].new(title, "service")
        value = {"id": id, "name": printable(title) or id, "people": 0, **more, "checks": list(checks)}
        self._sections.setdefault("services", []).append(Entry(origin, value))
        for check in checks:
            self.carried(origin, f"{check['kind']} of {id}")
        return id

    def entry(self, section: str, title: str, origin: str, value: Mapping[str, Any]) -> str:
        """Add an entry to `routes` or `maintenance` and tell its id."""
        id = self._names[section].new(title, section)
        self._sections.setdefault(section, []).append(Entry(origin, {"id": id, **value}))
        self.carried(origin, f"{section} {id}")
        return id

    def finished(self) -> Migration:
        """All that was collected."""
        sections = {name: tuple(entries) for name, entries in self._sections.items()}
        return Migration(sections, tuple(self._needed), tuple(self._lines))


def verify(check: Mapping[str, Any]) -> None:
    """Hold the settings of a check against its kind. Raises Unportable with what is wrong."""
    settings = {key: _as_known(value) for key, value in check.items() if key not in OWN_KEYS}
    try:
        load(check["kind"]).Params.model_validate(settings)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        words = first["msg"].removeprefix("Value error, ")
        raise Unportable(f"{where + ': ' if where else ''}{printable(words)}") from None


def tags(*words: str) -> dict[str, list[str]]:
    """The tags that words stand for, as a setting of an asset; none for what no name can be made of."""
    found = dict.fromkeys(slug(word, "") for word in words)
    kept = [tag for tag in found if tag]
    return {"tags": kept} if kept else {}


def _as_known(value: Any) -> Any:
    """A setting in which references to secrets are secrets already: what they stand for is not known yet."""
    if isinstance(value, str) and ("${env:" in value or "${file:" in value):
        return _STAND_IN
    return {key: _as_known(one) for key, one in value.items()} if isinstance(value, Mapping) else value
