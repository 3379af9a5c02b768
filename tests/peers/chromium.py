"""A headless Chromium, started once for all tests of a process; every test gets a profile of its own in it."""

import contextlib
import re
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from peers import require
from playwright.async_api import Browser, BrowserContext, async_playwright, expect

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

PATIENCE = 60_000.0
"""Milliseconds: what a test waits for comes sooner, however busy the machine is."""

expect.set_options(timeout=PATIENCE)

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
    log = profile / "log"  # not a pipe: nobody reads what it says later, and it would wait for ever at a full one
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            yield _address(process, log)
        finally:
            process.terminate()


def _address(process: "subprocess.Popen[bytes]", log: Path) -> str:
    """Where it listens, once it says so."""
    end = time.monotonic() + PATIENCE / 1000
    while True:
        said = log.read_text(errors="replace")
        if found := re.search(r"DevTools listening on (\S+)\n", said):
            return found[1]
        if process.poll() is not None or time.monotonic() > end:
            pytest.fail(f"Chromium does not listen:\n{said}")
        time.sleep(0.02)


@contextlib.asynccontextmanager
async def connected(chromium: str) -> AsyncIterator[Browser]:
    """The browser itself, for whoever needs several profiles: every driver of it costs a second of processor time."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.connect_over_cdp(chromium, timeout=PATIENCE)
        try:
            yield browser
        finally:
            await browser.close()


@contextlib.asynccontextmanager
async def profile(chromium: str, **options: object) -> AsyncIterator[BrowserContext]:
    """A fresh profile; `options` are those of Playwright's `new_context`."""
    async with connected(chromium) as browser:
        context = await browser.new_context(**options)  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE)
        try:
            yield context
        finally:
            await context.close()
