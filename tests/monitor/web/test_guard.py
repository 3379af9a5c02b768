"""Who gets in, from where, and what every answer carries."""

from collections.abc import Awaitable, Callable

import pytest
from aiohttp.test_utils import TestClient
from pydantic import SecretStr

from monitor.config.model import Server
from monitor.web import status
from monitor.web.app import build
from monitor.web.auth import Gate
from monitor.web.guard import ROLES, is_loopback, is_our_host

PRIVATE = ("/", "/incidents", "/incidents/x", "/assets/x", "/fragment/board", "/fragment/incidents/x", "/events")
MACHINE = ("/metrics", "/probe?module=internet.ping&target=127.0.0.1")


async def test_only_the_named_routes_are_open_to_everybody(space, gate: Gate) -> None:
    roles = build(space, gate)[ROLES]
    assert {path for (_, path), role in roles.items() if role == "public"} == {
        "/language",
        "/sign-in",
        "/sign-in/second-factor",
        "/sign-in/oidc",
        "/sign-in/oidc/back",
        *status.PATHS,
        "/act",
        "/act/{token}",
        "/ping/{key}",
        "/ping/{key}/{what}",
        "/static/{name}",
        "/-/healthy",
        "/-/ready",
        "/api/v1/openapi.json",
    }


@pytest.mark.parametrize("path", PRIVATE)
async def test_a_stranger_is_told_to_sign_in(stranger: TestClient, path: str) -> None:
    answer = await stranger.get(path, headers={"Accept": "text/html"})
    assert answer.status == 401
    assert "open the sign-in link" in await answer.text()


@pytest.mark.parametrize("path", ["/incidents/x/acknowledge", "/incidents/x/note", "/incidents/x/review", "/sign-out"])
async def test_a_stranger_changes_nothing(stranger: TestClient, path: str) -> None:
    assert (await stranger.post(path)).status == 401


async def test_an_invented_cookie_opens_nothing(stranger: TestClient) -> None:
    answer = await stranger.get("/", headers={"Cookie": "deskwatch_session=invented"})
    assert answer.status == 401


@pytest.mark.parametrize("path", ["/", "/nowhere", "/sign-in", "/static/style.css", "/metrics", "/-/healthy"])
async def test_every_answer_carries_the_policy(stranger: TestClient, path: str) -> None:
    headers = (await stranger.get(path)).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"


async def test_private_pages_are_never_stored(person: TestClient) -> None:
    for path in ("/", "/incidents", "/fragment/board", "/sign-in"):
        assert (await person.get(path, allow_redirects=False)).headers["Cache-Control"] == "no-store"


async def test_static_files_keep_for_ever_under_an_address_of_their_content(person: TestClient) -> None:
    page = await (await person.get("/")).text()
    address = page.partition('rel="stylesheet" href="')[2].partition('"')[0]
    assert "?v=" in address
    assert "immutable" in (await person.get(address)).headers["Cache-Control"]
    assert (await person.get("/static/../app.py")).status == 404


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8470", "localhost.evil.example", "", "[", "a b"])
async def test_a_strange_name_for_our_address_is_refused(person: TestClient, host: str) -> None:
    answer = await person.get("/", headers={"Host": host})
    assert answer.status in (400, 421)
    assert "Harbour" not in await answer.text()


@pytest.mark.parametrize(
    ("name", "server", "ours"),
    [
        ("localhost", Server(), True),
        ("127.0.0.1", Server(), True),
        ("10.0.0.5", Server(), False),
        ("10.0.0.5", Server(host="0.0.0.0"), True),
        ("rebound.example", Server(host="0.0.0.0"), False),
        ("10.0.0.5", Server(host="10.0.0.5"), True),
        ("watch.example", Server(url="https://Watch.example/"), True),
        ("", Server(), False),
    ],
)
def test_our_names_are_the_listen_address_localhost_and_the_url(name: str, server: Server, ours: bool) -> None:
    assert is_our_host(name, server) is ours


@pytest.mark.parametrize(
    ("name", "own"), [("localhost", True), ("127.9.9.9", True), ("::1", True), ("10.0.0.1", False)]
)
def test_loopback_is_this_machine_alone(name: str, own: bool) -> None:
    assert is_loopback(name) is own


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_another_sites_page_can_post_nothing(
    person: TestClient, form_key: Callable[[], Awaitable[str]], headers: dict[str, str]
) -> None:
    answer = await person.post("/sign-out", data={"form_key": await form_key()}, headers=headers)
    assert answer.status == 403
    assert (await person.get("/")).status == 200


@pytest.mark.parametrize("path", MACHINE)
async def test_another_sites_page_cannot_make_us_probe(stranger: TestClient, path: str) -> None:
    assert (await stranger.get(path, headers={"Sec-Fetch-Site": "cross-site"})).status == 403


@pytest.mark.parametrize("key", ["", "wrong", "é"])
async def test_a_form_without_this_sessions_key_does_nothing(person: TestClient, key: str) -> None:
    answer = await person.post("/sign-out", data={"form_key": key})
    assert answer.status == 403
    assert (await person.get("/")).status == 200


@pytest.mark.parametrize("path", MACHINE)
async def test_programs_on_this_machine_need_no_token_if_none_is_set(stranger: TestClient, path: str) -> None:
    assert (await stranger.get(path)).status == 200


@pytest.mark.parametrize("path", MACHINE)
async def test_a_proxy_on_this_machine_does_not_lend_its_place(stranger: TestClient, path: str) -> None:
    assert (await stranger.get(path, headers={"X-Forwarded-For": "192.0.2.1"})).status == 403


@pytest.mark.parametrize("path", MACHINE)
async def test_without_a_token_programs_elsewhere_get_nothing(space, stranger: TestClient, path: str) -> None:
    space.serve(host="0.0.0.0")
    answer = await stranger.get(path)
    assert answer.status == 403
    assert "server.token" in await answer.text()


@pytest.mark.parametrize("path", MACHINE)
async def test_with_a_token_set_every_program_needs_it(space, stranger: TestClient, path: str) -> None:
    space.serve(token=SecretStr("s3cret"))
    assert (await stranger.get(path)).status == 401
    assert (await stranger.get(path, headers={"Authorization": "Bearer wrong"})).status == 401
    assert (await stranger.get(path, headers={"Authorization": "Bearer s3cret"})).status == 200
    assert (await stranger.post("/-/reload")).status == 401


async def test_a_body_that_is_too_large_is_refused(person: TestClient, form_key: Callable[[], Awaitable[str]]) -> None:
    data = {"form_key": await form_key(), "text": "x" * 70_000}
    assert (await person.post("/incidents/x/note", data=data)).status == 413


async def test_a_wrong_address_and_a_wrong_method_are_said_in_words(person: TestClient) -> None:
    missing = await person.get("/nowhere", headers={"Accept": "text/html"})
    assert (missing.status, "There is no such page" in await missing.text()) == (404, True)
    wrong = await person.get("/-/reload")
    assert (wrong.status, wrong.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize("path", ["/act", "/sign-in"])
@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/x-www-form-urlencoded; charset=none", b"token=x"),
        ("application/x-www-form-urlencoded; charset=utf-8", b"token=\xff"),
        ("multipart/form-data", b"--x\r\n"),
        ("multipart/form-data; boundary=x", b"--x\r\n"),
    ],
)
async def test_a_form_that_cannot_be_read_is_the_senders_mistake(
    stranger: TestClient, path: str, kind: str, body: bytes
) -> None:
    answer = await stranger.post(path, data=body, headers={"Content-Type": kind})
    assert answer.status == 400
    assert "cannot be read" in await answer.text()
