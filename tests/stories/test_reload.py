"""The configuration changes while the service runs."""

import json
import signal

import aiohttp
from stories.conftest import Deskwatch, Sink, Target, until


async def test_a_bad_file_changes_nothing_and_shows_in_the_answer_and_the_metric(
    deskwatch: Deskwatch, target: Target
) -> None:
    await deskwatch.start()
    good = deskwatch.config.read_text()
    deskwatch.config.write_text(good.replace("interval:", "intervall:"))
    status, body = await _reload(deskwatch)
    assert status == 500
    assert "site.yaml:17" in body
    assert "did you mean `interval`?" in body
    assert "deskwatch_config_last_reload_successful 0.0" in (await deskwatch.get("/metrics"))[1]
    asked = target.asked

    async def still_asks() -> bool:
        return target.asked > asked + 1

    await until(still_asks, "the old check to go on")

    deskwatch.config.write_text(good)
    assert (await _reload(deskwatch))[0] == 200
    assert "deskwatch_config_last_reload_successful 1.0" in (await deskwatch.get("/metrics"))[1]


async def test_sighup_adds_and_removes_checks_and_the_series_follow(deskwatch: Deskwatch, target: Target) -> None:
    await deskwatch.start()
    text = deskwatch.config.read_text()
    deskwatch.config.write_text(text.replace("booking-system", "booking-portal"))
    assert deskwatch.process
    deskwatch.process.send_signal(signal.SIGHUP)

    async def renamed() -> bool:
        metrics = (await deskwatch.get("/metrics"))[1]
        return 'asset="booking-portal"' in metrics and 'asset="booking-system"' not in metrics

    await until(renamed, "the series to be renamed")


async def test_an_incident_of_a_check_that_is_no_longer_watched_is_closed_and_says_why(
    deskwatch: Deskwatch, target: Target, sink: Sink
) -> None:
    await deskwatch.start()
    target.status = 503

    async def told() -> bool:
        return bool(sink.messages)

    await until(told, "the message")
    text = deskwatch.config.read_text()
    deskwatch.config.write_text(
        text.replace("booking-system", "booking-portal").replace("http://", "http://127.0.0.1:1/?")
    )
    assert (await _reload(deskwatch))[0] == 200

    async def closed() -> bool:
        listed = json.loads((await deskwatch.types("incidents", "list", "--json"))[1])
        return any(one["asset"] == "booking-system" and one["stage"] == "resolved" for one in listed)

    await until(closed, "the incident to be closed", every=1)


async def _reload(deskwatch: Deskwatch) -> tuple[int, str]:
    async with aiohttp.ClientSession() as client, client.post(f"{deskwatch.url}/-/reload") as answer:
        return answer.status, await answer.text()
