"""Apprise as a channel to real servers: mail to aiosmtpd, MQTT to mosquitto, IRC to ngircd."""

import asyncio
import contextlib
import queue
from collections.abc import AsyncIterator, Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from peers.ports import free_port
from peers.servers import mosquitto, ngircd
from peers.tcp import serving
from pydantic import SecretStr

from alerting.apprise import AppriseChannel
from alerting.channels import Delivery, Key, NoticeKind, Notification, Outcome
from alerting.rules import Severity

FIRING = Key("episode", "it", NoticeKind.FIRING, 0)
BODY = "How we know: <b>Door</b> & no answer.\nWhat to do: go there."
ALERT = Notification(FIRING, Severity.CRITICAL, "Critical: Door is down", BODY)


async def sent(url: str, notification: Notification = ALERT, timeout: float = 60) -> Delivery:
    channel = await AppriseChannel.open("it", SecretStr(url), timeout)
    try:
        return await channel.send(notification)
    finally:
        channel.close()


class Mailbox:
    """What the mail server took; it refuses recipients of the domain refused.test with that code."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.refusal = "550 5.1.1 no such user"

    async def handle_RCPT(  # noqa: N802 - the server's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address.endswith("@refused.test"):
            return self.refusal
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.mails.append(message_from_bytes(envelope.content or b"", EmailMessage, policy=policy.default))
        return "250 ok"


@contextlib.asynccontextmanager
async def mail_server(mailbox: Mailbox) -> AsyncIterator[str]:
    """Yields the URL of a destination behind it, without the recipient's domain."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(mailbox, hostname="mail.test", loop=loop), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield f"mailto://127.0.0.1:{port}/?from=deskwatch@example.org&mode=insecure&to=manager@"


async def test_a_mail_is_plain_text_with_the_title_as_its_subject() -> None:
    mailbox = Mailbox()
    async with mail_server(mailbox) as url:
        assert (await sent(f"{url}example.net")).outcome is Outcome.ACCEPTED
    (mail,) = mailbox.mails
    assert mail["Subject"] == ALERT.title
    assert [part.get_content_type() for part in mail.walk()] == ["text/plain"]
    assert mail.get_content().splitlines() == BODY.splitlines()


@pytest.mark.parametrize(
    ("refusal", "outcome"),
    [("550 5.1.1 no such user", Outcome.DEAD), ("451 4.3.0 try again later", Outcome.RETRY)],
)
async def test_the_mail_servers_code_decides(refusal: str, outcome: Outcome) -> None:
    mailbox = Mailbox()
    mailbox.refusal = refusal
    async with mail_server(mailbox) as url:
        delivery = await sent(f"{url}refused.test")
    assert delivery.outcome is outcome
    assert refusal[:3] in delivery.words


class Listener:
    """A subscriber to everything on a broker."""

    def __init__(self, port: int) -> None:
        self.got: queue.Queue[bytes] = queue.Queue()
        self._there = queue.Queue[None]()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.on_connect = lambda *_: self._client.subscribe("#", qos=1)
        self._client.on_subscribe = lambda *_: self._there.put(None)
        self._client.on_message = lambda _client, _data, message: self.got.put(message.payload)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._there.get(timeout=60)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@contextlib.contextmanager
def listening(port: int) -> Iterator[Listener]:
    listener = Listener(port)
    try:
        yield listener
    finally:
        listener.close()


async def test_an_mqtt_broker_hands_each_message_on_once(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as port, listening(port) as listener:
        for _ in range(2):
            assert (await sent(f"mqtt://127.0.0.1:{port}/desk?qos=1")).outcome is Outcome.ACCEPTED
        got = [await asyncio.to_thread(listener.got.get, timeout=60) for _ in range(2)]
        assert listener.got.empty()
    assert got[0] == got[1]
    assert BODY.splitlines()[0] in got[0].decode()


async def test_an_mqtt_broker_that_went_away_gets_only_what_is_sent_after_its_return(tmp_path: Path) -> None:
    port = free_port()
    channel = await AppriseChannel.open("it", SecretStr(f"mqtt://127.0.0.1:{port}/desk?qos=1"), 10)
    with mosquitto(tmp_path, port):
        assert (await channel.send(ALERT)).outcome is Outcome.ACCEPTED
    away = [(await channel.send(ALERT)).outcome for _ in range(2)]
    assert Outcome.ACCEPTED not in away
    with mosquitto(tmp_path, port), listening(port) as listener:
        while (back := await channel.send(ALERT)).outcome is Outcome.RETRY:  # the one before may hang until it gives up
            await asyncio.sleep(0.05)
        assert back.outcome is Outcome.ACCEPTED
        await asyncio.to_thread(listener.got.get, timeout=60)
        assert listener.got.empty()
    channel.close()


async def test_an_mqtt_broker_that_lets_us_not_in_is_not_taken_for_success(tmp_path: Path) -> None:
    with mosquitto(tmp_path, passwords="somebody:$7$101$c2FsdA==$aGFzaA==\n") as port:
        delivery = await sent(f"mqtt://joe:hunter2@127.0.0.1:{port}/desk?qos=1", timeout=6)
    assert delivery.outcome is Outcome.AMBIGUOUS
    assert "hunter2" not in delivery.words


@contextlib.asynccontextmanager
async def in_channel(port: int) -> AsyncIterator[asyncio.StreamReader]:
    """Somebody who listens in #desk."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"NICK ana\r\nUSER ana 0 * :Ana\r\nJOIN #desk\r\n")
    await reader.readuntil(b" 366 ")  # the end of the list of names: she is in
    try:
        yield reader
    finally:
        writer.close()
        await writer.wait_closed()


async def test_irc_gets_each_line_and_no_command_hidden_in_it(tmp_path: Path) -> None:
    hostile = Notification(FIRING, Severity.CRITICAL, "Critical: Door", "no answer\r\nQUIT :injected\nthe end")
    with ngircd(tmp_path) as port:
        async with in_channel(port) as reader:
            assert (await sent(f"irc://127.0.0.1:{port}/%23desk", hostile)).outcome is Outcome.ACCEPTED
            lines = (await reader.readuntil(b"the end\r\n")).decode().splitlines()
    said = [line.partition(" PRIVMSG #desk :")[2] for line in lines if " PRIVMSG " in line]
    assert said == ["Critical: Door", "no answer", "QUIT :injected", "the end"]


async def test_an_irc_server_with_another_password_is_not_taken_for_success(tmp_path: Path) -> None:
    with ngircd(tmp_path, password="other") as port:
        delivery = await sent(f"irc://joe:hunter2@127.0.0.1:{port}/%23desk")
    assert delivery.outcome is Outcome.RETRY
    assert "hunter2" not in delivery.words


async def test_an_irc_server_that_never_answers_is_given_up_in_time() -> None:
    async def listen(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with serving(listen) as port:
        delivery = await sent(f"irc://127.0.0.1:{port}/%23desk", timeout=1)
    assert delivery.outcome in (Outcome.RETRY, Outcome.AMBIGUOUS)
