"""The pages of the reports, in the browser and as files, and the figures that programs push."""

import csv
import io
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp.test_utils import TestClient
from peers.reports import report
from ulid import ULID

from monitor.reports.document import Kind, Paragraph, Section
from monitor.store import figures, reports
from monitor.store.reports import Report

FormKey = Callable[[], Awaitable[str]]
EVIL = "<script>alert(1)</script>\u202e"


async def keep(space, *sections: Section, **texts: str) -> str:
    id = str(ULID())
    async with space.store.begin() as conn:
        await reports.save(conn, Report(id, report(*sections, **texts)))
    return id


async def text(person: TestClient, path: str) -> str:
    answer = await person.get(path)
    assert answer.status == 200
    return await answer.text()


async def test_reports_are_listed_newest_first(person: TestClient, space) -> None:
    assert "There are none yet" in await text(person, "/reports")
    older, newer = await keep(space, title="Week 46"), await keep(space, title="Week 47")
    shown = await text(person, "/reports")
    assert shown.index(newer) < shown.index(older)
    assert "Week 47" in await text(person, "/reports?kind=weekly")
    assert "Week 47" not in await text(person, "/reports?kind=monthly")
    assert f"/reports/{newer}" not in await text(person, f"/reports?before={newer}")


async def test_a_report_is_shown_with_everything_in_it(person: TestClient, space) -> None:
    shown = await text(person, f"/reports/{await keep(space)}")
    for words in ("One thing needs you.", "99.82 %", "Boardroom projector does not answer", "Fibre line", "<rect"):
        assert words in shown


@pytest.mark.parametrize(
    ("shape", "type"),
    [("html", "text/html"), ("md", "text/markdown"), ("csv", "text/csv"), ("json", "application/json")],
)
async def test_a_report_can_be_taken_away(person: TestClient, space, shape: str, type: str) -> None:
    answer = await person.get(f"/reports/{await keep(space)}/{shape}")
    assert (answer.status, answer.content_type) == (200, type)
    assert answer.headers["Content-Disposition"] == f'attachment; filename="deskwatch-weekly-2026-07-21.{shape}"'
    body = await answer.text()
    assert "Fibre line" in body
    if shape == "json":
        assert json.loads(body)["kind"] == "weekly"
    if shape == "csv":
        assert ["", "Fibre line", "3", "0.9971"] in list(csv.reader(io.StringIO(body)))


async def test_what_is_not_there_is_said_to_be_so(person: TestClient, space) -> None:
    id = await keep(space)
    for path in ("/reports/none", "/reports/%00", f"/reports/{id}/pdf"):
        assert (await person.get(path)).status == 404
    assert (await person.get("/reports?kind=yearly")).status == 400


async def test_a_report_is_marked_with_the_language_that_it_is_written_in(person: TestClient, space) -> None:
    id = str(ULID())
    async with space.store.begin() as conn:
        await reports.save(conn, Report(id, replace(report(), language="de")))
    assert '<div class="report" lang="de">' in await text(person, f"/reports/{id}")
    assert '<span class="name" lang="de">Week 47</span>' in await text(person, "/reports")
    assert '<html lang="de">' in await text(person, f"/reports/{id}/html")


async def test_nothing_hostile_gets_into_a_page(person: TestClient, space) -> None:
    id = await keep(space, Section(EVIL, (Paragraph(EVIL),)), title=EVIL, summary=EVIL)
    for path in ("/reports", f"/reports/{id}"):
        shown = await text(person, path)
        assert "<script>alert" not in shown
        assert "\u202e" not in shown


async def test_a_memo_is_made_on_request_and_shown(person: TestClient, space, form_key: FormKey) -> None:
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    form = {"form_key": await form_key(), "kind": "daily", "day": yesterday.isoformat()}
    answer = await person.post("/reports", data=form)
    assert answer.url.path.startswith("/reports/")
    assert "In short" in await answer.text()
    async with space.store.connect() as conn:
        found = await reports.latest(conn, Kind.DAILY)
    assert found is not None
    assert found.document.title.startswith(f"{yesterday:%A}")


@pytest.mark.parametrize(
    ("kind", "day", "says"),
    [
        ("daily", "soon", "must be a date like"),
        ("yearly", "2026-01-01", "is no kind of report"),
        ("morning", "2026-01-01", "cannot be made of a day"),
        ("daily", "2100-01-01", "has not begun yet"),
    ],
)
async def test_what_cannot_be_made_is_said(
    person: TestClient, form_key: FormKey, kind: str, day: str, says: str
) -> None:
    answer = await person.post("/reports", data={"form_key": await form_key(), "kind": kind, "day": day})
    assert answer.status == 400
    assert says in await answer.text()


async def test_figures_come_as_json_and_as_csv(stranger: TestClient, space) -> None:
    rows = [{"name": "app_adoption_ratio", "day": "2026-11-01", "value": 0.43}]
    answer = await stranger.post("/api/v1/figures", json=rows)
    assert (answer.status, await answer.json()) == (200, {"kept": 1})
    table = "name,day,value\nrevenue,2026-11-01,41250\napp_adoption_ratio,2026-11-01,0.45\n"
    answer = await stranger.post("/api/v1/figures", data=table, headers={"Content-Type": "text/csv"})
    assert (answer.status, await answer.json()) == (200, {"kept": 2})
    async with space.store.connect() as conn:
        day = datetime(2026, 11, 1, tzinfo=UTC).date()
        found = await figures.between(conn, day, day)
    assert {one.name: one.value for one in found} == {"app_adoption_ratio": 0.45, "revenue": 41250.0}


@pytest.mark.parametrize(
    ("status", "type", "body"),
    [
        (400, "application/json", ""),
        (422, "application/json", "{}"),
        (422, "application/json", "[1]"),
        (422, "application/json", '[{"name": "x"}]'),
        (422, "application/json", '[{"name": "revenue", "day": "1", "value": 1}]'),
        (422, "application/json", '[{"name": "nothing", "day": "2026-11-01", "value": 1}]'),
        (422, "text/csv", "name,day"),
        (415, "text/plain", "[]"),
        (415, "application/x-www-form-urlencoded", "[]"),
    ],
)
async def test_figures_that_make_no_sense_are_refused(stranger: TestClient, status: int, type: str, body: str) -> None:
    answer = await stranger.post("/api/v1/figures", data=body, headers={"Content-Type": type})
    assert answer.status == status
    assert (await answer.json())["detail"]


async def test_figures_that_are_sent_twice_are_kept_once(stranger: TestClient, space) -> None:
    headers = {"Idempotency-Key": "f1", "Content-Type": "text/csv"}
    for sent_before in (False, True):
        answer = await stranger.post("/api/v1/figures", data="name,day,value\nrevenue,2026-11-01,1\n", headers=headers)
        assert (answer.status, "Idempotency-Replayed" in answer.headers) == (200, sent_before)
