"""Reads YAML files into plain data that knows its lines; nothing in a file can make this slow or crash it."""

import re
from collections.abc import Iterator
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from monitor.config.document import Document, Marked, MarkedDict, MarkedList, printable, where
from monitor.config.problems import Problem

LARGEST = 8 * 1024 * 1024
"""Bytes of one file."""

DEEPEST = 32
"""Levels of nesting."""

MOST = 1_000_000
"""Values in one file, each use of an alias counted with everything it stands for."""

# The core schema of YAML 1.2 (section 10.3.2): `no` and `on` are words, `12:30` is not a number of minutes.
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {word: word.lower() == "true" for word in ("true", "True", "TRUE", "false", "False", "FALSE")}
_INTEGER = re.compile(r"[-+]?[0-9]{1,40}|0o[0-7]{1,40}|0x[0-9a-fA-F]{1,40}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NUMERIC = frozenset("+-.0123456789")

# What YAML 1.2 lets a file hold (production 1); anything else means that it is not text.
_NOT_TEXT = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_REMEDIES = (
    ("cannot start any token", "put the value in quotes, and indent with spaces, not tabs"),
    ("mapping values are not allowed", "put text that holds `: ` in quotes, or check the indentation"),
    ("did not find expected key", "check the indentation and the quotes of this line and the one above"),
    ("did not find expected '-' indicator", "check the indentation: the entries of a list begin in one column"),
    ("found unexpected ':'", "put a space after the colon; put text that holds a colon in quotes"),
    ("could not find expected ':'", "write `key: value`, with a space after the colon"),
    ("unexpected end of stream", "a quote or bracket above is never closed"),
    ("did not find expected ',' or", "a bracket is never closed, or a comma is missing"),
    ("escape", r"write a backslash in double quotes as \\, or use single quotes"),
    ("%", "put the value in quotes"),
)

_Loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Unreadable(Exception):  # noqa: N818 - what is raised is the state of the file
    """A file that holds no usable data at all."""

    def __init__(self, file: Path, message: str, mark: Marked | None = None) -> None:
        super().__init__(message)
        self.problem = Problem(str(file), mark.line if mark else 0, "", message, column=mark.column if mark else None)


class Source(NamedTuple):
    """What could be read, and what could not; `complete` if no file is missing as a whole."""

    documents: tuple[Document, ...]
    problems: tuple[Problem, ...]
    complete: bool


def read(path: Path) -> Source:
    """Read a file, or all `*.yaml` and `*.yml` files of a directory in the order of their names."""
    documents: list[Document] = []
    problems: list[Problem] = []
    unreadable: list[Problem] = []
    try:
        files = _files(path)
    except Unreadable as error:
        return Source((), (error.problem,), complete=False)
    for file in files:
        try:
            document, found = parse(file, _text(file))
        except Unreadable as error:
            unreadable.append(error.problem)
        else:
            documents.append(document)
            problems.extend(found)
    return Source(tuple(documents), (*unreadable, *problems), complete=not unreadable)


def parse(file: Path, text: str, merging: bool = False) -> tuple[Document, tuple[Problem, ...]]:
    """The data of one text, and the keys in it that are given twice.

    With `merging`, `<<` merges mappings as in YAML 1.1, which other programs' files use. Raises Unreadable when it is
    not one YAML mapping.
    """
    builder = _Builder(file, merging)
    try:
        data = builder.document(yaml.parse(text, Loader=_Loader))
    except yaml.MarkedYAMLError as error:
        raise Unreadable(file, _syntax(error), _mark(error.problem_mark or error.context_mark)) from None
    except yaml.YAMLError:
        raise Unreadable(file, "is not YAML: it holds characters that YAML does not allow") from None
    if not isinstance(data, MarkedDict):
        raise Unreadable(file, "must hold sections like `site:` and `uplinks:`, each at the beginning of a line")
    return Document(file, data), tuple(builder.problems)


def _files(path: Path) -> tuple[Path, ...]:
    try:
        if not path.is_dir():
            return (path,)
        files = sorted(
            file for file in path.iterdir() if file.suffix in (".yaml", ".yml") and not file.name.startswith(".")
        )
    except (OSError, ValueError) as error:
        raise Unreadable(path, f"cannot be read: {_words(error)}") from None
    if not files:
        raise Unreadable(path, "has no *.yaml file; run `deskwatch init` to write a first one")
    return tuple(files)


def _text(file: Path) -> str:
    """The text of a file. Raises Unreadable when there is none."""
    try:
        with file.open("rb") as stream:
            raw = stream.read(LARGEST + 1)
    except FileNotFoundError:
        raise Unreadable(file, "no such file; run `deskwatch init` to write a first one") from None
    except (OSError, ValueError) as error:
        raise Unreadable(file, f"cannot be read: {_words(error)}") from None
    if len(raw) > LARGEST:
        raise Unreadable(file, f"is larger than {LARGEST // 1024**2} MiB; split it into several files of a directory")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        mark = _mark_of(raw[: error.start].decode("utf-8", "replace"))
        raise Unreadable(file, "is not UTF-8 text; save it as UTF-8", mark) from None
    if bad := _NOT_TEXT.search(text):
        message = f"is not a text file: it holds the character U+{ord(bad[0]):04X}; save it as UTF-8 text"
        raise Unreadable(file, message, _mark_of(text[: bad.start()]))
    return text


class _Builder:
    """Builds the data of one file from libyaml's events.

    PyYAML's own composer is not used: it recurses in C without a bound, so that a file of brackets ends the process.
    """

    def __init__(self, file: Path, merging: bool) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self._merging = merging
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._count = 0

    def document(self, events: Iterator[yaml.Event]) -> Any:
        """The data of the only document."""
        empty = Unreadable(self.file, "is empty; run `deskwatch init` to write a first one")
        next(events)
        if isinstance(next(events), yaml.StreamEndEvent):
            raise empty
        data = self._value(next(events), events, ())
        next(events)
        following = next(events)
        if not isinstance(following, yaml.StreamEndEvent):
            message = "begins a second document; remove the line `---`, or use two files of a directory"
            raise Unreadable(self.file, message, _mark(following.start_mark))
        if data is None:
            raise empty
        return data

    def _value(self, event: Any, events: Iterator[yaml.Event], path: tuple[str | int, ...]) -> Any:
        """The value that begins with an event."""
        before = self._count
        self._spend(1, event)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        if event.tag is not None:
            raise self._error(event, f"the tag {printable(event.tag)} has no meaning here; remove it")
        if len(path) > DEEPEST:
            raise self._error(event, f"is nested more than {DEEPEST} levels deep")
        if isinstance(event, yaml.ScalarEvent):
            value = self._scalar(event)
        elif isinstance(event, yaml.MappingStartEvent):
            value = self._mapping(events, path)
        else:
            value = self._list(events, path)
        if event.anchor is not None:
            self._anchors[event.anchor] = value, self._count - before
        return value

    def _alias(self, event: yaml.AliasEvent) -> Any:
        name = str(event.anchor)
        if name not in self._anchors:
            raise self._error(event, f"*{printable(name)} has no complete &{printable(name)} above it")
        value, size = self._anchors[name]
        self._spend(size, event)
        return value

    def _mapping(self, events: Iterator[yaml.Event], path: tuple[str | int, ...]) -> MarkedDict:
        mapping, merged = MarkedDict(), MarkedDict()
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise self._error(event, "a key must be a word")
            mark = _mark(event.start_mark)
            inside = (*path, event.value)
            value = self._value(next(events), events, inside)
            if event.value in mapping:
                self._note(inside, mark, f"is given twice, first in line {mapping.marks[event.value].line}; remove one")
            elif event.value == "<<" and self._merging:
                _merge(value, merged)
            elif event.value == "<<":
                self._note(inside, mark, "YAML 1.2 has no merge keys; put what checks share under `defaults`")
            else:
                mapping[event.value] = value
                mapping.marks[event.value] = mark
        _merge(merged, mapping)
        return mapping

    def _list(self, events: Iterator[yaml.Event], path: tuple[str | int, ...]) -> MarkedList:
        entries = MarkedList()
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            entries.marks.append(_mark(event.start_mark))
            entries.append(self._value(event, events, (*path, len(entries))))
        return entries

    def _note(self, path: tuple[str | int, ...], mark: Marked, message: str) -> None:
        self.problems.append(Problem(str(self.file), mark.line, where(path), message, column=mark.column))

    def _scalar(self, event: yaml.ScalarEvent) -> Any:
        if not event.implicit[0]:  # quoted
            return event.value
        value = scalar(event.value)
        if isinstance(value, float) and not isfinite(value):
            raise self._error(event, "the number is too large")
        return value

    def _spend(self, values: int, event: yaml.Event) -> None:
        self._count += values
        if self._count > MOST:
            raise self._error(event, f"holds more than {MOST} values; use fewer aliases, or several files")

    def _error(self, event: yaml.Event, message: str) -> Unreadable:
        return Unreadable(self.file, message, _mark(event.start_mark))


def _merge(given: Any, into: MarkedDict) -> None:
    """Add what a mapping, or each of a list of mappings, has and the other one lacks."""
    for mapping in given if isinstance(given, MarkedList) else [given]:
        for key in mapping if isinstance(mapping, MarkedDict) else ():
            if key not in into:
                into[key] = mapping[key]
                into.marks[key] = mapping.marks[key]


def scalar(text: str) -> str | int | float | bool | None:
    """What a word without quotes means."""
    if text[:1] in _NUMERIC:
        if _INTEGER.fullmatch(text):
            return int(text, 0 if text[1:2] in ("o", "x") else 10)
        return float(text) if _FLOAT.fullmatch(text) else text
    if text in _NULL:
        return None
    return _BOOLEANS.get(text, text)


def _syntax(error: yaml.MarkedYAMLError) -> str:
    """What libyaml says, with what to do. Never the line itself: it may hold a secret."""
    said = error.problem or error.context or "the syntax is broken"
    remedy = next((remedy for words, remedy in _REMEDIES if words in said), "check this line and the one above")
    return f"is not YAML: {said}; {remedy}"


def _mark(mark: Any) -> Marked:
    return Marked(mark.line + 1, mark.column + 1) if mark is not None else Marked(1, 1)


def _mark_of(before: str) -> Marked:
    """The position that follows a text."""
    return Marked(before.count("\n") + 1, len(before) - before.rfind("\n"))


def _words(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
