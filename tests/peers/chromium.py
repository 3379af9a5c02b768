"""A headless Chromium, started once for all tests of a process; every test gets a profile of its own in it."""

import contextlib
import subprocess
from collections.abc import AsyncIterator, Iterator

import pytest
from peers import require
from playwright.async_api import Browser, BrowserContext, async_playwright

ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--no-startup-window",  # every profile opens one of its own
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
)

CONTRAST = """() => {
  const parse = (colour) => {
    const canvas = new OffscreenCanvas(1, 1).getContext("2d");
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = parse(getComputedStyle(one).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255];
  };
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const element = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || !element.checkVisibility()) continue;
    const [a, b] = [light(parse(getComputedStyle(element).color)), light(behind(element))];
    found.push([(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), walk.currentNode.data.trim().slice(0, 40)]);
  }
  return found.sort((a, b) => a[0] - b[0])[0];
}"""
"""The lowest contrast ratio of any text with its background, by WCAG 2.2's formula, and what it is."""


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of its debugging port."""
    profile = tmp_path_factory.mktemp("chromium")
    command = [require.program("chromium"), *ARGUMENTS, f"--user-data-dir={profile}"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if address := line.partition("DevTools listening on ")[2].strip():
                break
        else:
            pytest.fail("Chromium ended before it listened")
        yield address
        process.stderr.close()
        process.terminate()


@contextlib.asynccontextmanager
async def connected(chromium: str) -> AsyncIterator[Browser]:
    """The browser itself, for whoever needs several profiles: every driver of it costs a second of processor time."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.connect_over_cdp(chromium)
        try:
            yield browser
        finally:
            await browser.close()


@contextlib.asynccontextmanager
async def profile(chromium: str, **options: object) -> AsyncIterator[BrowserContext]:
    """A fresh profile; `options` are those of Playwright's `new_context`."""
    async with connected(chromium) as browser:
        context = await browser.new_context(**options)  # type: ignore[arg-type]
        try:
            yield context
        finally:
            await context.close()
