"""`deskwatch notify-test`: what the provider says and what the message looks like."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from aiohttp import web
from peers.ports import free_port
from pydantic import SecretStr
from typer.testing import CliRunner

from alerting.hours import OpeningHours
from monitor.cli import cli
from monitor.config.model import Config, Server, Site, Storage
from monitor.trials import trial_lines, tried

SITE = Site("harbour", "Harbour Street", OpeningHours(ZoneInfo("Europe/Lisbon"), ((),) * 7), 120)
CONFIG = """\
site: {id: harbour, name: Harbour Street, timezone: Europe/Lisbon, capacity: 120}
routes:
  - {id: chat, to: "${env:CHAT}"}
"""


@pytest.fixture
async def provider() -> AsyncIterator[str]:
    """Takes what is sent to /good and refuses the rest; yields its address."""

    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=200 if request.path == "/good" else 403, text="invalid_token")

    app = web.Application()
    app.router.add_post("/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"json://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_each_destination_is_tried_and_shows_the_providers_words_and_the_message(provider: str) -> None:
    urls = {"chat": SecretStr(f"{provider}/good"), "ana/phone": SecretStr(f"{provider}/bad")}
    config = Config(SITE, (), (), urls, Server(), Storage(SecretStr("")))
    chat, phone = await tried(config, "")
    assert (chat["destination"], chat["at"], chat["outcome"]) == ("chat", "json://127.0.0.1", "accepted")
    lines = trial_lines(phone)
    assert lines[0].startswith("ana/phone at json://127.0.0.1: rejected after ")
    assert "error=403. It said: invalid_token" in lines[1]
    assert lines[3] == "    Test message to ana/phone"
    assert lines[4].startswith("    This is a test from Deskwatch at Harbour Street")


async def test_a_destination_that_is_not_there_is_named_with_those_that_are() -> None:
    config = Config(SITE, (), (), {"chat": SecretStr("")}, Server(), Storage(SecretStr("")))
    with pytest.raises(ValueError, match="no destination `chatt`; there are chat"):
        await tried(config, "chatt")


def test_the_command_ends_with_1_when_a_provider_does_not_take_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHAT", f"json://127.0.0.1:{free_port()}/")
    path = tmp_path / "site.yaml"
    path.write_text(CONFIG)
    shown = CliRunner().invoke(cli, ["notify-test", "chat", str(path)])
    assert shown.exit_code == 1
    assert "chat at json://127.0.0.1: rejected for now" in shown.output
    assert "Connection refused" in shown.output
    printed = CliRunner().invoke(cli, ["notify-test", "chat", str(path), "--json"])
    (result,) = json.loads(printed.stdout)
    assert result["outcome"] == "retry"
    assert result["title"] == "Test message to chat"
