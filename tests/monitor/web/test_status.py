"""The status page as everybody can ask for it: open only if configured, the same for all, bounded, and kept apart."""

import asyncio
import re
from dataclasses import replace

import pytest
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr

from monitor.config.model import PublicAsset, StatusPage
from monitor.people.roles import Role
from monitor.store import StoreError
from monitor.web import status
from monitor.web.app import build
from monitor.web.auth import Gate
from monitor.web.guard import POLICY, ROLES

PAGE = StatusPage(
    "Harbour status",
    (PublicAsset("fibre", "Internet"), PublicAsset("booking", "Booking", "Please book at the desk.")),
    30,
    "Questions? Ask at the desk.",
)
PATHS = tuple(path.replace("{asset}", "booking") for path in status.PATHS)
HOSTILE = (
    "<script>document.title='owned'</script>",
    '"><img src=x onerror=alert(1)>',
    "]]>&amp;\u202e\x00",
    "W" * 10_000,
)


@pytest.fixture(autouse=True)
def kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was made stays fresh for longer than any test takes."""
    monkeypatch.setattr(status, "FRESH", 600.0)


def published(space, page: StatusPage = PAGE) -> None:
    space.config = replace(space.config, status_page=page)


async def text_of(client: TestClient, path: str) -> str:
    answer = await client.get(path)
    assert answer.status == 200, await answer.text()
    return await answer.text()


async def test_without_the_section_there_is_no_page(harbour, stranger: TestClient) -> None:
    for path in PATHS:
        answer = await stranger.get(path)
        assert answer.status == 404
        assert "There is no such page" in await answer.text()


async def test_everybody_sees_it(harbour, stranger: TestClient) -> None:
    published(harbour)
    for path in PATHS:
        answer = await stranger.get(path)
        assert answer.status == 200, path
        assert "Set-Cookie" not in answer.headers
        for name, value in POLICY.items():
            wanted = "cross-origin" if name.endswith("Resource-Policy") and path.endswith(".svg") else value
            assert answer.headers[name] == wanted
        assert answer.headers["Cache-Control"] == "public, max-age=30"


async def test_the_page_is_in_the_words_of_members(harbour, stranger: TestClient) -> None:
    published(harbour)
    page = await text_of(stranger, "/status")
    assert "Internet is not working since" in page
    assert "We are on it." in page
    assert "Questions? Ask at the desk." in page
    for word in ("Nordnet", "fibre", "no answer", "admin", "ping", "Street door", "Elbe", "cellar", "form_key", "nav"):
        assert word not in page, word


async def test_only_what_is_chosen_has_a_badge(harbour, stranger: TestClient) -> None:
    published(harbour)
    badge = await stranger.get("/status/badge/booking.svg")
    assert badge.content_type == "image/svg+xml"
    assert "Booking: working" in await badge.text()
    assert (await (await stranger.get("/status/badge.json")).json())["message"] == "some things do not work"
    refusals = [await stranger.get(f"/status/badge/{id}.svg") for id in ("street", "nothing", "..%2Fbadge")]
    assert {one.status for one in refusals} == {404}
    assert len({await one.text() for one in refusals}) == 1, "whether there is such an asset is not told"


@pytest.mark.parametrize("path", PATHS)
async def test_what_has_not_changed_is_not_sent_again(harbour, stranger: TestClient, path: str) -> None:
    published(harbour)
    head = await stranger.head(path)
    assert (head.status, await head.read()) == (200, b"")
    again = await stranger.get(path, headers={"If-None-Match": head.headers["ETag"]})
    assert (again.status, await again.read()) == (304, b"")
    assert again.headers["Cache-Control"] == "public, max-age=30"
    assert (await stranger.get(path, headers={"If-None-Match": 'W/"other"'})).status == 200


async def test_many_who_ask_at_once_cost_one_look(harbour, stranger: TestClient, monkeypatch) -> None:
    published(harbour)
    connected = []
    connect = harbour.store.connect
    monkeypatch.setattr(harbour.store, "connect", lambda: connected.append(1) or connect())
    answers = await asyncio.gather(*(stranger.get(path) for path in PATHS * 5))
    assert {one.status for one in answers} == {200}
    assert len(connected) == len(PAGE.assets) + 2, "each asset's history, what was and what is"


async def test_a_reload_shows_at_once(harbour, stranger: TestClient) -> None:
    published(harbour)
    assert "Harbour status" in await text_of(stranger, "/status")
    published(harbour, replace(PAGE, title="Other"))
    assert "Other" in await text_of(stranger, "/status")
    published(harbour, None)  # type: ignore[arg-type]
    assert (await stranger.get("/status")).status == 404


async def test_a_database_that_fails_is_not_explained_to_strangers(harbour, stranger: TestClient, monkeypatch) -> None:
    def fail() -> None:
        raise StoreError("db.internal refuses deskwatch")

    published(harbour)
    monkeypatch.setattr(harbour.store, "connect", fail)
    answer = await stranger.get("/status")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "60")
    assert "db.internal" not in await answer.text()
    assert answer.headers["Cache-Control"] == "no-store"


async def test_a_strange_host_is_refused(harbour, stranger: TestClient) -> None:
    published(harbour)
    assert (await stranger.get("/status.json", headers={"Host": "evil.example"})).status == 421


async def test_it_cannot_be_posted_to(harbour, stranger: TestClient) -> None:
    published(harbour)
    assert {(await stranger.post(path)).status for path in PATHS} == {405}


async def test_hostile_names_are_text_everywhere(harbour, stranger: TestClient, make_asset) -> None:
    bad = [make_asset(f"bad-{number}", name) for number, name in enumerate(HOSTILE)]
    harbour.add(*bad)
    for one in bad:
        await harbour.fails(one, one.name)
    names = tuple(PublicAsset(one.id, one.name, one.name) for one in bad)
    published(harbour, StatusPage(HOSTILE[0], names, 3, HOSTILE[1]))
    for path in ("/status", "/status/feed.atom", "/status/feed.rss", "/status/badge.svg", "/status/badge/bad-1.svg"):
        text = await text_of(stranger, path)
        assert "<script>" not in text
        assert "<img src=x" not in text
        assert "\u202e" not in text


async def test_nothing_else_became_public(harbour) -> None:
    published(harbour)
    harbour.serve(token=SecretStr("s3cret"))
    app = build(harbour, Gate())
    roles = dict(app[ROLES])
    assert {path for _, path in roles if path.startswith("/status")} == set(status.PATHS)
    async with TestClient(TestServer(app)) as client:
        for (method, path), role in roles.items():
            if role is Role.PUBLIC:
                continue
            answer = await client.request(method, re.sub(r"\{\w+\}", "booking", path))
            assert answer.status == 401, path


async def test_without_an_address_of_its_own_the_feeds_lead_to_where_it_listens(harbour) -> None:
    published(harbour)
    for settings, base in (
        ({"host": "::1", "port": 1}, "http://[::1]:1"),
        ({"host": "0.0.0.0", "port": 2}, "http://localhost:2"),
        ({"url": "https://deskwatch.example.org/"}, "https://deskwatch.example.org"),
    ):
        harbour.serve(**settings)
        async with TestClient(TestServer(build(harbour, Gate()))) as client:
            assert f'href="{base}/status"' in await text_of(client, "/status/feed.atom")
