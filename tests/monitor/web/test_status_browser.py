"""The status page in a real browser: on a phone and a desk, by day and by night."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from aiohttp.test_utils import TestServer
from peers.chromium import CONTRAST, profile
from playwright.async_api import Page, expect

from alerting.gates import Maintenance, Scope, Window
from incidents.availability import Span
from monitor.config.model import PublicAsset, StatusPage
from monitor.store import spans
from monitor.web.app import build
from monitor.web.auth import Gate
from probes import Status

LOOKS = {"phone": (390, 844), "desk": (1280, 900)}
DAY = timedelta(days=1)
ASSETS = (
    PublicAsset("fibre", "Internet", "The front desk has a mobile router to lend."),
    PublicAsset("members", "Wi-Fi"),
    PublicAsset("street", "Street door"),
    PublicAsset("booking", "Booking"),
    PublicAsset("ups", "W" * 80),
)


@asynccontextmanager
async def opened(space, chromium: str, scheme: str, page: StatusPage) -> AsyncIterator[tuple[Page, list[str]]]:
    """The status page for a stranger, and what the browser complained of."""
    space.config = replace(space.config, status_page=page)
    async with TestServer(build(space, Gate())) as server, profile(chromium, color_scheme=scheme) as context:
        shown, complaints = await context.new_page(), []
        shown.on("console", lambda message: complaints.append(message.text))
        shown.on("pageerror", lambda error: complaints.append(str(error)))
        await shown.goto(str(server.make_url("/status")))
        yield shown, complaints


async def lived(space) -> None:
    """A past with outages of different lengths, a day without measurements, and planned work ahead."""
    now = datetime.now(UTC)
    for number, one in enumerate(ASSETS):
        (check,) = space.config.asset(one.id).checks
        first, second = now - (20 + 3 * number) * DAY, now - (9 - number) * DAY
        some = (
            Span(check.id, now - 70 * DAY, first, Status.UP, "ok"),
            Span(check.id, first, first + (number + 1) * DAY / 6, Status.DOWN, "timeout"),
            Span(check.id, first + (number + 1) * DAY / 6, second, Status.UP, "ok"),
            Span(check.id, second + 1.2 * DAY, now - 1.2 * DAY, Status.UP, "ok"),
        )
        async with space.store.begin() as conn:
            await spans.save(conn, some)
    door = space.config.asset("street")
    incident = await space.fails(door, "no answer", 300)
    await space.recovers(door, incident)
    window = Window(now + 2 * DAY, now + 2.1 * DAY)
    work = Maintenance("w", "Router", Scope(sections=frozenset({"wifi"})), ZoneInfo("Europe/Berlin"), (window,))
    space.config = replace(space.config, maintenances=(work,))


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_it_fits_a_phone_and_a_desk_and_can_be_read(harbour, chromium: str, scheme: str) -> None:
    await lived(harbour)
    asked = StatusPage("Harbour Hall", ASSETS, 90, "Questions? Come to the front desk.")
    async with opened(harbour, chromium, scheme, asked) as (page, complaints):
        for look, (width, height) in LOOKS.items():
            await page.set_viewport_size({"width": width, "height": height})
            await expect(page.get_by_role("heading", level=1)).to_contain_text("Internet is not working since")
            assert not await page.evaluate("document.documentElement.scrollWidth > innerWidth")
            ratio, text = await page.evaluate(CONTRAST)
            assert ratio >= 4.5, text
            if folder := os.environ.get("DESKWATCH_SCREENSHOTS"):
                await page.screenshot(path=Path(folder) / f"status-{look}-{scheme}.png", full_page=True)
        await expect(page.get_by_role("img", name="of the last 90 days")).to_have_count(len(ASSETS))
        await expect(page.get_by_role("region", name="Planned work")).to_contain_text("Wi-Fi")
        await expect(page.get_by_role("region", name="The last 14 days")).to_contain_text(
            "Street door was not working."
        )
        assert complaints == []


async def test_four_hundred_days_fit_too(harbour, chromium: str) -> None:
    async with opened(harbour, chromium, "light", StatusPage("Harbour Hall", ASSETS[:1], 400)) as (page, complaints):
        await page.set_viewport_size({"width": 390, "height": 844})
        assert not await page.evaluate("document.documentElement.scrollWidth > innerWidth")
        assert await page.locator(".public-days g").count() == 400
        assert complaints == []
