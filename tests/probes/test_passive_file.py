"""passive.file against files of every age and size, and folders that are not for our eyes."""

import os
import time
from pathlib import Path

import pytest
from pydantic import ValidationError

from monitor.reading import read
from probes import Reading, Sample, Status
from probes._engines import Engines
from probes.passive import file
from probes.passive.file import File, FileParams

DAY = 86_400.0


async def look(path: Path, max_age: float = 1.5 * DAY, min_bytes: int = 1) -> Reading:
    engines = Engines()
    params = FileParams(path=str(path), max_age=max_age, min_bytes=min_bytes)
    try:
        return await read("backup/file", File(params, engines), 60)
    finally:
        engines.close()


def write(path: Path, size: int, days_ago: float = 0) -> None:
    path.write_bytes(b"x" * size)
    at = time.time() - days_ago * DAY
    os.utime(path, (at, at))


async def test_a_file_that_is_new_and_large_enough_is_up_with_its_figures(tmp_path: Path) -> None:
    write(tmp_path / "site.tar", 2048, days_ago=1)
    reading = await look(tmp_path / "site.tar", min_bytes=2048)
    assert (reading.status, reading.detail) == (Status.UP, "'site.tar' was written 24 h ago and has 2,048 bytes")
    assert Sample("deskwatch_file_bytes", 2048) in reading.samples
    assert reading.value("deskwatch_file_age_seconds") == pytest.approx(DAY, abs=60)


async def test_the_newest_that_fits_counts(tmp_path: Path) -> None:
    write(tmp_path / "site-1.tar", 10, days_ago=3)
    write(tmp_path / "site-2.tar", 20, days_ago=0.5)
    write(tmp_path / "site-2.log", 30)
    (tmp_path / "site-3.tar").mkdir()
    reading = await look(tmp_path / "site-*.tar")
    assert (reading.status, reading.value("deskwatch_file_bytes")) == (Status.UP, 20)


async def test_an_old_file_is_down(tmp_path: Path) -> None:
    write(tmp_path / "site.tar", 10, days_ago=4)
    reading = await look(tmp_path / "site.tar")
    assert (reading.status, reading.reason) == (Status.DOWN, "old")
    assert reading.detail == "'site.tar' was written 4 d ago and has 10 bytes; it should not be older than 36 h"
    assert reading.value("deskwatch_file_bytes") == 10


async def test_a_file_that_is_too_small_is_down(tmp_path: Path) -> None:
    write(tmp_path / "site.tar", 0)
    reading = await look(tmp_path / "site.tar")
    assert (reading.reason, reading.value("deskwatch_file_bytes")) == ("small", 0)
    assert reading.detail.endswith("and has 0 bytes; it should have at least 1")


@pytest.mark.parametrize("name", ["none.tar", "*.tar", "no/such/folder.tar", "a-file/below.tar"])
async def test_what_is_not_there_is_down(tmp_path: Path, name: str) -> None:
    write(tmp_path / "a-file", 1)
    reading = await look(tmp_path / name)
    assert (reading.status, reading.reason) == (Status.DOWN, "missing")
    assert name in reading.detail


async def test_a_file_from_the_future_is_new(tmp_path: Path) -> None:
    write(tmp_path / "site.tar", 1, days_ago=-1)
    assert (await look(tmp_path / "site.tar")).value("deskwatch_file_age_seconds") == 0


async def test_a_link_to_nowhere_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "latest.tar").symlink_to(tmp_path / "gone.tar")
    assert (await look(tmp_path / "latest.tar")).reason == "missing"


async def test_a_folder_that_is_not_for_our_eyes_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(folder: Path) -> None:
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(os, "scandir", closed)  # to root nothing is closed
    reading = await look(tmp_path / "site.tar")
    assert (reading.status, reading.reason) == (Status.UNKNOWN, "no_permission")


async def test_a_folder_that_holds_too_much_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file, "MOST_FILES", 2)
    for name in "abc":
        write(tmp_path / name, 1)
    reading = await look(tmp_path / "*")
    assert (reading.status, reading.reason) == (Status.UNKNOWN, "no_source")
    assert "keep these in a folder of their own" in reading.detail


@pytest.mark.parametrize("path", ["backup.tar", "/srv/*/backup.tar", "/srv/", "/srv/a\0b"])
def test_a_path_that_says_too_little_is_refused(path: str) -> None:
    with pytest.raises(ValidationError):
        FileParams(path=path, max_age=60)
