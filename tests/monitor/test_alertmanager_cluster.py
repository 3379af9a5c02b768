"""Deskwatch beside three real Alertmanagers: what it tells them, and what they tell it."""

import asyncio
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from peers.alertmanager import alertmanagers
from peers.ports import free_port
from peers.service import until as wait_until
from peers.service import watching

from monitor.app import App
from monitor.store import incidents

TOKEN = "a-token-of-the-test"

SITE = """\
site: {id: harbour, name: Harbour Street, timezone: Europe/Lisbon, capacity: 60}
server: {listen: "127.0.0.1:SERVER", url: "http://127.0.0.1:SERVER", token: "${env:TOKEN}"}
alertmanager: {urls: [URLS], resend: 5s}
booking:
  - id: portal
    name: Booking portal
    remedy: Call the vendor.
    checks:
      - kind: internet.tcp
        host: 127.0.0.1
        port: TARGET
        interval: 1s
        timeout: 900ms
        confirm: {times: 3, gap: 0.1s}
"""


class Hook:
    """Somebody whom the Alertmanagers page."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []
        self.alerts: list[dict[str, Any]] = []

    async def hear(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.heard.append((body["status"], body["commonLabels"]["alertname"]))
        self.alerts += body["alerts"]
        return web.Response()


async def until(found: Callable[[], object], what: str) -> None:
    async def asked() -> object:
        return found()

    await wait_until(asked, what)


async def log_of(app: App) -> list[tuple[str, str, str]]:
    async with app.store.connect() as conn:
        return [(one.asset, one.title, str(one.stage)) for one in await incidents.page(conn)]


async def test_both_directions_through_a_restart_and_the_death_of_a_peer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", TOKEN)
    hook, ports = Hook(), [free_port() for _ in range(8)]
    receiver = web.Application()
    receiver.router.add_post("/", hook.hear)
    async with TestServer(receiver) as server:
        webhooks = {str(server.make_url("/")): "", f"http://127.0.0.1:{ports[6]}/api/v1/alertmanager": TOKEN}
        async with alertmanagers(tmp_path, ports[:6], webhooks) as (first, second, third):
            urls = ", ".join(f'"{peer.url}"' for peer in (first, second, third))
            site = SITE.replace("SERVER", str(ports[6])).replace("TARGET", str(ports[7])).replace("URLS", urls)
            path = tmp_path / "site.yaml"
            path.write_text(site)

            def posts(app: App, url: str, outcome: str) -> float:
                return app.vitals.alertmanager_posts.labels(url, outcome)._value.get()

            async with watching(path) as app:
                await until(lambda: hook.heard, "the page")
                alert = hook.alerts[0]
                assert alert["labels"] == {
                    "alertname": "Down", "source": "deskwatch", "site": "harbour", "section": "booking",
                    "asset": "portal", "check": "portal/tcp", "kind": "internet.tcp", "rule": "down",
                    "severity": "critical",
                }  # fmt: skip
                assert alert["annotations"]["summary"] == "Booking portal is down"
                assert alert["annotations"]["remedy"] == "Call the vendor."
                assert alert["generatorURL"].endswith("/assets/portal")
                began = alert["startsAt"]
                foreign = {"alertname": "DiskFull", "instance": "nas:9100", "severity": "critical"}
                assert await first.post({"labels": foreign, "annotations": {"summary": "Disk almost full"}}) == 200
                await until(lambda: len(app.firing) == 2, "the alert from outside")
                assert sorted(await log_of(app)) == [
                    ("outside/DiskFull nas:9100", "DiskFull nas:9100 has an alert: Disk almost full", "open"),
                    ("portal", "Booking portal is down", "open"),
                ], "what we told them came back to us and is no second incident"

            async with watching(path) as app:
                assert len(app.firing) == 2
                await until(lambda: posts(app, third.url, "accepted") >= 1, "the first post after the restart")
                (known,) = await third.get("alerts?filter=alertname%3DDown")
                assert known["startsAt"][:23] == began[:23]
                await first.end(signal.SIGKILL)
                listener = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", ports[7])
                await until(lambda: ("resolved", "Down") in hook.heard, "the end, from the two that live")
                over = datetime.now(UTC).isoformat()
                assert await second.post({"labels": foreign, "endsAt": over}) == 200
                await until(lambda: not app.firing, "the end of the alert from outside")
                await until(lambda: posts(app, first.url, "failed") >= 1, "a failed post to the dead peer")
                assert [stage for *_, stage in await log_of(app)] == ["resolved", "resolved"]
                listener.close()
    # As a set: peers that wait for each other's word too long in vain say it twice, rather than not at all.
    assert set(hook.heard) == {
        ("firing", "DiskFull"), ("firing", "Down"), ("resolved", "DiskFull"), ("resolved", "Down"),
    }  # fmt: skip
