"""The page about messages: whom they reach, what became of them, and a test for everybody."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp.test_utils import TestClient
from pydantic import SecretStr

from alerting.channels import Delivery, Key, NoticeKind, Notification, Outcome
from alerting.health import Health
from alerting.rules import Severity
from monitor.store import outbox

NOW = datetime.now(UTC)
FAILED = Delivery(Outcome.RETRY, "Unauthorized, error=401. <b>It said: no</b>")


@pytest.fixture
def destinations(space) -> None:
    """A chat that cannot be reached, a mailbox that works and somebody who was never told of anything."""
    urls = dict.fromkeys(("chat", "mail", "ana/phone"), SecretStr("json://s3cret@127.0.0.1"))
    space.config = replace(space.config, destinations=urls)
    space.reached = {"chat": Health(NOW, NOW - timedelta(minutes=12), FAILED.words), "mail": Health(accepted=NOW)}


async def queue(space, destination: str = "chat", episode: str = "e") -> Key:
    key = Key(episode, destination, NoticeKind.FIRING, 0)
    async with space.store.begin() as conn:
        await outbox.enqueue(conn, Notification(key, Severity.CRITICAL, f"Door {episode}", "…"), "I1", NOW)
    return key


async def text(client: TestClient, path: str = "/deliveries") -> str:
    answer = await client.get(path)
    assert answer.status == 200
    return " ".join((await answer.text()).split())


async def test_every_destination_says_whether_it_can_be_reached(space, destinations, person: TestClient) -> None:
    await queue(space)
    html = await text(person)
    assert html.count("Send a test</button>") == 3
    assert "1 of 3 cannot be reached" in html
    assert "Never tried" in html
    assert "1 message waiting" in html
    assert "Unauthorized, error=401. &lt;b&gt;It said: no&lt;/b&gt;" in html
    assert "s3cret" not in html


async def test_the_newest_messages_come_with_every_attempt(space, destinations, person: TestClient) -> None:
    key = await queue(space)
    async with space.store.begin() as conn:
        await outbox.record(conn, key, FAILED, NOW, NOW)
        await outbox.record(conn, key, Delivery(Outcome.ACCEPTED, "sent"), NOW, None)
    html = await text(person)
    assert "2 attempts" in html
    assert "retry: <bdi>Unauthorized" in html
    assert "accepted: <bdi>sent" in html


async def test_messages_that_went_out_together_say_so(space, destinations, person: TestClient) -> None:
    carrier, carried = await queue(space), await queue(space, episode="f")
    async with space.store.begin() as conn:
        ids = [row.id for row in await outbox.waiting(conn, "chat")]
        await outbox.lease(conn, "chat", ids, NOW + timedelta(minutes=1))
        await outbox.record(conn, carrier, Delivery(Outcome.ACCEPTED, ""), NOW, None)
    assert carried.episode == "f"
    assert "Sent together with others" in await text(person)


async def test_a_button_queues_a_test_and_the_page_shows_what_became_of_it(
    space, destinations, person: TestClient, form_key: Callable[[], Awaitable[str]]
) -> None:
    form = {"form_key": await form_key(), "destination": "ana/phone"}
    answer = await person.post("/deliveries/test", data=form, allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/deliveries")
    async with space.store.begin() as conn:
        (message,) = await outbox.recent(conn)
        assert "Waiting to be sent" in await text(person)
        await outbox.record(conn, message.notification.key, FAILED, NOW, None)
    assert message.notification.title == "Test message to ana/phone"
    html = await text(person, "/fragment/deliveries")
    assert "Not delivered (<bdi>Unauthorized" in html


@pytest.mark.parametrize(("key", "destination", "status"), [("wrong", "chat", 403), ("", "nobody", 404)])
async def test_a_test_needs_our_form_and_a_destination(
    space,
    destinations,
    person: TestClient,
    form_key: Callable[[], Awaitable[str]],
    key: str,
    destination: str,
    status: int,
) -> None:
    form = {"form_key": key or await form_key(), "destination": destination}
    assert (await person.post("/deliveries/test", data=form)).status == status
    async with space.store.connect() as conn:
        assert await outbox.recent(conn) == ()


async def test_the_board_says_who_cannot_be_reached(space, destinations, person: TestClient) -> None:
    html = await text(person, "/")
    assert "Messages to <bdi>chat</bdi> do not get through" in html
    assert "Messages to <bdi>mail</bdi>" not in html
