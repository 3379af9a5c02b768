"""The record of an incident in the browser: an on-call person's night, and what the operations lead makes of it."""

import io
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import FormData
from aiohttp.test_utils import TestClient, TestServer
from peers.people import account, sign_in

from incidents import lifecycle
from incidents.impact import Basis, Impact
from incidents.incident import EntryKind, Incident, Origin, Stage
from incidents.review import Category
from monitor.people.roles import Role
from monitor.store import attachments, incidents
from monitor.store.attachments import LARGEST
from monitor.web.app import build
from monitor.web.auth import Gate

Post = Callable[..., Awaitable[str]]
EVIL = "<script>alert(1)</script>\u202e"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


@pytest.fixture
def post(person: TestClient, form_key) -> Post:
    """Send a form as the pages do; the page that it leads to, or what was wrong with it."""

    async def send(path: str, status: int = 200, **fields: str) -> str:
        answer = await person.post(path, data={"form_key": await form_key(), **fields})
        text = await answer.text()
        assert answer.status == status, text
        return text

    return send


@pytest.fixture
async def over(harbour) -> Incident:
    """The hall's door was out of order for three hours; it is known what that cost."""
    hall = harbour.config.asset("hall")
    one = await harbour.recovers(hall, await harbour.fails(hall, "no answer", 180))
    costed = lifecycle.costed(one, Impact(10800, 80, 14400, Basis.CAPACITY, ("hall", "street"), 3))
    async with harbour.store.begin() as conn:
        await incidents.save(conn, costed)
    return costed


async def stored(space, id: str) -> Incident:
    async with space.store.connect() as conn:
        found = await incidents.get(conn, id)
    assert found is not None
    return found


async def text(person: TestClient, path: str) -> str:
    answer = await person.get(path)
    assert answer.status == 200, await answer.text()
    return await answer.text()


async def upload(person: TestClient, id: str, key: str, content: bytes, name: str = "a.png"):
    form = FormData(quote_fields=False)
    form.add_field("form_key", key)
    form.add_field("file", io.BytesIO(content), filename=name)
    return await person.post(f"/incidents/{id}/files", data=form)


async def test_somebody_on_call_reports_takes_and_ends_what_no_check_sees(harbour, person, post: Post) -> None:
    assert "Report a problem" in await text(person, "/incidents")
    page = await post("/incidents", asset="printer", title="It eats paper", people="12", by_member="yes", tells="yes")
    assert "It eats paper" in page
    assert "a member noticed it" in page
    assert "Alert" in page
    async with harbour.store.connect() as conn:
        one = (await incidents.page(conn, 1))[0]
    assert (one.origin, one.reporter, one.cost.people) == (Origin.REPORTED, "admin", 12)
    assert ">Reported<" in await text(person, "/incidents")
    await post(f"/incidents/{one.id}/acknowledge")
    await post(f"/incidents/{one.id}/note", text="Took the roller out.")
    page = await post(f"/incidents/{one.id}/fixed")
    assert ">Over<" in page
    assert "Took the roller out." in page


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"title": " "}, "what is broken"),
        ({"title": "x", "asset": "lift"}, "nothing of the name"),
        ({"title": "x", "people": "many"}, "no number of people"),
        ({"title": "x", "at": "2098-01-01T10:00"}, "still to come"),
        ({"title": "x", "at": "yesterday"}, "must be like"),
    ],
)
async def test_a_report_that_makes_no_sense_is_kept_in_its_form(harbour, post: Post, fields, words: str) -> None:
    page = await post("/incidents", 400, **fields)
    assert words in page
    assert f'value="{fields["title"].strip()}"' in page


async def test_the_operations_lead_writes_the_review_until_nothing_is_missing(harbour, over, post: Post) -> None:
    path = f"/incidents/{over.id}"
    page = await post(f"{path}/review", resolution="New controller", category="hardware")
    assert "Which device failed" in page.partition("Questions for other")[0]
    assert "still to write down" in page.lower()
    await post(f"{path}/actions", text="Put a spare on the shelf", owner="ana", due="2027-01-31")
    page = await post(
        f"{path}/review", root_cause="Age", detection="member", factors="No spare", missing_check="A ping"
    )
    assert "Still to write down" not in page
    found = await stored(harbour, over.id)
    assert (found.stage, found.category, found.resolution) == (Stage.REVIEWED, Category.HARDWARE, "New controller")


