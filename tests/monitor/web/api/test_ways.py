"""What holds for all that can be asked: errors, limits, repeated requests, versions."""

import asyncio
import json

import pytest
from peers.people import account, form_key, sign_in
from yarl import URL

from monitor.people.roles import Role
from monitor.store import StoreError, repeats
from monitor.web.api import limits
from monitor.web.api.limits import Budget


@pytest.fixture
async def incident(space, make_asset):
    printer = make_asset("printer", "Printer")
    space.add(printer)
    return await space.fails(printer, "jammed")


PROBLEMS = [
    ("GET", "/nothing", {}, 404),
    ("DELETE", "/site", {}, 405),
    ("GET", "/incidents/a%00b", {}, 404),
    ("GET", "/incidents?stage=broken", {}, 422),
    ("GET", "/incidents?words=a&words=b", {}, 422),
    ("GET", "/incidents?limit=0", {}, 422),
    ("GET", "/incidents?cursor=%F0", {}, 422),
    ("GET", "/incidents?from=2026-01-01T00:00:00", {}, 422),
    ("GET", "/incidents?from=0001-01-01T00:00:00%2B14:00", {}, 422),
    ("GET", "/audit-log?cursor=eA", {}, 422),
    ("GET", "/assets?cursor=eA", {}, 422),
    ("POST", "/incidents", {"data": "{"}, 400),
    ("POST", "/incidents", {"data": "[" * 5000}, 400),
    ("POST", "/incidents", {"data": '{"title": "\\ud800"}'}, 400),
    ("POST", "/incidents", {"data": "{}", "headers": {"Content-Type": "text/plain"}}, 415),
    ("POST", "/incidents", {"data": "title=x", "headers": {"Content-Type": "application/x-www-form-urlencoded"}}, 415),
    ("POST", "/incidents", {"data": '"x"'}, 422),
    ("POST", "/incidents", {"data": json.dumps({"title": "x" * 70_000})}, 413),
    ("POST", "/incidents", {"data": '{"title": "x"}', "headers": {"Content-Encoding": "gzip"}}, 400),
    ("POST", "/incidents/nothing/acknowledge", {"data": "please"}, 422),
    ("POST", "/figures", {"data": b"a", "headers": {"Content-Type": "text/csv; charset=x"}}, 400),
    ("POST", "/figures", {"data": b"\xff", "headers": {"Content-Type": "text/csv"}}, 400),
    ("GET", "/grafana/incidents?limit=x", {}, 400),
]


@pytest.mark.parametrize(("method", "path", "more", "status"), PROBLEMS)
async def test_what_goes_wrong_is_a_problem_in_json(admin, method: str, path: str, more, status: int) -> None:
    headers = {"Content-Type": "application/json", "Accept": "text/html", **more.pop("headers", {})}
    url = URL(f"/api/v1{path}", encoded=True)
    headers["Authorization"] = f"Bearer {admin.secret}"
    async with admin.client.request(method, url, headers=headers, **more) as answer:
        assert answer.status == status, await answer.text()
        assert answer.content_type == "application/problem+json"
        problem = await answer.json()
    assert problem["status"] == status
    assert problem["title"]
    assert len(problem["detail"]) < 500


async def test_an_unknown_field_is_named(operator) -> None:
    problem = await operator.post("/incidents", {"title": "x", "colour\u202e": "red"}, 422)
    assert problem["errors"] == [
        {"field": "colour\N{REPLACEMENT CHARACTER}", "message": "Extra inputs are not permitted"}
    ]
    problem = await operator.get("/incidents", 422, params={"colour": "red", "limit": "x"})
    assert {one["field"] for one in problem["errors"]} == {"colour", "limit"}


async def test_strangers_are_told_so_as_a_problem_and_must_wait_after_many(
    program, monkeypatch: pytest.MonkeyPatch
) -> None:
    robot = await program(Role.VIEWER)
    stranger = robot._replace(secret="dwt_invented")
    monkeypatch.setattr(robot.client.server.app[limits.BUDGET], "_most", 3)
    monkeypatch.setattr(limits, "WINDOW", 600.0)
    for _ in range(3):
        await stranger.get("/site", 401)
    answer = await stranger.ask("GET", "/site")
    assert (answer.status, answer.content_type) == (429, "application/problem+json")
    assert int(answer.headers["Retry-After"]) <= 601
    await robot.get("/site")


async def test_who_asks_too_much_must_wait(program, monkeypatch: pytest.MonkeyPatch) -> None:
    robot, other = await program(Role.VIEWER), await program(Role.OPERATOR)
    monkeypatch.setattr(robot.client.server.app[limits.BUDGET], "_most", 2)
    monkeypatch.setattr(limits, "WINDOW", 600.0)
    answer = await robot.ask("GET", "/site")
    assert (answer.headers["RateLimit-Limit"], answer.headers["RateLimit-Remaining"]) == ("2", "1")
    assert (await robot.ask("GET", "/incidents/nothing")).headers["RateLimit-Remaining"] == "0"
    answer = await robot.ask("GET", "/site")
    assert (answer.status, answer.headers["RateLimit-Remaining"]) == (429, "0")
    await other.get("/site")


