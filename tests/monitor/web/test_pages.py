"""The pages as a browser without JavaScript gets them, over a real server and a real database."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest
from aiohttp.test_utils import TestClient

from alerting.rules import Severity
from incidents.lifecycle import Incident, note
from monitor.config.model import Asset
from monitor.store import incidents
from probes import Status

FormKey = Callable[[], Awaitable[str]]
HOSTILE = {
    "script": "<script>alert(1)</script>",
    "attribute": '"\' onmouseover=alert(1) x="',
    "override": "door\u202egpj.exe",
    "long": "W" * 10_000,
    "nul": "a\x00b",
    "ansi": "\x1b[31mred\x1b[0m\x9b31m",
    "template": "{{ 31337 * 3 }}{% raw %}",
}


class Page(HTMLParser):
    """What a browser sees: the tags with their attributes, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, text: str) -> None:
        self.text += f" {text.strip()}" if text.strip() else ""


async def read(client: TestClient, path: str) -> Page:
    answer = await client.get(path)
    assert answer.status == 200, await answer.text()
    return Page(await answer.text())


async def test_the_board_says_that_all_works(space, person: TestClient, make_asset: Callable[..., Asset]) -> None:
    lift = make_asset("lift", "Lift", "equipment")
    space.add(lift)
    await space.works(lift, "answered in 12 ms")
    page = await read(person, "/")
    assert "All working" in page.text
    assert "answered in 12 ms" in page.text


async def test_the_board_says_what_is_broken_whom_it_hits_and_what_to_do(harbour, person: TestClient) -> None:
    text = (await read(person, "/")).text
    for said in (
        "1 thing needs you",
        "Nordnet fibre is down",
        "for 14 min",
        "up to 80 people",
        "Members have no internet",
        "Restart the white box in the cellar",
        "In hand: admin",
        "Checking again",
        "Not known",
        "Degraded",
    ):
        assert said in text


async def test_a_refused_configuration_and_our_own_problems_are_said_on_the_board(space, person: TestClient) -> None:
    space.reloads = replace_reloads(space, ("site.yaml:3: `intervall` is unknown; did you mean `interval`?",))
    space.troubles = ("the disk is full; free some space",)
    space.touch()
    text = (await read(person, "/")).text
    assert "the one before it is still in use" in text
    assert "site.yaml:3: `intervall` is unknown" in text
    assert "the disk is full" in text


async def test_one_button_acknowledges_from_the_board(harbour, person: TestClient) -> None:
    page = await read(person, "/")
    (button,) = (values for tag, values in page.tags if values.get("formaction", "").endswith("/acknowledge"))
    (form,) = (values for tag, values in page.tags if tag == "form" and values.get("id") == button["form"])
    key = next(values["value"] for tag, values in page.tags if values.get("name") == "form_key")
    assert (form["method"], form.get("action")) == ("post", None)
    answer = await person.post(button["formaction"], data={"form_key": key}, allow_redirects=False)
    assert answer.status == 303
    assert "In hand" in (await read(person, answer.headers["Location"])).text
    assert "2 things in hand" in (await read(person, "/")).text


@pytest.mark.usefixtures("stopped")
async def test_what_changes_on_the_board_is_made_once_for_all_who_look(harbour, person: TestClient) -> None:
    packed = await person.get("/fragment/board", headers={"Accept-Encoding": "gzip"})
    plain = await person.get("/fragment/board", headers={"Accept-Encoding": "identity"})
    assert (packed.headers.get("Content-Encoding"), plain.headers.get("Content-Encoding")) == ("gzip", None)
    assert await packed.text() == await plain.text()
    assert "form_key" not in await plain.text()
    assert await plain.text() in await (await person.get("/")).text()


async def test_a_note_and_a_review_are_kept(harbour, person: TestClient, form_key: FormKey) -> None:
    one = (await live(harbour))[0]
    path = f"/incidents/{one.id}"
    await person.post(f"{path}/note", data={"form_key": await form_key(), "text": "Called\r\nNordnet.\x00"})
    review = {"form_key": await form_key(), "resolution": "New cable", "root_cause": "Mouse"}
    await person.post(f"{path}/review", data=review)
    page = await read(person, path)
    assert "Called\nNordnet." in page.text
    assert page.html.count("New cable") == 2
    assert page.html.count("Mouse") == 2


@pytest.mark.parametrize("text", ["", " \n ", "x" * 4001])
async def test_an_empty_or_endless_note_is_refused(harbour, person: TestClient, form_key: FormKey, text: str) -> None:
    one = (await live(harbour))[0]
    answer = await person.post(f"/incidents/{one.id}/note", data={"form_key": await form_key(), "text": text})
    assert answer.status == 400


async def test_an_incident_that_is_over_shows_what_it_cost(
    space, person: TestClient, make_asset: Callable[..., Asset]
) -> None:
    lift = make_asset("lift", "Lift", people=10)
    space.add(lift)
    over = await space.recovers(lift, await space.fails(lift, "stuck", 30))
    async with space.store.begin() as conn:
        await incidents.save(conn, replace(over, member_minutes=300, impact="Ten people took the stairs"))
    text = (await read(person, f"/incidents/{over.id}")).text
    for said in ("Over", "lasted 30 min", "300 member-minutes", "Ten people took the stairs", "Lift works again."):
        assert said in text
    assert "Acknowledge" not in text


async def test_messages_say_what_became_of_them(harbour, person: TestClient) -> None:
    page = await read(person, f"/incidents/{(await live(harbour))[0].id}")
    assert "Alert to chat Sent" in page.text


