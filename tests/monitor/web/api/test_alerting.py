"""What programs ask about messages: what holds them back, why, whether they get through; and what people sign off."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr

from alerting.channels import Delivery, Key, NoticeKind, Notification, Outcome
from alerting.gates import Maintenance, Scope, Window
from alerting.health import Health
from alerting.oncall import Period, Person, Rotation, Schedule
from alerting.routes import Route, Step
from alerting.rules import Severity
from monitor.config.model import Check
from monitor.store import outbox
from probes import load
from probes._engines.credentials import Policy, Remembered, audit
from probes._engines.rosters import Credential, Keys, Member

NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def destinations(space) -> None:
    """A chat that cannot be reached, and somebody who was never told of anything."""
    urls = dict.fromkeys(("chat", "ana/phone"), SecretStr("json://canary@127.0.0.1"))
    space.config = replace(space.config, destinations=urls)
    space.reached = {"chat": Health(NOW, NOW, "Unauthorized\x1b")}


@pytest.fixture
def rotating(harbour):
    """Two schedules, which Ana and Bea have week by week."""
    rotation = Rotation(("ana", "bea"), Period.WEEK, 1, datetime.fromisoformat("2026-01-05 09:00"))
    schedules = tuple(Schedule(id, ZoneInfo("Europe/Berlin"), rotation) for id in ("doors", "network"))
    object.__setattr__(harbour.config, "people", (Person("ana", "Ana", ()), Person("bea", "Bea", ())))
    object.__setattr__(harbour.config, "schedules", schedules)
    return harbour


async def test_destinations_say_whether_they_can_be_reached_and_take_a_test(destinations, operator) -> None:
    found = (await operator.get("/destinations"))["items"]
    assert [(one["id"], one["reach"]) for one in found] == [("chat", "failing"), ("ana/phone", "unproven")]
    assert "canary" not in str(found)
    assert "\x1b" not in found[0]["says"]
    assert (await operator.post("/deliveries/test", {"destination": "ana/phone"}))["id"] == "ana/phone"
    message = (await operator.get("/deliveries"))["items"][0]
    assert (message["destination"], message["kind"], message["incident"]) == ("ana/phone", "test", None)
    await operator.post("/deliveries/test", {"destination": "nobody"}, 422)


async def test_messages_come_with_every_attempt_page_by_page(destinations, space, viewer) -> None:
    keys = [Key(f"e{n}", "chat", NoticeKind.FIRING, 0) for n in range(3)]
    async with space.store.begin() as conn:
        for key in keys:
            await outbox.enqueue(conn, Notification(key, Severity.CRITICAL, f"Door {key.episode}", "…"), "I1", NOW)
        await outbox.record(conn, keys[2], Delivery(Outcome.ACCEPTED, "sent"), NOW, None)
    page = await viewer.get("/deliveries?limit=2")
    assert [one["title"] for one in page["items"]] == ["Door e2", "Door e1"]
    assert [one["outcome"] for one in page["items"][0]["attempts"]] == ["accepted"]
    rest = await viewer.get(page["next"].removeprefix("/api/v1"))
    assert [one["title"] for one in rest["items"]] == ["Door e0"]


async def test_planned_work_that_is_on_is_told(space, viewer) -> None:
    window = Window(NOW - HOUR, NOW + HOUR)
    work = Maintenance("cables", "New cables", Scope(), ZoneInfo("Europe/Berlin"), (window,))
    object.__setattr__(space.config, "maintenances", (work,))
    (found,) = (await viewer.get("/maintenance"))["items"]
    assert (found["id"], found["covers"], found["on"] is not None) == ("cables", ["the whole site"], True)


async def test_the_calendar_of_planned_work_has_every_time_in_it_page_by_page(space, viewer) -> None:
    noon = datetime(2026, 11, 24, 12, tzinfo=UTC)
    windows = tuple(Window(noon + n * 24 * HOUR, noon + n * 24 * HOUR + 2 * HOUR) for n in (-1, 0, 1, 2, 9))
    work = Maintenance("cables", "New cables", Scope(), ZoneInfo("Europe/Berlin"), windows)
    object.__setattr__(space.config, "maintenances", (work,))
    page = await viewer.get("/maintenance/calendar?first=2026-11-24&days=7&limit=2")
    rest = await viewer.get(page["next"].removeprefix("/api/v1"))
    found = page["items"] + rest["items"]
    assert [one["starts"] for one in found] == [f"2026-11-{day}T12:00:00Z" for day in (24, 25, 26)]
    assert {(one["id"], one["name"]) for one in found} == {("cables", "New cables")}
    assert rest["next"] is None
    for wrong in ("days=0", "days=101", "first=today"):
        await viewer.get(f"/maintenance/calendar?{wrong}", 422)


async def test_a_silence_says_beforehand_what_it_would_hold_back(harbour, operator) -> None:
    wanted = {"conditions": ["asset=fibre"], "lasts": "1h", "comment": "New router"}
    (held,) = (await operator.post("/silences/preview", wanted))["items"]
    assert (held["asset"], held["fires"]) == ("fibre", True)
    assert (await operator.get("/silences"))["items"] == []
    await operator.post("/silences/preview", {**wanted, "lasts": "1 parsec"}, 422)


async def test_silences_that_have_ended_are_listed_if_asked(harbour, operator) -> None:
    wanted = {"conditions": ["asset=fibre"], "lasts": "1h", "comment": "New router"}
    over, on = [(await operator.post("/silences", wanted, 201))["id"] for _ in range(2)]
    await operator.post(f"/silences/{over}/end")
    assert [one["id"] for one in (await operator.get("/silences"))["items"]] == [on]
    page = await operator.get("/silences?ended=true&limit=1")
    rest = await operator.get(page["next"].removeprefix("/api/v1"))
    assert ([one["id"] for one in page["items"] + rest["items"]], rest["next"]) == ([on, over], None)


async def test_it_says_why_nobody_was_paged(harbour, viewer) -> None:
    at = (datetime.now(UTC) - HOUR).isoformat(timespec="seconds")
    found = await viewer.get("/why", params={"about": "lte/ping", "at": at})
    assert "no rule was true" in found["summary"]
    assert found["lines"]
    problem = await viewer.get("/why", 422, params={"about": "lte/pong"})
    assert "lte/ping" in problem["detail"]


async def test_the_rules_of_a_check_say_what_they_will_do(harbour, viewer) -> None:
    (rule,) = (await viewer.get("/checks/fibre/ping/rules"))["items"]
    assert (rule["when"], rule["now"], rule["word"]) == ("when it is down", "it is down", "Fires")
    await viewer.get("/checks/fibre/pong/rules", 404)


async def test_who_is_on_call_next_and_who_would_be_paged(harbour, viewer) -> None:
    rotation = Rotation(("ana", "bea"), Period.WEEK, 1, datetime.fromisoformat("2026-01-05 09:00"))
    schedule = Schedule("everybody", ZoneInfo("Europe/Berlin"), rotation)
    object.__setattr__(harbour.config, "people", (Person("ana", "Ana", ()), Person("bea", "Bea", ())))
    object.__setattr__(harbour.config, "schedules", (schedule,))
    object.__setattr__(harbour.config, "routes", (Route("pager", steps=(Step(0, ("everybody",)),)),))
    first = await viewer.get("/on-call/shifts?limit=1")
    then = await viewer.get(first["next"].removeprefix("/api/v1"))
    assert {first["items"][0]["person"], then["items"][0]["person"]} == {"Ana", "Bea"}
    rungs = (await viewer.get("/on-call/paged?asset=fibre&severity=warning"))["items"]
    assert [(one["route"], one["step"], one["held"]) for one in rungs] == [("pager", 1, None)]
    await viewer.get("/on-call/paged?asset=nothing", 422)


async def test_who_is_on_call_at_another_time_is_told_with_when_it_began(rotating, viewer) -> None:
    found = await viewer.get("/on-call", params={"at": "2026-01-15T12:00:00+01:00"})
    assert found["schedules"] == [
        {"schedule": id, "person": "Bea", "starts": "2026-01-12T08:00:00Z", "until": "2026-01-19T08:00:00Z"}
        for id in ("doors", "network")
    ]
    (now, _) = (await viewer.get("/on-call"))["schedules"]
    assert datetime.fromisoformat(now["starts"]) <= NOW < datetime.fromisoformat(now["until"])


async def test_shifts_are_listed_for_as_many_days_as_asked_page_by_page(rotating, viewer) -> None:
    page = await viewer.get("/on-call/shifts?days=70&limit=1")
    all, found = await viewer.get("/on-call/shifts?days=70&limit=200"), page["items"]
    while page["next"] is not None:
        page = await viewer.get(page["next"].removeprefix("/api/v1"))
        found += page["items"]
    days = {id: [one for one in found if one["schedule"] == id] for id in ("doors", "network")}
    assert len(found) == len(all["items"]) == len(days["doors"]) + len(days["network"])
    for shifts in days.values():
        ends = datetime.fromisoformat(shifts[-1]["ends"]) - datetime.fromisoformat(shifts[0]["starts"])
        assert ends == timedelta(days=70)
    for refused in ("days=0", "days=401", "cursor=MjAyNi0wMS0wMQ", "cursor=MjAyNi0wMS0wMVQwMDowMDowMFo"):
        await viewer.get(f"/on-call/shifts?{refused}", 422)


def added(space, make_asset, kind: str, **given: object) -> str:
    asset = make_asset("street", "Street door", "doors")
    params = load(kind).Params.model_validate(given)
    name = kind.partition(".")[2]
    mine = Check(f"street/{name}", "street", name, kind, 3600, 60, asset.checks[0].confirm, params, ())
    space.add(replace(asset, checks=(mine,)))
    return mine.id


async def test_an_audit_is_signed_off_as_it_was_seen(space, make_asset, operator) -> None:
    sources = {side: {"source": "csv", "file": "/nowhere"} for side in ("locks", "members")}
    check = added(space, make_asset, "access.credentials", **sources)
    assert (await operator.get("/audits/credentials"))["items"][0]["audit"] is None
    await operator.post("/audits/credentials/sign-off", {"check": check, "seen": ""}, 422)
    ana = [Credential("Ana", Keys(email="ana@example.com"))]
    space.audits.take(check, audit(ana, [Member("Bea", Keys("1"))], Remembered("00"), Policy(grace=0), NOW)[0])
    found = (await operator.get("/audits/credentials"))["items"][0]["audit"]
    assert next((one["state"], one["names"]) for one in found["findings"]) == ("orphaned", ["Ana"])
    await operator.post("/audits/credentials/sign-off", {"check": check, "seen": "other"}, 409)
    signed = await operator.post("/audits/credentials/sign-off", {"check": check, "seen": found["seen"]})
    assert (signed["who"], signed["check"]) == ("token operator-robot", check)


async def test_a_review_is_signed_off_with_evidence(space, make_asset, operator) -> None:
    settings = {"what": "Restore one file.", "every": "3 months", "first": f"{NOW - timedelta(days=1):%Y-%m-%d}"}
    check = added(space, make_asset, "passive.review", **settings)
    (review,) = (await operator.get("/reviews"))["items"]
    assert (review["check"], review["state"], review["signed"]) == (check, "overdue", None)
    await operator.post("/reviews/sign-off", {"check": check, "note": "done"}, 422)
    await operator.post("/reviews/sign-off", {"check": "other/review", "note": "restored ledger.csv"}, 422)
    await operator.post("/reviews/sign-off", {"check": check, "note": "restored ledger.csv"})
    (review,) = (await operator.get("/reviews"))["items"]
    assert (review["state"], [one["note"] for one in review["history"]]) == ("later", ["restored ledger.csv"])
