"""The spool: in order, bounded, and whole again after a kill, a cut and rotten bytes."""

import errno
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from tempfile import mkdtemp

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.remote_write.outcome import Dropped
from monitor.remote_write.snapshot import Request
from monitor.remote_write.spool import Spool

AT = 1_700_000_000_000
HOUR = 3_600_000
ROOT = Path(__file__).parents[3]

FILLS = """\
import sys
from pathlib import Path
from monitor.remote_write.snapshot import Request
from monitor.remote_write.spool import Spool

spool = Spool(Path(sys.argv[1]), 10**12, 10**9, lambda why, samples: None)
for at in range(1_700_000_000_000, 1_800_000_000_000):
    spool.add(at, [Request(bytes([at % 251]) * 300_000, 10) for _ in range(20)])
    print(at, flush=True)
"""


class Box:
    """A spool and what it dropped."""

    def __init__(self, folder: Path, limit: int = 10**9, age: float = 3600) -> None:
        self.dropped: Counter[Dropped] = Counter()
        self.spool = Spool(folder, limit, age, lambda why, samples: self.dropped.update({why: samples}))

    def bodies(self, now: int = AT, most: int = 10**6) -> list[bytes]:
        """What comes out until it is empty, or so many."""
        found: list[bytes] = []
        while len(found) < most and (record := self.spool.first(now)) is not None:
            found.append(record.request.body)
            self.spool.remove(record)
        return found


def request(word: str, samples: int = 1) -> Request:
    return Request(word.encode(), samples)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "remote-write"


def test_what_went_in_comes_out_in_order_and_leaves_nothing(folder: Path) -> None:
    box = Box(folder)
    box.spool.add(AT, [request("a"), request("b")])
    box.spool.add(AT + 1, [request("c")])
    assert box.spool.size > 0
    assert box.bodies() == [b"a", b"b", b"c"]
    assert (box.spool.size, list(folder.iterdir())) == (0, [])
    assert not box.dropped


def test_until_it_is_removed_the_same_request_comes_again(folder: Path) -> None:
    box = Box(folder)
    box.spool.add(AT, [request("a"), request("b")])
    first = box.spool.first(AT)
    assert first == box.spool.first(AT)
    assert first is not None
    box.spool.remove(first)
    box.spool.remove(first)
    assert box.bodies() == [b"b"]


def test_a_new_process_goes_on_after_what_was_sent(folder: Path) -> None:
    box = Box(folder)
    for number in range(3):
        box.spool.add(AT + number, [request(f"{number}{letter}") for letter in "abc"])
    assert box.bodies(most=5) == [b"0a", b"0b", b"0c", b"1a", b"1b"]
    later = Box(folder)
    assert later.spool.newest == AT + 2
    assert later.bodies() == [b"1c", b"2a", b"2b", b"2c"]
    assert not later.dropped


def test_only_its_own_user_can_look_into_it(folder: Path) -> None:
    Box(folder)
    assert folder.stat().st_mode & 0o777 == 0o700


def test_when_it_is_full_the_oldest_gives_way(folder: Path) -> None:
    box = Box(folder, limit=350)
    for number in range(5):
        box.spool.add(AT + number, [request(f"{number}" * 100, samples=7)])
        assert box.spool.size <= 350
    assert [body[:1] for body in box.bodies()] == [b"2", b"3", b"4"]
    assert box.dropped == {Dropped.FULL: 21 - 7}


def test_of_a_file_that_gives_way_only_what_was_not_sent_counts(folder: Path) -> None:
    box = Box(folder, limit=350)
    box.spool.add(AT, [request("a" * 100, 7), request("b" * 100, 5)])
    assert len(box.bodies(most=1)) == 1
    record = box.spool.first(AT)
    assert record is not None
    box.spool.add(AT + 1, [request("c" * 200, 3)])
    box.spool.remove(record)
    assert box.dropped == {Dropped.FULL: 5}
    assert [body[:1] for body in box.bodies()] == [b"c"]


