"""The stream that tells a page that something has changed."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer

from monitor.web import live
from monitor.web.app import build
from monitor.web.auth import COOKIE, Gate
from monitor.web.guard import SESSIONS

SOON = 20.0


async def next_event(stream: ClientResponse) -> str:
    """The data of the next event."""
    async with asyncio.timeout(SOON):
        while not (line := (await stream.content.readline()).decode()).startswith("data:"):
            assert line, "the stream has ended"
    return line.removeprefix("data:").strip()


@pytest.fixture
async def stream(person: TestClient) -> AsyncIterator[ClientResponse]:
    """A signed-in page that listens and has had the first event."""
    async with person.get("/events") as answer:
        assert answer.status == 200
        await next_event(answer)
        yield answer


async def test_the_first_event_is_the_version_that_the_board_shows(person: TestClient) -> None:
    board = await (await person.get("/fragment/board")).text()
    async with person.get("/events") as answer:
        assert answer.content_type == "text/event-stream"
        assert answer.headers["Cache-Control"] == "no-store"
        assert f'data-stamp="{await next_event(answer)}"' in board


async def test_a_change_is_told(space, stream: ClientResponse, person: TestClient) -> None:
    space.touch()
    told = await next_event(stream)
    assert f'data-stamp="{told}"' in await (await person.get("/fragment/board")).text()


async def test_many_changes_are_told_as_one(space, stream: ClientResponse) -> None:
    space.touch()
    await next_event(stream)
    for _ in range(50):
        space.touch()
    assert (await next_event(stream)).endswith(f"-{space.version}")


async def test_a_stream_ends_with_its_session(space, person: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "PING", 0.05)
    secret = next(cookie.value for cookie in person.session.cookie_jar if cookie.key == COOKIE)
    async with person.get("/events") as answer:
        await next_event(answer)
        async with space.store.begin() as conn:
            await person.server.app[SESSIONS].end(conn, secret)
        async with asyncio.timeout(SOON):
            assert b"data:" not in await answer.content.read()


async def test_a_quiet_stream_shows_signs_of_life(person: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "PING", 0.05)
    async with person.get("/events") as answer:
        await next_event(answer)
        async with asyncio.timeout(SOON):
            while await answer.content.readline() != b": still here\n":
                pass


async def test_no_more_than_so_many_pages_listen(
    person: TestClient, stream: ClientResponse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MOST", 1)
    refused = await person.get("/events")
    assert (refused.status, refused.headers["Retry-After"]) == (503, "60")


async def test_stopping_the_server_ends_every_stream_at_once(space) -> None:
    gate = Gate()
    async with TestClient(TestServer(build(space, gate))) as client:
        await client.post("/sign-in", data={"token": gate.link("").partition("=")[2]})
        answer = await client.get("/events")
        await next_event(answer)
        async with asyncio.timeout(SOON):
            await client.server.close()
            assert b"data:" not in await answer.content.read()
