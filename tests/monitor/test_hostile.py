"""Whatever devices, members and providers call themselves stays text in messages, terminals, logs and metrics."""

import asyncio
import csv
import io
import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer
from aiosmtpd.smtp import SMTP, Envelope, Session
from hypothesis import given
from hypothesis import strategies as st
from peers import hostile
from peers.hostile import TEXTS
from peers.ports import free_port
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr
from typer.testing import CliRunner

from alerting.apprise import AppriseChannel
from alerting.channels import Key, NoticeKind, Outcome
from alerting.gates import Gate, Hold
from alerting.rules import Episode, Phase, Rule, Severity
from incidents import lifecycle, messages
from incidents.incident import Incident, Told, Waiting
from incidents.review import Action
from language import LANGUAGES, speaking
from monitor import escaping
from monitor.cli import cli
from monitor.config import Config, load
from monitor.exposition import TEXT, Exposition, declared
from monitor.logs import log_to_stderr
from monitor.reading import read
from monitor.store import Store, incidents, silences
from monitor.wording import notification
from probes import Sample, Status
from probes import load as kind

NOW = datetime.now(UTC)


def written(folder: Path, text: str) -> Path:
    """A configuration in which the text stands wherever words are."""
    # What a file can hold: YAML has no NUL and no half surrogates.
    said = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "")
    check = {"kind": "internet.ping", "host": "127.0.0.1"}
    printer = {"id": "printer", "name": said, "affects": said, "remedy": said, "checks": [check]}
    site = {"id": "harbour", "name": said, "timezone": "Europe/Lisbon"}
    file = folder / "site.yaml"
    storage = {"url": f"sqlite:///{folder}/deskwatch.db"}
    file.write_text(yaml.safe_dump({"site": site, "storage": storage, "equipment": [printer]}))
    return file


def broken(config: Config, text: str) -> Incident:
    """An incident in which everybody has said the text."""
    asset = config.assets[0]
    rule = Rule(asset.checks[0].id, "down", text, Severity.CRITICAL, status=Status.DOWN)
    episode = Episode("e1", rule.check, rule.id, rule.severity, Phase.FIRING, NOW, NOW, fired=NOW, detail=text)
    says = messages.says(asset.name, rule, episode)
    one = lifecycle.opened("01A", asset.id, messages.title(asset.name, rule), episode, says, ()).incident
    held = Waiting("chat", "e1", NOW, Hold(Gate.SILENCE, "s1", NOW, text))
    todo = Action("a1", "01A", text, text, NOW.date(), NOW, text)
    one = replace(
        lifecycle.note(one, text, text, NOW).incident, waiting=(held,), actions=(todo,), told=(Told("chat", "e1"),)
    )
    return replace(hostile.spoilt(one, text), title=one.title)


@pytest.fixture(params=TEXTS.values(), ids=TEXTS.keys())
def text(request: pytest.FixtureRequest) -> str:
    """What something calls itself."""
    return request.param


