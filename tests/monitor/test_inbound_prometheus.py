"""A real Prometheus that takes Deskwatch for its Alertmanager."""

import json
from datetime import datetime
from pathlib import Path

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from peers.ports import free_port
from peers.prometheus import prometheus
from peers.service import until, watching

from monitor.store import incidents

TOKEN = "a-token-of-the-test"

SITE = """\
site: {id: harbour, name: Harbour Street, timezone: Europe/Lisbon, capacity: 60}
server: {listen: "127.0.0.1:SERVER", token: "${env:TOKEN}"}
rooms:
  - {id: boardroom, name: Boardroom, checks: [{kind: internet.tcp, host: 127.0.0.1, port: SERVER}]}
"""

RULES = {
    "groups": [
        {
            "name": "room",
            "rules": [
                {
                    "alert": "TooHot",
                    "expr": "last_over_time(temperature[5m]) > 30",  # a scrape may come too late
                    "for": "2s",
                    "labels": {"severity": "page", "asset": "boardroom"},
                    "annotations": {"summary": "It has {{ $value }} degrees", "description": "Open a window."},
                }
            ],
        }
    ]
}


class Between:
    """A thermometer, and the wire from Prometheus to Deskwatch: it notes what passes, and can break."""

    def __init__(self, port: int) -> None:
        self.degrees = 21
        self.broken = False
        self.refused: list[str] = []
        self.answers: list[int] = []
        self.starts: list[str] = []
        self._port = port

    async def measure(self, _request: web.Request) -> web.Response:
        return web.Response(text=f"temperature {self.degrees}\n")

    async def pass_on(self, request: web.Request) -> web.Response:
        if self.broken:
            self.refused += [alert["startsAt"] for alert in await request.json()]
            return web.Response(status=500)
        body = await request.read()
        headers = {name: request.headers[name] for name in ("Authorization", "Content-Type")}
        url = f"http://127.0.0.1:{self._port}{request.path}"
        async with ClientSession() as client, client.post(url, data=body, headers=headers) as answer:
            self.answers.append(answer.status)
            self.starts += [alert["startsAt"] for alert in json.loads(body)]
            return web.Response(status=answer.status, body=await answer.read())


async def test_a_firing_alert_is_one_incident_through_errors_repeats_and_a_restart_of_prometheus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", TOKEN)
    port, own = free_port(), free_port()
    (tmp_path / "site.yaml").write_text(SITE.replace("SERVER", str(own)))
    rules = tmp_path / "rules.json"
    rules.write_text(json.dumps(RULES))
    between, wire = Between(own), web.Application()
    wire.router.add_get("/metrics", between.measure)
    wire.router.add_post("/api/v2/alerts", between.pass_on)

    async with watching(tmp_path / "site.yaml") as app, TestServer(wire) as server:

        async def log() -> list[tuple[str, str, str, int]]:
            async with app.store.connect() as conn:
                found = await incidents.page(conn)
            return [(one.asset, one.title, str(one.stage), len(one.firing)) for one in found]

        address = f"{server.host}:{server.port}"
        settings = (tmp_path, port, address, rules, address, TOKEN)
        async with prometheus(*settings) as source:
            await until(lambda: source.query("temperature"), "the first scrape")
            between.degrees, between.broken = 31, True
            pending = 'ALERTS{alertstate="pending"}[5m]'
            await until(lambda: source.query(pending), "the alert to be pending")

            async def refused() -> bool:
                return bool(between.refused)

            await until(refused, "an alert that met an error")
            (waited,) = await source.query(pending)
            fired = datetime.fromisoformat(between.refused[0]).timestamp()
            assert round(fired - waited["values"][0][0], 3) >= 2, "what is pending is not sent"
            assert await log() == []
            between.broken = False
            title = "Boardroom has an alert: It has 31 degrees"
            fires = [("boardroom", title, "open", 1)]
            assert await until(log, "the incident, as Prometheus sends again") == fires
            first = set(between.starts)
        async with prometheus(*settings):

            async def begins_anew() -> bool:
                return len(set(between.starts)) > len(first)

            await until(begins_anew, "the alert after the restart, which has another beginning")
            assert await log() == fires, "no second incident"
            between.degrees = 20

            async def over() -> bool:
                return (await log())[0][2] != "open"

            await until(over, "the end")
            seen = len(between.answers)

            async def repeated() -> bool:
                return len(between.answers) > seen

            await until(repeated, "a repeat of the end")
            assert len(await log()) == 1
        assert set(between.answers) == {200}
        assert len(between.answers) >= 4, "it was told again and again"
