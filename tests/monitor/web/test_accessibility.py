"""Every page by WCAG 2.2 AA: axe-core finds nothing, and what it cannot see is tried in the browser."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aiohttp.test_utils import TestServer
from axe_playwright_python.base import AXE_SCRIPT
from peers.chromium import CONTRAST, PATIENCE, profile
from peers.furnished import NO_PAGES, PAGES, Places, furnish
from playwright.async_api import Locator, Page, ViewportSize, expect

from monitor import web
from monitor.config.model import PublicAsset, StatusPage
from monitor.people.roles import Role
from monitor.web.app import build, routes
from monitor.web.auth import Gate
from monitor.web.files import Files

FILES = ("/incidents/{id}/{shape}", "/reports/{id}/{shape}")
"""Pages that people download, and open as a file."""

TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
OPTIONS = {"resultTypes": ["violations"], "preload": False}
EVERYTHING = {
    **OPTIONS,
    "runOnly": {"type": "tag", "values": TAGS},
    "rules": {"target-size": {"enabled": True}},  # axe leaves it out unless it is asked for
}
TARGETS = {**OPTIONS, "runOnly": {"type": "rule", "values": ["target-size", "scrollable-region-focusable"]}}
"""What can differ from one width to the other."""
LOAD = f"window.loadAxe = () => {{ {AXE_SCRIPT}\n }}"
"""Brings axe-core along with every page, to be started when it is wanted: sending it each time takes long."""

PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
TWICE, FOUR_TIMES = {"width": 640, "height": 450}, {"width": 320, "height": 225}
"""In CSS pixels; what is left of a desk when a page is enlarged."""


class Visitor(NamedTuple):
    """Somebody who has signed in and somebody who has not, and where everything is."""

    page: Page
    stranger: Page
    base: str
    places: Places

    async def open(self, route: str, address: str) -> Page:
        """Show the page at an address, to whom it is for."""
        page = self.stranger if ROLES[route] is Role.PUBLIC else self.page
        url = self.base + address.format(**self.places._asdict())
        if route in FILES:
            text = await (await page.request.get(url)).text()
            await page.goto("about:blank")
            await page.set_content(text)
        else:
            answer = await page.goto(url)
            assert answer is not None and answer.ok, url
        return page

    async def walk(self) -> AsyncIterator[tuple[str, Page]]:
        """Every page, one after the other, with its address."""
        for route, addresses in PAGES.items():
            for address in addresses:
                yield address, await self.open(route, address)


def asked(folder: Path = Path(web.__file__).parent / "static") -> dict[str, Role]:
    """Who may see what can be asked of the pages."""
    return {one.path: one.role for one in routes(Files(folder)) if one.method == "GET" and one.role is not Role.MACHINE}


ROLES = asked()


@asynccontextmanager
async def signed_in(space: Any, chromium: str, **options: Any) -> AsyncIterator[tuple[Page, str]]:
    """The board for somebody who has signed in, in a browser with these options, and where the service is."""
    gate = Gate()
    async with TestServer(build(space, gate)) as server, profile(chromium, **options) as context:
        page, base = await context.new_page(), str(server.make_url("")).rstrip("/")
        await page.goto(gate.link(base))
        await page.get_by_role("button", name="Sign in").click()
        await page.wait_for_url(f"{base}/")
        yield page, base


@pytest.fixture
async def visitor(harbour, make_asset, chromium: str) -> AsyncIterator[Visitor]:
    """At a site on which every page has something to show."""
    places = await furnish(harbour, make_asset)
    async with signed_in(harbour, chromium) as (page, base):
        stranger = await page.context.browser.new_context()
        yield Visitor(page, await stranger.new_page(), base, places)


async def faults(page: Page, size: ViewportSize, options: dict[str, Any]) -> list[str]:
    """What axe-core finds wrong on a page of that size, with the first three places of each."""
    await page.set_viewport_size(size)
    violations = await page.evaluate("(options) => axe.run(options).then((found) => found.violations)", options)
    return [
        f"{one['id']}: {node['target']} {node['html'][:200]} {node['failureSummary']}"
        for one in violations
        for node in one["nodes"][:3]
    ]


def test_every_page_is_visited() -> None:
    assert {path for path in ROLES if not path.startswith(NO_PAGES)} == set(PAGES)


TOO_WIDE = """() => {
  const named = (one) => `${one.localName}.${one.className}: ${one.textContent.trim().slice(0, 60)}`;
  const cuts = (one) => {
    const { overflowX, overflowY, textOverflow } = getComputedStyle(one);
    const clips = (how) => how === "hidden" || how === "clip";
    return (clips(overflowX) && textOverflow !== "ellipsis" && one.scrollWidth > one.clientWidth + 1)
      || (clips(overflowY) && one.scrollHeight > one.clientHeight + 1);
  };
  const found = [...document.body.querySelectorAll("*:not(.unseen, .unseen *, svg *, input, select, option, optgroup)")]
    .filter(cuts).map(named);
  const stuck = (one) => one.scrollWidth > one.clientWidth && getComputedStyle(one).overflowX === "auto"
    && one.tabIndex < 0 && !one.matches("textarea");
  found.push(...[...document.body.querySelectorAll("*")].filter(stuck).map(named));
  const { scrollWidth, clientWidth } = document.scrollingElement;
  return scrollWidth > clientWidth ? [`the page is ${scrollWidth} wide`, ...found] : found;
}"""
"""What does not fit: the page, if it scrolls sideways, what cuts off something, and what no keyboard could scroll."""

SPACED = """() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`
    * { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important; }
    p { margin-bottom: 2em !important; }`);
  document.adoptedStyleSheets = [sheet];
}"""
"""The spacing of WCAG 1.4.12."""


async def findings(page: Page) -> dict[str, list[str]]:
    """What is wrong with a page, by how one looks at it."""
    await page.evaluate("loadAxe()")
    found = {"phone": await faults(page, PHONE, EVERYTHING), "desk": await faults(page, DESK, TARGETS)}
    await page.emulate_media(color_scheme="dark", reduced_motion="reduce")  # else colours are still on their way
    ratio, text = await page.evaluate(CONTRAST)
    found["dark"] = [f"{text}: contrast {ratio:.2f}"] if ratio < 4.5 else []
    await page.emulate_media(color_scheme="light", reduced_motion="reduce")
    for name, size in (("enlarged twice", TWICE), ("enlarged four times", FOUR_TIMES)):
        await page.set_viewport_size(size)
        found[name] = await page.evaluate(TOO_WIDE)
    await page.evaluate(SPACED)
    for name, size in (("spaced on a phone", PHONE), ("spaced on a desk", DESK)):
        await page.set_viewport_size(size)
        found[name] = await page.evaluate(TOO_WIDE)
    return found


@pytest.mark.timeout(900)
async def test_every_page_passes_as_it_is_in_the_dark_enlarged_and_with_more_space_in_the_text(
    visitor: Visitor,
) -> None:
    wrong = {}
    for page in (visitor.page, visitor.stranger):
        await page.context.add_init_script(LOAD)
    async for address, page in visitor.walk():
        wrong |= {(address, look): found for look, found in (await findings(page)).items() if found}
    assert wrong == {}


MOVING = """() => {
  const moves = (one) => {
    const { animationName, transitionDuration } = getComputedStyle(one);
    return animationName !== "none" || transitionDuration.split(",").some((length) => parseFloat(length) > 0);
  };
  return document.getAnimations().length + [...document.querySelectorAll("*")].filter(moves).length;
}"""
"""How many animations run and how many elements would begin one."""


async def test_nothing_moves_for_who_wants_no_motion(harbour, chromium: str) -> None:
    async with signed_in(harbour, chromium, reduced_motion="no-preference") as (page, base):
        assert await page.evaluate(MOVING) > 0
        await page.emulate_media(reduced_motion="reduce")
        for path in ("/", "/incidents", "/wallboard"):
            await page.goto(base + path)
            await page.get_by_role("main").get_by_role("link").first.hover()
            assert await page.evaluate(MOVING) == 0, path


VERDICTS = """(all) => all.map((one) => {
  const { maskPosition, maskImage, backgroundColor, width } = getComputedStyle(one, "::before");
  return [one.textContent.trim(), maskPosition, maskImage.includes("/static/shapes.svg?v=") && width, backgroundColor];
})"""


PAINT = "(body) => [getComputedStyle(body).backgroundColor, getComputedStyle(body).color]"


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_verdicts_differ_by_word_and_shape_in_the_colours_of_the_reader(
    harbour, chromium: str, scheme: str
) -> None:
    async with signed_in(harbour, chromium, forced_colors="active", color_scheme=scheme) as (page, _):
        found = {tuple(one) for one in await page.locator(".assets b").evaluate_all(VERDICTS)}
        assert len({word for word, *_ in found}) == len({shape for _, shape, *_ in found}) == len(found) == 5
        canvas, ink = await page.locator("body").evaluate(PAINT)
        assert ink != canvas
        for word, _, width, colour in found:
            assert colour == ink, word
            assert width and float(width.removesuffix("px")) > 10, word


FOCUS = """() => {
  const one = document.activeElement;
  const { outlineStyle, outlineWidth } = getComputedStyle(one);
  const { left, right, top, bottom } = one.getBoundingClientRect();
  const seen = document.elementFromPoint((left + right) / 2, (Math.max(top, 0) + Math.min(bottom, innerHeight)) / 2);
  const shows = outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
  return { shows, covered: !one.contains(seen), name: one.outerHTML.slice(0, 120) };
}"""
"""Whether one sees where the focus is, and whether something lies over it."""


async def tab_to(page: Page, wanted: Locator, most: int = 60) -> None:
    """Press Tab until it has the focus, which must show at every step on the way."""
    for _ in range(most):
        await page.keyboard.press("Tab")
        focus = await page.evaluate(FOCUS)
        assert focus["shows"] and not focus["covered"], focus["name"]
        if await wanted.evaluate("(one) => one === document.activeElement"):
            return
    pytest.fail(f"{most} tabs do not lead there")


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
async def test_an_incident_is_taken_and_noted_with_tab_and_enter_alone(harbour, chromium: str, size) -> None:
    async with signed_in(harbour, chromium, viewport=size) as (page, base):
        await page.goto(base)
        await tab_to(page, page.get_by_role("link", name="Skip to the content"), 1)
        await page.keyboard.press("Enter")
        await tab_to(page, page.get_by_role("button", name="Acknowledge: Nordnet fibre is down"), 1)
        await page.keyboard.press("Enter")
        await expect(page.locator(".hero")).to_contain_text("In hand")
        await tab_to(page, page.get_by_label("What did you see or do?"))
        await page.keyboard.type("Box restarted.")
        await tab_to(page, page.get_by_role("button", name="Add to the timeline"), 1)
        await page.keyboard.press("Enter")
        await expect(page.locator(".timeline")).to_contain_text("Box restarted.")


async def test_escape_closes_the_menu_and_so_does_leaving_it(harbour, chromium: str) -> None:
    async with signed_in(harbour, chromium) as (page, _):
        summary, first = page.locator(".more summary"), page.get_by_role("link", name="Alerts")
        await summary.focus()
        await page.keyboard.press("Enter")
        await page.keyboard.press("Tab")
        await expect(first).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(first).to_be_hidden()
        await expect(summary).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(first).to_be_visible()
        await page.keyboard.press("Shift+Tab")
        await expect(first).to_be_hidden()


OWN = re.compile(r"^(\w+ )?\d\d:\d\d \((\w+ )?\d\d:\d\d your time\)$")


async def test_times_stand_beside_those_of_a_reader_elsewhere_also_when_they_change(harbour, chromium: str) -> None:
    async with signed_in(harbour, chromium, timezone_id="America/New_York") as (page, _):
        times = page.locator("main time")
        await expect(times.first).to_have_text(OWN)
        await expect(page.locator("footer")).to_contain_text("Times of Europe/Berlin.")
        await expect(page.locator("footer")).to_contain_text("Your own zone is America/New_York.")
        await harbour.works(harbour.config.asset("printer"), "prints again")
        row = page.locator(".assets a", has_text="Printer")
        await expect(row).to_contain_text("prints again")
        await expect(row.locator("time")).to_have_text(OWN)
        assert await times.filter(has_text="your time").count() == await times.count()


async def test_times_stand_alone_for_a_reader_whose_clock_is_the_same(harbour, chromium: str) -> None:
    async with signed_in(harbour, chromium, timezone_id="Europe/Vienna") as (page, _):
        await expect(page.locator("main time").first).to_have_attribute("data-own", "")
        await expect(page.locator("footer")).to_contain_text("Times of Europe/Berlin. Deskwatch")
        await expect(page.locator("body")).not_to_contain_text("your time")


async def test_times_say_their_zone_without_a_script(harbour, chromium: str) -> None:
    async with signed_in(harbour, chromium, timezone_id="America/New_York", java_script_enabled=False) as (page, _):
        await expect(page.locator("main time").first).to_have_text(re.compile(r"^(\w+ )?\d\d:\d\d$"))
        await expect(page.locator("footer")).to_contain_text("Times of Europe/Berlin. Deskwatch")


async def test_the_status_page_is_read_again_and_shows_the_times_of_a_reader_elsewhere(harbour, chromium: str) -> None:
    public = StatusPage("Harbour Hall", (PublicAsset("fibre", "Internet"),))
    harbour.config = replace(harbour.config, status_page=public)
    async with TestServer(build(harbour, Gate())) as server, profile(chromium, timezone_id="Asia/Tokyo") as context:
        page = await context.new_page()
        await page.clock.install()
        await page.goto(str(server.make_url("/status")))
        await expect(page.locator("footer")).to_contain_text("Your own zone is Asia/Tokyo.")
        harbour.config = replace(harbour.config, status_page=replace(public, contact="Ring the bell."))
        await page.clock.fast_forward(60_000)
        await expect(page.locator(".hero")).to_contain_text("Ring the bell.", timeout=2 * PATIENCE)
        await server.close()
        await page.clock.fast_forward(60_000)
        await expect(page.get_by_role("alert")).to_contain_text("The connection is lost")
