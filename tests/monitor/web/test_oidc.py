"""Signing in at another provider: a real one, which runs beside the test."""

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp.test_utils import TestClient, TestServer
from peers.glewlwyd import CLIENT, SCOPES, SECRET, Glewlwyd, Person, glewlwyd
from peers.people import account, browser
from pydantic import SecretStr

from monitor.config.model import Oidc
from monitor.people import oidc as asking
from monitor.people.oidc import Ask, Provider, Refused
from monitor.people.roles import Role
from monitor.store import audit_log, users
from monitor.web.app import build
from monitor.web.auth import COOKIE, Gate

PEOPLE = (Person("ana"), Person("bea", verified=False), Person("cem", group="others"), Person("taken"))


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Glewlwyd]:
    """A provider that knows those people."""
    with glewlwyd(tmp_path_factory.mktemp("glewlwyd"), *PEOPLE) as running:
        yield running


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """The provider may take long to answer: the machine is busy."""
    monkeypatch.setattr(asking, "TIMEOUT", 60.0)


@pytest.fixture
def oidc(provider: Glewlwyd) -> Oidc:
    """What our configuration says of it."""
    return Oidc(
        issuer=provider.issuer,
        name="the company account",
        client_id=CLIENT,
        client_secret=SecretStr(SECRET),
        scopes=SCOPES,
        name_claim="email",
        role_claim="groups",
        roles={"it": Role.OPERATOR},
    )


@pytest.fixture
async def server(space, oidc: Oidc, provider: Glewlwyd) -> AsyncIterator[TestServer]:
    """Pages on which people sign in with their accounts there."""
    space.serve(oidc=oidc)
    async with TestServer(build(space, Gate())) as running:
        provider.leads_back_to(str(running.make_url("")).rstrip("/"))
        yield running


async def leave(client: TestClient) -> str:
    """Where the sign-in page leads to."""
    assert "Sign in with the company account" in await (await client.get("/sign-in")).text()
    answer = await client.get("/sign-in/oidc", allow_redirects=False)
    assert answer.status == 303
    return answer.headers["Location"]


async def agree(client: TestClient, provider: Glewlwyd, who: str) -> str:
    """Go there, sign in and agree; the page of ours that it leads back to."""
    return path(provider.agree(await leave(client), who))


def path(address: str) -> str:
    """An address without its host."""
    return urlsplit(address)._replace(scheme="", netloc="").geturl()


async def test_people_sign_in_with_their_account_there(space, server: TestServer, provider: Glewlwyd) -> None:
    async with browser(server) as client:
        address = await leave(client)
        asked = parse_qs(urlsplit(address).query)
        assert asked["code_challenge_method"] == ["S256"]
        answer = await client.get(path(provider.agree(address, "ana")), allow_redirects=False)
        assert (answer.status, answer.headers["Location"], COOKIE in answer.cookies) == (303, "/", True)
        page = await (await client.get("/account")).text()
        assert "ana@example.org" in page
        assert 'action="/account/password"' not in page
        assert (await client.get("/users")).status == 403
    async with browser(server) as again:
        assert (await again.get(await agree(again, provider, "ana"), allow_redirects=False)).status == 303
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
async def test_others_are_told_why_not(space, server: TestServer, provider: Glewlwyd, who: str, words: str) -> None:
    await account(space.store, "taken@example.org", Role.ADMIN)
    async with browser(server) as client:
        answer = await client.get(await agree(client, provider, who), allow_redirects=False)
        assert (answer.status, words in await answer.text(), COOKIE in answer.cookies) == (403, True, False)


@pytest.mark.parametrize(("site", "reader"), [("de", "en"), ("en", "de")])
async def test_a_refusal_is_told_in_the_readers_language_and_recorded_in_the_sites(
    space, server: TestServer, provider: Glewlwyd, site: str, reader: str
) -> None:
    await account(space.store, "taken@example.org", Role.ADMIN)
    in_english = "no account can be made for you: there is a user 'taken@example.org' already"
    async with browser(server) as client:
        back = await agree(client, provider, "taken")
        space.config = replace(space.config, site=replace(space.config.site, language=site))
        told = await (await client.get(back, headers={"Accept-Language": reader})).text()
    async with space.store.connect() as conn:
        (noted, *_) = await audit_log.page(conn, 1)
    assert (in_english in unescape(told), in_english in noted.target) == (reader == "en", site == "en")
    assert ("already" in told, "already" in noted.target) == (reader == "en", site == "en")


