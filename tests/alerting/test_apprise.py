"""Apprise as a channel: against real servers on loopback, every answer becomes the right outcome."""

import asyncio
import contextlib
import logging
import os
import socket
import struct
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from aiohttp import web
from peers.ports import free_port
from pydantic import SecretStr

from alerting.apprise import PAUSE, AppriseChannel, fit, judge
from alerting.channels import Delivery, Key, NoticeKind, Notification, Outcome
from alerting.rules import Severity


def notification(
    body: str = "Nobody can book.",
    title: str = "Critical: Booking system",
    kind: NoticeKind = NoticeKind.FIRING,
    severity: Severity = Severity.CRITICAL,
) -> Notification:
    return Notification(Key("episode", "phones", kind, 0), severity, title, body)


class Sink:
    """A web server that answers a path `/500` with that status, and remembers what it got."""

    def __init__(self) -> None:
        self.got: list[dict[str, str]] = []
        self.methods: list[str] = []
        self.arrived = asyncio.Event()
        self.release = asyncio.Event()
        self.port = 0
        self.says = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.methods.append(request.method)
        if request.can_read_body:
            self.got.append(await request.json())
        self.arrived.set()
        what = request.path.strip("/").split("/")[0]
        if what == "hang":
            await self.release.wait()
        if what == "reset":
            assert request.transport is not None
            linger = struct.pack("ii", 1, 0)
            request.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            request.transport.abort()
        headers = {"Location": "/200"} if what.startswith("3") else {}
        return web.Response(status=int(what) if what.isdigit() else 200, headers=headers, text=self.says)


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    sink = Sink()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", sink.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    sink.port = runner.addresses[0][1]
    yield sink
    sink.release.set()
    await runner.cleanup()


@pytest.fixture
def logged() -> Iterator[list[str]]:
    """Everything that reaches the root logger, down to the last debug line."""
    lines: list[str] = []
    root, handler = logging.getLogger(), logging.Handler()
    handler.addFilter(lambda record: lines.append(record.getMessage()) or False)
    level = root.level
    root.addHandler(handler)
    root.setLevel(1)
    yield lines
    root.removeHandler(handler)
    root.setLevel(level)


async def channel(sink: Sink, path: str, timeout: float = 60) -> AppriseChannel:
    url = SecretStr(f"json://127.0.0.1:{sink.port}/{path}")
    return await AppriseChannel.open("phones", url, timeout)


async def test_an_accepted_message_arrives_once_with_title_body_and_type(sink: Sink) -> None:
    delivery = await (await channel(sink, "200")).send(notification())
    assert delivery.outcome is Outcome.ACCEPTED
    assert [(one["title"], one["message"], one["type"]) for one in sink.got] == [
        ("Critical: Booking system", "Nobody can book.", "failure")
    ]


@pytest.mark.parametrize(
    ("kind", "severity", "type"),
    [
        (NoticeKind.FIRING, Severity.CRITICAL, "failure"),
        (NoticeKind.REPEAT, Severity.WARNING, "warning"),
        (NoticeKind.RESOLVED, Severity.CRITICAL, "success"),
        (NoticeKind.MISSED, Severity.CRITICAL, "success"),
        (NoticeKind.ALARM, Severity.CRITICAL, "failure"),
        (NoticeKind.TEST, Severity.CRITICAL, "info"),
        (NoticeKind.FIRING, Severity.INFO, "info"),
    ],
)
async def test_the_type_says_why_the_message_goes_out(
    sink: Sink, kind: NoticeKind, severity: Severity, type: str
) -> None:
    await (await channel(sink, "200")).send(notification(kind=kind, severity=severity))
    assert sink.got[0]["type"] == type


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (301, Outcome.DEAD),
        (302, Outcome.RETRY),
        (400, Outcome.DEAD),
        (401, Outcome.DEAD),
        (403, Outcome.DEAD),
        (404, Outcome.DEAD),
        (410, Outcome.DEAD),
        (429, Outcome.RETRY),
        (500, Outcome.RETRY),
        (503, Outcome.RETRY),
    ],
)
async def test_a_refusal_is_tried_again_only_if_that_can_help(sink: Sink, status: int, outcome: Outcome) -> None:
    delivery = await (await channel(sink, str(status))).send(notification())
    assert delivery.outcome is outcome
    assert str(status) in delivery.words


async def test_a_provider_that_has_had_too_much_is_left_alone_for_a_while(sink: Sink) -> None:
    assert (await (await channel(sink, "429")).send(notification())).wait == PAUSE
    assert (await (await channel(sink, "503")).send(notification())).wait == 0


