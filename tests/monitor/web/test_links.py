"""The link in a message: looking changes nothing, a button acts once, and who forges one learns nothing."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer
from peers.chromium import profile
from playwright.async_api import expect
from ulid import ULID

from alerting.links import Link, Purpose, sign
from alerting.oncall import Contact, Person
from alerting.rules import Severity
from incidents import lifecycle
from incidents.lifecycle import Entry, Incident, Stage, Told
from monitor.store import StoreError, incidents, links
from monitor.web.app import build
from monitor.web.auth import GUESSES, Gate

HOSTILE = "<script>document.title='owned'</script> \u202egpj.exe"
SEVERITIES = frozenset(Severity)
HTML = {"Accept": "text/html"}


class Post:
    """Makes the links of messages about one incident, and has them used."""

    def __init__(self, space, client: TestClient, secret: bytes, incident: Incident) -> None:
        self.space, self.client, self.secret, self.incident = space, client, secret, incident
        now = datetime.now(UTC).replace(microsecond=0)
        episode = incident.told[0].episode
        self.link = Link(Purpose.INCIDENT, incident.id, episode, "ana", now, now + timedelta(hours=24))

    def token(self, **changes: object) -> str:
        return sign(self.secret, replace(self.link, **changes))

    async def look(self, token: str, **options: object) -> ClientResponse:
        return await self.client.get(f"/act/{token}", headers=HTML, **options)

    async def press(self, token: str, action: str, **headers: str) -> ClientResponse:
        data = {"token": token, "action": action}
        return await self.client.post("/act", data=data, headers={**HTML, **headers})

    async def now(self) -> Incident:
        async with self.space.store.connect() as conn:
            found = await incidents.get(conn, self.incident.id)
        assert found is not None
        return found


@pytest.fixture
async def incident(space, make_asset) -> Incident:
    """An open incident of which Ana was told by a message of her own, and the team in its chat."""
    both = (Contact("ben/phone", SEVERITIES), Contact("ben/mail", SEVERITIES))
    people = (Person("ana", "Ana Lopes", (Contact("ana", SEVERITIES),)), Person("ben", "Ben Sousa", both))
    destinations = dict.fromkeys(("ana", "ben/phone", "ben/mail", "chat"))
    space.config = replace(space.config, people=people, destinations=destinations)
    space.add(make_asset("fibre", "Nordnet fibre", "uplinks", affects="Members have no internet."))
    since, episode = datetime.now(UTC) - timedelta(minutes=14), str(ULID())
    found = Incident(
        str(ULID()),
        "fibre",
        "Nordnet fibre is down",
        Severity.CRITICAL,
        since,
        firing=frozenset({episode}),
        told=(Told("ana", episode), Told("chat", episode)),
        timeline=(Entry(since, "Deskwatch", "Incident opened."),),
    )
    async with space.store.begin() as conn:
        await incidents.save(conn, found)
    return found


@pytest.fixture
async def secret(space) -> bytes:
    """What signs the links."""
    async with space.store.begin() as conn:
        return await links.key(conn, datetime.now(UTC))


@pytest.fixture
def post(space, stranger: TestClient, incident: Incident, secret: bytes) -> Post:
    """Ana's mailbox and browser, without a session."""
    return Post(space, stranger, secret, incident)


async def test_the_page_says_what_is_wrong_since_when_and_whose_link_it_is(post: Post) -> None:
    answer = await post.look(post.token())
    text = await answer.text()
    assert answer.status == 200
    for words in ("Nordnet fibre is down", "for 14 min", "Nobody has it yet", "Members have no internet", "Ana Lopes"):
        assert words in text
    for button in ("I have it", "Remind me in 1 h", "Not me: ask the next", "It is fixed"):
        assert f">{button}</button>" in text


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_looking_changes_nothing(post: Post, method: str) -> None:
    token = post.token()
    for _ in range(3):
        answer = await post.client.request(method, f"/act/{token}")
        assert answer.status == 200
    for query in ("?action=acknowledge", f"?action=acknowledge&token={token}"):
        await post.client.request(method, f"/act/{token}{query}")
    assert await post.now() == post.incident
    assert (await post.press(token, "acknowledge")).status == 200


async def test_the_page_is_kept_out_of_caches_indexes_and_other_sites_logs(post: Post) -> None:
    answer = await post.look(post.token())
    assert answer.headers["Cache-Control"] == "no-store"
    assert "noindex" in answer.headers["X-Robots-Tag"]
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "Set-Cookie" not in answer.headers


