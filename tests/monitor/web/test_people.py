"""Name and password, second factor, sessions, and what administrators do to accounts."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from peers.people import PASSWORD, account, browser, changed, field, form_key, press, sign_in

from monitor.config.model import TrustedProxy
from monitor.people import totp
from monitor.people.roles import Role
from monitor.store import audit_log, users
from monitor.web import auth
from monitor.web.app import build
from monitor.web.auth import COOKIE, Brake, Gate, Throttled
from monitor.web.sign_in import DOOR

NEW = "another four words then"

pytestmark = pytest.mark.usefixtures("stopped")  # codes and pauses are of a time


@pytest.fixture
async def server(space) -> AsyncIterator[TestServer]:
    """The pages of a space."""
    async with TestServer(build(space, Gate())) as running:
        yield running


@pytest.fixture
async def ana(space, server: TestServer) -> AsyncIterator[TestClient]:
    """An administrator who is signed in."""
    await account(space.store, "ana", Role.ADMIN)
    async with browser(server) as client:
        assert (await sign_in(client, "ana")).status == 303
        yield client


async def log(space) -> list[tuple[str, str, str]]:
    """Who did what to what, the oldest first."""
    async with space.store.connect() as conn:
        return [(one.who, one.what, one.target) for one in reversed(await audit_log.page(conn, 100))]


async def stored(space, name: str = "ana") -> Any:
    async with space.store.connect() as conn:
        return await users.named(conn, name)


def secret_of(client: TestClient) -> str:
    return next(cookie.value for cookie in client.session.cookie_jar if cookie.key == COOKIE)


async def enrol(client: TestClient) -> tuple[str, list[str]]:
    """Switch the app on; its secret and the recovery codes."""
    page = await (await press(client, "/account/second-factor", current=PASSWORD)).text()
    secret = re.search(r"<code>([A-Z2-7 ]+)</code>", page)[1].replace(" ", "")
    data = {"form_key": field(page, "form_key"), "code": code(secret)}
    done = await (await client.post("/account/second-factor/confirm", data=data)).text()
    return secret, re.findall(r"<li><code>([a-z0-9-]+)</code>", done)


def code(secret: str) -> str:
    return totp.code(secret, int(auth.utc_now().timestamp()) // totp.STEP)


async def show_code(client: TestClient, page: str, given: str) -> Any:
    return await client.post(
        "/sign-in/second-factor", data={"step": field(page, "step"), "code": given}, allow_redirects=False
    )


async def test_a_name_and_its_password_begin_a_session(space, server: TestServer) -> None:
    await account(space.store, "ana")
    async with browser(server) as client:
        answer = await sign_in(client, " ANA ")
        assert (answer.status, answer.headers["Location"]) == (303, "/")
        assert (answer.cookies[COOKIE]["httponly"], answer.cookies[COOKIE]["samesite"]) == (True, "Lax")
        assert (await client.get("/")).status == 200
    assert (await log(space))[-1] == ("ana", "signed in", "password")


async def test_wrong_names_and_wrong_passwords_look_the_same(space, server: TestServer) -> None:
    await account(space.store, "ana")
    await account(space.store, "out", Role.ADMIN)
    await changed(space.store, await stored(space, "out"), disabled=True)
    await account(space.store, "far", Role.ADMIN, site="elsewhere")
    pages = set()
    async with browser(server) as client:
        for name, password in (("ana", "wrong"), ("bea", PASSWORD), ("out", PASSWORD), ("far", PASSWORD), ("\0", "\0")):
            answer = await sign_in(client, name, password)
            assert (answer.status, COOKIE in answer.cookies) == (403, False)
            pages.add(re.sub(r'name="name" value="[^"]*"', "", await answer.text()))
    assert len(pages) == 1
    failed = [who for who, what, _ in await log(space) if what == "sign-in failed"]
    assert failed == ["ana", "", "out", "far", ""], "what nobody is called may be a password, and is not written down"


async def test_guessing_is_slowed_down_for_the_account_from_wherever_it_comes(space, server: TestServer) -> None:
    await account(space.store, "ana")
    await account(space.store, "bea")
    async with browser(server) as client:
        found = await asyncio.gather(*(sign_in(client, "ana", f"wrong {n}") for n in range(8)))
        assert sorted(one.status for one in found) == [403] * 5 + [429] * 3
        answer = await sign_in(client, "ana")
        assert (answer.status, answer.headers["Retry-After"]) == (429, "300")
        assert "Wait five minutes" in await answer.text()
        assert [(await sign_in(client, "nobody", "x")).status for _ in range(6)] == [403] * 5 + [429]
        assert (await sign_in(client, "bea")).status == 303


async def test_guessing_is_slowed_down_for_the_address_whatever_the_account(space, server: TestServer) -> None:
    await account(space.store, "ana")
    async with browser(server) as client:
        server.app[DOOR]._addresses = Brake(3)
        assert [(await sign_in(client, f"name{n}", "x")).status for n in range(4)] == [403] * 3 + [429]
        assert (await sign_in(client, "ana")).status == 429


def test_the_hosts_of_an_ipv6_network_are_one_address() -> None:
    brake, now = Brake(1), datetime(2026, 3, 2, tzinfo=UTC)
    brake.count("2001:db8::1", now)
    with pytest.raises(Throttled):
        brake.check("2001:db8::ffff:2", now)
    brake.check("2001:db8:0:1::1", now)


async def test_signing_in_again_ends_the_session_that_the_browser_had(space, server: TestServer) -> None:
    await account(space.store, "ana")
    async with browser(server) as client, browser(server) as thief:
        await sign_in(client, "ana")
        fixed = secret_of(client)
        await sign_in(client, "ana")
        assert secret_of(client) != fixed
        assert (await thief.get("/", headers={"Cookie": f"{COOKIE}={fixed}"})).status == 401


async def test_changing_the_password_ends_all_other_sessions_and_renews_this_one(
    space, server: TestServer, ana: TestClient
) -> None:
    async with browser(server) as other:
        await sign_in(other, "ana")
        before = secret_of(ana)
        answer = await press(ana, "/account/password", current=PASSWORD, password=NEW, again=NEW)
        assert answer.status == 303
        assert secret_of(ana) != before
        assert (await ana.get("/")).status == 200
        assert (await other.get("/")).status == 401
        assert (await sign_in(other, "ana")).status == 403
        assert (await sign_in(other, "ana", NEW)).status == 303
    assert ("ana", "password changed", "ana") in await log(space)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"current": "wrong", "password": NEW, "again": NEW}, "current password is wrong"),
        ({"current": PASSWORD, "password": "short", "again": "short"}, "has 5 characters"),
        ({"current": PASSWORD, "password": NEW, "again": NEW + "x"}, "not the same"),
    ],
)
async def test_a_password_is_not_changed_just_like_that(ana: TestClient, fields: dict[str, str], words: str) -> None:
    answer = await press(ana, "/account/password", **fields)
    assert (answer.status, words in await answer.text()) == (400, True)


async def test_one_sees_ones_devices_and_signs_them_out(space, server: TestServer, ana: TestClient) -> None:
    async with browser(server) as phone, browser(server) as lost, browser(server) as stranger:
        await account(space.store, "bea")
        await sign_in(stranger, "bea")
        for one in (phone, lost):
            one.session.headers["User-Agent"] = "A phone <b>"
            await sign_in(one, "ana")
        page = await (await ana.get("/account")).text()
        assert page.count("A phone &lt;b&gt;") == 2
        path = re.search(r'action="(/account/sessions/[0-9a-f]+/end)"', page)[1]
        await press(stranger, path)
        assert [(await one.get("/")).status for one in (phone, lost)] == [200, 200]
        await press(ana, path)
        assert sorted([(await one.get("/")).status for one in (phone, lost)]) == [200, 401]
        await press(ana, "/account/sessions/end")
        assert [(await one.get("/")).status for one in (ana, phone, lost, stranger)] == [200, 401, 401, 200]


async def test_with_the_app_a_password_alone_signs_nobody_in(space, server: TestServer, ana: TestClient) -> None:
    before = secret_of(ana)
    secret, codes = await enrol(ana)
    assert (len(codes), (await ana.get("/")).status, secret_of(ana) != before) == (10, 200, True)
    async with browser(server) as client:
        asked = await sign_in(client, "ana")
        assert (asked.status, COOKIE in asked.cookies) == (200, False)
        page, used = await asked.text(), (await stored(space)).totp_step
        assert (await show_code(client, page, "000000")).status == 403
        assert (await show_code(client, page, totp.code(secret, used))).status == 403, "it has switched the app on"
        done = await show_code(client, page, totp.code(secret, used + 1))
        assert (done.status, (await client.get("/")).status) == (303, 200)
        again = await (await sign_in(client, "ana")).text()
        assert (await show_code(client, again, totp.code(secret, used + 1))).status == 403, "used"
        assert (await show_code(client, page, totp.code(secret, used + 1))).status == 403, "the step was done"
    assert ("ana", "sign-in failed", "second factor") in await log(space)


async def test_a_recovery_code_signs_in_once(space, server: TestServer, ana: TestClient) -> None:
    _, codes = await enrol(ana)
    async with browser(server) as client:
        page = await (await sign_in(client, "ana")).text()
        assert (await show_code(client, page, codes[0].upper().replace("-", " "))).status == 303
        page = await (await sign_in(client, "ana")).text()
        assert (await show_code(client, page, codes[0])).status == 403
        async with space.store.connect() as conn:
            dump = repr((await conn.exec_driver_sql("select * from recovery_codes")).all())
    assert all(code.replace("-", "") not in dump for code in codes)


async def test_codes_cannot_be_guessed_in_five_minutes(space, server: TestServer, ana: TestClient) -> None:
    secret, _ = await enrol(ana)
    async with browser(server) as client:
        page = await (await sign_in(client, "ana")).text()
        found = [(await show_code(client, page, f"{n:06}")).status for n in range(5)]
        assert found == [403] * 5
        page = await (await sign_in(client, "ana")).text()
        assert (await show_code(client, page, code(secret))).status == 429


async def test_the_secret_of_the_app_is_drawn_until_it_has_shown_a_code(ana: TestClient) -> None:
    assert (await ana.get("/account/second-factor/code.svg")).status == 410
    page = await (await press(ana, "/account/second-factor", current=PASSWORD)).text()
    drawn = await ana.get("/account/second-factor/code.svg")
    assert (drawn.content_type, drawn.headers["Cache-Control"]) == ("image/svg+xml", "no-store")
    assert "style=" not in await drawn.text()
    secret = re.search(r"<code>([A-Z2-7 ]+)</code>", page)[1].replace(" ", "")
    await ana.post("/account/second-factor/confirm", data={"form_key": field(page, "form_key"), "code": code(secret)})
    assert (await ana.get("/account/second-factor/code.svg")).status == 410
    assert secret not in (await (await ana.get("/account")).text()).replace(" ", "")


async def test_the_app_is_switched_on_and_off_with_the_password_alone(space, ana: TestClient) -> None:
    assert (await press(ana, "/account/second-factor", current="wrong")).status == 400
    await enrol(ana)
    assert (await press(ana, "/account/second-factor/off", current="wrong")).status == 400
    assert (await stored(space)).totp
    assert (await press(ana, "/account/recovery-codes", current=PASSWORD)).status == 200
    assert (await press(ana, "/account/second-factor/off", current=PASSWORD)).status == 303
    assert not (await stored(space)).totp


async def test_an_administrator_adds_changes_and_removes_people(space, server: TestServer, ana: TestClient) -> None:
    assert (await press(ana, "/users", name="Bea", password=PASSWORD, role="viewer", site="")).status == 303
    bea = await stored(space, "bea")
    async with browser(server) as client:
        assert (await sign_in(client, "bea")).status == 303
        for what, fields in (
            ("role", {"role": "operator", "site": ""}),
            ("password", {"password": NEW}),
            ("disable", {}),
        ):
            assert (await press(ana, f"/users/{bea.id}/{what}", **fields)).status == 303
            assert (await client.get("/")).status == 401, what
            await sign_in(client, "bea", NEW if what == "password" else PASSWORD)
        await press(ana, f"/users/{bea.id}/enable")
        assert (await sign_in(client, "bea", NEW)).status == 303
        assert (await press(ana, f"/users/{bea.id}/second-factor/off")).status == 303
        assert (await press(ana, f"/users/{bea.id}/remove")).status == 303
        assert (await client.get("/")).status == 401
    assert [what for who, what, target in await log(space) if who == "ana" and "bea" in target] == [
        "user added", "role changed", "password changed", "user disabled", "user enabled", "second factor off",
        "user removed",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": "admin"}, "belongs to the sign-in link"),
        ({"name": "ana"}, "there is a user"),
        ({"name": "<b>"}, "cannot be taken"),
        ({"password": "short"}, "has 5 characters"),
        ({"role": "machine"}, "viewer, operator or admin"),
    ],
)
async def test_an_account_that_cannot_be_is_refused_in_words(
    ana: TestClient, fields: dict[str, str], words: str
) -> None:
    answer = await press(ana, "/users", **{"name": "bea", "password": PASSWORD, "role": "viewer", "site": "", **fields})
    assert (answer.status, words in await answer.text()) == (400, True)


async def test_nobody_locks_themselves_out_by_a_slip(space, ana: TestClient) -> None:
    own = (await stored(space)).id
    for what in ("disable", "remove", "role"):
        assert (await press(ana, f"/users/{own}/{what}", role="", site="")).status == 403
    assert (await press(ana, "/users/nobody/disable")).status == 404


async def test_a_token_is_made_shown_once_and_revoked(space, server: TestServer, ana: TestClient) -> None:
    secrets = {}
    for path in ("/account/tokens", "/users/tokens"):
        page = await (await press(ana, path, name="grafana", role="viewer", days="30")).text()
        secrets[path] = re.search(r"<code>(dwt_[\w-]+)</code>", page)[1]
    async with browser(server) as program:
        for path, secret in secrets.items():
            page = await (await ana.get(path.removesuffix("/tokens"))).text()
            assert secret not in page
            headers = {"Authorization": f"Bearer {secret}"}
            assert (await program.get("/metrics", headers=headers)).status == 200
            for id in re.findall(rf'action="{path}/(\w+)/revoke"', page):
                assert (await press(ana, f"{path}/{id}/revoke")).status == 303
            assert (await program.get("/metrics", headers=headers)).status == 401
    assert [what for _, what, _ in await log(space) if "token" in what] == ["token made"] * 2 + ["token revoked"] * 2


@pytest.mark.parametrize("fields", [{"days": "367"}, {"days": "x"}, {"days": "0"}, {"name": ""}, {"role": "public"}])
async def test_a_token_without_name_role_or_end_is_refused(ana: TestClient, fields: dict[str, str]) -> None:
    answer = await press(ana, "/account/tokens", **{"name": "grafana", "role": "viewer", "days": "30", **fields})
    assert (answer.status, "did not work" in await answer.text()) == (400, True)


async def test_one_revokes_only_ones_own_tokens(space, server: TestServer, ana: TestClient) -> None:
    page = await (await press(ana, "/users/tokens", name="grafana", role="viewer", days="30")).text()
    id = re.search(r"/users/tokens/(\w+)/revoke", page)[1]
    await account(space.store, "bea")
    async with browser(server) as bea:
        await sign_in(bea, "bea")
        assert (await press(bea, f"/account/tokens/{id}/revoke")).status == 404


async def test_the_link_can_be_switched_off_once_an_administrator_has_an_account(space) -> None:
    gate = Gate()
    token = gate.link("").partition("token=")[2]
    space.serve(sign_in_link=False)
    async with TestServer(build(space, gate)) as server, browser(server) as client:
        user = await account(space.store, "ana", Role.ADMIN)
        assert (await client.post("/sign-in", data={"token": token})).status == 403
        await changed(space.store, user, disabled=True)
        answer = await client.post("/sign-in", data={"token": token}, allow_redirects=False)
        assert answer.status == 303, "nobody else can let anybody in"
        assert "You have no account" in await (await client.get("/account")).text()
        assert (await press(client, "/account/tokens", name="x", role="viewer", days="1")).status == 403
    assert ("admin", "signed in", "link") in await log(space)


async def test_what_people_do_stands_in_the_audit_log(space, make_asset, ana: TestClient) -> None:
    printer = make_asset("printer", "Printer")
    space.add(printer, make_asset("ups", "UPS"))
    incident = await space.fails(printer, "jammed")
    await press(ana, f"/incidents/{incident.id}/acknowledge")
    await press(ana, "/silences", conditions="asset=printer", starts="", lasts="1h", comment="new drum")
    await press(ana, "/silences", conditions="nonsense", starts="", lasts="1h", comment="")
    (silence,) = space.silences
    await press(ana, f"/silences/{silence.id}/end")
    await press(ana, "/sign-out")
    assert (await log(space))[2:] == [
        ("ana", "incident acknowledged", incident.id),
        ("ana", "silence begun", silence.id),
        ("ana", "silence ended", silence.id),
        ("ana", "signed out", ""),
    ]


async def test_the_audit_log_is_read_in_pages_with_filters_and_as_files(space, ana: TestClient) -> None:
    at = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
    async with space.store.begin() as conn:
        for n in range(150):
            await audit_log.add(conn, audit_log.Entry(at, "=cmd()", "192.0.2.1", "silence begun", f"<b>{n}</b>"))
    page = await (await ana.get("/audit-log?who==cmd()&since=2026-03-02&until=2026-03-02")).text()
    assert (page.count("<tr><td>"), "<b>" in page) == (100, False)
    older = re.search(r'href="(/audit-log\?[^"]*before=\d+)"', page)[1].replace("&amp;", "&")
    assert (await (await ana.get(older)).text()).count("<tr><td>") == 50
    assert "Nothing fits" in await (await ana.get("/audit-log?who==cmd()&until=2026-03-01")).text()
    assert (await ana.get("/audit-log?since=never")).status == 400
    written = await (await ana.get("/audit-log/entries.csv?who==cmd()")).text()
    assert written.count("\n") == 151
    assert "2026-03-01T23:30:00+00:00,'=cmd(),192.0.2.1,silence begun,<b>149</b>" in written
    (first, *_) = await (await ana.get("/audit-log/entries.json?what=signed%20in")).json()
    assert (first["who"], first["what"], first["address"]) == ("ana", "signed in", "127.0.0.1")


@contextlib.asynccontextmanager
async def behind(space, network: str, role: Role | None) -> AsyncIterator[TestClient]:
    space.serve(trusted_proxy=TrustedProxy((ip_network(network),), "X-Forwarded-User", role))
    async with TestServer(build(space, Gate())) as server, browser(server) as client:
        client.session.headers.update({"X-Forwarded-User": "Bea", "X-Forwarded-For": "10.9.9.9, 192.0.2.7"})
        yield client


async def test_a_trusted_proxy_says_who_asks_and_from_where(space) -> None:
    async with behind(space, "127.0.0.0/8", Role.OPERATOR) as client:
        assert (await client.get("/")).status == 200
        assert (await client.get("/users")).status == 403
        data = {"form_key": "x", "conditions": "asset=x", "lasts": "1h", "comment": "x"}
        assert (await client.post("/silences/preview", data=data)).status == 403, "no form of ours"
        assert (await press(client, "/silences/preview", **data | {"form_key": await form_key(client)})).status in (
            200,
            400,
        )
        assert (await press(client, "/sign-out")).status == 303
    async with space.store.connect() as conn:
        (entry,) = await audit_log.page(conn, 10)
    assert (entry.who, entry.address) == ("bea", "192.0.2.7")


@pytest.mark.parametrize(
    ("network", "role"), [("192.0.2.0/24", Role.ADMIN), ("::1", Role.ADMIN), ("127.0.0.0/8", None)]
)
async def test_anybody_else_who_says_who_they_are_is_not_believed(space, network: str, role: Role | None) -> None:
    async with behind(space, network, role) as client:
        assert (await client.get("/")).status == 401


async def test_through_a_proxy_an_account_here_says_what_one_may(space) -> None:
    await account(space.store, "bea", Role.ADMIN)
    async with behind(space, "127.0.0.0/8", Role.VIEWER) as client:
        assert (await client.get("/users")).status == 200
        await changed(space.store, await stored(space, "bea"), disabled=True)
        assert (await client.get("/")).status == 401
