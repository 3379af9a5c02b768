"""The nightly backup, which here runs every minute and tells Deskwatch how it went."""

import asyncio
from contextlib import suppress

from aiohttp import ClientError, ClientSession, ClientTimeout

from monitor.demo.peers.peer import WELL, Peer

PERIOD = 60.0
"""Seconds from one run to the next."""
_PATIENCE = 2.0
_AGAIN = 0.5  # seconds until what was not heard is said again: at the start, nobody listens yet


class Backup(Peer):
    """A job that pings the board at an address and a port. Mood fails: it says that it failed."""

    def __init__(self, address: str, port: int, key: str) -> None:
        super().__init__(address)
        self.port = port
        self._key = key
        self._turned = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to run."""
        self._task = asyncio.create_task(self._run(), name="nightly backup")

    async def behave(self, mood: str) -> None:
        """Run at once, and end like that from now on."""
        await super().behave(mood)
        self._turned.set()

    async def stop(self) -> None:
        """End, whatever it is doing."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        async with ClientSession(timeout=ClientTimeout(_PATIENCE)) as session:
            while True:
                self._turned.clear()
                heard = await self._ping(session)
                with suppress(TimeoutError):
                    async with asyncio.timeout(PERIOD if heard else _AGAIN):
                        await self._turned.wait()

    async def _ping(self, session: ClientSession) -> bool:
        """Say how it went; whether somebody heard."""
        end = "" if self.mood == WELL else "/fail"
        try:
            async with session.post(f"http://{self.address}:{self.port}/ping/{self._key}{end}") as response:
                return response.ok
        except (ClientError, TimeoutError):
            return False
