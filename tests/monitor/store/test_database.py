"""The store says what is wrong and what to do, never hangs, and works again when the trouble is over."""

import asyncio
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from peers import require
from peers.postgresql import Cluster
from sqlalchemy import select

from alerting.rules import Severity
from incidents.lifecycle import Incident
from monitor.store import Store, StoreError, incidents, tables

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

WRITER = """
import asyncio, sys
from datetime import UTC, datetime
from alerting.rules import Severity
from incidents.lifecycle import Entry, Incident
from monitor.store import Store, incidents

async def main():
    now = datetime(2026, 3, 2, tzinfo=UTC)
    store = await Store.open(sys.argv[1])
    for number in range(100_000):
        timeline = tuple(Entry(now, "who", f"line {n} " + "x" * 500) for n in range(50))
        async with store.begin() as conn:
            await incidents.save(conn, Incident(f"{number:06}", "a", "t", Severity.WARNING, now, timeline=timeline))
        print(number, flush=True)

asyncio.run(main())
"""


def incident(id: str, words: str = "") -> Incident:
    return Incident(id, "uplink", "The uplink is down", Severity.CRITICAL, NOW, impact=words)


async def write(store: Store, id: str, words: str = "") -> None:
    async with store.begin() as conn:
        await incidents.save(conn, incident(id, words))