async def test_i_have_it_acknowledges_in_the_name_of_the_contacts_person(post: Post) -> None:
    answer = await post.press(post.token(), "acknowledge")
    text = await answer.text()
    assert (answer.status, answer.method) == (200, "GET"), "after a redirect, so that a reload repeats nothing"
    assert "By this link <bdi>Ana Lopes</bdi> took it" in text
    found = await post.now()
    assert (found.stage, found.acknowledged_by) == (Stage.ACKNOWLEDGED, "Ana Lopes")
    assert found.timeline[-1].text == "Acknowledged by Ana Lopes, by the link sent to ana."
    length = timedelta(seconds=post.space.config.alerting.acknowledged)
    assert timedelta() <= found.acknowledged_until - found.timeline[-1].at - length < timedelta(minutes=5)


async def test_one_of_several_contacts_is_its_person_and_a_channel_itself(post: Post) -> None:
    await post.press(post.token(destination="ben/phone"), "escalate")
    await post.press(post.token(destination="chat"), "acknowledge")
    assert [entry.who for entry in (await post.now()).timeline[1:]] == ["Ben Sousa", "chat"]


async def test_remind_me_acknowledges_for_an_hour(post: Post) -> None:
    await post.press(post.token(), "snooze")
    found = await post.now()
    assert found.stage is Stage.ACKNOWLEDGED
    assert found.acknowledged_until - found.timeline[-1].at < timedelta(hours=1, minutes=5)


async def test_not_me_passes_it_on(post: Post) -> None:
    await post.press(post.token(), "escalate")
    found = await post.now()
    assert found.stage is Stage.OPEN
    assert "cannot take it" in found.timeline[-1].text


async def test_it_is_fixed_ends_the_incident_and_says_when_it_is_looked_at_again(post: Post) -> None:
    answer = await post.press(post.token(), "resolve")
    text = await answer.text()
    assert "It is over" in text
    assert "it is open again" in text
    assert "<button" not in text.partition("<footer")[0]
    assert not (await post.now()).stage.live


async def test_a_button_works_once_and_then_says_who_pressed_it_when(post: Post) -> None:
    token = post.token()
    await post.press(token, "escalate")
    once = await post.now()
    answer = await post.press(token, "escalate")
    text = await answer.text()
    assert answer.status == 410
    assert "pressed before" in text
    assert "By this link <bdi>Ana Lopes</bdi> passed it on" in text
    assert await post.now() == once
    assert ">I have it</button>" in text, "the other buttons still work"


async def test_pressed_twice_at_once_it_acts_once(post: Post) -> None:
    token = post.token()
    answers = await asyncio.gather(*(post.press(token, "escalate") for _ in range(5)))
    assert sorted(answer.status for answer in answers) == [200, 410, 410, 410, 410]
    assert len((await post.now()).timeline) == 2


async def test_two_messages_have_a_button_each(post: Post) -> None:
    later = post.token(made=post.link.made - timedelta(hours=1))
    assert (await post.press(post.token(), "escalate")).status == 200
    assert (await post.press(later, "escalate")).status == 200


async def test_who_is_slower_changes_nothing_and_sees_who_has_it(post: Post) -> None:
    await post.press(post.token(destination="ben/phone"), "acknowledge")
    before = await post.now()
    answer = await post.press(post.token(), "escalate")
    assert answer.status == 409
    assert "<bdi>Ben Sousa</bdi> has it" in await answer.text()
    assert await post.now() == before


async def test_after_a_failure_in_between_the_same_button_does_what_was_left(post: Post, monkeypatch) -> None:
    decide = post.space.decide

    async def fail(*_: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(post.space, "decide", fail)
    token = post.token()
    assert (await post.press(token, "acknowledge")).status == 503
    assert await post.now() == post.incident
    monkeypatch.setattr(post.space, "decide", decide)
    assert ">I have it</button>" in await (await post.look(token)).text()
    assert (await post.press(token, "acknowledge")).status == 200
    assert (await post.now()).stage is Stage.ACKNOWLEDGED
    assert (await post.press(token, "acknowledge")).status == 410


async def test_a_link_that_ran_out_says_so_and_nothing_of_the_incident(post: Post) -> None:
    made = post.link.made - timedelta(hours=25)
    token = post.token(made=made, expires=made + timedelta(hours=24))
    for answer in (await post.look(token), await post.press(token, "acknowledge")):
        text = await answer.text()
        assert answer.status == 410
        assert "has run out" in text
        assert "Nordnet" not in text
    assert await post.now() == post.incident


@pytest.mark.parametrize("made_up", ["", "x", "A" * 84, "A" * 5000, "%00", "é"])
async def test_a_forged_link_is_refused_without_a_word_about_incidents(post: Post, made_up: str) -> None:
    for answer in (await post.look(made_up or "-"), await post.press(made_up, "acknowledge")):
        text = await answer.text()
        assert answer.status == 403
        assert "not complete, or it was withdrawn" in text
        assert "Nordnet" not in text


async def test_a_link_that_another_key_signed_is_refused(post: Post) -> None:
    assert (await post.look(sign(b"x" * 32, post.link))).status == 403


async def test_the_links_of_a_destination_can_be_withdrawn(post: Post) -> None:
    async with post.space.store.begin() as conn:
        await links.revoke(conn, "ana", datetime.now(UTC))
    for answer in (await post.look(post.token()), await post.press(post.token(), "acknowledge")):
        assert answer.status == 403
        assert "was withdrawn" in await answer.text()
    assert await post.now() == post.incident
    assert (await post.look(post.token(destination="ben/phone"))).status == 200
    later = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=2)
    assert (await post.look(post.token(made=later))).status == 200