async def test_what_the_provider_answers_is_said_without_its_secrets(sink: Sink) -> None:
    sink.says = '{"error": "token s3cr3t is revoked\\n\u202e"}'
    delivery = await (await channel(sink, "403/s3cr3t")).send(notification())
    assert delivery.words.endswith('It said: {"error": "token *** is revoked\\n "}')


@pytest.mark.parametrize("says", ["", "<!doctype html><title>Forbidden</title>"])
async def test_an_answer_that_is_empty_or_a_page_is_left_out(sink: Sink, says: str) -> None:
    sink.says = says
    assert "It said" not in (await (await channel(sink, "403")).send(notification())).words


async def test_a_url_with_several_recipients_is_refused() -> None:
    url = "mailto://127.0.0.1/?from=a@example.org&to=ana@example.net,ben@example.net"
    with pytest.raises(ValueError, match="destination mail: its URL names 2 recipients"):
        await AppriseChannel.open("mail", SecretStr(url))


async def test_a_redirect_is_not_followed_even_if_the_url_asks_for_it(sink: Sink) -> None:
    await (await channel(sink, "302?redirect=yes")).send(notification())
    assert sink.methods == ["POST"]


async def test_retries_of_the_url_are_left_to_the_outbox(sink: Sink) -> None:
    await (await channel(sink, "500?retry=3&wait=0.1")).send(notification())
    assert sink.methods == ["POST"]


async def test_a_server_that_takes_the_message_and_never_answers_is_ambiguous(sink: Sink) -> None:
    delivery = await (await channel(sink, "hang", timeout=4)).send(notification())
    async with asyncio.timeout(60):
        await sink.arrived.wait()
    assert delivery.outcome is Outcome.AMBIGUOUS
    assert "timed out" in delivery.words
    assert len(sink.got) == 1


async def test_a_connection_reset_after_the_request_is_ambiguous(sink: Sink) -> None:
    delivery = await (await channel(sink, "reset")).send(notification())
    assert delivery.outcome is Outcome.AMBIGUOUS
    assert len(sink.got) == 1


async def test_a_refused_connection_is_tried_again() -> None:
    url = SecretStr(f"json://127.0.0.1:{free_port()}/")
    delivery = await (await AppriseChannel.open("phones", url)).send(notification())
    assert delivery.outcome is Outcome.RETRY
    assert "Connection refused" in delivery.words


async def test_a_host_that_does_not_exist_is_tried_again() -> None:
    channel = await AppriseChannel.open("phones", SecretStr("json://chat.invalid/"))
    assert (await channel.send(notification())).outcome is Outcome.RETRY


async def test_a_server_without_trusted_tls_is_tried_again(sink: Sink) -> None:
    channel = await AppriseChannel.open("phones", SecretStr(f"jsons://127.0.0.1:{sink.port}/200"))
    assert (await channel.send(notification())).outcome is Outcome.RETRY


async def test_a_message_that_hangs_beyond_every_limit_is_ambiguous_and_holds_back_only_its_own_channel() -> None:
    accepted, release = asyncio.Event(), asyncio.Event()

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A byte now and then: no single read ever times out."""
        accepted.set()
        writer.write(b"HTTP/1.1 200 OK\r\n")
        with contextlib.suppress(ConnectionError):
            while not release.is_set():
                writer.write(b"X: y\r\n")
                await writer.drain()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(release.wait(), 0.1)
            writer.write(b"Content-Length: 0\r\n\r\n")
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(drip, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        hanging = await AppriseChannel.open("phones", SecretStr(f"json://127.0.0.1:{port}/"), 5)
        first = await hanging.send(notification())
        second = await hanging.send(notification())
        release.set()
        async with asyncio.timeout(60):  # on a busy machine a message may hang once more
            while (third := await hanging.send(notification())).outcome is not Outcome.ACCEPTED:
                await asyncio.sleep(0.01)
    assert first.outcome is Outcome.AMBIGUOUS
    assert second == Delivery(Outcome.RETRY, "The message before this one is still hanging at the provider.")
    assert third.outcome is Outcome.ACCEPTED


async def test_a_destination_that_hangs_does_not_delay_another(sink: Sink) -> None:
    slow, quick = await channel(sink, "hang"), await channel(sink, "200")
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(slow.send(notification()))
        await sink.arrived.wait()
        assert (await quick.send(notification())).outcome is Outcome.ACCEPTED
        assert not waiting.done()
        sink.release.set()
    assert waiting.result().outcome is Outcome.ACCEPTED


async def test_messages_to_a_throttled_service_follow_each_other_at_once(sink: Sink) -> None:
    channel = await AppriseChannel.open("phones", SecretStr(f"ntfy://127.0.0.1:{sink.port}/topic"), 5)
    outcomes = [(await channel.send(notification())).outcome for _ in range(3)]
    assert outcomes == [Outcome.ACCEPTED] * 3  # with the throttle each would sleep beyond its timeout


async def test_a_cancelled_send_leaves_nothing_behind(sink: Sink) -> None:
    slow = await channel(sink, "hang")
    waiting = asyncio.create_task(slow.send(notification()))
    await sink.arrived.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    slow.close()


def test_a_hung_provider_does_not_hold_up_the_exit() -> None:
    program = """
