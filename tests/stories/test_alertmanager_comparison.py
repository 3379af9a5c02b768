"""Alertmanager 0.25 and Deskwatch get the same alerts: whom they tell when a silence or a kill comes in between."""

import signal
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from peers.alertmanager import Alertmanager, alertmanagers
from peers.ports import free_port
from peers.service import until, watching
from stories.conftest import Deskwatch, Sink

from alerting.gates import Matcher, Silence

DOOR = {"labels": {"alertname": "DoorDown", "door": "street"}, "annotations": {"summary": "No answer"}}
OTHER = {"labels": {"alertname": "Other", "severity": "critical"}}
SITE = """\
site: {id: harbour, name: Harbour Street, timezone: Europe/Lisbon}
server: {listen: "127.0.0.1:PORT"}
routes: [{id: chat, to: "${env:CHAT}", repeat: never}]
"""
TOLD, OVER, AGAIN = (
    f"{word}: DoorDown has an alert: No answer (Harbour Street)" for word in ("Warning", "Resolved", "Warning again")
)


class Pager:
    """What an Alertmanager tells people: status and name of each message."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []

    async def take(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.heard.append((body["status"], body["commonLabels"]["alertname"]))
        return web.Response()

    def about_the_door(self) -> list[str]:
        return [status for status, name in self.heard if name == "DoorDown"]

    async def hears(self, status: str, name: str, times: int = 1) -> None:
        async def found() -> bool:
            return self.heard.count((status, name)) >= times

        await until(found, f"{times} x {status} {name}, heard {self.heard}")


@pytest.fixture
async def pager() -> AsyncIterator[tuple[Pager, str]]:
    """Somebody whom an Alertmanager pages, and the address."""
    person, app = Pager(), web.Application()
    app.router.add_post("/", person.take)
    async with TestServer(app) as server:
        yield person, str(server.make_url("/"))


async def post(url: str, *alerts: Mapping[str, Any]) -> None:
    async with aiohttp.ClientSession() as client, client.post(f"{url}/api/v2/alerts", json=alerts) as answer:
        answer.raise_for_status()


async def hears(sink: Sink, title: str, times: int = 1) -> None:
    async def found() -> bool:
        return sink.titles().count(title) >= times

    await until(found, f"{times} x {title}, heard {sink.titles()}")


def over(alert: Mapping[str, Any]) -> dict[str, Any]:
    return {**alert, "endsAt": datetime.now(UTC).isoformat()}


async def require_0_25(found: Alertmanager) -> None:
    version = (await found.get("status"))["versionInfo"]["version"]
    if not version.startswith("0.25."):
        pytest.skip(f"this is Alertmanager {version}; the page compares with 0.25")


async def several_intervals(peer: Alertmanager, person: Pager, times: int) -> None:
    """As long as it takes to tell of another alert and of its end: more than a group's interval, here 1 s."""
    await post(peer.url, OTHER)
    await person.hears("firing", "Other", times)
    await post(peer.url, over(OTHER))
    await person.hears("resolved", "Other", times)


async def test_a_fault_that_ends_in_a_silence_and_begins_again(
    tmp_path: Path, pager: tuple[Pager, str], sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHAT", f"json://{sink.address}/")
    (person, address), port = pager, free_port()
    ours = f"http://127.0.0.1:{port}"
    site = tmp_path / "site.yaml"
    site.write_text(SITE.replace("PORT", str(port)))
    async with (
        alertmanagers(tmp_path, [free_port(), free_port()], {address: ""}) as (peer,),
        watching(site) as app,
    ):
        await require_0_25(peer)
        await post(peer.url, DOOR)
        await post(ours, DOOR)
        await person.hears("firing", "DoorDown")
        await hears(sink, TOLD)
        begins, ends = datetime.now(UTC), datetime.now(UTC) + timedelta(hours=1)
        theirs = await peer.silence("door", "street", begins.isoformat(), ends.isoformat())
        about = (Matcher("rule", "=", "DoorDown"),)
        await app.silence(Silence("S", about, begins, ends, "Ana", "a test", begins))

        await post(peer.url, over(DOOR))
        await post(ours, over(DOOR))

        async def is_over() -> bool:
            return not await peer.get("alerts?filter=alertname%3DDoorDown")

        await until(is_over, "the end in the silence")
        await several_intervals(peer, person, 1)
        await peer.unsilence(theirs)
        await app.unsilence("S", "Ana")
        await several_intervals(peer, person, 2)

        await post(peer.url, DOOR)
        await post(ours, DOOR)
        await several_intervals(peer, person, 3)
        await hears(sink, AGAIN)
        assert len(await peer.get("alerts?filter=alertname%3DDoorDown&active=true&silenced=false")) == 1
    assert sink.titles() == [TOLD, OVER, AGAIN]
    assert person.about_the_door() == ["firing"], "0.25 tells neither the end nor the second time"


async def test_a_kill_after_people_were_told(
    tmp_path: Path, pager: tuple[Pager, str], sink: Sink, deskwatch: Deskwatch
) -> None:
    person, address = pager
    deskwatch.write(SITE)
    async with alertmanagers(tmp_path, [free_port(), free_port()], {address: ""}) as (peer,):
        await require_0_25(peer)
        await deskwatch.start()
        await post(peer.url, DOOR)
        await post(deskwatch.url, DOOR)
        await person.hears("firing", "DoorDown")
        await hears(sink, TOLD)
        await until(deskwatch.has_noted_a_delivery, "the message to be written down as delivered")
        await peer.end(signal.SIGKILL)
        await deskwatch.end(signal.SIGKILL)
        await peer.start()
        await deskwatch.start()
        await post(peer.url, DOOR)
        await post(deskwatch.url, DOOR)
        await person.hears("firing", "DoorDown", times=2)
        await post(deskwatch.url, over(DOOR))
        await hears(sink, OVER)
    assert sink.titles() == [TOLD, OVER]
    assert person.about_the_door() == ["firing", "firing"], "0.25 pages again"
