"""Empty stores without the making of their tables, which takes longer than most tests that need one."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from peers.postgresql import Cluster

from monitor.store import Store
from monitor.store.tables import metadata

EMPTIED = f"TRUNCATE {', '.join(table.name for table in metadata.sorted_tables)} RESTART IDENTITY"


@pytest.fixture(scope="session")
def blank_file(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What the file of an empty store holds."""
    path = tmp_path_factory.mktemp("blank") / "state.db"
    _make(f"sqlite:///{path}")
    return path.read_bytes()


@pytest.fixture(scope="session")
def one_database(postgresql: Cluster) -> str:
    """The URL of a store on the cluster, in which one test after the other finds nothing of those before."""
    url = postgresql.url()
    _make(url)
    return url


@pytest.fixture
def blank(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], str]:
    """Makes an empty store, on "sqlite" in the folder of the test or on "postgresql", and returns its URL."""

    def make(database: str) -> str:
        if database == "sqlite":
            path = tmp_path / "deskwatch.db"
            path.write_bytes(request.getfixturevalue("blank_file"))
            return f"sqlite:///{path}"
        url = str(request.getfixturevalue("one_database"))
        request.getfixturevalue("postgresql").sql(EMPTIED, url.rpartition("/")[2])
        return url

    return make


def _make(url: str) -> None:
    """Open a store once, in an event loop beside that of the tests."""

    async def once() -> None:
        await (await Store.open(url)).close()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, once()).result()
