"""A silence, begun and ended on the command line beside the service that runs."""

import asyncio

from stories.conftest import Deskwatch, Sink, Target, until
from typer.testing import CliRunner

from monitor.cli import cli


async def test_a_silence_holds_a_message_back_until_it_is_ended_and_resolved_comes_too(
    deskwatch: Deskwatch, target: Target, sink: Sink
) -> None:
    site = str(deskwatch.config)
    conditions = ("rule=down", "--for", "1h", "--by", "Ana", "--comment", "a test")
    id = (await silence(deskwatch, "add", *conditions, "--site", site)).partition(":")[0]
    target.status = 500
    await deskwatch.start()
    await until(lambda: is_open(deskwatch), "the incident")
    assert sink.messages == []
    await silence(deskwatch, "expire", id, site)
    await until(lambda: has_heard(sink, "Critical"), "the message that was held back")
    target.status = 200
    await until(lambda: has_heard(sink, "Resolved"), "the end")


async def silence(deskwatch: Deskwatch, *words: str) -> str:
    """What the command says; it runs here, as another interpreter would cost a second of processor time."""
    ended = await asyncio.to_thread(CliRunner().invoke, cli, ["silence", *words], env=deskwatch.env)
    assert ended.exit_code == 0, ended.output
    return ended.output


async def is_open(deskwatch: Deskwatch) -> bool:
    return 'deskwatch_incidents_open{severity="critical"} 1' in (await deskwatch.get("/metrics"))[1]


async def has_heard(sink: Sink, word: str) -> bool:
    return any(title.startswith(word) for title in sink.titles())
