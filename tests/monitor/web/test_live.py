"""The stream that tells a page that something has changed."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer
from peers.people import PASSWORD, account, browser, press, sign_in, token

from monitor.people.roles import Role
from monitor.store import tokens
from monitor.web import app, endings, live
from monitor.web.app import build, routes
from monitor.web.auth import COOKIE, Gate
from monitor.web.files import Files
from monitor.web.guard import SESSIONS

SOON = 60.0
OTHER = "another four words then"


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


ENDS = {
    "signing out": lambda ben, ana, user: press(ben, "/sign-out"),
    "signing in anew": lambda ben, ana, user: sign_in(ben, "ben"),
    "his password": lambda ben, ana, user: press(
        ben, "/account/password", current=PASSWORD, password=OTHER, again=OTHER
    ),
    "another role": lambda ben, ana, user: press(ana, f"/users/{user}/role", role="operator"),
    "keeping him out": lambda ben, ana, user: press(ana, f"/users/{user}/disable"),
    "a password from her": lambda ben, ana, user: press(ana, f"/users/{user}/password", password=OTHER),
    "removing him": lambda ben, ana, user: press(ana, f"/users/{user}/remove"),
}
"""What ends Ben's session, done by himself or by Ana, who administers."""


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
async def test_a_stream_ends_at_once_when_its_session_is_ended(space, end, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "PING", 10 * SOON)  # the look at what ran out comes too late for this
    await account(space.store, "ana", Role.ADMIN)
    user = await account(space.store, "ben")
    async with TestServer(build(space, Gate())) as server, browser(server) as ana, browser(server) as ben:
        await sign_in(ana, "ana")
        await sign_in(ben, "ben")
        async with ana.get("/events") as hers, ben.get("/events") as his:
            await next_event(hers)
            await next_event(his)
            assert (await end(ben, ana, user.id)).status == 303
            async with asyncio.timeout(SOON):
                assert b"data:" not in await his.content.read()
            space.touch()
            assert (await next_event(hers)).endswith(f"-{space.version}")


async def test_a_stream_ends_at_once_when_its_token_is_revoked(space, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "PING", 10 * SOON)
    headers = {"Authorization": f"Bearer {await token(space.store, Role.VIEWER)}"}
    await account(space.store, "ana", Role.ADMIN)
    async with TestServer(build(space, Gate())) as server, browser(server) as ana, browser(server) as program:
        await sign_in(ana, "ana")
        async with space.store.connect() as conn:
            (made,) = await tokens.page(conn)
        async with program.get("/events", headers=headers) as answer:
            await next_event(answer)
            assert (await press(ana, f"/users/tokens/{made.id}/revoke")).status == 303
            async with asyncio.timeout(SOON):
                assert b"data:" not in await answer.content.read()


def test_streams_are_looked_at_after_every_change_to_accounts_and_tokens() -> None:
    found = [
        route.path
        for route in routes(Files(Path(app.__file__).parent / "static"))
        if route.method != "GET" and re.search(r"/(account|users|tokens|sign-in|sign-out)\b", route.path)
    ]
    assert [path for path in found if not path.startswith(endings.ENDS)] == []
    assert [start for start in endings.ENDS if not any(path.startswith(start) for path in found)] == []


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