async def test_an_action_is_moved_and_done(harbour, over, post: Post) -> None:
    path = f"/incidents/{over.id}/actions"
    await post(path, text="Call them", owner="ana", due="2026-01-01")
    action = (await stored(harbour, over.id)).actions[0]
    page = await post(f"{path}/{action.id}/due", due="2027-02-03")
    assert 'datetime="2027-02-03"' in page
    assert "moved what is due on 2026-01-01 to 2027-02-03: Call them" in page
    await post(f"{path}/{action.id}/done")
    assert (await stored(harbour, over.id)).actions[0].done_by == "admin"
    await post(f"{path}/{action.id}/due", 400, due="soon")
    await post(f"{path}/none/done", 404)
    await post(path, 400, text="", owner="ana", due="2027-01-01")


async def test_a_corrected_time_keeps_the_one_that_was_noted_first(harbour, over, person, post: Post) -> None:
    path, line = f"/incidents/{over.id}", over.timeline[0]
    assert "Correct a time" in await text(person, f"{path}?line=1")
    earlier = (line.at - timedelta(minutes=30)).astimezone(harbour.config.site.hours.zone)
    page = await post(f"{path}/lines/1", at=f"{earlier:%Y-%m-%dT%H:%M}")
    assert "first noted as" in page
    assert (await stored(harbour, over.id)).timeline[0].noted == line.at
    lines = len((await stored(harbour, over.id)).timeline)
    await post(f"{path}/lines/1", at=f"{earlier:%Y-%m-%dT%H:%M}")
    assert len((await stored(harbour, over.id)).timeline) == lines, "the same minute is no correction"
    await post(f"{path}/lines/99", 404, at=f"{earlier:%Y-%m-%dT%H:%M}")
    assert "still to come" in await post(f"{path}/lines/1", 400, at="2098-01-01T10:00")


async def test_its_beginning_and_its_cost_can_be_set_right(harbour, over, post: Post) -> None:
    path, zone = f"/incidents/{over.id}", harbour.config.site.hours.zone
    page = await post(f"{path}/impact", minutes="9000", reason="Half of the desks were empty")
    assert "9,000 member-minutes" in page
    assert "Half of the desks were empty" in page
    assert "Worked out as 14,400 member-minutes" in page
    assert "3 h of opening time x 80 people" in page
    await post(f"{path}/impact", 400, minutes="nan", reason="x")
    await post(f"{path}/impact", 400, minutes="10", reason="")
    began = (over.opened.astimezone(zone) - timedelta(days=1)).replace(hour=12, minute=0, second=0, microsecond=0)
    await post(f"{path}/times", opened=f"{began:%Y-%m-%dT%H:%M}")
    assert (await stored(harbour, over.id)).opened == began
    assert "over before it began" in await post(f"{path}/times", 400, resolved="2020-01-01T10:00")


async def test_two_incidents_that_are_one_are_merged(harbour, over, person, post: Post) -> None:
    async with harbour.store.connect() as conn:
        other = (await incidents.live(conn))[0]
    page = await post(f"/incidents/{over.id}/merge", into=other.id)
    assert "Tells of these, too" in page
    assert over.title in page
    page = await text(person, f"/incidents/{over.id}")
    assert "This is one with another incident" in page
    assert "Save the review" not in page
    assert "already" in await post(f"/incidents/{over.id}/merge", 400, into=other.id)
    await post(f"/incidents/{other.id}/merge", 404, into="none")


async def test_a_file_is_kept_and_comes_back_as_nothing_that_a_browser_runs(harbour, over, person, form_key) -> None:
    answer = await upload(person, over.id, await form_key(), b"<script>alert(1)</script>", "../../näh\u202e.html")
    assert answer.status == 200
    assert "Attached" in await answer.text()
    async with harbour.store.connect() as conn:
        (file,) = await attachments.of_incident(conn, over.id)
    answer = await person.get(f"/incidents/{over.id}/files/{file.id}")
    assert await answer.read() == b"<script>alert(1)</script>"
    assert answer.content_type == "text/plain"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Content-Disposition"].startswith("attachment; filename*=UTF-8''n%C3%A4h")
    assert (await person.get(f"/incidents/other/files/{file.id}")).status == 404