import asyncio, socket
from pydantic import SecretStr
from alerting.apprise import AppriseChannel
from test_apprise import notification

peer = socket.create_server(("127.0.0.1", 0))

async def main():
    channel = await AppriseChannel.open("phones", SecretStr(f"json://127.0.0.1:{peer.getsockname()[1]}/"), 600)
    waiting = asyncio.create_task(channel.send(notification()))
    accepted = await asyncio.to_thread(peer.accept)
    waiting.cancel()
    channel.close()
    return accepted

accepted = asyncio.run(main())
"""
    here = Path(__file__).parent
    # The read timeout is 300 s: the interpreter would wait for it if it waited for the thread.
    subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        timeout=150,
        env=os.environ | {"PYTHONPATH": f"{here}{os.pathsep}{here.parent}"},
    )


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "foo://user:hunter2@example.org/tok",
        "json://",
        "slack://hunter2",
        "json://example.org?method=hunter2",
        "xmpp://user:hunter2@example.org",
    ],
)
async def test_a_url_that_cannot_be_used_is_refused_by_the_destinations_name(url: str, logged: list[str]) -> None:
    with pytest.raises(ValueError, match="destination phones") as caught:
        await AppriseChannel.open("phones", SecretStr(url))
    assert "hunter2" not in f"{caught.value} {logged}"


@pytest.mark.parametrize("what", ["401", "302", "500", "reset", "200"])
async def test_no_part_of_the_url_is_said_or_logged(sink: Sink, what: str, logged: list[str]) -> None:
    url = f"json://joe:hunter2@127.0.0.1:{sink.port}/{what}/s3cr3tpath?+X-Token=t0k3nvalue&-q=qu3ryvalue&:field=f13ldvalue"
    channel = await AppriseChannel.open("phones", SecretStr(url))
    delivery = await channel.send(notification())
    seen = f"{delivery} {channel.shown} {channel!r} {logged}"
    assert [
        secret for secret in ("hunter2", "s3cr3tpath", "t0k3nvalue", "qu3ryvalue", "f13ldvalue") if secret in seen
    ] == []


async def test_a_secret_in_the_providers_words_is_masked() -> None:
    # A mail server's refusal names the recipient, who is part of the URL.
    async with mail_server(refuse=b"550 no such user\r\n") as (port, _):
        channel = await mail_channel(port)
        delivery = await channel.send(notification())
    assert delivery.outcome is Outcome.DEAD
    assert "550" in delivery.words
    assert "manager" not in delivery.words


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("json://joe:hunter2@nas:8080/path", "json://nas"),
        ("mailto://joe:hunter2@example.org", "mailto://example.org"),
        ("ntfy://push.example.org/topic", "ntfy://push.example.org"),
        ("ntfy://secrettopic", "ntfy://"),
        ("discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js", "discord://"),
        ("tgram://123456789:abcdefg_hijklmnop/12315544/", "tgram://"),
    ],
)
async def test_people_see_scheme_and_host_but_never_a_token(url: str, shown: str) -> None:
    assert (await AppriseChannel.open("phones", SecretStr(url))).shown == shown


async def test_a_text_too_long_for_the_service_is_one_message_that_says_so(sink: Sink) -> None:
    url = SecretStr(f"ntfy://127.0.0.1:{sink.port}/topic?overflow=split")
    channel = await AppriseChannel.open("phones", url)
    assert (await channel.send(notification(body="x" * 50_000, title="t" * 500))).outcome is Outcome.ACCEPTED
    assert len(sink.got) == 1
    assert len(sink.got[0]["title"] + "\r\n" + sink.got[0]["message"]) == 7800
    assert sink.got[0]["message"].endswith("x… (shortened)")
    assert sink.got[0]["title"].endswith("t… (shortened)")


async def test_a_service_without_titles_has_room_for_the_title_in_the_body() -> None:
    import apprise

    plugin = apprise.Apprise.instantiate("irc://joe@irc.example.org/%23desk")
    assert plugin is not None
    title, body = fit(plugin, "Critical", "x" * 1000)
    assert len(f"{title}\r\n{body}") == plugin.body_maxlen
    assert fit(plugin, "Critical", "short") == ("Critical", "short")


async def test_a_name_with_markup_stays_text_in_a_mail() -> None:
    async with mail_server() as (port, mails):
        delivery = await (await mail_channel(port)).send(notification(body="<b>Door</b> & <script>alert(1)</script>"))
        assert delivery.outcome is Outcome.ACCEPTED
        mail = message_from_bytes(await mails.get(), policy=policy.default)
    assert [part.get_content_type() for part in mail.walk()] == ["text/plain"]
    assert mail.get_content().strip() == "<b>Door</b> & <script>alert(1)</script>"


@pytest.mark.parametrize(
    ("refusal", "outcome"),
    [(b"550 no such user\r\n", Outcome.DEAD), (b"451 try again later\r\n", Outcome.RETRY)],
)
async def test_a_mail_servers_code_says_whether_trying_again_can_help(refusal: bytes, outcome: Outcome) -> None:
    async with mail_server(refuse=refusal) as (port, _):
        assert (await (await mail_channel(port)).send(notification())).outcome is outcome


async def test_a_mail_server_that_never_greets_is_not_taken_for_success() -> None:
    async with mail_server(silent=True) as (port, _):
        delivery = await (await mail_channel(port, timeout=2)).send(notification())
    assert delivery.outcome is Outcome.AMBIGUOUS


def record(message: str, level: int = logging.WARNING) -> logging.LogRecord:
    return logging.LogRecord("apprise", level, __file__, 1, message, None, None)


@pytest.mark.parametrize(
    ("messages", "outcome"),
    [
        ([], Outcome.RETRY),
        (["The service is currently disabled"], Outcome.DEAD),
        (["Failed to send: Unauthorized, error=401."], Outcome.DEAD),
        (["Failed to send: error=503.", "The token is invalid"], Outcome.RETRY),
        (["Socket Exception: Connection to x timed out. (connect timeout=4.0)"], Outcome.RETRY),
        (["Socket Exception: Read timed out. (read timeout=4.0)"], Outcome.AMBIGUOUS),
        (["Socket Exception: (535, b'5.7.8 bad credentials')"], Outcome.DEAD),
        (["Socket Exception: (421, b'too busy')"], Outcome.RETRY),
    ],
)
def test_a_failure_is_judged_by_what_was_logged(messages: list[str], outcome: Outcome) -> None:
    levels = {True: logging.DEBUG, False: logging.WARNING}
    records = [record(message, levels[message.startswith("Socket")]) for message in messages]
    assert judge(False, records).outcome is outcome


def test_words_of_the_message_itself_are_not_taken_for_the_reason() -> None:
    records = [record("JSON Payload: {'message': 'Read timed out, error=401'}", logging.DEBUG)]
    assert judge(False, records) == Delivery(Outcome.RETRY, "Apprise did not say why it failed.")


async def mail_channel(port: int, timeout: float = 60) -> AppriseChannel:
    url = f"mailto://127.0.0.1:{port}/?from=deskwatch@example.org&to=manager@example.net&mode=insecure"
    return await AppriseChannel.open("mail", SecretStr(url), timeout)


@contextlib.asynccontextmanager
async def mail_server(refuse: bytes = b"", silent: bool = False) -> AsyncIterator[tuple[int, asyncio.Queue[bytes]]]:
    """Just enough SMTP (RFC 5321) to take mail, or to `refuse` its recipients, or to be `silent`."""
    mails: asyncio.Queue[bytes] = asyncio.Queue()
    over = asyncio.Event()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if silent:
            await over.wait()
        else:
            writer.write(b"220 sink\r\n")
        while line := await reader.readline():
            match line.upper().split()[0]:
                case b"DATA":
                    writer.write(b"354 go on\r\n")
                    mails.put_nowait((await reader.readuntil(b"\r\n.\r\n"))[:-3])
                    writer.write(b"250 ok\r\n")
                case b"RCPT" if refuse:
                    writer.write(refuse)
                case b"QUIT":
                    writer.write(b"221 bye\r\n")
                case _:
                    writer.write(b"250 ok\r\n")
        writer.close()

    server = await asyncio.start_server(converse, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], mails
    finally:
        over.set()
        server.close()
        await server.wait_closed()
