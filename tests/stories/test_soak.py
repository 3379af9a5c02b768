"""A storm of alerts while the service is killed again and again: nothing is lost, nothing invented, repeats are marked.

A few kills in every run of the tests; `make soak` has 200 of them and 500 alerts, on each database.
"""

import asyncio
import contextlib
import os
import random
import signal
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from peers.ports import free_port
from peers.postgresql import Cluster
from stories.conftest import Deskwatch, served, until

from incidents.messages import MAY_REPEAT
from monitor.store import Store
from monitor.store.outbox import MessageState
from monitor.store.tables import deliveries, episodes, incidents, messages

KILLS = int(os.environ.get("DESKWATCH_KILLS", "2"))
ALERTS = int(os.environ.get("DESKWATCH_ALERTS", "30"))
SEED = int(os.environ.get("DESKWATCH_SEED", "1"))

HEAD = """\
site: {id: harbour, name: Harbour Street, timezone: Europe/Lisbon}
server: {listen: 127.0.0.1:PORT, url: "http://127.0.0.1:PORT"}
storage: {url: "STORAGE"}
defaults: {interval: 2s, timeout: 500ms, confirm: {times: 1, gap: 100ms}, rules: {down: {flaps: 0}}}
routes:
  - {id: steady, to: "${env:STEADY}", repeat: 10s}
  - {id: moody, to: "${env:MOODY}", repeat: never}
services:
"""
ASSET = "  - {{id: desk-{n}, name: Desk {n}, checks: [{{kind: internet.tcp, host: 127.0.0.1, port: {port}}}]}}\n"


class Provider:
    """Takes messages and counts those it said yes to; a moody one refuses, stalls and hangs up now and then.

    Never more than twice in a row: each failure doubles the wait for the next attempt, and the test has an end.
    """

    def __init__(self, moods: tuple[str, ...], dice: random.Random) -> None:
        self.taken: list[str] = []
        self._moods = moods
        self._dice = dice
        self._failed = 0

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.text()
        mood = "take" if self._failed == 2 else self._dice.choice(self._moods)
        self._failed = 0 if mood == "take" else self._failed + 1
        match mood:
            case "refuse":
                return web.Response(status=self._dice.choice([429, 500, 503]))
            case "stall":
                await asyncio.sleep(6)
                return web.Response(status=500)
            case "hang up":
                if request.transport is not None:
                    request.transport.abort()
                return web.Response(status=500)
        self.taken.append(body)
        return web.Response()


