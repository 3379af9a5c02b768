"""What programs read and change: status, incidents, silences, on call, reports, the audit log."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from peers.reports import report
from ulid import ULID

from alerting.gates import Silence
from alerting.oncall import Period, Person, Rotation, Schedule
from monitor.store import reports
from monitor.store.reports import Report
from probes import Status


def soon(**ahead: float) -> str:
    return (datetime.now(UTC) + timedelta(**ahead)).isoformat(timespec="seconds")


@pytest.fixture
async def incident(space, make_asset):
    printer = make_asset("printer", "Printer")
    space.add(printer)
    return await space.fails(printer, "jammed")


def roster(space) -> None:
    people = tuple(Person(id, id.capitalize(), ()) for id in ("ana", "bea"))
    rotation = Rotation(("ana",), Period.WEEK, 1, datetime.fromisoformat("2026-01-05 09:00"))
    schedule = Schedule("everybody", ZoneInfo("Europe/Berlin"), rotation)
    object.__setattr__(space.config, "people", people)
    object.__setattr__(space.config, "schedules", (schedule,))


async def test_the_site_says_what_it_is_and_whether_all_is_well(space, viewer) -> None:
    found = await viewer.get("/site")
    assert (found["id"], found["zone"], found["ready"]) == ("harbour", "Europe/Berlin", True)
    space.troubles = ("the disk is full",)
    found = await viewer.get("/site")
    assert (found["ready"], found["problems"]) == (False, ["the disk is full"])


async def test_assets_have_the_verdicts_of_the_board(harbour, viewer) -> None:
    found = {one["id"]: one for one in (await viewer.get("/assets"))["items"]}
    assert list(found) == [asset.id for asset in harbour.config.assets]
    fibre = found["fibre"]
    assert (fibre["verdict"], fibre["detail"]) == ("down", "no answer from 3 of 3 addresses")
    assert await viewer.get(f"/incidents/{fibre['incident']}")
    assert await viewer.get("/assets/fibre") == fibre
    some = await viewer.get("/assets", params={"section": "uplinks"})
    assert [one["id"] for one in some["items"]] == ["fibre", "lte"]


async def test_a_check_has_its_newest_reading(space, make_asset, viewer) -> None:
    space.add(make_asset("printer", "Printer"))
    (unread,) = (await viewer.get("/checks"))["items"]
    assert (unread["verdict"], unread["reading"]) == ("unknown", None)
    await space.works(space.config.assets[0])
    found = await viewer.get("/checks/printer/ping")
    assert (found["verdict"], found["reading"]["status"]) == ("working", "up")
    (sample,) = found["reading"]["samples"]
    assert sample == {"metric": "probe_icmp_duration_seconds", "part": "rtt", "value": 0.012}


async def test_a_check_can_be_run_now(space, make_asset, operator) -> None:
    space.add(make_asset("printer", "Printer"))
    found = await operator.post("/checks/printer/ping/run")
    assert found["ended"] is True
    assert found["check"]["reading"]["status"] in list(Status)
    await operator.post("/checks/printer/nothing/run", status=404)
    await operator.post("/checks/nothing/ping/run", status=404)


async def test_incidents_can_be_chosen(harbour, viewer) -> None:
    async def assets(**query: str) -> list[str]:
        return [one["asset"] for one in (await viewer.get("/incidents", params=query))["items"]]

    assert await assets() == ["street", "fibre"]
    assert await assets(stage="open") == ["fibre"]
    assert await assets(severity="warning") == ["street"]
    assert await assets(asset="fibre") == ["fibre"]
    assert await assets(words="NORDNET") == ["fibre"]
    assert await assets(**{"from": soon(minutes=-30)}) == ["fibre"]
    assert await assets(to=soon(minutes=-30)) == ["street"]


async def test_an_incident_goes_from_open_to_reviewed(incident, operator) -> None:
    path = f"/incidents/{incident.id}"
    assert (await operator.get(path))["stage"] == "open"
    found = await operator.post(f"{path}/acknowledge")
    assert (found["stage"], found["acknowledged_by"]) == ("acknowledged", "token operator-robot")
    found = await operator.post(f"{path}/notes", {"text": "The roller\u202e is worn."})
    assert found["timeline"][-1]["text"] == "The roller\N{REPLACEMENT CHARACTER} is worn."
    found = await operator.post(f"{path}/fixed")
    assert found["resolved"] is not None
    assert "resolution" in found["unwritten"]
    found = await operator.post(f"{path}/actions", {"text": "Order a roller", "owner": "Ana", "due": "2027-01-31"})
    (action,) = found["actions"]
    assert (action["due"], action["done"]) == ("2027-01-31", None)
    found = await operator.post(f"{path}/actions/{action['id']}/done")
    assert found["actions"][0]["done_by"] == "token operator-robot"
    await operator.post(f"{path}/actions/nothing/done", status=404)


async def test_a_review_changes_only_what_is_sent_and_only_what_was_read(incident, operator) -> None:
    path = f"/incidents/{incident.id}/review"
    first = await operator.ask("GET", f"/incidents/{incident.id}")
    headers = {"If-Match": first.headers["ETag"]}
    answer = await operator.ask(
        "PATCH", path, json={"resolution": "New roller.", "category": "hardware"}, headers=headers
    )
    assert answer.status == 200, await answer.text()
    late = await operator.ask("PATCH", path, json={"resolution": "Nothing."}, headers=headers)
    assert late.status == 412
    now = {"If-Match": f'"other", {answer.headers["ETag"]}'}
    answer = await operator.ask("PATCH", path, json={"root_cause": "Wear."}, headers=now)
    review = (await answer.json())["review"]
    assert (review["resolution"], review["category"], review["root_cause"]) == ("New roller.", "hardware", "Wear.")


async def test_what_nobody_watches_can_be_reported(space, make_asset, operator) -> None:
    space.add(make_asset("printer", "Printer"))
    answer = await operator.ask("POST", "/incidents", json={"title": "Paper\nis out", "asset": "printer", "people": 3})
    assert answer.status == 201
    made = await answer.json()
    assert answer.headers["Location"] == f"/api/v1/incidents/{made['id']}"
    assert (made["title"], made["origin"], made["reporter"]) == ("Paper is out", "reported", "token operator-robot")
    problem = await operator.post("/incidents", {"title": "x", "asset": "nothing"}, 422)
    assert problem["errors"][0]["field"] == "asset"
    await operator.post("/incidents", {"title": "x", "at": soon(hours=1)}, 422)
    await operator.post("/incidents", {"title": "   "}, 422)


async def test_a_silence_begins_and_ends(space, make_asset, operator) -> None:
    space.add(make_asset("printer", "Printer"), make_asset("ups", "UPS"))
    wanted = {"conditions": ["asset=printer"], "lasts": "1h", "comment": "New drum"}
    made = await operator.post("/silences", wanted, 201)
    assert (made["conditions"], made["author"]) == (["asset=printer"], "token operator-robot")
    later = await operator.post("/silences", {**wanted, "starts": soon(hours=2)}, 201)
    assert [one["id"] for one in (await operator.get("/silences"))["items"]] == [later["id"], made["id"]]
    over = await operator.post(f"/silences/{made['id']}/end")
    assert over["ends"] < made["ends"]
    await operator.post(f"/silences/{made['id']}/end", status=409)
    assert [one["id"] for one in (await operator.get("/silences"))["items"]] == [later["id"]]
    problem = await operator.post("/silences", {**wanted, "conditions": ["site=~.*"]}, 422)
    assert "the whole site" in problem["detail"]


async def test_somebody_takes_a_schedule_over_and_gives_it_back(space, operator) -> None:
    roster(space)
    (duty,) = (await operator.get("/on-call"))["schedules"]
    assert (duty["schedule"], duty["person"]) == ("everybody", "Ana")
    made = await operator.post("/overrides", {"schedule": "everybody", "person": "bea", "ends": soon(hours=3)}, 201)
    assert (await operator.get("/on-call"))["schedules"][0]["person"] == "Bea"
    assert (await operator.get("/overrides"))["items"] == [made]
    gone = await operator.ask("DELETE", f"/overrides/{made['id']}")
    assert (gone.status, await gone.text()) == (204, "")
    assert (await operator.ask("DELETE", f"/overrides/{made['id']}")).status == 404
    problem = await operator.post("/overrides", {"schedule": "everyone", "person": "bea", "ends": soon(hours=3)}, 422)
    assert "everybody" in problem["detail"]


async def test_availability_has_a_row_for_everything_that_decides(harbour, viewer) -> None:
    query = {"from": soon(hours=-2), "to": soon(), "around_the_clock": "true"}
    found = await viewer.get("/availability", params=query)
    rows = {(row["what"], row["name"]): row for row in found["rows"]}
    assert rows["asset", "lte"]["availability"] == 1
    assert 0 < rows["asset", "fibre"]["availability"] < 1
    assert ("site", "harbour") in rows
    await viewer.get("/availability", 422, params={"from": soon(), "to": soon(hours=-1)})


async def test_reports_come_as_documents(space, operator) -> None:
    kept = Report(str(ULID()), report(title="Week 47"))
    async with space.store.begin() as conn:
        await reports.save(conn, kept)
    (brief,) = (await operator.get("/reports", params={"kind": "weekly"}))["items"]
    assert (brief["id"], brief["title"]) == (kept.id, "Week 47")
    assert (await operator.get(f"/reports/{kept.id}"))["document"]["title"] == "Week 47"
    made = await operator.post("/reports", {"kind": "daily", "day": "2026-11-01"}, 201)
    assert (await operator.get(f"/reports/{made['items'][0]['id']}"))["document"]["kind"] == "daily"
    await operator.post("/reports", {"kind": "morning", "day": "2026-11-01"}, 422)


async def test_administrators_read_who_changed_what(incident, admin) -> None:
    await admin.post(f"/incidents/{incident.id}/acknowledge")
    await admin.post("/incidents/nothing/acknowledge", status=404)
    (entry,) = (await admin.get("/audit-log", params={"what": "incident acknowledged"}))["items"]
    assert (entry["who"], entry["target"]) == ("token admin-robot", incident.id)


async def test_pages_lead_to_one_another(space, make_asset, admin) -> None:
    space.add(*(make_asset(f"printer-{n}", "Printer") for n in range(5)))
    for one in space.config.assets:
        await space.fails(one, "jammed")
        now = datetime.now(UTC)
        await space.silence(Silence(str(ULID()), (), now, now + timedelta(hours=1), "ana", "noise", now))
    for path in ("/assets", "/checks", "/incidents", "/silences"):
        whole = [one["id"] for one in (await admin.get(path))["items"]]
        found, next = [], f"/api/v1{path}?limit=2"
        while next:
            answer = await admin.ask("GET", next.removeprefix("/api/v1"))
            page = await answer.json()
            found += [one["id"] for one in page["items"]]
            next = page["next"]
            assert answer.headers.get("Link") == (f'<{next}>; rel="next"' if next else None)
        assert found == whole
        assert len(whole) == 5
    incident = (await admin.get("/incidents"))["items"][0]["id"]
    for _ in range(2):
        await admin.post(f"/incidents/{incident}/acknowledge")
    page = await admin.get("/audit-log", params={"limit": "1"})
    older = await admin.get(page["next"].removeprefix("/api/v1"))
    assert older["items"][0]["id"] < page["items"][0]["id"]
