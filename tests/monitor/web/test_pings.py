"""Pings over HTTP: what they say reaches the probe and the store; a wrong key learns nothing."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr

from monitor.config.model import Asset, Check, Confirm
from monitor.heartbeats import Heartbeats
from monitor.store import Store, StoreError, heartbeats
from monitor.web.app import build
from monitor.web.auth import GUESSES, Gate
from probes import load
from probes._engines.pings import Beat, Pings, digest

KEY, OTHER = "0123456789abcdef-backup", "0123456789abcdef-sync"


def job(id: str, key: str) -> Asset:
    kind = load("passive.heartbeat")
    params = kind.Params(key=SecretStr(key), period=3600)
    check = Check(f"{id}/ping", id, "ping", "passive.heartbeat", 30, 5, Confirm(), params, ())
    return Asset(id, "services", id, 10, (), "", "", (check,))


@pytest.fixture
async def taker(space) -> Heartbeats:
    """What takes the pings of a service with one job."""
    space.add(job("backup", KEY))
    space.heartbeats = Heartbeats(space.store, space.engines.pings)
    await space.heartbeats.adopt(space.config)
    return space.heartbeats


@pytest.fixture
async def sender(space, taker: Heartbeats) -> AsyncIterator[TestClient]:
    """A job that knows the address."""
    async with TestClient(TestServer(build(space, Gate()))) as client:
        yield client


def known(space) -> Beat:
    return space.engines.pings.of(digest(KEY))


async def stored(store: Store) -> dict[bytes, Beat]:
    async with store.connect() as conn:
        return await heartbeats.everything(conn)


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
async def test_a_ping_says_that_all_is_well(space, sender: TestClient, method: str) -> None:
    answer = await sender.request(method, f"/ping/{KEY}")
    assert answer.status == 200
    assert await answer.text() == ("" if method == "HEAD" else "OK\n")
    beat = known(space)
    assert (beat.ended is not None, beat.failed, beat.code) == (True, False, None)
    assert await stored(space.store) == {digest(KEY): beat}


@pytest.mark.parametrize(
    ("words", "failed", "code"), [("0", False, 0), ("fail", True, None), ("1", True, 1), ("255", True, 255)]
)
async def test_a_ping_says_how_the_job_ended(
    space, sender: TestClient, words: str, failed: bool, code: int | None
) -> None:
    assert (await sender.post(f"/ping/{KEY}/{words}", data=b"the job's log")).status == 200
    assert (known(space).failed, known(space).code) == (failed, code)


async def test_a_start_and_an_end_make_a_run(space, sender: TestClient) -> None:
    await sender.get(f"/ping/{KEY}/start")
    assert known(space).started is not None
    assert known(space).ended is None
    await sender.get(f"/ping/{KEY}/0")
    assert known(space).started is None
    assert known(space).took >= 0


@pytest.mark.parametrize("words", ["256", "1000", "-1", "ok", "START", "%D9%A3", "start/1"])
async def test_anything_else_after_the_key_is_no_ping(space, sender: TestClient, words: str) -> None:
    assert (await sender.get(f"/ping/{KEY}/{words}")).status in (400, 404)
    assert known(space) == Beat()


@pytest.mark.usefixtures("stopped")
async def test_a_wrong_key_is_not_found_and_slowed_down(space, sender: TestClient) -> None:
    for _ in range(GUESSES):
        assert (await sender.get(f"/ping/{OTHER}/whatever")).status == 404
    assert (await sender.get(f"/ping/{OTHER}")).status == 429
    assert (await sender.get(f"/ping/{KEY}")).status == 200
    assert list(await stored(space.store)) == [digest(KEY)]


async def test_the_database_holds_no_key(space, sender: TestClient) -> None:
    await sender.get(f"/ping/{KEY}")
    async with space.store.connect() as conn:
        dump = repr((await conn.exec_driver_sql("select * from heartbeats")).all())
    assert KEY not in dump


async def test_a_restart_remembers_and_a_removed_key_is_forgotten(space, sender: TestClient) -> None:
    await sender.get(f"/ping/{KEY}/3")
    pings = Pings()
    again = Heartbeats(space.store, pings)
    await again.adopt(space.config)
    assert pings.of(digest(KEY)) == known(space)
    await again.adopt(replace(space.config, assets=(job("sync", OTHER),)))
    assert await stored(space.store) == {}
    assert again.knows(OTHER)
    assert not again.knows(KEY)


async def test_a_ping_counts_even_if_it_cannot_be_kept(space, sender: TestClient, monkeypatch) -> None:
    def full() -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(space.store, "begin", full)
    assert (await sender.get(f"/ping/{KEY}")).status == 200
    assert known(space).ended is not None
