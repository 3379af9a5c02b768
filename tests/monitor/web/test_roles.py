"""Who may ask what: every route of the router, for everybody who may come."""

import contextlib
import re
from collections.abc import AsyncIterator

import pytest
from aiohttp.test_utils import TestClient, TestServer
from peers.people import account, browser, changed, form_key, press, sign_in, token
from pydantic import SecretStr

from monitor.people.roles import GIVEN, Role, given, highest
from monitor.web.app import AUDITED, build, routes
from monitor.web.auth import Gate
from monitor.web.files import Files
from monitor.web.guard import ROLES

CHANGES_NOTHING = {"/silences/preview", "/api/v1/silences/preview", "/language"}
"""Forms that only ask, or that a browser alone remembers; what happens at the other routes without a name is
written by their handlers."""
WRITES_ITSELF = re.compile(r"(/api/v1)?/(sign-in|sign-out|account|users|tokens)\b")
TALKS_ON = {"/events", "/api/v1/events"}
"""Their answers do not end."""


@contextlib.asynccontextmanager
async def serving(space) -> AsyncIterator[TestServer]:
    async with TestServer(build(space, Gate())) as server:
        yield server


def declared(space):
    return [(method, path, role) for (method, path), role in build(space, Gate())[ROLES].items()]


async def test_every_route_has_a_role_and_nothing_else_can_be_asked(space) -> None:
    app = build(space, Gate())
    found = {(route.method, route.resource.canonical) for route in app.router.routes() if route.method != "HEAD"}
    assert found == set(app[ROLES])


async def test_every_change_has_a_name_in_the_audit_log(space) -> None:
    app = build(space, Gate())
    pings = {path for _, path in app[ROLES] if path.startswith("/ping/")}
    nameless = {
        path
        for method, path in app[ROLES]
        if method != "GET" and (method, path) not in app[AUDITED] and not WRITES_ITSELF.match(path)
    }
    machines = {path for (method, path), role in app[ROLES].items() if role is Role.MACHINE and method != "GET"}
    assert nameless - pings - CHANGES_NOTHING <= machines


async def statuses(client: TestClient, space, headers: dict[str, str]) -> dict[str, int]:
    """What becomes of every route that is not for everybody, asked with ids that nothing has and an empty form."""
    key = {"form_key": ""}
    found = {}
    for method, path, role in declared(space):
        if role is Role.PUBLIC or path in TALKS_ON:
            continue
        asked = re.sub(r"\{\w+\}", "x", path)
        async with client.request(method, asked, headers=headers, data=key if method == "POST" else None,
                                  allow_redirects=False) as answer:  # fmt: skip
            found[f"{method} {path}"] = answer.status
    return found


def refused(found: dict[str, int], status: int) -> set[str]:
    return {route for route, one in found.items() if one == status}


def of(space, *roles: Role) -> set[str]:
    return {f"{method} {path}" for method, path, role in declared(space) if role in roles and path not in TALKS_ON}


async def test_without_a_session_or_token_nothing_opens(space) -> None:
    space.serve(token=SecretStr("s3cret"))
    async with serving(space) as server, browser(server) as nobody:
        found = await statuses(nobody, space, {})
    assert set(found.values()) == {401}


@pytest.mark.parametrize("role", GIVEN)
async def test_an_api_token_opens_what_its_role_is_for(space, role: Role) -> None:
    space.serve(token=SecretStr("s3cret"))
    secret = await token(space.store, role)
    async with serving(space) as server, browser(server) as program:
        found = await statuses(program, space, {"Authorization": f"Bearer {secret}"})
    forbidden = {one for one in GIVEN if not role.covers(one)}
    posts = {route for route in of(space, Role.MACHINE) if route.startswith("POST")}
    closed = of(space, *forbidden) | (posts if role is Role.VIEWER else set())
    own = {route for route in found if " /account/" in route}
    assert refused(found, 401) == set()
    assert closed <= refused(found, 403)
    assert refused(found, 403) - own == closed - own, "pages about oneself are for people"


@pytest.mark.parametrize("role", GIVEN)
async def test_a_person_opens_what_their_role_is_for(space, role: Role) -> None:
    await account(space.store, "ana", role)
    space.serve(token=SecretStr("s3cret"))
    async with serving(space) as server, browser(server) as person:
        assert (await sign_in(person, "ana")).status == 303
        key = await form_key(person)
        for method, path, wanted in declared(space):
            if wanted not in GIVEN or method != "GET" or path in TALKS_ON:
                continue
            answer = await person.get(re.sub(r"\{\w+\}", "x", path))
            assert (answer.status == 403) is not role.covers(wanted), path
        for method, path, wanted in declared(space):
            if wanted in GIVEN and method == "POST" and not role.covers(wanted):
                asked = re.sub(r"\{\w+\}", "x", path)
                answer = await person.post(asked, data={"form_key": key}, headers={"Accept": "text/html"})
                assert (answer.status, "with the role" in await answer.text()) == (403, True), path
        assert (await person.get("/metrics")).status == 401, "a session is no token"