async def test_a_destination_that_was_removed_opens_nothing(post: Post) -> None:
    left = {name: None for name in post.space.config.destinations if name != "ana"}
    post.space.config = replace(post.space.config, destinations=left)
    assert (await post.look(post.token())).status == 403


@pytest.mark.usefixtures("stopped")
async def test_guessing_is_slowed_down_and_who_has_a_link_is_not(post: Post) -> None:
    for _ in range(GUESSES):
        assert (await post.look("guess")).status == 403
    slowed = await post.look("guess")
    assert (slowed.status, slowed.headers["Retry-After"]) == (429, "60")
    assert (await post.press("guess", "acknowledge")).status == 429
    assert (await post.press(post.token(), "acknowledge")).status == 200


@pytest.mark.parametrize("action", ["", "confirm", "delete", "\x00"])
async def test_a_button_that_there_is_not_does_nothing(post: Post, action: str) -> None:
    assert (await post.press(post.token(), action)).status == 400
    assert await post.now() == post.incident


async def test_another_sites_page_cannot_press_a_button(post: Post) -> None:
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {"Origin": "null"}):
        assert (await post.press(post.token(), "acknowledge", **headers)).status == 403
    assert await post.now() == post.incident
    assert (await post.press(post.token(), "acknowledge", **{"Sec-Fetch-Site": "same-origin"})).status == 200


async def test_an_incident_that_is_over_or_gone_is_no_mistake(post: Post) -> None:
    over = lifecycle.dismiss(post.incident, "Ben Sousa", datetime.now(UTC), datetime.now(UTC)).incident
    async with post.space.store.begin() as conn:
        await incidents.save(conn, over)
    answer = await post.press(post.token(), "acknowledge")
    assert answer.status == 409
    assert "It is over" in await answer.text()
    assert (await post.look(post.token(incident=str(ULID())))).status == 410


async def test_a_hostile_title_is_only_text(post: Post) -> None:
    async with post.space.store.begin() as conn:
        await incidents.save(conn, replace(post.incident, title=HOSTILE, acknowledged_by=HOSTILE))
    text = await (await post.look(post.token())).text()
    assert "<script>" not in text
    assert "\u202e" not in text


async def test_a_drill_has_one_button(post: Post) -> None:
    token = post.token(purpose=Purpose.DRILL, incident="", episode="drill/2026-03-02")
    text = await (await post.look(token)).text()
    assert "This is a drill" in text
    assert "Nordnet" not in text
    assert (await post.press(token, "acknowledge")).status == 400
    for _ in range(2):
        answer = await post.press(token, "confirm")
        assert answer.status == 200
        assert "<bdi>Ana Lopes</bdi> got it" in await answer.text()
    async with post.space.store.connect() as conn:
        assert await links.answered(conn, "confirm", post.link.made) == {"ana"}


@pytest.fixture
async def server(space) -> AsyncIterator[TestServer]:
    """The pages at an address that a browser can open."""
    async with TestServer(build(space, Gate())) as server:
        yield server


async def test_on_a_phone_one_tap_takes_it_and_the_page_says_so(
    space, server: TestServer, incident: Incident, secret: bytes, chromium: str
) -> None:
    title = f"{HOSTILE} {'W' * 200}"
    async with space.store.begin() as conn:
        await incidents.save(conn, replace(incident, title=title))
    post = Post(space, None, secret, incident)
    options = {"viewport": {"width": 360, "height": 740}, "has_touch": True}
    async with profile(chromium, **options) as context:
        page, complaints = await context.new_page(), []
        page.on("console", lambda message: complaints.append(message.text))
        await page.goto(str(server.make_url(f"/act/{post.token()}")))
        buttons = page.get_by_role("main").get_by_role("button")
        await expect(buttons).to_have_text(["I have it", "Remind me in 1 h", "Not me: ask the next", "It is fixed"])
        for box in [await button.bounding_box() for button in await buttons.all()]:
            assert box["height"] >= 44
            assert box["width"] >= 250
        assert not await page.evaluate("document.documentElement.scrollWidth > innerWidth")
        await page.get_by_role("button", name="I have it").tap()
        await expect(page.get_by_role("status")).to_contain_text("Ana Lopes took it")
        await expect(buttons).to_have_text(["Not me: ask the next", "It is fixed"])
        assert not await page.evaluate("document.documentElement.scrollWidth > innerWidth")
        assert await page.title() != "owned"
    assert complaints == []
    assert (await post.now()).acknowledged_by == "Ana Lopes"
