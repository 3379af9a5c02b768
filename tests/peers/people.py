"""People with accounts at the pages of a test, and the browsers that they sign in with."""

import contextlib
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import cache

from aiohttp import ClientResponse, CookieJar
from aiohttp.test_utils import TestClient, TestServer
from argon2 import PasswordHasher

from monitor.people import accounts
from monitor.people.accounts import By
from monitor.people.roles import Role
from monitor.store import Store, users
from monitor.store.users import User

SITE = "harbour"
PASSWORD = "four words and a tram"
PROGRAM = By("a test", "here", datetime(2026, 1, 1, tzinfo=UTC))


@cache
def cheap(password: str) -> str:
    """A hash of a password that takes no time."""
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(password.encode())


async def account(store: Store, name: str, role: Role = Role.VIEWER, site: str = SITE) -> User:
    """Somebody with an account and the password above."""
    async with store.begin() as conn:
        return await accounts.add(conn, PROGRAM, name, {site: role}, cheap(PASSWORD))


async def changed(store: Store, user: User, **values: object) -> None:
    """Change columns of a user."""
    async with store.begin() as conn:
        await users.change(conn, user.id, **values)


async def token(store: Store, role: Role, user: User | None = None, days: float = 1, name: str = "grafana") -> str:
    """A token that works for so many days from now; one that has expired for less than none."""
    by = By("a test", "here", datetime.now(UTC) - timedelta(days=2))
    async with store.begin() as conn:
        secret, _ = await accounts.issue(conn, by, name, role, timedelta(days=2 + days), SITE, user)
    return secret


@contextlib.asynccontextmanager
async def browser(server: TestServer) -> AsyncIterator[TestClient]:
    """A browser of its own at a server that goes on."""
    async with TestClient(Shared(server), cookie_jar=CookieJar(unsafe=True)) as client:
        yield client


class Shared(TestServer):
    """A server that several browsers use, and that none of them ends."""

    def __init__(self, server: TestServer) -> None:
        super().__init__(server.app)
        self._root = server.make_url("/")

    async def start_server(self, **_: object) -> None:
        """It runs already."""

    async def close(self) -> None:
        """It goes on."""


async def sign_in(client: TestClient, name: str, password: str = PASSWORD) -> ClientResponse:
    """Fill in the form; where it leads."""
    return await client.post("/sign-in", data={"name": name, "password": password}, allow_redirects=False)


async def form_key(client: TestClient) -> str:
    """What the forms of the session must carry, read from a page."""
    return field(await (await client.get("/account")).text(), "form_key")


async def press(client: TestClient, path: str, **fields: str) -> ClientResponse:
    """Send a form of ours; where it leads."""
    data = {"form_key": await form_key(client), **fields}
    return await client.post(path, data=data, allow_redirects=False, headers={"Accept": "text/html"})


def field(page: str, name: str) -> str:
    """The value of the first hidden field of that name."""
    found = re.search(f'name="{name}" value="([^"]*)"', page)
    return found[1] if found else ""
