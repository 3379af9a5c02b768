"""The page Morning: what it shows, and who takes what."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from aiohttp.test_utils import TestClient
from ulid import ULID

from monitor.config.model import Morning, Reports
from monitor.reports.document import Document, Item, Items, Kind, Mark, Paragraph, Section, Table
from monitor.store import reports
from monitor.store.reports import Report

FormKey = Callable[[], Awaitable[str]]
NOW = datetime.now(UTC)
NIGHT = NOW - timedelta(hours=12)
ITEM = Item(
    "incident/1",
    "Booking <b>system</b> is down",
    "Since Tue 24 Nov, 06:31. It serves 80 people.",
    "Call the vendor.",
    "Nobody has it yet. Told: Ana Lopes.",
    "Please come to the front desk to book.",
    "/incidents/1",
)
SOON = Item("ups/ping/cert", "UPS has a certificate that ends in 9 days", mark=Mark.WATCH)


def document(
    title: str = "1 thing needs you before opening", *sections: Section, kind: Kind = Kind.MORNING
) -> Document:
    return Document(
        kind, title, "Harbour Hall", "Europe/Berlin", NIGHT, NOW, NOW, "5 things checked.", Mark.BAD, sections
    )


FULL = document(
    "1 thing needs you before opening",
    Section("What needs you", (Items((ITEM,)),)),
    Section("Happened overnight", (Paragraph("It is over."), Table(("What", "When"), (("Wi-Fi is slow", "03:00"),)))),
    Section("Soon", (Items((SOON,)),)),
)


async def keep(space, made: Document, minutes: float = 0) -> str:
    """Its id."""
    id = str(ULID.from_datetime(NOW - timedelta(minutes=minutes)))
    async with space.store.begin() as conn:
        await reports.save(conn, Report(id, made))
    return id


async def text(client: TestClient, path: str) -> str:
    answer = await client.get(path)
    assert answer.status == 200, await answer.text()
    return await answer.text()


async def test_before_the_first_one_the_page_says_so_and_has_a_button(space, person: TestClient) -> None:
    page = await text(person, "/morning")
    assert "No morning check has been made yet." in page
    assert "Run it now" in page
    assert "None is made by itself" in page


async def test_the_newest_one_is_shown_in_full_with_those_before_it(space, person: TestClient) -> None:
    older = await keep(space, document("Ready to open"), 24 * 60)
    await keep(space, FULL)
    page = await text(person, "/morning")
    for words in (
        "1 thing needs you before opening",
        "5 things checked.",
        "Booking &lt;b&gt;system&lt;/b&gt; is down",
        "Call the vendor.",
        "Please come to the front desk to book.",
        "Told: Ana Lopes.",
        "Wi-Fi is slow",
        "UPS has a certificate that ends in 9 days",
        f'href="/morning/{older}"',
    ):
        assert words in page
    assert "Ready to open" in await text(person, f"/morning/{older}")


async def test_when_the_next_one_is_made_is_said(space, person: TestClient) -> None:
    plan = Reports(morning=Morning(45 * 60, ("chat",)))
    space.config = replace(space.config, reports=plan)
    assert "07:15 and sent" in await text(person, "/morning")


async def test_somebody_takes_an_item_and_gives_it_back(space, person: TestClient, form_key: FormKey) -> None:
    id = await keep(space, FULL)
    form = {"form_key": await form_key(), "item": ITEM.key}
    answer = await person.post(f"/morning/{id}/take", data=form)
    page = await answer.text()
    assert "Give back: Booking" in page
    assert "Told: Ana Lopes." not in page
    answer = await person.post(f"/morning/{id}/give-back", data=form)
    assert "I have it: Booking" in await answer.text()


async def test_only_what_the_check_has_can_be_taken(space, person: TestClient, form_key: FormKey) -> None:
    id, key = await keep(space, FULL), await form_key()
    memo = await keep(space, document(kind=Kind.WEEKLY), 1)
    for path, item in ((id, "incident/2"), (memo, ITEM.key), ("01GONE", ITEM.key), ("%00", ITEM.key)):
        answer = await person.post(f"/morning/{path}/take", data={"form_key": key, "item": item})
        assert answer.status == 404
    assert (await person.post(f"/morning/{id}/take", data={"item": ITEM.key})).status == 403


async def test_whoever_asks_for_one_sees_that_it_is_being_made(space, person: TestClient, form_key: FormKey) -> None:
    answer = await person.post("/morning/run", data={"form_key": await form_key()})
    page = await answer.text()
    assert space.mornings.is_asked
    assert "Looking at everything" in page
    assert 'http-equiv="refresh"' in page
    assert "Run it now" not in page


async def test_a_stranger_sees_none_of_it(space, stranger: TestClient) -> None:
    assert (await stranger.get("/morning")).status == 401
    assert (await stranger.post("/morning/run")).status in (401, 403)
