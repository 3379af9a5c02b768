"""Reads lists of credentials and members from CSV files, as spreadsheets and other programs export them."""

import asyncio
import csv
import io
import stat
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from datetime import time as clock
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from probes._base import Unmeasured
from probes._engines.displays import printable
from probes._engines.rosters import MOST, Credential, Keys, Listed, Member, Reading, address, card_digest, dated
from probes._engines.weekly import Zone

LARGEST = 16 * 1024 * 1024
"""Bytes of a file that is read."""

_LONGEST = 500  # characters of a value that are looked at
_DELIMITERS = ",;\t|"
_YES = frozenset({"yes", "y", "true", "1", "on", "active", "enabled", "x", "ja", "oui", "si", "sim"})
_NO = frozenset({"no", "n", "false", "0", "off", "inactive", "disabled", "blocked", "nein", "non", "não"})
_KEYS = ("id", "email", "card")
_DATES = ("%d.%m.%Y", "%d.%m.%Y %H:%M")

Column = Annotated[str, Field(min_length=1, max_length=100)]
T = TypeVar("T")


class _CsvFile(BaseModel):
    """A file, and what its columns are called."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    source: Annotated[Literal["csv"], Field(description="that the list comes as a file")]
    file: Annotated[str, Field(min_length=1, max_length=1000, description="path of the file")]
    timezone: Annotated[Zone, Field(description="time zone of dates and times that name none")] = "UTC"
    old_after: Annotated[
        float, Field(ge=60, le=31_536_000, description="seconds after which a file that was not written anew is old")
    ] = 691_200

    known: ClassVar[tuple[str, ...]] = ()
    """The columns that are read; no other one ever is."""
    columns: Annotated[Mapping[Any, Column], Field(description="what the columns are called in the file")] = {}

    @property
    def place(self) -> str:
        """Where the list comes from."""
        return self.file

    def column(self, name: str) -> str:
        """What a column is called in the file, in lower case."""
        return self.columns.get(name, name).casefold().strip()


class CsvCredentials(_CsvFile):
    """A file of credentials: one a line, below a line of column names."""

    known: ClassVar = ("name", "id", "email", "card", "enabled", "last_used", "around_the_clock")
    columns: Annotated[
        Mapping[Literal["name", "id", "email", "card", "enabled", "last_used", "around_the_clock"], Column],
        Field(description="what the columns are called in the file where they are not called like this"),
    ] = {}


class CsvMembers(_CsvFile):
    """A file of members: one contract a line, below a line of column names."""

    known: ClassVar = ("name", "id", "email", "card", "since", "until", "active", "plan", "around_the_clock")
    columns: Annotated[
        Mapping[Literal["name", "id", "email", "card", "since", "until", "active", "plan", "around_the_clock"], Column],
        Field(description="what the columns are called in the file where they are not called like this"),
    ] = {}


class Table(NamedTuple):
    """Rows by column, in lower case, with their line in the file; `age` is in seconds."""

    rows: tuple[tuple[int, Mapping[str, str]], ...]
    age: float


async def credentials(settings: CsvCredentials, reading: Reading) -> Listed[Credential]:
    """The credentials of a file. Raises Unmeasured with what to do if they cannot be read."""
    return await _listed(settings, lambda row: _credential(row, reading))


async def members(settings: CsvMembers, reading: Reading) -> Listed[Member]:
    """The members of a file. Raises Unmeasured with what to do if they cannot be read."""
    return await _listed(settings, lambda row: _member(row, reading))


class _Row:
    """One line of a file, by the names that we give to columns."""

    def __init__(self, line: int, values: Mapping[str, str], settings: _CsvFile) -> None:
        self.line = line
        self._values = values
        self._settings = settings
        self._zone = ZoneInfo(settings.timezone)

    def text(self, column: str) -> str:
        """What stands there, "" if nothing."""
        return self._values.get(self._settings.column(column), "")

    def truth(self, column: str) -> bool | None:
        """Whether it says yes, None if it says nothing. Raises Unmeasured for other words."""
        word = self.text(column).casefold()
        if word and word not in _YES | _NO:
            raise self._unreadable(column, "yes or no")
        return word in _YES if word else None

    def moment(self, column: str) -> datetime | None:
        """The time there, None if there is none; a date is its first moment. Raises Unmeasured for other words."""
        text = self.text(column)
        if not text:
            return None
        found = _moment(text)
        if found is None:
            raise self._unreadable(column, "a date like 2026-11-30")
        meant = dated(found if found.tzinfo else found.replace(tzinfo=self._zone))
        return None if meant is None else meant.astimezone(UTC)

    def keys(self, reading: Reading) -> Keys:
        """What the person is found by."""
        return Keys(
            self.text("id"),
            address(self.text("email"), reading.strip_tags),
            card_digest(self.text("card"), reading.salt),
            self.name,
        )

    @property
    def name(self) -> str:
        """The person's name, or where to look for it."""
        return self.text("name") or f"line {self.line} of the file"

    def _unreadable(self, column: str, wanted: str) -> Unmeasured:
        # What stands there may be anything, also what belongs to another column: it is not repeated.
        return Unmeasured("no_source", f"line {self.line}, column {column}: write {wanted}")