async def ids(store: Store) -> list[str]:
    async with store.connect() as conn:
        return [one.id for one in await incidents.live(conn)]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MiB."""
    require.root()
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run([require.program("mount"), "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], check=True, timeout=60)
    yield folder
    subprocess.run([require.program("umount"), "--lazy", folder], check=True, timeout=60)


async def test_a_store_can_be_closed_and_opened_again(url: str) -> None:
    for number in range(3):
        store = await Store.open(url)
        await write(store, str(number))
        await store.check_writable()
        await store.close()
    store = await Store.open(url)
    assert await ids(store) == ["0", "1", "2"]
    await store.close()


async def test_two_that_start_at_once_make_the_tables_once(url: str) -> None:
    stores = await asyncio.gather(*(Store.open(url) for _ in range(3)))
    for number, store in enumerate(stores):
        await write(store, str(number))
    assert await ids(stores[0]) == ["0", "1", "2"]
    for store in stores:
        await store.close()


async def test_an_exception_undoes_the_whole_transaction(store: Store) -> None:
    with pytest.raises(ZeroDivisionError):
        async with store.begin() as conn:
            await incidents.save(conn, incident("1"))
            raise ZeroDivisionError
    assert await ids(store) == []


async def test_writers_take_turns_and_readers_do_not_wait_for_them(store: Store) -> None:
    began, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        async with store.begin() as conn:
            await incidents.save(conn, incident("1"))
            began.set()
            await go_on.wait()

    first = asyncio.create_task(slow())
    await began.wait()
    second = asyncio.create_task(write(store, "2"))
    assert await ids(store) == []
    assert not second.done()
    go_on.set()
    await asyncio.gather(first, second)
    assert await ids(store) == ["1", "2"]


async def test_readers_see_one_moment(store: Store) -> None:
    async with store.connect() as conn:
        assert await incidents.live(conn) == ()
        await write(store, "1")
        assert await incidents.live(conn) == ()
    assert await ids(store) == ["1"]


async def test_a_cancelled_writer_leaves_nothing_and_lets_the_next_one_write(store: Store) -> None:
    began = asyncio.Event()

    async def stuck() -> None:
        async with store.begin() as conn:
            await incidents.save(conn, incident("1"))
            began.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(stuck())
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await write(store, "2")
    assert await ids(store) == ["2"]


async def test_a_killed_writer_leaves_only_whole_transactions(url: str) -> None:
    await (await Store.open(url)).close()
    with subprocess.Popen([sys.executable, "-c", WRITER, url], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        for line in writer.stdout:
            if int(line) == 10:
                break
        writer.send_signal(signal.SIGKILL)
        rest = [int(line) for line in writer.stdout.read().split("\n")[:-1]]
    committed = max([10, *rest])
    store = await Store.open(url)
    async with store.connect() as conn:
        found = await incidents.live(conn)
    await store.check_writable()
    await store.close()
    assert len(found) in (committed + 1, committed + 2)  # the last one may have been killed before it could say so
    assert {len(one.timeline) for one in found} == {50}


async def test_the_folder_and_the_file_are_only_for_their_owner(tmp_path: Path) -> None:
    path = tmp_path / "var" / "state.db"
    store = await Store.open(f"sqlite:///{path}")
    await write(store, "1")
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}
    await store.close()


async def test_sqlite_runs_with_a_write_ahead_log_and_foreign_keys(tmp_path: Path) -> None:
    store = await Store.open(f"sqlite:///{tmp_path}/state.db")
    async with store.begin() as conn:
        pragmas = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        found = [(await conn.exec_driver_sql(f"PRAGMA {pragma}")).scalar() for pragma in pragmas]
    assert found == ["wal", 1, 1, 5000]
    await store.close()


async def test_a_full_disk_is_named_and_the_store_goes_on_once_there_is_space(small_disk: Path) -> None:
    store = await Store.open(f"sqlite:///{small_disk}/state.db")
    await write(store, "before")
    filler = small_disk / "filler"
    with pytest.raises(OSError, match="No space left"):
        filler.write_bytes(bytes(4 << 20))
    with pytest.raises(StoreError, match=r"state\.db: .*(full|I/O).*; (free space|look for disk errors)"):
        await write(store, "during", "x" * 500_000)
    assert await ids(store) == ["before"]
    filler.unlink()
    await write(store, "after", "x" * 500_000)
    await store.check_writable()
    assert await ids(store) == ["after", "before"]
    await store.close()


async def test_a_start_on_a_full_disk_is_refused_with_the_remedy(small_disk: Path) -> None:
    with pytest.raises(OSError, match="No space left"):
        (small_disk / "filler").write_bytes(bytes(4 << 20))
    with pytest.raises(StoreError, match=r"state\.db: .*; (free space|look for disk errors)"):
        await Store.open(f"sqlite:///{small_disk}/state.db")


async def test_a_read_only_disk_is_named_with_the_remedy(small_disk: Path) -> None:
    mount = [require.program("mount"), "-o", "remount,ro", small_disk]
    path = small_disk / "deep" / "state.db"
    subprocess.run(mount, check=True, timeout=60)
    with pytest.raises(StoreError, match=r"deep/state\.db: .*[Rr]ead-only file system.*; give the account"):
        await Store.open(f"sqlite:///{path}")


async def test_a_disk_that_turns_read_only_is_noticed_by_the_readiness_check(small_disk: Path) -> None:
    store = await Store.open(f"sqlite:///{small_disk}/state.db")
    await store.close()
    subprocess.run([require.program("mount"), "-o", "remount,ro", small_disk], check=True, timeout=60)
    with pytest.raises(StoreError, match="give the account that runs Deskwatch write access"):
        await store.check_writable()
    subprocess.run([require.program("mount"), "-o", "remount,rw", small_disk], check=True, timeout=60)
    await store.check_writable()
    await store.close()


async def test_a_file_that_is_no_database_is_named_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("dear diary\n" * 500)
    with pytest.raises(StoreError, match=r"notes\.txt: file is not a database; restore it from a backup"):
        await Store.open(f"sqlite:///{path}")
    assert path.read_text() == "dear diary\n" * 500


async def test_a_damaged_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    await (await Store.open(f"sqlite:///{path}")).close()
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (path.stat().st_size - 4096))
    with pytest.raises(StoreError, match=r"state\.db: .*malformed.*; restore it from a backup"):
        store = await Store.open(f"sqlite:///{path}")
        await store.check_writable()


async def test_a_database_that_another_program_keeps_locked_is_given_up_after_a_while(tmp_path: Path) -> None:
    store = await Store.open(f"sqlite:///{tmp_path}/state.db")
    other = sqlite3.connect(tmp_path / "state.db")
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="locked; find the program"):
        await store.check_writable()
    other.rollback()
    other.close()
    await store.check_writable()
    await store.close()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://root:secret@db/x", r"no storage in 'mysql'; write sqlite:///path or postgresql://"),
        ("nonsense secret", "cannot be read; write sqlite:///path"),
        ("sqlite://", "names no database"),
        ("postgresql://user:secret@db/x?connect_timeout=3", "unknown option 'connect_timeout'; remove it"),
    ],
)
async def test_a_url_that_cannot_work_is_refused_without_repeating_its_password(url: str, says: str) -> None:
    with pytest.raises(StoreError, match=says) as caught:
        await Store.open(url)
    assert "secret" not in str(caught.value)


async def test_a_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="correct the path"):
        await Store.open(f"sqlite:///{tmp_path}/file/state.db")


async def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(
            StoreError, match=r"PostgreSQL database x on 127\.0\.0\.1: .*; make sure that it runs"
        ) as caught:
            await Store.open(f"postgresql://user:secret@127.0.0.1:{port}/x")
    assert "secret" not in str(caught.value)


async def test_a_server_that_never_answers_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(StoreError, match="no answer in time; make sure that it runs"):
            await Store.open(f"postgresql://user@127.0.0.1:{port}/x")


async def test_a_database_that_was_never_created_is_named(postgresql: Cluster) -> None:
    with pytest.raises(StoreError, match='"nothing" does not exist; create the database'):
        await Store.open(f"postgres://postgres@127.0.0.1:{postgresql.port}/nothing")


async def test_a_row_that_somebody_else_keeps_locked_is_given_up_after_a_while(postgresql: Cluster) -> None:
    url = postgresql.url()
    store, other = await Store.open(url), await Store.open(url)
    async with other.begin() as conn:
        await conn.execute(select(tables.incidents).with_for_update())
        await conn.exec_driver_sql("LOCK TABLE pulse")
        with pytest.raises(StoreError, match="lock timeout; find the program"):
            await store.check_writable()
    await store.check_writable()
    await store.close()
    await other.close()


async def test_a_server_that_restarts_costs_at_most_the_transaction_under_way(postgresql: Cluster) -> None:
    store = await Store.open(postgresql.url())
    await write(store, "1")
    assert await ids(store) == ["1"]
    everybody = (
        "SELECT count(pg_terminate_backend(pid, 60000)) FROM pg_stat_activity WHERE application_name = 'deskwatch'"
    )
    with pytest.raises(StoreError, match="PostgreSQL database"):
        async with store.begin() as conn:
            postgresql.sql(everybody)
            await incidents.save(conn, incident("2"))
    await write(store, "3")
    assert await ids(store) == ["1", "3"]
    await store.close()
