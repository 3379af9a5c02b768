"""What programs do to the record: corrections, two that are one, files, the morning check, and sign-offs."""

import hashlib
import io
from datetime import UTC, datetime, timedelta

import pytest
from peers.reports import report as made_report
from ulid import ULID

from incidents import lifecycle
from incidents.impact import Basis, Impact
from incidents.incident import Incident
from monitor.reports.document import Document, Item, Items, Kind, Mark, Section
from monitor.store import incidents, reports
from monitor.store.attachments import LARGEST, MOST
from monitor.store.reports import Report

NOW = datetime.now(UTC).replace(microsecond=0)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
BYTES = {"Content-Type": "application/octet-stream"}


@pytest.fixture
async def incident(space, make_asset) -> Incident:
    """The printer has not worked for twelve minutes."""
    printer = make_asset("printer", "Printer")
    space.add(printer)
    return await space.fails(printer, "jammed")


@pytest.fixture
async def over(space, incident) -> Incident:
    """It works again; it is known what that cost."""
    one = await space.recovers(space.config.asset("printer"), incident)
    costed = lifecycle.costed(one, Impact(720, 80, 960, Basis.CAPACITY))
    async with space.store.begin() as conn:
        await incidents.save(conn, costed)
    return costed


async def patch(robot, path: str, body: object, status: int = 200, **headers: str) -> dict:
    answer = await robot.ask("PATCH", path, json=body, headers=headers)
    assert answer.status == status, await answer.text()
    return await answer.json()


async def test_an_incident_is_passed_on(incident, operator) -> None:
    shown = await operator.post(f"/incidents/{incident.id}/pass-on")
    assert "cannot take it" in shown["timeline"][-1]["text"]
    assert (await operator.get(f"/incidents/{incident.id}"))["stage"] == "open"


async def test_two_that_are_one_are_merged(space, incident, operator) -> None:
    other = await operator.post("/incidents", {"title": "It eats paper", "asset": "printer"}, 201)
    path = f"/incidents/{other['id']}/merge"
    await operator.post(path, {"into": incident.id}, 412, headers={"If-Match": '"other"'})
    assert (await operator.post(path, {"into": incident.id}))["id"] == incident.id
    assert (await operator.get(f"/incidents/{other['id']}"))["merged_into"] == incident.id
    assert "already" in (await operator.post(path, {"into": incident.id}, 409))["detail"]
    await operator.post(path, {"into": "nothing"}, 422)
    await operator.post("/incidents/nothing/merge", {"into": incident.id}, 404)


async def test_times_are_corrected_and_the_cost_is_worked_out_again(over, operator) -> None:
    path, earlier = f"/incidents/{over.id}/times", over.opened - timedelta(hours=1)
    shown = await patch(operator, path, {"opened": earlier.isoformat()})
    assert datetime.fromisoformat(shown["opened"]) == earlier
    assert shown["member_minutes"] is None
    late = {"opened": (NOW + timedelta(days=1)).isoformat()}
    assert (await patch(operator, path, late, 422))["errors"][0]["field"] == "opened"
    never = {"resolved": (earlier - timedelta(minutes=1)).isoformat()}
    assert "before it began" in (await patch(operator, path, never, 409))["detail"]
    await patch(operator, path, {}, 412, **{"If-Match": '"other"'})


async def test_a_line_of_the_timeline_is_corrected_by_its_number(incident, operator) -> None:
    note = (await operator.post(f"/incidents/{incident.id}/notes", {"text": "I came."}))["timeline"][-1]
    at = NOW - timedelta(minutes=5)
    shown = await patch(operator, f"/incidents/{incident.id}/timeline/{note['number']}", {"at": at.isoformat()})
    corrected = next(line for line in shown["timeline"] if line["number"] == note["number"])
    assert (datetime.fromisoformat(corrected["at"]), corrected["noted"]) == (at, note["at"])
    await patch(operator, f"/incidents/{incident.id}/timeline/99", {"at": at.isoformat()}, 404)
    soon = {"at": (NOW + timedelta(hours=1)).isoformat()}
    await patch(operator, f"/incidents/{incident.id}/timeline/1", soon, 422)


async def test_what_it_cost_is_corrected_with_a_reason_once_it_is_over(incident, operator, space) -> None:
    path, said = f"/incidents/{incident.id}/impact", {"member_minutes": 90, "reason": "Half of them had left."}
    assert "not over yet" in (await patch(operator, path, said, 409))["detail"]
    await space.recovers(space.config.asset("printer"), incident)
    assert (await patch(operator, path, said))["member_minutes"] == 90
    await patch(operator, path, {**said, "reason": " "}, 422)
    await patch(operator, path, {**said, "member_minutes": -1}, 422)


async def test_what_is_to_be_done_moves_to_another_day(incident, operator) -> None:
    wanted = {"text": "Label it", "owner": "Ana", "due": "2027-01-31"}
    action = (await operator.post(f"/incidents/{incident.id}/actions", wanted))["actions"][0]
    path = f"/incidents/{incident.id}/actions/{action['id']}"
    assert (await patch(operator, path, {"due": "2027-02-28"}))["actions"][0]["due"] == "2027-02-28"
    await patch(operator, f"/incidents/{incident.id}/actions/other", {"due": "2027-02-28"}, 404)