def test_what_is_too_large_for_all_of_it_is_dropped(folder: Path) -> None:
    box = Box(folder, limit=50)
    box.spool.add(AT, [request("a" * 100, 7)])
    assert box.bodies() == []
    assert box.dropped == {Dropped.FULL: 7}


def test_what_is_too_old_is_dropped(folder: Path) -> None:
    box = Box(folder, age=3600)
    box.spool.add(AT, [request("a", 7)])
    box.spool.add(AT + 1000, [request("b")])
    assert box.bodies(AT + HOUR + 500) == [b"b"]
    assert box.dropped == {Dropped.OLD: 7}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=6), st.data())
def test_wherever_a_file_is_cut_off_what_is_whole_is_sent(
    tmp_path: Path, bodies: list[bytes], data: st.DataObject
) -> None:
    folder = Path(mkdtemp(dir=tmp_path))
    Box(folder).spool.add(AT, [Request(body, 1) for body in bodies])
    (file,) = folder.iterdir()
    kept = data.draw(st.integers(0, file.stat().st_size))
    os.truncate(file, kept)
    box = Box(folder)
    whole = [body for n, body in enumerate(bodies) if sum(13 + len(one) for one in bodies[: n + 1]) <= kept]
    assert box.bodies() == whole
    assert box.dropped.total() == len(bodies) - len(whole)
    assert list(folder.iterdir()) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(st.data())
def test_a_rotten_byte_costs_no_more_than_its_file(tmp_path: Path, data: st.DataObject) -> None:
    folder = Path(mkdtemp(dir=tmp_path))
    spool = Box(folder).spool
    spool.add(AT, [request("first"), request("second"), request("third")])
    spool.add(AT + 1, [request("other")])
    file = min(folder.iterdir())
    content = bytearray(file.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    file.write_bytes(content)
    box = Box(folder)
    found = box.bodies()
    assert found[-1] == b"other"
    assert set(found) <= {b"first", b"second", b"third", b"other"}
    assert found == sorted(found, key=[b"first", b"second", b"third", b"other"].index)
    assert list(folder.iterdir()) == []


def test_foreign_files_are_left_alone(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "notes.txt").write_text("mine")
    (folder / "123-4.requests.bak").write_text("mine")
    box = Box(folder, limit=10)
    assert box.bodies() == []
    assert len(list(folder.iterdir())) == 2


def test_a_file_that_somebody_deleted_is_counted_as_lost(folder: Path) -> None:
    box = Box(folder)
    box.spool.add(AT, [request("a", 7)])
    box.spool.add(AT + 1, [request("b")])
    min(folder.iterdir()).unlink()
    assert box.bodies() == [b"b"]
    assert box.dropped == {Dropped.CORRUPT: 7}


def test_after_a_kill_in_the_middle_of_a_write_everything_whole_is_there(folder: Path) -> None:
    command = [sys.executable, "-c", FILLS, str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        written = [int(writer.stdout.readline()) for _ in range(3)]
        writer.kill()
        written += [int(line) for line in writer.stdout if line.endswith("\n")]
    box = Box(folder, limit=10**12, age=10**9)
    bodies = box.bodies()
    whole = [body for at in written for body in [bytes([at % 251]) * 300_000] * 20]
    assert bodies[: len(whole)] == whole
    cut = bodies[len(whole) :]
    assert len(cut) <= 20
    assert all(body == bytes([(written[-1] + 1) % 251]) * 300_000 for body in cut)


def test_a_full_disk_leaves_no_piece_behind(folder: Path) -> None:
    """/dev/full refuses every byte, as a full disk does."""
    box = Box(folder)
    (folder / f"{AT:013d}-1.requests").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left") as refused:
        box.spool.add(AT, [request("a" * 20_000)])
    assert refused.value.errno == errno.ENOSPC
    assert (list(folder.iterdir()), box.spool.size) == ([], 0)
    box.spool.add(AT + 1, [request("b")])
    assert box.bodies() == [b"b"]