class Door:
    """A port that all checks look at: open or closed."""

    def __init__(self) -> None:
        self.port = free_port()  # nobody else may have it while this is closed
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._bye, "127.0.0.1", self.port, reuse_address=True)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _bye(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    thing = Door()
    await thing.open()
    yield thing
    await thing.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/state.db"
    cluster: Cluster = request.getfixturevalue("postgresql")
    url: str = cluster.url()
    return url


@pytest.mark.timeout(600 + 60 * KILLS)
async def test_a_storm_under_kill_9_loses_nothing_invents_nothing_and_marks_repeats(
    tmp_path: Path, storage: str, door: Door
) -> None:
    dice = random.Random(SEED)
    steady = Provider(("take",), dice)
    moody = Provider(("take", "take", "take", "refuse", "hang up", "stall"), dice)
    async with served(steady.answer) as one, served(moody.answer) as other:
        service = Deskwatch(tmp_path, {"STEADY": f"json://{one}/", "MOODY": f"json://{other}/"})
        assets = "".join(ASSET.format(n=n, port=door.port) for n in range(ALERTS))
        service.write(HEAD.replace("STORAGE", storage) + assets)
        store = await Store.open(storage)
        try:
            for _ in range(KILLS - 1):
                await _a_life(service, door, dice)
            await _killed_in_the_storm(service, door, store)
            await door.open()
            await service.start()
            await _comes_to_rest(store)
            await service.end()
            found = await _everything(store)
        finally:
            await service.end(signal.SIGKILL)
            await store.close()
    _nothing_is_lost(found)
    _nothing_is_invented(found)
    _repeats_are_few_and_marked(found, {"steady": steady, "moody": moody})
    lived = Counter(row["state"].value for row in found["messages"])
    print(f"{KILLS} kills, {len(found['incidents'])} incidents, {dict(lived)} messages")


async def _a_life(service: Deskwatch, door: Door, dice: random.Random) -> None:
    """Start, let the port open and close, and kill at any moment, also before it is ready."""
    starting = asyncio.create_task(service.start())
    with contextlib.suppress(TimeoutError, asyncio.CancelledError):
        async with asyncio.timeout(dice.uniform(0.5, 2) if dice.random() < 0.2 else 60):
            await starting
    for turn in dice.choice([(door.close,), (door.open,), (door.close, door.open), (door.open, door.close)]):
        await turn()
        await asyncio.sleep(dice.uniform(0.1, 1.5))
    await service.end(signal.SIGKILL)


async def _killed_in_the_storm(service: Deskwatch, door: Door, store: Store) -> None:
    """The last life ends while messages about the newest storm are under way."""
    await door.open()
    await service.start()
    before = len((await _everything(store))["messages"])
    await door.close()

    async def more() -> bool:
        return len((await _everything(store))["messages"]) > before + ALERTS

    await until(more, "half of the messages to be queued")
    await service.end(signal.SIGKILL)


async def _comes_to_rest(store: Store) -> None:
    """Wait until everything is over and told; what is not, when it takes too long, is printed."""
    try:
        await until(lambda: _at_rest(store), "everything to be over and told", 240 + ALERTS, every=1)
    except pytest.fail.Exception:
        print(*await _restless(store), sep="\n")
        raise


async def _at_rest(store: Store) -> bool:
    return bool((await _everything(store))["incidents"]) and not await _restless(store)


async def _restless(store: Store) -> list[dict[str, Any]]:
    """The incidents that are not over and the messages that nobody has."""
    found = await _everything(store)
    live = [row for row in found["incidents"] if row["resolved"] is None]
    return live + [row for row in found["messages"] if row["finished"] is None]


async def _everything(store: Store) -> dict[str, Any]:
    """All rows of the tables that matter, and the messages by their id as `carriers`."""
    async with store.connect() as conn:
        found: dict[str, Any] = {
            table.name: [row._asdict() for row in await conn.execute(table.select())]
            for table in (incidents, episodes, messages, deliveries)
        }
    return found | {"carriers": {row["id"]: row for row in found["messages"]}}


def _nothing_is_lost(found: dict[str, Any]) -> None:
    """Every episode that fired is in an incident that every destination heard of, or others heard that it did not."""
    told = defaultdict(set)
    for row in found["messages"]:
        if row["kind"] == "firing" and _ended(row, found) is not None:
            told[row["incident"]].add(row["destination"])
    assert all(row["incident"] for row in found["episodes"] if row["fired"] is not None)
    assert {row["id"]: told[row["id"]] for row in found["incidents"]} == {
        row["id"]: {"steady", "moody"} for row in found["incidents"]
    }


def _nothing_is_invented(found: dict[str, Any]) -> None:
    """Messages are about incidents, incidents about episodes, and nobody hears of an end without a beginning."""
    known = {row["id"] for row in found["incidents"]}
    assert {row["incident"] for row in found["messages"] if row["kind"] != "alarm"} <= known
    assert known == {row["incident"] for row in found["episodes"] if row["fired"] is not None}
    began = {_about(row) for row in found["messages"] if row["kind"] == "firing" and _ended(row, found) == "accepted"}
    over = [_about(row) for row in found["messages"] if row["kind"] == "resolved" and _ended(row, found) == "accepted"]
    assert set(over) <= began
    assert len(over) == len(set(over))


def _repeats_are_few_and_marked(found: dict[str, Any], providers: dict[str, Provider]) -> None:
    """What a provider took and we do not know of was followed by a repeat that says so; kills are the only reason."""
    for name, provider in providers.items():
        ids = {row["id"] for row in found["messages"] if row["destination"] == name}
        known = sum(row["message"] in ids and row["outcome"] == "accepted" for row in found["deliveries"])
        unknown = len(provider.taken) - known
        assert 0 <= unknown <= KILLS
        assert sum(MAY_REPEAT in body for body in provider.taken) >= unknown


def _ended(row: dict[str, Any], found: dict[str, Any]) -> str | None:
    """What became of a message or of the one that carries it: accepted, or dead and somebody else was told so."""
    if row["state"] is MessageState.MERGED:
        row = found["carriers"][row["merged_into"]]
    if row["state"] is MessageState.ACCEPTED:
        return "accepted"
    alarmed = any(other["kind"] == "alarm" and row["destination"] in other["episode"] for other in found["messages"])
    return "dead" if row["state"] is MessageState.DEAD and alarmed else None


def _about(row: dict[str, Any]) -> tuple[str, str]:
    return row["incident"], row["destination"]
