"""Deskwatch itself, in the process of the test: for what is about the whole service and not about its process."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from monitor.app import App

T = TypeVar("T")


@contextlib.asynccontextmanager
async def watching(path: Path) -> AsyncIterator[App]:
    """The service of a configuration, from its start to a clean end."""
    app, serving = await App.open(path), asyncio.Event()
    task = asyncio.create_task(app.run(serving.set))
    reached = asyncio.create_task(serving.wait())
    await asyncio.wait([task, reached], return_when=asyncio.FIRST_COMPLETED)
    reached.cancel()
    try:
        yield app
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def until(found: Callable[[], Awaitable[T]], what: str, seconds: float = 60) -> T:
    """Wait for something true, and fail with its name if it does not come."""
    last: T | None = None
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while not (last := await found()):
                await asyncio.sleep(0.03)
            return last
    pytest.fail(f"waited {seconds:g} s in vain for {what}; last seen: {last!r}")