def _credential(row: _Row, reading: Reading) -> Credential:
    return Credential(
        row.name,
        row.keys(reading),
        row.truth("enabled") is not False,
        row.moment("last_used"),
        row.truth("around_the_clock"),
    )


def _member(row: _Row, reading: Reading) -> Member:
    plan = reading.plan(row.text("plan"))
    always = row.truth("around_the_clock")
    return Member(
        row.name,
        row.keys(reading),
        row.moment("since"),
        row.moment("until"),
        plan.always if always is None else always,
        plan.enters and row.truth("active") is not False,
    )


async def _listed(settings: _CsvFile, made: Callable[[_Row], T]) -> Listed[T]:
    """In a thread: a file may be slow to read, and long lists take a while to be made sense of."""
    return await asyncio.to_thread(_read, settings, made)


def _read(settings: _CsvFile, made: Callable[[_Row], T]) -> Listed[T]:
    found = _table(settings)
    try:
        rows = tuple(made(_Row(line, values, settings)) for line, values in found.rows)
    except Unmeasured as unmeasured:
        raise Unmeasured(unmeasured.reason, f"{settings.file}: {unmeasured.detail}") from None
    return Listed(rows, found.age, old=found.age > settings.old_after)


def _table(settings: _CsvFile) -> Table:
    """The table in a file. Raises Unmeasured if there is none."""
    path = Path(settings.file)
    try:
        content, written = _content(path)
        rows = tuple(parsed(content, frozenset(settings.column(name) for name in settings.known)))
    except OSError as error:
        words = error.strerror or type(error).__name__
        raise Unmeasured("no_source", f"{path} cannot be read: {words}; correct `file` or its rights") from None
    except ValueError as error:
        raise Unmeasured("no_source", f"{path}: {error}") from None
    wanted = [settings.column(key) for key in _KEYS]
    if rows and not any(set(wanted) & set(values) for _, values in rows):
        raise Unmeasured("no_source", f"{path} has none of the columns {', '.join(wanted)}; name them under `columns`")
    return Table(rows, max(time.time() - written, 0.0))


def _content(path: Path) -> tuple[bytes, float]:
    """What a file holds, and when it was written. Raises OSError, and ValueError for what is no file of that kind."""
    about = path.stat()
    if not stat.S_ISREG(about.st_mode):  # a pipe would let us wait for ever
        raise ValueError("that is no file")
    with path.open("rb") as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise ValueError(
            f"the file is larger than {LARGEST // 1024 // 1024} MB; leave out columns that nobody asks for"
        )
    return content, about.st_mtime


def parsed(content: bytes, columns: Collection[str]) -> Iterator[tuple[int, Mapping[str, str]]]:
    """The rows of a CSV file with their lines: these columns of it, in lower case, whatever its delimiter.

    Raises ValueError for what is no such file, or too long.
    """
    text = _text(content)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    try:
        names = [name if (name := cell.casefold().strip()) in columns else "" for cell in next(rows, [])]
        count = 0
        for row in rows:
            if not any(value.strip() for value in row):
                continue
            count += 1
            if count > MOST:
                raise ValueError(f"the file has more than {MOST:,} lines, which are not read to their end")
            yield rows.line_num, _values(names, row)
    except csv.Error:
        raise ValueError("the file is no CSV: a quotation mark is out of place, or a value is far too long") from None


def _values(names: Sequence[str], row: Sequence[str]) -> dict[str, str]:
    """The values of a row; the sign with which exports guard a formula is no part of one."""
    bare = (printable(value.strip(), _LONGEST) for value in row)
    return {name: value.removeprefix("'") for name, value in zip(names, bare, strict=False) if name}


def _text(content: bytes) -> str:
    """The text of a file: UTF-8 or UTF-16 if it says so or can be, else as Windows writes it in western Europe."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _delimiter(text: str) -> str:
    """What stands between the names of the columns."""
    head = text.partition("\n")[0]
    return max(_DELIMITERS, key=head.count)


def _moment(text: str) -> datetime | None:
    """A time as ISO 8601 has it, or as it is written with points; None for what is none."""
    try:
        return (
            datetime.combine(date.fromisoformat(text), clock.min) if len(text) == 10 else datetime.fromisoformat(text)
        )
    except ValueError:
        pass
    for format in _DATES:
        try:
            return datetime.strptime(text, format)  # noqa: DTZ007 - the zone is the caller's
        except ValueError:
            continue
    return None
