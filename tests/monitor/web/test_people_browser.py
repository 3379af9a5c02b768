"""The pages about people in a real browser, on a phone and a desk."""

import re
from collections.abc import AsyncIterator
from datetime import datetime

import pytest
from aiohttp.test_utils import TestServer
from peers.chromium import profile
from peers.people import PASSWORD, account, token
from playwright.async_api import Page, expect

from monitor.people import totp
from monitor.people.roles import Role
from monitor.store import users
from monitor.web.app import build
from monitor.web.auth import Gate

SIZES = ({"width": 360, "height": 740}, {"width": 1280, "height": 900})


@pytest.fixture
async def page(harbour, chromium: str) -> AsyncIterator[Page]:
    """A browser at the sign-in page; it must have nothing to complain of at the end."""
    complaints: list[str] = []
    async with (
        TestServer(build(harbour, Gate())) as server,
        profile(chromium, base_url=str(server.make_url("/"))) as one,
    ):
        shown = await one.new_page()
        shown.on("console", lambda message: complaints.append(message.text))
        shown.on("pageerror", lambda error: complaints.append(str(error)))
        await shown.goto("/sign-in")
        yield shown
    assert [line for line in complaints if "status of 403" not in line] == []


async def fits(page: Page) -> None:
    """Nothing is wider than the screen, on either."""
    for size in SIZES:
        await page.set_viewport_size(size)
        assert not await page.evaluate("document.documentElement.scrollWidth > innerWidth"), (page.url, size)


async def enter(page: Page, name: str, password: str = PASSWORD) -> None:
    await page.get_by_label("Name").fill(name)
    await page.get_by_label("Password").fill(password)
    await page.get_by_role("button", name="Sign in").click()


async def test_somebody_signs_in_switches_the_app_on_and_signs_in_with_it(
    harbour, page: Page, stopped: datetime
) -> None:
    await account(harbour.store, "ana", Role.VIEWER)
    await fits(page)
    await enter(page, "ana", "wrong")
    await expect(page.get_by_role("alert")).to_contain_text("The name or the password is wrong")
    await expect(page.get_by_label("Name")).to_have_value("ana")
    await enter(page, "ana")
    await page.get_by_role("link", name="ana").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("ana")
    await fits(page)
    factor = page.get_by_role("region", name="Authenticator app")
    await factor.get_by_label("Current password").fill(PASSWORD)
    await factor.get_by_role("button", name="Switch it on").click()
    picture = page.get_by_alt_text("QR code")
    await expect(picture).to_be_visible()
    assert await picture.evaluate("image => image.naturalWidth") > 100
    await fits(page)
    secret = re.sub(r"\s", "", await page.locator("code").first.inner_text())
    async with harbour.store.connect() as conn:
        assert not (await users.named(conn, "ana")).totp
    await page.get_by_label("Code").fill(totp.code(secret, int(stopped.timestamp()) // totp.STEP))
    await page.get_by_role("button", name="Switch it on").click()
    await expect(page.get_by_role("listitem")).to_have_count(10)
    codes = await page.get_by_role("listitem").all_inner_texts()
    await fits(page)
    await page.get_by_role("button", name="Sign out").click()
    await enter(page, "ana")
    await fits(page)
    await page.get_by_label("Code").fill(codes[3])
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("link", name="ana")).to_be_visible()


async def test_an_administrator_finds_their_way(harbour, page: Page) -> None:
    await account(harbour.store, "ana", Role.ADMIN)
    await token(harbour.store, Role.VIEWER)
    await enter(page, "ana")
    await page.get_by_text("More", exact=True).click()
    await page.get_by_role("link", name="Users").click()
    form = page.get_by_role("region", name="New user")
    await form.get_by_role("textbox", name=re.compile("^Name")).fill("bea@example.org")
    await form.get_by_label("First password").fill(PASSWORD)
    await form.get_by_label("May").select_option("operator")
    await form.get_by_role("button", name="Add the user").click()
    await expect(page.get_by_role("listitem").filter(has_text="bea@example.org")).to_contain_text("look and act")
    await fits(page)
    await page.get_by_text("Change bea@example.org").click()
    await fits(page)
    await page.get_by_role("button", name="Keep out").click()
    await expect(page.get_by_role("listitem").filter(has_text="bea@example.org")).to_contain_text("kept out")
    tokens = page.get_by_role("region", name="Tokens")
    await tokens.get_by_label("What it is for").fill("grafana")
    await tokens.get_by_role("button", name="Make the token").click()
    await expect(page.get_by_role("region", name="The new token")).to_contain_text("dwt_")
    await fits(page)
    await page.get_by_role("link", name="Audit log").click()
    await expect(page.get_by_role("row").nth(1)).to_contain_text("token made")
    await fits(page)
    await page.get_by_role("combobox", name="What").select_option("user disabled")
    await page.get_by_role("button", name="Show").click()
    await expect(page.get_by_role("row")).to_have_count(2)