async def test_the_machine_token_opens_what_is_for_programs_alone(space) -> None:
    space.serve(token=SecretStr("s3cret"))
    async with serving(space) as server, browser(server) as program:
        found = await statuses(program, space, {"Authorization": "Bearer s3cret"})
    assert refused(found, 401) == of(space, *GIVEN)
    assert not of(space, Role.MACHINE) & refused(found, 403)


@pytest.mark.parametrize("what", ["expired", "revoked", "invented", "of somebody kept out", "of somebody removed"])
async def test_a_token_that_is_over_opens_nothing(space, what: str) -> None:
    user = await account(space.store, "ana", Role.ADMIN)
    secret = "dwt_invented" if what == "invented" else await token(
        space.store, Role.ADMIN, user, days=-1 if what == "expired" else 1
    )  # fmt: skip
    if what == "of somebody kept out":
        await changed(space.store, user, disabled=True)
    async with space.store.begin() as conn:
        if what == "revoked":
            await conn.exec_driver_sql("delete from tokens")
        if what == "of somebody removed":
            await conn.exec_driver_sql("delete from users")
    async with serving(space) as server, browser(server) as program:
        found = await statuses(program, space, {"Authorization": f"Bearer {secret}"})
    assert set(found.values()) == {401}


async def test_a_token_may_at_most_what_its_user_may(space) -> None:
    user = await account(space.store, "ana", Role.ADMIN)
    secret = await token(space.store, Role.ADMIN, user)
    async with space.store.begin() as conn:
        await conn.exec_driver_sql("update grants set role = 'viewer'")
    async with serving(space) as server, browser(server) as program:
        headers = {"Authorization": f"Bearer {secret}"}
        assert (await program.get("/", headers=headers)).status == 200
        assert (await program.get("/users", headers=headers)).status == 403


async def test_with_a_token_no_cookie_counts(space) -> None:
    await account(space.store, "ana", Role.ADMIN)
    viewer = await token(space.store, Role.VIEWER)
    async with serving(space) as server, browser(server) as person:
        await sign_in(person, "ana")
        assert (await person.get("/users")).status == 200
        assert (await person.get("/users", headers={"Authorization": f"Bearer {viewer}"})).status == 403
        assert (await person.get("/users", headers={"Authorization": "Bearer dwt_wrong"})).status == 401
        assert (await person.get("/users", headers={"Authorization": "Bearer"})).status == 401


async def test_a_program_acts_under_the_name_of_its_token_without_a_form_key(space, make_asset) -> None:
    printer = make_asset("printer", "Printer")
    space.add(printer)
    incident = await space.fails(printer, "jammed")
    secret = await token(space.store, Role.OPERATOR, name="robot")
    async with serving(space) as server, browser(server) as program:
        headers = {"Authorization": f"Bearer {secret}"}
        answer = await program.post(f"/incidents/{incident.id}/acknowledge", headers=headers, allow_redirects=False)
        assert answer.status == 303
        assert "token robot" in await (await program.get(f"/incidents/{incident.id}", headers=headers)).text()


async def test_who_may_only_look_sees_no_buttons(harbour) -> None:
    await account(harbour.store, "ana", Role.VIEWER)
    await account(harbour.store, "bea", Role.OPERATOR)
    async with serving(harbour) as server:
        pages = {}
        for name in ("ana", "bea", "ana"):
            async with browser(server) as person:
                await sign_in(person, name)
                html = [await (await person.get(path)).text() for path in ("/", "/silences", "/on-call", "/deliveries")]
                pages[name] = [len(re.findall("<form method=.post|<button [^>]*formaction", page)) for page in html]
    assert pages["ana"] == [1, 1, 1, 1], "only the one to sign out"
    assert min(pages["bea"][:2]) > 1


async def test_somebody_of_another_site_alone_is_not_let_in(space) -> None:
    await account(space.store, "ana", Role.ADMIN, site="elsewhere")
    await account(space.store, "bea", Role.VIEWER, site="*")
    async with serving(space) as server:
        async with browser(server) as person:
            assert (await sign_in(person, "ana")).status == 403
        async with browser(server) as person:
            assert (await sign_in(person, "bea")).status == 303
            assert (await press(person, "/silences/preview")).status == 403


def test_a_role_covers_those_below_and_what_nobody_has_covers_nothing() -> None:
    assert [one for one in Role if Role.OPERATOR.covers(one)] == [Role.VIEWER, Role.OPERATOR]
    assert not any(one.covers(other) for one in (Role.PUBLIC, Role.MACHINE) for other in Role)
    assert highest(Role.VIEWER, Role.ADMIN) is Role.ADMIN
    assert highest() is None
    for word in ("public", "machine", "root", ""):
        with pytest.raises(ValueError, match="viewer, operator or admin"):
            given(word)


def test_no_two_routes_share_a_method_and_path(tmp_path) -> None:
    found = [(route.method, route.path) for route in routes(Files(tmp_path))]
    assert len(found) == len(set(found))