async def test_a_file_that_is_too_large_or_of_no_known_type_is_refused(harbour, over, person, form_key) -> None:
    key = await form_key()
    for content, status, words in (
        (b"MZ\x00\x01", 400, "is none of PNG"),
        (b"", 400, "No file came"),
        (PNG + bytes(LARGEST), 413, "5 MB are the most"),
    ):
        answer = await upload(person, over.id, key, content)
        assert (answer.status, words in await answer.text()) == (status, True), words
    assert (await upload(person, over.id, "wrong", PNG)).status == 403
    assert (await upload(person, "none", key, PNG)).status == 404
    answer = await person.post(f"/incidents/{over.id}/files", data={"form_key": key, "file": "x"})
    assert answer.status == 400
    async with harbour.store.connect() as conn:
        assert await attachments.of_incident(conn, over.id) == ()


@pytest.mark.parametrize("query", ["stage=resolved", "severity=critical&asset=hall", "words=HALL", "category=unsaid"])
async def test_the_list_is_filtered(harbour, over, person, query: str) -> None:
    page = await text(person, f"/incidents?{query}")
    assert f"/incidents/{over.id}" in page
    assert "To write down: what was done about it" in page
    for other in ("stage=reviewed", "asset=lift", "words=100%25", "category=isp", "until=2020-01-01"):
        assert "Nothing fits" in await text(person, f"/incidents?{other}")


async def test_filters_stay_on_the_next_page_and_senseless_ones_are_said(space, person) -> None:
    async with space.store.begin() as conn:
        for n in range(60):
            one = Incident(f"{n:026d}", "x", f"Lift {n}", lifecycle.Severity.WARNING, datetime(2026, 1, 5, tzinfo=UTC))
            await incidents.save(conn, one)
    assert "words=Lift&amp;before=" in await text(person, "/incidents?words=Lift")
    for query in ("stage=gone", "since=soon", "category=moon"):
        answer = await person.get(f"/incidents?{query}")
        assert (answer.status, "must be" in await answer.text()) == (400, True)


@pytest.mark.parametrize("shape", ["html", "md", "csv", "json"])
async def test_the_whole_record_can_be_taken_away(harbour, over, person, post: Post, shape: str) -> None:
    await post(f"/incidents/{over.id}/note", text=f"=1+1 {EVIL}")
    await post(f"/incidents/{over.id}/review", resolution="New controller")
    answer = await person.get(f"/incidents/{over.id}/{shape}")
    body = await answer.text()
    assert answer.status == 200
    assert "attachment" in answer.headers["Content-Disposition"]
    for words in ("Hall door", "New controller", "Timeline", "14,400"):
        assert words in body
    assert "\u202e" not in body or shape in ("csv", "json")
    assert "<script>" not in body or shape in ("csv", "json")
    assert (await person.get(f"/incidents/{over.id}/exe")).status == 404


async def test_hostile_words_in_every_field_stay_text(harbour, over, person, post: Post) -> None:
    path = f"/incidents/{over.id}"
    fields = ("resolution", "root_cause", "trigger", "factors", "missing_check", "went_well", "went_wrong", "impact")
    await post(f"{path}/review", **dict.fromkeys(fields, EVIL))
    await post(f"{path}/actions", text=EVIL, owner=EVIL, due="2027-01-01")
    await post(f"{path}/impact", minutes="10", reason=EVIL)
    await post("/incidents", title=EVIL)
    for one in (path, "/incidents", f"/incidents?words={EVIL}", f"/incidents/new?asset={EVIL}", f"{path}?line={EVIL}"):
        page = await text(person, one)
        assert "<script>alert" not in page
        assert "\u202e" not in page


async def test_who_may_only_look_is_shown_no_form(harbour, over) -> None:
    await account(harbour.store, "vic", Role.VIEWER)
    async with TestClient(TestServer(build(harbour, Gate()))) as viewer:
        await sign_in(viewer, "vic")
        page = await text(viewer, f"/incidents/{over.id}")
        assert 'action="/incidents' not in page
        assert "?line=" not in page
        assert "Take it away" in page
        assert "/incidents/new" not in await text(viewer, "/incidents")


async def test_every_kind_of_line_has_a_word(harbour, over, person) -> None:
    for kind in EntryKind:
        await harbour.decide(over.id, lambda one, kind=kind: lifecycle.note(one, "x", "ana", over.opened, kind))
    page = await text(person, f"/fragment/incidents/{over.id}")
    for word in ("Note", "State", "Step", "Measured", "Closer look", "Message", "Change"):
        assert f'<span class="tag">{word}</span>' in page
