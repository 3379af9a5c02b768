"""Asks a device what it need not know, and goes on without it when it stays silent."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

_REST = 3600.0  # seconds until a device that was silent about something is asked for it again

Silences = dict[str, float]
"""The questions that a device was silent about, and until when of the monotonic clock they rest."""


class Patience:
    """How long one run waits for answers that it can do without: a quarter of its `timeout` for each, half for all.

    After one silence nothing more is asked over this connection, because the answer might still come and be taken for
    that to another question. `silences` remembers from run to run which questions those were.
    """

    def __init__(self, timeout: float, silences: Silences) -> None:
        self._each = timeout / 4
        self._until = time.monotonic() + timeout / 2
        self._silences = silences
        self._over = False

    async def ask(self, name: str, question: Callable[[], Awaitable[T]], pause: float = 0) -> T | None:
        """The answer to a question that is asked in `pause` seconds; None if there is none, or no time for it.

        Raises what the question raises about a strange answer.
        """
        now = time.monotonic()
        if self._over or now < self._silences.get(name, 0) or now + pause > self._until:
            return None
        await asyncio.sleep(pause)
        try:
            async with asyncio.timeout(self._each):
                return await question()
        except (TimeoutError, EOFError, ConnectionError):  # some hang up on what they do not know
            self._silences[name] = time.monotonic() + _REST
            self._over = True
            return None
