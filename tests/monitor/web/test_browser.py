"""The pages in a real browser: on a phone and a desk, by keyboard, in the dark, and while things change."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest
from aiohttp.test_utils import TestServer
from peers.chromium import profile
from playwright.async_api import Page, expect

from incidents import lifecycle
from monitor.store import incidents
from monitor.web.app import build
from monitor.web.auth import Gate

HOSTILE = ("<script>document.title='owned'</script>", "\u202egpj.exe", "W" * 10_000, "\x1b[31m\x00")

MORE = (
    "/incidents?words=door",
    "/incidents/new",
    "/assets/fibre",
    "/checks/fibre/ping",
    "/configuration",
    "/about",
    "/wallboard",
    "/silences",
    "/maintenance",
    "/morning",
    "/reports",
    "/reviews",
    "/account",
    "/users",
)
"""Pages that a sweep looks at besides the board and the incidents."""


class Browser(NamedTuple):
    """A signed-in page, where the service is, and what the browser complained of."""

    page: Page
    base: str
    server: TestServer
    complaints: list[str]


@pytest.fixture
async def browser(harbour, chromium: str) -> AsyncIterator[Browser]:
    """A browser that has followed the sign-in link and sees the board."""
    gate = Gate()
    async with TestServer(build(harbour, gate)) as server, profile(chromium) as context:
        page, base, complaints = await context.new_page(), str(server.make_url("")).rstrip("/"), []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await page.goto(gate.link(base))
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("1 thing needs you")
        yield Browser(page, base, server, complaints)


async def paths(space) -> tuple[str, ...]:
    async with space.store.connect() as conn:
        one, *_ = await incidents.live(conn)
    return ("/", "/incidents", f"/incidents/{one.id}", *MORE, "/nowhere")


async def is_too_wide(page: Page) -> bool:
    return bool(await page.evaluate("document.documentElement.scrollWidth > innerWidth"))


async def test_the_keyboard_reaches_the_acknowledge_button_and_it_works(browser: Browser) -> None:
    page = browser.page
    for _ in range(24):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement.textContent.trim() === 'Acknowledge'"):
            break
    focused = page.locator("button:focus-visible")
    await expect(focused).to_have_accessible_name("Acknowledge: Nordnet fibre is down")
    assert await focused.evaluate("(one) => getComputedStyle(one).outlineStyle") == "solid"
    await page.keyboard.press("Enter")
    await expect(page.locator(".hero")).to_contain_text("In hand")


async def test_the_menu_works_by_keyboard_and_nothing_of_it_is_cut_off(browser: Browser) -> None:
    page = browser.page
    for width in (360, 640, 1280):
        await page.set_viewport_size({"width": width, "height": 640})
        await page.goto(f"{browser.base}/reviews")
        await expect(page.locator("summary[aria-current]")).to_have_text("More")
        await page.locator("details.more summary").focus()
        await page.keyboard.press("Enter")
        for word in ("Alerts", "Reviews", "Audit log"):
            await expect(page.get_by_role("link", name=word)).to_be_in_viewport(ratio=1)
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Alerts")


async def test_a_picture_is_kept_and_the_review_is_written(harbour, browser: Browser, tmp_path: Path) -> None:
    page = browser.page
    door = harbour.config.asset("hall")
    one = await harbour.recovers(door, await harbour.fails(door, "no answer", 30))
    photo = tmp_path / "cabinet.png"
    await page.goto(f"{browser.base}/incidents/{one.id}")
    await page.screenshot(path=photo)
    await page.get_by_text("Add a file").click()
    await page.locator("#file").set_input_files(photo)
    await page.get_by_role("button", name="Upload it").click()
    await expect(page.locator(".timeline")).to_contain_text("Attached cabinet.png")
    async with page.expect_download() as saved:
        await page.get_by_role("link", name="cabinet.png").click()
    assert (await (await saved.value).path()).read_bytes() == photo.read_bytes()
    await page.get_by_label("Resolution").fill("New battery in the lock.")
    await page.get_by_label("Kind of cause").select_option("power")
    await page.get_by_role("button", name="Save the review").click()
    await expect(page.get_by_role("region", name="What people wrote")).to_contain_text("New battery in the lock.")
    await expect(page.get_by_text("What lost power, and is it behind the UPS?")).to_be_visible()


async def test_the_first_tab_skips_to_the_content(browser: Browser) -> None:
    await browser.page.goto(browser.base)
    await browser.page.keyboard.press("Tab")
    await browser.page.keyboard.press("Enter")
    await expect(browser.page.locator("#main")).to_be_focused()


async def test_the_board_changes_by_itself_and_says_so(harbour, browser: Browser) -> None:
    async with harbour.store.connect() as conn:
        for one in await incidents.live(conn):
            await harbour.recovers(harbour.config.asset(one.asset), one)
    heading = browser.page.get_by_role("heading", level=1)
    await expect(heading).to_have_text("Checking 1 thing again")
    await expect(browser.page.get_by_role("status")).to_have_text("Checking 1 thing again")
    await expect(browser.page).to_have_title("Checking 1 thing again · Harbour Hall")


async def test_a_change_keeps_focus_and_place(harbour, browser: Browser) -> None:
    page = browser.page
    await page.set_viewport_size({"width": 360, "height": 600})
    await page.locator(".assets a", has_text="Elbe").focus()
    before = await page.evaluate("scrollY")
    await harbour.works(harbour.config.asset("printer"), "prints again")
    await expect(page.locator(".assets a", has_text="Printer")).to_contain_text("prints again")
    await expect(page.locator(".assets a:focus")).to_contain_text("Elbe")
    assert abs(await page.evaluate("scrollY") - before) < 100


async def test_an_incident_changes_by_itself_but_not_what_one_types(harbour, browser: Browser) -> None:
    page = browser.page
    path = (await paths(harbour))[2]
    await page.goto(browser.base + path)
    await page.get_by_label("What did you see or do?").fill("I am still typ")
    await harbour.decide(path[-26:], lambda one: lifecycle.note(one, "Cable found.", "bea", harbour.started))
    await expect(page.locator(".timeline")).to_contain_text("Cable found.")
    await expect(page.get_by_label("What did you see or do?")).to_have_value("I am still typ")


async def test_a_lost_connection_shows(browser: Browser) -> None:
    await browser.server.close()
    await expect(browser.page.get_by_role("alert")).to_contain_text("Connection lost")


async def test_hostile_names_stay_text(harbour, browser: Browser, make_asset) -> None:
    page = browser.page
    await page.set_viewport_size({"width": 360, "height": 800})
    for number, name in enumerate(HOSTILE):
        bad = make_asset(f"bad-{number}", name, says=name, affects=name, remedy=name)
        harbour.add(bad)
        await harbour.fails(bad, name)
    for path in await paths(harbour):
        await page.goto(browser.base + path)
        assert not await is_too_wide(page), path
        assert await page.title() != "owned"


async def test_the_browser_has_nothing_to_complain_of(harbour, browser: Browser) -> None:
    for path in (await paths(harbour))[:-1]:
        await browser.page.goto(browser.base + path)
        await browser.page.wait_for_load_state("load")
    assert browser.complaints == []


async def test_without_javascript_everything_can_be_read_and_done(harbour, browser: Browser) -> None:
    state = await browser.page.context.storage_state()
    plain = await browser.page.context.browser.new_context(java_script_enabled=False, storage_state=state)
    page = await plain.new_page()
    await page.goto(browser.base)
    await page.get_by_role("button", name="Acknowledge").click()
    await expect(page.locator(".hero")).to_contain_text("In hand")
    await page.get_by_label("What did you see or do?").fill("Called them.")
    await page.get_by_role("button", name="Add to the timeline").click()
    await expect(page.locator(".timeline")).to_contain_text("Called them.")
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Sign in to Deskwatch")
