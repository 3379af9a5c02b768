"""What the command line makes of a server that is away, strange or hostile: one plain line, and it keeps the token."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from click.testing import Result
from peers.certificates import Authority, authority
from peers.ports import free_port
from typer.testing import CliRunner

from monitor.cli import cli
from monitor.commands import client

__all__ = ["authority"]

SECRET = "dwt_of_a_test"
INCIDENT = {"id": "01A", "stage": "open", "severity": "critical", "asset": "lift", "title": "Lift", "opened": None}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """A server that answers everything in one way; its address."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    server = TestServer(app)
    await server.start_server(ssl=tls)
    try:
        yield str(server.make_url("")).rstrip("/")
    finally:
        await server.close()


async def typed(address: str, *words: str, **more: str) -> Result:
    env = {"DESKWATCH_TOKEN": SECRET, "COLUMNS": "200", **more}
    return await asyncio.to_thread(CliRunner().invoke, cli, ["--server", address, *words], env=env)


async def said(handler: Handler, *words: str) -> str:
    """What is said about an answer of which nothing can come, on one line and without the token."""
    async with serving(handler) as address:
        ended = await typed(address, *(words or ("incidents", "list")))
    assert ended.exit_code == 2, ended.output
    assert ended.output.startswith(address)
    assert ended.output.count("\n") == 1
    assert SECRET not in ended.output
    return ended.output


def answering(status: int = 200, body: object = None, **more: Any) -> Handler:
    async def handler(_: web.Request) -> web.Response:
        return web.json_response(body, status=status, **more)

    return handler


async def test_a_server_that_is_away_is_named() -> None:
    address = f"http://127.0.0.1:{free_port()}"
    ended = await typed(address, "status")
    assert (ended.exit_code, ended.output.startswith(f"{address} cannot be reached: ")) == (2, True)


async def test_a_server_that_takes_too_long_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "TIMEOUT", client.ClientTimeout(total=0.2))
    released = asyncio.Event()

    async def handler(_: web.Request) -> web.Response:
        await released.wait()
        return web.Response()

    assert "does not answer in time" in await said(handler)
    released.set()


@pytest.mark.parametrize(
    ("body", "type", "words"),
    [
        (b"<html>Sign in to the hotel's Wi-Fi</html>", "text/html", "answers with text/html that no Deskwatch says"),
        (b"{", "application/json", "answers with application/json that no Deskwatch says"),
        (b"[" * 100_000, "application/json", "that no Deskwatch says"),
        (b"\xff\xfe", "application/json", "that no Deskwatch says"),
        (b"", "application/json", "that no Deskwatch says"),
        (b"[1, 2]", "application/json", "does not understand: is it of the same version?"),
        (b'{"items": [{"id": 7}], "next": null}', "application/json", "KeyError"),
        (b'{"items": [' + b"1," * 20_000_000 + b"1]}", "application/json", "read no further"),
    ],
    ids=["html", "half", "deep", "no text", "nothing", "list", "fields", "long"],
)  # fmt: skip
async def test_what_is_no_answer_is_said_to_be_none(body: bytes, type: str, words: str) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(body=body, content_type=type)

    assert words in await said(handler)


async def test_a_page_is_no_file(tmp_path: Path) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(text="<html>", content_type="text/html")

    assert "no Deskwatch" in await said(handler, "incidents", "export", "01A", "--out", str(tmp_path / "a.html"))
    assert list(tmp_path.iterdir()) == []


async def test_an_error_of_something_in_front_is_told_from_one_of_ours() -> None:
    async def proxy(_: web.Request) -> web.Response:
        return web.Response(status=502, text="<html>", content_type="text/html")

    assert "502 Bad Gateway. No Deskwatch says it like this" in await said(proxy)
    problem = {
        "detail": "This makes no sense.",
        "errors": [{"field": "a", "message": "x"}, {"field": "b", "message": "y"}],
    }
    assert "422 Unprocessable Entity. a: x; b: y." in await said(answering(422, problem))


