"""A program with a token at the API of a service."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NamedTuple

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer
from peers.people import browser, token

from monitor.people.roles import Role
from monitor.web.app import build
from monitor.web.auth import Gate


class Program(NamedTuple):
    """Asks with its token, and expects a status."""

    client: TestClient
    secret: str

    async def ask(self, method: str, path: str, **more: Any) -> ClientResponse:
        headers = {"Authorization": f"Bearer {self.secret}", **more.pop("headers", {})}
        return await self.client.request(method, f"/api/v1{path}", headers=headers, **more)

    async def get(self, path: str, status: int = 200, **more: Any) -> Any:
        return await self._json("GET", path, status, **more)

    async def post(self, path: str, body: object = None, status: int = 200, **more: Any) -> Any:
        if body is not None:
            more["json"] = body
        return await self._json("POST", path, status, **more)

    async def _json(self, method: str, path: str, status: int, **more: Any) -> Any:
        answer = await self.ask(method, path, **more)
        assert answer.status == status, await answer.text()
        assert answer.content_type == ("application/json" if status < 400 else "application/problem+json")
        return await answer.json()


@pytest.fixture
async def program(space) -> AsyncIterator[Callable[[Role], Awaitable[Program]]]:
    """Makes programs with a role."""
    async with TestServer(build(space, Gate())) as server, browser(server) as client:

        async def made(role: Role) -> Program:
            return Program(client, await token(space.store, role, name=f"{role}-robot"))

        yield made


@pytest.fixture
async def viewer(program) -> Program:
    """May look."""
    return await program(Role.VIEWER)


@pytest.fixture
async def operator(program) -> Program:
    """May act."""
    return await program(Role.OPERATOR)


@pytest.fixture
async def admin(program) -> Program:
    """May do everything."""
    return await program(Role.ADMIN)
