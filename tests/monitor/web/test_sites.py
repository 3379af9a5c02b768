"""The page of all sites, and how this one hears of the others: from the pages that they really have."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import ClientSession, ClientTimeout, web
from aiohttp.test_utils import TestClient, TestServer
from peers.people import token
from peers.ports import free_port
from pydantic import SecretStr

from language import speaking
from monitor.config.model import OtherSite
from monitor.people.roles import Role
from monitor.sites import LARGEST, OLD, Heard, SiteBoard, Sites, Trouble
from monitor.web import sites
from monitor.web.app import build
from monitor.web.auth import Gate
from monitor.web.views import Verdict

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@contextlib.asynccontextmanager
async def answering(answer: Answer) -> AsyncIterator[str]:
    """A server of something else at the address that is yielded."""
    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")


def asking(space, url: str, secret: str = "dw_nothing", changed: Callable[[], None] = lambda: None) -> Sites:
    """What asks a site at that address, as the configuration of the space says."""
    other = OtherSite("east", "Harbour East", url, SecretStr(secret))
    space.config = replace(space.config, other_sites=(other,))
    return Sites(lambda: space.config, changed)


async def asked(found: Sites, timeout: float = 60) -> Heard:
    """What a site said when it was asked once."""
    async with ClientSession(timeout=ClientTimeout(total=timeout)) as session:
        await found.ask(session)
    return found.heard["east"]


async def test_a_site_is_told_by_its_own_deskwatch(harbour) -> None:
    news: list[None] = []
    async with TestServer(build(harbour, Gate())) as server:
        secret = await token(harbour.store, Role.VIEWER)
        found = asking(harbour, str(server.make_url("")).rstrip("/"), secret, lambda: news.append(None))
        heard = await asked(found)
        assert heard.trouble is None
        board = heard.board
        assert board is not None
        assert (board.name, board.tone, board.headline) == ("Harbour Hall", "down", "1 thing needs you")
        assert (board.assets, board.working, board.waiting, board.in_hand) == (15, 11, 1, 1)
        assert [(one.title, one.held_by) for one in board.things] == [
            ("Nordnet fibre is down", ""),
            ("Street door answers slowly", "admin"),
        ]
        assert board.things[0].remedy.startswith("Restart the white box")
        await asked(found)
        assert len(news) == 1, "the same again is no news"
        with speaking("de"):
            seen = sites.of_board(board, "Ost", "https://east.example")
        assert (seen.verdict, seen.headline) == (Verdict.DOWN, "1 Sache wartet auf Sie")


async def test_a_token_that_does_not_work_there_is_named_as_the_reason(harbour) -> None:
    async with TestServer(build(harbour, Gate())) as server:
        heard = await asked(asking(harbour, str(server.make_url("")).rstrip("/")))
    assert heard == Heard(None, None, Trouble.REFUSED)


async def test_a_server_that_is_gone_or_silent_says_nothing_of_the_site(space) -> None:
    async def silent(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(60)
        raise AssertionError

    heard = await asked(asking(space, f"http://127.0.0.1:{free_port()}"))
    assert heard.trouble is Trouble.NO_CONNECTION
    async with answering(silent) as url:
        assert (await asked(asking(space, url), timeout=0.2)).trouble is Trouble.NO_ANSWER


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"{}", b"[" * 10_000, b'"' + b"x" * 2 * LARGEST, b'{"site": "\xff"}'], ids=len
)
async def test_an_answer_that_is_no_board_is_read_to_a_bound_and_shows_nothing(space, body: bytes) -> None:
    async def strange(_: web.Request) -> web.StreamResponse:
        return web.Response(body=body, content_type="application/json")

    async with answering(strange) as url:
        assert (await asked(asking(space, url))).trouble is Trouble.STRANGE


async def test_the_token_does_not_follow_a_redirect(space) -> None:
    led = []

    async def elsewhere(request: web.Request) -> web.StreamResponse:
        led.append(request.path)
        raise web.HTTPFound("/api/v1/elsewhere")

    async with answering(elsewhere) as url:
        assert (await asked(asking(space, url))).trouble is Trouble.STRANGE
    assert led == ["/api/v1/board"]


BOARD = SiteBoard(
    site="east", name="East", is_open=True, ready=True, assets=3, working=3, checking=0, unknown=0, begun=True,
    waiting=0, in_hand=0, tone="working", headline="All working", things=(), more=0,
    at=datetime(2026, 3, 2, tzinfo=UTC),
)  # fmt: skip


async def test_what_was_heard_holds_for_a_minute_and_is_unknown_then(space) -> None:
    found = asking(space, f"http://127.0.0.1:{free_port()}")
    found._heard = {"east": Heard(BOARD, BOARD.at)}
    heard = await asked(found)
    assert (heard.board, heard.trouble) == (BOARD, Trouble.NO_CONNECTION)
    other = space.config.other_sites[0]
    young, old = (sites.of_other(other, heard, BOARD.at + age) for age in (OLD, OLD + timedelta(seconds=1)))
    assert (young.verdict, young.summary) == (Verdict.WORKING, "")
    assert (old.verdict, old.headline, old.things) == (Verdict.UNKNOWN, "", ())
    assert old.why == "There is no connection to its Deskwatch."


async def test_a_site_that_the_configuration_no_longer_names_is_forgotten(space) -> None:
    found = asking(space, f"http://127.0.0.1:{free_port()}")
    await asked(found)
    space.config = replace(space.config, other_sites=())
    async with ClientSession() as session:
        await found.ask(session)
    assert dict(found.heard) == {}


async def test_the_page_shows_every_site_the_worst_first(harbour, person: TestClient) -> None:
    now = datetime.now(UTC)
    names = ("calm", "blind")
    others = tuple(OtherSite(id, id.title(), f"https://{id}.example", SecretStr("dw_x")) for id in names)
    harbour.config = replace(harbour.config, other_sites=others)
    harbour.others = {"calm": Heard(BOARD, now), "blind": Heard(None, None, Trouble.REFUSED)}
    page = await (await person.get("/sites")).text()
    assert "1 site needs a look" in page
    order = [page.index(f"<bdi>{name}</bdi></a></h2>") for name in ("Harbour Hall", "Blind", "Calm")]
    assert order == sorted(order)
    assert "Its Deskwatch does not take our token" in page
    assert 'href="https://calm.example" rel="noreferrer"' in page
    assert "dw_x" not in page
    assert '<a href="/sites"' in await (await person.get("/")).text()


async def test_a_site_that_is_alone_says_how_others_are_added(space, person: TestClient) -> None:
    assert "<code>other_sites</code>" in await (await person.get("/sites")).text()
    assert 'href="/sites"' not in await (await person.get("/")).text()


async def test_programs_get_the_board_and_every_site(harbour, stranger: TestClient) -> None:
    harbour.config = replace(
        harbour.config, other_sites=(OtherSite("east", "East", "https://east.example", SecretStr("dw_x")),)
    )
    headers = {"Authorization": f"Bearer {await token(harbour.store, Role.VIEWER)}"}
    board = await (await stranger.get("/api/v1/board", headers=headers)).json()
    assert (board["site"], board["tone"], board["waiting"]) == ("harbour", "down", 1)
    mine, east = (await (await stranger.get("/api/v1/sites", headers=headers)).json())["items"]
    assert (mine["url"], mine["board"]["headline"]) == ("", "1 thing needs you")
    assert (east["url"], east["board"], east["trouble"]) == ("https://east.example", None, None)
