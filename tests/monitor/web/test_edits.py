"""Two people edit the same thing: nobody overwrites what the other has written without having seen it."""

import html
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp.test_utils import TestClient
from peers.people import account, browser, press, sign_in
from ulid import ULID

from incidents import lifecycle
from incidents.impact import Basis, Impact
from incidents.incident import Incident
from incidents.review import Action, Category
from monitor.people.roles import Role
from monitor.reports.document import Document, Item, Items, Kind, Mark, Section
from monitor.store import incidents, reports, users
from monitor.store.reports import Report
from monitor.web import edits

NOW = datetime.now(UTC)
EVIL = "<script>alert(1)</script>\u202e"
Send = Callable[..., Awaitable[tuple[int, str]]]


def fields(page: str, action: str) -> dict[str, str]:
    """What the form that is sent there says, as a browser would send it untouched."""
    form = re.search(rf'<form method="post" action="{re.escape(action)}".*?</form>', page, re.DOTALL)
    assert form is not None, action
    found = dict(re.findall(r'<input[^>]*? name="(\w+)"[^>]*? value="([^"]*)"', form[0]))
    found |= {name: text.removeprefix("\n") for name, text in re.findall(
        r'<textarea[^>]*? name="(\w+)"[^>]*>(.*?)</textarea>', form[0], re.DOTALL)}  # fmt: skip
    for name, options in re.findall(r'<select[^>]*? name="(\w+)"[^>]*>(.*?)</select>', form[0], re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', options) or re.search(r'value="([^"]*)"', options)
        found[name] = chosen[1] if chosen is not None else ""
    return {name: html.unescape(text) for name, text in found.items()}


@pytest.fixture
async def over(harbour) -> Incident:
    """The hall's door was out of order for three hours; something is to be done about it."""
    hall = harbour.config.asset("hall")
    one = await harbour.recovers(hall, await harbour.fails(hall, "no answer", 180))
    costed = lifecycle.costed(one, Impact(10800, 80, 14400, Basis.CAPACITY, ("hall",), 3))
    action = Action("A1", one.id, "Buy a spare", "ana", (NOW + timedelta(days=7)).date(), NOW, "ana")
    async with harbour.store.begin() as conn:
        await incidents.save(conn, lifecycle.act(costed, action).incident)
    return await stored(harbour, one.id)


@pytest.fixture
async def two(person: TestClient, harbour) -> tuple[Send, Send]:
    """Two people who have opened a page, and send a form of it when they are done."""
    return (_opened(person), _opened(person))


def _opened(person: TestClient) -> Send:
    kept: dict[str, str] = {}

    async def send(page: str, action: str = "", **typed: str) -> tuple[int, str]:
        """Without an action only open the page; with one send its form as it was then, but for what was typed."""
        if not action:
            kept[page] = await (await person.get(page)).text()
            return 200, kept[page]
        answer = await person.post(action, data=fields(kept[page], action) | typed)
        kept[page] = await answer.text()
        return answer.status, kept[page]

    return send


async def stored(space, id: str) -> Incident:
    async with space.store.connect() as conn:
        found = await incidents.get(conn, id)
    assert found is not None
    return found


async def test_the_second_review_is_refused_shows_both_and_can_be_saved_on_purpose(harbour, over, two) -> None:
    ana, ben = two
    page, action = f"/incidents/{over.id}", f"/incidents/{over.id}/review"
    for one in two:
        await one(page)
    assert (await ana(page, action, resolution=f"A new fuse. {EVIL}", category="power"))[0] == 200
    status, text = await ben(page, action, resolution="Restarted the lock.\r\nTwice.", trigger="A storm")
    assert status == 409
    assert (await stored(harbour, over.id)).trigger == ""
    banner = text.partition("Somebody else has changed this meanwhile")[2].partition("</section>")[0]
    assert "A new fuse. &lt;script&gt;" in banner
    assert "\u202e" not in banner
    assert "Restarted the lock.\nTwice." in banner
    assert "power" in banner
    again = fields(text, action)
    assert again["resolution"] == "Restarted the lock.\nTwice."
    assert (again["trigger"], again["category"]) == ("A storm", "power"), "what was not touched is as it is now"
    status, _ = await ben(page, action, resolution="A new fuse, and restarted the lock.")
    saved = await stored(harbour, over.id)
    assert (status, saved.resolution, saved.trigger) == (200, "A new fuse, and restarted the lock.", "A storm")
    assert saved.category is Category.POWER


async def test_to_write_the_same_twice_is_no_clash(harbour, over, two) -> None:
    page, action = f"/incidents/{over.id}", f"/incidents/{over.id}/review"
    for one in two:
        await one(page)
    for one in two:
        assert (await one(page, action, resolution="A new fuse."))[0] == 200