async def test_incidents_are_listed_newest_first_and_paged(space, person: TestClient) -> None:
    began = datetime(2026, 1, 5, 9, tzinfo=UTC)
    async with space.store.begin() as conn:
        for n in range(120):
            one = Incident(f"{n:026d}", "x", f"Incident {n}.", Severity.WARNING, began + timedelta(hours=n))
            await incidents.save(conn, one)
    path, seen = "/incidents", []
    while path:
        page = await read(person, path)
        seen += [int(values["href"][-26:]) for tag, values in page.tags if "incident" in values.get("class", "")]
        path = next((values["href"] for _, values in page.tags if "before=" in values.get("href", "")), None)
    assert seen == list(range(119, -1, -1))


async def test_an_assets_page_explains_its_newest_reading(harbour, person: TestClient) -> None:
    text = (await read(person, "/assets/members")).text
    for said in ("Members Wi-Fi", "43 members connected", "12 ms", "Nordnet fibre", "every 5 min with internet.ping"):
        assert said in text


async def test_an_asset_in_trouble_names_the_reason_and_the_incident(harbour, person: TestClient) -> None:
    text = (await read(person, "/assets/fibre")).text
    assert "No complete answer within the check's timeout" in text
    assert "Needs you Nordnet fibre is down" in text


@pytest.mark.parametrize(
    "path",
    ["/incidents/none", "/assets/none", "/incidents/%00", "/incidents?before=%00", "/assets/%3Cscript%3E", "/nowhere"],
)
async def test_what_is_not_there_is_said_in_words(person: TestClient, path: str) -> None:
    answer = await person.get(path, headers={"Accept": "text/html"})
    assert answer.status == 404
    assert "<script>" not in await answer.text()


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE.keys())
async def test_a_hostile_name_is_only_text_wherever_it_shows(
    space, person: TestClient, form_key: FormKey, make_asset: Callable[..., Asset], name: str
) -> None:
    bad = make_asset("bad", name, says=name, affects=name, remedy=name)
    space.add(bad)
    space.config = replace(space.config, site=replace(space.config.site, name=name))
    one = await space.fails(bad, name)
    await space.decide(one.id, lambda kept: note(kept, name, name, datetime.now(UTC)))
    await person.post(f"/incidents/{one.id}/acknowledge", data={"form_key": await form_key()})
    space.reloads, space.troubles = replace_reloads(space, (name,)), (name,)
    space.touch()
    for path in ("/", "/fragment/board", "/incidents", f"/incidents/{one.id}", "/assets/bad", "/checks/bad/ping"):
        page = await read(person, path)
        assert not [tag for tag, values in page.tags if tag == "script" and "src" not in values]
        assert not [values for _, values in page.tags if any(key.startswith("on") for key in values)]
        assert not set(page.html) & {"\x00", "\x1b", "\x9b", "\u202e"}
        assert "94011" not in page.html
        assert len(page.html) < 60_000


async def test_pages_need_neither_inline_style_nor_inline_script(harbour, person: TestClient) -> None:
    one = (await live(harbour))[0]
    for path in (
        "/",
        "/incidents",
        f"/incidents/{one.id}",
        "/assets/fibre",
        "/checks/fibre/ping",
        "/wallboard",
        "/about",
        "/sign-in",
    ):
        for tag, values in (await read(person, path)).tags:
            assert "style" not in values
            assert tag != "style"
            assert tag != "script" or values.get("src", "").startswith("/static/")


async def test_every_form_and_landmark_is_named(harbour, person: TestClient) -> None:
    for path in ("/", f"/incidents/{(await live(harbour))[0].id}", "/assets/fibre", "/checks/fibre/ping", "/about"):
        tags = (await read(person, path)).tags
        assert [tag for tag, _ in tags].count("h1") == 1
        assert [tag for tag, _ in tags].count("main") == 1
        labelled = {values["for"] for tag, values in tags if tag == "label"}
        typed = {values["id"] for tag, values in tags if tag in ("textarea", "select", "input") and "id" in values}
        assert typed == labelled
        ids = [values["id"] for _, values in tags if "id" in values]
        assert len(ids) == len(set(ids))


async def test_a_database_in_trouble_is_said_in_its_own_words(space, person: TestClient) -> None:
    async with space.store.begin() as conn:
        await conn.exec_driver_sql("drop table incidents")
    answer = await person.get("/incidents", headers={"Accept": "text/html"})
    assert answer.status in (500, 503)
    assert "Traceback" not in await answer.text()


async def test_two_hundred_assets_weigh_less_than_200_kb(
    space, person: TestClient, make_asset: Callable[..., Asset]
) -> None:
    assets = [make_asset(f"asset-{n}", f"Meeting room number {n}", "rooms") for n in range(200)]
    space.add(*assets)
    for one in assets:
        await space.reads(one, *ordinary(one))
    assert len((await read(person, "/")).html) < 200_000


def ordinary(one: Asset) -> tuple[Status, str]:
    """One asset in ten has a problem."""
    bad = one.id.endswith("7")
    return (Status.DOWN, "no answer within 5 s") if bad else (Status.UP, "answered in 12 ms, 3 of 3 echoes came back")


def replace_reloads(space, problems: tuple[str, ...]) -> object:
    return space.reloads._replace(ok=False, problems=problems)


async def live(space) -> tuple[Incident, ...]:
    async with space.store.connect() as conn:
        return await incidents.live(conn)