class Mailbox:
    """Takes mail."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - the library's
        assert isinstance(envelope.content, bytes)
        found = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(found, EmailMessage)
        self.mails.append(found)
        return "250 OK"


@pytest.fixture
async def mailbox() -> AsyncIterator[tuple[int, Mailbox]]:
    box, port = Mailbox(), free_port()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(box, enable_SMTPUTF8=True, hostname="sink", loop=loop), "127.0.0.1", port
    )
    yield port, box
    server.close()


KINDS = (NoticeKind.FIRING, NoticeKind.REPEAT, NoticeKind.RESOLVED)


async def test_a_mail_has_one_subject_and_its_parts_are_text(text: str, tmp_path: Path, mailbox) -> None:
    port, box = mailbox
    config = load(written(tmp_path, text))
    for shape in ("text", "html"):
        url = f"mailto://127.0.0.1:{port}/?from=us@example.org&to=ana@example.net&mode=insecure&format={shape}"
        channel = await AppriseChannel.open("mail", SecretStr(url))
        for language in LANGUAGES:
            with speaking(language):
                for number, one in enumerate(KINDS):
                    made = notification(config, broken(config, text), Key("e1", "mail", one, number), None, NOW)
                    delivery = await channel.send(made)
                    assert delivery.outcome is Outcome.ACCEPTED, delivery.words
    assert len(box.mails) == len(KINDS) * len(LANGUAGES) * 2
    for mail in box.mails:
        assert set(mail.keys()) & {"Bcc", "Cc"} == set()
        assert len(mail.get_all("Subject")) == len(mail.get_all("To")) == 1
        assert not hostile.OBEYED.search(mail["Subject"])
        assert "\n" not in mail["Subject"]
        for part in (part for part in mail.walk() if not part.is_multipart()):
            said = part.get_content()
            assert len(said) < 8000
            assert not hostile.OBEYED.search(said.replace("\r\n", "\n"))
            assert part.get_content_type() != "text/html" or hostile.intrusions(said.replace("\r\n", "\n")) == []


@asynccontextmanager
async def chat() -> AsyncIterator[tuple[int, list[Any]]]:
    """A service that takes messages: its port, and what it was sent."""
    got: list[Any] = []

    async def take(request: web.Request) -> web.Response:
        got.append(await request.json())
        return web.Response()

    app = web.Application()
    app.router.add_post("/{path:.*}", take)
    async with TestServer(app) as server:
        assert server.port is not None
        yield server.port, got


async def test_a_chat_is_sent_one_line_for_each_of_ours(text: str, tmp_path: Path) -> None:
    config = load(written(tmp_path, text))
    async with chat() as (port, got):
        channel = await AppriseChannel.open("chat", SecretStr(f"json://127.0.0.1:{port}/"))
        made = notification(config, broken(config, text), Key("e1", "chat", NoticeKind.FIRING, 0), None, NOW)
        assert (await channel.send(made)).outcome is Outcome.ACCEPTED
    (payload,) = got
    assert not any(hostile.OBEYED.search(one) for one in hostile.strings(payload))
    assert "\n" not in payload["title"]
    assert len(payload["message"].splitlines()) < 10
    assert len(payload["message"]) < 4000


CALLS = (
    "@everyone <!channel> <@U1> [Your bank](http://pwn.example) <http://pwn.example|Your bank> <b>now</b> @here "
    "**pay** _at_ ~~your~~ `counter`"
)


async def test_a_chat_reads_no_link_no_tag_no_mark_and_no_call_to_everybody_in_a_name(tmp_path: Path) -> None:
    config = load(written(tmp_path, CALLS))
    made = notification(config, broken(config, CALLS), Key("e1", "chat", NoticeKind.FIRING, 0), None, NOW)
    async with chat() as (port, got):
        url = f"mmost://127.0.0.1:{port}/3ccdd113474722377935511fc8"
        channel = await AppriseChannel.open("chat", SecretStr(url))
        assert (await channel.send(made)).outcome is Outcome.ACCEPTED
    said = json.dumps(got)
    assert "@ everyone < !channel> < @U1> [Your bank] (http" in said
    assert r"\*\*pay\*\* \_at\_ \~\~your\~\~ \`counter\`" in got[0]["text"]
    assert not [one for one in ("@everyone", "@here", "](", "<!", "<@", "<b", "<h", "**") if one in said]


COMMANDS = (
    ("status",),
    ("status", "--json"),
    ("incidents", "list"),
    ("incidents", "list", "--json"),
    ("incidents", "show", "01A"),
    ("incidents", "show", "01A", "--json"),
    *(("incidents", "export", "01A", "--format", shape) for shape in ("text", "md", "csv", "json", "html")),
    ("silence", "list"),
    ("silence", "list", "--json"),
    ("why", "printer/ping"),
    ("check",),
)
"""What is typed to read what others have said."""


@pytest.mark.parametrize("name", ["attribute", "direction"])
def test_a_terminal_is_told_nothing_that_it_obeys(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = TEXTS[name]
    site = written(tmp_path, text)
    asyncio.run(_fill(load(site), text))
    monkeypatch.chdir(tmp_path)
    for words in COMMANDS:
        ended = CliRunner().invoke(cli, words, env={"COLUMNS": "200"})
        assert ended.exit_code in (0, 1), (words, ended.output, ended.exception)
        found = hostile.OBEYED.findall(ended.output.replace("\r\n", "\n"))
        assert found == [], words
        if "--json" in words or "json" in words:
            json.loads(ended.output)


async def _fill(config: Config, text: str) -> None:
    store = await Store.open(config.storage.url.get_secret_value())
    async with store.begin() as conn:
        await incidents.save(conn, broken(config, text))
        silence = silences.Silence("01S", (), NOW, NOW + timedelta(hours=1), text, text, NOW)
        await silences.save(conn, silence)
    await hostile.spoil_store(store, text)
    await store.close()


@contextmanager
def logged() -> Iterator[io.StringIO]:
    """What stands on standard error meanwhile; pytest keeps none of it, as it cannot send half characters on."""
    written = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stderr", written)
        patch.setattr(logging.getLogger(), "handlers", [])
        log_to_stderr()
        yield written


def test_an_event_is_one_line_of_the_log_whatever_it_is_about(text: str) -> None:
    with logged() as log:
        logging.getLogger("monitor.test").warning("a check failed", extra={"detail": text, "check": text})
        logging.getLogger("library").warning("peer said %s", text)
        assert len(log.getvalue().split("\n")) == 3
        try:
            raise ValueError(text)
        except ValueError:
            logging.getLogger("monitor.test").exception("it broke")
    assert not hostile.OBEYED.search(log.getvalue())


async def test_a_name_that_a_probe_found_can_stand_in_a_label(text: str) -> None:
    ping = kind("internet.ping")

    class Told(ping):
        async def measure(self, timeout: float):
            return text, (Sample("probe_icmp_duration_seconds", 0.01, text),)

    reading = await read("fibre/ping", Told(ping.Params(host="127.0.0.1"), None), 1)
    assert not hostile.OBEYED.search(reading.detail)
    found = Exposition()
    found.add_reading(declared(ping), 'asset="fibre"', reading)
    shown = "".join((*found.text(TEXT), TEXT.end)).encode()
    (family,) = text_string_to_metric_families(shown.decode())
    (sample,) = family.samples
    assert set(sample.labels) == {"asset", "phase"}
    assert not hostile.OBEYED.search(sample.labels["phase"])
    assert len(sample.labels["phase"]) <= 500


@given(st.text())
def test_no_cell_is_a_formula_and_no_json_obeyed(text: str) -> None:
    (row,) = csv.reader(io.StringIO(escaping.as_csv([(text, 7)]), newline=""))
    assert not hostile.is_formula(row[0]) or row[0] == ""
    assert not hostile.OBEYED.search(row[0])
    assert row[1] == "7"
    written = escaping.as_json({text: [text]})
    assert not hostile.OBEYED.search(written)
    assert not any(hostile.OBEYED.search(one) for one in hostile.strings(json.loads(written)))