async def test_what_somebody_else_does_beside_the_review_is_no_clash(harbour, over, two) -> None:
    ana, ben = two
    page = f"/incidents/{over.id}"
    for one in two:
        await one(page)
    assert (await ana(page, f"{page}/note", text="I was there."))[0] == 200
    assert (await ana(page, f"{page}/times", opened="2026-01-05T08:00"))[0] == 200
    assert (await ben(page, f"{page}/review", resolution="A new fuse."))[0] == 200


@pytest.mark.parametrize(
    ("path", "first", "second", "shows"),
    [
        ("times", {"opened": "2026-01-05T08:00"}, {"opened": "2026-01-05T09:00"}, ["2026-01-05 08:00", "09:00"]),
        ("lines/1", {"at": "2026-01-05T08:00"}, {"at": "2026-01-05T09:00"}, ["2026-01-05 08:00", "09:00"]),
        ("impact", {"minutes": "90", "reason": "left"}, {"minutes": "60", "reason": "came"}, ["90", "left", "came"]),
        ("actions/A1/due", {"due": "2027-03-01"}, {"due": "2027-04-01"}, ["2027-03-01", "2027-04-01"]),
    ],
)
async def test_no_correction_is_made_over_one_that_was_not_seen(harbour, over, two, path, first, second, shows) -> None:
    ana, ben = two
    page, action = f"/incidents/{over.id}?line=1", f"/incidents/{over.id}/{path}"
    for one in two:
        await one(page)
    assert (await ana(page, action, **first))[0] == 200
    before = await stored(harbour, over.id)
    status, text = await ben(page, action, **second)
    banner = text.partition("Somebody else has changed this meanwhile")[2].partition("</section>")[0]
    assert (status, [words for words in shows if words not in banner]) == (409, [])
    assert await stored(harbour, over.id) == before
    assert {name: fields(text, action)[name] for name in second} == second
    assert (await ben(page, action))[0] == 200
    assert await stored(harbour, over.id) != before


async def test_a_role_is_not_given_over_one_that_was_not_seen(harbour, person: TestClient, two) -> None:
    ana, ben = two
    user = await account(harbour.store, "cleo", Role.VIEWER)
    action = f"/users/{user.id}/role"
    for one in two:
        await one("/users")
    assert (await ana("/users", action, role="operator"))[0] == 200
    status, text = await ben("/users", action, role="admin", site="*")
    assert (status, "may look and act at" in text, "You chose: may administer at all sites" in text) == (
        409,
        True,
        True,
    )
    assert (fields(text, action)["role"], fields(text, action)["site"]) == ("admin", "*")
    assert await roles(harbour, "cleo") == {"harbour": Role.OPERATOR}
    assert (await ben("/users", action))[0] == 200
    assert await roles(harbour, "cleo") == {"harbour": Role.OPERATOR, "*": Role.ADMIN}


async def roles(space, name: str) -> dict[str, Role]:
    async with space.store.connect() as conn:
        user = await users.named(conn, name)
    assert user is not None
    return dict(user.roles)


async def test_who_takes_what_somebody_else_has_just_taken_hears_so(harbour, person: TestClient) -> None:
    await account(harbour.store, "ana", Role.OPERATOR)
    parts = (Section("What needs you", (Items((Item("door", "The door is open"),)),)),)
    made = Document(Kind.MORNING, "1 thing", "Harbour", "Europe/Berlin", NOW, NOW, NOW, "", Mark.BAD, parts)
    id = str(ULID())
    async with harbour.store.begin() as conn:
        await reports.save(conn, Report(id, made))
    page, take = await (await person.get("/morning")).text(), f"/morning/{id}/take"
    async with browser(person.server) as other:
        await sign_in(other, "ana")
        assert (await press(other, take, item="door", holder="")).status == 303
    late = await person.post(take, data=fields(page, take))
    text = await late.text()
    assert (late.status, "Somebody else was faster" in text, "<bdi>ana</bdi> has it now" in text) == (409, True, True)
    async with harbour.store.connect() as conn:
        assert (await reports.marks(conn, id))["door"].who == "ana"
    assert (await person.post(f"/morning/{id}/give-back", data=fields(text, f"/morning/{id}/give-back"))).status == 200


def test_a_form_that_does_not_say_what_it_was_made_from_is_taken_as_it_is() -> None:
    edits.require_unchanged({}, {"a": "mine"}, {"a": "theirs"})
    with pytest.raises(edits.Clash):
        edits.require_unchanged({edits.FIELD: "nonsense"}, {"a": "mine"}, {"a": "theirs"})


def test_line_ends_and_blanks_around_a_text_make_no_difference() -> None:
    assert edits.mark({"a": "one\r\ntwo "}) == edits.mark({"a": "one\ntwo"})
    assert edits.mark({"a": "", "b": "x"}) != edits.mark({"a": "x", "b": ""})
