"""A memo as people look at it: on a phone, on a desk, on paper, and as a file of its own."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer
from peers.chromium import profile
from peers.past import START, config_in, eventful, facts
from playwright.async_api import Page
from ulid import ULID

from monitor.reports import isp, monthly, weekly
from monitor.reports.document import Document
from monitor.reports.rendering import page as page_of
from monitor.store import reports
from monitor.store.reports import Report
from monitor.web.app import build
from monitor.web.auth import Gate

LOOKS = {"phone": (390, 844), "desk": (1280, 900)}


async def is_too_wide(page: Page) -> bool:
    return bool(await page.evaluate("document.documentElement.scrollWidth > innerWidth"))


async def picture(page: Page, name: str) -> None:
    """A picture for the documentation, where DESKWATCH_SCREENSHOTS names a folder."""
    if folder := os.environ.get("DESKWATCH_SCREENSHOTS"):
        await page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


@pytest.fixture
def memos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Document]:
    """A memo of each kind about a week with an outage."""
    monkeypatch.setenv("DESKWATCH_TEST_ANA", "json://127.0.0.1/")
    config = config_in(tmp_path)
    known, before = eventful(config), facts(config, START - timedelta(days=7), START)
    found = {"weekly": weekly, "monthly": monthly, "isp": isp}
    return {name: module.documents(known, before)[0] for name, module in found.items()}


@pytest.mark.parametrize("name", ["weekly", "monthly", "isp"])
async def test_a_memo_fits_a_phone_a_desk_and_paper(harbour, chromium: str, memos, name: str) -> None:
    gate, id = Gate(), str(ULID())
    async with harbour.store.begin() as conn:
        await reports.save(conn, Report(id, memos[name]))
    async with TestServer(build(harbour, gate)) as server, profile(chromium) as context:
        page, base, complaints = await context.new_page(), str(server.make_url("")).rstrip("/"), []
        page.on("console", lambda message: complaints.append(message.text))
        await page.goto(gate.link(base))
        await page.get_by_role("button", name="Sign in").click()
        await page.wait_for_url(f"{base}/")
        for look, (width, height) in LOOKS.items():
            await page.set_viewport_size({"width": width, "height": height})
            await page.goto(f"{base}/reports/{id}")
            assert await page.get_by_role("heading", level=1).inner_text() == memos[name].title
            assert not await is_too_wide(page)
            if (name, look) == ("monthly", "desk"):
                await picture(page, "month")
        await page.emulate_media(media="print")
        assert not await page.get_by_role("navigation").is_visible()
        assert len(await page.pdf()) > 10_000
        assert complaints == []


async def test_a_memo_as_a_file_fits_as_well(chromium: str, memos, tmp_path: Path) -> None:
    file = tmp_path / "memo.html"
    file.write_text(page_of(memos["weekly"]), "utf-8")
    async with profile(chromium) as context:
        page = await context.new_page()
        for width, height in LOOKS.values():
            await page.set_viewport_size({"width": width, "height": height})
            await page.goto(file.as_uri())
            assert not await is_too_wide(page)