def test_a_budget_is_whole_again_after_its_window_and_bounded() -> None:
    budget = Budget(1)
    assert [budget.spend("ana", at).requests for at in (0, 1, 59.9)] == [0, -1, -1]
    assert budget.spend("ana", 60).requests == 0
    for number in range(20_000):
        budget.spend(str(number), 61)
    assert budget.spend("ana", 62).requests == 0, "the one that was quiet longest is forgotten"


async def test_the_same_request_sent_twice_is_done_once(operator, admin) -> None:
    key = {"Idempotency-Key": "7b1f"}
    first = await operator.ask("POST", "/incidents", json={"title": "Paper is out"}, headers=key)
    again = await operator.ask("POST", "/incidents", json={"title": "Paper is out"}, headers=key)
    assert (first.status, again.status) == (201, 201)
    assert await first.text() == await again.text()
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    for name in ("Location", "ETag"):
        assert again.headers[name] == first.headers[name]
    assert len((await admin.get("/incidents"))["items"]) == 1
    assert len((await admin.get("/audit-log", params={"what": "incident reported"}))["items"]) == 1
    problem = await operator.post("/incidents", {"title": "Toner is out"}, 422, headers=key)
    assert problem["errors"][0]["field"] == "Idempotency-Key"
    await admin.post("/incidents", {"title": "Toner is out"}, 201, headers=key)
    assert len((await admin.get("/incidents"))["items"]) == 2, "a key counts for one caller"


async def test_the_same_request_must_wait_while_the_first_is_under_way(space, operator) -> None:
    report, began, goes_on = space.report, asyncio.Event(), asyncio.Event()

    async def slow(*given: object, **more: object):
        began.set()
        await goes_on.wait()
        return await report(*given, **more)

    space.report = slow
    key = {"Idempotency-Key": "7b1f"}
    first = asyncio.create_task(operator.post("/incidents", {"title": "x"}, 201, headers=key))
    await began.wait()
    await operator.post("/incidents", {"title": "x"}, 409, headers=key)
    goes_on.set()
    made = await first
    assert await operator.post("/incidents", {"title": "x"}, 201, headers=key) == made


async def test_what_failed_can_be_tried_again_under_the_same_key(operator) -> None:
    key = {"Idempotency-Key": "7b1f"}
    await operator.post("/incidents", {"title": "x", "asset": "nothing"}, 422, headers=key)
    await operator.post("/incidents", {"title": "x"}, 201, headers=key)
    for senseless in ("", "x" * 101):
        await operator.post("/incidents", {"title": "x"}, 422, headers={"Idempotency-Key": senseless})


async def test_an_answer_that_cannot_be_remembered_is_given_all_the_same(
    operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(repeats, "keep", full)
    await operator.post("/incidents", {"title": "x"}, 201, headers={"Idempotency-Key": "7b1f"})


async def test_what_has_not_changed_is_not_sent_again(incident, viewer) -> None:
    first = await viewer.ask("GET", f"/incidents/{incident.id}")
    same = await viewer.ask("GET", f"/incidents/{incident.id}", headers={"If-None-Match": first.headers["ETag"]})
    assert (same.status, await same.read()) == (304, b"")
    other = await viewer.ask("GET", f"/incidents/{incident.id}", headers={"If-None-Match": '"other"'})
    assert other.status == 200


@pytest.mark.parametrize("path", ["acknowledge", "fixed", "notes", "actions"])
async def test_what_somebody_else_has_changed_since_stays_as_it_is(incident, operator, path: str) -> None:
    body = {"notes": {"text": "x"}, "actions": {"text": "x", "owner": "x", "due": "2027-01-01"}}.get(path)
    headers = {"If-Match": '"other"'}
    problem = await operator.post(f"/incidents/{incident.id}/{path}", body, 412, headers=headers)
    assert "Read it again" in problem["detail"]
    assert (await operator.get(f"/incidents/{incident.id}"))["stage"] == "open"


async def test_a_signed_in_page_may_read_and_not_write(space, program, incident) -> None:
    robot = await program(Role.VIEWER)
    await account(space.store, "ana", Role.ADMIN)
    await sign_in(robot.client, "ana")
    assert (await robot.client.get("/api/v1/site")).status == 200
    headers = {"X-Form-Key": await form_key(robot.client)}
    answer = await robot.client.post(f"/api/v1/incidents/{incident.id}/acknowledge", headers=headers)
    assert (answer.status, "Send a token" in (await answer.json())["detail"]) == (403, True)


async def test_hostile_names_are_only_text(space, make_asset, viewer) -> None:
    evil = "Fibre \u202e<script>\x07"
    fibre = make_asset("fibre", evil)
    space.add(fibre)
    incident = await space.fails(fibre, "gone\x1b[2J")
    for path in ("/assets", "/assets/fibre", "/checks", "/incidents", f"/incidents/{incident.id}"):
        text = await (await viewer.ask("GET", path)).text()
        assert not [bad for bad in ("\u202e", "\x1b", "\x07", "\\u202e", "\\u001b", "\\u0007") if bad in text]


async def test_events_come_to_programs_too(space, viewer) -> None:
    answer = await viewer.ask("GET", "/events")
    assert (answer.status, answer.content_type) == (200, "text/event-stream")
    while not (await answer.content.readline()).startswith(b"data: "):
        pass
    answer.close()
