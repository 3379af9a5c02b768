"""What administrators' programs do: users, tokens, the configuration; and nothing secret in any answer."""

from dataclasses import replace
from datetime import UTC, datetime

from peers.people import PASSWORD, account, browser, changed, sign_in
from pydantic import SecretStr

from monitor.people.roles import Role


async def test_a_program_learns_under_which_name_it_acts(operator) -> None:
    assert await operator.get("/account") == {"name": "token operator-robot", "role": "operator"}


async def test_somebody_gets_an_account_and_signs_in(space, admin) -> None:
    wanted = {"name": "Ana", "password": PASSWORD, "role": "operator"}
    answer = await admin.ask("POST", "/users", json=wanted)
    made = await answer.json()
    assert (answer.status, made["name"], made["roles"]) == (201, "ana", {"harbour": "operator"})
    assert PASSWORD not in await answer.text()
    assert await admin.get(answer.headers["Location"].removeprefix("/api/v1")) == made
    assert (await admin.get("/users"))["items"] == [made]
    assert (await sign_in(admin.client, "ana")).status == 303
    entry = (await admin.get("/audit-log", params={"what": "user added"}))["items"][0]
    assert (entry["who"], entry["target"]) == ("token admin-robot", "ana (operator at harbour)")


async def test_accounts_that_cannot_be_are_refused_without_saying_the_password(admin) -> None:
    wanted = {"name": "ana", "password": "four words and a tram", "role": "viewer"}
    await admin.post("/users", wanted, 201)
    for faulty in (wanted, {**wanted, "name": "admin"}, {**wanted, "role": "machine"}, {**wanted, "password": "short"}):
        answer = await admin.ask("POST", "/users", json=faulty)
        assert (answer.status, faulty["password"] in await answer.text()) == (422, False)


async def test_what_is_secret_is_never_remembered(admin) -> None:
    key = {"Idempotency-Key": "7b1f"}
    problem = await admin.post("/tokens", {"name": "x", "role": "viewer"}, 422, headers=key)
    assert problem["errors"][0]["field"] == "Idempotency-Key"
    assert [one["name"] for one in (await admin.get("/tokens"))["items"]] == ["admin-robot"]


async def test_a_role_is_changed_only_if_nobody_else_was_faster(space, admin) -> None:
    user = await account(space.store, "ana", Role.VIEWER)
    seen = (await admin.ask("GET", f"/users/{user.id}")).headers["ETag"]
    path, headers = f"/users/{user.id}/role", {"If-Match": seen}
    given = await admin.ask("PATCH", path, json={"role": "admin", "everywhere": True}, headers=headers)
    assert (await given.json())["roles"] == {"*": "admin", "harbour": "viewer"}
    late = await admin.ask("PATCH", path, json={"role": None}, headers=headers)
    assert late.status == 412
    gone = await admin.ask("PATCH", path, json={"role": None})
    assert (await gone.json())["roles"] == {"*": "admin"}


async def test_somebody_is_kept_out_let_in_and_forgotten(space, admin) -> None:
    user = await account(space.store, "ana", Role.VIEWER)
    await changed(space.store, user, totp="SECRETSECRET")
    path = f"/users/{user.id}"
    text = await (await admin.ask("GET", path)).text()
    assert ('"second_factor":true' in text, "SECRET" in text, user.password in text) == (True, False, False)
    assert (await admin.post(f"{path}/disable"))["disabled"]
    assert not (await admin.post(f"{path}/enable"))["disabled"]
    assert not (await admin.post(f"{path}/second-factor/off"))["second_factor"]
    await admin.post(f"{path}/password", {"password": "another word and a tram"})
    assert (await sign_in(admin.client, "ana", "another word and a tram")).status == 303
    await admin.post(f"{path}/password", {"password": "aaaaaaaaaaaaaaa"}, 422)
    assert (await admin.ask("DELETE", path)).status == 204
    assert (await admin.ask("DELETE", path)).status == 404


async def test_a_token_is_shown_once_works_and_is_revoked(admin) -> None:
    made = await admin.post("/tokens", {"name": "a chat bot", "role": "operator", "days": 7}, 201)
    robot = admin._replace(secret=made.pop("secret"))
    assert (await robot.get("/account"))["name"] == "token a chat bot"
    listed = (await admin.get("/tokens"))["items"]
    assert made | {"seen": listed[0]["seen"]} in listed
    assert robot.secret not in str(listed)
    assert (datetime.fromisoformat(made["expires"]) - datetime.now(UTC)).days == 6
    assert (await admin.ask("DELETE", f"/tokens/{made['id']}")).status == 204
    await robot.get("/account", 401)
    assert (await admin.ask("DELETE", f"/tokens/{made['id']}")).status == 404


async def test_the_configuration_is_shown_without_secrets(space, admin) -> None:
    urls = {"chat": SecretStr("json://canary@127.0.0.1")}
    space.config = replace(space.config, destinations=urls)
    space.serve(token=SecretStr("canary"))
    answer = await admin.ask("GET", "/configuration")
    text = await answer.text()
    found = await answer.json()
    assert (answer.status, "canary" in text) == (200, False)
    assert found["sections"]["site"]["name"] == "Harbour Hall"
    assert (found["source"], found["pending"]) == (None, {"changes": [], "problems": [], "restart": []})


async def test_a_file_with_mistakes_is_not_loaded(space, admin) -> None:
    assert (await admin.post("/configuration/reload"))["problems"] == []
    problems = ("site.yaml:3: site.name is missing; give it a name",)
    space.after_reload = space.reloads._replace(ok=False, problems=problems)
    answer = await admin.post("/configuration/reload", status=422)
    assert answer["errors"] == [{"field": "configuration", "message": problems[0]}]
    assert (await admin.get("/configuration"))["problems"] == list(problems)


async def test_only_administrators_see_any_of_it(space, operator) -> None:
    await account(space.store, "ana", Role.VIEWER)
    for path in ("/users", "/tokens", "/configuration"):
        await operator.get(path, 403)
    async with browser(operator.client.server) as person:
        await sign_in(person, "ana")
        assert (await person.get("/api/v1/users")).status == 403
