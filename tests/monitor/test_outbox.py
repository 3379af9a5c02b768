"""Delivery of queued messages over a real store, through real channels, to real HTTP servers."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from alerting.apprise import AppriseChannel, open_channels
from alerting.channels import Channel, Key, NoticeKind, Notification
from alerting.health import Reach
from alerting.hours import OpeningHours
from alerting.routes import Route, Step
from alerting.rules import Severity
from incidents.messages import MAY_REPEAT
from monitor.config.model import Config, Server, Site, Storage
from monitor.metrics import Vitals
from monitor.outbox import Outbox
from monitor.store import Store, outbox
from monitor.store.outbox import Message, MessageState


class Provider:
    """Answers every message with `status`, or not at all while `hanging`."""

    def __init__(self) -> None:
        self.status = 200
        self.hanging = False
        self.taken: list[dict[str, str]] = []
        self.asked = 0
        self.port = 0

    @property
    def url(self) -> SecretStr:
        return SecretStr(f"json://127.0.0.1:{self.port}/")

    async def answer(self, request: web.Request) -> web.Response:
        self.asked += 1
        body = await request.json()
        if self.hanging:
            await asyncio.Event().wait()
        if self.status == 200:
            self.taken.append(body)
        return web.Response(status=self.status)


@contextlib.asynccontextmanager
async def provided() -> AsyncIterator[Provider]:
    provider = Provider()
    app = web.Application()
    app.router.add_post("/", provider.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    provider.port = runner.addresses[0][1]
    try:
        yield provider
    finally:
        await runner.cleanup()


@pytest.fixture
async def chat() -> AsyncIterator[Provider]:
    async with provided() as provider:
        yield provider


@pytest.fixture
async def mail() -> AsyncIterator[Provider]:
    async with provided() as provider:
        yield provider


async def opened(**providers: Provider) -> tuple[dict[str, Channel], Config]:
    """The channels to the providers, and a configuration in which a route for everything leads to each."""
    urls = {id: provider.url for id, provider in providers.items()}
    hours = OpeningHours(ZoneInfo("Europe/Lisbon"), ((),) * 7)
    routes = tuple(Route(id, steps=(Step(0, (id,)),)) for id in urls)
    site = Site("harbour", "Harbour Street", hours, 120)
    config = Config(site, (), routes, urls, Server(url="https://deskwatch.example.org"), Storage(SecretStr("")))
    # A message that is answered too late would be sent again.
    return {id: await AppriseChannel.open(id, url, timeout=120) for id, url in urls.items()}, config


@contextlib.asynccontextmanager
async def delivering(store: Store, **providers: Provider) -> AsyncIterator[Outbox]:
    delivery = Outbox(store, Vitals(CollectorRegistry()), lambda: None)
    delivery.adopt(*await opened(**providers))
    task = asyncio.create_task(delivery.run())
    try:
        yield delivery
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def queue(
    store: Store,
    destination: str,
    episode: str = "E1",
    kind: NoticeKind = NoticeKind.FIRING,
) -> Key:
    key = Key(episode, destination, kind, 0)
    notification = Notification(key, Severity.CRITICAL, f"{episode} {kind}", "The booking portal is down.")
    async with store.begin() as conn:
        await outbox.enqueue(conn, notification, "I1", datetime.now(UTC))
    return key


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():
            await asyncio.sleep(0.02)


async def stored(store: Store, key: Key) -> Message:
    async with store.connect() as conn:
        return next(one for one in await outbox.recent(conn, 100) if one.notification.key == key)


async def in_state(store: Store, key: Key, state: MessageState) -> Message:
    async with asyncio.timeout(60):
        while (message := await stored(store, key)).state is not state:
            await asyncio.sleep(0.02)
    return message


async def until_finished(store: Store, key: Key) -> None:
    async with asyncio.timeout(60):
        while (await stored(store, key)).finished is None:
            await asyncio.sleep(0.02)


async def test_a_queued_message_arrives_once_and_is_accepted(store: Store, chat: Provider) -> None:
    key = await queue(store, "chat")
    async with delivering(store, chat=chat):
        message = await in_state(store, key, MessageState.ACCEPTED)
    assert [one["title"] for one in chat.taken] == ["E1 firing"]
    assert message.attempts == 1


async def test_a_refusal_for_now_waits_for_a_later_attempt_and_one_for_good_is_dead(
    store: Store, chat: Provider, mail: Provider
) -> None:
    chat.status, mail.status = 500, 401
    retried, dead = await queue(store, "chat"), await queue(store, "mail")
    async with delivering(store, chat=chat, mail=mail):
        waiting = await in_state(store, retried, MessageState.RETRY)
        ended = await in_state(store, dead, MessageState.DEAD)
    async with store.connect() as conn:
        (tried, _), *_ = (await outbox.deliveries(conn, [waiting.id]))[waiting.id]
    assert waiting.due > tried
    assert "500" in waiting.words
    assert "401" in ended.words


async def test_a_provider_that_hangs_delays_no_other(store: Store, chat: Provider, mail: Provider) -> None:
    chat.hanging = True
    stuck = await queue(store, "chat")
    async with delivering(store, chat=chat, mail=mail) as delivery:
        await until(lambda: chat.asked == 1)
        for number in range(3):
            key = await queue(store, "mail", f"E{number}")
            delivery.wake()
            await in_state(store, key, MessageState.ACCEPTED)
        assert len(mail.taken) == 3
        assert (await stored(store, stuck)).state is MessageState.LEASED


async def test_a_message_that_was_being_sent_when_we_were_killed_is_sent_again_and_says_so(
    store: Store, chat: Provider
) -> None:
    key = await queue(store, "chat")
    async with store.begin() as conn:
        now = datetime.now(UTC)
        waiting = await outbox.waiting(conn, "chat")
        assert await outbox.lease(conn, "chat", [waiting[0].id], now + timedelta(seconds=60))
    async with delivering(store, chat=chat):
        await in_state(store, key, MessageState.ACCEPTED)
    assert MAY_REPEAT in chat.taken[0]["message"]


async def test_the_end_is_not_told_to_somebody_who_could_not_be_told_of_the_beginning(
    store: Store, chat: Provider
) -> None:
    chat.status = 401
    begin = await queue(store, "chat")
    async with delivering(store, chat=chat) as delivery:
        await in_state(store, begin, MessageState.DEAD)
        end = await queue(store, "chat", kind=NoticeKind.RESOLVED)
        delivery.wake()
        await in_state(store, end, MessageState.CANCELLED)
    assert chat.asked == 1


async def test_messages_of_one_moment_go_out_together(store: Store, chat: Provider) -> None:
    async with delivering(store, chat=chat) as delivery:
        keys = [Key(f"E{number}", "chat", NoticeKind.FIRING, 0) for number in range(2)]
        async with store.begin() as conn:
            for key in keys:
                notification = Notification(key, Severity.CRITICAL, f"{key.episode} firing", "It is down.")
                await outbox.enqueue(conn, notification, f"of {key.episode}", datetime.now(UTC))
        delivery.wake()
        for key in keys:
            await until_finished(store, key)
    assert [one["title"] for one in chat.taken] == ["Critical: 2 things need attention at Harbour Street"]


async def test_a_message_that_reaches_nobody_is_told_to_another_at_once(
    store: Store, chat: Provider, mail: Provider
) -> None:
    chat.status = 401
    async with delivering(store, chat=chat, mail=mail) as delivery:
        await in_state(store, await queue(store, "chat"), MessageState.DEAD)
        await until(lambda: bool(mail.taken))
        assert delivery.healths["chat"].reach is Reach.FAILING
        await until(lambda: delivery.healths["mail"].reach is Reach.OK)
    assert mail.taken[0]["title"] == "Deskwatch could not reach chat (Harbour Street)"
    assert "error=401" in mail.taken[0]["message"]


async def test_what_was_known_of_a_destination_is_known_after_a_restart(store: Store, chat: Provider) -> None:
    chat.status = 500
    async with delivering(store, chat=chat):
        message = await in_state(store, await queue(store, "chat"), MessageState.RETRY)
    async with delivering(store, chat=chat) as delivery:
        await until(lambda: delivery.healths["chat"].reach is Reach.FAILING)
    assert "500" in message.words


async def test_every_destination_has_its_series_before_anything_is_sent(store: Store, chat: Provider) -> None:
    registry = CollectorRegistry()
    Outbox(store, Vitals(registry), lambda: None).adopt(*await opened(chat=chat))
    for name in ("last_accepted_timestamp_seconds", "failing"):
        assert registry.get_sample_value(f"deskwatch_destination_{name}", {"destination": "chat"}) == 0
    labels = {"destination": "chat", "outcome": "dead"}
    assert registry.get_sample_value("deskwatch_messages_total", labels) == 0


async def test_new_channels_take_over_and_messages_to_a_removed_destination_end(
    store: Store, chat: Provider, mail: Provider
) -> None:
    async with delivering(store, chat=chat) as delivery:
        chat.status = 500
        orphan = await queue(store, "chat")
        delivery.wake()
        await in_state(store, orphan, MessageState.RETRY)
        delivery.adopt(*await opened(mail=mail))
        await in_state(store, orphan, MessageState.DEAD)
        await until(lambda: len(mail.taken) == 1)
        assert "The destination is no longer configured." in mail.taken[0]["message"]
        key = await queue(store, "mail")
        delivery.wake()
        await in_state(store, key, MessageState.ACCEPTED)


async def test_an_alarm_reaches_every_destination_without_the_store(
    chat: Provider, mail: Provider, store: Store
) -> None:
    async with delivering(store, chat=chat, mail=mail) as delivery:
        await store.close()
        await delivery.alarm("Deskwatch cannot record anything", "The disk is full.")
    assert [one["title"] for one in chat.taken + mail.taken] == ["Deskwatch cannot record anything"] * 2


async def test_a_destination_that_means_nothing_is_named_and_its_url_is_not() -> None:
    with pytest.raises(ValueError, match="chat") as caught:
        await open_channels({"chat": SecretStr("nonsense://s3cret@host")})
    assert "s3cret" not in str(caught.value)
