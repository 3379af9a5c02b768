"""A member leaves and the card stays on; another one pays and stands before a closed door; an export breaks.

The service runs as it does for its users, over files that are exported anew; the hours that it waits are seconds here.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from peers.canaries import canary
from peers.ports import free_port
from peers.service import until, watching
from stories.conftest import Sink

from monitor.app import App
from monitor.exposition import TEXT
from monitor.store import memories
from probes import Reading, Status

CHECK = "doors/credentials"
SECRET = canary("card")
SITE = """\
site: {{id: harbour, name: Harbour Street, timezone: Europe/Lisbon, capacity: 80}}
server: {{listen: "127.0.0.1:{port}"}}
storage: {{url: "sqlite:///{folder}/state.db"}}
defaults: {{interval: 1s, timeout: 0.9s, confirm: {{times: 1, gap: 0.1s}}}}
doors:
  - id: doors
    name: Street door
    affects: Somebody can enter who should not, or cannot who should.
    remedy: Look at the access audit.
    checks:
      - kind: access.credentials
        locks: {{source: csv, file: "{folder}/locks.csv"}}
        members: {{source: csv, file: "{folder}/members.csv", timezone: Europe/Lisbon}}
        orphaned_after: 3
        missing_after: 7200
routes:
  - {{id: manager, to: "${{env:MANAGER}}", severities: [warning, critical]}}
"""
EVERYBODY = ("Ana", "Ben", "Cleo", "Dan", "Eve")


class Space:
    """The two lists as they are exported, and the service over them."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self.site = folder / "site.yaml"
        self.site.write_text(SITE.format(port=port, folder=folder))
        self.has(*EVERYBODY)
        self.may(*EVERYBODY)

    def has(self, *names: str) -> None:
        lines = [f"{name},{name.lower()}@example.com,yes,{SECRET}-{name}" for name in names]
        self._write("locks.csv", "name,email,enabled,card", lines)

    def may(self, *names: str, **since: datetime) -> None:
        began = {name: f"{at:%Y-%m-%dT%H:%M:%SZ}" for name, at in since.items()}
        lines = [f"{name},{name.lower()}@example.com,{began.get(name, '')}" for name in names]
        self._write("members.csv", "name,email,since", lines)

    def exports_nothing(self) -> None:
        for name in ("locks.csv", "members.csv"):
            (self.folder / name).unlink()

    def _write(self, name: str, head: str, lines: list[str]) -> None:
        whole = self.folder / f"{name}.new"
        whole.write_text("\n".join([head, *lines]))
        whole.replace(self.folder / name)  # as a careful export does: never half a list


@pytest.fixture
def space(tmp_path: Path, sink: Sink, monkeypatch: pytest.MonkeyPatch) -> Space:
    monkeypatch.setenv("MANAGER", f"json://{sink.address}/")
    return Space(tmp_path, free_port())


async def reading(service: App, words: str, status: Status = Status.UP) -> Reading:
    async def found() -> Reading | None:
        one = service.latest.get(CHECK)
        return one if one is not None and one.status is status and words in one.detail else None

    one = await until(found, f"a reading that is {status} and says {words!r}")
    assert one is not None
    return one


async def page_of(service: App, port: int) -> str:
    """The page with names, for somebody who signs in."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
        token = service.gate.link("").partition("token=")[2]
        await browser.post(f"http://127.0.0.1:{port}/sign-in", data={"token": token})
        async with browser.get(f"http://127.0.0.1:{port}/audits/credentials") as answer:
            return await answer.text()


async def test_a_card_that_stays_on_is_found_after_the_grace_and_gone_when_it_is_off(
    space: Space, sink: Sink, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    async with watching(space.site) as service:
        await reading(service, "5 members may enter, 5 credentials are on")
        space.may(*EVERYBODY[:4])
        await reading(service, "1 within the time that is allowed for it")
        await reading(service, "1 person can enter without a contract", Status.DOWN)
        audit = service.audits.of(CHECK)
        assert audit is not None
        assert audit.at - audit.ripe()[0].since >= timedelta(seconds=3), "not before the grace is over"

        async def told() -> bool:
            return bool(sink.messages)

        await until(told, "the message")
        assert "has people who can enter and should not" in sink.messages[0]["title"]
        page = await page_of(service, space.port)
        assert "Eve" in page
        space.has(*EVERYBODY[:4])
        over = await reading(service, "4 members may enter, 4 credentials are on")
        assert over.value("deskwatch_credentials_late", "deactivated") == 1

        async def ended() -> bool:
            return len(sink.messages) > 1

        await until(ended, "the end of it")
        metrics = "".join([piece async for piece in service.exposition(TEXT)])
        async with service.store.connect() as conn:
            remembered = repr(await memories.everything(conn))
        for words in (metrics, remembered, repr(sink.messages), caplog.text):
            assert not any(word in words for word in ("canary-", "Eve", "eve@example.com", "Ana"))
        assert "canary-" not in page
        assert "deskwatch_credentials_enabled{" in metrics


async def test_who_has_paid_and_is_locked_out_is_found_after_two_hours(space: Space) -> None:
    space.exports_nothing()
    async with watching(space.site) as service:
        await reading(service, "locks.csv", Status.UNKNOWN)
        almost = datetime.now(UTC) - timedelta(hours=2) + timedelta(seconds=8)
        space.may(*EVERYBODY, Eve=almost)
        space.has(*EVERYBODY[:4])
        await reading(service, "1 within the time that is allowed for it")
        found = await reading(service, "1 member has a contract and cannot enter", Status.DOWN)
        assert found.reason == "missing"
        audit = service.audits.of(CHECK)
        assert audit is not None
        assert audit.at - audit.ripe()[0].since >= timedelta(hours=2)
        space.has(*EVERYBODY)
        over = await reading(service, "5 members may enter, 5 credentials are on")
        assert over.value("deskwatch_credentials_late", "activated") == 1


async def test_a_members_list_that_suddenly_shrinks_concludes_nothing_and_a_restart_forgets_nothing(
    space: Space, sink: Sink
) -> None:
    async with watching(space.site) as service:
        await reading(service, "5 members may enter")
    space.may(*EVERYBODY[:3])
    async with watching(space.site) as service:
        await reading(service, "the list of members has shrunk from 5 to 3", Status.UNKNOWN)
        page = await page_of(service, space.port)
        assert "The newest run came to no conclusion" in page
        space.may(*EVERYBODY)
        await reading(service, "5 members may enter")
    assert not any("can enter" in title for title in sink.titles())
