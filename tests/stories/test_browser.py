"""A person at the board, in a real browser, over the real process."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from peers import require
from playwright.async_api import Browser, Page, async_playwright, expect
from stories.conftest import Deskwatch, Sink, Target

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 30_000  # ms

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    chromium = require.program("chromium")
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield started
        await started.close()


async def test_an_outage_appears_without_reload_is_acknowledged_reviewed_and_still_there_after_a_restart(
    deskwatch: Deskwatch, target: Target, sink: Sink, browser: Browser
) -> None:
    await deskwatch.start()
    page = await browser.new_page(viewport={"width": 1280, "height": 900})
    await sign_in(page, deskwatch)
    await expect(page.locator("h1")).to_contain_text("All working", timeout=PATIENCE)
    await page.evaluate("window.neverReloaded = true")

    target.status = 503
    await expect(page.get_by_role("heading", name="Booking system is down")).to_be_visible(timeout=PATIENCE)
    await expect(page.get_by_text("Call the vendor's support line.")).to_be_visible()
    await expect(
        page.get_by_role("region", name="Messages").get_by_text("Critical: Booking system is down")
    ).to_be_visible(timeout=PATIENCE)
    assert await page.evaluate("window.neverReloaded") is True

    await page.get_by_role("button", name="Acknowledge").first.click()
    await expect(page.get_by_text("In hand").first).to_be_visible(timeout=PATIENCE)
    await keep(page, "board.png")

    target.status = 200
    await page.goto(f"{deskwatch.url}/incidents")
    await page.get_by_role("link", name="Booking system is down").first.click()
    await expect(page.get_by_text("Resolved.", exact=True)).to_be_visible(timeout=PATIENCE)
    await page.get_by_label("Resolution").fill("The vendor restarted the web server.")
    await page.get_by_label("Root cause").fill("A deployment during opening hours.")
    await page.get_by_role("button", name="Save the review").click()
    await expect(page.get_by_text("Reviewed").first).to_be_visible(timeout=PATIENCE)
    address = page.url

    await deskwatch.end()
    await deskwatch.start()
    await page.goto(address)  # the session outlives the restart as well
    await expect(page.get_by_label("Resolution")).to_have_value("The vendor restarted the web server.")
    await expect(page.get_by_label("Root cause")).to_have_value("A deployment during opening hours.")
    assert sum(title.startswith("Critical: ") for title in sink.titles()) == 1


async def test_the_link_signs_in_once_and_nothing_is_shown_without_it(deskwatch: Deskwatch, browser: Browser) -> None:
    await deskwatch.start()
    page = await browser.new_page()
    await page.goto(deskwatch.url)
    assert "Booking system" not in await page.content()
    await sign_in(page, deskwatch)
    await expect(page.get_by_text("Booking system").first).to_be_visible()

    stranger = await (await browser.new_context()).new_page()
    await stranger.goto(deskwatch.link)
    if await stranger.get_by_role("button", name="Sign in").count():
        await stranger.get_by_role("button", name="Sign in").click()
    assert "Booking system" not in await stranger.content()
    await stranger.goto(deskwatch.url)
    assert "Booking system" not in await stranger.content()


async def sign_in(page: Page, deskwatch: Deskwatch) -> None:
    await page.goto(deskwatch.link)
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url(f"{deskwatch.url}/")


async def keep(page: Page, name: str) -> None:
    """A picture for the README, where DESKWATCH_SCREENSHOTS names a folder."""
    if folder := os.environ.get("DESKWATCH_SCREENSHOTS"):
        await page.screenshot(path=Path(folder) / name, full_page=True)
