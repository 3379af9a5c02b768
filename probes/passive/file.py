"""Looks at a file that a job writes on this machine, a backup or an export: is it there, new enough, large enough?"""

import asyncio
import os
import time
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, ClassVar, NamedTuple

from pydantic import AfterValidator, Field

from probes import Failed, Measured, Metric, Params, Probe, Sample, Unmeasured
from probes._engines.excerpt import excerpt

MOST_FILES = 100_000
"""Files of a folder that are looked at, to find the newest."""

_AGE = "deskwatch_file_age_seconds"
_SIZE = "deskwatch_file_bytes"


def _absolute(path: str) -> str:
    folder, name = os.path.split(path)
    if not folder.startswith("/") or not name or "\0" in path:
        raise ValueError("write the whole path of a file, like /srv/backup/site-*.tar.gz")
    if any(sign in folder for sign in "*?["):
        raise ValueError("*, ? and [ stand for something in the file's name only, not in its folder")
    return path


class FileParams(Params):
    """Which file, how old it may be, and how large it must be."""

    path: Annotated[
        Annotated[str, AfterValidator(_absolute)],
        Field(
            max_length=1000,
            description="whole path on this machine; *, ? and [a-z] in the file's name: the newest that fits counts",
        ),
    ]
    max_age: Annotated[float, Field(ge=10, le=31_622_400, description="seconds since it was written last, at most")]
    min_bytes: Annotated[int, Field(ge=0, description="bytes that it must have at least")] = 1

    @property
    def target(self) -> str:
        """The path."""
        return self.path

    @classmethod
    def of_target(cls, target: str) -> dict[str, object]:
        """The path."""
        return {"path": target}


class Found(NamedTuple):
    """A file: when it was written last, in seconds of the epoch, and its bytes."""

    name: str
    written: float
    size: int


class File(Probe[FileParams]):
    """Whether a file that a job writes is there, new enough and large enough: a backup, an export."""

    Params = FileParams
    metrics = (
        Metric(_AGE, "Time since the newest file that fits was written last", "seconds"),
        Metric(_SIZE, "Size of that file", "bytes"),
    )
    reasons: ClassVar[dict[str, str]] = {
        "missing": "there is no such file, or no such folder",
        "old": "the newest file was written longer than max_age ago: the job did not run, or not to its end",
        "small": "the newest file has less than min_bytes: the job wrote nothing, or broke off",
    }
    on_demand = False
    concurrency = 4  # each holds a thread

    async def measure(self, timeout: float) -> Measured:
        """Look once. What is not for our eyes is UNKNOWN."""
        async with asyncio.timeout(timeout):
            found = await asyncio.to_thread(newest, Path(self.params.path))
        return judge(found, self.params, time.time())


def newest(path: Path) -> Found | None:
    """The newest file that a path stands for, None if there is none. Raises PermissionError for a closed folder."""
    found: Found | None = None
    try:
        with os.scandir(path.parent) as entries:
            for number, entry in enumerate(entries):
                if number == MOST_FILES:
                    words = f"{path.parent} holds more than {MOST_FILES:,} files; keep these in a folder of their own"
                    raise Unmeasured("no_source", words)
                if fnmatchcase(entry.name, path.name) and (one := _looked_at(entry)) is not None:
                    found = one if found is None or one.written > found.written else found
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found


def _looked_at(entry: os.DirEntry[str]) -> Found | None:
    """The file, None if it is none or has just gone."""
    try:
        return Found(entry.name, (stat := entry.stat()).st_mtime, stat.st_size) if entry.is_file() else None
    except FileNotFoundError:
        return None


def judge(found: Found | None, params: FileParams, now: float) -> Measured:
    """What a file says of the job that writes it. Raises Failed when it is missing, old or small."""
    if found is None:
        raise Failed("missing", f"there is no file {excerpt(params.path, 300)}")
    age = max(now - found.written, 0)
    samples = (Sample(_AGE, age), Sample(_SIZE, found.size))
    said = f"{excerpt(found.name)} was written {_length(age)} ago and has {found.size:,} bytes"
    if age > params.max_age:
        raise Failed("old", f"{said}; it should not be older than {_length(params.max_age)}", samples)
    if found.size < params.min_bytes:
        raise Failed("small", f"{said}; it should have at least {params.min_bytes:,}", samples)
    return Measured(said, samples)


def _length(seconds: float) -> str:
    """A length of time as roughly as people say it."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