async def test_who_is_kept_out_stays_so(space, server: TestServer, provider: Glewlwyd) -> None:
    async with browser(server) as client:
        await client.get(await agree(client, provider, "ana"), allow_redirects=False)
        async with space.store.begin() as conn:
            await conn.exec_driver_sql("update users set disabled = true")
        assert (await client.get("/")).status == 401
        answer = await client.get(await agree(client, provider, "ana"))
        assert (answer.status, "kept out" in await answer.text()) == (403, True)


async def test_an_answer_counts_once_and_in_the_browser_that_has_asked(server: TestServer, provider: Glewlwyd) -> None:
    async with browser(server) as client, browser(server) as victim:
        back = await agree(client, provider, "ana")
        assert (await victim.get(back, allow_redirects=False)).status == 403
        assert (await client.get(back, allow_redirects=False)).status == 403, "it was shown"
        back = await agree(client, provider, "ana")
        assert (await client.get(back, allow_redirects=False)).status == 303
        assert (await client.get(back, allow_redirects=False)).status == 403
        forged = await client.get("/sign-in/oidc/back?code=x&state=y", allow_redirects=False)
        assert forged.status == 403
        refused = parse_qs(urlsplit(await leave(victim)).query)["state"][0]
        answer = await victim.get(f"/sign-in/oidc/back?error=access_denied&state={refused}")
        assert "access_denied" in await answer.text()


async def ask(oidc: Oidc, provider: Glewlwyd) -> tuple[Provider, Ask, str]:
    """What is asked there without a browser; and the code that comes back for it."""
    asked, there = Ask.new("http://127.0.0.1:9/sign-in/oidc/back"), Provider(oidc)
    provider.leads_back_to("http://127.0.0.1:9")
    back = parse_qs(urlsplit(provider.agree(await there.address(asked, datetime.now(UTC)), "ana")).query)
    assert back["state"] == [asked.state]
    return there, asked, back["code"][0]


async def test_a_code_serves_once(oidc: Oidc, provider: Glewlwyd) -> None:
    there, asked, code = await ask(oidc, provider)
    person = await there.person(code, asked, datetime.now(UTC))
    assert (person.name, person.role) == ("ana@example.org", Role.OPERATOR)
    with pytest.raises(Refused, match="status 403: invalid_code"):
        await there.person(code, asked, datetime.now(UTC))


@pytest.mark.parametrize(
    ("differs", "words"),
    [
        ({"verifier": "somebody-else-s-" * 4}, "status 403: invalid_code"),
        ({"redirect": "http://127.0.0.1:1/sign-in/oidc/back"}, "status 403: unauthorized_client"),
        ({"nonce": "somebody-else-s"}, "the answer to another question"),
    ],
)
async def test_a_code_serves_nobody_else(oidc: Oidc, provider: Glewlwyd, differs: dict[str, str], words: str) -> None:
    there, asked, code = await ask(oidc, provider)
    with pytest.raises(Refused, match=words):
        await there.person(code, asked._replace(**differs), datetime.now(UTC))


async def test_the_provider_wants_a_challenge_that_tells_nothing(oidc: Oidc, provider: Glewlwyd) -> None:
    provider.leads_back_to("http://127.0.0.1:9")
    address = await Provider(oidc).address(Ask.new("http://127.0.0.1:9/sign-in/oidc/back"), datetime.now(UTC))
    for weaker in (address.replace("S256", "plain"), address.partition("&code_challenge=")[0]):
        assert parse_qs(urlsplit(provider.agree(weaker, "ana")).query)["error"] == ["invalid_request"]


async def test_a_provider_that_is_gone_hides_nothing_else(space, oidc: Oidc, tmp_path: Path) -> None:
    with ExitStack() as life:
        going = life.enter_context(glewlwyd(tmp_path, Person("ana")))
        space.serve(oidc=replace(oidc, issuer=going.issuer))
        async with TestServer(build(space, Gate())) as running, browser(running) as client:
            going.leads_back_to(str(running.make_url("")).rstrip("/"))
            back = await agree(client, going, "ana")
            life.close()
            answer = await client.get(back)
            assert (answer.status, "cannot be reached" in await answer.text()) == (403, True)
    async with TestServer(build(space, Gate())) as running, browser(running) as client:
        answer = await client.get("/sign-in/oidc")
        assert (answer.status, "cannot be reached" in await answer.text()) == (503, True)
        assert (await client.get("/sign-in")).status == 200


async def test_without_a_provider_nobody_is_sent_to_one(space) -> None:
    async with TestServer(build(space, Gate())) as running, browser(running) as client:
        assert (await client.get("/sign-in/oidc")).status == 404
