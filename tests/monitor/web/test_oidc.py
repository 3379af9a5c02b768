"""Signing in at another provider: a real one, which runs beside the test."""

import contextlib
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer
from peers.people import account, browser
from peers.ports import free_port
from peers.service import until
from pydantic import SecretStr

from monitor.config.model import Oidc
from monitor.people.roles import Role
from monitor.store import audit_log, users
from monitor.web.app import build
from monitor.web.auth import COOKIE, Gate

PEOPLE = (
    {"sub": "ana", "email": "ana@example.org", "email_verified": True, "groups": ["it"]},
    {"sub": "bea", "email": "bea@example.org", "email_verified": False, "groups": ["it"]},
    {"sub": "cem", "email": "cem@example.org", "email_verified": True, "groups": ["others"]},
    {"sub": "taken", "email": "taken@example.org", "email_verified": True, "groups": ["it"]},
)


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """The address of a provider that knows those people."""
    port = free_port()
    known = [word for one in PEOPLE for word in ("--user-claims", json.dumps(one))]
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port), "-n", "true", *known]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        yield f"http://127.0.0.1:{port}"
        process.terminate()


async def answers(address: str) -> bool:
    with contextlib.suppress(aiohttp.ClientError):
        async with aiohttp.ClientSession() as session, session.get(address) as answer:
            return answer.status == 200
    return False


@pytest.fixture
async def server(space, provider: str) -> AsyncIterator[TestServer]:
    """Pages on which people sign in with their accounts there."""
    await until(lambda: answers(f"{provider}/.well-known/openid-configuration"), "the provider")
    oidc = Oidc(
        issuer=provider,
        name="the company account",
        client_id="deskwatch",
        client_secret=SecretStr("s3cret"),
        scopes=("openid", "email"),
        name_claim="email",
        role_claim="groups",
        roles={"it": Role.OPERATOR},
    )
    space.serve(oidc=oidc)
    async with TestServer(build(space, Gate())) as running:
        yield running


async def leave(client: TestClient) -> str:
    """Where the sign-in page leads to."""
    assert "Sign in with the company account" in await (await client.get("/sign-in")).text()
    answer = await client.get("/sign-in/oidc", allow_redirects=False)
    assert answer.status == 303
    return answer.headers["Location"]


async def agree(address: str, who: str) -> str:
    """Sign in there; where the provider sends the browser."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(address, data={"sub": who}, allow_redirects=False) as answer,
    ):
        assert answer.status == 302
        return re.sub(r"^http://[^/]+", "", answer.headers["Location"])


async def test_people_sign_in_with_their_account_there(space, server: TestServer) -> None:
    async with browser(server) as client:
        address = await leave(client)
        asked = parse_qs(urlsplit(address).query)
        assert asked["code_challenge_method"] == ["S256"]
        answer = await client.get(await agree(address, "ana"), allow_redirects=False)
        assert (answer.status, answer.headers["Location"], COOKIE in answer.cookies) == (303, "/", True)
        page = await (await client.get("/account")).text()
        assert "ana@example.org" in page
        assert 'action="/account/password"' not in page
        assert (await client.get("/users")).status == 403
    async with browser(server) as again:
        assert (await again.get(await agree(await leave(again), "ana"), allow_redirects=False)).status == 303
    async with space.store.connect() as conn:
        everybody = await users.everybody(conn)
        log = [one.what for one in await audit_log.page(conn, 10)]
    assert [(one.name, one.roles, one.password) for one in everybody] == [
        ("ana@example.org", {"harbour": Role.OPERATOR}, "")
    ]
    assert log == ["signed in", "signed in", "user added"]


@pytest.mark.parametrize(
    ("who", "words"),
    [("bea", "has not verified your e-mail"), ("cem", "none of your groups"), ("taken", "there is a user")],
)
async def test_others_are_told_why_not(space, server: TestServer, who: str, words: str) -> None:
    await account(space.store, "taken@example.org", Role.ADMIN)
    async with browser(server) as client:
        answer = await client.get(await agree(await leave(client), who), allow_redirects=False)
        assert (answer.status, words in await answer.text(), COOKIE in answer.cookies) == (403, True, False)


async def test_who_is_kept_out_stays_so(space, server: TestServer) -> None:
    async with browser(server) as client:
        await client.get(await agree(await leave(client), "ana"), allow_redirects=False)
        async with space.store.begin() as conn:
            await conn.exec_driver_sql("update users set disabled = true")
        assert (await client.get("/")).status == 401
        answer = await client.get(await agree(await leave(client), "ana"))
        assert (answer.status, "kept out" in await answer.text()) == (403, True)


async def test_an_answer_counts_once_and_in_the_browser_that_has_asked(server: TestServer) -> None:
    async with browser(server) as client, browser(server) as victim:
        back = await agree(await leave(client), "ana")
        assert (await victim.get(back, allow_redirects=False)).status == 403
        assert (await client.get(back, allow_redirects=False)).status == 403, "it was shown"
        back = await agree(await leave(client), "ana")
        assert (await client.get(back, allow_redirects=False)).status == 303
        assert (await client.get(back, allow_redirects=False)).status == 403
        forged = await client.get("/sign-in/oidc/back?code=x&state=y", allow_redirects=False)
        assert forged.status == 403
        refused = parse_qs(urlsplit(await leave(victim)).query)["state"][0]
        answer = await victim.get(f"/sign-in/oidc/back?error=access_denied&state={refused}")
        assert "access_denied" in await answer.text()


async def test_a_provider_that_is_gone_hides_nothing_else(space, server: TestServer) -> None:
    gone = Oidc(**{name: getattr(space.config.server.oidc, name) for name in Oidc.__slots__} | {
        "issuer": f"http://127.0.0.1:{free_port()}"})  # fmt: skip
    space.serve(oidc=gone)
    async with TestServer(build(space, Gate())) as running, browser(running) as client:
        answer = await client.get("/sign-in/oidc")
        assert (answer.status, "cannot be reached" in await answer.text()) == (503, True)
        assert (await client.get("/sign-in")).status == 200


async def test_without_a_provider_nobody_is_sent_to_one(space) -> None:
    async with TestServer(build(space, Gate())) as running, browser(running) as client:
        assert (await client.get("/sign-in/oidc")).status == 404