async def test_files_come_and_go_as_they_are(incident, operator, viewer) -> None:
    path = f"/incidents/{incident.id}/files"
    answer = await operator.ask("POST", f"{path}?name=n%C3%A4h.png", data=PNG, headers=BYTES)
    made = await answer.json()
    assert (answer.status, made["type"], made["size"], made["who"]) == (201, "image/png", 72, "token operator-robot")
    assert made["digest"] == hashlib.sha256(PNG).hexdigest()
    assert (await viewer.get(path))["items"] == [made]
    file = await viewer.ask("GET", answer.headers["Location"].removeprefix("/api/v1"))
    assert (file.status, file.content_type, await file.read()) == (200, "image/png", PNG)
    assert file.headers["Content-Disposition"] == "attachment; filename*=UTF-8''n%C3%A4h.png"
    assert "sandbox" in file.headers["Content-Security-Policy"]
    assert (await viewer.ask("GET", f"{path}/other")).status == 404


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"MZ\x00\x01", BYTES, 422),
        (b"", BYTES, 422),
        (b"\x00" * (LARGEST + 1), BYTES, 413),
        (PNG, {"Content-Type": "image/png"}, 415),
    ],
)
async def test_what_is_no_file_for_an_incident_is_refused(incident, operator, content, headers, status) -> None:
    path = f"/incidents/{incident.id}/files"
    answer = await operator.ask("POST", f"{path}?name=x", data=io.BytesIO(content), headers=headers)
    assert (answer.status, answer.content_type) == (status, "application/problem+json")
    assert (await operator.ask("POST", path, data=PNG, headers=BYTES)).status == 422, "it needs a name"
    assert (await operator.get(path))["items"] == []


async def test_a_file_that_is_sent_twice_is_kept_once_and_no_more_than_fit(incident, operator) -> None:
    path, headers = f"/incidents/{incident.id}/files", {**BYTES, "Idempotency-Key": "7b1f"}
    for _ in range(2):
        assert (await operator.ask("POST", f"{path}?name=a.txt", data=b"text", headers=headers)).status == 201
    assert len((await operator.get(path))["items"]) == 1
    for _ in range(MOST - 1):
        await operator.ask("POST", f"{path}?name=a.txt", data=b"text", headers=BYTES)
    assert (await operator.ask("POST", f"{path}?name=a.txt", data=b"text", headers=BYTES)).status == 422


@pytest.mark.parametrize(
    ("shape", "type"),
    [
        ("html", "text/html"),
        ("txt", "text/plain"),
        ("md", "text/markdown"),
        ("csv", "text/csv"),
        ("json", "application/json"),
    ],
)
async def test_incidents_and_reports_are_taken_away_in_every_shape(space, incident, viewer, shape, type) -> None:
    id = str(ULID())
    async with space.store.begin() as conn:
        await reports.save(conn, Report(id, made_report()))
    for path in (f"/incidents/{incident.id}", f"/reports/{id}"):
        answer = await viewer.ask("GET", f"{path}/export", params={"shape": shape})
        assert (answer.status, answer.content_type) == (200, type)
        assert answer.headers["Content-Disposition"].endswith(f'.{shape}"')
        assert (await answer.text()).strip()
    assert (await viewer.ask("GET", f"/incidents/{incident.id}/export?shape=pdf")).status == 422
    assert (await viewer.ask("GET", "/reports/nothing/export?shape=md")).status == 404


def check() -> Document:
    item = Item("incident/1", "Booking is down", "It serves 80 people.", "Call them.", "", "", "/incidents/1")
    parts = (Section("What needs you", (Items((item,)),)),)
    return Document(Kind.MORNING, "1 thing", "Harbour", "Europe/Berlin", NOW, NOW, NOW, "5 checked.", Mark.BAD, parts)


async def test_the_morning_check_is_read_made_and_shared_out(space, operator, program) -> None:
    assert (await operator.get("/morning"))["newest"] is None
    assert await operator.post("/morning/run", status=202) == {"running": True}
    id = str(ULID())
    async with space.store.begin() as conn:
        await reports.save(conn, Report(id, check()))
        await reports.save(conn, Report(other := str(ULID()), made_report()))
    found = await operator.get("/morning")
    assert (found["newest"]["id"], found["running"], found["newest"]["taken"]) == (id, True, [])
    seen = (await operator.ask("GET", f"/morning/{id}")).headers["ETag"]
    taken = await operator.post(f"/morning/{id}/take", {"item": "incident/1"}, headers={"If-Match": seen})
    assert [one["who"] for one in taken["taken"]] == ["token operator-robot"]
    await operator.post(f"/morning/{id}/take", {"item": "incident/1"}, 412, headers={"If-Match": seen})
    await operator.post(f"/morning/{id}/take", {"item": "nothing"}, 404)
    assert (await operator.post(f"/morning/{id}/give-back", {"item": "incident/1"}))["taken"] == []
    await operator.get(f"/morning/{other}", 404)
