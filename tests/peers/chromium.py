"""A headless Chromium, started once for all tests of a process; every test gets a profile of its own in it."""

import contextlib
import subprocess
from collections.abc import AsyncIterator, Iterator

import pytest
from peers import require
from playwright.async_api import BrowserContext, async_playwright

ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
)


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of its debugging port."""
    profile = tmp_path_factory.mktemp("chromium")
    command = [require.program("chromium"), *ARGUMENTS, f"--user-data-dir={profile}", "about:blank"]
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
async def profile(chromium: str, **options: object) -> AsyncIterator[BrowserContext]:
    """A fresh profile; `options` are those of Playwright's `new_context`."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.connect_over_cdp(chromium)
        context = await browser.new_context(**options)  # type: ignore[arg-type]
        try:
            yield context
        finally:
            await context.close()
            await browser.close()
