"""The one-time link, the session that it begins, and its end."""

import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient

from monitor.people.accounts import digest
from monitor.store import StoreError, sessions
from monitor.web.auth import (
    ABSOLUTE,
    COOKIE,
    GUESSES,
    Gate,
    Sessions,
    Throttled,
    form_key,
    is_form_key,
)

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def token_of(gate: Gate) -> str:
    return gate.link("http://127.0.0.1:8470").partition("token=")[2]


async def test_looking_at_the_link_does_not_use_it_up(stranger: TestClient, gate: Gate) -> None:
    for _ in range(3):
        page = await stranger.get(f"/sign-in?token={token_of(gate)}")
        assert "Sign in</button>" in await page.text()
        assert COOKIE not in page.cookies
    answer = await stranger.post("/sign-in", data={"token": token_of(gate)}, allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/")


async def test_the_link_opens_one_session_and_no_other(stranger: TestClient, gate: Gate) -> None:
    await stranger.post("/sign-in", data={"token": token_of(gate)})
    stranger.session.cookie_jar.clear()
    again = await stranger.post("/sign-in", data={"token": token_of(gate)}, headers={"Accept": "text/html"})
    assert again.status == 403
    assert "restarting Deskwatch prints a new one" in await again.text()
    assert (await stranger.get("/")).status == 401


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(stranger: TestClient, gate: Gate) -> None:
    answer = await stranger.post("/sign-in", data={"token": token_of(gate)}, allow_redirects=False)
    cookie = answer.cookies[COOKIE]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie["path"] == "/"
    assert not cookie["secure"]


async def test_under_https_the_cookie_never_goes_over_http(space, stranger: TestClient, gate: Gate) -> None:
    space.serve(url="https://watch.example")
    answer = await stranger.post(
        "/sign-in", data={"token": token_of(gate)}, headers={"Host": "watch.example"}, allow_redirects=False
    )
    cookie = answer.cookies["__Host-deskwatch_session"]
    assert cookie["secure"]
    assert (cookie["path"], cookie["domain"]) == ("/", "")
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    secret = {"Cookie": f"__Host-deskwatch_session={cookie.value}", "Host": "watch.example"}
    assert (await stranger.get("/", headers=secret)).status == 200
    weak = {"Cookie": f"{COOKIE}={cookie.value}", "Host": "watch.example"}
    stranger.session.cookie_jar.clear()
    assert (await stranger.get("/", headers=weak)).status == 401


async def test_only_a_digest_of_the_session_is_stored(space, person: TestClient) -> None:
    secret = next(cookie.value for cookie in person.session.cookie_jar if cookie.key == COOKIE)
    async with space.store.begin() as conn:
        found = await sessions.find(conn, digest(secret), datetime.now(UTC))
        dump = repr((await conn.exec_driver_sql("select * from sessions")).all())
    assert found is not None
    assert found.expires - found.created == ABSOLUTE
    assert secret not in dump


async def test_signing_out_ends_the_session_itself(person: TestClient, form_key: Callable[[], Awaitable[str]]) -> None:
    secret = next(cookie.value for cookie in person.session.cookie_jar if cookie.key == COOKIE)
    answer = await person.post("/sign-out", data={"form_key": await form_key()}, allow_redirects=False)
    assert answer.headers["Location"] == "/sign-in"
    person.session.cookie_jar.clear()
    assert (await person.get("/", headers={"Cookie": f"{COOKIE}={secret}"})).status == 401


@pytest.mark.parametrize(
    ("used_every", "until", "open_then"),
    [(None, timedelta(hours=11), True), (None, timedelta(hours=13), False), (6, timedelta(days=6.9), True),
     (6, timedelta(days=7.1), False)],
)  # fmt: skip
async def test_a_session_ends_idle_after_half_a_day_and_used_after_a_week(
    space, used_every: int | None, until: timedelta, open_then: bool
) -> None:
    held = Sessions(space.store, "harbour")
    async with space.store.begin() as conn:
        secret = await held.begin(conn, NOW)
    now = NOW
    while used_every and now + timedelta(hours=used_every) < NOW + until:
        now += timedelta(hours=used_every)
        await held.identity(secret, now)
    assert (await held.identity(secret, NOW + until) is not None) is open_then


def test_guessing_is_slowed_down_for_each_address() -> None:
    gate = Gate()
    for _ in range(GUESSES):
        assert not gate.redeem("wrong", "192.0.2.1", NOW)
    with pytest.raises(Throttled):
        gate.redeem(token_of(gate), "192.0.2.1", NOW)
    assert gate.redeem(token_of(gate), "192.0.2.2", NOW)


def test_after_a_minute_one_may_try_again() -> None:
    gate = Gate()
    for _ in range(GUESSES):
        gate.redeem("wrong", "192.0.2.1", NOW)
    assert gate.redeem(token_of(gate), "192.0.2.1", NOW + timedelta(minutes=1))


@pytest.mark.usefixtures("stopped")
async def test_too_many_guesses_are_answered_with_a_pause(stranger: TestClient) -> None:
    for _ in range(GUESSES):
        assert (await stranger.post("/sign-in", data={"token": "guess\x00é"})).status == 403
    answer = await stranger.post("/sign-in", data={"token": "guess"})
    assert (answer.status, answer.headers["Retry-After"]) == (429, "60")


async def test_who_is_signed_in_skips_the_door(person: TestClient) -> None:
    answer = await person.get("/sign-in", allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/")


def test_the_key_of_a_form_is_different_in_every_page_and_good_for_one_session() -> None:
    first, second = form_key("session"), form_key("session")
    assert first.partition(".")[2] != second.partition(".")[2]
    assert is_form_key("session", first)
    assert is_form_key("session", second)
    assert not is_form_key("another", first)


async def test_a_store_that_cannot_be_written_does_not_hide_the_board(space, tmp_path: Path) -> None:
    held = Sessions(space.store, "harbour")
    async with space.store.begin() as conn:
        secret = await held.begin(conn, NOW)
    assert await held.identity(secret, NOW)
    with closing(sqlite3.connect(tmp_path / "deskwatch.db", isolation_level=None)) as other:
        other.execute("begin immediate")
        assert await held.identity(secret, NOW + timedelta(minutes=30))
        assert await held.identity("another", NOW) is None


async def test_a_store_that_says_nothing_hides_the_board_from_strangers_alone(space) -> None:
    held = Sessions(space.store, "harbour")
    async with space.store.begin() as conn:
        secret = await held.begin(conn, NOW)
    assert await held.identity(secret, NOW)
    async with space.store.begin() as conn:
        await conn.exec_driver_sql("alter table sessions rename to gone")
    assert await held.identity(secret, NOW + timedelta(minutes=30))
    for unknown, at in (("another", NOW), (secret, NOW + timedelta(hours=2))):
        with pytest.raises(StoreError):
            await held.identity(unknown, at)


async def test_a_page_that_nobody_sees_without_signing_in_leads_there(stranger: TestClient) -> None:
    for path, leads in (("/", True), ("/incidents/1", True), ("/status", False), ("/nothing", False)):
        page = await (await stranger.get(path, headers={"Accept": "text/html"})).text()
        assert ('href="/sign-in"' in page) is leads, path


async def test_who_signs_in_gets_to_the_page_that_they_wanted(stranger: TestClient, gate: Gate) -> None:
    wanted = "/incidents?words=door&since=2026-03-01"
    assert (await stranger.get(wanted, headers={"Accept": "text/html"})).status == 401
    answer = await stranger.post("/sign-in", data={"token": token_of(gate)}, allow_redirects=False)
    assert answer.headers["Location"] == wanted
    assert answer.cookies["deskwatch_back"]["max-age"] == "0"


@pytest.mark.parametrize("wanted", ["//evil.example/", "/\\evil.example", "https://evil.example/", "/a\u202eb"])
async def test_nobody_is_sent_elsewhere_after_signing_in(stranger: TestClient, gate: Gate, wanted: str) -> None:
    answer = await stranger.post(
        "/sign-in", data={"token": token_of(gate)}, cookies={"deskwatch_back": wanted}, allow_redirects=False
    )
    assert answer.headers["Location"] == "/"
