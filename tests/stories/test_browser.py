"""A person at the board, in a real browser, over the real process."""

import json
import os
import re
from pathlib import Path

from peers.chromium import profile
from playwright.async_api import Page, expect
from stories.conftest import Deskwatch, Sink, Target

from monitor.demo import trigger


async def test_an_outage_appears_without_reload_is_acknowledged_reviewed_and_still_there_after_a_restart(
    deskwatch: Deskwatch, target: Target, sink: Sink, chromium: str
) -> None:
    await deskwatch.start()
    async with profile(chromium, viewport={"width": 1280, "height": 900}) as context:
        page = await context.new_page()
        await sign_in(page, deskwatch)
        await expect(page.locator("h1")).to_contain_text("All working")
        await page.evaluate("window.neverReloaded = true")

        target.status = 503
        await expect(page.get_by_role("heading", name="Booking system is down")).to_be_visible()
        await expect(page.get_by_text("Call the vendor's support line.")).to_be_visible()
        await expect(
            page.get_by_role("region", name="Messages").get_by_text("Critical: Booking system is down")
        ).to_be_visible()
        assert await page.evaluate("window.neverReloaded") is True

        await page.get_by_role("button", name="Acknowledge").first.click()
        await expect(page.get_by_text("In hand").first).to_be_visible()

        target.status = 200
        await page.goto(f"{deskwatch.url}/incidents")
        await page.get_by_role("link", name="Booking system is down").first.click()
        await expect(page.get_by_text("Resolved.", exact=True)).to_be_visible()
        await page.get_by_label("Resolution").fill("The vendor restarted the web server.")
        await page.get_by_label("Root cause").fill("A deployment during opening hours.")
        await page.get_by_label("Kind of cause").select_option("vendor")
        await page.get_by_label("Who noticed it first").select_option("us")
        await page.get_by_role("button", name="Save the review").click()
        await expect(page.get_by_text("Reviewed").first).to_be_visible()
        address = page.url

        await deskwatch.end()
        await deskwatch.start()
        await page.goto(address)  # the session outlives the restart as well
        await expect(page.get_by_label("Resolution")).to_have_value("The vendor restarted the web server.")
        await expect(page.get_by_label("Root cause")).to_have_value("A deployment during opening hours.")
        assert sum(title.startswith("Critical: ") for title in sink.titles()) == 1


async def test_the_link_signs_in_once_and_nothing_is_shown_without_it(deskwatch: Deskwatch, chromium: str) -> None:
    await deskwatch.start()
    async with profile(chromium) as context:
        page = await context.new_page()
        await page.goto(deskwatch.url)
        assert "Booking system" not in await page.content()
        await sign_in(page, deskwatch)
        await expect(page.get_by_text("Booking system").first).to_be_visible()

    async with profile(chromium) as another:
        stranger = await another.new_page()
        await stranger.goto(deskwatch.link)
        if await stranger.get_by_role("button", name="Sign in").count():
            async with stranger.expect_navigation():
                await stranger.get_by_role("button", name="Sign in").click()
        assert "Booking system" not in await stranger.content()
        await stranger.goto(deskwatch.url)
        assert "Booking system" not in await stranger.content()


async def test_the_demo_shows_a_newcomer_a_failure_from_detection_to_recovery(
    deskwatch: Deskwatch, chromium: str
) -> None:
    arguments = ("demo", "--port", str(deskwatch.port), "--folder", "demo", "--no-script")
    await deskwatch.start(*arguments)
    async with profile(chromium, viewport={"width": 1180, "height": 900}) as context:
        page = await context.new_page()
        await sign_in(page, deskwatch)
        await expect(page.locator("h1")).to_contain_text("All working")
        fault = ("--fault", "booking-down", "--seconds", "600")
        code, output = await deskwatch.run("demo", "--folder", "demo", *fault)
        assert code == 0, output
        await expect(page.get_by_role("heading", name="Booking system is down")).to_be_visible()
        told = re.compile("(Critical|Warning): Booking system is down")  # while the space is closed it is a warning
        message = page.get_by_role("region", name="Messages").get_by_text(told)
        await expect(message).to_be_visible()
        await keep(page, "board.png")
        await page.get_by_role("button", name="Acknowledge").first.click()
        await expect(page.get_by_text("In hand").first).to_be_visible()
        await trigger(deskwatch.folder / "demo", "booking-down", 1)  # now it ends soon
        await page.goto(deskwatch.url)
        await expect(page.locator("h1")).to_contain_text("All working")
        message = page.get_by_role("region", name="Messages").get_by_text("Resolved: Booking system is down")
        await expect(message).to_be_visible()
        listed = json.loads((await deskwatch.run("incidents", "list", "demo/site.yaml", "--json"))[1])
        assert [one["stage"] for one in listed] == ["resolved"]


async def sign_in(page: Page, deskwatch: Deskwatch) -> None:
    await page.goto(deskwatch.link)
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url(f"{deskwatch.url}/")


async def keep(page: Page, name: str) -> None:
    """A picture for the README, where DESKWATCH_SCREENSHOTS names a folder."""
    if folder := os.environ.get("DESKWATCH_SCREENSHOTS"):
        await page.screenshot(path=Path(folder) / name, full_page=True)