async def test_a_redirect_is_not_followed_and_the_token_stays_here() -> None:
    asked: list[str | None] = []

    async def elsewhere(request: web.Request) -> web.Response:
        asked.append(request.headers.get("Authorization"))
        return web.json_response({"items": [], "next": None})

    async with serving(elsewhere) as other:

        async def handler(_: web.Request) -> web.Response:
            raise web.HTTPFound(f"{other}/api/v1/incidents")

        assert f"leads on to {other}/api/v1/incidents: the token is not sent there" in await said(handler)

        async def paged(_: web.Request) -> web.Response:
            return web.json_response({"items": [], "next": f"{other}/api/v1/checks"})

        assert "the token is not sent there" in await said(paged, "status")
    assert asked == []


async def test_a_list_without_an_end_is_given_up() -> None:
    assert "does not end" in await said(answering(body={"items": [], "next": "/api/v1/checks?cursor=x"}), "status")


@pytest.mark.parametrize("words", [("incidents", "list"), ("incidents", "list", "--json")])
async def test_a_title_does_not_reach_into_the_terminal(words: tuple[str, ...]) -> None:
    title = "Lift\x1b]0;owned\x07\x1b[2J \x9b2J \u202eis down"
    item = {**INCIDENT, "title": title, "resolved": None}
    async with serving(answering(body={"items": [item], "next": None})) as address:
        ended = await typed(address, *words)
    assert ended.exit_code == 0, ended.output
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(ended.output)
    assert "\\u001b" not in ended.output
    assert "]0;owned" in ended.output


async def test_too_many_requests_are_waited_for_once() -> None:
    asked = []

    async def handler(request: web.Request) -> web.Response:
        asked.append(request.headers.get("Authorization"))
        if len(asked) == 1:
            return web.json_response({"detail": "Wait."}, status=429, headers={"Retry-After": "0"})
        return web.json_response({"items": [], "next": None})

    async with serving(handler) as address:
        assert (await typed(address, "incidents", "list")).exit_code == 0
    assert asked == [f"Bearer {SECRET}"] * 2
    busy = answering(429, {"detail": "More than 300."}, headers={"Retry-After": "0"})
    assert "429 Too Many Requests. More than 300. Wait a minute" in await said(busy)
    assert "429" in await said(answering(429, {"detail": "More."}, headers={"Retry-After": "3600"}))


async def test_a_lost_answer_is_asked_for_again_under_the_same_key() -> None:
    keys = []

    async def handler(request: web.Request) -> web.Response:
        keys.append(request.headers["Idempotency-Key"])
        if len(keys) == 1:
            assert request.transport is not None
            request.transport.abort()
        return web.json_response({**INCIDENT, "resolved": None})

    async with serving(handler) as address:
        ended = await typed(address, "incidents", "acknowledge", "01A", "--json")
    assert ended.exit_code == 0, ended.output
    assert keys == [json.loads(ended.output)["order"]] * 2


async def test_a_change_without_a_key_is_not_sent_twice() -> None:
    asked = []

    async def handler(request: web.Request) -> web.Response:
        asked.append(request.method)
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    await said(handler, "incidents", "review", "01A", "--resolution", "New cable")
    assert asked == ["PATCH"]


async def test_the_certificate_must_be_of_an_authority_that_is_trusted(authority: Authority) -> None:
    async with serving(answering(body={"items": [], "next": None}), authority.issue().context()) as address:
        refused = await typed(address, "incidents", "list")
        trusted = await typed(address, "incidents", "list", DESKWATCH_CA_FILE=str(authority.file))
    assert refused.exit_code == 2
    assert "its certificate is not trusted" in refused.output
    assert "--ca-file" in refused.output
    assert trusted.exit_code == 0, trusted.output


async def test_a_certificate_of_another_name_is_refused(authority: Authority) -> None:
    other = authority.issue(names=("other.example",)).context()
    async with serving(answering(body={}), other) as address:
        refused = await typed(address, "status", DESKWATCH_CA_FILE=str(authority.file))
    assert "its certificate is not trusted" in refused.output


async def test_a_ca_file_that_is_none_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    for file in (tmp_path / "ca.pem", tmp_path / "away.pem"):
        ended = await typed("https://127.0.0.1:9", "status", DESKWATCH_CA_FILE=str(file))
        assert (ended.exit_code, f"{file} is no certificate" in ended.output) == (2, True), ended.output
